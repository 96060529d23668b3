/* SPDX-License-Identifier: Apache-2.0 */
/* One network with random parameters of its own, and what scores such. */
#ifndef PLUGINS_UNTRAINED_H
#define PLUGINS_UNTRAINED_H
#include "nn.h"
#include "nn_rng.h"

#define MEASURE_FAIL(host, ...) \
  ((host)->log((host)->ctx, CHANAS_ERROR, __VA_ARGS__), -1)

struct measure {
  const struct chanas_host *host;
  struct nn_engine *engine;
  uint64_t seed;
  int32_t batch;   /* images of noise */
  int repeats;     /* draws of parameters, where a score averages them */
};

int measure_open(struct measure *, int threads); /* 0: one a CPU */
void measure_close(struct measure *);

struct untrained {
  struct nn_store store;
  struct nn_graph *graph;
  float *x;        /* room for the images */
};

/* 0, or -1, logged; to be closed in either case. */
int untrained_open(struct untrained *, struct measure *,
                   const struct chanas_network *, int32_t images);
void untrained_close(struct untrained *);
/* n numbers of mean 0 and variance 1 */
void untrained_noise(float *x, size_t n, struct nn_rng *);
#endif
