/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the sum over blocks to a whole network:
 *
 *   latency = a * sum + b * blocks + c * parameters
 *
 * fitted to networks that were really measured (least squares on relative
 * errors, drawn towards a = 1, b = c = 0 while there are few).  b is what it
 * costs to go from block to block; c is there because a block that is timed
 * alone finds its weights in the cache, and a network does not.
 */
#ifndef CORE_CORRECTION_H
#define CORE_CORRECTION_H
#include <stddef.h>

#define CORRECTION_TERMS 3

/* sum: seconds over the blocks. */
struct correction_input { double sum, blocks, params; };
struct correction_sample {
  struct correction_input in;
  double measured, weight;
};

struct correction {
  size_t count, room;
  struct correction_sample *sample;
  double term[CORRECTION_TERMS]; /* a, b (seconds), c (seconds) */
};

void correction_init(struct correction *);
void correction_free(struct correction *);
/* What is no positive number, or was added before, is left out.  ci: half
 * width of the measurement's confidence interval; a wide one counts less. */
void correction_add(struct correction *, struct correction_input,
                    double measured, double ci);
void correction_fit(struct correction *);
double correction_apply(const struct correction *, struct correction_input);
/* Median of |predicted / measured - 1| where each network is predicted by a
 * fit without it; NaN below two networks. */
double correction_error(const struct correction *);
/* The same for the plain sum. */
double correction_raw_error(const struct correction *);
#endif
