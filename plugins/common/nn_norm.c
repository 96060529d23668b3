/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Batch normalisation (Ioffe and Szegedy, ICML 2015) fused with the
 * activation and the residual that follow it.  Sums run in float over blocks
 * of rows, in double between them.
 */
#include "nn_act.h"

#define COLUMNS 64
#define BLOCK 128

NN_INLINE void
sum_block(const float *x, size_t rows, int32_t stride, int32_t cols,
          double *sum, double *square)
{
  float s[COLUMNS] = { 0 }, q[COLUMNS] = { 0 };

  for (size_t r = 0; r < rows; r++) {
    const float *row = x + r * (size_t)stride;
#pragma omp simd
    for (int32_t i = 0; i < cols; i++) {
      s[i] += row[i];
      q[i] += row[i] * row[i];
    }
  }
  for (int32_t i = 0; i < cols; i++) {
    sum[i] += s[i];
    square[i] += q[i];
  }
}

NN_CLONES void
nn_norm_sums(const float *x, size_t rows, int32_t c, double *sums)
{
  for (size_t r = 0; r < rows; r += BLOCK) {
    size_t m = rows - r < BLOCK ? rows - r : BLOCK;
    const float *at = x + r * (size_t)c;
    int32_t i = 0;
    for (; i + COLUMNS <= c; i += COLUMNS)
      sum_block(at + i, m, c, COLUMNS, sums + i, sums + c + i);
    if (i < c)
      sum_block(at + i, m, c, c - i, sums + i, sums + c + i);
  }
}

NN_CLONES void
nn_norm_apply(const float *x, size_t rows, int32_t c, const float *s,
              const float *t, int act, const float *res, float *y)
{
#define APPLY(A)                                                      \
  for (size_t r = 0; r < rows; r++) {                                 \
    const float *from = x + r * (size_t)c;                            \
    float *to = y + r * (size_t)c;                                    \
    _Pragma("omp simd")                                               \
    for (int32_t i = 0; i < c; i++)                                   \
      to[i] = nn_act(A, from[i] * s[i] + t[i]);                       \
  }
  NN_EACH_ACT(act, APPLY)
#undef APPLY
  if (res == NULL)
    return;
#pragma omp simd
  for (size_t i = 0; i < rows * (size_t)c; i++)
    y[i] += res[i];
}

NN_INLINE void
grad_block(int act, const float *x, const float *dy, size_t rows,
           int32_t stride, int32_t cols, const float *s, const float *t,
           const float *mean, double *sum, double *cross)
{
  float p[COLUMNS] = { 0 }, q[COLUMNS] = { 0 };

  for (size_t r = 0; r < rows; r++) {
    const float *row = x + r * (size_t)stride, *d = dy + r * (size_t)stride;
#pragma omp simd
    for (int32_t i = 0; i < cols; i++) {
      float dz = d[i] * nn_act_slope(act, row[i] * s[i] + t[i]);
      p[i] += dz;
      q[i] += dz * (row[i] - mean[i]);
    }
  }
  for (int32_t i = 0; i < cols; i++) {
    sum[i] += p[i];
    cross[i] += q[i];
  }
}

NN_CLONES void
nn_norm_grad_sums(const float *x, const float *dy, size_t rows, int32_t c,
                  const float *s, const float *t, const float *mean, int act,
                  double *sums)
{
#define SUMS(A)                                                             \
  for (size_t r = 0; r < rows; r += BLOCK) {                                \
    size_t m = rows - r < BLOCK ? rows - r : BLOCK, at = r * (size_t)c;     \
    for (int32_t i = 0; i < c; i += COLUMNS)                                \
      grad_block(A, x + at + i, dy + at + i, m, c,                          \
                 c - i < COLUMNS ? c - i : COLUMNS, s + i, t + i, mean + i, \
                 sums + i, sums + c + i);                                   \
  }
  NN_EACH_ACT(act, SUMS)
#undef SUMS
}

NN_CLONES void
nn_chain_rows(const struct nn_chain *chain, const float *x, const float *dy,
              size_t rows, int32_t c, float *out)
{
  const float *s = chain->s, *t = chain->t;
  const float *a = chain->a, *b = chain->b, *k = chain->c;

#define ROWS(A)                                                            \
  for (size_t r = 0; r < rows; r++) {                                      \
    const float *from = x + r * (size_t)c, *d = dy + r * (size_t)c;        \
    float *to = out + r * (size_t)c;                                       \
    _Pragma("omp simd")                                                    \
    for (int32_t i = 0; i < c; i++)                                        \
      to[i] = a[i] * (d[i] * nn_act_slope(A, from[i] * s[i] + t[i])) +     \
              b[i] * from[i] + k[i];                                       \
  }
  NN_EACH_ACT(chain->act, ROWS)
#undef ROWS
}
