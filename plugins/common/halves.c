/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plan, between lowering and placing: which depthwise convolutions compute in
 * half precision, with twice as many channels in a register and half as many
 * bytes between them and the expansion.  They stand between convolutions on
 * tiles: a half of ordinary size has 3 bits more than the bfloat16 that such a
 * network's depthwise convolutions may read (plugin.h), so that even with
 * large weights that cancel the error is the smaller one.
 *
 * A half ends at 65504, so both activations, before and behind, have to be
 * bounded ones, and kernels not too large.  Weights are divided by the largest
 * of their channel, which the epilogue multiplies again: sums stay below
 * 6 k k.  That factor and the bias, which are halves too, are cut to the
 * largest one.
 *
 * The tensor between the two has planes of two vectors' channels, a pixel's
 * halves side by side.  Where the channels are an odd number of vectors, the
 * last upper half is zero.
 */
#include "chains.h"
#include "halves.h"

#define WIDEST 7 /* kernel: at most 64 products, see plugin.h */

/* Does every group of the node's vectors begin with an even one? */
static int
begins_even(const struct plan *plan, const struct node *n)
{
  struct parts g = parts_of(div_up(n->cout, plan->vec), n->block.nv);
  int i, first = 0;

  for (i = 0; i < g.count; i++) {
    if (first % 2)
      return 0;
    first += g.size - (i >= g.big);
  }
  return 1;
}

static int
is_bounded(const struct node *n)
{
  return n->tails == 1 && n->adds == 0 && n->tail[0].act == CHANAS_ACT_RELU6;
}

/* The node that makes the tensor, on tiles; NULL: none does. */
static const struct node *
tiled_producer(const struct plan *plan, int tensor)
{
  int i;

  for (i = 0; i < plan->nodes; i++)
    if (plan->node[i].dst == tensor)
      return plan->node[i].per ? &plan->node[i] : NULL;
  return NULL;
}

static int
fits(const struct plan *plan, const struct node *dw)
{
  const struct node *expand;
  int last;

  if (dw->kind != NODE_DW || dw->k > WIDEST || !is_bounded(dw) || dw->accumulate
      || plan->tensor[dw->dst].per == 0
      || dw->cout < plan->vec /* its pixels have room for less */
      || tensor_readers(plan, dw->src, &last) != 1)
    return 0;
  expand = tiled_producer(plan, dw->src);
  return expand && is_bounded(expand) && !expand->accumulate
         && begins_even(plan, expand);
}

void
halve_tensors(struct plan *plan)
{
  int i;

  for (i = 0; plan->schedule->halves && i < plan->nodes; i++) {
    struct node *n = &plan->node[i];
    n->half = fits(plan, n);
    if (n->half)
      plan->tensor[n->src].half = 1;
  }
}
