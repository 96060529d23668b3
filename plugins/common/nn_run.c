/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One graph forwards and backwards.  A node's vectors, cout floats each:
 * 0, 1 scale and shift of the normalised value; 2, 3 mean and 1 / deviation;
 * 4, 5, 6 what struct nn_chain calls a, b, c.
 */
#include <cblas.h>
#include <math.h>
#include "nn_plan.h"

#define EPSILON 1e-5 /* of the variance, as PyTorch has it */

struct nn_engine {
  const struct chanas_host *host;
  int threads;
  float *scratch[64];
  size_t room[64];
  float *arena, *dweight;
  size_t arena_room, dweight_room;
  double *sums;
  size_t sums_room;
  struct nn_plan plan;
  int32_t n;
  const float *input;
};

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

static int
reserve(struct nn_engine *e, const struct nn_store *store,
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

/* ---- one node */

static float *
at(const struct nn_engine *e, size_t place)
{
  return place == NN_NOWHERE ? NULL : e->arena + place;
}

static const float *
value(const struct nn_engine *e, int32_t tensor)
{
  return tensor < 0 ? NULL : tensor == 0 ? e->input :
         at(e, e->plan.value[tensor]);
}

static struct nn_call
call_of(struct nn_engine *e, struct nn_store *store,
        const struct nn_graph *g, size_t i)
{
  const struct nn_node *o = &g->node[i];
  const struct nn_place *place = &e->plan.place[i];
  struct nn_call call = {
    .engine = e, .store = store, .node = o, .n = e->n,
    .x = value(e, o->src), .x2 = value(e, o->src2), .res = value(e, o->res),
    .y = at(e, e->plan.value[o->dst]), .pre = at(e, place->pre) };

  if (call.pre == NULL)
    call.pre = call.y;
  if (o->slot < 0)
    return call;
  call.slot = &store->slot[o->slot];
  call.ld = o->k * o->k * o->cin;
  call.weight = at(e, place->weight);
  if (call.weight == NULL) {
    call.weight = store->value + call.slot->weight;
    if (o->kind == CHANAS_CONV)
      call.ld = o->k * o->k * call.slot->cin;
  }
  return call;
}

static void
clear_sums(struct nn_call *call)
{
  call->sums = call->engine->sums;
  memset(call->sums, 0, (size_t)call->engine->threads * 2 *
         (size_t)call->node->cout * sizeof *call->sums);
}

/* The threads' sums, in order. */
static double
total(const struct nn_call *call, size_t i)
{
  double sum = 0;

  for (int t = 0; t < call->engine->threads; t++)
    sum += call->sums[(size_t)t * 2 * (size_t)call->node->cout + i];
  return sum;
}

/* Mean and variance over the batch, into vectors 2 and 3 and the moments;
 * or those of the moments. */
static void
moments(struct nn_call *call, struct nn_graph *g, enum nn_mode mode,
        float *v)
{
  const struct nn_node *o = call->node;
  size_t c = (size_t)o->cout;
  double rows = (double)call->n * o->oh * o->ow;
  float *kept = g->moment + o->stat;

  for (size_t i = 0; i < c; i++) {
    double mean = kept[i], var = kept[c + i];
    if (mode == NN_TRAIN || mode == NN_STATS) {
      mean = total(call, i) / rows;
      var = total(call, c + i) / rows - mean * mean;
      var = var > 0 ? var : 0;
    }
    if (mode == NN_STATS) {
      kept[i] += (float)mean;
      kept[c + i] += (float)(var * (rows > 1 ? rows / (rows - 1) : 1));
    }
    v[2 * c + i] = (float)mean;
    v[3 * c + i] = (float)(1 / sqrt(var + EPSILON));
  }
}

static void
norm_vectors(const struct nn_call *call, float *v)
{
  const struct nn_slot *slot = call->slot;
  size_t c = (size_t)call->node->cout;
  const float *gamma = call->store->value + slot->scale;
  const float *beta = call->store->value + slot->shift;

  for (size_t i = 0; i < c; i++) {
    v[i] = gamma[i] * v[3 * c + i];
    v[c + i] = beta[i] - v[2 * c + i] * v[i];
  }
}

struct apply { struct nn_call *call; const float *s, *t; };

static void
apply_piece(void *arg, int t)
{
  struct apply *a = arg;
  const struct nn_call *call = a->call;
  const struct nn_node *o = call->node;
  struct nn_piece p = nn_piece(call->n, call->engine->threads, t);
  size_t rows = (size_t)o->oh * (size_t)o->ow;
  size_t from = (size_t)p.from * rows * (size_t)o->cout;

  nn_norm_apply(call->pre + from, (size_t)(p.to - p.from) * rows, o->cout,
                a->s, a->t, o->act, call->res ? call->res + from : NULL,
                call->y + from);
}

/* From the convolution's result to the node's. */
static void
finish_conv(struct nn_call *call, struct nn_graph *g, enum nn_mode mode,
            float *v)
{
  const struct nn_node *o = call->node;
  size_t c = (size_t)o->cout;
  struct apply apply = { call, v, v + c };

  if (!o->norm && o->act == CHANAS_ACT_NONE && call->res == NULL)
    return;
  if (o->norm) {
    moments(call, g, mode, v);
    norm_vectors(call, v);
  } else
    for (size_t i = 0; i < c; i++) {
      v[i] = 1;
      v[c + i] = 0;
    }
  nn_team_run(call->engine->threads, apply_piece, &apply);
}

static void
forward_node(struct nn_engine *e, struct nn_store *store, struct nn_graph *g,
             enum nn_mode mode, size_t i)
{
  struct nn_call call = call_of(e, store, g, i);
  const struct nn_node *o = call.node;
  const struct nn_place *place = &e->plan.place[i];

  if (place->weight != NN_NOWHERE)
    nn_slice(store, o, at(e, place->weight), e->scratch[0]);
  if (o->norm && (mode == NN_TRAIN || mode == NN_STATS))
    clear_sums(&call);
  switch (o->kind) {
  case CHANAS_CONV:
    nn_conv_forward(&call);
    finish_conv(&call, g, mode, at(e, place->vectors));
    break;
  case CHANAS_DWCONV:
    nn_dw_forward(&call);
    finish_conv(&call, g, mode, at(e, place->vectors));
    break;
  case CHANAS_SE:
    nn_se_forward(&call);
    break;
  case CHANAS_ADD:
    nn_add_forward(&call);
    break;
  case CHANAS_AVGPOOL:
    nn_pool_forward(&call);
    break;
  case CHANAS_GLOBALPOOL:
    nn_global_forward(&call);
    break;
  case CHANAS_LINEAR:
    nn_linear_forward(&call);
    break;
  case CHANAS_ACT:
    nn_act_forward(&call);
    break;
  default:
    memset(call.y, 0, (size_t)e->n * g->elements[o->dst] * sizeof *call.y);
  }
}

static int
prepare(struct nn_engine *e, struct nn_store *store, struct nn_graph *g,
        enum nn_mode mode, int32_t n, const float *input)
{
  int keep = mode == NN_TRAIN || mode == NN_KEEP;

  e->n = n;
  e->input = input;
  if (nn_plan_make(&e->plan, store, g, n, keep, keep) < 0 ||
      reserve(e, store, g, keep) < 0)
    return NN_FAIL(e->host, "out of memory for %d images at once; lower "
                   "batch", n);
  return 0;
}

const float *
nn_forward(struct nn_engine *e, struct nn_store *store, struct nn_graph *g,
           enum nn_mode mode, int32_t n, const float *input)
{
  int threads = openblas_get_num_threads();

  if (prepare(e, store, g, mode, n, input) < 0)
    return NULL;
  openblas_set_num_threads(1);
  for (size_t i = 0; i < g->nodes; i++)
    forward_node(e, store, g, mode, i);
  openblas_set_num_threads(threads);
  return value(e, g->output);
}

const float *
nn_tensor(const struct nn_engine *e, int32_t t)
{
  return value(e, t);
}

const float *
nn_before(const struct nn_engine *e, size_t i)
{
  return at(e, e->plan.place[i].pre);
}

/* ---- backwards */

struct sums { struct nn_call *call; const float *v; };

static void
sums_piece(void *arg, int t)
{
  struct sums *a = arg;
  const struct nn_call *call = a->call;
  const struct nn_node *o = call->node;
  size_t c = (size_t)o->cout, rows = (size_t)o->oh * (size_t)o->ow;
  struct nn_piece p = nn_piece(call->n, call->engine->threads, t);
  size_t from = (size_t)p.from * rows * c;

  nn_norm_grad_sums(call->pre + from, call->dy + from,
                    (size_t)(p.to - p.from) * rows, o->cout, a->v, a->v + c,
                    a->v + 2 * c, o->act, call->sums + (size_t)t * 2 * c);
}

/* Gradients of gamma and beta, and the chain through the normalisation:
 * dx = gamma / dev * (dz - mean(dz) - xhat * mean(dz * xhat)). */
static void
norm_backward(struct nn_call *call, float *v)
{
  const struct nn_slot *slot = call->slot;
  size_t c = (size_t)call->node->cout;
  double rows = (double)call->n * call->node->oh * call->node->ow;
  struct sums sums = { call, v };

  clear_sums(call);
  nn_team_run(call->engine->threads, sums_piece, &sums);
  for (size_t i = 0; i < c; i++) {
    double inverse = v[3 * c + i], mean = v[2 * c + i];
    double beta = total(call, i), gamma = total(call, c + i) * inverse;
    double a = v[i], b = -a * gamma / rows * inverse;
    call->store->grad[slot->shift + i] += (float)beta;
    call->store->grad[slot->scale + i] += (float)gamma;
    v[4 * c + i] = (float)a;
    v[5 * c + i] = (float)b;
    v[6 * c + i] = (float)(-a * beta / rows - b * mean);
  }
}

static void
chain_of(struct nn_call *call, float *v)
{
  const struct nn_node *o = call->node;
  size_t c = (size_t)o->cout;

  if (!o->norm && o->act == CHANAS_ACT_NONE)
    return;
  if (o->norm)
    norm_backward(call, v);
  else
    for (size_t i = 0; i < c; i++) {
      v[4 * c + i] = 1;
      v[5 * c + i] = v[6 * c + i] = 0;
    }
  call->chain = (struct nn_chain){ o->act, v, v + c, v + 4 * c, v + 5 * c,
                                   v + 6 * c };
}

/* The threads' parts of the weights' gradient, in order, into the store. */
struct merge { struct nn_call *call; float *to; size_t ld; };

static void
merge_piece(void *arg, int t)
{
  struct merge *m = arg;
  const struct nn_call *call = m->call;
  struct nn_piece rows = nn_piece(call->node->cout, call->engine->threads,
                                  t);
  size_t cols = call->dsize / (size_t)call->node->cout;

  for (int32_t r = rows.from; r < rows.to; r++) {
    float *to = m->to + (size_t)r * m->ld;
    const float *from = call->dweight + (size_t)r * cols;
    for (int s = 0; s < call->engine->threads; s++, from += call->dsize)
      for (size_t i = 0; i < cols; i++)
        to[i] += from[i];
  }
}

static void
merge_weights(struct nn_call *call)
{
  const struct nn_node *o = call->node;
  int threads = call->engine->threads;
  struct merge merge = { call, call->store->grad + call->slot->weight,
                         (size_t)call->slot->cin };

  call->store->touched[o->slot] = 1;
  if (o->kind == CHANAS_CONV && call->slot->k == 1) {
    nn_team_run(threads, merge_piece, &merge);
    return;
  }
  for (int t = 1; t < threads; t++)
    for (size_t i = 0; i < call->dsize; i++)
      call->dweight[i] += call->dweight[(size_t)t * call->dsize + i];
  nn_scatter(call->store, o, call->dweight, call->engine->scratch[0]);
}

static void
back_kind(struct nn_call *call)
{
  switch (call->node->kind) {
  case CHANAS_CONV:
    nn_conv_backward(call);
    break;
  case CHANAS_DWCONV:
    nn_dw_backward(call);
    break;
  case CHANAS_SE:
    nn_se_backward(call);
    break;
  case CHANAS_ADD:
    nn_add_backward(call);
    break;
  case CHANAS_AVGPOOL:
    nn_pool_backward(call);
    break;
  case CHANAS_GLOBALPOOL:
    nn_global_backward(call);
    break;
  case CHANAS_LINEAR:
    nn_linear_backward(call);
    break;
  case CHANAS_ACT:
    nn_act_backward(call);
    break;
  default:
    break;
  }
}

static void
backward_node(struct nn_engine *e, struct nn_store *store,
              struct nn_graph *g, size_t i, int input_gradient)
{
  struct nn_call call = call_of(e, store, g, i);
  const struct nn_node *o = call.node;
  const struct nn_place *place = &e->plan.place[i];
  size_t *grad = e->plan.grad;

  if (place->skip || o->kind == NN_NODE_ZERO)
    return;
  call.dy = at(e, grad[o->dst]);
  if (o->src > 0 || input_gradient)
    call.dx = at(e, grad[o->src]);
  call.add = place->add;
  if (o->src2 >= 0 && (o->src2 > 0 || input_gradient))
    call.dx2 = at(e, grad[o->src2]);
  call.add2 = place->add2;
  call.dweight = e->dweight;
  call.dsize = nn_used(o);
  if (o->kind == CHANAS_CONV || o->kind == CHANAS_DWCONV)
    chain_of(&call, at(e, place->vectors));
  back_kind(&call);
  if (o->slot >= 0)
    merge_weights(&call);
  if (place->res == NN_RES_ADD)
    cblas_saxpy((int)((size_t)e->n * g->elements[o->res]), 1, call.dy, 1,
                at(e, grad[o->res]), 1);
}

int
nn_backward(struct nn_engine *e, struct nn_store *store, struct nn_graph *g,
            const float *gradient, float *input_gradient)
{
  size_t size = (size_t)e->n * (size_t)g->classes;
  int threads = openblas_get_num_threads();

  memcpy(at(e, e->plan.grad[g->output]), gradient, size * sizeof *gradient);
  openblas_set_num_threads(1);
  for (size_t i = g->nodes; i-- > 0;)
    backward_node(e, store, g, i, input_gradient != NULL);
  openblas_set_num_threads(threads);
  if (input_gradient && e->plan.grad[0] != NN_NOWHERE)
    memcpy(input_gradient, at(e, e->plan.grad[0]),
           (size_t)e->n * g->elements[0] * sizeof *input_gradient);
  return 0;
}
