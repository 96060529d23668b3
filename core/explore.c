/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One strategy, asked for networks and told what they are worth.  Pinned
 * knobs are hidden from it by giving them a single choice.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "log.h"
#include "mem.h"
#include "proc.h"
#include "progress.h"
#include "search.h"

#define FRUITLESS 200 /* batches without a new network before giving up */

/* A pinned parent has one choice: its first. */
static uint64_t
seen_mask(const struct search *r, const struct knob *knob)
{
  long pin = r->pinned ? r->pinned[knob->parent] : -1;

  return pin < 0 ? knob->mask : knob->mask >> pin & 1;
}

/* A copy of the family's space in which a pinned knob has one choice. */
static struct chanas_space *
visible_space(const struct search *r)
{
  const struct chanas_space *all = family_space(r->session->family);
  struct chanas_space *space = space_new();

  for (size_t k = 0; k < all->knobs; k++) {
    const struct knob *knob = &all->knob[k];
    long pin = r->pinned ? r->pinned[k] : -1;
    size_t from = pin < 0 ? 0 : (size_t)pin;
    space_add(space, knob->name, pin < 0 ? knob->choices : 1,
              knob->value + from,
              knob->label ? (const char *const *)knob->label + from : NULL);
    if (knob->parent >= 0)
      space_depend(space, k, (size_t)knob->parent,
                   seen_mask(r, knob));
  }
  return space;
}

static void
to_family(const struct search *r, const int32_t *seen, int32_t *choice)
{
  for (size_t k = 0; k < r->space->knobs; k++)
    choice[k] = r->pinned && r->pinned[k] >= 0 ? r->pinned[k] : seen[k];
}

static int
to_strategy(const struct search *r, const int32_t *choice, int32_t *seen)
{
  for (size_t k = 0; k < r->space->knobs; k++) {
    seen[k] = choice[k];
    if (r->pinned && r->pinned[k] >= 0) {
      if (choice[k] != r->pinned[k])
        return -1; /* of another sub-space */
      seen[k] = 0;
    }
  }
  return 0;
}

static size_t
goals_of(const struct search *r, struct chanas_goal goal[])
{
  const struct config *c = r->session->config;
  int sense[CONFIG_MAX_GOALS];
  size_t index[CONFIG_MAX_GOALS];
  size_t n = archive_objectives(&r->archive, sense, index);

  for (size_t i = 0; i < n; i++)
    goal[i] = (struct chanas_goal){ c->goal[index[i]].name, sense[i],
                                    c->goal[index[i]].limit };
  return n;
}

static int
tell(struct search *r, size_t n, const int32_t *const seen[],
     const size_t entry[])
{
  struct chanas_trial *trial = mem_array(struct chanas_trial, n);
  int sense[CONFIG_MAX_GOALS], status;
  size_t goal[CONFIG_MAX_GOALS];
  size_t goals = archive_objectives(&r->archive, sense, goal);
  double *value = mem_array(double, n * goals);

  for (size_t i = 0; i < n; i++) {
    const struct entry *e = &r->archive.entry[entry[i]];
    for (size_t g = 0; g < goals; g++)
      value[i * goals + g] = archive_value(&r->archive, e, goal[g]);
    trial[i] = (struct chanas_trial){ { r->space, seen[i] }, e->outcome,
                                      value + i * goals, e->violation };
  }
  status = r->strategy->strategy.tell(r->self, n, trial);
  free(trial);
  free(value);
  return status;
}

/* Whatever is known already goes to a fresh strategy. */
static int
tell_archive(struct search *r)
{
  size_t knobs = r->space->knobs, n = 0;
  const int32_t **seen = mem_array(const int32_t *, r->archive.count);
  size_t *entry = mem_array(size_t, r->archive.count);
  int status = 0;

  for (size_t i = 0; i < r->archive.count; i++) {
    int32_t *point = mem_array(int32_t, knobs);
    if (to_strategy(r, r->archive.entry[i].choice, point) < 0) {
      free(point);
      continue;
    }
    seen[n] = point;
    entry[n++] = i;
  }
  if (n > 0)
    status = tell(r, n, seen, entry);
  for (size_t i = 0; i < n; i++)
    free((void *)seen[i]);
  free(seen);
  free(entry);
  return status;
}

