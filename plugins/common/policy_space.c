/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policies, offered: which knobs a workload has and with which choices.  The
 * knobs are explained in policy.c.
 */
#include "blocks.h"
#include "policy.h"

#define PREFETCH_LEAST 8192 /* floats of weights: they are not in L1 */

struct offer { size_t count; int64_t value[16]; };

static void
add(struct offer *o, int64_t value)
{
  size_t i;

  for (i = 0; i < o->count; i++)
    if (o->value[i] == value)
      return;
  if (o->count < sizeof o->value / sizeof *o->value)
    o->value[o->count++] = value;
}

static int
count_classes(const struct chanas_workload *w)
{
  uint32_t i;
  int class, most = -1;

  for (i = 0; i < w->ops; i++) {
    class = policy_class(w, i, NULL);
    most = class > most ? class : most;
  }
  return most + 1;
}

static int
count_kind(const struct chanas_workload *w, int kind)
{
  uint32_t i;
  int n = 0;

  for (i = 0; i < w->ops; i++)
    n += w->op[i].kind == kind;
  return n;
}

static int
widest_k(const struct chanas_workload *w)
{
  uint32_t i;
  int k = 1;

  for (i = 0; i < w->ops; i++)
    if (w->op[i].kind == CHANAS_DWCONV && w->op[i].k > k)
      k = w->op[i].k;
  return k;
}

/* Does a depthwise convolution of its own have more channels than leave their
 * rows in L1? */
static int
chunks(const struct target *x, const struct chanas_workload *w)
{
  const struct chanas_op *op = policy_depthwise(w);

  return w->ops == 1 && op && op->cin > 2 * x->vec
         && (long)(op->k + op->stride) * op->w * op->cin > policy_chunk(x);
}

/* The chain of a plan with everything fused, or NULL. */
static const struct phase *
chain_of(const struct plan *plan)
{
  int i;

  for (i = 0; i < plan->phases; i++)
    if (plan->phase[i].dw >= 0)
      return &plan->phase[i];
  return NULL;
}

/* fuse: chains whose ring fits the second cache twice over.  Without
 * projection only where there is none to add, or in one tile size. */
static void
offer_fuse(const struct target *x, const struct chanas_workload *w,
           struct offer *o)
{
  static const int fuse[] = { 202, 204, 207, 201, 104, 102, 107, 101 };
  struct schedule s = policy_plain(x);
  struct plan plan;
  size_t i;

  add(o, 0);
  for (i = 0; i < sizeof fuse / sizeof *fuse && o->count < 5; i++) {
    const struct phase *chain;
    s.fuse = fuse[i] / 100;
    s.rows = fuse[i] % 100;
    if (plan_make(&plan, w, &s) || !(chain = chain_of(&plan)))
      continue;
    if (s.fuse == FUSE_PROJECT && chain->project < 0)
      continue; /* the same as FUSE_DEPTHWISE */
    if (s.rows > plan.node[chain->dw].oh
        || policy_share(&plan) > 2 * (size_t)x->l2
        || (s.rows == 1 && o->count > 1))
      continue;
    add(o, fuse[i]);
  }
}

static void
offer_columns(const struct target *x, const struct chanas_workload *w,
              struct offer *o)
{
  int columns, k = widest_k(w), most = x->registers - 1 - k;
  uint32_t i;

  for (columns = most < 14 ? most : 14; columns > 1; columns--)
    for (i = 0; i < w->ops && o->count < 4; i++)
      if (w->op[i].kind == CHANAS_DWCONV
          && parts_of(w->op[i].ow, columns).size == columns)
        add(o, columns);
  if (o->count == 0)
    add(o, 1);
}

static int
put(const struct target *x, struct chanas_space *out, const char *name,
    const struct offer *o)
{
  return o->count ? x->host->knob(out, name, o->count, o->value) : 0;
}

/* Could the rows of an expansion be one run of pixels?  In a chain they are
 * not, but on tiles the same blocks serve both. */
static int
is_flat(const struct target *x, const struct chanas_workload *w, int op,
        int on_tiles)
{
  const struct chanas_op *o = &w->op[op];

  return o->kind == CHANAS_CONV && o->k == 1 && o->stride == 1
         && blocks_feed_depthwise(w, op) && row_is_short(o->ow, on_tiles)
         && (on_tiles || (x->threads == 1 && policy_fuse(x, w) == 0));
}

