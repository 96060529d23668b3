/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NSGA-II (Deb, Pratap, Agarwal and Meyarivan 2002): members and newcomers
 * are sorted into fronts by constrained domination (their section VI), then
 * by crowding distance; the best stay.  Of equal objectives the earlier row
 * counts as the better, so that copies do not fill the population.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "evolution.h"

/* Fills rank[]: front by front, as their fast-non-dominated-sort, but with
 * the counts kept instead of the lists: n is small. */
static void
sort_fronts(struct evolution *e)
{
  const struct history *h = &e->history;
  size_t i, j, left = e->members, front;

  for (i = 0; i < e->members; i++) {
    e->rank[i] = SIZE_MAX;
    e->beaten[i] = 0;
    for (j = 0; j < e->members; j++)
      e->beaten[i] += j != i && beats(h, e->member[j], e->member[i]);
  }
  for (front = 0; left > 0; front++) {
    for (i = 0; i < e->members; i++)
      if (e->rank[i] == SIZE_MAX && e->beaten[i] == 0) {
        e->rank[i] = front;
        left--;
      }
    for (i = 0; i < e->members; i++)
      if (e->rank[i] == front)
        for (j = 0; j < e->members; j++)
          e->beaten[j] -= e->rank[j] == SIZE_MAX &&
                          beats(h, e->member[i], e->member[j]);
  }
}

struct by_cost {
  const struct evolution *e;
  size_t goal;
};

static int
compare_cost(const void *a, const void *b, void *arg)
{
  const struct by_cost *by = arg;
  size_t i = *(const size_t *)a, j = *(const size_t *)b;
  double p = history_cost(&by->e->history, by->e->member[i])[by->goal];
  double q = history_cost(&by->e->history, by->e->member[j])[by->goal];

  if (by->e->rank[i] != by->e->rank[j])
    return by->e->rank[i] < by->e->rank[j] ? -1 : 1;
  if (p != q)
    return p < q ? -1 : 1;
  return history_order(&by->e->history, by->e->member[i], by->e->member[j]);
}

/* Crowding distance along one goal within each front of order[]. */
static void
crowd_goal(struct evolution *e, size_t *order, size_t goal)
{
  struct by_cost by = { e, goal };
  size_t first, last, i;
  double range;

  qsort_r(order, e->members, sizeof *order, compare_cost, &by);
#define COST(i) history_cost(&e->history, e->member[order[i]])[goal]
  for (first = 0; first < e->members; first = last + 1) {
    last = first;
    while (last + 1 < e->members &&
           e->rank[order[last + 1]] == e->rank[order[first]])
      last++;
    range = COST(last) - COST(first);
    e->crowd[order[first]] = e->crowd[order[last]] = INFINITY;
    for (i = first + 1; i < last && range > 0; i++)
      e->crowd[order[i]] += (COST(i + 1) - COST(i - 1)) / range;
  }
#undef COST
}

static int
compare_fitness(const void *a, const void *b, void *arg)
{
  const struct evolution *e = arg;
  size_t i = *(const size_t *)a, j = *(const size_t *)b;

  if (e->rank[i] != e->rank[j])
    return e->rank[i] < e->rank[j] ? -1 : 1;
  if (e->crowd[i] != e->crowd[j])
    return e->crowd[i] > e->crowd[j] ? -1 : 1;
  return history_order(&e->history, e->member[i], e->member[j]);
}

/* Sort all members, best first, and keep as many as the population holds. */
static void
select_members(struct evolution *e)
{
  size_t n = e->members, i, *order = e->beaten;
  size_t member[n], rank[n];
  double crowd[n];

  sort_fronts(e);
  for (i = 0; i < n; i++) {
    order[i] = i;
    e->crowd[i] = 0;
  }
  for (i = 0; i < e->history.goals; i++)
    crowd_goal(e, order, i);
  qsort_r(order, n, sizeof *order, compare_fitness, e);
  for (i = 0; i < n; i++) {
    member[i] = e->member[order[i]];
    rank[i] = e->rank[order[i]];
    crowd[i] = e->crowd[order[i]];
  }
  e->members = n < e->population ? n : e->population;
  memcpy(e->member, member, e->members * sizeof *member);
  memcpy(e->rank, rank, e->members * sizeof *rank);
  memcpy(e->crowd, crowd, e->members * sizeof *crowd);
}

void
nsga2_admit(struct evolution *e, size_t n, const size_t *row)
{
  size_t i;

  for (i = 0; i < n; i++) {
    if (e->members == 2 * e->population)
      select_members(e);
    if (!is_member(e, row[i]))
      e->member[e->members++] = row[i];
  }
  if (e->members > 0)
    select_members(e);
}

/* Members are sorted, so the first of a sample is its winner. */
size_t
nsga2_parent(const struct evolution *e)
{
  size_t best = history_below(&e->history, e->members), i, other;

  for (i = 1; i < e->sample; i++) {
    other = history_below(&e->history, e->members);
    if (other < best)
      best = other;
  }
  return best;
}
