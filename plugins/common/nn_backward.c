/* SPDX-License-Identifier: Apache-2.0 */
/* One graph backwards: gradients of parameters, tensors and the input. */
#include <cblas.h>
#include "nn_engine.h"

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

  nn_clear_sums(call);
  nn_team_run(call->engine->threads, sums_piece, &sums);
  for (size_t i = 0; i < c; i++) {
    double inverse = v[3 * c + i], mean = v[2 * c + i];
    double beta = nn_total(call, i), gamma = nn_total(call, c + i) * inverse;
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
  struct nn_call call = nn_call_of(e, store, g, i);
  const struct nn_node *o = call.node;
  const struct nn_place *place = &e->plan.place[i];
  size_t *grad = e->plan.grad;

  if (place->skip || o->kind == NN_NODE_ZERO)
    return;
  call.dy = nn_at(e, grad[o->dst]);
  if (o->src > 0 || input_gradient)
    call.dx = nn_at(e, grad[o->src]);
  call.add = place->add;
  if (o->src2 >= 0 && (o->src2 > 0 || input_gradient))
    call.dx2 = nn_at(e, grad[o->src2]);
  call.add2 = place->add2;
  call.dweight = e->dweight;
  call.dsize = nn_used(o);
  if (o->kind == CHANAS_CONV || o->kind == CHANAS_DWCONV)
    chain_of(&call, nn_at(e, place->vectors));
  back_kind(&call);
  if (o->slot >= 0)
    merge_weights(&call);
  if (place->res == NN_RES_ADD)
    cblas_saxpy((int)((size_t)e->n * g->elements[o->res]), 1, call.dy, 1,
                nn_at(e, grad[o->res]), 1);
}

int
nn_backward(struct nn_engine *e, struct nn_store *store, struct nn_graph *g,
            const float *gradient, float *input_gradient)
{
  size_t size = (size_t)e->n * (size_t)g->classes;
  int threads = openblas_get_num_threads();

  memcpy(nn_at(e, e->plan.grad[g->output]), gradient, size * sizeof *gradient);
  openblas_set_num_threads(1);
  for (size_t i = g->nodes; i-- > 0;)
    backward_node(e, store, g, i, input_gradient != NULL);
  openblas_set_num_threads(threads);
  if (input_gradient && e->plan.grad[0] != NN_NOWHERE)
    memcpy(input_gradient, nn_at(e, e->plan.grad[0]),
           (size_t)e->n * g->elements[0] * sizeof *input_gradient);
  return 0;
}
