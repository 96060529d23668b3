/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs.  A run's id is random, so that a run is never taken for one of
 * another table, and has at most 53 bits, so that JSON carries it whole.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include "log.h"
#include "mem.h"
#include "table_impl.h"

static int64_t
new_id(void)
{
  uint64_t bits = 0;

  if (getrandom(&bits, sizeof bits, 0) != sizeof bits)
    bits = (uint64_t)table_clock();
  bits &= (UINT64_C(1) << 53) - 1;
  return bits ? (int64_t)bits : 1;
}

/* Config hash and watermark of a run; 1: there, 0: no such run, -1. */
static int
find(struct table *table, int64_t run, char **config, int64_t *watermark)
{
  sqlite3_stmt *s = table_take(table, QUERY_FIND_RUN);
  int status;

  if (s == NULL)
    return -1;
  sqlite3_bind_int64(s, 1, run);
  status = sqlite3_step(s);
  if (status == SQLITE_ROW) {
    *config = mem_string(table_string(s, 0));
    *watermark = sqlite3_column_int64(s, 1);
  } else if (status != SQLITE_DONE)
    table_fail(table, "read");
  table_give(table, QUERY_FIND_RUN, s);
  return status == SQLITE_ROW ? 1 : status == SQLITE_DONE ? 0 : -1;
}

int64_t
table_start_run(struct table *table, const char *config_hash,
                int64_t *watermark)
{
  int64_t id = new_id();
  char *config = NULL;
  sqlite3_stmt *s;
  int status = -1;

  if (table_begin(table) < 0)
    return -1;
  s = table_take(table, QUERY_ADD_RUN);
  if (s) {
    sqlite3_bind_int64(s, 1, id);
    table_bind_text(s, 2, config_hash);
    sqlite3_bind_int64(s, 3, table_clock());
    status = table_finish(table, QUERY_ADD_RUN, s, "start a run");
  }
  if (status == 0)
    status = find(table, id, &config, watermark) == 1 ? 0 : -1;
  free(config);
  return table_end(table, status) < 0 ? -1 : id;
}

int
table_find_run(struct table *table, int64_t run, const char *config_hash,
               int64_t *watermark)
{
  char *config = NULL;
  int there = find(table, run, &config, watermark);
  int same = there == 1 && strcmp(config, config_hash) == 0;

  if (there == 0)
    log_error("run %lld is not in table %s; give the --table that it was "
              "started with", (long long)run, table->path);
  else if (there == 1 && !same)
    log_error("run %lld was started with another configuration (%s, this is "
              "%s); restore that one or start a new run", (long long)run,
              config, config_hash);
  free(config);
  return same ? 0 : -1;
}
