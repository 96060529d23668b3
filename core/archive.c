/* SPDX-License-Identifier: Apache-2.0 */
/* Evaluated networks.  An entry's index never changes. */
#include "archive.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "log.h"
#include "mem.h"
#include "pareto.h"

static int
is_goal(const struct config *c, const char *name)
{
  for (size_t g = 0; g < c->goals; g++)
    if (strcmp(c->goal[g].name, name) == 0)
      return 1;
  return 0;
}

int
archive_open(struct archive *a, struct session *s, struct tuner *tuner)
{
  int code;

  *a = (struct archive){ .session = s, .tuner = tuner };
  correction_init(&a->correction);
  if (is_goal(s->config, "rounding"))
    a->rounding = rounding_new(s->family);
  a->buckets = 1024;
  a->bucket = mem_array(size_t, a->buckets);
  code = estimator_open(&a->estimator, s);
  return code ? code : estimator_prepare(&a->estimator);
}

void
archive_close(struct archive *a)
{
  estimator_close(&a->estimator);
  for (size_t i = 0; i < a->count; i++) {
    free(a->entry[i].choice);
    free(a->entry[i].workload);
  }
  free(a->entry);
  free(a->bucket);
  correction_free(&a->correction);
  rounding_free(a->rounding);
  *a = (struct archive){ 0 };
}

static size_t
probe(const struct archive *a, const int32_t *choice, uint64_t hash)
{
  size_t size = family_space(a->session->family)->knobs * sizeof *choice;
  size_t b = hash & (a->buckets - 1);

  while (a->bucket[b] &&
         (a->entry[a->bucket[b] - 1].hash != hash ||
          memcmp(a->entry[a->bucket[b] - 1].choice, choice, size) != 0))
    b = (b + 1) & (a->buckets - 1);
  return b;
}

static void
rehash(struct archive *a)
{
  a->buckets *= 2;
  free(a->bucket);
  a->bucket = mem_array(size_t, a->buckets);
  for (size_t i = 0; i < a->count; i++)
    a->bucket[probe(a, a->entry[i].choice, a->entry[i].hash)] = i + 1;
}

/* choice must be canonical. */
static long
find_canonical(const struct archive *a, const int32_t *choice, uint64_t hash)
{
  size_t b = probe(a, choice, hash);

  return (long)a->bucket[b] - 1;
}

static int32_t *
canonical(const struct chanas_space *space, const int32_t *choice)
{
  int32_t *copy = mem_array(int32_t, space->knobs);

  memcpy(copy, choice, space->knobs * sizeof *copy);
  space_canon(space, copy);
  return copy;
}

long
archive_find(const struct archive *a, const int32_t *choice)
{
  const struct chanas_space *space = family_space(a->session->family);
  int32_t *copy = canonical(space, choice);
  long at = find_canonical(a, copy, space_hash(space, copy));

  free(copy);
  return at;
}

static double
violation_of(const struct archive *a, const struct entry *e)
{
  const struct config *c = a->session->config;
  double total = 0;

  for (size_t g = 0; g < c->goals; g++) {
    double value = archive_value(a, e, g), limit = c->goal[g].limit;
    int at_least = strcmp(c->goal[g].name, "accuracy") == 0;
    double excess;
    if (!isfinite(limit))
      continue;
    excess = (at_least ? limit - value : value - limit) /
             (fabs(limit) > 0 ? fabs(limit) : 1);
    if (!(excess <= 0))
      total += isfinite(excess) ? excess : 1e9;
  }
  return total;
}

struct correction_input
entry_input(const struct entry *e)
{
  return (struct correction_input){ e->sum, e->blocks, e->params };
}

static void
refresh(struct archive *a, struct entry *e)
{
  if (a->tuner) {
    e->sum = e->fixed = 0;
    for (uint32_t b = 0; b < e->blocks; b++) {
      e->sum += tuner_latency(a->tuner, e->workload[b]);
      e->fixed += tuner_default(a->tuner, e->workload[b]);
    }
  }
  e->latency = correction_apply(&a->correction, entry_input(e));
  e->violation = violation_of(a, e);
}

void
archive_refresh(struct archive *a)
{
  for (size_t i = 0; i < a->count; i++)
    refresh(a, &a->entry[i]);
}

int
archive_sum(const struct archive *a, const struct chanas_network *net,
            double *sum)
{
  if (a->tuner == NULL)
    return session_replay(a->session, net, sum);
  *sum = 0;
  for (size_t b = 0; b < net->blocks; b++)
    *sum += tuner_latency(a->tuner, net->block[b].workload);
  return 0;
}

static int
append(struct archive *a, const struct chanas_network *net, uint64_t hash,
       size_t *index)
{
  size_t knobs = family_space(a->session->family)->knobs;
  struct entry *e;

  if (a->count == a->room) {
    a->room = a->room ? 2 * a->room : 256;
    a->entry = mem_grow(a->entry, a->room, sizeof *a->entry);
  }
  e = &a->entry[a->count];
  *e = (struct entry){ .hash = hash, .blocks = (uint32_t)net->blocks,
                       .macs = net->macs, .params = net->params };
  if (a->tuner == NULL && session_replay(a->session, net, &e->sum) < 0)
    return -1;
  if (a->rounding)
    e->rounding = rounding_of(a->rounding, net);
  e->fixed = e->sum;
  e->choice = mem_array(int32_t, knobs);
  memcpy(e->choice, net->choice, knobs * sizeof *e->choice);
  e->workload = mem_array(uint32_t, net->blocks);
  for (size_t b = 0; b < net->blocks; b++)
    e->workload[b] = (uint32_t)net->block[b].workload;
  if (2 * (a->count + 1) > a->buckets)
    rehash(a);
  a->bucket[probe(a, e->choice, hash)] = a->count + 1;
  *index = a->count++;
  return 0;
}

