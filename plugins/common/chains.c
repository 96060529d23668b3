/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plan, between lowering and placing: which nodes make a chain, and so which
 * phases there are.
 */
#include "chains.h"

int
tensor_readers(const struct plan *plan, int tensor, int *last)
{
  int i, j, count = 0;

  for (i = 0; i < plan->nodes; i++) {
    const struct node *n = &plan->node[i];
    int here = (n->src == tensor) + (n->src2 == tensor);
    for (j = 0; j < n->tails; j++)
      here += n->tail[j].add == tensor;
    if (here)
      *last = i;
    count += here;
  }
  return count;
}

int
is_pointwise(const struct node *n)
{
  return n->kind == NODE_CONV && n->k == 1 && n->stride == 1 && n->pad == 0
         && n->scaled < 0;
}

/* What a chain can begin with: rows of its result come one by one, from x if
 * they need more than a row each. */
static int
is_expansion(const struct node *n)
{
  return is_pointwise(n) || (n->kind == NODE_CONV && n->src == 0
                             && n->winograd == 0 && n->scaled < 0);
}

/* Does the node add this tensor to its result? */
static int
adds(const struct node *n, int tensor)
{
  int i, count = 0;

  for (i = 0; i < n->tails; i++)
    count += n->tail[i].add == tensor;
  return count;
}

/* The chain around depthwise node d, if there is one worth the name. */
static int
find_chain(const struct plan *plan, const int *producer, int d,
           struct phase *out)
{
  const struct node *dw = &plan->node[d];
  int last = -1, p = producer[dw->src], inside = 1;

  *out = (struct phase){ .expand = -1, .dw = d, .project = -1, .node = -1 };
  if (dw->kind != NODE_DW || dw->adds || plan->schedule->fuse == FUSE_NONE)
    return 0;
  if (plan->schedule->fuse == FUSE_PROJECT && !dw->accumulate
      && tensor_readers(plan, dw->dst, &last) == 1
      && is_pointwise(&plan->node[last]) && plan->node[last].src == dw->dst)
    out->project = last;
  if (out->project >= 0 && dw->stride == 1)
    inside += adds(&plan->node[out->project], dw->src);
  if (p >= 0 && is_expansion(&plan->node[p]) && plan->node[p].adds == 0
      && !plan->node[p].chained /* as the project of another one */
      && tensor_readers(plan, dw->src, &last) == inside)
    out->expand = p;
  else if (dw->src != 0)
    return 0; /* its input lies in scratch already, halo and all */
  return out->expand >= 0 || out->project >= 0;
}

void
find_chains(struct plan *plan, const int *producer)
{
  struct phase at[PLAN_NODES];
  int i, j;

  for (i = 0; i < plan->nodes; i++)
    at[i] = lone_phase(i);
  for (i = 0; i < plan->nodes; i++) {
    struct phase chain;
    int members[3], last = i;
    if (!find_chain(plan, producer, i, &chain))
      continue;
    members[0] = chain.expand, members[1] = i, members[2] = chain.project;
    for (j = 0; j < 3; j++)
      if (members[j] >= 0) {
        plan->node[members[j]].chained = 1;
        if (members[j] > last)
          last = members[j];
      }
    at[last] = chain;
  }
  for (i = 0; i < plan->nodes; i++)
    if (at[i].dw >= 0 || !plan->node[i].chained)
      plan->phase[plan->phases++] = at[i];
}
