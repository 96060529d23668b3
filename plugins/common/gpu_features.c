/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers for the cost model: a roofline's operations and bytes, the waste of
 * tiles that reach over the edge, how full the multiprocessors are and for
 * how many waves, reuse in a tile, and the choices themselves.
 */
#include <math.h>
#include "gpu.h"

struct sums {
  double flops, issued, bytes, loads, waves, tail, launches;
  double occupancy, least, local, registers, chained, split;
};

static double
log2p(double x)
{
  return log2(1 + x);
}

/* Blocks that a multiprocessor holds at a time, by what is described. */
static double
resident(const struct gpu_device *d, const struct gpu_cost *c)
{
  double by_local = c->local ? (double)d->local / (double)c->local : 32;
  double by_threads = 2.0 * d->group / (double)c->threads;
  double by_registers =
    d->registers ? (double)d->registers / (double)(c->registers * c->threads)
                 : 32;

  return fmax(1, floor(fmin(fmin(by_local, by_threads),
                            fmin(by_registers, 32))));
}

static void
phase(struct sums *s, const struct gpu_plan *p, const struct gpu_phase *at)
{
  const struct gpu_device *d = p->device;
  struct gpu_cost c = gpu_phase_cost(p, at);
  double blocks = (double)c.grid[0] * (double)c.grid[1] * (double)c.grid[2];
  double held = resident(d, &c), waves = blocks / (held * d->units);

  s->flops += c.flops;
  s->issued += c.flops * c.waste;
  s->bytes += c.bytes;
  s->loads += c.loads * c.flops;
  s->waves += waves;
  s->tail += ceil(waves) - waves;
  s->launches += 1;
  s->occupancy += held * (double)c.threads / (2.0 * d->group);
  if (s->least == 0 || blocks < s->least)
    s->least = blocks;
  s->local = fmax(s->local, (double)c.local);
  s->registers = fmax(s->registers, (double)c.registers);
  s->chained += at->dw >= 0;
  if (at->dw < 0 && p->node[at->node].split > 1) {
    s->launches += 1;
    s->split += 1;
  }
}

int
gpu_features(void *self, const struct chanas_workload *w,
             struct chanas_point at, double *out, size_t max)
{
  const struct gpu *g = self;
  struct gpu_schedule c;
  struct gpu_plan p;
  struct sums s = { 0 };
  size_t i;
  int k;

  if (gpu_schedule(g, w, at, &c) || gpu_plan_make(&p, w, &c, &g->device))
    return -1;
  for (k = 0; k < p.phases; k++)
    phase(&s, &p, &p.phase[k]);
  const struct gpu_tile *t = &c.tile[0];
  const double list[] = {
    log2p(w->flops), log2p(w->bytes), log2p((double)w->weights),
    log2p(s.issued), s.flops > 0 ? s.issued / s.flops - 1 : 0,
    log2p(s.bytes), s.flops > 0 ? s.loads / s.flops : 0, log2p(s.waves),
    s.tail, s.launches, s.occupancy / s.launches, log2p(s.least),
    log2p(s.local), s.registers, s.chained, s.split,
    c.fuse == GPU_FUSE_PROJECT, c.fuse ? log2(c.rows * c.columns) : 0,
    log2(c.chunk), c.fold, c.scale, log2(t->bm), log2(t->bn),
    log2(t->tm * t->tn), log2(c.slice), c.stage, c.vthread, log2(c.vec),
    log2(c.unroll), log2(c.split), c.bind, c.warps > 0, c.vector,
    log2(c.window_rows * c.window_columns), log2(c.window_lanes),
    log2(c.window_each), log2(c.window_vec), c.window_stage,
    log2(c.threads), (double)p.scratch > 0 ? log2((double)p.scratch) : 0,
    c.copy, log2(c.cluster),
  };
  for (i = 0; i < sizeof list / sizeof *list && i < max; i++)
    out[i] = list[i];
  return (int)i;
}
