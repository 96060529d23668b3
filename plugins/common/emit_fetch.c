/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What 1 x 1 convolutions fetch ahead, a few lines in each turn of the loop
 * over input channels: weights, or the input of the next tile of a chain.  The
 * micro-kernels take a pointer f to it.
 */
#include "emit.h"

#define LINE 16    /* floats of a cache line */
#define AHEAD 2048 /* floats; more than a page of 4 KiB */
#define FEW 8      /* pixels: weights are read faster than used */

/* Turns of the loop over input channels of a 1 x 1 convolution. */
static int
turns(const struct emitter *e, const struct node *n)
{
  int unroll = e->plan->schedule->unroll, vec = e->plan->vec;

  if (n->per)
    return node_steps(e->plan, n);
  if (e->plan->tensor[n->src].blocked)
    return n->cin / vec * (vec / unroll) + n->cin % vec / unroll;
  return n->cin / unroll;
}

/* Weights of the next group of channels are fetched while the tiles of this
 * one are computed; packed weights lie one after another, so behind the last
 * group begins what comes next in the block, and mostly in the network.  The
 * project of a chain fetches what the next tile will read.  The channels must
 * be enough for one turn of the loop that does it. */
int
emit_prefetches(const struct emitter *e, const struct node *n)
{
  const struct schedule *s = e->plan->schedule;

  if (!s->prefetch || n->scaled >= 0 || turns(e, n) == 0)
    return 0;
  return n->ahead || (n->k == 1 && (!n->chained || n->slices)
                      && !emit_pixels_outer(e, n));
}

/* Of all that the next tile will read, in all turns of all blocks. */
static int
lines_ahead(const struct emitter *e, const struct node *n)
{
  int pixels = e->plan->schedule->rows * n->ow;
  int blocks = parts_of(pixels, n->block.mr).count
               * parts_of(div_up(n->cout, e->plan->vec), n->block.nv).count;

  return div_up(div_up((int)n->ahead, LINE), blocks * turns(e, n));
}

long
emit_ahead(const struct emitter *e, const struct node *n)
{
  return (long)LINE * lines_ahead(e, n) * turns(e, n);
}

/* Tiles of a group of channels that are computed one after the other. */
static int
units(const struct emitter *e, const struct node *n)
{
  struct pixel_runs runs = plan_runs(e->plan, n);

  if (n->units)
    return n->units;
  return runs.runs * parts_of(runs.length, n->block.mr).count;
}

int
emit_prefetch_lines(const struct emitter *e, const struct node *n, int nv)
{
  int turn = e->plan->schedule->unroll * nv * e->plan->vec / LINE;

  if (!emit_prefetches(e, n))
    return 0;
  if (n->ahead)
    return lines_ahead(e, n);
  if (n->per)
    turn = e->plan->vec * e->plan->vec * nv / LINE;
  return div_up(turn ? turn : 1, units(e, n));
}

/* How a node's tiles share the fetching, in parts of so many floats: `used`
 * tiles fetch the next panel, the others `later` floats behind the node's own
 * weights (0: they have nothing to fetch). */
struct fetch { long part, panel, later; int used, rest; };

static long
weights_end(const struct plan *plan, const struct node *n)
{
  return (long)(n->packed + node_panel(plan, n)
                            * (size_t)div_up(n->cout, plan->vec));
}

/* Nodes of few pixels have nothing to compute while they wait for weights:
 * all of theirs that follow. */
static long
find_later(const struct plan *plan, const struct node *n)
{
  const struct node *m;
  long later = 0;

  for (m = n + 1; m < plan->node + plan->nodes; m++)
    if (m->kind == NODE_CONV && m->weights >= 0) {
      if (plan->batch * m->oh * m->ow > FEW)
        break;
      later = weights_end(plan, m) - weights_end(plan, n);
    }
  return later;
}

static struct fetch
fetch_of(const struct emitter *e, const struct node *n)
{
  const struct plan *plan = e->plan;
  int tiles = units(e, n);
  struct parts g = parts_of(div_up(n->cout, plan->vec), n->block.nv);
  struct fetch f = { .panel = g.size * (long)node_panel(plan, n) };

  f.part = (long)LINE * turns(e, n) * emit_prefetch_lines(e, n, g.size);
  f.used = f.part ? (int)((f.panel + f.part - 1) / f.part) : tiles;
  f.rest = tiles > 1 && f.used < tiles ? tiles - f.used : 0;
  if (f.rest && !n->slices)
    f.later = find_later(plan, n);
  return f;
}

int
emit_counts_units(const struct emitter *e, const struct node *n)
{
  return emit_prefetches(e, n) && !n->ahead
         && (units(e, n) > 1 || fetch_of(e, n).later);
}

int
emit_fetches_later(const struct emitter *e, const struct node *n)
{
  return emit_prefetches(e, n) && !n->ahead && fetch_of(e, n).later > 0;
}

void
emit_fetch_later(struct emitter *e, const struct node *n)
{
  struct fetch f = fetch_of(e, n);
  int groups = parts_of(div_up(n->cout, e->plan->vec), n->block.nv).count;
  long reach = f.part * f.rest * groups;

  if (emit_fetches_later(e, n))
    PRINT(e, "  const float *later = wp + %ld + %ld * t / nt;\n",
          weights_end(e->plan, n) - (long)n->packed,
          f.later > reach ? f.later - reach : 0);
}

/* Tiles that have nothing to fetch fetch what is there already; a single tile
 * fetches its own weights. */
void
emit_fetch_start(struct emitter *e, const struct node *n)
{
  struct fetch f = fetch_of(e, n);

  if (units(e, n) == 1)
    PRINT(e, "  const float *f = w + %d;\n", AHEAD);
  else
    PRINT(e, "  const float *f = w + (u * %ld < %ld ? %ld + u * %ld : 0);\n",
          f.part, f.panel, f.panel, f.part);
  if (f.later)
    PRINT(e, "  const long at = (g * %d + u - %d) * %ld;\n"
          "  if (u >= %d && at < %ld)\n    f = later + at;\n", f.rest, f.used,
          f.part, f.used, f.later);
}
