/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does a table hold what a table should hold?  SQLite's own checks first,
 * then ours: latencies, workloads that parse back to the same key, policies
 * in the form that space_print gives.  Every fault is a log line; after
 * REPORTED of them it looks no further.
 */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "log.h"
#include "table_impl.h"
#include "workload.h"

#define REPORTED 10

struct check {
  struct table *table;
  int faults;
};

__attribute__((format(printf, 2, 3)))
static void
fault(struct check *check, const char *fmt, ...)
{
  char text[600];
  va_list list;

  check->faults++;
  va_start(list, fmt);
  vsnprintf(text, sizeof text, fmt, list);
  va_end(list);
  log_error("table %s: %s", check->table->path, text);
}

/* row() for every row of a SELECT. */
static void
each(struct check *check, const char *sql,
     void (*row)(struct check *, sqlite3_stmt *))
{
  sqlite3_stmt *s;
  int status = sqlite3_prepare_v2(check->table->db, sql, -1, &s, NULL);

  while ((status == SQLITE_OK || status == SQLITE_ROW) &&
         check->faults < REPORTED) {
    status = sqlite3_step(s);
    if (status == SQLITE_ROW)
      row(check, s);
  }
  if (status != SQLITE_DONE && check->faults < REPORTED)
    fault(check, "%s", sqlite3_errmsg(check->table->db));
  sqlite3_finalize(s);
}

static void
integrity_row(struct check *check, sqlite3_stmt *s)
{
  if (strcmp(table_string(s, 0), "ok") != 0)
    fault(check, "%.*s", (int)strcspn(table_string(s, 0), "\n"),
          table_string(s, 0));
}

static void
foreign_row(struct check *check, sqlite3_stmt *s)
{
  fault(check, "row %lld of %s refers to a missing row of %s",
        (long long)sqlite3_column_int64(s, 1), table_string(s, 0),
        table_string(s, 2));
}

static void
workload_row(struct check *check, sqlite3_stmt *s)
{
  const char *key = table_string(s, 1);
  struct chanas_workload *workload = workload_parse(key);

  if (workload == NULL || strcmp(workload->key, key) != 0)
    fault(check, "workload %lld has the bad key '%.100s'",
          (long long)sqlite3_column_int64(s, 0), key);
  if (workload)
    workload_free(workload);
}

/* "name=value" pairs between commas, as space_print writes them. */
static int
sane_policy(const char *text)
{
  for (;;) {
    size_t name = 0, value;
    while (isalnum((unsigned char)text[name]) ||
           (text[name] && strchr("_.-", text[name])))
      name++;
    if (name == 0 || text[name] != '=')
      return 0;
    text += name + 1;
    value = strcspn(text, ",");
    for (size_t i = 0; i < value; i++)
      if (!isgraph((unsigned char)text[i]) || text[i] == '=')
        return 0;
    if (value == 0 || text[value] == '\0')
      return value > 0;
    text += value + 1;
  }
}

static void
check_result(struct check *check, const char *what, sqlite3_stmt *s, int at)
{
  long long id = sqlite3_column_int64(s, 0);
  int measured = sqlite3_column_int(s, at) == CHANAS_MEASURED;
  double latency = table_real(s, at + 1), ci = table_real(s, at + 2),
         control = table_real(s, at + 3);

  if (measured != (isfinite(latency) && latency > 0) ||
      (!measured && !isnan(latency)))
    fault(check, "%s %lld has the outcome %d with the latency %g", what, id,
          sqlite3_column_int(s, at), latency);
  if (isinf(ci) || ci < 0 || isinf(control) || control < 0)
    fault(check, "%s %lld has the interval %g and the control time %g", what,
          id, ci, control);
}

static void
trial_row(struct check *check, sqlite3_stmt *s)
{
  check_result(check, "trial", s, 1);
  if (!sane_policy(table_string(s, 5)))
    fault(check, "trial %lld has the bad policy '%.100s'",
          (long long)sqlite3_column_int64(s, 0), table_string(s, 5));
}

static void
network_row(struct check *check, sqlite3_stmt *s)
{
  check_result(check, "network", s, 1);
}

int
table_verify(struct table *table)
{
  struct check check = { table, 0 };

  each(&check, "PRAGMA integrity_check(10)", integrity_row);
  each(&check, "PRAGMA foreign_key_check", foreign_row);
  each(&check, "SELECT id, key FROM workload", workload_row);
  each(&check, "SELECT id, outcome, latency, ci, control, policy FROM trial",
       trial_row);
  each(&check, "SELECT id, outcome, latency, ci, control FROM network",
       network_row);
  if (check.faults >= REPORTED)
    log_error("table %s: there may be more faults", table->path);
  return check.faults ? -1 : 0;
}
