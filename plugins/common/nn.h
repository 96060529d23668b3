/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A training engine for the networks of a space, in float and NHWC.
 *
 *   struct nn_store   parameters shared by every network of the space
 *   struct nn_graph   one network: nodes over tensors, made from its blocks
 *   struct nn_engine  threads, memory, and one graph's activations
 *
 * A convolution with a bias stands for convolution + batch normalisation,
 * because that is what chanas folds into a bias; its own bias would be
 * cancelled.  Parameters of one operator at one position ("slot") are those
 * of the largest operator there; a smaller one takes the first channels, and
 * of a depthwise kernel the centre, through a learned transformation (Cai et
 * al., Once-for-All, ICLR 2020, section 3.3).
 *
 * Work is cut into one piece of the batch per thread, and sums over pieces
 * are taken in their order: equal thread counts give equal bits.
 */
#ifndef PLUGINS_COMMON_NN_H
#define PLUGINS_COMMON_NN_H
#include <chanas/plugin.h>

#define NN_KERNELS 8
#define NN_NO_BLOCK UINT32_MAX
#define NN_NODE_ZERO 100 /* kind of a node: a tensor of zeroes */

/* Where the parameters of a slot lie in the vectors of the store:
 *   CONV    W[cout][ky][kx][cin]   DWCONV W[ky][kx][c]   LINEAR W[cout][cin]
 *   SE      W1[squeeze][cin], b1, W2[cin][squeeze], b2
 * `scale` and `shift` are gamma and beta of the normalisation; of LINEAR and
 * SE, `shift` is b2 or the bias, `scale` b1, `second` W2. */
struct nn_slot {
  char *key;
  int32_t kind, cin, cout, k, squeeze; /* the largest */
  int32_t norm, bias;
  int32_t kernels, kernel[NN_KERNELS]; /* sizes in use, descending */
  size_t weight, second, scale, shift, begin, end;
  size_t transform[NN_KERNELS];        /* from kernel[i] to kernel[i + 1] */
};

struct nn_store {
  const struct chanas_host *host;
  size_t slots, room, params;
  struct nn_slot *slot;
  float *value, *grad; /* params numbers each */
  uint8_t *touched;    /* per slot: the gradient is not zero */
  int sealed;          /* offsets are set */
};

struct nn_node {
  int32_t kind, act, src, src2, dst; /* tensors; src2 -1 if none */
  int32_t cin, h, w, cout, oh, ow, k, stride, pad, squeeze;
  int32_t norm;   /* normalised: has gamma and beta */
  int32_t res;    /* tensor added after the activation, or -1 */
  int32_t slot;   /* or -1 */
  uint32_t block, op; /* of the network; block NN_NO_BLOCK: of none */
  size_t stat;    /* of its mean[cout], var[cout] among the graph's */
};

struct nn_graph {
  size_t nodes, tensors, stats;
  struct nn_node *node;
  size_t *elements;  /* of each tensor, per image */
  int32_t output;
  int32_t classes, resolution, channels;
  float *moment;     /* stats numbers: mean and variance, for EVAL */
};

enum nn_mode {
  NN_TRAIN, /* statistics of the batch; everything kept for nn_backward */
  NN_STATS, /* statistics of the batch, added to graph->moment */
  NN_EVAL,  /* statistics in graph->moment */
  NN_KEEP,  /* the same, and nn_tensor() afterwards has every tensor */
};

struct nn_engine;

/* ---- nn_store.c */
/* Enter the operators of a network; before nn_store_seal only. */
int nn_store_add(struct nn_store *, const struct chanas_host *,
                 const struct chanas_network *);
/* Set the offsets, allocate, initialise from the seed.  -1, logged. */
int nn_store_seal(struct nn_store *, uint64_t seed);
void nn_store_init(struct nn_store *, uint64_t seed);
long nn_store_find(const struct nn_store *, const char *key);
void nn_store_free(struct nn_store *);
/* The end of the run of parameters from `at` that weight decay leaves alone
 * (normalisation and biases), or that it does not. */
size_t nn_store_run(const struct nn_slot *, size_t at, int *exempt);
/* Key of operator op of block b: "3.2/mb6k5:conv0".  In a buffer. */
void nn_key(const struct chanas_host *, const struct chanas_network *,
            size_t block, uint32_t op, char *out, size_t size);

/* ---- nn_graph.c */
/* NULL, logged, if a slot is missing or too small.  The store may be NULL:
 * then slots are -1. */
struct nn_graph *nn_graph_make(const struct nn_store *,
                               const struct chanas_host *,
                               const struct chanas_network *);
/* The same without additions done by other nodes: a tensor for every op. */
struct nn_graph *nn_graph_plain(const struct nn_store *,
                                const struct chanas_host *,
                                const struct chanas_network *);
void nn_graph_free(struct nn_graph *);

/* ---- nn_engine.c, nn_forward.c, nn_backward.c */
struct nn_engine *nn_engine_open(const struct chanas_host *, int threads);
void nn_engine_close(struct nn_engine *);
int nn_engine_threads(const struct nn_engine *);
size_t nn_engine_bytes(const struct nn_engine *); /* held now */
/* input: n x resolution x resolution x channels.  The result, n x classes,
 * lasts until the next call; NULL, logged. */
const float *nn_forward(struct nn_engine *, struct nn_store *,
                        struct nn_graph *, enum nn_mode, int32_t n,
                        const float *input);
/* After nn_forward with NN_TRAIN: gradient[n x classes] of the loss with
 * respect to the result; parameters' gradients are added to store->grad.
 * input_gradient, n x elements of the input, may be NULL. */
int nn_backward(struct nn_engine *, struct nn_store *, struct nn_graph *,
                const float *gradient, float *input_gradient);
/* Tensor t of the last nn_forward with NN_TRAIN or NN_KEEP, n x
 * elements[t]; of one in another mode only what the last node reads. */
const float *nn_tensor(const struct nn_engine *, int32_t t);
/* Result of node i before its normalisation and activation; NULL if the two
 * are one. */
const float *nn_before(const struct nn_engine *, size_t i);
/* graph->moment: the mean over batches of NN_STATS between these two. */
void nn_moments_begin(struct nn_graph *);
void nn_moments_end(struct nn_graph *, size_t batches);

/* ---- nn_loss.c: soft cross-entropy, mean over the batch.
 * target: n x classes probabilities.  gradient may be NULL. */
double nn_loss(int32_t n, int32_t classes, const float *logits,
               const float *target, float scale, float *gradient);
void nn_softmax(int32_t n, int32_t classes, const float *logits, float *out);
size_t nn_correct(int32_t n, int32_t classes, const float *logits,
                  const int32_t *label);

/* ---- nn_fold.c: parameters of a block as kernels want them */
/* What `to` needs of the shared parameters, where both are the same network:
 * `own` of the larger store, `to` of one that holds this network alone. */
int nn_copy(const struct nn_store *, const struct nn_graph *own,
            struct nn_store *to, const struct nn_graph *graph);
/* Fill workload->weights floats (ranges of CHANAS_I8 excluded) of block b
 * from the store, with normalisation by graph->moment folded. */
int nn_fold(const struct nn_store *, const struct nn_graph *,
            const struct chanas_host *, const struct chanas_network *,
            size_t block, float *out);
#endif
