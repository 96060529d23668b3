/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What reduced precision costs, as a quantity of the search: the relative
 * error of a network's output that its blocks' dtypes lead to, predicted as
 * the root of the sum of the squares of the blocks' own errors.  That ratios
 * of noise to signal add over layers is from Lin, Talathi and Annapureddy,
 * "Fixed Point Quantization of Deep Convolutional Networks", ICML 2016.
 *
 * A block's own error is the root mean square of the difference that its
 * dtype makes over that of its results, with random inputs and parameters
 * (those of the verification), by the reference that rounds what a kernel may
 * round.  No device takes part, so it is the same on every machine.
 */
#ifndef CORE_ROUNDING_H
#define CORE_ROUNDING_H
#include "network.h"

struct rounding; /* what the blocks of one family were found to have */

struct rounding *rounding_new(struct family *);
void rounding_free(struct rounding *);
/* Of a network; each distinct block is computed once. */
double rounding_of(struct rounding *, const struct chanas_network *);
/* Of one block, by a copy with fewer pixels where it has many. */
double rounding_block(const struct chanas_workload *);
#endif
