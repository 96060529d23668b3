/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The policy space of a workload and its default.
 *
 *   vector   floats per vector, where the machine has two widths
 *   fuse     0: op by op; 100 + R or 200 + R: expand + depthwise, or expand
 *            + depthwise + project, in tiles of R output rows
 *   layout   of tensors inside the block: 0 NHWC, 1 blocked (NCHW[v]c)
 *   fold     1: additions and activations join the op before them
 *   scale    1: factors of squeeze and excite go into the weights of the
 *            convolution that follows; 0: into its input
 *   blockI   100 * pixels + vectors: register block of the I-th kind of
 *            dense convolution
 *   unroll   of the loop over input channels
 *   order    0: channel groups outside, pixels inside; 1: the other way
 *            (both are offered for a single kind of dense convolution only;
 *            elsewhere they are not worth the trials)
 *   columns  output columns per step of a depthwise convolution
 *   split    with threads, over 0: pixels, 1: output channels
 *
 * A knob that has no effect on a workload is not offered.
 */
#include "blocks.h"
#include "x86.h"

#define CLASSES 3 /* dense convolutions with a register block of their own */

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
is_dense(const struct chanas_op *op)
{
  return op->kind == CHANAS_CONV || op->kind == CHANAS_LINEAR
         || op->kind == CHANAS_SE;
}

static int
alike(const struct chanas_op *a, const struct chanas_op *b)
{
  return a->kind == b->kind && a->cin == b->cin && a->cout == b->cout
         && a->k == b->k && a->stride == b->stride && a->oh == b->oh
         && a->ow == b->ow && a->squeeze == b->squeeze;
}

/* Which kind of dense op this is, by first appearance; -1: not dense.  The
 * first op of each kind is stored if wanted. */
static int
class_of(const struct chanas_workload *w, uint32_t index, uint32_t first[])
{
  uint32_t seen[PLAN_OPS], i;
  int j, count = 0;

  for (i = 0; i <= index; i++) {
    if (!is_dense(&w->op[i]))
      continue;
    for (j = 0; j < count; j++)
      if (alike(&w->op[i], &w->op[seen[j]]))
        break;
    if (j == count)
      seen[count++] = i;
    if (i == index) {
      if (first)
        *first = seen[j < CLASSES ? j : CLASSES - 1];
      return j < CLASSES ? j : CLASSES - 1;
    }
  }
  return -1;
}

static int
count_classes(const struct chanas_workload *w)
{
  uint32_t i;
  int class, most = -1;

  for (i = 0; i < w->ops; i++) {
    class = class_of(w, i, NULL);
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

static struct schedule
plain(const struct x86 *x)
{
  struct schedule s = { .vec = x->vec, .threads = x->threads, .rows = 1,
                        .blocked = 1, .fold = 1, .unroll = 1, .columns = 1,
                        .order = ORDER_AUTO };
  int i;

  for (i = 0; i < PLAN_OPS; i++)
    s.block[i] = (struct register_block){ 1, 1 };
  return s;
}

static size_t
share_bytes(const struct plan *plan)
{
  return plan->share * sizeof(float);
}

/* fuse: chains whose ring fits the second cache twice over.  Without
 * projection only where there is none to add, or in one tile size. */
static void
offer_fuse(const struct x86 *x, const struct chanas_workload *w,
           struct offer *o)
{
  static const int fuse[] = { 202, 204, 207, 201, 104, 102, 107, 101 };
  struct schedule s = plain(x);
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
        || share_bytes(&plan) > 2 * (size_t)x->l2
        || (s.rows == 1 && o->count > 1))
      continue;
    add(o, fuse[i]);
  }
}

