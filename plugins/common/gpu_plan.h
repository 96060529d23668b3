/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The steps of gpu_plan_make (gpu.h), shared by the files that take them:
 *
 *   gpu_plan.c         the whole; classes and extents of dense operators
 *   gpu_plan_lower.c   operators to nodes
 *   gpu_plan_phases.c  nodes to phases, what is launched together
 *   gpu_plan_places.c  where tensors and packed parameters lie
 */
#ifndef COMMON_GPU_PLAN_H
#define COMMON_GPU_PLAN_H
#include "gpu.h"

/* A plan while its operators are lowered; arrays by the workload's tensors.
 * The result of a squeeze-and-excite that its reader applies is not made:
 * gate is the tensor of its factors (else -1), original what they multiply. */
struct lowering {
  struct gpu_plan *plan;
  const struct chanas_workload *w;
  int uses[GPU_OPS + 1], gate[GPU_OPS + 1], original[GPU_OPS + 1];
  int done[GPU_OPS]; /* part of a node already; by operator */
  long weights;      /* of the workload's parameters, taken so far */
};

/* ---- gpu_plan.c */
int gpu_plan_tensor(struct gpu_plan *, size_t floats); /* a new one */

/* ---- gpu_plan_lower.c */
/* Operator i; those before it were lowered already. */
void gpu_plan_lower(struct lowering *, int i);

/* ---- gpu_plan_phases.c */
/* Nodes of a chain lose tensor cores and the split sum. */
void gpu_plan_phases(struct lowering *);

/* ---- gpu_plan_places.c */
/* When there are all tensors and phases. */
void gpu_plan_places(struct gpu_plan *);
#endif
