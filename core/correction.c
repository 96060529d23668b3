/* SPDX-License-Identifier: Apache-2.0 */
/* Two parameters by ridge-regularised normal equations; see correction.h. */
#include "correction.h"
#include <math.h>
#include <stdlib.h>
#include "mem.h"

#define RIDGE 0.02 /* weight of the prior a = 1, b = 0, in relative errors */

void
correction_init(struct correction *c)
{
  *c = (struct correction){ .scale = 1 };
}

void
correction_free(struct correction *c)
{
  free(c->sample);
  correction_init(c);
}

/* A network that is measured once must not count twice. */
static int
is_known(const struct correction *c, double sum, double measured)
{
  for (size_t i = 0; i < c->count; i++)
    if (c->sample[i].sum == sum && c->sample[i].measured == measured)
      return 1;
  return 0;
}

void
correction_add(struct correction *c, double sum, double blocks,
               double measured)
{
  if (is_known(c, sum, measured))
    return;
  if (!(sum > 0) || !(measured > 0) || !isfinite(sum) || !isfinite(measured))
    return;
  if (c->count == c->room) {
    c->room = c->room ? 2 * c->room : 16;
    c->sample = mem_grow(c->sample, c->room, sizeof *c->sample);
  }
  c->sample[c->count++] = (struct correction_sample){ sum, blocks, measured };
}

/* Unknowns a - 1 and b' = b in units of the mean sum per block, so that both
 * are of order one. */
static void
fit_without(const struct correction *c, size_t skip, double *scale,
            double *per_block)
{
  double unit = 0, aa = RIDGE, ab = 0, bb = RIDGE, ay = 0, by = 0, det;
  size_t n = 0;

  for (size_t i = 0; i < c->count; i++)
    if (i != skip && ++n)
      unit += c->sample[i].sum / c->sample[i].blocks;
  unit = n ? unit / (double)n : 1;
  for (size_t i = 0; i < c->count; i++) {
    const struct correction_sample *s = &c->sample[i];
    double a = s->sum / s->measured, b = s->blocks * unit / s->measured;
    double y = 1 - a;
    if (i == skip)
      continue;
    aa += a * a;
    ab += a * b;
    bb += b * b;
    ay += a * y;
    by += b * y;
  }
  det = aa * bb - ab * ab;
  *scale = 1 + (ay * bb - by * ab) / det;
  *per_block = (by * aa - ay * ab) / det * unit;
}

void
correction_fit(struct correction *c)
{
  fit_without(c, c->count, &c->scale, &c->per_block);
}

double
correction_apply(const struct correction *c, double sum, double blocks)
{
  double corrected = c->scale * sum + c->per_block * blocks;

  return corrected > 0 ? corrected : sum;
}

static int
ascending(const void *a, const void *b)
{
  double x = *(const double *)a, y = *(const double *)b;

  return (x > y) - (x < y);
}

static double
median_error(const struct correction *c, int corrected)
{
  double *error, result;

  if (c->count < 2)
    return NAN;
  error = mem_array(double, c->count);
  for (size_t i = 0; i < c->count; i++) {
    const struct correction_sample *s = &c->sample[i];
    double scale = 1, per_block = 0;
    if (corrected)
      fit_without(c, i, &scale, &per_block);
    error[i] = fabs((scale * s->sum + per_block * s->blocks) / s->measured -
                    1);
  }
  qsort(error, c->count, sizeof *error, ascending);
  result = c->count % 2 ? error[c->count / 2]
                        : (error[c->count / 2 - 1] + error[c->count / 2]) / 2;
  free(error);
  return result;
}

double
correction_error(const struct correction *c)
{
  return median_error(c, 1);
}

double
correction_raw_error(const struct correction *c)
{
  return median_error(c, 0);
}
