/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Phases: a node each, but chains around a depthwise convolution are one.
 */
#include "gpu_plan.h"

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

void
gpu_plan_phases(struct lowering *l)
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
