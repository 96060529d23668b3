/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the sum over blocks to a whole network: latency = a * sum + b *
 * blocks, fitted to networks that were really measured (least squares on
 * relative errors, drawn towards a = 1, b = 0 while there are few).
 */
#ifndef CORE_CORRECTION_H
#define CORE_CORRECTION_H
#include <stddef.h>

struct correction_sample { double sum, blocks, measured; };

struct correction {
  size_t count, room;
  struct correction_sample *sample;
  double scale, per_block; /* a, b (seconds) */
};

void correction_init(struct correction *);
void correction_free(struct correction *);
/* What is no positive number, or was added before, is left out. */
void correction_add(struct correction *, double sum, double blocks,
                    double measured);
void correction_fit(struct correction *);
double correction_apply(const struct correction *, double sum, double blocks);
/* Median of |predicted / measured - 1| where each network is predicted by a
 * fit without it; NaN below two networks. */
double correction_error(const struct correction *);
/* The same for the plain sum. */
double correction_raw_error(const struct correction *);
#endif
