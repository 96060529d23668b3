/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Candidates on their way: outcomes an interrupted run already has are taken
 * from the table, the others are emitted, built together, measured one
 * process each, stored in one transaction and only then believed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "log.h"
#include "mem.h"
#include "proc.h"
#include "progress.h"
#include "tune.h"

static void
from_row(struct candidate *c, const struct table_trial *row)
{
  c->have = 1;
  c->result = (struct measure_result){
    .outcome = row->outcome,
    .latency = row->latency,
    .ci = row->ci,
    .control = row->control,
  };
}

static int
replay(struct tuner *t, struct candidate *c)
{
  struct tuned *b = &t->tuned[c->workload];

  for (size_t i = 0; i < b->replays; i++) {
    struct table_trial *row = &b->replay[i];
    if (row->workload && strcmp(row->policy, c->policy) == 0) {
      from_row(c, row);
      row->workload = NULL;
      return 1;
    }
  }
  return 0;
}

static void
fail(struct candidate *c, enum chanas_outcome outcome, const char *why)
{
  c->have = 1;
  c->result.outcome = outcome;
  snprintf(c->result.detail, sizeof c->result.detail, "%s", why ? why : "");
}

#define NO_UNIT ((size_t)-1)

/* What could be emitted, as units to build. */
struct emitted {
  size_t count;
  struct chanas_text *source;
  struct build_unit *unit;
};

/* The unit of the same policy, if one has been emitted. */
static size_t
same_unit(size_t i, struct candidate *const c[])
{
  for (size_t j = i; j-- > 0 && c[j]->workload == c[i]->workload;)
    if (c[j]->unit != NO_UNIT && strcmp(c[j]->policy, c[i]->policy) == 0)
      return c[j]->unit;
  return NO_UNIT;
}

static void
emit_one(struct tuner *t, struct candidate *c, struct emitted *out)
{
  struct session *s = t->session;
  struct tuned *b = &t->tuned[c->workload];
  struct chanas_point point = { b->space, c->choice };
  struct chanas_text *source = &out->source[out->count];

  snprintf(c->symbol, sizeof c->symbol, "k%zu", out->count);
  if (s->backend->backend.emit(s->self, b->schedule.workload, point,
                               c->symbol, source) < 0) {
    text_free(source);
    fail(c, CHANAS_NOT_BUILT, "the backend could not emit it");
    return;
  }
  out->unit[out->count] = (struct build_unit){
    .symbol = c->symbol, .source = text_string(source),
    .with = c->known ? b : NULL };
  c->unit = out->count++;
}

static void
emit(struct tuner *t, size_t n, struct candidate *const c[],
     struct emitted *out)
{
  *out = (struct emitted){ 0, mem_array(struct chanas_text, n),
                           mem_array(struct build_unit, n) };
  for (size_t i = 0; i < n; i++) {
    c[i]->unit = NO_UNIT;
    c[i]->unit = same_unit(i, c);
    if (c[i]->unit == NO_UNIT)
      emit_one(t, c[i], out);
  }
}

static void
emitted_free(struct emitted *e)
{
  build_units_free(e->count, e->unit);
  for (size_t i = 0; i < e->count; i++)
    text_free(&e->source[i]);
  free(e->source);
  free(e->unit);
}

static void
report(void *arg, size_t finished)
{
  const struct tuner *t = arg;

  progress_update((double)(t->spent + finished), NULL);
}

/* What is clearly slower than this need not be known well.  0: it is to be
 * known well, as the default is. */
static double
rival(const struct tuner *t, const struct candidate *c)
{
  if (c->known)
    return tuner_latency(t, c->workload);
  return c->preset ? 0 : tuner_lead(t, c->workload);
}

static struct measure_item
to_item(const struct tuner *t, const struct candidate *c,
        const struct build_unit *unit)
{
  return (struct measure_item){
    .object = unit->object, .symbol = unit->symbol, .verify = 1,
    .workload = t->tuned[c->workload].schedule.workload,
    .best = rival(t, c), .turns = c->known };
}

