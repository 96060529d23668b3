/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a table's key can say about a block:
 *   {h} {w} {c}      its input          {oh} {ow} {oc}  its output
 *   {mid}            channels of the depthwise convolution (else of the
 *                    first convolution's result)
 *   {k} {s}          kernel and stride of the depthwise (else of the largest)
 *                    convolution
 *   {residual} {se} {hs}   0 or 1: ends in an addition of the input; has
 *                    squeeze-excite; has a h-swish
 * and about one operator of it, by kind and ordinal (1 may be left out):
 *   {conv2.oc}: h w c oh ow oc k s of conv, dw, se, pool, linear; the average
 *   pools, global or not, count together; {se.squeeze}.
 */
#ifndef PLUGINS_REPLAY_SHAPE_H
#define PLUGINS_REPLAY_SHAPE_H
#include <chanas/plugin.h>

/* A number for the field, or -1: no such name. */
int shape_field(const char *name);
/* Its value; -1 where the block has no such operator. */
int64_t shape_value(const struct chanas_workload *, int field);
#endif
