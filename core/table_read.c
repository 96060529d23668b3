/* SPDX-License-Identifier: Apache-2.0 */
/* What is read from the table.  The texts of a row last while fn runs. */
#include <string.h>
#include "mem.h"
#include "table_impl.h"

struct trial_reader {
  int (*fn)(void *, const struct table_trial *);
  void *arg;
};

static int
trial_row(void *arg, sqlite3_stmt *s)
{
  struct trial_reader *reader = arg;
  struct table_trial trial = {
    .id = sqlite3_column_int64(s, 0),
    .run = sqlite3_column_int64(s, 1),
    .workload = table_string(s, 2),
    .policy = table_string(s, 3),
    .outcome = (enum chanas_outcome)sqlite3_column_int(s, 4),
    .latency = table_real(s, 5),
    .ci = table_real(s, 6),
    .control = table_real(s, 7),
    .preset = sqlite3_column_int(s, 8),
    .detail = table_string(s, 9),
  };

  return reader->fn(reader->arg, &trial);
}

static int
read_trials(struct table *table, enum table_query query, int64_t target,
            const char *workload, int64_t after, int64_t upto,
            struct trial_reader *reader)
{
  sqlite3_stmt *s = table_take(table, query);

  if (s == NULL)
    return -1;
  sqlite3_bind_int64(s, 1, target);
  sqlite3_bind_int64(s, 2, after);
  sqlite3_bind_int64(s, 3, upto ? upto : INT64_MAX);
  if (workload)
    table_bind_text(s, 4, workload);
  return table_each(table, query, s, trial_row, reader);
}

int
table_trials(struct table *table, int64_t target, const char *workload,
             int64_t after, int64_t upto,
             int (*fn)(void *, const struct table_trial *), void *arg)
{
  struct trial_reader reader = { fn, arg };

  return read_trials(table, QUERY_TRIALS, target, workload, after, upto,
                     &reader);
}

int
table_all_trials(struct table *table, int64_t target, int64_t after,
                 int64_t upto,
                 int (*fn)(void *, const struct table_trial *), void *arg)
{
  struct trial_reader reader = { fn, arg };

  return read_trials(table, QUERY_ALL_TRIALS, target, NULL, after, upto,
                     &reader);
}

struct network_reader {
  int (*fn)(void *, const struct table_network *);
  void *arg;
};

static int
network_row(void *arg, sqlite3_stmt *s)
{
  struct network_reader *reader = arg;
  struct table_network network = {
    .run = sqlite3_column_int64(s, 0),
    .family = table_string(s, 1),
    .code = table_string(s, 2),
    .schedule = table_string(s, 3),
    .predicted = table_real(s, 4),
    .outcome = (enum chanas_outcome)sqlite3_column_int(s, 5),
    .latency = table_real(s, 6),
    .ci = table_real(s, 7),
    .control = table_real(s, 8),
  };

  return reader->fn(reader->arg, &network);
}

int
table_networks(struct table *table, int64_t target, const char *family,
               int (*fn)(void *, const struct table_network *), void *arg)
{
  struct network_reader reader = { fn, arg };
  sqlite3_stmt *s = table_take(table, QUERY_NETWORKS);

  if (s == NULL)
    return -1;
  sqlite3_bind_int64(s, 1, target);
  if (family)
    table_bind_text(s, 2, family);
  return table_each(table, QUERY_NETWORKS, s, network_row, &reader);
}

int64_t
table_last_trial(struct table *table)
{
  sqlite3_stmt *s = table_take(table, QUERY_LAST_TRIAL);
  int64_t id = 0;

  if (s == NULL)
    return 0;
  if (sqlite3_step(s) == SQLITE_ROW)
    id = sqlite3_column_int64(s, 0);
  else
    table_fail(table, "read");
  table_give(table, QUERY_LAST_TRIAL, s);
  return id;
}

int
table_fetch(struct table *table, const char *owner, const char *key,
            void **data, size_t *size)
{
  sqlite3_stmt *s = table_take(table, QUERY_FETCH);
  int status;

  if (s == NULL)
    return -1;
  table_bind_text(s, 1, owner);
  table_bind_text(s, 2, key);
  status = sqlite3_step(s);
  if (status == SQLITE_ROW) {
    *size = (size_t)sqlite3_column_bytes(s, 0);
    *data = mem_alloc(*size + 1, 1);
    if (*size)
      memcpy(*data, sqlite3_column_blob(s, 0), *size);
  } else if (status != SQLITE_DONE)
    table_fail(table, "read");
  table_give(table, QUERY_FETCH, s);
  return status == SQLITE_ROW ? 0 : -1;
}
