/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plan, between lowering and placing: which convolutions run on tiles, and so
 * which tensors hold narrow elements.  A tensor is narrow if convolutions on
 * tiles read it and nothing else does; x never is, but its copy.
 */
#include "narrow.h"

/* Does the node read the tensor, other than as a convolution on tiles? */
static int
reads_wide(const struct node *n, int tensor)
{
  int i;

  if (n->src == tensor && n->per == 0)
    return 1;
  if (n->src2 == tensor)
    return 1;
  for (i = 0; i < n->tails; i++)
    if (n->tail[i].add == tensor)
      return 1;
  return 0;
}

static int
is_read_wide(const struct plan *plan, int tensor)
{
  int i;

  for (i = 0; i < plan->nodes; i++)
    if (reads_wide(&plan->node[i], tensor))
      return 1;
  return 0;
}

/* A block of accumulators for vectors instead of one of tiles. */
static void
widen(struct node *n)
{
  n->per = 0;
  n->block.mr = n->block.mr < 12 ? n->block.mr : 12;
  n->block.nv = n->block.nv < 2 ? n->block.nv : 2;
}

void
narrow_tensors(struct plan *plan)
{
  int i, again;

  do {
    again = 0;
    for (i = 0; i < plan->nodes; i++) {
      struct node *n = &plan->node[i];
      if (n->per == 0 || (n->src == 0 && n->scaled < 0))
        continue;
      if (n->scaled < 0 && !is_read_wide(plan, n->src))
        continue;
      widen(n);
      again = 1;
    }
  } while (again);
  for (i = 0; i < plan->nodes; i++) {
    const struct node *n = &plan->node[i];
    if (n->per == 0 || n->src == 0)
      continue;
    plan->tensor[n->src].per = n->per;
    plan->tensor[n->src].range = n->range;
  }
}

/* Whole vectors where a pixel is more than one, for these are stored whole.
 * What is read and not stored meets weights of zero, but must be no NaN. */
int
narrow_elements(const struct plan *plan, const struct tensor *t)
{
  size_t c = (size_t)t->c, vec = (size_t)plan->vec;
  size_t whole = t->per == 2 ? vec : 16;

  return (int)round_up(c, c >= whole ? whole : c > vec ? vec : 4);
}

int
node_steps(const struct plan *plan, const struct node *n)
{
  int elements = n->k * narrow_elements(plan, &plan->tensor[n->src]);

  return div_up(elements, plan->vec * n->per);
}
