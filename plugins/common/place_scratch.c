/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plan, last part: where in scratch each tensor lives, first fit over the
 * barriers between which it is alive.
 */
#include "place.h"

int
phase_nodes(const struct phase *p, int out[3])
{
  int n = 0;

  if (p->dw < 0) {
    out[n++] = p->node;
    return n;
  }
  if (p->expand >= 0)
    out[n++] = p->expand;
  out[n++] = p->dw;
  if (p->project >= 0)
    out[n++] = p->project;
  return n;
}

static void
touch(struct plan *plan, int tensor, int phase)
{
  struct tensor *t;

  if (tensor < 0)
    return;
  t = &plan->tensor[tensor];
  if (phase < t->first)
    t->first = phase;
  if (phase > t->last)
    t->last = phase;
}

/* Counted in barriers: nobody waits before a local phase. */
static void
lives(struct plan *plan)
{
  int i, j, k, count, member[3], at = 0;

  for (i = 0; i < plan->tensors; i++) {
    plan->tensor[i].first = PLAN_NODES;
    plan->tensor[i].last = -1;
  }
  for (i = 0; i < plan->phases; i++) {
    count = phase_nodes(&plan->phase[i], member);
    at += !plan->phase[i].local;
    for (j = 0; j < count; j++) {
      const struct node *n = &plan->node[member[j]];
      touch(plan, n->src, at);
      touch(plan, n->src2, at);
      touch(plan, n->scaled, at);
      touch(plan, n->dst, at);
      for (k = 0; k < n->tails; k++)
        touch(plan, n->tail[k].add, at);
    }
  }
}

/* Lowest offset at which the tensor overlaps no other living one. */
static size_t
first_fit(const struct plan *plan, int index)
{
  const struct tensor *t = &plan->tensor[index];
  size_t at = 0;
  int i, moved;

  do {
    moved = 0;
    for (i = 0; i < index; i++) {
      const struct tensor *o = &plan->tensor[i];
      if (o->place != PLACE_SCRATCH || o->last < t->first
          || o->first > t->last || at >= o->offset + o->size
          || at + t->size <= o->offset)
        continue;
      at = o->offset + o->size;
      moved = 1;
    }
  } while (moved);
  return at;
}

void
place_scratch(struct plan *plan)
{
  int i;

  lives(plan);
  for (i = 0; i < plan->tensors; i++) {
    struct tensor *t = &plan->tensor[i];
    if (t->place != PLACE_NONE || t->last < 0)
      continue;
    t->place = PLACE_SCRATCH;
    t->offset = first_fit(plan, i);
    if (t->offset + t->size > plan->scratch)
      plan->scratch = t->offset + t->size;
  }
  plan->share_offset = plan->scratch;
  plan->scratch += plan->share * (size_t)plan->threads;
}
