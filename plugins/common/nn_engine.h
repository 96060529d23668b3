/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of the engine, shared by the files that run a graph:
 *
 *   nn_engine.c    its memory, and what a node finds there
 *   nn_forward.c   nn_forward
 *   nn_backward.c  nn_backward
 *
 * A node's vectors, cout floats each: 0, 1 scale and shift of the normalised
 * value; 2, 3 mean and 1 / deviation; 4, 5, 6 what struct nn_chain calls
 * a, b, c.
 */
#ifndef PLUGINS_COMMON_NN_ENGINE_H
#define PLUGINS_COMMON_NN_ENGINE_H
#include "nn_plan.h"

/* Rooms grow with the passes and are kept; `plan`, n and input are those of
 * the last nn_forward. */
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

/* Room for a pass of e->plan; keep: a backward one too.  -1: no memory. */
int nn_reserve(struct nn_engine *, const struct nn_store *,
               const struct nn_graph *, int keep);
/* A place of the plan, NULL if it is NN_NOWHERE; a tensor, NULL if it is
 * -1. */
float *nn_at(const struct nn_engine *, size_t place);
const float *nn_value(const struct nn_engine *, int32_t tensor);

/* What node i reads and writes forwards. */
struct nn_call nn_call_of(struct nn_engine *, struct nn_store *,
                          const struct nn_graph *, size_t i);
/* Zeroes call->sums, 2 x cout for each thread. */
void nn_clear_sums(struct nn_call *);
/* Sum i of all threads, added in their order. */
double nn_total(const struct nn_call *, size_t i);
#endif
