/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which policies of a workload to measure next.  The strategy proposes more
 * than are wanted; the cost model ranks them by expected improvement and the
 * rest wait in a pool for a better model, so nothing proposed is lost.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "log.h"
#include "mem.h"
#include "tune.h"

#define ASK_AT_ONCE 64
#define ROUNDS_OF_ASKING 16
#define EXPLORE 0.1 /* share of candidates taken at random from the pool */

static uint64_t
workload_group(const struct chanas_workload *w)
{
  uint64_t hash = HASH_START;

  for (uint32_t i = 0; i < w->ops; i++) {
    int32_t shape[] = { w->op[i].kind, w->op[i].k, w->op[i].stride };
    if (w->op[i].kind != CHANAS_SE)
      hash = hash_bytes(hash, shape, sizeof shape);
  }
  return hash;
}

static size_t
features_of(struct tuner *t, const struct tuned *b, const int32_t *choice,
            double *x)
{
  const struct session *s = t->session;
  struct chanas_point point = { b->space, choice };
  int n;

  if (t->model == NULL || !CHANAS_HAS(&s->backend->backend, features))
    return 0;
  n = s->backend->backend.features(s->self, b->schedule.workload, point, x,
                                   COSTMODEL_FEATURES);
  return n > 0 ? (size_t)n : 0;
}

static void
tell(struct tuner *t, struct tuned *b, const int32_t *choice,
     enum chanas_outcome outcome, double latency)
{
  struct chanas_trial trial = { { b->space, choice }, outcome, &latency, 0 };

  if (t->strategy->strategy.tell(b->strategy, 1, &trial) < 0)
    log_debug("strategy %s refused a result", t->strategy->head.name);
}

static void
learn(struct tuner *t, size_t workload, const int32_t *choice,
      double latency)
{
  struct tuned *b = &t->tuned[workload];
  double x[COSTMODEL_FEATURES], base = schedule_default(&b->schedule);
  size_t n = features_of(t, b, choice, x);

  if (n > 0 && isfinite(base))
    costmodel_add(t->model, b->group, workload, n, x, log(latency / base));
}

static void
note_control(struct tuner *t, double control)
{
  if (!(control > 0))
    return;
  if (t->controls == t->control_room) {
    t->control_room = t->control_room ? 2 * t->control_room : 256;
    t->control = mem_grow(t->control, t->control_room, sizeof *t->control);
  }
  t->control[t->controls++] = control;
}

void
tuned_absorb(struct tuner *t, size_t workload, const int32_t *choice,
             const struct table_trial *trial)
{
  struct tuned *b = &t->tuned[workload];
  size_t known = b->schedule.count;
  long at;

  note_control(t, trial->control);
  schedule_add(&b->schedule, trial, 1);
  t->spent += b->schedule.count - known;
  if (b->strategy == NULL)
    return;
  at = schedule_find(&b->schedule, trial->policy);
  tell(t, b, choice, b->schedule.tried[at].outcome,
       b->schedule.tried[at].latency);
  if (trial->outcome == CHANAS_MEASURED)
    learn(t, workload, choice, b->schedule.tried[at].latency);
}

/* Everything known before goes to the strategy and the model. */
static void
warm_up(struct tuner *t, size_t workload)
{
  struct tuned *b = &t->tuned[workload];
  int32_t *choice = mem_array(int32_t, b->space->knobs);

  for (size_t i = 0; i < b->schedule.count; i++) {
    const struct tried *tried = &b->schedule.tried[i];
    if (space_parse(b->space, tried->policy, choice) < 0)
      continue; /* of an older space of the same backend version */
    tell(t, b, choice, tried->outcome, tried->latency);
    if (tried->outcome == CHANAS_MEASURED)
      learn(t, workload, choice, tried->latency);
  }
  free(choice);
}

static struct chanas_space *
policy_space(struct session *s, const struct chanas_workload *w)
{
  struct chanas_space *space = space_new();

  if (s->backend->backend.space(s->self, w, space) == 0 && space->knobs > 0)
    return space;
  log_error("backend %s gave no policy space for %s", s->backend->head.name,
            w->key);
  space_free(space);
  return NULL;
}

int
tuned_possible(const struct tuner *t, size_t workload)
{
  struct chanas_space *space =
    policy_space(t->session, t->tuned[workload].schedule.workload);
  int possible = space != NULL;

  space_free(space);
  return possible;
}

int
tuned_open(struct tuner *t, size_t workload)
{
  static const struct chanas_goal goal = { "latency", -1, NAN };
  struct tuned *b = &t->tuned[workload];
  struct session *s = t->session;
  const struct chanas_workload *w = b->schedule.workload;
  struct rng stream = rng_split(&t->rng, w->key);

  if (b->strategy)
    return 0;
  if (b->space == NULL && (b->space = policy_space(s, w)) == NULL)
    return -1;
  b->group = workload_group(w);
  b->host = host_open(t->strategy, s->config->ini,
                      ini_find(s->config->ini, "tuner"),
                      config_keys("tuner"), &stream);
  if (b->host == NULL ||
      t->strategy->strategy.open(host_services(b->host), b->space, 1, &goal,
                                 &b->strategy) < 0)
    return -1;
  warm_up(t, workload);
  return 0;
}

static int
in_pool(const struct tuned *b, const int32_t *choice)
{
  for (size_t i = 0; i < b->pool; i++)
    if (memcmp(b->item[i].choice, choice,
               b->space->knobs * sizeof *choice) == 0)
      return 1;
  return 0;
}

static char *
policy_text(const struct tuned *b, const int32_t *choice)
{
  struct chanas_text text = { 0 };

  space_print(b->space, choice, &text);
  return text.data;
}

