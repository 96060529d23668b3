/* SPDX-License-Identifier: Apache-2.0 */
/* The coordinated search: see search.h for its order. */
#include "search.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "log.h"
#include "mem.h"
#include "proc.h"
#include "progress.h"

static int
usable_goals(const struct search *r)
{
  const struct config *c = r->session->config;

  for (size_t g = 0; g < c->goals; g++)
    if (c->goal[g].name[0] == 'a' && *c->estimator == '\0') {
      log_error("accuracy is a goal, but [estimator] plugin is not set");
      return 0;
    }
  return 1;
}

static int
parse_coordination(const char *text, enum coordination *out)
{
  static const char *const names[] = { "joint", "after", "fixed" };

  for (int i = 0; i < 3; i++)
    if (strcmp(text, names[i]) == 0) {
      *out = (enum coordination)i;
      return 0;
    }
  log_error("[search] coordination = %s: joint, after or fixed", text);
  return -1;
}

static size_t *
all_workloads(const struct search *r)
{
  size_t *list = mem_array(size_t, r->blocks);

  for (size_t b = 0; b < r->blocks; b++)
    list[b] = r->block[b].workload;
  return list;
}

static void
say_unschedulable(const struct search *r)
{
  size_t n = 0;

  for (size_t b = 0; b < r->blocks; b++) {
    size_t w = r->block[b].workload;
    if (isfinite(tuner_latency(&r->tuner, w)))
      continue;
    if (n++ == 0)
      log_warn("no schedule of %s runs (%s)",
               r->tuner.tuned[w].schedule.workload->key,
               r->tuner.complaint);
  }
  if (n > 1)
    log_warn("%zu blocks in all have no schedule that runs; networks with "
             "them are left out", n);
}

/* [tuner] time is of tuning alone: what an estimator trains for hours and
 * what the search takes do not count. */
static double
begin_tuning(struct search *r)
{
  double now = proc_now();

  r->tuner.started = now - r->seconds_tuning;
  return now;
}

/* Every block once. */
static int
pre_schedule(struct search *r)
{
  size_t *list = all_workloads(r), first = tuner_first(&r->tuner);
  double begun = begin_tuning(r);
  int status;

  if (r->coordination != COORDINATION_JOINT)
    first = 1; /* the default schedule alone */
  progress_begin("pre-scheduling", (double)r->blocks * (double)first);
  status = tuner_cover(&r->tuner, r->blocks, list, first);
  if (status == 0)
    status = tuner_confirm(&r->tuner, r->blocks, list);
  progress_end();
  free(list);
  r->seconds_tuning += proc_now() - begun;
  if (status == 0 && !proc_stopping())
    say_unschedulable(r);
  return status;
}

static void
renew_front(struct search *r)
{
  free(r->front);
  archive_refresh(&r->archive);
  r->fronts = archive_front(&r->archive, &r->front);
}

/* What a second saved in a block is worth: relative, summed over the front. */
static double *
front_weights(const struct search *r)
{
  double *weight = mem_array(double, r->tuner.count);

  for (size_t i = 0; i < r->fronts; i++) {
    const struct entry *e = &r->archive.entry[r->front[i]];
    for (uint32_t b = 0; b < e->blocks; b++)
      weight[e->workload[b]] += 1 / e->latency;
  }
  return weight;
}

/* A configuration that was once run to its end on this table is warm: its
 * blocks are not tuned further, until its [tuner] section asks for more.  The
 * name stands for all that decides which blocks are tuned how much. */
static char *
warm_name(const struct search *r)
{
  const struct config *c = r->session->config;
  char *text = config_text(c), *from = strstr(text, "[space]");
  char *to = strstr(text, "[strategy]"), *name;
  uint64_t hash = hash_bytes(HASH_START, from, (size_t)(to - from));

  hash = hash_bytes(hash, c->objectives, strlen(c->objectives) + 1);
  hash = hash_bytes(hash, c->constraint, strlen(c->constraint) + 1);
  name = mem_print("tuned/%lld/%d/%016llx", (long long)r->session->target,
                   (int)r->coordination, (unsigned long long)hash);
  free(text);
  return name;
}

static int
is_warm(const struct search *r)
{
  char *name = warm_name(r);
  int64_t run = 0;
  void *data = NULL;
  size_t size = 0;

  if (table_fetch(r->session->table, "search", name, &data, &size) == 0 &&
      size == sizeof run)
    memcpy(&run, data, size);
  free(data);
  free(name);
  return run != 0 && run != r->session->run;
}

static int
mark_warm(const struct search *r)
{
  char *name = warm_name(r);
  int status = table_store(r->session->table, "search", name,
                           &r->session->run, sizeof r->session->run);

  free(name);
  return status;
}

static int
focus(struct search *r, int rounds_left)
{
  const struct config *c = r->session->config;
  size_t budget = c->budget > 0 ? (size_t)c->budget
                                : (size_t)c->trials * r->blocks;
  double *weight, begun = begin_tuning(r);
  int status;

  if (r->warm || r->tuner.spent >= budget)
    return 0;
  weight = front_weights(r);
  budget = (budget - r->tuner.spent) / (size_t)rounds_left;
  progress_begin("tuning the front", 0);
  status = tuner_focus(&r->tuner, weight, budget);
  progress_end();
  free(weight);
  r->seconds_tuning += proc_now() - begun;
  return status;
}

