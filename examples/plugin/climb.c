/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A strategy: hill climbing with restarts.  From the best point so far one
 * knob is changed at a time; after `patience` points without gain the climb
 * starts anew somewhere else, with other random weights on the goals, so
 * that the climbs together spread along the front.
 *
 * What always holds: best is a point that was told as measured, or, before
 * that, have_best is 0; asked[] keeps the points of the last ask alive.
 */
#include <chanas/plugin.h>
#include <stdlib.h>
#include <string.h>

#define GOALS 8

struct climb {
  const struct chanas_host *host;
  const struct chanas_space *space;
  size_t knobs, goals;
  int sense[GOALS];
  double low[GOALS], high[GOALS]; /* of every objective seen */
  double weight[GOALS];
  int32_t *best, *asked;
  double objective[GOALS], violation; /* of best */
  int have_best;
  int64_t failures, patience;
};

static size_t
below(struct climb *c, size_t n)
{
  return (size_t)(c->host->random(c->host->ctx) % n);
}

static void
restart(struct climb *c)
{
  c->have_best = 0;
  c->failures = 0;
  for (size_t g = 0; g < c->goals; g++)
    c->weight[g] = 1 + (double)below(c, 1000);
}

static void
climb_close(void *self)
{
  struct climb *c = self;
  free(c->asked); /* the rest came from host->alloc */
}

static int
climb_open(const struct chanas_host *host, const struct chanas_space *space,
           size_t goals, const struct chanas_goal *goal, void **self)
{
  struct climb *c = host->alloc(host->ctx, sizeof *c);
  if (!c || goals > GOALS) {
    host->log(host->ctx, CHANAS_ERROR, "no memory, or over %d goals", GOALS);
    return -1;
  }
  c->host = host;
  c->space = space;
  c->knobs = host->knobs(space);
  c->goals = goals;
  c->patience = host->get_int(host->ctx, "patience");
  c->best = host->alloc(host->ctx, (c->knobs + 1) * sizeof *c->best);
  if (!c->best) {
    host->log(host->ctx, CHANAS_ERROR, "no memory");
    return -1;
  }
  for (size_t g = 0; g < goals; g++)
    c->sense[g] = goal[g].sense;
  restart(c);
  *self = c;
  return 0;
}

/* A neighbour of best, or, before there is one, any point. */
static void
propose(struct climb *c, int32_t *choice)
{
  if (!c->have_best) {
    for (size_t k = 0; k < c->knobs; k++)
      choice[k] = (int32_t)below(c, c->host->choices(c->space, k));
    return;
  }
  memcpy(choice, c->best, c->knobs * sizeof *choice);
  for (int tries = 0; c->knobs && tries < 100; tries++) {
    size_t k = below(c, c->knobs), n = c->host->choices(c->space, k);
    struct chanas_point point = { c->space, choice };
    if (n > 1 && c->host->active(point, k)) {
      choice[k] = (int32_t)((choice[k] + 1 + below(c, n - 1)) % n);
      return;
    }
  }
}

static int
climb_ask(void *self, size_t max, struct chanas_point out[])
{
  struct climb *c = self;
  int32_t *room = realloc(c->asked, (max * c->knobs + 1) * sizeof *room);
  if (!room) {
    c->host->log(c->host->ctx, CHANAS_ERROR, "no memory");
    return -1;
  }
  c->asked = room;
  for (size_t i = 0; i < max; i++) {
    propose(c, room + i * c->knobs);
    out[i] = (struct chanas_point){ c->space, room + i * c->knobs };
  }
  return (int)max;
}

/* Weighted sum of the objectives, each scaled to 0..1 over what was seen. */
static double
score(const struct climb *c, const double *objective)
{
  double sum = 0;
  for (size_t g = 0; g < c->goals; g++)
    if (c->high[g] > c->low[g])
      sum += c->weight[g] * c->sense[g] * (objective[g] - c->low[g]) /
             (c->high[g] - c->low[g]);
  return sum;
}

static int
better(const struct climb *c, const struct chanas_trial *t)
{
  if (!c->have_best || t->violation != c->violation)
    return !c->have_best || t->violation < c->violation;
  return score(c, t->objective) > score(c, c->objective);
}

static int
climb_tell(void *self, size_t n, const struct chanas_trial trial[])
{
  struct climb *c = self;
  for (size_t i = 0; i < n; i++) {
    const struct chanas_trial *t = &trial[i];
    int measured = t->outcome == CHANAS_MEASURED;
    for (size_t g = 0; measured && g < c->goals; g++) {
      double v = t->objective[g];
      if (c->low[g] == c->high[g] && c->low[g] == 0)
        c->low[g] = c->high[g] = v;
      c->low[g] = v < c->low[g] ? v : c->low[g];
      c->high[g] = v > c->high[g] ? v : c->high[g];
    }
    if (measured && better(c, t)) {
      memcpy(c->best, t->point.choice, c->knobs * sizeof *c->best);
      memcpy(c->objective, t->objective, c->goals * sizeof(double));
      c->violation = t->violation;
      c->have_best = 1;
      c->failures = 0;
    } else if (++c->failures >= c->patience) {
      restart(c);
    }
  }
  return 0;
}

static const struct chanas_param params[] = {
  { "patience", "int", "40", "1..1000000",
    "points without gain before the climb starts anew" },
  { 0 },
};

static const struct chanas_strategy strategy = {
  .struct_size = sizeof(struct chanas_strategy),
  .open = climb_open,
  .ask = climb_ask,
  .tell = climb_tell,
  .close = climb_close,
};

static const struct chanas_plugin plugin = {
  CHANAS_PLUGIN_HEAD,
  .name = "climb",
  .version = "1",
  .summary = "hill climbing with restarts (an example)",
  .params = params,
  .strategy = &strategy,
};

CHANAS_REGISTER_PLUGIN(plugin)
