/* SPDX-License-Identifier: Apache-2.0 */
/* What is written to the table, one transaction a call. */
#include <math.h>
#include "log.h"
#include "table_impl.h"

/* The id of what `find` selects, or of what `add` inserts; -1, logged.
 * bind fills in both statements. */
static int64_t
find_or_add(struct table *table, enum table_query find, enum table_query add,
            void (*bind)(sqlite3_stmt *, const void *), const void *what)
{
  sqlite3_stmt *s = table_take(table, find);
  int64_t id = -1;
  int status;

  if (s == NULL)
    return -1;
  bind(s, what);
  status = sqlite3_step(s);
  if (status == SQLITE_ROW)
    id = sqlite3_column_int64(s, 0);
  else if (status != SQLITE_DONE)
    table_fail(table, "look something up");
  table_give(table, find, s);
  if (status != SQLITE_DONE)
    return id;
  s = table_take(table, add);
  if (s == NULL)
    return -1;
  bind(s, what);
  return table_finish(table, add, s, "add a row") == 0 ?
    sqlite3_last_insert_rowid(table->db) : -1;
}

static void
bind_target(sqlite3_stmt *s, const void *what)
{
  const struct table_target *target = what;

  table_bind_text(s, 1, target->device);
  table_bind_text(s, 2, target->backend);
  table_bind_text(s, 3, target->version);
  table_bind_text(s, 4, target->compiler);
  sqlite3_bind_int(s, 5, target->threads);
  if (sqlite3_bind_parameter_count(s) == 6)
    table_bind_text(s, 6, target->description);
}

static void
bind_workload(sqlite3_stmt *s, const void *what)
{
  table_bind_text(s, 1, what);
}

/* A table opened for reading only knows the targets that it has. */
int64_t
table_target(struct table *table, const struct table_target *target)
{
  int64_t id;

  if (!table->read_only && table_begin(table) < 0)
    return -1;
  id = find_or_add(table, QUERY_FIND_TARGET, QUERY_ADD_TARGET, bind_target,
                   target);
  if (!table->read_only && table_end(table, id < 0 ? -1 : 0) < 0)
    return -1;
  return id;
}

/* MEASURED goes with a latency, and only MEASURED does. */
static int
check_latency(struct table *table, enum chanas_outcome outcome, double latency,
              const char *what)
{
  if (outcome != CHANAS_MEASURED || (isfinite(latency) && latency > 0))
    return 0;
  log_error("table %s: %s is measured but has the latency %g", table->path,
            what, latency);
  return -1;
}

static void
bind_result(sqlite3_stmt *s, int at, enum chanas_outcome outcome,
            double latency, double ci, double control)
{
  int measured = outcome == CHANAS_MEASURED;

  table_bind_real(s, at, measured ? latency : (double)NAN);
  table_bind_real(s, at + 1, measured ? ci : (double)NAN);
  table_bind_real(s, at + 2, control);
}

static void
bind_run(sqlite3_stmt *s, int at, int64_t run)
{
  if (run)
    sqlite3_bind_int64(s, at, run);
}

static int
put_one(struct table *table, int64_t target, int64_t now,
        struct table_trial *trial)
{
  int64_t workload;
  sqlite3_stmt *s;

  if (check_latency(table, trial->outcome, trial->latency, "a trial") < 0)
    return -1;
  workload = find_or_add(table, QUERY_FIND_WORKLOAD, QUERY_ADD_WORKLOAD,
                         bind_workload, trial->workload);
  s = workload < 0 ? NULL : table_take(table, QUERY_ADD_TRIAL);
  if (s == NULL)
    return -1;
  sqlite3_bind_int64(s, 1, target);
  sqlite3_bind_int64(s, 2, workload);
  bind_run(s, 3, trial->run);
  table_bind_text(s, 4, trial->policy);
  sqlite3_bind_int(s, 5, trial->outcome);
  bind_result(s, 6, trial->outcome, trial->latency, trial->ci,
              trial->control);
  sqlite3_bind_int(s, 9, trial->preset);
  table_bind_text(s, 10, trial->detail);
  sqlite3_bind_int64(s, 11, now);
  if (table_finish(table, QUERY_ADD_TRIAL, s, "store a trial") < 0)
    return -1;
  trial->id = sqlite3_last_insert_rowid(table->db);
  return 0;
}

int
table_put(struct table *table, int64_t target, size_t n,
          struct table_trial trial[])
{
  int64_t now = table_clock();
  int status = table_begin(table);

  if (status < 0)
    return -1;
  for (size_t i = 0; i < n && status == 0; i++)
    status = put_one(table, target, now, &trial[i]);
  status = table_end(table, status);
  for (size_t i = 0; i < n && status < 0; i++)
    trial[i].id = 0;
  return status;
}

int
table_put_network(struct table *table, int64_t target,
                  const struct table_network *network)
{
  sqlite3_stmt *s;
  int status;

  if (check_latency(table, network->outcome, network->latency, "a network") < 0
      || table_begin(table) < 0)
    return -1;
  s = table_take(table, QUERY_ADD_NETWORK);
  if (s == NULL)
    return table_end(table, -1);
  sqlite3_bind_int64(s, 1, target);
  bind_run(s, 2, network->run);
  table_bind_text(s, 3, network->family);
  table_bind_text(s, 4, network->code);
  table_bind_text(s, 5, network->schedule);
  table_bind_real(s, 6, network->predicted);
  sqlite3_bind_int(s, 7, network->outcome);
  bind_result(s, 8, network->outcome, network->latency, network->ci,
              network->control);
  sqlite3_bind_int64(s, 11, table_clock());
  status = table_finish(table, QUERY_ADD_NETWORK, s, "store a network");
  return table_end(table, status);
}

int
table_store(struct table *table, const char *owner, const char *key,
            const void *data, size_t size)
{
  sqlite3_stmt *s;
  int status;

  if (table_begin(table) < 0)
    return -1;
  s = table_take(table, QUERY_STORE);
  if (s == NULL)
    return table_end(table, -1);
  table_bind_text(s, 1, owner);
  table_bind_text(s, 2, key);
  sqlite3_bind_blob64(s, 3, size ? data : "", size, SQLITE_STATIC);
  status = table_finish(table, QUERY_STORE, s, "store a value");
  return table_end(table, status);
}
