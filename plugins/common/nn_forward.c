/* SPDX-License-Identifier: Apache-2.0 */
/* One graph forwards: operators, normalisation by the batch or by moments. */
#include <cblas.h>
#include <math.h>
#include "nn_engine.h"

#define EPSILON 1e-5 /* of the variance, as PyTorch has it */

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
      mean = nn_total(call, i) / rows;
      var = nn_total(call, c + i) / rows - mean * mean;
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
  struct nn_call call = nn_call_of(e, store, g, i);
  const struct nn_node *o = call.node;
  const struct nn_place *place = &e->plan.place[i];

  if (place->weight != NN_NOWHERE)
    nn_slice(store, o, nn_at(e, place->weight), e->scratch[0]);
  if (o->norm && (mode == NN_TRAIN || mode == NN_STATS))
    nn_clear_sums(&call);
  switch (o->kind) {
  case CHANAS_CONV:
    nn_conv_forward(&call);
    finish_conv(&call, g, mode, nn_at(e, place->vectors));
    break;
  case CHANAS_DWCONV:
    nn_dw_forward(&call);
    finish_conv(&call, g, mode, nn_at(e, place->vectors));
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
      nn_reserve(e, store, g, keep) < 0)
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
  return nn_value(e, g->output);
}
