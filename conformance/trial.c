/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Running candidates.  Those of one object share a runner; when one of them
 * takes it down, the next runner goes on behind it.  A crash is tried again
 * alone, so that nobody is blamed for what another did to the process.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "check.h"
#include "mem.h"
#include "outcome.h"
#include "pool.h"
#include "proc.h"

#define RETRIES 2 /* of a lost runner */

/* Candidates of one object, by their index in the batch. */
struct group { size_t from, count; };

struct trial {
  struct batch *batch;
  const struct build_unit *unit;
  size_t groups;
  struct group *group;
  pthread_mutex_t lock;
  int free_jobs;          /* measure[0 .. free_jobs) are idle */
  struct measure **idle;
};

static struct measure *
borrow(struct trial *t)
{
  struct measure *m;

  pthread_mutex_lock(&t->lock);
  m = t->idle[--t->free_jobs];
  pthread_mutex_unlock(&t->lock);
  return m;
}

static void
give_back(struct trial *t, struct measure *m)
{
  pthread_mutex_lock(&t->lock);
  t->idle[t->free_jobs++] = m;
  pthread_mutex_unlock(&t->lock);
}

static int
took_it_down(enum chanas_outcome o)
{
  return o == CHANAS_CRASHED || o == CHANAS_OUT_OF_MEMORY
         || o == CHANAS_LOST;
}

/* The last of several candidates, alone this time. */
static void
try_alone(struct measure *m, const char *object, struct candidate *d)
{
  struct measure_candidate one = { d->symbol, d->workload };
  struct measure_result alone;

  for (int i = 0; i <= RETRIES && !proc_stopping(); i++) {
    measure_verify(m, object, 1, &one, &alone);
    if (alone.outcome != CHANAS_LOST)
      break;
  }
  if (alone.outcome == CHANAS_MEASURED && d->result.outcome != CHANAS_LOST)
    d->wrong = mem_print("right alone, but %s behind others in one process: "
                         "%s", outcome_name(d->result.outcome),
                         d->result.detail);
  d->result = alone;
}

static void
try_group(void *arg, size_t g)
{
  struct trial *t = arg;
  struct group *group = &t->group[g];
  struct measure *m = borrow(t);
  struct candidate *d = t->batch->candidate + group->from;
  const char *object = t->unit[group->from].object;
  struct measure_candidate *some =
    mem_array(struct measure_candidate, group->count);
  struct measure_result *result =
    mem_array(struct measure_result, group->count);

  for (size_t i = 0; i < group->count; i++)
    some[i] = (struct measure_candidate){ d[i].symbol, d[i].workload };
  for (size_t at = 0; at < group->count && !proc_stopping();) {
    size_t n = measure_verify(m, object, group->count - at, some + at, result);
    for (size_t i = 0; i < n; i++, at++) {
      d[at].result = result[i];
      d[at].tried = 1;
      if (took_it_down(result[i].outcome))
        try_alone(m, object, &d[at]);
    }
  }
  free(result);
  free(some);
  give_back(t, m);
}

/* Neighbours with one object. */
static void
make_groups(struct trial *t)
{
  const char *last = NULL;

  t->group = mem_array(struct group, t->batch->count);
  for (size_t i = 0; i < t->batch->count; i++) {
    const char *object = t->unit[i].object;
    if (object && last && strcmp(object, last) == 0)
      t->group[t->groups - 1].count++;
    else if (object)
      t->group[t->groups++] = (struct group){ i, 1 };
    last = object;
  }
}

static void
judge(struct check *c, const struct target *t, const struct candidate *d)
{
  const struct measure_result *r = &d->result;

  if (!d->tried || (r->outcome == CHANAS_LOST && proc_stopping()))
    return; /* the user's will is no fault of a backend */
  c->run++;
  if (d->wrong)
    verdict_fail(c, t, d->workload->key, d->policy, "%s", d->wrong);
  else if (r->outcome != CHANAS_MEASURED)
    verdict_fail(c, t, d->workload->key, d->policy, "legal, and %s%s%s",
                 outcome_name(r->outcome), *r->detail ? ": " : "", r->detail);
}

static void
run_batch(struct check *c, struct batch *b, const struct build_unit *unit)
{
  struct target *target = b->target;
  struct trial t = { .batch = b, .unit = unit, .free_jobs = target->jobs };

  t.idle = mem_array(struct measure *, (size_t)target->jobs);
  memcpy(t.idle, target->measure,
         (size_t)target->jobs * sizeof *target->measure);
  pthread_mutex_init(&t.lock, NULL);
  make_groups(&t);
  pool_run(target->jobs, t.groups, try_group, &t);
  pthread_mutex_destroy(&t.lock);
  free(t.group);
  free(t.idle);
  for (size_t i = 0; i < b->count; i++)
    judge(c, target, &b->candidate[i]);
}

void
trial_batch(struct check *c, struct batch *b)
{
  struct build_unit *unit;

  if (b->count) {
    unit = emit_batch(c, b);
    if (b->target->measure && !proc_stopping())
      run_batch(c, b, unit);
    build_units_free(b->count, unit);
    free(unit);
  }
  draw_clear(b);
}
