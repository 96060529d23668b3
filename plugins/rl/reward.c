/* SPDX-License-Identifier: Apache-2.0 */
/* Rewards and the ranges of their targets. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "reward.h"

#define LIMIT_EXPONENT -1 /* as MnasNet's for a hard limit */

int
reward_open(struct reward *r, const struct history *h, double exponent)
{
  size_t g;

  memset(r, 0, sizeof *r);
  r->history = h;
  r->exponent = exponent;
  r->best = SIZE_MAX;
  r->goal = calloc(h->goals + 1, sizeof *r->goal);
  r->low = calloc(h->goals + 1, sizeof *r->low);
  r->high = calloc(h->goals + 1, sizeof *r->high);
  if (!r->goal || !r->low || !r->high) {
    h->host->log(h->host->ctx, CHANAS_ERROR, "no memory");
    return -1;
  }
  for (g = 0; g < h->goals; g++)
    if (h->sense[g] != 0)
      r->goal[r->aims++] = g;
  return 0;
}

void
reward_close(struct reward *r)
{
  free(r->goal);
  free(r->low);
  free(r->high);
  memset(r, 0, sizeof *r);
}

#define LEAST 1e-6 /* of seconds, ratios and counts: what is less is as good */

/* log of an aim's value, turned so that smaller is better. */
static double
log_cost(const struct reward *r, size_t row, size_t aim)
{
  const struct history *h = r->history;
  double value = fabs(history_cost(h, row)[r->goal[aim]]);

  return -h->sense[r->goal[aim]] * log(fmax(value, LEAST));
}

void
reward_note(struct reward *r, size_t row)
{
  const struct history *h = r->history;
  int better;
  size_t a;

  if (h->record[row].violation != 0)
    return;
  better = r->best == SIZE_MAX || log_cost(r, row, 0) < log_cost(r, r->best, 0);
  for (a = 1; a < r->aims; a++) {
    double cost = log_cost(r, row, a);
    if (r->best == SIZE_MAX || cost < r->low[a])
      r->low[a] = cost;
    if (better)
      r->high[a] = cost;
  }
  if (better)
    r->best = row;
}

double
reward_log(const struct reward *r, size_t row, const double *preference)
{
  const struct history *h = r->history;
  double sum, target, excess;
  size_t a;

  if (r->aims == 0 || isinf(h->record[row].violation))
    return -INFINITY;
  sum = -log_cost(r, row, 0) +
        LIMIT_EXPONENT * log1p(h->record[row].violation);
  for (a = 1; a < r->aims; a++) {
    target = r->low[a] +
             (preference[a - 1] + 1) / 2 * (r->high[a] - r->low[a]);
    excess = log_cost(r, row, a) - target;
    if (excess > 0)
      sum += r->exponent * excess;
  }
  return sum;
}

void
reward_wish(const struct reward *r, size_t row, double *preference)
{
  double range, at;
  size_t a;

  for (a = 1; a < r->aims; a++) {
    range = r->high[a] - r->low[a];
    at = range > 0 ? (log_cost(r, row, a) - r->low[a]) / range : 1;
    preference[a - 1] = 2 * fmin(fmax(at, 0), 1) - 1;
  }
}
