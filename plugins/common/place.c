/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plan, second half: which tensors need a halo or a copy of x, how each one
 * is laid out.
 */
#include "place.h"
#include "kernel.h"
#include "narrow.h"

#define LINE (KERNEL_ALIGN / sizeof(float))
#define BEHIND 96 /* pixels that tiles may reach behind a narrow tensor */
#define FLAT 1024 /* pixels of which a table says where they go, at most */
#define OPEN_TILES 4 /* of a row, at least, where its ends are copied */

/* Does the node read whole vectors of channels around its pixels? */
static int
wants_vectors(const struct node *n)
{
  return n->kind == NODE_DW || n->kind == NODE_POOL || n->winograd;
}

/* Can the node read x as it is?  Dense ones copy what is at a border, tile by
 * tile, in rows like those of x: that should be few tiles, none wider. */
static int
is_open(const struct node *n)
{
  struct parts tiles;

  if (n->src != 0 || n->pad >= n->k)
    return 0;
  if (n->kind == NODE_DW)
    return 1;
  tiles = parts_of(n->ow, n->block.mr);
  return n->kind == NODE_CONV && n->per == 0 && n->winograd == 0 && n->k > 1
         && n->pad > 0 && tiles.count >= OPEN_TILES
         && (tiles.size - 1) * n->stride + n->k <= n->w;
}

static int
wants_copy(const struct plan *plan, const struct node *n)
{
  if (n->src != 0 || n->open || (n->chained && n->kind == NODE_DW))
    return 0;
  if (n->kind == NODE_CONV && !n->winograd)
    return n->per || n->pad > 0;
  return wants_vectors(n) && (n->pad > 0 || n->cin % plan->vec != 0);
}

/* One copy of x with a halo serves every nest that needs one, another one
 * those that run on tiles. */
static void
copy_input(struct plan *plan, int per)
{
  const struct tensor x = plan->tensor[0];
  struct node *copy = &plan->node[plan->nodes];
  int i, t = plan->tensors, halo = 0, needed = 0, exact = per == 0;
  long range = 0;

  for (i = 0; i < plan->nodes; i++) {
    struct node *n = &plan->node[i];
    if (!wants_copy(plan, n) || n->per != per)
      continue;
    needed = 1;
    range = n->range;
    exact &= !wants_vectors(n);
    halo = n->pad > halo ? n->pad : halo;
    n->src = t;
  }
  if (!needed)
    return;
  plan->tensor[t] = (struct tensor){ .c = x.c, .h = x.h, .w = x.w,
                                     .halo = halo, .exact = exact,
                                     .per = per, .range = range };
  *copy = (struct node){ .kind = NODE_POINT, .src = 0, .src2 = -1, .dst = t,
                         .cin = x.c, .cout = x.c, .h = x.h, .w = x.w,
                         .oh = x.h, .ow = x.w, .k = 1, .stride = 1,
                         .weights = -1, .bias = -1, .block = { 1, 1 },
                         .scaled = -1, .conv = -1, .spare = -1 };
  for (i = plan->phases++; i > 0; i--)
    plan->phase[i] = plan->phase[i - 1];
  plan->phase[0] = lone_phase(plan->nodes);
  plan->nodes++;
  plan->tensors++;
}

static void
halos(struct plan *plan)
{
  int i;

  for (i = 0; i < plan->nodes; i++) {
    const struct node *n = &plan->node[i];
    struct tensor *t = &plan->tensor[n->src];
    if (n->src != 0 && n->pad > t->halo)
      t->halo = n->pad;
  }
}

int
chain_ring_rows(const struct plan *plan, const struct phase *p)
{
  const struct node *dw = &plan->node[p->dw];

  return (plan->schedule->rows - 1) * dw->stride + dw->k;
}

/* Planes whose distance is a multiple of many pixels would meet in the same
 * few sets of a cache: keep them an odd number apart. */
static long
spread(long plane, long pix)
{
  return plane / pix % 8 ? plane : plane + pix;
}

static void
narrow_strides(const struct plan *plan, struct tensor *t, int rows)
{
  t->blocked = 0;
  t->vec = plan->vec / t->per;
  t->pix = narrow_elements(plan, t) / t->per;
  t->row = (t->w + 2 * t->halo) * t->pix;
  t->img = rows * t->row;
}

