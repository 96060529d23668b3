/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Places: the tensors between phases get theirs in scratch (first fit over
 * the phases in which they are alive), packed parameters theirs.
 */
#include "gpu_plan.h"

#define LINE 64 /* floats that tensors and parameters are aligned to */

static void
touch(struct gpu_plan *p, int tensor, int phase)
{
  struct gpu_tensor *t;

  if (tensor < 0)
    return;
  t = &p->tensor[tensor];
  t->first = phase < t->first ? phase : t->first;
  t->last = phase > t->last ? phase : t->last;
}

static void
touch_node(struct gpu_plan *p, int node, int phase, int reads, int writes)
{
  const struct gpu_node *n;
  int i;

  if (node < 0)
    return;
  n = &p->node[node];
  if (reads) {
    touch(p, n->src, phase);
    touch(p, n->src2, phase);
    touch(p, n->gate, phase);
  }
  if (writes) {
    touch(p, n->dst, phase);
    touch(p, n->partial, phase);
    for (i = 0; i < n->tails; i++)
      touch(p, n->tail[i].add, phase);
  }
}

static void
lives(struct gpu_plan *p)
{
  int i;

  for (i = 0; i < p->tensors; i++) {
    p->tensor[i].first = GPU_NODES;
    p->tensor[i].last = -1;
  }
  for (i = 0; i < p->phases; i++) {
    const struct gpu_phase *c = &p->phase[i];
    touch_node(p, c->node, i, 1, 1);
    touch_node(p, c->expand, i, 1, 0);
    touch_node(p, c->dw, i, c->expand < 0, c->project < 0);
    touch_node(p, c->project, i, 0, 1);
  }
}

static void
place(struct gpu_plan *p)
{
  int i, j;

  p->tensor[0].place = GPU_X;
  p->tensor[p->workload->ops].place = GPU_Y;
  for (i = 1; i < p->tensors; i++) {
    struct gpu_tensor *t = &p->tensor[i];
    if (t->place != GPU_NOWHERE || t->last < 0)
      continue;
    t->place = GPU_SCRATCH;
    t->floats = (t->floats + LINE - 1) / LINE * LINE;
    for (j = 1; j < i; j++) {
      const struct gpu_tensor *o = &p->tensor[j];
      if (o->place == GPU_SCRATCH && o->first <= t->last
          && t->first <= o->last && t->offset < o->offset + o->floats
          && o->offset < t->offset + t->floats) {
        t->offset = o->offset + o->floats;
        j = 0; /* from the start again */
      }
    }
    if (t->offset + t->floats > p->scratch)
      p->scratch = t->offset + t->floats;
  }
}

/* Where the packed parameters of each node are. */
static void
pack(struct gpu_plan *p)
{
  int i;

  for (i = 0; i < p->nodes; i++) {
    struct gpu_node *n = &p->node[i];
    struct gpu_extent e = gpu_extent(p, n);
    size_t words = (size_t)(n->kind == GPU_WINDOW ? n->k * n->k : e.k)
                   * (size_t)gpu_up(n->cout, 4) * 4;
    if (n->weights < 0)
      continue;
    if (n->mma) {
      int per = gpu_per_word(p->workload->dtype);
      words = (size_t)gpu_up(e.k, 4 * per) * 4 * (size_t)n->cout;
      if (p->workload->dtype == CHANAS_I8)
        words += (size_t)n->cout; /* a scale for each channel, behind */
    }
    n->weights_at = p->packed;
    p->packed += (words + LINE - 1) / LINE * LINE;
    if (n->bias < 0)
      continue;
    n->bias_at = p->packed;
    p->packed += (size_t)gpu_up(n->cout, LINE) * LINE;
  }
  p->range_at = p->packed;
  if (p->workload->dtype == CHANAS_I8)
    p->packed += LINE;
}

void
gpu_plan_places(struct gpu_plan *p)
{
  lives(p);
  place(p);
  pack(p);
}
