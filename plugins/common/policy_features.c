/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers for the cost model: what a roofline needs (operations with their
 * waste, loads, bytes), how the working set relates to the caches, how even
 * the threads' shares are, and the choices themselves.
 */
#include <math.h>
#include "blocks.h"
#include "policy.h"

struct sums {
  double useful, issued, cycles; /* vector multiply-adds; estimated cycles */
  double loads;                  /* vector loads of the dense nests */
  double moved, widest;          /* bytes through the nests; of one phase */
  double panel;                  /* bytes of the largest weight panel */
  double tiles, least;           /* tiles; fewest accumulators of a block */
  double imbalance;              /* worst share over the mean one, minus 1 */
};

static double
log2p(double x)
{
  return log2(1 + x);
}

static double
tensor_bytes(const struct plan *p, int t)
{
  const struct tensor *x = &p->tensor[t];

  return t < 0 ? 0 : 4.0 * p->batch * (x->copies ? x->copies : 1) * x->c * x->h
                     * x->w;
}

static void
imbalance(struct sums *s, const struct plan *p, double units)
{
  double each = units / p->threads, worst = ceil(each) / each - 1;

  if (worst > s->imbalance)
    s->imbalance = worst;
}

/* Tiles multiply in 16 cycles and take three more for each row of sums. */
static double
tiles_cost(const struct plan *p, const struct node *n, double blocks)
{
  double each = div_up(n->block.mr, 16) * n->block.nv;

  return blocks * each * (16.0 * n->k * node_steps(p, n) + 48);
}

/* Winograd's form: 16 products of all tiles, and what is around them, some 40
 * instructions a vector of inputs and of outputs. */
static void
winograd(struct sums *s, const struct plan *p, const struct node *n)
{
  int strips = p->batch * (n->oh / 2 / n->winograd);
  struct shape shape = { 16 * strips, n->winograd * (n->ow / 2),
                         div_up(n->cout, p->vec), n->cin, 1, 0 };
  double tiles = (double)strips * shape.length;
  double macs = 16 * tiles * shape.vectors * shape.steps;
  double panel = 4.0 * n->block.nv * (double)node_panel(p, n);

  s->useful += macs * n->cout / (shape.vectors * p->vec);
  s->issued += macs;
  s->cycles += blocks_cost(shape, n->block.mr, n->block.nv) +
               20 * tiles * (div_up(n->cin, p->vec) + shape.vectors);
  s->loads += macs * (1.0 / n->block.mr + 1.0 / n->block.nv);
  s->tiles += shape.runs;
  if (panel > s->panel)
    s->panel = panel;
  imbalance(s, p, strips);
}

static void
dense(struct sums *s, const struct plan *p, const struct node *n)
{
  struct pixel_runs runs = plan_runs(p, n);
  struct shape shape = { runs.runs, runs.length, div_up(n->cout, p->vec),
                         n->cin * n->k * n->k, 1, 0 };
  int groups = parts_of(shape.vectors, n->block.nv).count;
  int tiles = runs.runs * parts_of(runs.length, n->block.mr).count;
  double macs = (double)runs.runs * runs.length * shape.vectors * shape.steps;
  double accumulators = parts_of(runs.length, n->block.mr).size
                        * parts_of(shape.vectors, n->block.nv).size;
  double panel = 4.0 * n->block.nv * (double)node_panel(p, n);

  s->useful += macs * n->cout / (shape.vectors * p->vec);
  s->issued += macs;
  if (n->per && !p->schedule->dot)
    s->cycles += tiles_cost(p, n, (double)tiles * groups);
  else if (n->per)
    s->cycles += blocks_cost((struct shape){ shape.runs, shape.length,
                               shape.vectors, div_up(shape.steps, n->per),
                               1, 0 },
                             n->block.mr, n->block.nv);
  else
    s->cycles += blocks_cost(shape, n->block.mr, n->block.nv);
  s->loads += macs * (1.0 / n->block.mr + 1.0 / n->block.nv);
  s->tiles += (double)tiles * groups;
  if (panel > s->panel)
    s->panel = panel;
  if (s->least == 0 || accumulators < s->least)
    s->least = accumulators;
  if (!n->chained)
    imbalance(s, p, p->schedule->split != SPLIT_PIXELS ? groups : tiles);
}

