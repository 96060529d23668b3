/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Steps of gradient descent over the touched slots of a store.  A slot that
 * no network of the step used keeps its values and its moments.
 */
#ifndef PLUGINS_COMMON_NN_OPTIM_H
#define PLUGINS_COMMON_NN_OPTIM_H
#include "nn.h"

enum nn_method {
  NN_SGD,   /* with momentum; Sutskever et al., ICML 2013, for Nesterov's */
  NN_ADAMW, /* Loshchilov and Hutter, ICLR 2019 */
};

struct nn_optim {
  enum nn_method method;
  double momentum;        /* SGD; AdamW's beta1 */
  double beta2, epsilon;  /* AdamW */
  int nesterov;
  double decay;           /* of weights; normalisation and biases have none */
  double average;         /* decay of the running mean of the values; 0: none */
  size_t params;
  float *first, *second;  /* moments; second NULL for SGD */
  float *mean;            /* the running mean, or NULL */
  uint64_t steps;
};

/* Takes the numbers above; allocates.  -1, logged. */
int nn_optim_open(struct nn_optim *, const struct nn_store *);
void nn_optim_close(struct nn_optim *);
/* One step of size `rate`; gradients are cleared. */
void nn_optim_step(struct nn_optim *, struct nn_store *, double rate,
                   int threads);
/* Cosine from `rate` to 0 behind a linear warm-up; step of steps. */
double nn_rate(double rate, uint64_t step, uint64_t warm, uint64_t steps);
#endif