static void
offer_columns(const struct x86 *x, const struct chanas_workload *w,
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
put(const struct x86 *x, struct chanas_space *out, const char *name,
    const struct offer *o)
{
  return o->count ? x->host->knob(out, name, o->count, o->value) : 0;
}

static int
put_blocks(const struct x86 *x, const struct chanas_workload *w,
           struct chanas_space *out)
{
  struct register_block block[BLOCKS_MAX];
  char name[] = "block0";
  int i, n, done = 0, most = count_classes(w) > 1 ? 4 : BLOCKS_MAX;
  uint32_t op, first;

  for (op = 0; op < w->ops; op++) {
    struct offer o = { 0 };
    if (class_of(w, op, &first) != done || first != op)
      continue;
    n = blocks_list(blocks_shape(w, (int)op, x->vec), x->registers, block);
    for (i = 0; i < n && i < most; i++)
      add(&o, 100 * block[i].mr + block[i].nv);
    name[5] = (char)('0' + done++);
    if (put(x, out, name, &o))
      return -1;
  }
  return 0;
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

static int
put_flags(const struct x86 *x, const struct chanas_workload *w,
          struct chanas_space *out)
{
  static const struct offer flag = { 2, { 1, 0 } }, order = { 2, { 0, 1 } },
    unroll = { 3, { 1, 2, 4 } };
  struct offer columns = { 0 };
  int points = count_kind(w, CHANAS_ADD) + count_kind(w, CHANAS_ACT);
  int dense = count_classes(w);

  if (w->ops > 1 && put(x, out, "layout", &flag))
    return -1;
  if (points && w->ops > 1 && put(x, out, "fold", &flag))
    return -1;
  if (scales(w) && put(x, out, "scale", &flag))
    return -1;
  if (put_blocks(x, w, out))
    return -1;
  if (dense == 1
      && (put(x, out, "unroll", &unroll) || put(x, out, "order", &order)))
    return -1;
  if (count_kind(w, CHANAS_DWCONV)) {
    offer_columns(x, w, &columns);
    if (put(x, out, "columns", &columns))
      return -1;
  }
  if (x->threads > 1 && (dense || columns.count))
    return put(x, out, "split", &order);
  return 0;
}

int
policy_space(void *self, const struct chanas_workload *w,
             struct chanas_space *out)
{
  const struct x86 *x = self;
  static const struct offer widths = { 2, { 16, 8 } }, one = { 1, { 0 } };
  struct offer fuse = { 0 };

  if (w->dtype != CHANAS_F32) {
    x->host->log(x->host->ctx, CHANAS_ERROR,
                 "x86 emits f32 kernels only: %s", w->key);
    return -1;
  }
  if (w->ops > PLAN_OPS) {
    x->host->log(x->host->ctx, CHANAS_ERROR, "more than %d ops in %s",
                 PLAN_OPS, w->key);
    return -1;
  }
  if (x->vec == 16 && put(x, out, "vector", &widths))
    return -1;
  offer_fuse(x, w, &fuse);
  if (fuse.count > 1 && put(x, out, "fuse", &fuse))
    return -1;
  if (put_flags(x, w, out))
    return -1;
  return x->host->knobs(out) ? 0 : put(x, out, "layout", &one);
}

/* Index of a knob's value, or of its first one. */
static int32_t
choose(const struct x86 *x, const struct chanas_space *space, size_t knob,
       int64_t value)
{
  size_t i;

  for (i = 0; i < x->host->choices(space, knob); i++)
    if (x->host->knob_value(space, knob, i) == value)
      return (int32_t)i;
  return 0;
}

/* Fuse where the widest inner tensor does not stay in half the L2; in larger
 * tiles where many weights are read again for each tile. */
static int64_t
default_fuse(const struct x86 *x, const struct chanas_workload *w)
{
  double bytes = 0;
  uint32_t i;

  for (i = 0; i < w->ops; i++) {
    const struct chanas_op *op = &w->op[i];
    double here = 4.0 * op->cin * op->h * op->w;
    if (op->kind == CHANAS_DWCONV && here > bytes)
      bytes = here;
  }
  if (bytes * 2 < (double)x->l2)
    return 0;
  return 16 * w->weights > (size_t)x->l2 ? 4 : 2;
}

/* The widest step up to 8 columns. */
static int32_t
default_columns(const struct x86 *x, const struct chanas_space *space,
                size_t knob)
{
  size_t i, n = x->host->choices(space, knob);

  for (i = 0; i + 1 < n && x->host->knob_value(space, knob, i) > 8; i++)
    continue;
  return (int32_t)i;
}

/* Index of the fuse value with so many rows, the deepest fusion first. */
static int32_t
choose_rows(const struct x86 *x, const struct chanas_space *space,
            size_t knob, int64_t rows)
{
  size_t i, n = x->host->choices(space, knob);

  for (i = 1; rows && i < n; i++)
    if (x->host->knob_value(space, knob, i) % 100 == rows)
      return (int32_t)i;
  return rows && n > 1;
}

/* Pixels, unless there are too few of them to go round. */
static int64_t
default_split(const struct x86 *x, const struct chanas_workload *w)
{
  const struct chanas_op *op = &w->op[w->ops - 1];

  return w->batch * op->oh * op->ow < 48 * x->threads;
}

/* What is streamed again for each group or tile should be the smaller one:
 * input or weights of the largest dense op. */
static int64_t
default_order(const struct chanas_workload *w)
{
  double most = 0;
  int64_t order = 0;
  uint32_t i;

  for (i = 0; i < w->ops; i++) {
    const struct chanas_op *op = &w->op[i];
    double weights = (double)op->cin * op->cout * op->k * op->k;
    if (op->kind != CHANAS_CONV || weights * op->oh * op->ow <= most)
      continue;
    most = weights * op->oh * op->ow;
    order = weights < (double)op->cin * op->h * op->w;
  }
  return order;
}

int
policy_initial(void *self, const struct chanas_workload *w,
               const struct chanas_space *space, int32_t *choice)
{
  const struct x86 *x = self;
  size_t i;

  for (i = 0; i < x->host->knobs(space); i++) {
    const char *name = x->host->knob_name(space, i);
    choice[i] = 0;
    if (!__builtin_strcmp(name, "fuse"))
      choice[i] = choose_rows(x, space, i, default_fuse(x, w));
    else if (!__builtin_strcmp(name, "columns"))
      choice[i] = default_columns(x, space, i);
    else if (!__builtin_strcmp(name, "order"))
      choice[i] = choose(x, space, i, default_order(w));
    else if (!__builtin_strcmp(name, "split"))
      choice[i] = choose(x, space, i, default_split(x, w));
  }
  return 0;
}

/* The blocks of a 16-wide machine also run 8 wide; a value that a space does
 * not have reads as 0. */
int
policy_schedule(const struct x86 *x, const struct chanas_workload *w,
                struct chanas_point p, struct schedule *s)
{
  const struct chanas_host *h = x->host;
  char name[] = "block0";
  int64_t fuse = h->value(p, "fuse"), block;
  uint32_t i;

  *s = plain(x);
  if (h->find_knob(p.space, "vector") >= 0)
    s->vec = (int)h->value(p, "vector");
  s->fuse = (int)(fuse / 100);
  s->rows = fuse % 100 ? (int)(fuse % 100) : 1;
  if (h->find_knob(p.space, "layout") >= 0)
    s->blocked = (int)h->value(p, "layout");
  if (h->find_knob(p.space, "fold") >= 0)
    s->fold = (int)h->value(p, "fold");
  s->scale = (int)h->value(p, "scale");
  if (h->find_knob(p.space, "unroll") >= 0)
    s->unroll = (int)h->value(p, "unroll");
  if (h->find_knob(p.space, "columns") >= 0)
    s->columns = (int)h->value(p, "columns");
  if (h->find_knob(p.space, "order") >= 0)
    s->order = (int)h->value(p, "order");
  s->split = (int)h->value(p, "split");
  for (i = 0; i < w->ops && i < PLAN_OPS; i++) {
    int class = class_of(w, i, NULL);
    if (class < 0)
      continue;
    name[5] = (char)('0' + class);
    block = h->value(p, name);
    if (block % 100 < 1 || block / 100 < 1)
      return -1;
    s->block[i] = (struct register_block){ (int)(block / 100),
                                           (int)(block % 100) };
  }
  return s->unroll < 1 || s->columns < 1 || s->vec < 1 ? -1 : 0;
}

int
policy_legal(void *self, const struct chanas_workload *w,
             struct chanas_point p)
{
  const struct x86 *x = self;
  struct schedule s;
  struct plan plan;

  if (policy_schedule(x, w, p, &s) || plan_make(&plan, w, &s))
    return 0;
  return plan.scratch < (size_t)1 << 28
         && (s.fuse == FUSE_NONE || share_bytes(&plan) <= 2 * (size_t)x->l2);
}
