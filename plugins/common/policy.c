/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policies: points of the space that policy_space.c offers, decoded to
 * schedules.  The knobs:
 *
 *   vector   floats per vector, where the machine has two widths
 *   fuse     0: op by op; 100 + R or 200 + R: expand + depthwise, or expand
 *            + depthwise + project, in tiles of R output rows
 *   layout   of tensors inside the block: 0 NHWC, 1 blocked (NCHW[v]c)
 *   images   of a batch, so many go through the whole block together; 0: all
 *   fold     1: additions and activations join the op before them
 *   scale    1: factors of squeeze and excite go into the weights of the
 *            convolution that follows; 0: into its input
 *   blockI   100 * pixels + vectors: register block of the I-th kind of
 *            dense convolution
 *   halves   between convolutions on tiles, 1: depthwise ones in half
 *            precision; 0: in float
 *   unroll   of the loop over input channels
 *   winograd 0: 3 x 3 convolutions are computed directly; R: in Winograd's
 *            form, R rows of 2 x 2 outputs at a time
 *   dot      bf16 without tiles, 0: in float; 1: by products that sum two
 *   lanes    1: input channels are loaded a vector at a time, and multiplied
 *            lane by lane; 0: one at a time, into all lanes of a register
 *   prefetch 1: the weights of the next group of channels; where a chain
 *            reads a large input, what its next tile will read of that
 *   order    0: channel groups outside, pixels inside; 1: the other way
 *            (both are offered for a single kind of dense convolution only;
 *            elsewhere they are not worth the trials)
 *   columns  output columns per step of a depthwise convolution
 *   chunk    1: one that reads NHWC computes as many channels together as
 *            leave the rows that it reads in L1; 0: all channels, each line
 *            of memory after its neighbour
 *   split    with threads, over 0: pixels, 1: output channels; 2: of a chain,
 *            the channels between expansion and projection
 *
 * A knob that has no effect on a workload is not offered.
 */
#include "policy.h"

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

int
policy_class(const struct chanas_workload *w, uint32_t index, uint32_t *first)
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

void
target_caches(struct target *x, const struct chanas_device *device)
{
  const struct chanas_host *host = x->host;

  x->threads = (int)host->limit(device, "threads");
  if (x->threads < 1)
    x->threads = 1;
  x->l1 = host->limit(device, "l1d");
  x->l2 = host->limit(device, "l2");
  if (x->l1 <= 0)
    x->l1 = 32 << 10;
  if (x->l2 <= 0)
    x->l2 = 512 << 10;
}

int
policy_by_channels(const struct target *x, const struct chanas_workload *w)
{
  const struct chanas_op *op = &w->op[w->ops - 1];

  return w->batch * op->oh * op->ow < 48 * x->threads;
}

const struct chanas_op *
policy_depthwise(const struct chanas_workload *w)
{
  const struct chanas_op *most = NULL;
  uint32_t i;

  for (i = 0; i < w->ops; i++) {
    const struct chanas_op *op = &w->op[i];
    if (op->kind == CHANAS_DWCONV
        && (!most || (double)op->cin * op->h * op->w
                       > (double)most->cin * most->h * most->w))
      most = op;
  }
  return most;
}

int
policy_chunks(const struct target *x, const struct chanas_workload *w)
{
  const struct chanas_op *op = policy_depthwise(w);

  return op && 4.0 * w->batch * op->cin
               * ((double)op->h * op->w + (double)op->oh * op->ow)
               <= (double)x->l2;
}

long
policy_chunk(const struct target *x)
{
  return (long)(x->l1 / 6 * 5) / (long)sizeof(float);
}

struct schedule
policy_plain(const struct target *x)
{
  struct schedule s = { .vec = x->vec, .threads = x->threads, .rows = 1,
                        .blocked = 1, .fold = 1, .unroll = 1, .columns = 1,
                        .order = ORDER_AUTO };
  int i;

  for (i = 0; i < PLAN_OPS; i++)
    s.block[i] = (struct register_block){ 1, 1 };
  return s;
}

size_t
policy_share(const struct plan *plan)
{
  return plan->share * sizeof(float);
}

enum schedule_dot
policy_dot(const struct target *x, const struct chanas_workload *w)
{
  switch (w->dtype) {
  case CHANAS_F16: return x->dot_f16;
  case CHANAS_I8: return x->tiles_i8 ? DOT_NONE : x->dot_i8;
  default: return DOT_NONE;
  }
}

