/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lowering: operators become nodes, and elementwise ones that follow join the
 * node before them.
 */
#include "gpu_plan.h"

static struct gpu_node *
new_node(struct lowering *l, enum gpu_kind kind, const struct chanas_op *op,
         int src, int dst)
{
  struct gpu_node *n = &l->plan->node[l->plan->nodes++];

  *n = (struct gpu_node){
    .kind = kind, .src = src, .src2 = -1, .dst = dst, .gate = -1,
    .source = src, .cin = op->cin, .h = op->h, .w = op->w, .cout = op->cout,
    .oh = op->oh, .ow = op->ow, .k = op->k, .stride = op->stride,
    .pad = op->pad, .weights = -1, .bias = -1, .class = -1, .split = 1,
    .partial = -1,
  };
  return n;
}

static int
add_tail(struct gpu_node *n, int add, int act)
{
  if (add < 0 && act == CHANAS_ACT_NONE)
    return 1;
  if (n->tails == GPU_TAILS)
    return 0;
  n->tail[n->tails++] = (struct gpu_tail){ add, act };
  return 1;
}

static long
take(struct lowering *l, long floats)
{
  long at = l->weights;

  l->weights += floats;
  return at;
}

static void
lower_dense(struct lowering *l, const struct chanas_op *op, int i)
{
  const struct gpu_schedule *s = l->plan->schedule;
  int vector = op->kind == CHANAS_LINEAR && s->vector;
  struct gpu_node *n = new_node(l, vector ? GPU_VECTOR : GPU_DENSE, op,
                                op->src, i + 1);

  if (op->kind == CHANAS_LINEAR) {
    n->h = n->w = n->oh = n->ow = n->k = n->stride = 1;
    n->pad = 0;
  }
  n->class = gpu_class(l->w, (uint32_t)i, NULL);
  n->weights = take(l, (long)op->cout * op->cin * n->k * n->k);
  if (op->bias)
    n->bias = take(l, op->cout);
  n->gate = l->gate[op->src];
  if (n->gate >= 0)
    n->src = n->source = l->original[op->src];
  add_tail(n, -1, op->act);
  if (vector)
    return;
  n->mma = s->warps > 0 && n->gate < 0;
  n->split = s->split;
}

static void
lower_window(struct lowering *l, const struct chanas_op *op, int i)
{
  struct gpu_node *n = new_node(l, GPU_WINDOW, op, op->src, i + 1);

  if (op->kind == CHANAS_DWCONV) {
    n->weights = take(l, (long)op->cin * op->k * op->k);
    if (op->bias)
      n->bias = take(l, op->cin);
  }
  add_tail(n, -1, op->act);
}

/* Is the tensor read by one convolution and by nothing else? */
static int
feeds_conv(const struct lowering *l, int tensor)
{
  uint32_t i;

  for (i = 0; i < l->w->ops && l->uses[tensor] == 1; i++)
    if (l->w->op[i].src == tensor)
      return l->w->op[i].kind == CHANAS_CONV;
  return 0;
}

/* Mean, two products with a vector, and the factors go into the operator
 * that follows or into a pass of their own. */
static void
lower_se(struct lowering *l, const struct chanas_op *op, int i)
{
  struct gpu_plan *p = l->plan;
  size_t batch = (size_t)l->w->batch;
  int mean = gpu_plan_tensor(p, batch * (size_t)op->cin);
  int hidden = gpu_plan_tensor(p, batch * (size_t)op->squeeze);
  int gate = gpu_plan_tensor(p, batch * (size_t)op->cin);
  struct gpu_node *n = new_node(l, GPU_POOL, op, op->src, mean);

  n = new_node(l, GPU_VECTOR, op, mean, hidden);
  n->cout = op->squeeze;
  n->weights = take(l, (long)op->squeeze * op->cin);
  n->bias = take(l, op->squeeze);
  n->h = n->w = n->oh = n->ow = n->k = n->stride = 1;
  add_tail(n, -1, CHANAS_ACT_RELU);
  n = new_node(l, GPU_VECTOR, op, hidden, gate);
  n->cin = op->squeeze;
  n->cout = op->cin;
  n->weights = take(l, (long)op->squeeze * op->cin);
  n->bias = take(l, op->cin);
  n->h = n->w = n->oh = n->ow = n->k = n->stride = 1;
  add_tail(n, -1, CHANAS_ACT_HSIGMOID);
  if (p->schedule->scale && op->act == CHANAS_ACT_NONE
      && feeds_conv(l, i + 1)) {
    l->gate[i + 1] = gate;
    l->original[i + 1] = op->src;
    return;
  }
  n = new_node(l, GPU_POINT, op, op->src, i + 1);
  n->gate = gate;
  add_tail(n, -1, op->act);
}

static void
lower_plain(struct lowering *l, const struct chanas_op *op, int i)
{
  int pool = op->kind == CHANAS_GLOBALPOOL;
  struct gpu_node *n = new_node(l, pool ? GPU_POOL : GPU_POINT, op, op->src,
                                i + 1);

  n->src2 = op->kind == CHANAS_ADD ? op->src2 : -1;
  add_tail(n, -1, op->act);
}

/* The elementwise operator that alone reads the node's result, and whose
 * other operand was made before: it joins.  Returns 1 if one did. */
static int
fold_next(struct lowering *l, struct gpu_node *n, int made)
{
  uint32_t j;

  if (n->dst > GPU_OPS || l->uses[n->dst] != 1)
    return 0;
  for (j = (uint32_t)n->dst; j < l->w->ops; j++) {
    const struct chanas_op *op = &l->w->op[j];
    int other = -1;
    if (op->src != n->dst && op->src2 != n->dst)
      continue;
    if (op->kind == CHANAS_ADD)
      other = op->src == n->dst ? op->src2 : op->src;
    else if (op->kind != CHANAS_ACT)
      return 0;
    if (other >= made || !add_tail(n, other, op->act))
      return 0;
    n->dst = (int)j + 1;
    l->done[j] = 1;
    return 1;
  }
  return 0;
}

void
gpu_plan_lower(struct lowering *l, int i)
{
  const struct chanas_op *op = &l->w->op[i];
  struct gpu_plan *p = l->plan;

  if (l->done[i])
    return;
  switch (op->kind) {
  case CHANAS_CONV:
  case CHANAS_LINEAR: lower_dense(l, op, i); break;
  case CHANAS_DWCONV:
  case CHANAS_AVGPOOL: lower_window(l, op, i); break;
  case CHANAS_SE: lower_se(l, op, i); break;
  default: lower_plain(l, op, i);
  }
  if (l->gate[i + 1] >= 0)
    return;
  while (p->schedule->fold && fold_next(l, &p->node[p->nodes - 1], i + 1))
    ;
}
