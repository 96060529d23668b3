/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plan, first part: lowering ops to nodes, folding elementwise ops into the
 * epilogue of the node before them.
 */
#include "plan.h"
#include "chains.h"
#include "halves.h"
#include "narrow.h"
#include "place.h"

struct lowering {
  struct plan *plan;
  int uses[PLAN_OPS + 1];     /* readers of each tensor of the workload */
  int producer[PLAN_TENSORS]; /* node that writes a tensor; -1: none */
  int factors[PLAN_OPS + 1];  /* tensor of factors that its reader applies */
  int original[PLAN_OPS + 1]; /* and the tensor that they belong to */
  long weights;               /* parameters used up so far */
};

struct parts
parts_of(int extent, int most)
{
  struct parts p;

  p.count = div_up(extent, most);
  p.size = div_up(extent, p.count);
  p.big = extent - p.count * (p.size - 1);
  return p;
}

static int
tensor_new(struct lowering *l, int c, int h, int w)
{
  struct plan *plan = l->plan;
  int t = plan->tensors++;

  plan->tensor[t] = (struct tensor){ .c = c, .h = h, .w = w };
  l->producer[t] = -1;
  return t;
}

static struct node *
node_new(struct lowering *l, int kind, const struct chanas_op *op, int src,
         int dst)
{
  struct plan *plan = l->plan;
  struct node *n = &plan->node[plan->nodes];

  *n = (struct node){
    .kind = kind, .src = src, .src2 = -1, .dst = dst,
    .cin = op->cin, .cout = op->cout, .h = op->h, .w = op->w,
    .oh = op->oh, .ow = op->ow, .k = op->k, .stride = op->stride,
    .pad = op->pad, .weights = -1, .bias = -1, .block = { 1, 1 },
    .scaled = -1, .conv = -1, .spare = -1,
  };
  l->producer[dst] = plan->nodes++;
  return n;
}

/* An epilogue step; 0 if the node has no room for it. */
static int
node_tail(struct node *n, int add, int act)
{
  if (add < 0 && act == CHANAS_ACT_NONE)
    return 1;
  if (n->tails == PLAN_TAILS || (add >= 0 && n->adds == PLAN_ADDS))
    return 0;
  n->tail[n->tails].add = add;
  n->tail[n->tails].act = act;
  n->tails++;
  n->adds += add >= 0;
  return 1;
}

static long
take(struct lowering *l, long count)
{
  long at = l->weights;

  l->weights += count;
  return at;
}

/* The convolution reads what the factors were meant for, with weights that
 * are multiplied by them first. */
static void
scale_weights(struct lowering *l, const struct chanas_op *op, int index)
{
  struct plan *plan = l->plan;
  int factors = l->factors[op->src], conv = l->producer[index + 1];
  int scaled = tensor_new(l, 1, 1, 1);
  struct node *n = node_new(l, NODE_WEIGHTS, op, factors, scaled);
  struct node after = plan->node[conv];

  /* the weights come first: swap the two */
  after.src = l->original[op->src];
  after.scaled = scaled;
  n->k = n->stride = 1; /* it reads factors, not pixels */
  n->pad = 0;
  n->conv = plan->nodes - 1;
  plan->node[conv] = *n;
  plan->node[plan->nodes - 1] = after;
  l->producer[index + 1] = plan->nodes - 1;
  l->producer[scaled] = conv;
}

int
winograd_fits(const struct chanas_op *op)
{
  return op->kind == CHANAS_CONV && op->k == 3 && op->stride == 1
         && op->oh % 2 == 0 && op->ow % 2 == 0;
}

/* At most so many rows of tiles, equally many each time. */
static int
tile_rows(const struct chanas_op *op, int most)
{
  int rows = op->oh / 2 < most ? op->oh / 2 : most;

  while (rows > 1 && op->oh / 2 % rows)
    rows--;
  return rows;
}

/* A sum of 255 times 127 each has to fit 31 bits. */
static int
overflows(const struct schedule *s, const struct chanas_op *op)
{
  return s->dot == DOT_SPREAD && s->per == 4 &&
         (int64_t)op->cin * op->k * op->k > INT32_MAX / (255 * 127);
}

static void
lower_conv(struct lowering *l, const struct chanas_op *op, int index, int dw)
{
  struct node *n = node_new(l, dw ? NODE_DW : NODE_CONV, op, op->src,
                            index + 1);

  if (op->kind == CHANAS_LINEAR) {
    n->k = n->stride = n->oh = n->ow = n->h = n->w = 1;
    n->pad = 0;
  }
  n->weights = take(l, (long)op->cout * (dw ? 1 : op->cin) * n->k * n->k);
  if (op->bias)
    n->bias = take(l, op->cout);
  n->block = l->plan->schedule->block[index];
  n->per = dw || overflows(l->plan->schedule, op) ? 0
                                                  : l->plan->schedule->per;
  n->range = (long)l->plan->workload->weights
             - (long)l->plan->workload->ops + op->src;
  node_tail(n, -1, op->act);
  if (l->factors[op->src] > 0)
    scale_weights(l, op, index);
  else if (n->per == 0 && winograd_fits(op))
    n->winograd = tile_rows(op, l->plan->schedule->winograd);
}

/* Is the result of this op read by one convolution and by nothing else? */
static int
feeds_conv(const struct lowering *l, int tensor)
{
  const struct chanas_workload *w = l->plan->workload;
  uint32_t i;

  for (i = 0; i < w->ops && l->uses[tensor] == 1; i++)
    if (w->op[i].src == tensor)
      return w->op[i].kind == CHANAS_CONV;
  return 0;
}