/* Sums of halves are twice as many in a register; where 8-bit integers are
 * spread, a register says how their signs are turned. */
static int
list_blocks(const struct target *x, const struct chanas_workload *w, int op,
            struct register_block block[])
{
  int narrow = w->op[op].kind == CHANAS_SE ? 0 : policy_per(x, w), i, n;
  int both = narrow && w->dtype == CHANAS_F16 && x->half_sums ? 2 : 1;
  int dot = policy_dot(x, w), signs = dot == DOT_SPREAD && narrow == 4;
  struct shape shape = blocks_shape(w, op, both * x->vec);

  shape.near = (int)(x->l1 / 8 * 7 / (4 * x->vec));
  if (policy_by_channels(x, w))
    shape.threads = x->threads;
  if (is_flat(x, w, op, narrow && dot == DOT_NONE)) {
    shape.length = w->op[op].oh * w->op[op].ow;
    shape.runs = w->batch;
  }
  if (narrow && dot == DOT_NONE)
    return blocks_tiles(shape, block);
  n = blocks_list(shape, x->registers - signs, x->lanes, block);
  for (i = 0; i < n; i++)
    block[i].nv *= both;
  return n;
}

static int
put_blocks(const struct target *x, const struct chanas_workload *w,
           struct chanas_space *out)
{
  struct register_block block[BLOCKS_MAX];
  char name[] = "block0";
  int i, n, done = 0, most = count_classes(w) > 1 ? 4 : BLOCKS_MAX;
  uint32_t op, first;

  for (op = 0; op < w->ops; op++) {
    struct offer o = { 0 };
    if (policy_class(w, op, &first) != done || first != op)
      continue;
    n = list_blocks(x, w, (int)op, block);
    for (i = 0; i < n && i < most; i++)
      add(&o, 100 * block[i].mr + block[i].nv);
    name[5] = (char)('0' + done++);
    if (put(x, out, name, &o))
      return -1;
  }
  return 0;
}

/* Rows of tiles that give a register block enough tiles, and each thread
 * some of the rows. */
static int
winograd_rows(const struct target *x, const struct chanas_workload *w,
              const struct chanas_op *op)
{
  int most = w->batch * op->oh / 2 / x->threads, rows = 1;

  while (rows < most && rows < op->oh / 2 && rows * op->ow / 2 < 14)
    rows++;
  return rows;
}

/* Winograd's form pays where channels fill vectors (docs/bench/x86.md). */
static void
offer_winograd(const struct target *x, const struct chanas_workload *w,
               struct offer *o)
{
  int least = x->half ? x->vec / 2 : x->vec;
  uint32_t i;

  for (i = 0; i < w->ops && policy_per(x, w) == 0; i++) {
    const struct chanas_op *op = &w->op[i];
    int rows = winograd_rows(x, w, op);
    if (!winograd_fits(op) || op->cin < least || op->cout < least)
      continue;
    add(o, rows);
    if (2 * rows <= op->oh / 2)
      add(o, 2 * rows);
  }
  if (o->count)
    add(o, 0);
}

/* Of a batch, all at a time or a few; of one op there is nothing between. */
static void
offer_images(const struct chanas_workload *w, struct offer *o)
{
  int images;

  if (w->ops == 1 || w->batch == 1)
    return;
  add(o, 0);
  for (images = w->batch / 2; images >= 1; images /= 2)
    if (w->batch % images == 0)
      add(o, images);
}

/* Is there a squeeze and excite with a convolution right behind it? */
static int
scales(const struct chanas_workload *w)
{
  uint32_t i;

  for (i = 0; i + 1 < w->ops && w->batch == 1; i++)
    if (w->op[i].kind == CHANAS_SE && w->op[i + 1].kind == CHANAS_CONV
        && w->op[i + 1].src == (int32_t)i + 1)
      return 1;
  return 0;
}

/* Is there anything far away that a dense op could fetch ahead? */
static int
prefetches(const struct chanas_workload *w, int dense)
{
  return dense && (w->weights >= PREFETCH_LEAST
                   || (count_kind(w, CHANAS_DWCONV)
                       && w->inputs >= PLAN_FAR));
}

/* Has a chain of the workload slices for all threads? */
static int
has_slices(const struct target *x, const struct chanas_workload *w)
{
  struct schedule s = policy_plain(x);
  struct plan plan;

  s.fuse = FUSE_PROJECT; /* as far as it goes */
  s.split = SPLIT_SLICES;
  s.per = policy_per(x, w);
  s.dot = policy_dot(x, w);
  return plan_make(&plan, w, &s) == 0 && policy_sliced(&plan);
}

