/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plan, second half: where the packed weights of each node are, and how much
 * room they take.
 */
#include "kernel.h"
#include "place.h"

#define LINE (KERNEL_ALIGN / sizeof(float))

size_t
node_zeroes(const struct node *n)
{
  return n->kind == NODE_DW && n->open && n->pad > 0 && n->k <= DW_UNROLLED
         ? round_up((size_t)n->w * (size_t)n->cin, LINE) : 0;
}

size_t
node_panel(const struct plan *plan, const struct node *n)
{
  size_t taps = (size_t)n->k * (size_t)n->k, vec = (size_t)plan->vec;

  if (n->winograd)
    taps = 16;
  if (n->per)
    return vec * (2 + vec * (size_t)n->k * (size_t)node_steps(plan, n));
  if (n->half) /* of two vectors: scale, bias and taps as halves */
    return (2 + taps) * vec / 2;
  return (taps * (n->kind == NODE_DW ? 1 : (size_t)n->cin) + 1)
         * (size_t)plan->vec;
}

static void
pack_node(struct plan *plan, struct node *n)
{
  int vectors = div_up(n->cout, plan->vec);

  n->packed = plan->packed;
  plan->packed += round_up(node_panel(plan, n)
                           * (size_t)(vectors + (n->half && vectors % 2)),
                           LINE);
  n->zeroes = plan->packed;
  plan->packed += node_zeroes(n);
}

/* All weights of a slice lie together. */
static void
pack_slices(struct plan *plan, const struct phase *p)
{
  int i, member[3], count = phase_nodes(p, member);
  size_t first = plan->packed, slice;

  for (i = 0; i < count; i++)
    pack_node(plan, &plan->node[member[i]]);
  slice = plan->packed - first;
  for (i = 0; i < count; i++)
    plan->node[member[i]].slice = slice;
  plan->packed = first + (size_t)plan->threads * slice;
}

void
place_weights(struct plan *plan)
{
  int i;

  for (i = 0; i < plan->tensors; i++)
    if (plan->tensor[i].per == 4) {
      plan->tensor[i].quantum = plan->packed;
      plan->packed += LINE;
    }
  for (i = 0; i < plan->nodes; i++) {
    struct node *n = &plan->node[i];
    if (n->weights >= 0 && n->slices == 0)
      pack_node(plan, n);
  }
  for (i = 0; i < plan->phases; i++)
    if (plan->phase[i].slices
        || (plan->phase[i].dw < 0 && plan->node[plan->phase[i].node].slices))
      pack_slices(plan, &plan->phase[i]);
}