/* What the estimator said of an entry's network. */
static void
take_estimate(struct archive *a, struct entry *e, const char *code,
              const struct chanas_estimate *said)
{
  e->accuracy = said->mean;
  e->spread = said->stddev;
  e->outcome = isfinite(said->mean) ? CHANAS_MEASURED : CHANAS_INVALID;
  if (e->outcome == CHANAS_INVALID && a->invalid++ == 0)
    log_warn("estimator %s gave no finite accuracy for network %s; such "
             "networks are left out", a->estimator.plugin->head.name, code);
  refresh(a, e);
  if (!isfinite(e->latency))
    e->outcome = CHANAS_INVALID;
}

static int
estimate(struct archive *a, int exact, size_t n,
         struct chanas_network *const net[], const size_t index[])
{
  struct chanas_estimate *out = mem_array(struct chanas_estimate, n);
  int status = 0;

  if (a->estimator.plugin && n > 0)
    status = estimator_run(&a->estimator, exact, n, net, out);
  for (size_t i = 0; i < n && status == 0; i++) {
    take_estimate(a, &a->entry[index[i]], net[i]->code, &out[i]);
    a->entry[index[i]].exact = exact;
  }
  for (size_t i = 0; i < n && status > 0; i++)
    a->entry[index[i]].outcome = CHANAS_INVALID;
  free(out);
  return status;
}

int
archive_refine(struct archive *a, size_t n, const size_t index[])
{
  struct chanas_network **net = mem_array(struct chanas_network *, n);
  size_t *fresh = mem_array(size_t, n), count = 0;
  int status = 0;

  for (size_t i = 0; i < n && status == 0; i++) {
    if (a->entry[index[i]].exact)
      continue;
    net[count] = network_build(a->session->family,
                               a->entry[index[i]].choice);
    if (net[count] == NULL)
      status = -1;
    else
      fresh[count++] = index[i];
  }
  if (status == 0 && count > 0)
    status = estimate(a, 1, count, net, fresh);
  for (size_t i = 0; i < count; i++)
    network_free(net[i]);
  free(net);
  free(fresh);
  return status < 0 ? -1 : (int)count;
}

int
archive_evaluate(struct archive *a, size_t n, const int32_t *const choice[],
                 size_t index[])
{
  const struct chanas_space *space = family_space(a->session->family);
  struct chanas_network **net = mem_array(struct chanas_network *, n);
  size_t *fresh = mem_array(size_t, n), count = 0;
  int status = 0;

  for (size_t i = 0; i < n && status == 0; i++) {
    int32_t *point = canonical(space, choice[i]);
    uint64_t hash = space_hash(space, point);
    long known = find_canonical(a, point, hash);
    if (known >= 0)
      index[i] = (size_t)known;
    else if ((net[count] = network_build(a->session->family, point)) == NULL)
      status = -1;
    else if ((status = append(a, net[count], hash, &index[i])) == 0)
      fresh[count++] = index[i];
    else
      network_free(net[count]);
    free(point);
  }
  if (status == 0)
    status = estimate(a, 0, count, net, fresh);
  for (size_t i = 0; i < count; i++)
    network_free(net[i]);
  free(net);
  free(fresh);
  return status < 0 ? -1 : 0;
}

double
archive_value(const struct archive *a, const struct entry *e, size_t g)
{
  const char *name = a->session->config->goal[g].name;

  if (strcmp(name, "accuracy") == 0)
    return e->accuracy;
  if (strcmp(name, "latency") == 0)
    return e->latency;
  if (strcmp(name, "rounding") == 0)
    return e->rounding;
  return strcmp(name, "macs") == 0 ? e->macs : e->params;
}

size_t
archive_objectives(const struct archive *a, int sense[], size_t goal[])
{
  const struct config *c = a->session->config;
  size_t n = 0;

  for (size_t g = 0; g < c->goals; g++)
    if (c->goal[g].sense != 0) {
      sense[n] = c->goal[g].sense;
      goal[n++] = g;
    }
  return n;
}

struct ranked { double key; size_t index; };

static int
descending(const void *a, const void *b)
{
  const struct ranked *x = a, *y = b;

  return x->key < y->key ? 1 : x->key > y->key ? -1
         : (x->index > y->index) - (x->index < y->index);
}

size_t
archive_front(const struct archive *a, size_t **index)
{
  int sense[CONFIG_MAX_GOALS];
  size_t goal[CONFIG_MAX_GOALS], goals = archive_objectives(a, sense, goal);
  size_t *source = mem_array(size_t, a->count), n = 0, kept = 0;
  double *value = mem_array(double, a->count * goals);
  char *keep = mem_array(char, a->count);
  struct ranked *list = mem_array(struct ranked, a->count);

  for (size_t i = 0; i < a->count; i++) {
    const struct entry *e = &a->entry[i];
    if (e->outcome != CHANAS_MEASURED || e->violation > 0)
      continue;
    for (size_t g = 0; g < goals; g++)
      value[n * goals + g] = archive_value(a, e, goal[g]);
    source[n++] = i;
  }
  pareto_front(goals, sense, n, value, keep);
  for (size_t i = 0; i < n; i++)
    if (keep[i])
      list[kept++] = (struct ranked){ sense[0] * value[i * goals],
                                      source[i] };
  qsort(list, kept, sizeof *list, descending);
  for (size_t i = 0; i < kept; i++)
    source[i] = list[i].index;
  free(value);
  free(keep);
  free(list);
  *index = source;
  return kept;
}
