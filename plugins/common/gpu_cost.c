/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a kernel asks of the device: grid, threads, local memory, and an
 * estimate of the registers.  The emitters take their extents from here, so
 * what is judged is what is launched.
 */
#include "gpu.h"

#define OTHER 28 /* registers for addresses and the like */

int
gpu_per_word(int dtype)
{
  return dtype == CHANAS_I8 ? 4
         : dtype == CHANAS_BF16 || dtype == CHANAS_F16 ? 2 : 1;
}

int
gpu_vec(int channels, int most)
{
  return most >= 4 && channels % 4 == 0 ? 4
         : most >= 2 && channels % 2 == 0 ? 2 : 1;
}

struct gpu_patch
gpu_window_patch(const struct gpu_node *n, int rows, int columns)
{
  return (struct gpu_patch){ (rows - 1) * n->stride + n->k,
                             (columns - 1) * n->stride + n->k };
}

static double
bytes_of(const struct gpu_plan *p, int tensor)
{
  return tensor < 0 ? 0 : 4.0 * (double)p->tensor[tensor].floats;
}

/* ---- products of matrices ---- */

static long
dense_threads(const struct gpu_plan *p, const struct gpu_node *n)
{
  const struct gpu_schedule *s = p->schedule;
  const struct gpu_tile *t = &s->tile[n->class];

  return n->mma ? 32 * (s->warps / 10) * (s->warps % 10)
                : (long)t->bm * t->bn / (t->tm * t->tn);
}

struct gpu_fetch
gpu_dense_fetch(const struct gpu_plan *p, const struct gpu_node *n)
{
  const struct gpu_schedule *s = p->schedule;
  const struct gpu_tile *t = &s->tile[n->class];
  int threads = (int)dense_threads(p, n), per = 1, group = s->vec;

  group = gpu_vec(n->cin, s->vec);
  if (n->mma) {
    per = gpu_per_word(p->workload->dtype);
    group = group > per ? group : per;
  }
  return (struct gpu_fetch){
    gpu_up(t->bm * s->slice * per / group, threads) * group,
    s->copy ? 0 : gpu_up(t->bn * s->slice / s->vec, threads) * s->vec,
  };
}

struct gpu_stages
gpu_dense_stages(const struct gpu_plan *p, const struct gpu_node *n)
{
  const struct gpu_schedule *s = p->schedule;
  const struct gpu_tile *t = &s->tile[n->class];
  long pixels = s->stage < 2 ? s->stage : 2, words;

  words = n->mma ? s->slice + 4 : s->slice; /* of a row; with tensor cores */
  return (struct gpu_stages){
    4 * pixels * words * (n->mma ? t->bm : t->bm + 4),
    4L * s->stage * words * t->bn,
    s->copy == GPU_COPY_BULK ? 16L * gpu_up(s->stage, 2) : 0,
  };
}

static void
dense_memory(const struct gpu_plan *p, const struct gpu_node *n,
             struct gpu_cost *c)
{
  const struct gpu_schedule *s = p->schedule;
  const struct gpu_tile *t = &s->tile[n->class];
  struct gpu_fetch f = gpu_dense_fetch(p, n);
  struct gpu_stages stages = gpu_dense_stages(p, n);

  c->local = stages.a + stages.b + stages.barriers;
  if (n->mma) {
    int rows = t->bm / (s->warps / 10), columns = t->bn / (s->warps % 10);
    c->registers = rows * columns / 32 + rows / 4 + columns / 4 + OTHER;
  } else {
    c->registers = t->tm * t->tn + t->tm + t->tn + OTHER;
  }
  if (s->stage)
    c->registers += f.a + f.b;
  else
    c->registers += 2 * t->tm;
}

static struct gpu_cost
dense_cost(const struct gpu_plan *p, const struct gpu_node *n)
{
  const struct gpu_schedule *s = p->schedule;
  const struct gpu_tile *t = &s->tile[n->class];
  struct gpu_extent e = gpu_extent(p, n);
  long tiles = gpu_up(e.m, t->bm), groups = gpu_up(e.n, t->bn);
  struct gpu_cost c = { .threads = dense_threads(p, n),
                        .cluster = s->cluster };

  dense_memory(p, n, &c);
  tiles = (long)gpu_up((int)tiles, s->cluster) * s->cluster;
  c.grid[0] = s->bind ? groups : tiles;
  c.grid[1] = s->bind ? tiles : groups;
  c.grid[2] = n->split;
  c.flops = 2.0 * e.m * e.n * e.k;
  c.waste = (double)tiles * t->bm * (double)groups * t->bn
            / ((double)e.m * e.n);
  c.loads = 1.0 / t->bm + 1.0 / t->bn;
  c.bytes = 4.0 * ((double)e.m * n->cin * (double)groups
                   + (double)e.k * e.n * (double)tiles)
            + bytes_of(p, n->dst) + 2 * bytes_of(p, n->partial);
  return c;
}

/* ---- the other nodes ---- */

