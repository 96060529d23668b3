/* SPDX-License-Identifier: Apache-2.0 */
/* Memory of one pass: see nn_plan.h. */
#include "nn_plan.h"

/* ---- rooms that were given back, first fit; sizes in floats */

struct gap { size_t at, size; };
struct heap { struct gap *gap; size_t gaps, room, top; int failed; };

static size_t
heap_take(struct heap *h, size_t size)
{
  size_t at;

  size = (size + 15) / 16 * 16;
  for (size_t i = 0; i < h->gaps; i++)
    if (h->gap[i].size >= size) {
      at = h->gap[i].at;
      h->gap[i].at += size;
      h->gap[i].size -= size;
      return at;
    }
  at = h->top;
  h->top += size;
  return at;
}

/* Joins with the neighbours; gaps stay in order. */
static void
heap_give(struct heap *h, size_t at, size_t size)
{
  size_t i = 0;

  size = (size + 15) / 16 * 16;
  if (h->gaps == h->room) {
    size_t room = h->room ? 2 * h->room : 64;
    struct gap *gap = realloc(h->gap, room * sizeof *gap);
    h->failed |= gap == NULL;
    if (gap == NULL)
      return;
    h->gap = gap;
    h->room = room;
  }
  while (i < h->gaps && h->gap[i].at < at)
    i++;
  memmove(h->gap + i + 1, h->gap + i, (h->gaps - i) * sizeof *h->gap);
  h->gap[i] = (struct gap){ at, size };
  h->gaps++;
  for (size_t j = i > 0 ? i - 1 : 0; j + 1 < h->gaps && j <= i;)
    if (h->gap[j].at + h->gap[j].size == h->gap[j + 1].at) {
      h->gap[j].size += h->gap[j + 1].size;
      memmove(h->gap + j + 1, h->gap + j + 2,
              (h->gaps - j - 2) * sizeof *h->gap);
      h->gaps--;
    } else
      j++;
}

/* ---- forwards */

struct planner {
  struct nn_plan *plan;
  const struct nn_store *store;
  const struct nn_graph *graph;
  struct heap heap;
  size_t n;
  size_t *last; /* per tensor: the last node that reads it */
  int keep, input;
};

static size_t
floats(const struct planner *p, int32_t tensor)
{
  return p->n * p->graph->elements[tensor];
}

static int
has_pre(const struct nn_node *o)
{
  return o->norm || o->kind == CHANAS_SE || o->kind == CHANAS_LINEAR ||
         o->act != CHANAS_ACT_NONE;
}

/* What a node keeps beside its result. */
static size_t
kept(const struct planner *p, const struct nn_node *o)
{
  if (o->kind == CHANAS_SE)
    return p->n * nn_se_kept(o);
  if (o->kind != CHANAS_CONV && o->kind != CHANAS_DWCONV &&
      o->kind != CHANAS_LINEAR)
    return 0;
  if (!has_pre(o) || (o->kind == CHANAS_LINEAR && o->act == CHANAS_ACT_NONE))
    return 0;
  return p->keep || o->kind == CHANAS_LINEAR ? floats(p, o->dst) : 0;
}

static void
find_last(struct planner *p)
{
  const struct nn_graph *g = p->graph;

  for (size_t t = 0; t < g->tensors; t++)
    p->last[t] = 0;
  for (size_t i = 0; i < g->nodes; i++) {
    const int32_t read[3] = { g->node[i].src, g->node[i].src2,
                              g->node[i].res };
    for (int j = 0; j < 3; j++)
      if (read[j] >= 0)
        p->last[read[j]] = i;
  }
  p->last[g->output] = g->nodes;
}

