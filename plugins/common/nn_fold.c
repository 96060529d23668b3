/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parameters of one block in the order and layout of struct chanas_op, with
 * normalisation folded: w' = w * gamma / dev, bias = beta - mean * gamma /
 * dev, where mean and dev are those of graph->moment.
 */
#include <math.h>
#include "nn_impl.h"

#define EPSILON 1e-5 /* as in nn_forward.c */

/* From W[cout][k][k][cin] or W[k][k][c] to W[cout][cin][k][k], W[c][k][k]. */
static void
turn(const struct nn_node *o, const float *w, float *out)
{
  size_t taps = (size_t)o->k * (size_t)o->k, c = (size_t)o->cin;

  if (o->kind == CHANAS_DWCONV) {
    for (size_t i = 0; i < c; i++)
      for (size_t t = 0; t < taps; t++)
        out[i * taps + t] = w[t * c + i];
    return;
  }
  for (size_t n = 0; n < (size_t)o->cout; n++)
    for (size_t i = 0; i < c; i++)
      for (size_t t = 0; t < taps; t++)
        out[(n * c + i) * taps + t] = w[(n * taps + t) * c + i];
}

static void
fold_norm(const struct nn_store *store, const struct nn_graph *g,
          const struct nn_node *o, float *out)
{
  const struct nn_slot *slot = &store->slot[o->slot];
  size_t n = (size_t)o->cout, each = nn_used(o) / n;
  const float *mean = g->moment + o->stat, *var = mean + n;

  for (size_t i = 0; i < n; i++) {
    double a = store->value[slot->scale + i] /
               sqrt((double)var[i] + EPSILON);
    for (size_t j = 0; j < each; j++)
      out[i * each + j] = (float)(out[i * each + j] * a);
    out[n * each + i] = (float)(store->value[slot->shift + i] - mean[i] * a);
  }
}

/* One node's parameters; returns the end. */
static float *
fold_node(const struct nn_store *store, const struct nn_graph *g,
          const struct nn_node *o, float *w, float *out)
{
  const struct nn_slot *slot = &store->slot[o->slot];
  size_t used = nn_used(o);

  nn_slice(store, o, w, w + used);
  if (o->kind == CHANAS_LINEAR && !slot->bias)
    used -= (size_t)o->cout;
  if (o->kind == CHANAS_CONV || o->kind == CHANAS_DWCONV)
    turn(o, w, out);
  else
    memcpy(out, w, used * sizeof *out);
  if (o->norm)
    fold_norm(store, g, o, out);
  return out + used + (o->norm ? o->cout : 0);
}

static size_t
room_of(const struct nn_slot *slot, const struct nn_node *o)
{
  return nn_used(o) + (size_t)(slot->k * slot->k) * (size_t)slot->cin *
         (2 * NN_KERNELS + 3);
}

int
nn_fold(const struct nn_store *store, const struct nn_graph *g,
        const struct chanas_host *host, const struct chanas_network *net,
        size_t block, float *out)
{
  for (size_t i = 0; i < g->nodes; i++) {
    const struct nn_node *o = &g->node[i];
    float *w;
    if (o->slot < 0 || o->block != block)
      continue;
    w = nn_floats(room_of(&store->slot[o->slot], o));
    if (w == NULL)
      return NN_FAIL(host, "network %s: out of memory", host->code(net));
    out = fold_node(store, g, o, w, out);
    free(w);
  }
  return 0;
}

static int
copy_node(const struct nn_store *from, const struct nn_node *o,
          struct nn_store *to, const struct nn_slot *slot)
{
  const struct nn_slot *big = &from->slot[o->slot];
  size_t used = nn_used(o), out = (size_t)o->cout;
  float *w = nn_floats(room_of(big, o));

  if (w == NULL)
    return NN_FAIL(from->host, "out of memory");
  nn_slice(from, o, w, w + used);
  if (o->kind == CHANAS_LINEAR && !big->bias)
    used -= out;
  memcpy(to->value + slot->weight, w, used * sizeof *w);
  if (o->norm) {
    memcpy(to->value + slot->scale, from->value + big->scale,
           out * sizeof *w);
    memcpy(to->value + slot->shift, from->value + big->shift,
           out * sizeof *w);
  }
  free(w);
  return 0;
}

int
nn_copy(const struct nn_store *from, const struct nn_graph *own,
        struct nn_store *to, const struct nn_graph *graph)
{
  for (size_t i = 0; i < own->nodes; i++)
    if (own->node[i].slot >= 0 &&
        copy_node(from, &own->node[i], to,
                  &to->slot[graph->node[i].slot]) < 0)
      return -1;
  return 0;
}
