/* SPDX-License-Identifier: Apache-2.0 */
/* Register blocks of dense convolutions and how well they fit. */
#ifndef COMMON_BLOCKS_H
#define COMMON_BLOCKS_H
#include "plan.h"

#define BLOCKS_MAX 8

/* A matrix product as the micro-kernels see it: pixels in runs of equal
 * length, vectors of output channels, steps of the reduction; threads, if
 * more than one, that share the groups of vectors; near, if known, vectors of
 * weights that stay in L1 from tile to tile. */
struct shape { int runs, length, vectors, steps, threads, near; };

/* Does a depthwise convolution read the op's result? */
int blocks_feed_depthwise(const struct chanas_workload *, int op);
struct shape blocks_shape(const struct chanas_workload *, int op, int vec);
/* Estimated cycles with two multiply-adds and two loads per cycle, a latency
 * of four, weights that come from L2 unless they stay in L1, and a few cycles
 * of overhead per tile. */
double blocks_cost(struct shape, int mr, int nv);
/* Of tiles: 16 rows each, eight registers for both operands and the sums. */
int blocks_tiles(struct shape, struct register_block out[BLOCKS_MAX]);
/* The best blocks that fit the registers, best first; returns how many.
 * lanes: with a register for each pixel, whatever the block's form. */
int blocks_list(struct shape, int registers, int lanes,
                struct register_block out[BLOCKS_MAX]);
#endif
