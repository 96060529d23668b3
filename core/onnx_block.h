/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The nodes of one block of a network, in ONNX's own order of axes, NCHW.
 * An operator becomes one node or a few; its parameters, initializers.
 */
#ifndef CORE_ONNX_BLOCK_H
#define CORE_ONNX_BLOCK_H
#include "onnx_node.h"
#include "workload.h"

/* Appends the block's nodes; weights as in the workload.  Its result. */
struct value onnx_block(struct graph *, const struct chanas_workload *,
                        struct value in, const float *weights);
/* Two axes, batch x the rest. */
struct value onnx_flatten(struct graph *, struct value);
/* All zeroes, batch x c x h x w, for a tensor that no block writes: what op
 * reads. */
struct value onnx_zeroes(struct graph *, const struct chanas_op *);
#endif