static void
depthwise(struct sums *s, const struct plan *p, const struct node *n)
{
  int width = n->half ? 2 * p->vec : p->vec;
  double vectors = div_up(n->cout, width);
  double pixels = (double)p->batch * n->oh * n->ow;
  double macs = pixels * vectors * n->k * n->k;
  struct parts c = parts_of(n->ow, p->schedule->columns);
  double loads = macs / n->k * ((c.size - 1) * n->stride + n->k) / c.size
                 / n->k + macs / c.size;

  s->useful += macs * n->cout / (vectors * width);
  s->issued += macs;
  s->cycles += fmax(macs, loads) / 2 + vectors * p->batch * n->oh * 10;
  s->loads += loads;
  if (!n->chained)
    imbalance(s, p, p->schedule->split != SPLIT_PIXELS
                      ? vectors : (double)p->batch * n->oh);
}

static void
node(struct sums *s, const struct plan *p, const struct node *n)
{
  double bytes = 0;

  if (n->winograd)
    winograd(s, p, n);
  else if (n->kind == NODE_CONV)
    dense(s, p, n);
  else if (n->kind == NODE_DW)
    depthwise(s, p, n);
  if (p->tensor[n->src].place != PLACE_RING)
    bytes += tensor_bytes(p, n->src);
  if (p->tensor[n->dst].place != PLACE_RING)
    bytes += tensor_bytes(p, n->dst);
  if (n->weights >= 0)
    bytes += 4.0 * (double)node_panel(p, n) * div_up(n->cout, p->vec);
  s->moved += bytes;
  if (bytes > s->widest)
    s->widest = bytes;
}

/* So many times the plan's images. */
static void
repeat(struct sums *s, double turns)
{
  s->useful *= turns;
  s->issued *= turns;
  s->cycles *= turns;
  s->loads *= turns;
  s->moved *= turns;
  s->tiles *= turns;
}

struct cost
policy_cost(const struct plan *p, const struct node *n)
{
  struct sums s = { 0 };

  node(&s, p, n);
  return (struct cost){ s.cycles, s.moved };
}

int
policy_features(void *self, const struct chanas_workload *w,
                struct chanas_point point, double *out, size_t max)
{
  const struct target *x = self;
  struct schedule c;
  struct sums s = { 0 };
  struct plan p;
  size_t i;
  int k;

  if (policy_schedule(x, w, point, &c) || plan_make(&p, w, &c))
    return -1;
  for (k = 0; k < p.nodes; k++)
    for (i = 0; i == 0 || i < (size_t)p.node[k].slices; i++)
      node(&s, &p, &p.node[k]);
  repeat(&s, p.turns);
  const double list[] = {
    log2p(w->flops), log2p(w->bytes), log2p((double)w->weights),
    log2p(s.issued), s.useful > 0 ? s.issued / s.useful - 1 : 0,
    log2p(s.cycles), log2p(s.moved), log2p(s.loads),
    s.issued > 0 ? s.loads / s.issued : 0, log2p(s.tiles), s.least,
    log2p(s.widest / (double)x->l2), log2p(s.panel / (double)x->l1),
    log2p(4.0 * (double)p.share / (double)x->l2),
    log2p(4.0 * (double)p.scratch / (double)x->l2), p.phases, p.threads,
    s.imbalance, c.fuse == FUSE_DEPTHWISE, c.fuse == FUSE_PROJECT,
    c.fuse ? log2(c.rows) : 0, c.blocked, c.fold, c.scale, log2(c.unroll),
    c.lanes, c.prefetch, c.order, c.split, c.columns, c.vec,
    c.winograd ? 1 + log2(c.winograd) : 0, c.chunk != 0, c.halves,
    log2(p.turns),
  };
  for (i = 0; i < sizeof list / sizeof *list && i < max; i++)
    out[i] = list[i];
  return (int)i;
}
