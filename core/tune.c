/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tuner's state, and where it spends its trials: first on every block
 * once, then by the gradient rule of Ansor's task scheduler (Zheng et al.,
 * OSDI 2020, section 6 and appendix A).
 */
#include "tune.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "log.h"
#include "mem.h"
#include "proc.h"
#include "progress.h"

#define BACKWARD 0.2 /* Ansor's alpha: weight of the gain seen last */
#define OPTIMISM 2.0 /* Ansor's beta: how close to similar blocks it may get */
#define CONFIRM 0.2  /* share of the time that is kept for tuner_confirm() */

static int
take_known(void *arg, const struct table_trial *trial)
{
  struct tuner *t = arg;
  long w = workload_lookup(family_workloads(t->session->family),
                           trial->workload);

  if (w >= 0)
    tuned_absorb(t, (size_t)w, NULL, trial);
  return 0;
}

static int
take_own(void *arg, const struct table_trial *trial)
{
  struct tuner *t = arg;
  long w = workload_lookup(family_workloads(t->session->family),
                           trial->workload);
  struct tuned *b;

  if (w < 0 || trial->run != t->session->run)
    return 0;
  b = &t->tuned[w];
  if (b->replays == b->replay_room) {
    b->replay_room = b->replay_room ? 2 * b->replay_room : 16;
    b->replay = mem_grow(b->replay, b->replay_room, sizeof *b->replay);
  }
  b->replay[b->replays] = *trial;
  b->replay[b->replays].workload = b->schedule.workload->key;
  b->replay[b->replays].policy = mem_string(trial->policy);
  b->replay[b->replays++].detail = "";
  return 0;
}

int
tuner_open(struct tuner *t, struct session *s)
{
  const struct workload_set *set = family_workloads(s->family);

  *t = (struct tuner){ .session = s, .count = set->count,
                       .rng = rng_split(&s->rng, "tuner"),
                       .started = proc_now() };
  t->strategy = registry_get(PLUGIN_STRATEGY, s->config->tuner);
  if (t->strategy == NULL)
    return EXIT_UNAVAILABLE;
  if (strcmp(s->config->cost_model, "gp") == 0)
    t->model = costmodel_new();
  t->tuned = mem_array(struct tuned, t->count);
  for (size_t w = 0; w < t->count; w++)
    schedule_init(&t->tuned[w].schedule, set->item[w]);
  /* An element type that the backend lacks shows with any workload. */
  if (t->count > 0 && !tuned_possible(t, 0))
    return EXIT_UNAVAILABLE;
  if (s->watermark > 0 &&
      table_all_trials(s->table, s->target, 0, s->watermark, take_known,
                       t) < 0)
    return EXIT_CORRUPT;
  tuner_settle(t);
  if (s->run > 0 &&
      table_all_trials(s->table, s->target, s->watermark, 0, take_own, t) < 0)
    return EXIT_CORRUPT;
  return EXIT_DONE;
}

static void
tuned_close(struct tuner *t, struct tuned *b)
{
  if (b->strategy)
    t->strategy->strategy.close(b->strategy);
  if (b->host)
    host_close(b->host);
  for (size_t i = 0; i < b->pool; i++)
    free(b->item[i].choice);
  for (size_t i = 0; i < b->replays; i++)
    free((char *)b->replay[i].policy);
  free(b->item);
  free(b->replay);
  space_free(b->space);
  schedule_free(&b->schedule);
}

void
tuner_close(struct tuner *t)
{
  for (size_t w = 0; t->tuned && w < t->count; w++)
    tuned_close(t, &t->tuned[w]);
  free(t->tuned);
  free(t->control);
  costmodel_free(t->model);
  *t = (struct tuner){ 0 };
}

static int
ascending(const void *a, const void *b)
{
  double x = *(const double *)a, y = *(const double *)b;

  return (x > y) - (x < y);
}

