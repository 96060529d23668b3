/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Evolution: random points until the population is full, then children of
 * its members.  One goal without a constraint is served by regularised
 * evolution, all else by NSGA-II.  Failed trials never become members; while
 * there is no member the points stay random.  A child that is known already
 * is varied again, and at last replaced by an unknown random point, so the
 * search ends when, and only when, the space is used up.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "evolution.h"

#define TRIES 50 /* variations before a child is given up */

static void
evolution_close(void *self)
{
  struct evolution *e = self;

  history_close(&e->history);
  free(e->member);
  free(e->rank);
  free(e->crowd);
  free(e->beaten);
  free(e->draft);
  free(e);
}

static size_t
size_param(const struct chanas_host *host, const char *key, size_t otherwise)
{
  int64_t n = host->get_int(host->ctx, key);

  return n > 0 ? (size_t)n : otherwise;
}

static int
set_up(struct evolution *e, const struct chanas_host *host,
       const struct chanas_space *space, size_t goals,
       const struct chanas_goal *goal)
{
  const char *selection = host->get(host->ctx, "selection");
  size_t room, i, aims = 0;

  for (i = 0; i < goals; i++)
    aims += goal[i].sense != 0;
  e->aging = strcmp(selection, "auto") ? strcmp(selection, "aging") == 0
                                       : aims < 2;
  if (e->aging && aims > 1) {
    host->log(host->ctx, CHANAS_ERROR, "selection = aging serves one goal, "
              "but there are %zu: take nsga2 or auto", aims);
    return -1;
  }
  e->population = size_param(host, "population", e->aging ? 24 : 40);
  e->initial = size_param(host, "initial", 0);
  e->sample = size_param(host, "sample", e->aging ? 10 : 6);
  e->mutation = host->get_real(host->ctx, "mutation");
  e->crossover = host->get_real(host->ctx, "crossover");
  e->explore = host->get_real(host->ctx, "explore");
  room = 2 * e->population;
  e->member = calloc(room, sizeof *e->member);
  e->rank = calloc(room, sizeof *e->rank);
  e->crowd = calloc(room, sizeof *e->crowd);
  e->beaten = calloc(room, sizeof *e->beaten);
  e->draft = calloc(host->knobs(space) + 1, sizeof *e->draft);
  if (!e->member || !e->rank || !e->crowd || !e->beaten || !e->draft) {
    host->log(host->ctx, CHANAS_ERROR, "no memory for a population of %zu",
              e->population);
    return -1;
  }
  return history_open(&e->history, host, space, goals, goal);
}

static int
evolution_open(const struct chanas_host *host,
               const struct chanas_space *space, size_t goals,
               const struct chanas_goal *goal, void **self)
{
  struct evolution *e = calloc(1, sizeof *e);

  if (!e) {
    host->log(host->ctx, CHANAS_ERROR, "no memory");
    return -1;
  }
  if (set_up(e, host, space, goals, goal)) {
    evolution_close(e);
    return -1;
  }
  *self = e;
  return 0;
}

/* Constrained domination (Deb et al. 2002, section VI): fewer violations
 * first, then objectives; of equal ones the earlier row wins, so that copies
 * do not fill the population. */
int
beats(const struct history *h, size_t i, size_t j)
{
  const double *p = history_cost(h, i), *q = history_cost(h, j);
  double v = h->record[i].violation, w = h->record[j].violation;
  int better = 0;
  size_t g;

  if (v != w)
    return v < w;
  for (g = 0; g < h->goals; g++) {
    if (p[g] > q[g])
      return 0;
    better |= p[g] < q[g];
  }
  return better || history_order(h, i, j) < 0;
}

int
is_member(const struct evolution *e, size_t row)
{
  size_t i;

  for (i = 0; i < e->members; i++)
    if (e->member[i] == row)
      return 1;
  return 0;
}

/* Rows that did not fail, in place; returns how many. */
static size_t
drop_failed(const struct evolution *e, size_t n, size_t *row)
{
  size_t i, kept = 0;

  for (i = 0; i < n; i++)
    if (isfinite(e->history.record[row[i]].violation))
      row[kept++] = row[i];
  return kept;
}

/* What was told since the last ask joins the members.  A member told again
 * may have failed this time. */
static void
admit_told(struct evolution *e)
{
  size_t n, *row = history_take(&e->history, &n);

  if (n == 0)
    return;
  e->members = drop_failed(e, e->members, e->member);
  n = drop_failed(e, n, row);
  if (e->aging)
    aging_admit(e, n, row);
  else
    nsga2_admit(e, n, row);
}

/* 1 a new point was added, 0 none is left, -1. */
static int
propose(struct evolution *e)
{
  struct history *h = &e->history;
  int got = 0;
  size_t i;

  if (h->count >= e->initial && e->members > 0 &&
      history_real(h) >= e->explore)
    for (i = 0; i < TRIES && got == 0; i++) {
      vary_child(e, i);
      got = history_add(h, e->draft);
    }
  if (got == 0) {
    got = history_unseen(h, e->draft);
    if (got > 0)
      got = history_add(h, e->draft);
  }
  return got;
}

static int
evolution_ask(void *self, size_t max, struct chanas_point out[])
{
  struct evolution *e = self;
  size_t first = e->history.count;
  int got = 1;

  admit_told(e);
  while (e->history.count - first < max && got > 0)
    got = propose(e);
  return got < 0 ? -1 : history_answer(&e->history, first, out);
}

static int
evolution_tell(void *self, size_t n, const struct chanas_trial trial[])
{
  struct evolution *e = self;

  return history_tell(&e->history, n, trial);
}

static const struct chanas_param params[] = {
  { "selection", "text", "auto", "auto|aging|nsga2",
    "auto: aging for one goal, nsga2 for several" },
  { "population", "int", "0", "0..10000",
    "members kept; 0: 24 for aging, 40 for nsga2" },
  { "initial", "int", "10", "0..1000000",
    "points known before the first child; so many are drawn at random" },
  { "sample", "int", "0", "0..10000",
    "members drawn of which the best is a parent; 0: 10 for aging, 6 for "
    "nsga2" },
  { "mutation", "real", "0.5", "0..1000",
    "knobs changed per child, on average; with one parent at least one" },
  { "crossover", "real", "0.3", "0..1", "share of children of two parents" },
  { "explore", "real", "0", "0..1", "share of points drawn at random" },
  { NULL, NULL, NULL, NULL, NULL },
};

static const struct chanas_strategy strategy = {
  .struct_size = sizeof(struct chanas_strategy),
  .open = evolution_open,
  .ask = evolution_ask,
  .tell = evolution_tell,
  .close = evolution_close,
};

static const struct chanas_plugin plugin = {
  CHANAS_PLUGIN_HEAD,
  .name = "evolution",
  .version = "1",
  .summary = "regularised evolution for one goal, NSGA-II for several",
  .params = params,
  .strategy = &strategy,
};

CHANAS_REGISTER_PLUGIN(plugin)