static void
plan_node(struct planner *p, size_t i)
{
  const struct nn_node *o = &p->graph->node[i];
  struct nn_place *place = &p->plan->place[i];
  size_t extra = kept(p, o), used = nn_used(o);
  const int32_t read[3] = { o->src, o->src2, o->res };

  *place = (struct nn_place){ .pre = NN_NOWHERE, .weight = NN_NOWHERE };
  place->vectors = heap_take(&p->heap, NN_VECTORS * (size_t)(o->cout + 16));
  if (used > p->plan->used)
    p->plan->used = used;
  if (o->slot >= 0 && !nn_in_place(o, &p->store->slot[o->slot]))
    place->weight = heap_take(&p->heap, used);
  if (extra)
    place->pre = heap_take(&p->heap, extra);
  p->plan->value[o->dst] = heap_take(&p->heap, floats(p, o->dst));
  if (p->keep)
    return;
  if (extra)
    heap_give(&p->heap, place->pre, extra);
  for (int j = 0; j < 3; j++)
    if (read[j] > 0 && p->last[read[j]] == i &&
        (j == 0 || read[j] != read[0]) && (j < 2 || read[j] != read[1]))
      heap_give(&p->heap, p->plan->value[read[j]], floats(p, read[j]));
}

/* ---- backwards */

static void
plan_source(struct planner *p, int32_t tensor, uint8_t *add)
{
  size_t *grad = &p->plan->grad[tensor];

  if (tensor == 0 && !p->input)
    return;
  *add = *grad != NN_NOWHERE;
  if (!*add)
    *grad = heap_take(&p->heap, floats(p, tensor));
}

/* What is added after normalisation has the gradient of the result, whose
 * room it takes over where it has none yet. */
static void
plan_res(struct planner *p, const struct nn_node *o, struct nn_place *place)
{
  size_t *grad = &p->plan->grad[o->res];

  if (o->res == 0 && !p->input)
    place->res = NN_RES_NONE;
  else if (*grad != NN_NOWHERE)
    place->res = NN_RES_ADD;
  else {
    *grad = p->plan->grad[o->dst];
    place->res = NN_RES_TAKEN;
  }
}

static void
plan_back(struct planner *p, size_t i)
{
  const struct nn_node *o = &p->graph->node[i];
  struct nn_place *place = &p->plan->place[i];

  place->skip = p->plan->grad[o->dst] == NN_NOWHERE;
  if (place->skip || o->kind == NN_NODE_ZERO)
    return;
  plan_source(p, o->src, &place->add);
  if (o->src2 >= 0)
    plan_source(p, o->src2, &place->add2);
  if (o->res >= 0)
    plan_res(p, o, place);
  if (place->res != NN_RES_TAKEN)
    heap_give(&p->heap, p->plan->grad[o->dst], floats(p, o->dst));
}

static void
plan_all(struct planner *p)
{
  const struct nn_graph *g = p->graph;

  find_last(p);
  for (size_t t = 0; t < g->tensors; t++)
    p->plan->value[t] = p->plan->grad[t] = NN_NOWHERE;
  for (size_t i = 0; i < g->nodes; i++)
    plan_node(p, i);
  if (p->keep) {
    p->plan->grad[g->output] = heap_take(&p->heap, floats(p, g->output));
    for (size_t i = g->nodes; i-- > 0;)
      plan_back(p, i);
  }
  p->plan->total = p->heap.top;
}

int
nn_plan_make(struct nn_plan *plan, const struct nn_store *store,
             const struct nn_graph *graph, int32_t n, int keep,
             int input_gradient)
{
  struct planner p = { .plan = plan, .store = store, .graph = graph,
                       .n = (size_t)n, .keep = keep,
                       .input = input_gradient };

  nn_plan_free(plan);
  plan->place = malloc((graph->nodes + 1) * sizeof *plan->place);
  plan->value = malloc(graph->tensors * sizeof *plan->value);
  plan->grad = malloc(graph->tensors * sizeof *plan->grad);
  p.last = malloc(graph->tensors * sizeof *p.last);
  if (plan->place && plan->value && plan->grad && p.last)
    plan_all(&p);
  else
    p.heap.failed = 1;
  free(p.last);
  free(p.heap.gap);
  return p.heap.failed ? -1 : 0;
}

void
nn_plan_free(struct nn_plan *plan)
{
  free(plan->place);
  free(plan->value);
  free(plan->grad);
  *plan = (struct nn_plan){ 0 };
}