static int
is_flat(const struct plan *plan, const struct node *n)
{
  const struct tensor *src = &plan->tensor[n->src];
  const struct tensor *dst = &plan->tensor[n->dst];

  return n->kind == NODE_CONV && !n->chained && n->slices == 0
         && n->k == 1 && n->stride == 1 && n->pad == 0 && n->adds == 0
         && !n->accumulate && src->halo == 0 && dst->halo > 0 && !dst->exact
         && n->oh * n->ow <= FLAT
         && row_is_short(n->ow, n->per && !plan->schedule->dot);
}

/* Floats behind the last pixel. */
static size_t
behind(const struct tensor *t)
{
  return t->per ? BEHIND * (size_t)t->pix + LINE : LINE;
}

static int
planes(const struct plan *plan, const struct tensor *t)
{
  int vectors = div_up(t->c, plan->vec);

  return t->half ? div_up(vectors, 2) : vectors;
}

/* Does a plane hold all images, whose pixels are then one run? */
static int
is_together(const struct plan *plan, const struct tensor *t)
{
  return t->blocked && t->place != PLACE_RING && t->halo == 0
         && t->copies == 0 && plan->batch > 1;
}

/* Floats of all images, of all copies. */
static size_t
extent(const struct plan *plan, const struct tensor *t)
{
  if (is_together(plan, t))
    return (size_t)(tensor_plane(t) * planes(plan, t));
  return (size_t)(plan->batch * (t->copies ? t->copies : 1)) * (size_t)t->img;
}

static void
strides(const struct plan *plan, struct tensor *t, int rows)
{
  int vectors = div_up(t->c, plan->vec);
  long width = t->w + 2 * t->halo;

  if (t->per) {
    narrow_strides(plan, t, rows);
    return;
  }
  t->blocked = t->half || (plan->schedule->blocked && !t->exact);
  t->vec = plan->vec;
  t->pix = t->exact ? t->c : t->blocked ? plan->vec : vectors * plan->vec;
  t->row = width * t->pix;
  t->img = rows * t->row;
  if (!t->blocked)
    return;
  if (is_together(plan, t)) {
    t->vec = spread(plan->batch * t->img, t->pix);
  } else {
    t->vec = spread(t->img, t->pix);
    t->img = t->vec * planes(plan, t);
  }
  if (t->half)
    t->vec /= 2;
}

static void
layout(struct plan *plan)
{
  int i;

  for (i = 0; i < plan->tensors; i++) {
    struct tensor *t = &plan->tensor[i];
    if (t->place == PLACE_X || t->place == PLACE_Y)
      t->exact = 1;
    if (t->place == PLACE_RING)
      continue;
    strides(plan, t, t->h + 2 * t->halo);
    t->origin = t->halo * (t->row + t->pix);
    t->size = round_up(extent(plan, t) + behind(t), LINE);
  }
  for (i = 0; i < plan->nodes; i++) {
    const struct node *n = &plan->node[i];
    if (n->scaled >= 0)
      plan->tensor[n->scaled].size =
        round_up(node_panel(plan, n) * (size_t)div_up(n->cout, plan->vec),
                 LINE);
  }
}

static void
ring_rows(struct plan *plan, const struct phase *p)
{
  const struct node *dw = &plan->node[p->dw];
  struct tensor *t = &plan->tensor[dw->src];

  if (p->expand < 0) { /* rows of x are copied: a tensor of its own */
    struct tensor *own = &plan->tensor[plan->tensors];
    *own = (struct tensor){ .c = t->c, .h = t->h, .w = t->w };
    plan->node[p->dw].src = plan->tensors++;
    t = own;
  }
  t->place = PLACE_RING;
  t->halo = dw->pad;
  t->rows = chain_ring_rows(plan, p);
  strides(plan, t, t->rows);
  t->origin = t->halo * t->pix;
  t->offset = 0;
  t->size = round_up((size_t)t->img + LINE, LINE);
}

static long
rows_ahead(const struct plan *plan, const struct phase *p)
{
  const struct node *dw = &plan->node[p->dw];
  const struct node *first = p->expand >= 0 ? &plan->node[p->expand] : dw;
  const struct tensor *x = &plan->tensor[0];
  long row = (long)x->w * x->c;

  if (first->src != 0 || !plan->schedule->prefetch
      || plan->batch * x->h * row < PLAN_FAR)
    return 0;
  if (p->expand >= 0)
    row *= first->stride;
  return plan->schedule->rows * dw->stride * row;
}

