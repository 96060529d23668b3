/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How far a right kernel may be from the reference.
 *
 * float: a sum of n products in another order is off by about sqrt(n) 2^-24 of
 * its scale, a missing term by 1 / sqrt(n).  With less precision the operands
 * of each layer are rounded, each time by a relative error whose root mean
 * square is known, and the errors of layers add like those of independent
 * variables: so the deviation is bounded by a figure of the type times the
 * root of the number of layers.  It is what shows a missing term; the largest
 * difference, some standard deviations more, what shows a wrong element.
 *
 * Both are relative to the root mean square of the results, and that of m
 * normal values is off by 1 / sqrt(2 m) of itself (one standard deviation:
 * their sum of squares is chi-square with m degrees, of mean m and variance
 * 2 m).  So with three of these, the error's may be 1 + 3 / sqrt(2 m) of what
 * it is in the mean, and the results', by which it is divided, 1 - 3 /
 * sqrt(2 m).  The latter says nothing for a few results, which are sometimes
 * all near zero: there the scale is never taken to be less than half of what
 * the weights aim at.
 */
#include "reference.h"

#include <math.h>

#include "workload.h"

#define PEAK 8 /* largest difference over deviation, zeroes of relu included */
#define SPREAD 3 /* standard deviations that a root mean square may be off */
#define FLOAT 1e-4 /* some hundred times what is right */
#define LEAST 0.5 /* of the scale that the weights aim at */

static double
rms(const float *v, size_t n)
{
  double square = 0;
  for (size_t i = 0; i < n; i++)
    square += (double)v[i] * v[i];
  return n ? sqrt(square / (double)n) : 0;
}

/* Standard deviations of the root mean square of w's results, as a part. */
static double
spread(const struct chanas_workload *w)
{
  return SPREAD / sqrt(2 * (double)w->outputs);
}

double
reference_least(const struct chanas_workload *w)
{
  return 1 - spread(w) < LEAST ? LEAST * sqrt(reference_moment(w)) : 0;
}

double
reference_difference(const float *got, const float *want, size_t n,
                     double least)
{
  double base = fmax(rms(want, n), least), worst = 0;
  for (size_t i = 0; i < n; i++) {
    if (!isfinite(got[i]))
      return INFINITY;
    double scale = fabs((double)want[i]);
    double off = fabs((double)got[i] - want[i]);
    scale = scale > base ? scale : base; /* fmax() would be a call */
    if (off > worst * scale)
      worst = off / scale;
  }
  return worst;
}

double
reference_deviation(const float *got, const float *want, size_t n,
                    double least)
{
  double square = 0;
  for (size_t i = 0; i < n; i++) {
    if (!isfinite(got[i]))
      return INFINITY;
    double off = (double)got[i] - want[i];
    square += off * off;
  }
  return square > 0 ? sqrt(square / (double)n) / fmax(rms(want, n), least) : 0;
}

/* Per layer: two operands rounded to 2^-p (relative error 2^-p / sqrt(3)
 * each), and the result once more; I8: a step of 1/127 of four standard
 * deviations or more; F16 also sums 64 products in half precision. */
static double
per_layer(int dtype)
{
  switch (dtype) {
  case CHANAS_BF16: return 4e-3;
  case CHANAS_F16: return 3e-3;
  case CHANAS_TF32: return 1e-3;
  case CHANAS_I8: return 2.5e-2;
  default: return 0;
  }
}

static double
layers(const struct chanas_workload *w)
{
  int n = 0;
  for (uint32_t i = 0; i < w->ops; i++)
    n += op_has_products(&w->op[i]);
  return n ? n : 1;
}

/* In the mean over many results; 0: the type rounds nothing. */
static double
deviation(const struct chanas_workload *w)
{
  double scale = fmax(1 - spread(w), LEAST);
  return per_layer(w->dtype) * sqrt(layers(w)) / scale;
}

double
reference_deviation_tolerance(const struct chanas_workload *w)
{
  double mean = deviation(w);
  return mean > 0 ? mean * (1 + spread(w)) : FLOAT;
}

double
reference_tolerance(const struct chanas_workload *w)
{
  double mean = deviation(w);
  return mean > 0 ? PEAK * mean : FLOAT;
}