/* -1 (logged): there is nothing left to measure on. */
static int
measure(struct tuner *t, size_t count, struct candidate *const c[],
        const struct emitted *e)
{
  struct measure_item *item = mem_array(struct measure_item, count);
  struct candidate **owner = mem_array(struct candidate *, count);
  size_t n = 0;
  int status;

  for (size_t i = 0; i < count; i++) {
    const struct build_unit *unit = &e->unit[c[i]->unit];
    if (c[i]->unit == NO_UNIT)
      continue;
    if (unit->object) {
      owner[n] = c[i];
      item[n++] = to_item(t, c[i], unit);
    } else if (!proc_stopping())
      fail(c[i], CHANAS_NOT_BUILT, unit->error);
  }
  status = measure_each(t->session->measure, n, item,
                        count > 0 && c[0]->known ? NULL : report, t);
  for (size_t i = 0; i < n; i++) {
    owner[i]->result = item[i].result;
    /* Cut short, it says nothing. */
    owner[i]->have = item[i].result.outcome != CHANAS_LOST ||
                     (status == 0 && !proc_stopping());
  }
  free(item);
  free(owner);
  return status;
}

static int
emit_and_build(struct tuner *t, size_t n, struct candidate *const c[])
{
  struct session *s = t->session;
  struct emitted e;
  int status = 0;

  double begun = proc_now(), built;
  emit(t, n, c, &e);
  build_units(s->build, e.count, e.unit, (size_t)s->config->per_unit);
  built = proc_now();
  t->building += built - begun;
  if (!proc_stopping())
    status = measure(t, n, c, &e);
  t->measuring += proc_now() - built;
  emitted_free(&e);
  return status;
}

static struct table_trial
to_row(const struct tuner *t, const struct candidate *c)
{
  return (struct table_trial){
    .run = t->session->run,
    .workload = t->tuned[c->workload].schedule.workload->key,
    .policy = c->policy,
    .outcome = c->result.outcome,
    .latency = c->result.latency,
    .ci = c->result.ci,
    .control = c->result.control,
    .preset = c->preset,
    .detail = c->result.detail,
  };
}

static void
note(struct tuner *t, const struct candidate *c)
{
  const char *key = t->tuned[c->workload].schedule.workload->key;

  if (c->known)
    t->confirmed++;
  else
    t->measured++;
  if (!c->known || c->result.outcome != CHANAS_MEASURED)
    t->outcomes[c->result.outcome]++;
  if (c->result.outcome == CHANAS_MEASURED)
    return;
  log_debug("%s: %s: %s: %s", key, c->policy,
            outcome_name(c->result.outcome), c->result.detail);
  if (t->complaint[0] == '\0')
    snprintf(t->complaint, sizeof t->complaint, "%s: %.60s: %.90s",
             outcome_name(c->result.outcome), key, c->result.detail);
}

/* Fresh results go to the table first; but `lost` tells of the device and not
 * of the candidate, so only this process minds it. */
static int
store(struct tuner *t, size_t n, struct candidate *const fresh[])
{
  struct table_trial *row = mem_array(struct table_trial, n);
  size_t rows = 0;
  int status = 0;

  for (size_t i = 0; i < n; i++)
    if (fresh[i]->have) {
      if (fresh[i]->result.outcome != CHANAS_LOST)
        row[rows++] = to_row(t, fresh[i]);
      note(t, fresh[i]);
    }
  if (rows > 0)
    status = table_put(t->session->table, t->session->target, rows, row);
  free(row);
  return status;
}

int
candidates_run(struct tuner *t, size_t n, struct candidate c[])
{
  struct candidate **fresh = mem_array(struct candidate *, n);
  size_t count = 0;
  int status = 0, stored;

  for (size_t i = 0; i < n; i++)
    if (!replay(t, &c[i]))
      fresh[count++] = &c[i];
  if (count > 0)
    status = emit_and_build(t, count, fresh);
  stored = store(t, count, fresh);
  if (status == 0)
    status = stored;
  for (size_t i = 0; i < n; i++) {
    if (c[i].have && status == 0) {
      struct table_trial row = to_row(t, &c[i]);
      tuned_absorb(t, c[i].workload, c[i].choice, &row);
    }
    free(c[i].choice);
    free(c[i].policy);
  }
  tuner_settle(t);
  free(fresh);
  return status;
}
