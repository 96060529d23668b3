/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where everything of one pass lies in the engine's memory: values, what is
 * kept before normalisation, gradients, sliced weights.  A plan is made by
 * walking the graph forwards and, for training, backwards, with an allocator
 * that hands freed room out again; it allocates nothing itself.
 */
#ifndef PLUGINS_COMMON_NN_PLAN_H
#define PLUGINS_COMMON_NN_PLAN_H
#include "nn_impl.h"

#define NN_NOWHERE ((size_t)-1)

struct nn_place {      /* of one node */
  size_t pre;          /* result before normalisation; NN_NOWHERE: as y */
  size_t weight;       /* sliced weights, or NN_NOWHERE: in place */
  size_t vectors;      /* NN_VECTORS x cout floats: see nn_engine.h */
  uint8_t skip;        /* no gradient reaches it */
  uint8_t add, add2;   /* gradients of src, src2 are added to */
  uint8_t res;         /* enum nn_res */
};
enum nn_res { NN_RES_NONE, NN_RES_TAKEN, NN_RES_SET, NN_RES_ADD };
#define NN_VECTORS 8   /* s, t, mean, inverse, a, b, c, spare */

struct nn_plan {
  struct nn_place *place; /* per node */
  size_t *value, *grad;   /* per tensor; grad NN_NOWHERE: has none */
  size_t total;           /* floats */
  size_t used;            /* floats of the largest weights of a node */
};

/* input_gradient: the gradient of tensor 0 is wanted too.  -1: no memory. */
int nn_plan_make(struct nn_plan *, const struct nn_store *,
                 const struct nn_graph *, int32_t n, int keep,
                 int input_gradient);
void nn_plan_free(struct nn_plan *);
#endif