static int
explore(struct search *r, size_t evaluations, int round)
{
  double begun = proc_now();
  int status = search_explore(r, evaluations, round);

  r->seconds_search += proc_now() - begun;
  return status;
}

/* Exploring and tuning in turn. */
static int
one_round(struct search *r, int round, int rounds)
{
  const struct config *c = r->session->config;
  size_t share = (size_t)c->evaluations * (size_t)(round + 1) /
                 (size_t)rounds;
  size_t sample = (size_t)c->finalists;
  int status = explore(r, share, round);

  if (status < 0 || proc_stopping())
    return status;
  renew_front(r);
  if (!r->session->measures || r->coordination == COORDINATION_FIXED ||
      (round + 1 == rounds && r->coordination == COORDINATION_JOINT))
    return 0;
  status = focus(r, rounds - round);
  renew_front(r);
  if (status == 0 && !proc_stopping() && sample > 0)
    status = search_measure_front(r, sample < 6 ? sample : 6);
  renew_front(r);
  return status;
}

/* Members of the front whose accuracy was predicted are estimated again,
 * until every member is exact: one that loses may let others in. */
static int
refine_front(struct search *r)
{
  const struct estimator *e = &r->archive.estimator;
  double begun = proc_now();
  int n;

  if (e->plugin == NULL || !CHANAS_HAS(&e->plugin->estimator, refine))
    return 0;
  do {
    n = archive_refine(&r->archive, r->fronts, r->front);
    renew_front(r);
  } while (n > 0 && !proc_stopping());
  r->seconds_search += proc_now() - begun;
  return n < 0 ? -1 : 0;
}

static int
finish(struct search *r)
{
  const struct config *c = r->session->config;
  int status = refine_front(r);

  r->finishing = 1;
  if (status == 0 && r->session->measures && c->finalists > 0 &&
      !proc_stopping()) {
    if (r->coordination != COORDINATION_FIXED && !r->warm)
      status = search_choose_in_context(r, (size_t)c->finalists);
    if (status == 0)
      status = search_measure_front(r, (size_t)c->finalists);
    renew_front(r);
  }
  if (r->session->measures && status == 0 && !proc_stopping() && !r->warm)
    status = mark_warm(r);
  if (status == 0 && !proc_stopping() && r->fronts == 0) {
    log_error("no network meets the constraint (%s) among %zu evaluated",
              *c->constraint ? c->constraint : "none", r->archive.count);
    return EXIT_INFEASIBLE;
  }
  return status < 0 ? session_failure(r->session) : EXIT_DONE;
}

/* With a warm table one round is enough: nothing is left to tune. */
static int
rounds_needed(const struct search *r)
{
  const struct config *c = r->session->config;
  size_t budget = c->budget > 0 ? (size_t)c->budget
                                : (size_t)c->trials * r->blocks;

  if (!r->session->measures || r->warm || r->tuner.spent >= budget ||
      r->coordination != COORDINATION_JOINT)
    return 1;
  return (int)c->rounds;
}

static int
prepare(struct search *r, struct session *s)
{
  int code;

  *r = (struct search){ .session = s };
  if (!usable_goals(r) ||
      parse_coordination(s->config->coordination, &r->coordination) < 0)
    return EXIT_USAGE;
  r->block = family_blocks(s->family, &r->blocks);
  if (r->block == NULL)
    return EXIT_FAILED;
  if (s->measures && (code = tuner_open(&r->tuner, s)) != 0)
    return code;
  return archive_open(&r->archive, s, s->measures ? &r->tuner : NULL);
}

int
search_run(struct search *r, struct session *s)
{
  int code = prepare(r, s), status = 0, rounds;

  if (code)
    return code;
  if (s->measures) {
    r->warm = is_warm(r);
    status = pre_schedule(r);
  }
  if (status == 0 && !proc_stopping() && s->config->subspace_samples > 0)
    status = search_choose_subspace(r,
                                    (size_t)s->config->subspace_samples);
  if (status == 0 && s->measures && !proc_stopping())
    status = search_recall(r);
  rounds = rounds_needed(r);
  for (int i = 0; i < rounds && status == 0 && !proc_stopping(); i++)
    status = one_round(r, i, rounds);
  if (status == 0 && !proc_stopping())
    code = finish(r);
  r->interrupted = proc_stopping();
  return status < 0 ? session_failure(s) : code;
}

void
search_close(struct search *r)
{
  if (r->self)
    r->strategy->strategy.close(r->self);
  if (r->host)
    host_close(r->host);
  space_free(r->space);
  archive_close(&r->archive);
  tuner_close(&r->tuner);
  for (size_t i = 0; i < r->earned_count; i++)
    free(r->earned[i]);
  free(r->earned);
  free(r->block);
  free(r->front);
  free(r->pinned);
  *r = (struct search){ 0 };
}
