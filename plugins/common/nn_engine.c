/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's memory, and what a node finds in it. */
#include "nn_engine.h"

struct nn_engine *
nn_engine_open(const struct chanas_host *host, int threads)
{
  struct nn_engine *e = calloc(1, sizeof *e);

  if (e == NULL) {
    (void)NN_FAIL(host, "out of memory");
    return NULL;
  }
  e->host = host;
  e->threads = threads < 1 ? 1 : threads > 64 ? 64 : threads;
  return e;
}

void
nn_engine_close(struct nn_engine *e)
{
  if (e == NULL)
    return;
  for (int t = 0; t < 64; t++)
    free(e->scratch[t]);
  free(e->arena);
  free(e->dweight);
  free(e->sums);
  nn_plan_free(&e->plan);
  free(e);
}

int
nn_engine_threads(const struct nn_engine *e)
{
  return e->threads;
}

size_t
nn_engine_bytes(const struct nn_engine *e)
{
  size_t floats = e->arena_room + e->dweight_room;

  for (int t = 0; t < 64; t++)
    floats += e->room[t];
  return floats * sizeof(float) + e->sums_room * sizeof(double);
}

static int
grow(float **data, size_t *room, size_t need)
{
  if (need <= *room)
    return 0;
  free(*data);
  *room = 0;
  *data = nn_floats(need);
  if (*data == NULL)
    return -1;
  *room = need;
  return 0;
}

/* Rooms are reserved before a pass begins, so this only hands them out. */
float *
nn_scratch(struct nn_engine *e, int t, size_t size)
{
  return size <= e->room[t] ? e->scratch[t] : NULL;
}

/* What the node needs as scratch, per thread. */
static size_t
scratch_of(const struct nn_engine *e, const struct nn_store *store,
           const struct nn_node *o)
{
  size_t rows = (size_t)(e->n / e->threads + 1), slice = 0;

  if (o->kind == CHANAS_DWCONV && o->slot >= 0) {
    const struct nn_slot *slot = &store->slot[o->slot];
    slice = (size_t)(slot->k * slot->k) * (size_t)o->cin *
            (2 * NN_KERNELS + 3);
    return slice > nn_dw_scratch(o) ? slice : nn_dw_scratch(o);
  }
  if (o->kind == CHANAS_CONV)
    return nn_conv_scratch(o);
  if (o->kind == CHANAS_LINEAR)
    return rows * (size_t)o->cout;
  if (o->kind == CHANAS_SE)
    return rows * (2 * (size_t)o->cin + (size_t)o->squeeze) + (size_t)o->cin;
  return 0;
}

int
nn_reserve(struct nn_engine *e, const struct nn_store *store,
           const struct nn_graph *g, int keep)
{
  size_t scratch = 64, widest = 1, partial = 0;

  for (size_t i = 0; i < g->nodes; i++) {
    size_t need = scratch_of(e, store, &g->node[i]);
    scratch = need > scratch ? need : scratch;
    if ((size_t)g->node[i].cout > widest)
      widest = (size_t)g->node[i].cout;
  }
  if (keep)
    partial = e->plan.used * (size_t)e->threads + 16;
  for (int t = 0; t < e->threads; t++)
    if (grow(&e->scratch[t], &e->room[t], scratch) < 0)
      return -1;
  if (widest * 2 * (size_t)e->threads > e->sums_room) {
    free(e->sums);
    e->sums_room = widest * 2 * (size_t)e->threads;
    e->sums = malloc(e->sums_room * sizeof *e->sums);
    if (e->sums == NULL) {
      e->sums_room = 0;
      return -1;
    }
  }
  return grow(&e->arena, &e->arena_room, e->plan.total) < 0 ? -1 :
         grow(&e->dweight, &e->dweight_room, partial);
}

float *
nn_at(const struct nn_engine *e, size_t place)
{
  return place == NN_NOWHERE ? NULL : e->arena + place;
}

const float *
nn_value(const struct nn_engine *e, int32_t tensor)
{
  return tensor < 0 ? NULL : tensor == 0 ? e->input :
         nn_at(e, e->plan.value[tensor]);
}

const float *
nn_tensor(const struct nn_engine *e, int32_t t)
{
  return nn_value(e, t);
}

const float *
nn_before(const struct nn_engine *e, size_t i)
{
  return nn_at(e, e->plan.place[i].pre);
}

/* ---- one node */

struct nn_call
nn_call_of(struct nn_engine *e, struct nn_store *store,
           const struct nn_graph *g, size_t i)
{
  const struct nn_node *o = &g->node[i];
  const struct nn_place *place = &e->plan.place[i];
  struct nn_call call = {
    .engine = e, .store = store, .node = o, .n = e->n,
    .x = nn_value(e, o->src), .x2 = nn_value(e, o->src2),
    .res = nn_value(e, o->res),
    .y = nn_at(e, e->plan.value[o->dst]), .pre = nn_at(e, place->pre) };

  if (call.pre == NULL)
    call.pre = call.y;
  if (o->slot < 0)
    return call;
  call.slot = &store->slot[o->slot];
  call.ld = o->k * o->k * o->cin;
  call.weight = nn_at(e, place->weight);
  if (call.weight == NULL) {
    call.weight = store->value + call.slot->weight;
    if (o->kind == CHANAS_CONV)
      call.ld = o->k * o->k * call.slot->cin;
  }
  return call;
}

void
nn_clear_sums(struct nn_call *call)
{
  call->sums = call->engine->sums;
  memset(call->sums, 0, (size_t)call->engine->threads * 2 *
         (size_t)call->node->cout * sizeof *call->sums);
}

double
nn_total(const struct nn_call *call, size_t i)
{
  double sum = 0;

  for (int t = 0; t < call->engine->threads; t++)
    sum += call->sums[(size_t)t * 2 * (size_t)call->node->cout + i];
  return sum;
}