static void
offer(struct tuner *t, struct tuned *b, const int32_t *proposed)
{
  struct session *s = t->session;
  struct chanas_point point;
  size_t size = b->space->knobs * sizeof *proposed;
  int32_t *choice;
  char *policy;
  long known;

  if (!space_valid(b->space, proposed))
    return;
  choice = mem_array(int32_t, b->space->knobs);
  memcpy(choice, proposed, size);
  space_canon(b->space, choice);
  point = (struct chanas_point){ b->space, choice };
  policy = policy_text(b, choice);
  known = schedule_find(&b->schedule, policy);
  free(policy);
  if (known >= 0)
    tell(t, b, choice, b->schedule.tried[known].outcome,
         b->schedule.tried[known].latency);
  else if (s->backend->backend.legal(s->self, b->schedule.workload, point)
           != 1)
    tell(t, b, choice, CHANAS_ILLEGAL, 0);
  else if (!in_pool(b, choice)) {
    if (b->pool == b->pool_room) {
      b->pool_room = b->pool_room ? 2 * b->pool_room : 32;
      b->item = mem_grow(b->item, b->pool_room, sizeof *b->item);
    }
    b->item[b->pool].choice = choice;
    b->features = features_of(t, b, choice, b->item[b->pool].x);
    b->pool++;
    return;
  }
  free(choice);
}

/* What was asked lasts only until the next call of the strategy, and offer
 * may tell it something: so a copy is taken first. */
static int
ask(struct tuner *t, struct tuned *b, size_t max, int32_t *choice)
{
  struct chanas_point point[ASK_AT_ONCE];
  size_t size = b->space->knobs;
  int n = t->strategy->strategy.ask(b->strategy,
                                    max < ASK_AT_ONCE ? max : ASK_AT_ONCE,
                                    point);

  for (int i = 0; i < n; i++)
    memcpy(choice + (size_t)i * size, point[i].choice,
           size * sizeof *choice);
  return n;
}

static void
fill_pool(struct tuner *t, struct tuned *b, size_t want)
{
  int32_t *choice = mem_array(int32_t, ASK_AT_ONCE * b->space->knobs);

  for (int round = 0; round < ROUNDS_OF_ASKING && b->pool < want; round++) {
    int n = ask(t, b, want - b->pool, choice);
    if (n <= 0)
      break;
    for (int i = 0; i < n; i++)
      offer(t, b, choice + (size_t)i * b->space->knobs);
  }
  free(choice);
}

/* Index of the pool item with the largest expected improvement. */
static size_t
most_promising(struct tuner *t, const struct tuned *b)
{
  double best = log(schedule_lead(&b->schedule) /
                    schedule_default(&b->schedule));
  double top = -1;
  size_t at = 0;

  for (size_t i = 0; i < b->pool; i++) {
    double mean, sd, gain;
    costmodel_predict(t->model, b->item[i].x, &mean, &sd);
    gain = costmodel_gain(mean, sd, best);
    if (gain > top) {
      top = gain;
      at = i;
    }
  }
  return at;
}

static void
take(struct tuned *b, size_t at, size_t workload, struct candidate *out)
{
  *out = (struct candidate){ .workload = workload,
                             .choice = b->item[at].choice,
                             .policy = policy_text(b, b->item[at].choice) };
  memmove(&b->item[at], &b->item[at + 1],
          (b->pool - at - 1) * sizeof *b->item);
  b->pool--;
}

static int
take_default(struct tuner *t, size_t workload, struct candidate *out)
{
  struct tuned *b = &t->tuned[workload];
  struct session *s = t->session;
  int32_t *choice = mem_array(int32_t, b->space->knobs);
  char *policy;

  if (s->backend->backend.initial(s->self, b->schedule.workload, b->space,
                                  choice) < 0) {
    log_error("backend %s gave no default policy for %s",
              s->backend->head.name, b->schedule.workload->key);
    free(choice);
    return -1;
  }
  space_canon(b->space, choice);
  policy = policy_text(b, choice);
  *out = (struct candidate){ .workload = workload, .choice = choice,
                             .policy = policy, .preset = 1 };
  return 0;
}

static int
default_known(const struct tuned *b)
{
  for (size_t i = 0; i < b->schedule.count; i++)
    if (b->schedule.tried[i].preset)
      return 1;
  return 0;
}

size_t
tuned_propose(struct tuner *t, size_t workload, size_t n,
              struct candidate out[])
{
  struct tuned *b = &t->tuned[workload];
  size_t got = 0, screen = (size_t)t->session->config->screen;
  struct rng explore;
  int model;

  if (tuned_open(t, workload) < 0) {
    b->exhausted = 1;
    return 0;
  }
  if (!default_known(b) && take_default(t, workload, &out[0]) == 0)
    got = 1;
  if (got < n)
    fill_pool(t, b, n * screen);
  model = t->model && b->features > 0 &&
          isfinite(schedule_default(&b->schedule)) &&
          costmodel_fit(t->model, b->group, workload) == 0;
  explore = rng_split(&t->rng, b->schedule.workload->key);
  explore.s[0] ^= b->schedule.count;
  while (got < n && b->pool > 0) {
    size_t at = model && rng_real(&explore) >= EXPLORE
                ? most_promising(t, b) : 0;
    take(b, at, workload, &out[got]);
    if (got == 0 || strcmp(out[got].policy, out[0].policy) != 0)
      got++;
    else {
      free(out[got].choice);
      free(out[got].policy);
    }
  }
  if (got == 0)
    b->exhausted = 1;
  return got;
}
