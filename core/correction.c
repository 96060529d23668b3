/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ridge regression through the normal equations; see correction.h.  The
 * unknowns are a - 1 and b, c in units that make their terms as large as the
 * sum on average, so that one ridge suits all.
 */
#include "correction.h"
#include <lapacke.h>
#include <math.h>
#include <stdlib.h>
#include "mem.h"

#define NOISE 0.03 /* relative error of a whole network, measured well */
#define PRIOR 0.1  /* how far the terms are expected from the plain sum */
#define RIDGE (NOISE * NOISE / (PRIOR * PRIOR))

static const double plain_sum[CORRECTION_TERMS] = { 1, 0, 0 };

void
correction_init(struct correction *c)
{
  *c = (struct correction){ .term = { 1, 0, 0 } };
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
    if (c->sample[i].in.sum == sum && c->sample[i].measured == measured)
      return 1;
  return 0;
}

void
correction_add(struct correction *c, struct correction_input in,
               double measured, double ci)
{
  double spread = ci / measured / NOISE;

  if (!(in.sum > 0) || !(measured > 0) || !isfinite(in.sum) ||
      !isfinite(measured) || is_known(c, in.sum, measured))
    return;
  if (c->count == c->room) {
    c->room = c->room ? 2 * c->room : 16;
    c->sample = mem_grow(c->sample, c->room, sizeof *c->sample);
  }
  c->sample[c->count++] = (struct correction_sample){
    in, measured, 1 / (1 + spread * spread) };
}

/* Seconds of the average sum per block and per parameter. */
static void
units_without(const struct correction *c, size_t skip, double unit[])
{
  double blocks = 0, params = 0;
  size_t n = 0;

  for (size_t i = 0; i < c->count; i++) {
    const struct correction_input *in = &c->sample[i].in;
    if (i == skip)
      continue;
    blocks += in->sum / fmax(in->blocks, 1);
    params += in->sum / fmax(in->params, 1);
    n++;
  }
  unit[0] = 1;
  unit[1] = n ? blocks / (double)n : 1;
  unit[2] = n ? params / (double)n : 1;
}

static void
fit_without(const struct correction *c, size_t skip, double term[])
{
  double unit[CORRECTION_TERMS], y[CORRECTION_TERMS] = { 0 };
  double normal[CORRECTION_TERMS][CORRECTION_TERMS] = { { 0 } };

  units_without(c, skip, unit);
  for (size_t i = 0; i < c->count; i++) {
    const struct correction_sample *s = &c->sample[i];
    double x[CORRECTION_TERMS] = { s->in.sum / s->measured,
                                   s->in.blocks * unit[1] / s->measured,
                                   s->in.params * unit[2] / s->measured };
    if (i == skip)
      continue;
    for (int j = 0; j < CORRECTION_TERMS; j++) {
      for (int k = 0; k < CORRECTION_TERMS; k++)
        normal[j][k] += s->weight * x[j] * x[k];
      y[j] += s->weight * x[j] * (1 - x[0]);
    }
  }
  for (int j = 0; j < CORRECTION_TERMS; j++)
    normal[j][j] += RIDGE;
  if (LAPACKE_dposv(LAPACK_ROW_MAJOR, 'L', CORRECTION_TERMS, 1, normal[0],
                    CORRECTION_TERMS, y, 1) != 0)
    y[0] = y[1] = y[2] = 0;
  for (int j = 0; j < CORRECTION_TERMS; j++)
    term[j] = plain_sum[j] + y[j] * unit[j];
}

void
correction_fit(struct correction *c)
{
  fit_without(c, c->count, c->term);
}

static double
predict(const double term[], const struct correction_input *in)
{
  return term[0] * in->sum + term[1] * in->blocks + term[2] * in->params;
}

double
correction_apply(const struct correction *c, struct correction_input in)
{
  double corrected = predict(c->term, &in);

  return corrected > 0 ? corrected : in.sum;
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
    double term[CORRECTION_TERMS] = { 1, 0, 0 };
    if (corrected)
      fit_without(c, i, term);
    error[i] = fabs(predict(term, &s->in) / s->measured - 1);
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
