/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plan: operators are lowered to nodes, elementwise ones that follow join the
 * node before them, chains around a depthwise convolution become one phase,
 * and the tensors between phases get their places in scratch (first fit over
 * the phases in which they are alive).
 */
#include "gpu.h"

#define LINE 64 /* floats that tensors and parameters are aligned to */

struct lowering {
  struct gpu_plan *plan;
  const struct chanas_workload *w;
  int uses[GPU_OPS + 1], gate[GPU_OPS + 1], original[GPU_OPS + 1];
  int done[GPU_OPS]; /* part of a node already */
  long weights;
};

static int
new_tensor(struct gpu_plan *p, size_t floats)
{
  p->tensor[p->tensors] = (struct gpu_tensor){ .floats = floats };
  return p->tensors++;
}

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

static int
is_dense(const struct chanas_op *op)
{
  return op->kind == CHANAS_CONV || op->kind == CHANAS_LINEAR;
}

int
gpu_class(const struct chanas_workload *w, uint32_t index, uint32_t *first)
{
  uint32_t seen[GPU_OPS], i;
  int count = 0, j;

  for (i = 0; i <= index && i < GPU_OPS; i++) {
    const struct chanas_op *a = &w->op[i], *b;
    if (!is_dense(a))
      continue;
    for (j = 0; j < count; j++) {
      b = &w->op[seen[j]];
      if (a->cin == b->cin && a->cout == b->cout && a->k == b->k
          && a->oh == b->oh && a->ow == b->ow && a->kind == b->kind)
        break;
    }
    if (j == count)
      seen[count++] = i;
    j = j < GPU_CLASSES ? j : GPU_CLASSES - 1;
    if (i == index) {
      if (first)
        *first = seen[j];
      return j;
    }
  }
  return -1;
}

struct gpu_extent
gpu_extent(const struct gpu_plan *p, const struct gpu_node *n)
{
  return (struct gpu_extent){ p->workload->batch * n->oh * n->ow, n->cout,
                              n->cin * n->k * n->k };
}

/* ---- lowering ---- */

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
  int mean = new_tensor(p, batch * (size_t)op->cin);
  int hidden = new_tensor(p, batch * (size_t)op->squeeze);
  int gate = new_tensor(p, batch * (size_t)op->cin);
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

static void
lower(struct lowering *l, int i)
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

/* ---- phases ---- */

static int
is_point_conv(const struct gpu_node *n)
{
  return n->kind == GPU_DENSE && n->k == 1 && n->stride == 1 && n->pad == 0
         && n->gate < 0;
}

static int
find_reader(const struct lowering *l, int tensor)
{
  int i;

  if (tensor > GPU_OPS || l->uses[tensor] != 1)
    return -1;
  for (i = 0; i < l->plan->nodes; i++)
    if (l->plan->node[i].src == tensor)
      return i;
  return -1;
}

static int
find_writer(const struct lowering *l, int tensor)
{
  int i;

  for (i = 0; i < l->plan->nodes; i++)
    if (l->plan->node[i].dst == tensor)
      return i;
  return -1;
}

/* Adds of a tail would be wanted inside the chain: not there. */
static int
has_adds(const struct gpu_node *n)
{
  int i;

  for (i = 0; i < n->tails; i++)
    if (n->tail[i].add >= 0)
      return 1;
  return 0;
}

static struct gpu_phase
chain_around(const struct lowering *l, int dw)
{
  struct gpu_plan *p = l->plan;
  struct gpu_phase c = { -1, -1, dw, -1 };
  struct gpu_node *n = &p->node[dw];
  int before = find_writer(l, n->src), after = find_reader(l, n->dst);

  if (before >= 0 && is_point_conv(&p->node[before])
      && !has_adds(&p->node[before]) && l->uses[n->src] == 1)
    c.expand = before;
  if (after >= 0 && is_point_conv(&p->node[after]) && !has_adds(n)
      && p->schedule->fuse == GPU_FUSE_PROJECT)
    c.project = after;
  if (c.expand < 0 && c.project < 0)
    c.dw = -1;
  return c;
}

static void
make_phases(struct lowering *l)
{
  struct gpu_plan *p = l->plan;
  int inside[GPU_NODES] = { 0 }, i;
  struct gpu_phase chain[GPU_NODES];

  for (i = 0; i < p->nodes; i++)
    chain[i] = (struct gpu_phase){ i, -1, -1, -1 };
  for (i = 0; i < p->nodes; i++) {
    if (p->node[i].kind != GPU_WINDOW || p->node[i].weights < 0
        || p->schedule->fuse == GPU_FUSE_NONE || inside[i])
      continue;
    struct gpu_phase c = chain_around(l, i);
    if (c.dw < 0 || (c.expand >= 0 && inside[c.expand]))
      continue;
    if (c.expand >= 0)
      inside[c.expand] = 1;
    if (c.project >= 0)
      inside[c.project] = 1;
    inside[i] = 1;
    chain[c.project >= 0 ? c.project : i] = c;
  }
  for (i = 0; i < p->nodes; i++)
    if (!inside[i] || chain[i].dw >= 0)
      p->phase[p->phases++] = chain[i];
  for (i = 0; i < p->nodes; i++)
    if (inside[i])
      p->node[i].mma = 0, p->node[i].split = 1;
}

/* ---- places ---- */

