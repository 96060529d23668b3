/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gaussian process regression (Rasmussen and Williams 2006, algorithm 2.1)
 * through LAPACK.  Inputs and outputs are standardised over the rows of a
 * fit; length scale and noise are taken from a small grid by the marginal
 * likelihood.  Deterministic for equal rows in equal order: OpenBLAS is held
 * to one thread, since its sums depend on how many there are.
 */
#include "costmodel.h"
#include <cblas.h>
#include <lapacke.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "mem.h"

struct row {
  uint64_t group;
  size_t owner;
  double y, x[COSTMODEL_FEATURES];
};

struct costmodel {
  size_t count, room, features;
  struct row *row;
  /* the last fit */
  size_t n;
  double *x;     /* n x features, standardised */
  double *chol;  /* n x n lower */
  double *alpha; /* K^-1 y */
  double *distance;
  double mean[COSTMODEL_FEATURES], scale[COSTMODEL_FEATURES];
  double y_mean, y_scale, length, noise;
};

struct costmodel *
costmodel_new(void)
{
  struct costmodel *m = mem_new(struct costmodel);
  size_t n = COSTMODEL_ROWS;

  openblas_set_num_threads(1);
  m->x = mem_array(double, n * COSTMODEL_FEATURES);
  m->chol = mem_array(double, n * n);
  m->distance = mem_array(double, n * n);
  m->alpha = mem_array(double, n);
  return m;
}

void
costmodel_free(struct costmodel *m)
{
  if (m == NULL)
    return;
  free(m->row);
  free(m->x);
  free(m->chol);
  free(m->distance);
  free(m->alpha);
  free(m);
}

void
costmodel_add(struct costmodel *m, uint64_t group, size_t owner,
              size_t features, const double *x, double y)
{
  struct row *row;

  if (!isfinite(y) || features == 0 || features > COSTMODEL_FEATURES)
    return;
  if (m->count == m->room) {
    m->room = m->room ? 2 * m->room : 256;
    m->row = mem_grow(m->row, m->room, sizeof *m->row);
  }
  row = &m->row[m->count++];
  *row = (struct row){ .group = group, .owner = owner, .y = y };
  memcpy(row->x, x, features * sizeof *x);
  m->features = features;
}

/* Own rows first, then the newest of the group. */
static size_t
choose_rows(const struct costmodel *m, uint64_t group, size_t owner,
            const struct row *out[])
{
  size_t n = 0;

  for (int own = 1; own >= 0; own--)
    for (size_t i = m->count; i-- > 0 && n < COSTMODEL_ROWS;)
      if (m->row[i].group == group && (m->row[i].owner == owner) == own)
        out[n++] = &m->row[i];
  return n;
}

static void
standardise(struct costmodel *m, const struct row *const row[], size_t n)
{
  double sum = 0, square = 0;

  for (size_t f = 0; f < m->features; f++) {
    double s = 0, q = 0;
    for (size_t i = 0; i < n; i++) {
      s += row[i]->x[f];
      q += row[i]->x[f] * row[i]->x[f];
    }
    m->mean[f] = s / (double)n;
    q = q / (double)n - m->mean[f] * m->mean[f];
    m->scale[f] = q > 1e-12 ? 1 / sqrt(q) : 0;
    for (size_t i = 0; i < n; i++)
      m->x[i * m->features + f] = (row[i]->x[f] - m->mean[f]) * m->scale[f];
  }
  for (size_t i = 0; i < n; i++) {
    sum += row[i]->y;
    square += row[i]->y * row[i]->y;
  }
  m->y_mean = sum / (double)n;
  square = square / (double)n - m->y_mean * m->y_mean;
  m->y_scale = square > 1e-12 ? sqrt(square) : 1;
}

static void
distances(struct costmodel *m)
{
  size_t n = m->n, d = m->features;

  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j <= i; j++) {
      double s = 0;
      for (size_t f = 0; f < d; f++) {
        double t = m->x[i * d + f] - m->x[j * d + f];
        s += t * t;
      }
      m->distance[i * n + j] = s / (double)d;
    }
}

/* Factorises for one setting; the log marginal likelihood, or -infinity. */
static double
factorise(struct costmodel *m, const struct row *const row[], double length,
          double noise)
{
  size_t n = m->n;
  double likelihood = 0;
  lapack_int size = (lapack_int)n;

  for (size_t i = 0; i < n; i++) {
    for (size_t j = 0; j <= i; j++)
      m->chol[i * n + j] =
        exp(-0.5 * m->distance[i * n + j] / (length * length));
    m->chol[i * n + i] += noise;
    m->alpha[i] = (row[i]->y - m->y_mean) / m->y_scale;
  }
  if (LAPACKE_dpotrf(LAPACK_ROW_MAJOR, 'L', size, m->chol, size) != 0)
    return -INFINITY;
  cblas_dtrsv(CblasRowMajor, CblasLower, CblasNoTrans, CblasNonUnit,
              (int)n, m->chol, (int)n, m->alpha, 1);
  for (size_t i = 0; i < n; i++)
    likelihood -= 0.5 * m->alpha[i] * m->alpha[i] +
                  log(m->chol[i * n + i]);
  cblas_dtrsv(CblasRowMajor, CblasLower, CblasTrans, CblasNonUnit,
              (int)n, m->chol, (int)n, m->alpha, 1);
  return likelihood;
}

int
costmodel_fit(struct costmodel *m, uint64_t group, size_t owner)
{
  static const double lengths[] = { 0.3, 0.6, 1.2, 2.4 };
  static const double noises[] = { 0.003, 0.03, 0.2 };
  const struct row *row[COSTMODEL_ROWS];
  double best = -INFINITY;

  m->n = choose_rows(m, group, owner, row);
  if (m->n < 6)
    return -1;
  standardise(m, row, m->n);
  distances(m);
  for (size_t l = 0; l < 4; l++)
    for (size_t k = 0; k < 3; k++) {
      double value = factorise(m, row, lengths[l], noises[k]);
      if (value > best) {
        best = value;
        m->length = lengths[l];
        m->noise = noises[k];
      }
    }
  return isfinite(best) && isfinite(factorise(m, row, m->length, m->noise))
         ? 0 : -1;
}

void
costmodel_predict(const struct costmodel *m, const double *x, double *mean,
                  double *stddev)
{
  double k[COSTMODEL_ROWS], z[COSTMODEL_FEATURES], sum = 0, variance = 1;

  for (size_t f = 0; f < m->features; f++)
    z[f] = (x[f] - m->mean[f]) * m->scale[f];
  for (size_t i = 0; i < m->n; i++) {
    double s = 0;
    for (size_t f = 0; f < m->features; f++) {
      double t = z[f] - m->x[i * m->features + f];
      s += t * t;
    }
    k[i] = exp(-0.5 * s / (double)m->features / (m->length * m->length));
    sum += k[i] * m->alpha[i];
  }
  cblas_dtrsv(CblasRowMajor, CblasLower, CblasNoTrans, CblasNonUnit,
              (int)m->n, m->chol, (int)m->n, k, 1);
  for (size_t i = 0; i < m->n; i++)
    variance -= k[i] * k[i];
  *mean = m->y_mean + m->y_scale * sum;
  *stddev = m->y_scale * sqrt(variance > 1e-9 ? variance : 1e-9);
}

double
costmodel_gain(double mean, double stddev, double best)
{
  double z = (best - mean) / stddev;

  return (best - mean) * 0.5 * erfc(-z * M_SQRT1_2) +
         stddev * exp(-0.5 * z * z) * 0.3989422804014327;
}
