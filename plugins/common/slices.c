/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plan, between chains and places: a chain by slices of channels.  Where maps
 * are small, threads that share the pixels compute many rows twice or read
 * each other's tensors three times a block.  With SPLIT_SLICES a thread takes
 * a slice of the channels between expansion and projection through the whole
 * chain; its projection sums over these alone, and what the slices sum to is
 * added in a phase of its own, which is all that threads exchange.
 */
#include "slices.h"

static int
can_slice(const struct plan *plan, const struct phase *p)
{
  if (plan->threads < 2 || p->expand < 0 || p->dw < 0 || p->project < 0)
    return 0;
  return plan->node[p->expand].per == 0 && plan->node[p->project].per == 0
         && plan->node[p->dw].cout % (plan->vec * plan->threads) == 0
         && plan->tensors < PLAN_TENSORS && plan->nodes < PLAN_NODES;
}

/* The epilogue of the project waits for the sum. */
static void
add_sum(struct plan *plan, struct node *project, int slices)
{
  int t = plan->tensors++;
  struct node *sum = &plan->node[plan->nodes++];

  plan->tensor[t] = (struct tensor){ .c = project->cout, .h = project->oh,
                                     .w = project->ow, .copies = slices };
  *sum = *project;
  sum->kind = NODE_POINT;
  sum->src = t;
  sum->cin = project->cout;
  sum->h = project->oh;
  sum->w = project->ow;
  sum->weights = sum->bias = -1;
  sum->sums = slices;
  sum->chained = 0;
  project->dst = t;
  project->tails = project->adds = project->accumulate = 0;
}

static void
slice(struct plan *plan, struct phase *p, int slices)
{
  struct node *expand = &plan->node[p->expand], *dw = &plan->node[p->dw];
  struct node *project = &plan->node[p->project];

  add_sum(plan, project, slices);
  p->slices = expand->slices = dw->slices = project->slices = slices;
  expand->cout /= slices;
  dw->cin = dw->cout /= slices;
  project->full = project->cin;
  project->cin /= slices;
  plan->tensor[dw->src].c /= slices;
  plan->tensor[dw->dst].c /= slices;
}

void
slice_chains(struct plan *plan)
{
  int i, j;

  for (i = 0; plan->schedule->split == SPLIT_SLICES && i < plan->phases; i++) {
    if (!can_slice(plan, &plan->phase[i]))
      continue;
    slice(plan, &plan->phase[i], plan->threads);
    for (j = plan->phases++; j > i + 1; j--)
      plan->phase[j] = plan->phase[j - 1];
    plan->phase[i + 1] = (struct phase){ .expand = -1, .dw = -1, .project = -1,
                                         .node = plan->nodes - 1 };
  }
}