/* Has it a depthwise convolution that could be of halves? */
static int
has_halves(const struct target *x, const struct chanas_workload *w)
{
  struct schedule s = policy_plain(x);
  struct plan plan;
  int i;

  if (!x->halves || policy_per(x, w) == 0 || policy_dot(x, w))
    return 0;
  for (i = 0; i < PLAN_OPS; i++)
    s.block[i] = (struct register_block){ 16, 2 };
  s.per = policy_per(x, w);
  s.halves = 1;
  return plan_make(&plan, w, &s) == 0 && policy_halved(&plan);
}

/* Over what threads share the work. */
static int
put_split(const struct target *x, const struct chanas_workload *w,
          struct chanas_space *out)
{
  struct offer split = { 2, { SPLIT_PIXELS, SPLIT_CHANNELS } };

  if (has_slices(x, w))
    add(&split, SPLIT_SLICES);
  return put(x, out, "split", &split);
}

static int
put_flags(const struct target *x, const struct chanas_workload *w,
          struct chanas_space *out)
{
  static const struct offer flag = { 2, { 1, 0 } }, order = { 2, { 0, 1 } },
    unroll = { 3, { 1, 2, 4 } };
  struct offer columns = { 0 }, winograd = { 0 }, images = { 0 };
  int points = count_kind(w, CHANAS_ADD) + count_kind(w, CHANAS_ACT);
  int dense = count_classes(w);

  if (w->ops > 1 && put(x, out, "layout", &flag))
    return -1;
  offer_images(w, &images);
  if (put(x, out, "images", &images))
    return -1;
  if (points && w->ops > 1 && put(x, out, "fold", &flag))
    return -1;
  if (scales(w) && policy_per(x, w) == 0 && put(x, out, "scale", &flag))
    return -1;
  if (put_blocks(x, w, out))
    return -1;
  offer_winograd(x, w, &winograd);
  if (put(x, out, "winograd", &winograd))
    return -1;
  if (dense && policy_may_dot(x, w) && put(x, out, "dot", &order))
    return -1;
  if (has_halves(x, w) && put(x, out, "halves", &flag))
    return -1;
  if (dense && x->lanes && put(x, out, "lanes", &flag))
    return -1;
  if (dense == 1
      && (put(x, out, "unroll", &unroll) || put(x, out, "order", &order)))
    return -1;
  if (prefetches(w, dense) && put(x, out, "prefetch", &flag))
    return -1;
  if (count_kind(w, CHANAS_DWCONV)) {
    offer_columns(x, w, &columns);
    if (put(x, out, "columns", &columns)
        || (chunks(x, w) && put(x, out, "chunk", &flag)))
      return -1;
  }
  if (x->threads > 1 && (dense || columns.count))
    return put_split(x, w, out);
  return 0;
}

int
policy_space(void *self, const struct chanas_workload *w,
             struct chanas_space *out)
{
  const struct target *x = self;
  static const struct offer one = { 1, { 0 } };
  const struct offer widths = { 2, { x->vec, x->vec / 2 } };
  struct offer fuse = { 0 };

  if (w->dtype != CHANAS_F32 && !(x->takes >> w->dtype & 1)) {
    x->host->log(x->host->ctx, CHANAS_ERROR,
                 "%s emits kernels for f32%s%s%s: %s", x->backend,
                 x->takes >> CHANAS_BF16 & 1 ? ", bf16" : "",
                 x->takes >> CHANAS_F16 & 1 ? ", f16" : "",
                 x->takes >> CHANAS_I8 & 1 ? ", i8" : "", w->key);
    return -1;
  }
  if (w->ops > PLAN_OPS) {
    x->host->log(x->host->ctx, CHANAS_ERROR, "more than %d ops in %s",
                 PLAN_OPS, w->key);
    return -1;
  }
  if (x->half && policy_per(x, w) == 0 && put(x, out, "vector", &widths))
    return -1;
  offer_fuse(x, w, &fuse);
  if (fuse.count > 1 && put(x, out, "fuse", &fuse))
    return -1;
  if (put_flags(x, w, out))
    return -1;
  return x->host->knobs(out) ? 0 : put(x, out, "layout", &one);
}