/* What an open node needs of a thread's share, behind what is used already. */
static size_t
spare(struct plan *plan, struct node *n, size_t used)
{
  struct tensor *t;

  if (!n->open || n->pad == 0 || n->kind == NODE_DW)
    return 0;
  n->spare = plan->tensors++;
  t = &plan->tensor[n->spare];
  *t = (struct tensor){ .place = PLACE_RING, .offset = used };
  t->size = round_up((size_t)n->w * (size_t)n->cin * (size_t)n->k, LINE);
  return t->size;
}

/* A thread's share of a phase: a chain's ring of input rows and its tile of
 * depthwise rows, what an open node needs.  Phases run one after another, so
 * they share the same memory. */
static void
share(struct plan *plan, const struct phase *p)
{
  struct node *first = &plan->node[p->dw >= 0 ? p->dw : p->node];
  struct tensor *t;
  size_t used = 0;

  if (p->dw >= 0 && !first->open) {
    ring_rows(plan, p);
    used = plan->tensor[first->src].size;
  }
  if (p->project >= 0) {
    t = &plan->tensor[first->dst];
    t->place = PLACE_RING;
    strides(plan, t, plan->schedule->rows);
    t->offset = used;
    t->size = round_up((size_t)t->img + behind(t), LINE);
    used += t->size;
  }
  if (p->project >= 0)
    plan->node[p->project].ahead = rows_ahead(plan, p);
  used += spare(plan, first, used);
  if (p->expand >= 0)
    used += spare(plan, &plan->node[p->expand], used);
  if (used > plan->share)
    plan->share = used;
}

static void
winograd(struct plan *plan, const struct node *n)
{
  size_t used = round_up(winograd_share(plan, n), LINE);

  if (used > plan->share)
    plan->share = used;
}

void
place_tensors(struct plan *plan)
{
  int i;

  plan->tensor[0].place = PLACE_X;
  plan->tensor[plan->workload->ops].place = PLACE_Y;
  for (i = 0; i < plan->nodes; i++)
    plan->node[i].open = is_open(&plan->node[i]);
  copy_input(plan, 0);
  if (plan->schedule->per)
    copy_input(plan, plan->schedule->per);
  for (i = 0; i < plan->phases; i++)
    share(plan, &plan->phase[i]);
  for (i = 0; i < plan->nodes; i++)
    if (plan->node[i].winograd)
      winograd(plan, &plan->node[i]);
  halos(plan);
  layout(plan);
  for (i = 0; i < plan->nodes; i++)
    plan->node[i].flat = is_flat(plan, &plan->node[i]);
  place_scratch(plan);
  place_weights(plan);
}

struct pixel_runs
plan_runs(const struct plan *plan, const struct node *n)
{
  int i, member[3 + PLAN_TAILS], count = 0, flat = 1, whole = 1;
  int one = n->kind == NODE_POINT || n->kind == NODE_SCALE
            || (n->kind == NODE_CONV && n->k == 1 && n->stride == 1
                && n->pad == 0);

  member[count++] = n->src;
  member[count++] = n->dst;
  if (n->kind == NODE_POINT && n->src2 >= 0)
    member[count++] = n->src2;
  for (i = 0; i < n->tails; i++)
    if (n->tail[i].add >= 0)
      member[count++] = n->tail[i].add;
  for (i = 0; i < count; i++) {
    const struct tensor *t = &plan->tensor[member[i]];
    if (t->halo)
      flat = 0;
    if (t->img != (long)t->h * t->w * t->pix && plan->batch > 1)
      whole = 0;
  }
  if (n->flat)
    return (struct pixel_runs){ plan->batch, 1, n->oh * n->ow };
  if (!one || !flat)
    return (struct pixel_runs){ plan->batch * n->oh, n->oh, n->ow };
  if (!whole || n->kind == NODE_SCALE)
    return (struct pixel_runs){ plan->batch, 1, n->oh * n->ow };
  return (struct pixel_runs){ 1, 1, plan->batch * n->oh * n->ow };
}
