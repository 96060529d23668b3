/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random changes of training images.  What happens to an image depends on
 * (seed, epoch, index) alone, so any number of threads makes equal batches.
 */
#ifndef COMMON_AUGMENT_H
#define COMMON_AUGMENT_H
#include <stddef.h>
#include <stdint.h>

struct augment {
  int32_t pad;    /* border of `fill` from which a crop of the old size is
                     taken; 0: none */
  int flip;       /* left and right, every other time */
  int32_t cutout; /* side of a square of zeroes, centre anywhere in the image
                     (DeVries and Taylor 2017); 0: none */
  double mixup;   /* alpha of Beta(alpha, alpha) (Zhang et al. 2018, section
                     2); 0: none */
  float fill[3];  /* value of the border, such as -mean / std for black */
};

/* One image h x w x c in place; scratch has room for as much. */
void augment_image(const struct augment *, uint64_t seed, uint32_t epoch,
                   uint32_t index, int h, int w, int c, float *image,
                   float *scratch);
/*
 * Mixes row i with row n - 1 - i of a batch of `size` floats a row, in place:
 * x[i] = share x[i] + (1 - share) x[n - 1 - i]; other[i] gets the label of
 * that row.  Returns the share, at least 0.5 so that `label` stays the
 * larger part.  (Rows come shuffled, so the mirror is a random partner.)
 */
float augment_mixup(const struct augment *, uint64_t seed, uint32_t epoch,
                    uint32_t batch, size_t n, size_t size, float *x,
                    const int32_t *label, int32_t *other);
#endif
