/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kernels that move more than they compute.  Means over pixels and products
 * with a vector have GPU_LANES outputs a block, one a lane, so that reads are
 * of adjacent floats; the groups of lanes share the sum, which a tree in
 * local memory adds up.
 */
#include "gpu_emit.h"

/* After the sums of all groups are in v: the whole one, in group 0. */
static void
tree(struct gpu_text *o)
{
  P(o, "  LOCAL float a[GROUPS][LANES];\n"
    "  a[group][lane] = v;\n  SYNC();\n"
    "  for (int n = GROUPS / 2; n > 0; n /= 2) {\n"
    "    if (group < n)\n      a[group][lane] += a[group + n][lane];\n"
    "    SYNC();\n  }\n");
}

static void
reduction(struct gpu_text *o, int length, int outputs)
{
  P(o, "  enum { LANES = %d, GROUPS = %d, LENGTH = %d, C = %d };\n"
    "  const int lane = THREAD %% LANES, group = THREAD / LANES;\n"
    "  const int c = BLOCK(0) * LANES + lane, e = BLOCK(1) * C + c;\n"
    "  float v = 0.0f;\n", GPU_LANES, o->plan->schedule->threads / GPU_LANES,
    length, outputs);
}

static void
result(struct gpu_text *o, const struct gpu_node *n, const char *value)
{
  tree(o);
  P(o, "  if (group == 0 && c < C) {\n    v = %s;\n", value);
  gpu_finish(o, n, "    ");
  P(o, "    to[e] = v;\n  }\n");
  gpu_end(o);
}

void
gpu_emit_pool(struct gpu_text *o, const struct gpu_node *n)
{
  struct gpu_cost cost = gpu_node_cost(o->plan, n);

  gpu_begin(o, &cost, "mean over all pixels", n, n);
  reduction(o, n->h * n->w, n->cin);
  P(o, "  for (int i = group; i < LENGTH && c < C; i += GROUPS)\n"
    "    v += in[(BLOCK(1) * LENGTH + i) * C + c];\n");
  result(o, n, "a[0][lane] / (float)LENGTH");
}

void
gpu_emit_vector(struct gpu_text *o, const struct gpu_node *n)
{
  struct gpu_cost cost = gpu_node_cost(o->plan, n);

  gpu_begin(o, &cost, "product with a vector", n, n);
  reduction(o, n->cin, n->cout);
  P(o, "  for (int i = group; i < LENGTH && c < C; i += GROUPS)\n"
    "    v += in[BLOCK(1) * LENGTH + i]%s * w[%zu + i * %d + c];\n",
    n->gate < 0 ? "" : " * gate[BLOCK(1) * LENGTH + i]", n->weights_at,
    gpu_up(n->cout, 4) * 4);
  result(o, n, "a[0][lane]");
}

void
gpu_emit_point(struct gpu_text *o, const struct gpu_node *n)
{
  struct gpu_cost cost = gpu_node_cost(o->plan, n);
  int vec = gpu_vec(n->cin, o->plan->schedule->vec);
  long floats = (long)o->plan->workload->batch * n->h * n->w * n->cin;

  gpu_begin(o, &cost, "element by element", n, n);
  P(o, "  const int e0 = (BLOCK(0) * %ld + THREAD) * %d;\n"
    "  if (e0 < %ld) {\n    ALIGNED float r[%d], r2[%d];\n"
    "    LOAD%d(r, in + e0);\n", cost.threads, vec, floats, vec, vec, vec);
  if (n->src2 >= 0)
    P(o, "    LOAD%d(r2, in2 + e0);\n", vec);
  P(o, "    UNROLL(%d)\n    for (int q = 0; q < %d; q++) {\n"
    "      const int e = e0 + q, c = e %% %d;\n      float v = r[q]", vec, vec,
    n->cin);
  if (n->src2 >= 0)
    P(o, " + r2[q]");
  if (n->gate >= 0)
    P(o, " * gate[e / %d * %d + c]", n->h * n->w * n->cin, n->cin);
  P(o, ";\n      (void)c, (void)r2;\n");
  gpu_finish(o, n, "      ");
  P(o, "      r[q] = v;\n    }\n    STORE%d(to + e0, r);\n  }\n", vec);
  gpu_end(o);
}
