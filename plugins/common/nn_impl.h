/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files of the engine (nn.h): pieces of work, kernels. */
#ifndef PLUGINS_COMMON_NN_IMPL_H
#define PLUGINS_COMMON_NN_IMPL_H
#include <stdlib.h>
#include <string.h>
#include "nn.h"

#define NN_FAIL(host, ...) \
  ((host)->log((host)->ctx, CHANAS_ERROR, __VA_ARGS__), -1)
#define NN_LANES 16
#define NN_PANEL 256 /* rows of a matrix that are worked on at once */

/* One function in several instruction sets, chosen when it is loaded. */
#if defined __x86_64__ && defined __GNUC__ && !defined __clang__ && \
    !defined __SANITIZE_ADDRESS__
#define NN_CLONES __attribute__((target_clones( \
  "arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define NN_CLONES
#endif
/* Loops whose count is known are unrolled; clang need not say when a loop
 * marked for vectors stays as it is. */
#if defined __clang__
#pragma clang diagnostic ignored "-Wpass-failed"
#define NN_UNROLL _Pragma("unroll")
#else
#define NN_UNROLL _Pragma("GCC unroll 8")
#endif
#define NN_INLINE static inline __attribute__((always_inline))

/* How the gradient of a convolution's result comes from that of the node's:
 *   z = x * s + t;  dx = a * (dy * act'(z)) + b * x + c,  per channel. */
struct nn_chain {
  int act;
  const float *s, *t, *a, *b, *c;
};

struct nn_piece { int32_t from, to; }; /* images */

/* Everything a node needs while it runs. */
struct nn_call {
  struct nn_engine *engine;
  struct nn_store *store;
  const struct nn_node *node;
  const struct nn_slot *slot;
  int32_t n;
  const float *x, *x2, *res;  /* inputs */
  float *pre, *y;             /* before normalisation (or NULL), after */
  const float *weight;        /* sliced and transformed where need be */
  int32_t ld;                 /* of a matrix's rows in weight */
  double *sums;               /* threads x 2 x cout, of the statistics */
  const float *dy;            /* gradient of y */
  float *dx, *dx2;            /* to be written, or added to */
  int add, add2;
  struct nn_chain chain;
  float *dweight;             /* threads x size of the used weights */
  size_t dsize;
};

/* ---- nn_team.c */
/* fn(arg, t) for t in 0..threads-1, at once. */
void nn_team_run(int threads, void (*fn)(void *, int), void *arg);
struct nn_piece nn_piece(int32_t n, int threads, int t);
float *nn_floats(size_t n); /* aligned, or NULL */

/* ---- nn_engine.c */
/* At least `size` floats for thread t, 64-byte aligned; aborts never:
 * NULL when out of memory. */
float *nn_scratch(struct nn_engine *, int t, size_t size);
/* ---- nn_conv.c */
void nn_conv_forward(struct nn_call *);
void nn_conv_backward(struct nn_call *);
size_t nn_conv_scratch(const struct nn_node *);
/* ---- nn_dw.c */
void nn_dw_forward(struct nn_call *);
void nn_dw_backward(struct nn_call *);
size_t nn_dw_scratch(const struct nn_node *);
/* ---- nn_norm.c */
/* sums[c] += x, sums[cout + c] += x^2 over rows. */
void nn_norm_sums(const float *x, size_t rows, int32_t c, double *sums);
/* y = act(x * s + t) (+ res). */
void nn_norm_apply(const float *x, size_t rows, int32_t c, const float *s,
                   const float *t, int act, const float *res, float *y);
/* sums[c] += dz, sums[c0 + c] += dz * (x - mean). */
void nn_norm_grad_sums(const float *x, const float *dy, size_t rows,
                       int32_t c, const float *s, const float *t,
                       const float *mean, int act, double *sums);
/* Rows of the gradient of a convolution's result. */
void nn_chain_rows(const struct nn_chain *, const float *x, const float *dy,
                   size_t rows, int32_t c, float *out);
/* ---- nn_point.c: activations, additions, pooling, linear, SE */
void nn_act_forward(struct nn_call *);
void nn_act_backward(struct nn_call *);
void nn_add_forward(struct nn_call *);
void nn_add_backward(struct nn_call *);
void nn_pool_forward(struct nn_call *);
void nn_pool_backward(struct nn_call *);
void nn_global_forward(struct nn_call *);
void nn_global_backward(struct nn_call *);
/* ---- nn_dense.c */
void nn_linear_forward(struct nn_call *);
void nn_linear_backward(struct nn_call *);
void nn_se_forward(struct nn_call *);
void nn_se_backward(struct nn_call *);
size_t nn_se_kept(const struct nn_node *); /* floats per image in pre */
/* ---- nn_slice.c: shared parameters of one node */
/* Floats of the weights as the node uses them. */
size_t nn_used(const struct nn_node *);
/* Does it use them in place, as a part of the slot's matrix? */
int nn_in_place(const struct nn_node *, const struct nn_slot *);
void nn_slice(const struct nn_store *, const struct nn_node *, float *out,
              float *scratch);
/* Add the gradient of the used weights to the store's. */
void nn_scatter(struct nn_store *, const struct nn_node *, const float *d,
                float *scratch);
#endif