static int
open_strategy(struct search *r, int round)
{
  struct config *c = r->session->config;
  struct chanas_goal goal[CONFIG_MAX_GOALS];
  size_t goals = goals_of(r, goal);
  char name[40];
  struct rng stream;

  if (r->self)
    r->strategy->strategy.close(r->self);
  if (r->host)
    host_close(r->host);
  space_free(r->space);
  r->self = NULL;
  snprintf(name, sizeof name, "search/%d", round);
  stream = rng_split(&r->session->rng, name);
  r->space = visible_space(r);
  r->strategy = registry_get(PLUGIN_STRATEGY, c->strategy);
  if (r->strategy == NULL)
    return -1;
  r->host = host_open(r->strategy, c->ini, ini_find(c->ini, "strategy"),
                      config_keys("strategy"), &stream);
  if (r->host == NULL ||
      r->strategy->strategy.open(host_services(r->host), r->space, goals,
                                 goal, &r->self) < 0) {
    log_error("strategy %s could not start", r->strategy->head.name);
    return -1;
  }
  return r->archive.count ? tell_archive(r) : 0;
}

/* One batch; *fresh tells how many new networks it brought. */
static int
step(struct search *r, size_t max, size_t *fresh)
{
  struct chanas_point *point = mem_array(struct chanas_point, max);
  const struct chanas_space *all = family_space(r->session->family);
  const int32_t **seen = mem_array(const int32_t *, max);
  int32_t **choice = mem_array(int32_t *, max);
  size_t *entry = mem_array(size_t, max), known = r->archive.count;
  int n = r->strategy->strategy.ask(r->self, max, point), status = n;

  for (int i = 0; i < n; i++) {
    choice[i] = mem_array(int32_t, all->knobs);
    to_family(r, point[i].choice, choice[i]);
    seen[i] = point[i].choice;
    if (!space_valid(all, choice[i])) {
      log_error("strategy %s proposed a point outside the space",
                r->strategy->head.name);
      status = -1;
    }
  }
  if (status > 0 &&
      archive_evaluate(&r->archive, (size_t)n,
                       (const int32_t *const *)choice, entry) < 0)
    status = -1;
  if (status > 0 && tell(r, (size_t)n, seen, entry) < 0)
    status = -1;
  for (int i = 0; i < n; i++)
    free(choice[i]);
  *fresh = r->archive.count - known;
  free(point);
  free(seen);
  free(choice);
  free(entry);
  return status;
}

/* Changes when any latency that the strategy was told has changed. */
static double
stamp_of(const struct search *r)
{
  const struct correction *c = &r->archive.correction;
  double stamp = c->term[0] + c->term[1] + c->term[2];

  for (size_t b = 0; r->archive.tuner && b < r->blocks; b++)
    stamp += (double)(b + 1) * tuner_latency(&r->tuner, r->block[b].workload);
  return stamp;
}

/* A strategy that was told stale latencies starts afresh from the archive. */
static int
ready_strategy(struct search *r, int round)
{
  double stamp = stamp_of(r);

  if (r->self && stamp == r->stamp)
    return 0;
  r->stamp = stamp;
  return open_strategy(r, round);
}

int
search_explore(struct search *r, size_t evaluations, int round)
{
  size_t batch = (size_t)r->session->config->search_batch, fruitless = 0;
  int status = ready_strategy(r, round);

  progress_begin("networks", (double)evaluations);
  while (status >= 0 && r->archive.count < evaluations &&
         fruitless < FRUITLESS && !proc_stopping()) {
    size_t left = evaluations - r->archive.count, fresh = 0;
    status = step(r, left < batch ? left : batch, &fresh);
    if (status == 0)
      break; /* nothing left to propose */
    fruitless = fresh ? 0 : fruitless + 1;
    progress_update((double)r->archive.count, NULL);
  }
  progress_end();
  r->evaluated = r->archive.count;
  return status < 0 ? -1 : 0;
}