void
tuner_settle(struct tuner *t)
{
  double *copy;

  if (t->controls == 0)
    return;
  copy = mem_array(double, t->controls);
  memcpy(copy, t->control, t->controls * sizeof *copy);
  qsort(copy, t->controls, sizeof *copy, ascending);
  t->reference_control = copy[t->controls / 2];
  free(copy);
}

static double
unit(const struct tuner *t)
{
  return t->reference_control > 0 ? t->reference_control : 1;
}

double
tuner_latency(const struct tuner *t, size_t w)
{
  return unit(t) * schedule_latency(&t->tuned[w].schedule);
}

double
tuner_default(const struct tuner *t, size_t w)
{
  return unit(t) * schedule_default(&t->tuned[w].schedule);
}

double
tuner_lead(const struct tuner *t, size_t w)
{
  return unit(t) * schedule_lead(&t->tuned[w].schedule);
}

const char *
tuner_policy(const struct tuner *t, size_t w)
{
  const struct schedule *s = &t->tuned[w].schedule;

  return s->best < 0 ? NULL : s->tried[s->best].policy;
}

int
tuner_done(const struct tuner *t)
{
  const struct config *c = t->session->config;
  double limit = c->tune_time * (c->tune_finalists > 0 ? 1 - CONFIRM : 1);

  return proc_stopping() || (limit > 0 && proc_now() - t->started > limit);
}

size_t
tuner_first(const struct tuner *t)
{
  const struct config *c = t->session->config;

  return (size_t)(c->first_trials < c->trials ? c->first_trials : c->trials);
}

static size_t
group_size(const struct tuner *t)
{
  return 2 * (size_t)t->session->config->per_unit;
}

/* Candidates for one block, as many as it still needs and the group takes. */
static size_t
gather(struct tuner *t, size_t w, size_t need, size_t room,
       struct candidate out[])
{
  size_t n = need < room ? need : room;

  if (n > (size_t)t->session->config->per_unit)
    n = (size_t)t->session->config->per_unit;
  if (n == 0 || t->tuned[w].exhausted)
    return 0;
  t->tuned[w].last = tuner_lead(t, w);
  double begun = proc_now();
  n = tuned_propose(t, w, n, out);
  t->choosing += proc_now() - begun;
  return n;
}

static int
flush(struct tuner *t, struct candidate group[], size_t *n)
{
  size_t count = *n;

  *n = 0;
  return count ? candidates_run(t, count, group) : 0;
}

/* The time limit is for what comes after a block's first trial. */
static int
cover_over(const struct tuner *t, size_t trials)
{
  return trials > 1 ? tuner_done(t) : proc_stopping();
}

/* One round: each block below `trials` rows gets what it lacks, or as much of
 * it as a unit takes.  1; 0: there was nothing to do; -1. */
static int
cover_round(struct tuner *t, size_t n, const size_t workload[], size_t trials)
{
  size_t unit = (size_t)t->session->config->per_unit, room = group_size(t);
  size_t share = trials < unit ? trials : unit, in = 0;
  struct candidate *group = mem_array(struct candidate, room);
  int status = 0, some = 0;

  for (size_t i = 0; i < n && status == 0 && !cover_over(t, trials); i++) {
    size_t has = t->tuned[workload[i]].schedule.count, got = 0;
    if (has < trials)
      got = gather(t, workload[i], trials - has, room - in, group + in);
    in += got;
    some |= got > 0;
    if (in + share > room)
      status = flush(t, group, &in);
  }
  if (status == 0)
    status = flush(t, group, &in);
  free(group);
  return status < 0 ? -1 : some;
}

/* A network may have one more than once. */
static size_t
each_once(size_t n, const size_t workload[], size_t out[])
{
  size_t count = 0;

  for (size_t i = 0; i < n; i++) {
    size_t k = 0;
    while (k < count && out[k] != workload[i])
      k++;
    if (k == count)
      out[count++] = workload[i];
  }
  return count;
}

