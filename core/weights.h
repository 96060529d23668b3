/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Weight files: the parameters of one trained network, and what must be known
 * to use it.  Little-endian:
 *
 *   "CHANASWT"  magic
 *   u32         version, 1
 *   u64         bytes of the body
 *   body        in this order, strings as u32 length and bytes:
 *     space's name, network's code
 *     u32 resolution, channels; f32 crop; f32 mean, f32 std, of the channels
 *     f64 accuracy on the training, validation and test part, percent; NaN
 *     u32 classes; a name each
 *     u32 blocks; for each: string key, u64 n, f32 parameters[n],
 *                           u32 ranges (0 or the ops), f32 range[ranges]
 *   u64         FNV-1a of all bytes before it
 *
 * The key is that of the block's workload with batch 1 and dtype f32; its
 * parameters are in the order that struct chanas_workload gives.  Ranges are
 * what I8 kernels need (the same place), from calibration.
 *
 * A pixel's value v in 0..255 is fed as (v / 255 - mean[c]) / std[c], NHWC.
 */
#ifndef CORE_WEIGHTS_H
#define CORE_WEIGHTS_H
#include "network.h"

struct weights {
  char *space, *code;
  int32_t resolution, channels; /* channels 1 .. 4 */
  float crop; /* part of an image's shorter side that is seen; 0: 1 */
  float mean[4], std[4];
  double accuracy[3]; /* training, validation, test */
  int32_t classes;
  char **class_name;
  size_t blocks;
  struct weights_block {
    char *key;
    size_t n, ranges;
    float *value, *range;
  } *block;
};

/* Whole or not at all; -1, logged.  Equal contents, equal bytes. */
int weights_write(const struct weights *, const char *path);
/* NULL (logged once, with path and reason): whatever is wrong in it, a value
 * that is not finite too.  Free with weights_free. */
struct weights *weights_read(const char *path);
void weights_free(struct weights *);
/* Blocks with keys and room for the network's parameters (and ranges),
 * zeroed; the other members are empty but for space and code. */
struct weights *weights_new(const struct chanas_network *, int ranges);
/* Do they belong to this network (code and blocks, whatever its batch and
 * dtype)?  -1, logged with path. */
int weights_match(const struct weights *, const struct chanas_network *,
                  const char *path);
/* The parameters of block b as a workload of any dtype wants them:
 * out[workload->weights].  -1, logged: I8 without ranges. */
int weights_fill(const struct weights *, size_t b,
                 const struct chanas_workload *, float *out);
#endif
