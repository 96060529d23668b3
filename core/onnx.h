/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A network with its parameters as an ONNX model (onnx.ai, IR version 8,
 * opset 17), for other runtimes.
 *
 *   input    float [batch, height, width, channels]: NHWC, as everywhere
 *            here; its first node transposes to ONNX's NCHW
 *   output   float [batch, classes]: the classifier's result, no softmax
 *
 * The batch is free.  Depthwise convolutions are Conv with groups;
 * squeeze-and-excite is GlobalAveragePool, two 1 x 1 Conv and Mul.
 */
#ifndef CORE_ONNX_H
#define CORE_ONNX_H
#include "network.h"

struct weights;

/* weights[b]: the parameters of block b (ranges behind them are not used).
 * about: what goes into the model's metadata, or NULL.  -1, logged: a model
 * beyond the 2 GiB of the format, a file that cannot be written. */
int onnx_write(const struct chanas_network *, float *const weights[],
               const struct weights *about, const char *path);
#endif