/* The default schedules have a round of their own, so that a search that is
 * out of time has something for every block.  That costs little: blocks share
 * compiler calls, and a default is timed by itself anyhow.  After that a
 * block's candidates stay together, since they share inner kernels, inputs
 * and reference. */
int
tuner_cover(struct tuner *t, size_t n, const size_t workload[], size_t trials)
{
  size_t *list = mem_array(size_t, n), count = each_once(n, workload, list);
  int status = cover_round(t, count, list, 1);

  if (status >= 0)
    do
      status = cover_round(t, count, list, trials);
    while (status > 0);
  free(list);
  return status;
}

static double
best_rate_of_group(const struct tuner *t, uint64_t group)
{
  double best = 0;

  for (size_t w = 0; w < t->count; w++) {
    double rate = t->tuned[w].schedule.workload->flops / tuner_lead(t, w);
    if (t->tuned[w].group == group && rate > best)
      best = rate;
  }
  return best;
}

static int
rests(const struct tuner *t, size_t w)
{
  const struct config *c = t->session->config;
  const struct schedule *s = &t->tuned[w].schedule;

  return t->tuned[w].exhausted || s->count >= (size_t)c->trials ||
         s->since_gain >= (size_t)c->patience;
}

/* What another trial on block w is expected to save, in weighted seconds. */
static double
expected_gain(const struct tuner *t, size_t w, double weight)
{
  const struct tuned *b = &t->tuned[w];
  double g = tuner_lead(t, w), n = (double)b->schedule.count + 1;
  double rate = best_rate_of_group(t, b->group), backward, forward, reach;

  if (!isfinite(g))
    return INFINITY;
  backward = isfinite(b->last) ? (b->last - g) /
                                 (double)t->session->config->per_unit : g / n;
  reach = rate > 0 ? g - b->schedule.workload->flops / (OPTIMISM * rate) : g;
  forward = fmin(g / n, fmax(reach, 0));
  return weight * (BACKWARD * backward + (1 - BACKWARD) * forward);
}

static long
next_block(const struct tuner *t, const double weight[], const char *taken)
{
  double top = 0;
  long at = -1;

  for (size_t w = 0; w < t->count; w++) {
    double gain;
    if (weight[w] <= 0 || taken[w] || rests(t, w))
      continue;
    gain = expected_gain(t, w, weight[w]);
    if (at < 0 || gain > top) {
      top = gain;
      at = (long)w;
    }
  }
  return at;
}

/* One step: the most promising blocks share a group. */
static int
focus_step(struct tuner *t, const double weight[], size_t room, char *touched,
           size_t *spent)
{
  struct candidate *group = mem_array(struct candidate, room);
  char *taken = mem_array(char, t->count);
  size_t in = 0;
  long w;
  int status;

  while (in < room && (w = next_block(t, weight, taken)) >= 0) {
    size_t cap = (size_t)t->session->config->trials -
                 t->tuned[w].schedule.count;
    taken[w] = 1;
    touched[w] = 1;
    in += gather(t, (size_t)w, cap, room - in, group + in);
  }
  *spent += in;
  status = in ? candidates_run(t, in, group) : 1;
  free(taken);
  free(group);
  return status;
}

int
tuner_focus(struct tuner *t, const double weight[], size_t budget)
{
  char *touched = mem_array(char, t->count);
  size_t *list = mem_array(size_t, t->count), n = 0, spent = 0;
  int status = 0;

  while (spent < budget && status == 0 && !tuner_done(t)) {
    size_t room = group_size(t);
    if (room > budget - spent)
      room = budget - spent;
    status = focus_step(t, weight, room, touched, &spent);
  }
  for (size_t w = 0; w < t->count; w++)
    if (touched[w])
      list[n++] = w;
  if (status >= 0)
    status = tuner_confirm(t, n, list);
  free(touched);
  free(list);
  return status;
}
