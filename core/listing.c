/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chanas table list.  What is best is what a search would take: rows count
 * relative to the control kernel, and a policy with one row only as long as
 * none has more (schedule.h).
 */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "listing.h"
#include "mem.h"
#include "schedule.h"

#define COLUMNS 11

static const char *const column[COLUMNS] = {
  "device", "backend", "compiler", "threads", "workload", "trials", "failed",
  "best_ms", "default_ms", "policy", "kind"
};

struct listing {
  struct table *table;
  int64_t target;           /* of the entry before */
  double control;           /* median of that target; 0: none */
  struct schedule schedule; /* of the entry at hand */
  FILE *out;
  json_t *rows;             /* or NULL: lines */
  int status;
};

struct controls { size_t count, room; double *item; };

static int
take_control(void *arg, const struct table_trial *trial)
{
  struct controls *c = arg;

  if (trial->outcome != CHANAS_MEASURED || !(trial->control > 0))
    return 0;
  if (c->count == c->room) {
    c->room = c->room ? 2 * c->room : 64;
    c->item = mem_grow(c->item, c->room, sizeof *c->item);
  }
  c->item[c->count++] = trial->control;
  return 0;
}

static int
ascending(const void *a, const void *b)
{
  double x = *(const double *)a, y = *(const double *)b;

  return (x > y) - (x < y);
}

static int
learn_control(struct listing *l, int64_t target)
{
  struct controls c = { 0 };
  int status = table_all_trials(l->table, target, 0, 0, take_control, &c);

  if (c.count)
    qsort(c.item, c.count, sizeof *c.item, ascending);
  l->control = c.count ? c.item[c.count / 2] : 0;
  l->target = target;
  free(c.item);
  return status;
}

static int
take_trial(void *arg, const struct table_trial *trial)
{
  struct listing *l = arg;

  schedule_add(&l->schedule, trial, l->control);
  return 0;
}

/* "" if it never ran. */
static char *
milliseconds(double seconds)
{
  return isfinite(seconds) ? mem_print("%.6g", seconds * 1e3)
                           : mem_string("");
}

static void
print_row(struct listing *l, char *const value[COLUMNS])
{
  json_t *row;

  if (l->rows == NULL) {
    for (int i = 0; i < COLUMNS; i++)
      fprintf(l->out, "%s%s", value[i], i + 1 < COLUMNS ? "\t" : "\n");
    return;
  }
  row = json_object();
  for (int i = 0; i < COLUMNS; i++)
    json_object_set_new(row, column[i], *value[i] ? json_string(value[i])
                                                  : json_null());
  json_array_append_new(l->rows, row);
}

static void
print_entry(struct listing *l, const struct table_entry *e)
{
  const struct schedule *s = &l->schedule;
  char *value[COLUMNS] = {
    mem_string(e->device), mem_string(e->backend), mem_string(e->compiler),
    mem_print("%d", e->threads), mem_string(e->workload),
    mem_print("%lld", (long long)e->trials),
    mem_print("%lld", (long long)e->failed),
    milliseconds(schedule_latency(s)), milliseconds(schedule_default(s)),
    mem_string(s->best < 0 ? "" : s->tried[s->best].policy),
    mem_string(e->kind) };

  print_row(l, value);
  for (int i = 0; i < COLUMNS; i++)
    free(value[i]);
}

static int
take_entry(void *arg, const struct table_entry *entry)
{
  struct listing *l = arg;

  if (entry->target != l->target)
    l->status = learn_control(l, entry->target);
  schedule_init(&l->schedule, NULL);
  if (l->status == 0)
    l->status = table_trials(l->table, entry->target, entry->workload, 0, 0,
                             take_trial, l);
  if (l->status == 0)
    print_entry(l, entry);
  schedule_free(&l->schedule);
  return l->status;
}

static void
print_head(FILE *out)
{
  for (int i = 0; i < COLUMNS; i++)
    fprintf(out, "%s%s", column[i], i + 1 < COLUMNS ? "\t" : "\n");
}

int
listing_print(struct table *table, FILE *out, int json)
{
  struct listing l = { .table = table, .out = out,
                       .rows = json ? json_array() : NULL };

  if (!json)
    print_head(out);
  if (table_list(table, take_entry, &l) < 0)
    l.status = -1;
  if (json && l.status == 0) {
    json_dumpf(l.rows, out, JSON_INDENT(2));
    fputc('\n', out);
  }
  json_decref(l.rows);
  return l.status;
}