static struct gpu_cost
window_cost(const struct gpu_plan *p, const struct gpu_node *n)
{
  const struct gpu_schedule *s = p->schedule;
  int columns = s->window_columns * s->window_each;
  int vec = gpu_vec(n->cin, s->window_vec), channels = s->window_lanes * vec;
  struct gpu_patch patch = gpu_window_patch(n, s->window_rows, columns);
  double area = (double)patch.rows * patch.columns;
  struct gpu_cost c = { 0 };

  c.threads = (long)s->window_lanes * s->window_rows * s->window_columns;
  c.grid[0] = (long)gpu_up(n->ow, columns) * gpu_up(n->oh, s->window_rows);
  c.grid[1] = gpu_up(n->cin, channels);
  c.grid[2] = p->workload->batch;
  c.local = s->window_stage ? 4L * patch.rows * patch.columns * channels : 0;
  c.registers = (s->window_each + 2) * vec + OTHER;
  c.flops = 2.0 * (double)p->tensor[n->dst].floats * n->k * n->k;
  c.waste = (double)c.grid[0] * columns * s->window_rows * (double)c.grid[1]
            * channels / ((double)n->oh * n->ow * n->cin);
  c.loads = area / ((double)columns * s->window_rows * n->k * n->k);
  c.bytes = bytes_of(p, n->src) * area
            / ((double)columns * s->window_rows * n->stride * n->stride)
            + bytes_of(p, n->dst);
  return c;
}

static struct gpu_cost
plain_cost(const struct gpu_plan *p, const struct gpu_node *n)
{
  const struct gpu_schedule *s = p->schedule;
  struct gpu_cost c = { .grid = { 1, 1, 1 }, .threads = s->threads,
                        .registers = OTHER, .waste = 1, .loads = 1 };
  double floats = (double)p->workload->batch * n->h * n->w * n->cin;

  c.bytes = bytes_of(p, n->src) + bytes_of(p, n->dst);
  c.flops = floats;
  if (n->kind == GPU_POINT) {
    int vec = gpu_vec(n->cin, s->vec);
    c.grid[0] = ((long)floats / vec + s->threads - 1) / s->threads;
  } else {
    c.grid[0] = gpu_up(n->cout, GPU_LANES);
    c.grid[1] = p->workload->batch;
    c.local = 4L * s->threads;
    c.waste = (double)c.grid[0] * GPU_LANES / n->cout;
  }
  if (n->kind == GPU_VECTOR) {
    c.flops = 2 * floats * n->cout;
    c.bytes += 4.0 * n->cin * n->cout * p->workload->batch;
  }
  return c;
}

struct gpu_cost
gpu_node_cost(const struct gpu_plan *p, const struct gpu_node *n)
{
  switch (n->kind) {
  case GPU_DENSE: return dense_cost(p, n);
  case GPU_WINDOW: return window_cost(p, n);
  default: return plain_cost(p, n);
  }
}

/* ---- chains ---- */

int
gpu_chain_slots(const struct gpu_plan *p, const struct gpu_phase *c)
{
  const struct gpu_schedule *s = p->schedule;
  int squares = gpu_up(s->rows * s->columns, GPU_SQUARE)
                * gpu_up(p->node[c->project].cout, GPU_SQUARE);

  return gpu_up(squares, s->threads);
}

/* Arrays in local memory begin at multiples of four floats. */
static long
quads(long floats)
{
  return (floats + 3) / 4 * 4;
}

struct gpu_cost
gpu_chain_cost(const struct gpu_plan *p, const struct gpu_phase *phase)
{
  const struct gpu_schedule *s = p->schedule;
  const struct gpu_node *dw = &p->node[phase->dw];
  const struct gpu_node *first =
    phase->expand >= 0 ? &p->node[phase->expand] : dw;
  struct gpu_patch patch = gpu_window_patch(dw, s->rows, s->columns);
  double area = (double)patch.rows * patch.columns;
  double pixels = (double)dw->oh * dw->ow * p->workload->batch;
  struct gpu_cost c = { .threads = s->threads };
  long floats = quads(patch.rows * patch.columns * (long)s->chunk);

  c.grid[0] = (long)gpu_up(dw->oh, s->rows) * gpu_up(dw->ow, s->columns);
  c.grid[1] = phase->project >= 0 ? 1 : gpu_up(dw->cin, s->chunk);
  c.grid[2] = p->workload->batch;
  c.registers = GPU_SQUARE * GPU_SQUARE + 2 * GPU_SQUARE + OTHER;
  c.waste = (double)c.grid[0] * s->rows * s->columns
            / ((double)dw->oh * dw->ow);
  c.flops = 2 * pixels * dw->cin * dw->k * dw->k;
  if (phase->expand >= 0) {
    c.flops += 2.0 * p->workload->batch * first->h * first->w
               * (double)first->cin * first->cout;
    if (s->stage)
      floats += quads(patch.rows * patch.columns * (long)first->cin);
  }
  if (phase->project >= 0) {
    const struct gpu_node *last = &p->node[phase->project];
    floats += quads(s->rows * s->columns * (long)(s->chunk + 1));
    c.registers += GPU_SQUARE * GPU_SQUARE * gpu_chain_slots(p, phase);
    c.flops += 2 * pixels * last->cin * last->cout;
    c.bytes = bytes_of(p, last->dst);
  } else
    c.bytes = bytes_of(p, dw->dst);
  c.local = 4 * floats;
  c.loads = area / ((double)s->rows * s->columns * dw->stride * dw->stride);
  c.bytes += bytes_of(p, first->src) * c.loads * (double)c.grid[1]
             + 4.0 * (double)p->packed * (double)c.grid[0]
                 * p->workload->batch;
  return c;
}

struct gpu_cost
gpu_phase_cost(const struct gpu_plan *p, const struct gpu_phase *phase)
{
  return phase->dw >= 0 ? gpu_chain_cost(p, phase)
                        : gpu_node_cost(p, &p->node[phase->node]);
}
