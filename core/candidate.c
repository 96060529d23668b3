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

static void
emit_and_build(struct tuner *t, size_t n, struct candidate *const c[])
{
  struct session *s = t->session;
  struct chanas_text *source = mem_array(struct chanas_text, n);
  struct build_unit *unit = mem_array(struct build_unit, n);
  size_t *owner = mem_array(size_t, n), units = 0;

  for (size_t i = 0; i < n; i++) {
    struct tuned *b = &t->tuned[c[i]->workload];
    struct chanas_point point = { b->space, c[i]->choice };
    snprintf(c[i]->symbol, sizeof c[i]->symbol, "k%zu", i);
    if (s->backend->backend.emit(s->self, b->schedule.workload, point,
                                 c[i]->symbol, &source[i]) < 0) {
      fail(c[i], CHANAS_NOT_BUILT, "the backend could not emit it");
      continue;
    }
    unit[units] = (struct build_unit){ .symbol = c[i]->symbol,
                                       .source = text_string(&source[i]) };
    owner[units++] = i;
  }
  build_units(s->build, units, unit, (size_t)s->config->per_unit);
  for (size_t u = 0; u < units; u++) {
    struct candidate *owned = c[owner[u]];
    if (proc_stopping())
      break;
    if (unit[u].object == NULL)
      fail(owned, CHANAS_NOT_BUILT, unit[u].error);
    else {
      measure_workload(s->measure, unit[u].object, owned->symbol,
                       t->tuned[owned->workload].schedule.workload, 1,
                       &owned->result);
      owned->have = !(owned->result.outcome == CHANAS_LOST &&
                      proc_stopping()); /* cut short: it says nothing */
    }
    progress_update((double)(t->spent + u), NULL);
  }
  build_units_free(units, unit);
  for (size_t i = 0; i < n; i++)
    text_free(&source[i]);
  free(source);
  free(unit);
  free(owner);
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

  t->measured++;
  t->outcomes[c->result.outcome]++;
  if (c->result.outcome == CHANAS_MEASURED)
    return;
  log_debug("%s: %s: %s: %s", key, c->policy,
            outcome_name(c->result.outcome), c->result.detail);
  if (t->complaint[0] == '\0')
    snprintf(t->complaint, sizeof t->complaint, "%s: %.60s: %.90s",
             outcome_name(c->result.outcome), key, c->result.detail);
}

/* Fresh results go to the table first. */
static int
store(struct tuner *t, size_t n, struct candidate *const fresh[])
{
  struct table_trial *row = mem_array(struct table_trial, n);
  size_t rows = 0;
  int status = 0;

  for (size_t i = 0; i < n; i++)
    if (fresh[i]->have) {
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
  int status;

  for (size_t i = 0; i < n; i++)
    if (!replay(t, &c[i]))
      fresh[count++] = &c[i];
  if (count > 0)
    emit_and_build(t, count, fresh);
  status = store(t, count, fresh);
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