int
policy_per(const struct target *x, const struct chanas_workload *w)
{
  switch (w->dtype) {
  case CHANAS_BF16: return x->tiles_bf16 ? 2 : 0;
  case CHANAS_F16: return policy_dot(x, w) ? 2 : 0;
  case CHANAS_I8: return x->tiles_i8 || policy_dot(x, w) ? 4 : 0;
  default: return 0;
  }
}

int
policy_may_dot(const struct target *x, const struct chanas_workload *w)
{
  return w->dtype == CHANAS_BF16 && !x->tiles_bf16 && x->dot_bf16;
}

/* A knob's value, or what holds where a space has none of that name. */
static int
value(const struct target *x, struct chanas_point p, const char *name,
      int without)
{
  return x->host->find_knob(p.space, name) < 0
           ? without : (int)x->host->value(p, name);
}

/* The blocks of wide vectors also run with narrow ones. */
static int
decode_blocks(const struct target *x, const struct chanas_workload *w,
              struct chanas_point p, struct schedule *s)
{
  char name[] = "block0";
  uint32_t i;

  for (i = 0; i < w->ops && i < PLAN_OPS; i++) {
    int class = policy_class(w, i, NULL), block;
    if (class < 0)
      continue;
    name[5] = (char)('0' + class);
    block = value(x, p, name, 0);
    if (block % 100 < 1 || block / 100 < 1)
      return -1;
    s->block[i] = (struct register_block){ block / 100, block % 100 };
  }
  return 0;
}

/* What narrow elements are multiplied by. */
static void
decode_products(const struct target *x, const struct chanas_workload *w,
                struct chanas_point p, struct schedule *s)
{
  s->vec = value(x, p, "vector", s->vec);
  s->per = policy_per(x, w);
  s->dot = policy_dot(x, w);
  if (value(x, p, "dot", 0)) {
    s->per = 2;
    s->dot = x->dot_bf16;
    s->vec = x->vec;
  }
}

int
policy_schedule(const struct target *x, const struct chanas_workload *w,
                struct chanas_point p, struct schedule *s)
{
  int fuse = value(x, p, "fuse", 0);

  *s = policy_plain(x);
  decode_products(x, w, p, s);
  s->fuse = fuse / 100;
  s->rows = fuse % 100 ? fuse % 100 : 1;
  s->blocked = value(x, p, "layout", s->blocked);
  s->fold = value(x, p, "fold", s->fold);
  s->images = value(x, p, "images", 0);
  s->columns = value(x, p, "columns", s->columns);
  if (value(x, p, "chunk", policy_chunks(x, w)))
    s->chunk = policy_chunk(x);
  s->winograd = s->per ? 0 : value(x, p, "winograd", 0);
  s->halves = value(x, p, "halves", 0);
  s->lanes = value(x, p, "lanes", 0);
  s->unroll = s->lanes ? s->vec : value(x, p, "unroll", s->unroll);
  s->prefetch = value(x, p, "prefetch", 0);
  s->order = value(x, p, "order", s->order);
  s->split = value(x, p, "split", SPLIT_PIXELS);
  if (s->per == 0 && s->split != SPLIT_SLICES)
    s->scale = value(x, p, "scale", 0);
  return s->unroll < 1 || s->columns < 1 || s->vec < 1 ? -1
                                          : decode_blocks(x, w, p, s);
}

int
policy_sliced(const struct plan *plan)
{
  int i;

  for (i = 0; i < plan->phases; i++)
    if (plan->phase[i].slices)
      return 1;
  return 0;
}

int
policy_halved(const struct plan *plan)
{
  int i;

  for (i = 0; i < plan->nodes; i++)
    if (plan->node[i].half)
      return 1;
  return 0;
}

int
policy_legal(void *self, const struct chanas_workload *w,
             struct chanas_point p)
{
  const struct target *x = self;
  struct schedule s;
  struct plan plan;

  if (policy_schedule(x, w, p, &s) || plan_make(&plan, w, &s))
    return 0;
  if (s.split == SPLIT_SLICES && !policy_sliced(&plan))
    return 0; /* another policy says the same */
  if (s.halves && !policy_halved(&plan))
    return 0;
  return policy_share(&plan) <= 2 * (size_t)x->l2;
}
