/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How an emitted text tells what to launch.  Lines of it:
 *
 *   //@ step SYMBOL PACKED SCRATCH     what follows belongs to this step;
 *                                      32-bit words, floats
 *   //@ columns FROM AT OUT IN TAPS WIDE
 *        packed[AT + (tap * IN + in) * WIDE + out] =
 *        weights[FROM + (out * IN + in) * TAPS + tap], zero up to WIDE
 *   //@ rows TYPE FROM AT OUT IN TAPS
 *        the same weights, each output's in a row of words of TYPE (bf16,
 *        f16: two, the lower half first; tf32: one; i8: four), products in
 *        the order tap, in; a row is padded to whole groups of four words;
 *        for i8 a float scale for each output follows all rows
 *   //@ run KERNEL X Y Z THREADS LOCAL in this order; blocks, threads, and
 *                                      bytes of local memory that a block
 *                                      is to get besides what is declared
 *   //@ end SYMBOL
 *
 * A kernel's parameters are x, packed, y, scratch.  This file is part of
 * exported programs too, so it knows nothing of chanas.
 */
#ifndef COMMON_GPU_MANIFEST_H
#define COMMON_GPU_MANIFEST_H
#include <stddef.h>
#include <stdint.h>

#define GPU_NAME 128
#define GPU_MARK "//@ "

enum gpu_word { GPU_COLUMNS, GPU_BF16, GPU_F16, GPU_TF32, GPU_I8 };

struct gpu_pack {
  enum gpu_word type;      /* of rows, or columns */
  size_t from, at;
  int out, in, taps, wide;
};
struct gpu_launch { char name[GPU_NAME]; long grid[3], threads, local; };

struct gpu_manifest {
  size_t packed, scratch, packs, launches;
  struct gpu_pack *pack;
  struct gpu_launch *launch;
};

/* Read one step of a text.  -1 if it has none of that name, or it makes no
 * sense for this many weights; why says what. */
int gpu_manifest_read(struct gpu_manifest *, const char *text,
                      const char *symbol, size_t weights, const char **why);
/* What follows the next mark behind `at`, or NULL. */
const char *gpu_manifest_next(const char *at);
void gpu_manifest_free(struct gpu_manifest *);
/* packed[] must have manifest->packed words. */
void gpu_manifest_pack(const struct gpu_manifest *, const float *weights,
                       uint32_t *packed);
#endif
