/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operands of products as kernels of less precision see them, for the dtypes
 * that chanas/plugin.h documents: the nearest value of the type, or of 255
 * steps.  Sums stay exact, and what no product reads stays float.
 */
#include "reference.h"

#include <math.h>
#include <string.h>

#include "workload.h"

#define LEVELS 127

/* To so many bits of precision; no step is less than 2^least. */
static float
to_bits(float v, int bits, int least)
{
  int exponent;
  frexp(v, &exponent);
  double step = ldexp(1, exponent - bits > least ? exponent - bits : least);
  return (float)(rint(v / step) * step);
}

/* To a multiple of range / LEVELS inside the range. */
static float
to_levels(float v, float range)
{
  if (!(range > 0))
    return 0;
  double step = (double)range / LEVELS, level = rint(v / step);
  return (float)(fmax(-LEVELS, fmin(level, LEVELS)) * step);
}

void
narrow_values(int dtype, float range, const float *v, size_t n, float *out)
{
  for (size_t i = 0; i < n; i++)
    switch (dtype) {
    case CHANAS_BF16: out[i] = to_bits(v[i], 8, -133); break;
    case CHANAS_F16: out[i] = to_bits(v[i], 11, -24); break;
    case CHANAS_TF32: out[i] = to_bits(v[i], 11, -136); break;
    case CHANAS_I8: out[i] = to_levels(v[i], range); break;
    default: out[i] = v[i];
    }
}

float
narrow_range(const float *v, size_t n)
{
  float most = 0;
  for (size_t i = 0; i < n; i++)
    most = fmaxf(most, fabsf(v[i]));
  return most;
}

void
narrow_weights(const struct chanas_op *op, int dtype, const float *w,
               float *out)
{
  size_t all = op_weights(op), bias = op->bias ? (size_t)op->cout : 0;
  size_t row = (all - bias) / (size_t)op->cout;
  for (size_t o = 0; o < (size_t)op->cout; o++) {
    const float *from = w + o * row;
    narrow_values(dtype, narrow_range(from, row), from, row, out + o * row);
  }
  memcpy(out + all - bias, w + all - bias, bias * sizeof *out);
}
