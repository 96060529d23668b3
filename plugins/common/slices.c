/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plan, between chains and places: blocks by slices of channels.  Where maps
 * are small, threads that share the pixels compute many rows twice, and those
 * that share output channels read each other's tensors three times a block.
 * With SPLIT_SLICES a thread takes a slice of the channels between expansion
 * and projection through the whole block; its projection sums over these
 * alone, and what the slices sum to is added in a phase of its own, which is
 * all that threads exchange.
 *
 * With squeeze and excite in between, the chain ends at the depthwise
 * convolution.  Means, the second of the two linear layers and the scaling
 * share vectors of channels evenly, so that each thread keeps its slice; only
 * the first linear layer reads all means.
 */
#include "chains.h"

#define WASTE 12 /* one vector of so many may be added */

/* Squeeze and excite behind a chain, and the projection: phases. */
struct excite { int mean, second, scale, project; };

/* The phase of the only node of this kind that reads the tensor, or -1. */
static int
reader(const struct plan *plan, int kind, int tensor)
{
  int i, found = -1, count = 0;

  for (i = 0; i < plan->phases; i++) {
    const struct phase *p = &plan->phase[i];
    if (p->dw >= 0 || plan->node[p->node].src != tensor
        || plan->node[p->node].kind != kind)
      continue;
    found = i;
    count++;
  }
  return count == 1 ? found : -1;
}

static const struct node *
node_of(const struct plan *plan, int phase)
{
  return &plan->node[plan->phase[phase].node];
}

/* The phase, not of a chain, whose node makes the tensor, or -1. */
static int
maker(const struct plan *plan, int tensor)
{
  int i;

  for (i = 0; i < plan->phases; i++)
    if (plan->phase[i].dw < 0 && node_of(plan, i)->dst == tensor)
      return i;
  return -1;
}

static int
find_excite(const struct plan *plan, const struct node *dw, struct excite *x)
{
  const struct node *scale;

  x->mean = reader(plan, NODE_MEAN, dw->dst);
  x->scale = reader(plan, NODE_SCALE, dw->dst);
  if (plan->batch > 1 || x->mean < 0 || x->scale < 0)
    return 0;
  scale = node_of(plan, x->scale);
  x->second = maker(plan, scale->src2);
  x->project = reader(plan, NODE_CONV, scale->dst);
  return x->second >= 0 && node_of(plan, x->second)->per == 0
         && scale->adds == 0 /* what is added has no channels to spare */
         && x->project == x->scale + 1
         && is_pointwise(node_of(plan, x->project))
         && node_of(plan, x->project)->per == 0;
}

/* Channels of a slice. */
static int
width_of(const struct plan *plan, const struct node *dw)
{
  return div_up(div_up(dw->cout, plan->vec), plan->threads) * plan->vec;
}

/* Are equal slices not much more than the channels? */
static int
divides(const struct plan *plan, const struct node *dw)
{
  int vectors = div_up(dw->cout, plan->vec);
  int all = width_of(plan, dw) / plan->vec * plan->threads;

  return WASTE * (all - vectors) <= vectors
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
  sum->weights = sum->bias = -1;
  sum->sums = slices;
  sum->chained = 0;
  project->dst = t;
  project->tails = project->adds = project->accumulate = 0;
}

/* Room for the phase of the sum, behind the one of the project. */
static void
insert_sum(struct plan *plan, int after)
{
  int i;

  for (i = plan->phases++; i > after + 1; i--)
    plan->phase[i] = plan->phase[i - 1];
  plan->phase[after + 1] = lone_phase(plan->nodes - 1);
}

static void
slice_project(struct plan *plan, struct node *project, int width)
{
  add_sum(plan, project, plan->threads);
  project->slices = plan->threads;
  project->full = project->cin;
  project->cin = width;
}

/* Expansion and depthwise convolution; what lies between them is a ring. */
static void
slice_chain(struct plan *plan, struct phase *p, int width)
{
  struct node *expand = &plan->node[p->expand], *dw = &plan->node[p->dw];

  p->slices = expand->slices = dw->slices = plan->threads;
  expand->mid = dw->mid = dw->cout;
  expand->cout = dw->cin = dw->cout = plan->tensor[dw->src].c = width;
  expand->units = plan->schedule->rows * dw->stride
                  * parts_of(expand->ow, expand->block.mr).count;
}

/* A node whose vectors of output channels are those of all slices: weights
 * for what is beyond its channels are zero. */
static struct node *
share_vectors(struct plan *plan, int phase, int width)
{
  struct node *n = &plan->node[plan->phase[phase].node];

  n->by_vectors = 1;
  n->mid = n->cout;
  n->cout = plan->tensor[n->dst].c = width * plan->threads;
  return n;
}

/* Squeeze and excite, and the project behind it. */
static void
slice_excite(struct plan *plan, const struct excite *x, int width)
{
  struct node *second = share_vectors(plan, x->second, width);
  struct node *mean = share_vectors(plan, x->mean, width);
  struct node *scale = share_vectors(plan, x->scale, width);

  while (width / plan->vec % second->block.nv) /* groups divide like slices */
    second->block.nv--;
  mean->cin = mean->cout;
  scale->cin = scale->cout;
  slice_project(plan, &plan->node[plan->phase[x->project].node], width);
  plan->phase[x->mean].local = plan->phase[x->scale].local = 1;
  plan->phase[x->project].local = 1;
  insert_sum(plan, x->project);
}

/* Can the project's epilogue wait?  Not if it adds what is in the ring. */
static int
sums_alone(const struct plan *plan, const struct phase *p)
{
  const struct node *project = &plan->node[p->project];
  int i;

  for (i = 0; i < project->tails; i++)
    if (project->tail[i].add == plan->node[p->dw].src)
      return 0;
  return project->per == 0;
}

/* Register blocks of one group in the tile of a chain. */
static int
tile_units(const struct plan *plan, const struct node *project)
{
  int rows = plan->schedule->rows;

  if (rows > project->oh)
    rows = project->oh;
  return parts_of(rows * project->ow, project->block.mr).count;
}

static void
slice(struct plan *plan, int phase)
{
  struct phase *p = &plan->phase[phase];
  const struct node *dw = &plan->node[p->dw];
  int width = width_of(plan, dw);
  struct excite x;

  if (p->expand < 0 || plan->node[p->expand].per || !divides(plan, dw))
    return;
  if (p->project >= 0 && sums_alone(plan, p)) {
    slice_chain(plan, p, width);
    plan->tensor[dw->dst].c = width;
    slice_project(plan, &plan->node[p->project], width);
    plan->node[p->project].units = tile_units(plan, &plan->node[p->project]);
    insert_sum(plan, phase);
  } else if (p->project < 0 && find_excite(plan, dw, &x)) {
    slice_chain(plan, p, width);
    plan->tensor[dw->dst].c = width * plan->threads;
    slice_excite(plan, &x, width);
  }
}

void
slice_chains(struct plan *plan)
{
  int i;

  if (plan->schedule->split != SPLIT_SLICES || plan->threads < 2)
    return;
  for (i = 0; i < plan->phases; i++)
    if (plan->phase[i].dw >= 0)
      slice(plan, i);
}
