/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Non-dominated sets and hypervolume.  Inside, every goal is minimised.
 * A row with a NaN dominates nothing and is never kept.
 */
#include "pareto.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "mem.h"

int
pareto_dominates(size_t goals, const int *sense, const double *a,
                 const double *b)
{
  int better = 0;

  for (size_t g = 0; g < goals; g++) {
    if (!(sense[g] * a[g] >= sense[g] * b[g]))
      return 0;
    better |= a[g] != b[g];
  }
  return better;
}

/* ---- the front --------------------------------------------------------- */

struct rows {
  size_t goals;
  const double *cost;
};

/* Lexicographic, ties by index: a later row never dominates an earlier. */
static int
compare_rows(const void *a, const void *b, void *arg)
{
  const struct rows *rows = arg;
  size_t i = *(const size_t *)a, j = *(const size_t *)b;
  const double *p = rows->cost + i * rows->goals;
  const double *q = rows->cost + j * rows->goals;

  for (size_t g = 0; g < rows->goals; g++)
    if (p[g] != q[g])
      return p[g] < q[g] ? -1 : 1;
  return i < j ? -1 : i > j;
}

static int
covers(size_t goals, const double *a, const double *b)
{
  for (size_t g = 0; g < goals; g++)
    if (a[g] > b[g])
      return 0;
  return 1;
}

/* cost rows that are not covered by another; `order` has n places and takes
 * them, sorted. Returns how many. */
static size_t
front_of(size_t goals, size_t n, const double *cost, size_t *order)
{
  struct rows rows = { goals, cost };
  size_t kept = 0, candidates = 0;

  for (size_t i = 0; i < n; i++) {
    size_t g = 0;
    while (g < goals && !isnan(cost[i * goals + g]))
      g++;
    if (g == goals)
      order[candidates++] = i;
  }
  if (candidates > 1)
    qsort_r(order, candidates, sizeof *order, compare_rows, &rows);
  for (size_t i = 0; i < candidates; i++) {
    size_t k = kept;
    while (k > 0 && !covers(goals, cost + order[k - 1] * goals,
                            cost + order[i] * goals))
      k--;
    if (k == 0)
      order[kept++] = order[i];
  }
  return kept;
}

size_t
pareto_front(size_t goals, const int *sense, size_t n, const double *value,
             char *keep)
{
  double *cost = mem_array(double, n * goals + 1);
  size_t *order = mem_array(size_t, n + 1), kept;

  for (size_t i = 0; i < n * goals; i++)
    cost[i] = -sense[i % goals] * value[i];
  kept = front_of(goals, n, cost, order);
  memset(keep, 0, n);
  for (size_t i = 0; i < kept; i++)
    keep[order[i]] = 1;
  free(order);
  free(cost);
  return kept;
}

/* ---- hypervolume ------------------------------------------------------------
 * WFG (While, Bradstreet and Barone 2012): the volume of a set is the sum,
 * over its points, of what each covers and the later ones do not.  Costs are
 * relative to the reference point, which lies at 0, so all are negative. */

static double volume(size_t goals, size_t n, const double *cost);

/* Two goals, rows sorted by the first: one rectangle per row. */
static double
area(size_t n, const double *cost, const size_t *order)
{
  double sum = 0, above = 0;

  for (size_t i = 0; i < n; i++) {
    const double *p = cost + order[i] * 2;
    sum += -p[0] * (above - p[1]);
    above = p[1];
  }
  return sum;
}

/* What row i of the sorted front covers and rows i+1.. do not. */
static double
exclusive(size_t goals, size_t n, const double *cost, const size_t *order,
          size_t i)
{
  const double *p = cost + order[i] * goals;
  double *limited = mem_array(double, (n - i) * goals), own = 1, shared;

  for (size_t g = 0; g < goals; g++)
    own *= -p[g];
  for (size_t j = i + 1; j < n; j++)
    for (size_t g = 0; g < goals; g++)
      limited[(j - i - 1) * goals + g] =
        fmax(p[g], cost[order[j] * goals + g]);
  shared = volume(goals, n - i - 1, limited);
  free(limited);
  return own - shared;
}

static double
volume(size_t goals, size_t n, const double *cost)
{
  size_t *order = mem_array(size_t, n + 1);
  double sum = 0;

  n = front_of(goals, n, cost, order);
  if (goals == 2)
    sum = area(n, cost, order);
  else
    for (size_t i = 0; i < n; i++)
      sum += exclusive(goals, n, cost, order, i);
  free(order);
  return sum;
}

double
pareto_hypervolume(size_t goals, const int *sense, size_t n,
                   const double *value, const double *reference)
{
  double *cost = mem_array(double, n * goals + 1), result;
  size_t inside = 0;

  for (size_t i = 0; i < n; i++) {
    double *c = cost + inside * goals;
    size_t g = 0;
    while (g < goals) {
      c[g] = -sense[g] * (value[i * goals + g] - reference[g]);
      if (!(c[g] < 0))
        break;
      g++;
    }
    inside += g == goals;
  }
  result = volume(goals, inside, cost);
  free(cost);
  return result;
}