static void
touch(struct gpu_plan *p, int tensor, int phase)
{
  struct gpu_tensor *t;

  if (tensor < 0)
    return;
  t = &p->tensor[tensor];
  t->first = phase < t->first ? phase : t->first;
  t->last = phase > t->last ? phase : t->last;
}

static void
touch_node(struct gpu_plan *p, int node, int phase, int reads, int writes)
{
  const struct gpu_node *n;
  int i;

  if (node < 0)
    return;
  n = &p->node[node];
  if (reads) {
    touch(p, n->src, phase);
    touch(p, n->src2, phase);
    touch(p, n->gate, phase);
  }
  if (writes) {
    touch(p, n->dst, phase);
    touch(p, n->partial, phase);
    for (i = 0; i < n->tails; i++)
      touch(p, n->tail[i].add, phase);
  }
}

static void
lives(struct gpu_plan *p)
{
  int i;

  for (i = 0; i < p->tensors; i++) {
    p->tensor[i].first = GPU_NODES;
    p->tensor[i].last = -1;
  }
  for (i = 0; i < p->phases; i++) {
    const struct gpu_phase *c = &p->phase[i];
    touch_node(p, c->node, i, 1, 1);
    touch_node(p, c->expand, i, 1, 0);
    touch_node(p, c->dw, i, c->expand < 0, c->project < 0);
    touch_node(p, c->project, i, 0, 1);
  }
}

static void
place(struct gpu_plan *p)
{
  int i, j;

  p->tensor[0].place = GPU_X;
  p->tensor[p->workload->ops].place = GPU_Y;
  for (i = 1; i < p->tensors; i++) {
    struct gpu_tensor *t = &p->tensor[i];
    if (t->place != GPU_NOWHERE || t->last < 0)
      continue;
    t->place = GPU_SCRATCH;
    t->floats = (t->floats + LINE - 1) / LINE * LINE;
    for (j = 1; j < i; j++) {
      const struct gpu_tensor *o = &p->tensor[j];
      if (o->place == GPU_SCRATCH && o->first <= t->last
          && t->first <= o->last && t->offset < o->offset + o->floats
          && o->offset < t->offset + t->floats) {
        t->offset = o->offset + o->floats;
        j = 0; /* from the start again */
      }
    }
    if (t->offset + t->floats > p->scratch)
      p->scratch = t->offset + t->floats;
  }
}

/* Where the packed parameters of each node are. */
static void
pack(struct gpu_plan *p)
{
  int i;

  for (i = 0; i < p->nodes; i++) {
    struct gpu_node *n = &p->node[i];
    struct gpu_extent e = gpu_extent(p, n);
    size_t words = (size_t)(n->kind == GPU_WINDOW ? n->k * n->k : e.k)
                   * (size_t)gpu_up(n->cout, 4) * 4;
    if (n->weights < 0)
      continue;
    if (n->mma) {
      int per = gpu_per_word(p->workload->dtype);
      words = (size_t)gpu_up(e.k, 4 * per) * 4 * (size_t)n->cout;
      if (p->workload->dtype == CHANAS_I8)
        words += (size_t)n->cout; /* a scale for each channel, behind */
    }
    n->weights_at = p->packed;
    p->packed += (words + LINE - 1) / LINE * LINE;
    if (n->bias < 0)
      continue;
    n->bias_at = p->packed;
    p->packed += (size_t)gpu_up(n->cout, LINE) * LINE;
  }
  p->range_at = p->packed;
  if (p->workload->dtype == CHANAS_I8)
    p->packed += LINE;
}

/* The sum over parts needs a tensor for them, and more than one part. */
static void
split(struct gpu_plan *p)
{
  int i;

  for (i = 0; i < p->nodes; i++) {
    struct gpu_node *n = &p->node[i];
    struct gpu_extent e = gpu_extent(p, n);
    int per = n->mma ? gpu_per_word(p->workload->dtype) : 1;
    int slices = gpu_up(e.k, p->schedule->slice * per);
    if (n->kind != GPU_DENSE || n->split < 2)
      continue;
    n->split = n->split < slices ? n->split : slices;
    n->split = gpu_up(slices, gpu_up(slices, n->split));
    if (n->split > 1)
      n->partial = new_tensor(p, (size_t)e.m * (size_t)e.n
                                   * (size_t)n->split);
  }
}

int
gpu_plan_make(struct gpu_plan *p, const struct chanas_workload *w,
              const struct gpu_schedule *s, const struct gpu_device *d)
{
  struct lowering l = { .plan = p, .w = w };
  uint32_t i;

  if (w->ops > GPU_OPS)
    return -1;
  *p = (struct gpu_plan){ .workload = w, .schedule = s, .device = d };
  new_tensor(p, w->inputs);
  l.gate[0] = -1;
  for (i = 0; i < w->ops; i++) {
    const struct chanas_op *op = &w->op[i];
    new_tensor(p, (size_t)w->batch * (size_t)op->oh * (size_t)op->ow
                    * (size_t)op->cout);
    l.uses[op->src]++;
    if (op->kind == CHANAS_ADD)
      l.uses[op->src2]++;
    l.gate[i + 1] = -1;
  }
  for (i = 0; i < w->ops; i++)
    lower(&l, (int)i);
  for (i = 0; i < (uint32_t)p->nodes; i++)
    p->node[i].accumulate = w->accumulate
                            && p->node[i].dst == (int)w->ops;
  make_phases(&l);
  split(p);
  lives(p);
  place(p);
  pack(p);
  return 0;
}