/* Squeeze and excite: mean, two linear layers, then the scaling. */
static void
lower_se(struct lowering *l, const struct chanas_op *op, int index)
{
  struct chanas_op part = *op;
  int mean = tensor_new(l, op->cin, 1, 1);
  int squeezed = tensor_new(l, op->squeeze, 1, 1);
  int factor = tensor_new(l, op->cin, 1, 1);
  struct node *n;

  part.oh = part.ow = 1;
  node_new(l, NODE_MEAN, &part, op->src, mean);
  part.h = part.w = part.k = part.stride = 1;
  part.pad = 0;
  part.cout = op->squeeze;
  n = node_new(l, NODE_CONV, &part, mean, squeezed);
  n->weights = take(l, (long)op->squeeze * op->cin);
  n->bias = take(l, op->squeeze);
  n->block = l->plan->schedule->block[index];
  node_tail(n, -1, CHANAS_ACT_RELU);
  part.cin = op->squeeze;
  part.cout = op->cin;
  n = node_new(l, NODE_CONV, &part, squeezed, factor);
  n->weights = take(l, (long)op->squeeze * op->cin);
  n->bias = take(l, op->cin);
  n->block = l->plan->schedule->block[index];
  node_tail(n, -1, CHANAS_ACT_HSIGMOID);
  if (l->plan->schedule->scale && l->plan->batch == 1
      && op->act == CHANAS_ACT_NONE && feeds_conv(l, index + 1)) {
    l->factors[index + 1] = factor;
    l->original[index + 1] = op->src;
    return;
  }
  n = node_new(l, NODE_SCALE, op, op->src, index + 1);
  n->src2 = factor;
  node_tail(n, -1, op->act);
}

/* Let the node that made tensor `from` finish with this op instead. */
static int
fold(struct lowering *l, int from, int other, const struct chanas_op *op,
     int dst)
{
  int p = from > 0 ? l->producer[from] : -1;
  int q = other > 0 ? l->producer[other] : -1;
  struct node *n;

  if (!l->plan->schedule->fold || p < 0 || p <= q || l->uses[from] != 1)
    return 0;
  n = &l->plan->node[p];
  if (n->kind == NODE_MEAN || !node_tail(n, other, op->act))
    return 0;
  n->dst = dst;
  l->producer[dst] = p;
  return 1;
}

static void
lower_point(struct lowering *l, const struct chanas_op *op, int index)
{
  int add = op->kind == CHANAS_ADD;
  struct node *n;

  if (fold(l, op->src, add ? op->src2 : -1, op, index + 1))
    return;
  if (add && fold(l, op->src2, op->src, op, index + 1))
    return;
  n = node_new(l, NODE_POINT, op, op->src, index + 1);
  n->src2 = add ? op->src2 : -1;
  node_tail(n, -1, op->act);
}

static void
lower(struct lowering *l, const struct chanas_op *op, int index)
{
  struct node *n;

  switch (op->kind) {
  case CHANAS_CONV:
  case CHANAS_LINEAR:
    lower_conv(l, op, index, 0);
    break;
  case CHANAS_DWCONV:
    lower_conv(l, op, index, 1);
    break;
  case CHANAS_SE:
    lower_se(l, op, index);
    break;
  case CHANAS_AVGPOOL:
  case CHANAS_GLOBALPOOL:
    n = node_new(l, op->kind == CHANAS_AVGPOOL ? NODE_POOL : NODE_MEAN, op,
                 op->src, index + 1);
    node_tail(n, -1, op->act);
    break;
  default:
    lower_point(l, op, index);
  }
}

static void
count_uses(struct lowering *l)
{
  const struct chanas_workload *w = l->plan->workload;
  uint32_t i;

  for (i = 0; i < w->ops; i++) {
    l->uses[w->op[i].src]++;
    if (w->op[i].src2 >= 0)
      l->uses[w->op[i].src2]++;
  }
}

int
plan_make(struct plan *plan, const struct chanas_workload *w,
          const struct schedule *schedule)
{
  struct lowering l = { .plan = plan };
  uint32_t i;

  if (w->ops < 1 || w->ops > PLAN_OPS
      || (schedule->images && w->batch % schedule->images))
    return -1;
  *plan = (struct plan){ .workload = w, .schedule = schedule,
                         .vec = schedule->vec, .batch = w->batch,
                         .turns = 1, .threads = schedule->threads };
  if (schedule->images) {
    plan->batch = schedule->images;
    plan->turns = w->batch / schedule->images;
  }
  tensor_new(&l, w->op[0].cin, w->op[0].h, w->op[0].w);
  for (i = 0; i < w->ops; i++) {
    if (w->op[i].src == 0) {
      plan->tensor[0].c = w->op[i].cin;
      plan->tensor[0].h = w->op[i].h;
      plan->tensor[0].w = w->op[i].w;
    }
    tensor_new(&l, w->op[i].cout, w->op[i].oh, w->op[i].ow);
  }
  count_uses(&l);
  for (i = 0; i < w->ops; i++)
    lower(&l, &w->op[i], (int)i);
  plan->node[l.producer[w->ops]].accumulate = w->accumulate;
  narrow_tensors(plan);
  halve_tensors(plan);
  find_chains(plan, l.producer);
  slice_chains(plan);
  place_tensors(plan);
  return 0;
}
