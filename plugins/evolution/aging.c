/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Regularised evolution (Real, Aggarwal, Huang and Le 2019, algorithm 1):
 * the best of a random sample becomes a parent, the oldest member dies.
 * member[] is in order of age, the oldest first.
 */
#include <stdlib.h>
#include <string.h>
#include "evolution.h"

static int
worst_first(const void *a, const void *b, void *arg)
{
  const struct history *h = arg;
  size_t i = *(const size_t *)a, j = *(const size_t *)b;

  return i == j ? 0 : beats(h, i, j) ? 1 : -1;
}

/* What came in together has one age: the better ones count as younger, so
 * that of a large batch or of a warm start the best remain. */
void
aging_admit(struct evolution *e, size_t n, size_t *row)
{
  size_t i;

  qsort_r(row, n, sizeof *row, worst_first, &e->history);
  for (i = 0; i < n; i++) {
    if (is_member(e, row[i]))
      continue;
    if (e->members == e->population) {
      e->members--;
      memmove(e->member, e->member + 1, e->members * sizeof *e->member);
    }
    e->member[e->members++] = row[i];
  }
}

/* The sample is drawn with replacement. */
size_t
aging_parent(const struct evolution *e)
{
  const struct history *h = &e->history;
  size_t best = history_below(h, e->members), i, other;

  for (i = 1; i < e->sample; i++) {
    other = history_below(h, e->members);
    if (beats(h, e->member[other], e->member[best]))
      best = other;
  }
  return best;
}
