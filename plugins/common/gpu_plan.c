/* SPDX-License-Identifier: Apache-2.0 */
/* A plan, step by step (gpu_plan.h); classes and extents of what is dense. */
#include "gpu_plan.h"

int
gpu_plan_tensor(struct gpu_plan *p, size_t floats)
{
  p->tensor[p->tensors] = (struct gpu_tensor){ .floats = floats };
  return p->tensors++;
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
      n->partial = gpu_plan_tensor(p, (size_t)e.m * (size_t)e.n
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
  gpu_plan_tensor(p, w->inputs);
  l.gate[0] = -1;
  for (i = 0; i < w->ops; i++) {
    const struct chanas_op *op = &w->op[i];
    gpu_plan_tensor(p, (size_t)w->batch * (size_t)op->oh * (size_t)op->ow
                         * (size_t)op->cout);
    l.uses[op->src]++;
    if (op->kind == CHANAS_ADD)
      l.uses[op->src2]++;
    l.gate[i + 1] = -1;
  }
  for (i = 0; i < w->ops; i++)
    gpu_plan_lower(&l, (int)i);
  for (i = 0; i < (uint32_t)p->nodes; i++)
    p->node[i].accumulate = w->accumulate
                            && p->node[i].dst == (int)w->ops;
  gpu_plan_phases(&l);
  split(p);
  gpu_plan_places(p);
  return 0;
}
