/* SPDX-License-Identifier: Apache-2.0 */
/* Rank correlations, quadratic in n: made for hundreds of networks. */
#include "rank.h"
#include <math.h>

/* Twice the mean rank of a[i], so that it is a whole number. */
static double
twice_rank(const double *a, size_t n, size_t i)
{
  double rank = 0;

  for (size_t j = 0; j < n; j++)
    rank += a[j] < a[i] ? 2 : a[j] == a[i] ? 1 : 0;
  return rank;
}

double
rank_spearman(const double *a, const double *b, size_t n)
{
  double mean = (double)n, ab = 0, aa = 0, bb = 0;

  for (size_t i = 0; i < n; i++) {
    double x = twice_rank(a, n, i) - mean, y = twice_rank(b, n, i) - mean;
    ab += x * y;
    aa += x * x;
    bb += y * y;
  }
  return aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : 0;
}

static int
order(double x, double y)
{
  return (x > y) - (x < y);
}

double
rank_kendall(const double *a, const double *b, size_t n)
{
  double sum = 0, aa = 0, bb = 0;

  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < i; j++) {
      int x = order(a[i], a[j]), y = order(b[i], b[j]);
      sum += x * y;
      aa += x * x;
      bb += y * y;
    }
  return aa > 0 && bb > 0 ? sum / sqrt(aa * bb) : 0;
}
