/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The latency table.  Each table_put, table_put_network, table_start_run and
 * table_store is one immediate transaction, synced before it returns (WAL
 * with synchronous=FULL).  Trial ids are given under the write lock, so they
 * grow in the order of commits: whatever a reader has not seen yet has a
 * greater id than all that it has.  A connection belongs to one thread.
 */
#include "table.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "file.h"
#include "log.h"
#include "mem.h"
#include "table_impl.h"

static const char *const sql[QUERY_COUNT] = {
  [QUERY_BEGIN] = "BEGIN IMMEDIATE",
  [QUERY_COMMIT] = "COMMIT",
  [QUERY_ROLLBACK] = "ROLLBACK",
  [QUERY_FIND_TARGET] = "SELECT id FROM target WHERE device = ?1 AND"
    " backend = ?2 AND version = ?3 AND compiler = ?4 AND threads = ?5",
  [QUERY_ADD_TARGET] = "INSERT INTO target (device, backend, version,"
    " compiler, threads, description) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
  [QUERY_FIND_WORKLOAD] = "SELECT id FROM workload WHERE key = ?1",
  [QUERY_ADD_WORKLOAD] = "INSERT INTO workload (key) VALUES (?1)",
  [QUERY_ADD_TRIAL] = "INSERT INTO trial (target, workload, run, policy,"
    " outcome, latency, ci, control, preset, detail, created)"
    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
  [QUERY_TRIALS] = "SELECT t.id, t.run, w.key, t.policy, t.outcome, t.latency,"
    " t.ci, t.control, t.preset, t.detail FROM workload w CROSS JOIN trial t"
    " ON t.workload = w.id WHERE w.key = ?4 AND t.target = ?1 AND t.id > ?2"
    " AND t.id <= ?3 ORDER BY t.id",
  [QUERY_ALL_TRIALS] = "SELECT t.id, t.run, w.key, t.policy, t.outcome,"
    " t.latency, t.ci, t.control, t.preset, t.detail"
    " FROM trial t INDEXED BY trial_target CROSS JOIN workload w"
    " ON t.workload = w.id WHERE t.target = ?1 AND t.id > ?2 AND t.id <= ?3"
    " ORDER BY t.id",
  [QUERY_LAST_TRIAL] = "SELECT max(id) FROM trial",
  [QUERY_ADD_NETWORK] = "INSERT INTO network (target, run, family, code,"
    " schedule, predicted, outcome, latency, ci, control, created)"
    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
  [QUERY_NETWORKS] = "SELECT run, family, code, schedule, predicted, outcome,"
    " latency, ci, control FROM network WHERE target = ?1 AND"
    " (?2 IS NULL OR family = ?2) ORDER BY id",
  [QUERY_ADD_RUN] = "INSERT INTO run (id, config, watermark, created)"
    " SELECT ?1, ?2, ifnull(max(id), 0), ?3 FROM trial",
  [QUERY_FIND_RUN] = "SELECT config, watermark FROM run WHERE id = ?1",
  [QUERY_STORE] = "INSERT OR REPLACE INTO store (owner, key, value)"
    " VALUES (?1, ?2, ?3)",
  [QUERY_FETCH] = "SELECT value FROM store WHERE owner = ?1 AND key = ?2",
};

/* ---- statements ---- */

/* What a user can do about an error of SQLite. */
static const char *
remedy(int status)
{
  switch (status & 0xff) {
  case SQLITE_FULL:
    return "; make room on its disk";
  case SQLITE_BUSY:
    return "; another process holds it, try again when that is done";
  case SQLITE_READONLY:
    return "; give a place that can be written with --table FILE";
  case SQLITE_CORRUPT: case SQLITE_NOTADB:
    return "; it is damaged, see 'chanas table verify'";
  case SQLITE_IOERR:
    return "; its disk fails or is full";
  default:
    return "";
  }
}

int
table_fail(struct table *table, const char *doing)
{
  log_error("table %s: cannot %s: %s%s", table->path, doing,
            sqlite3_errmsg(table->db), remedy(sqlite3_errcode(table->db)));
  return -1;
}

sqlite3_stmt *
table_take(struct table *table, enum table_query query)
{
  sqlite3_stmt **slot = &table->statement[query], *fresh = NULL;
  int in_use = *slot && sqlite3_stmt_busy(*slot);

  if (*slot && !in_use)
    return *slot;
  if (sqlite3_prepare_v3(table->db, sql[query], -1, SQLITE_PREPARE_PERSISTENT,
                         &fresh, NULL) != SQLITE_OK) {
    table_fail(table, "prepare a statement");
    return NULL;
  }
  if (!in_use)
    *slot = fresh;
  return fresh;
}

void
table_give(struct table *table, enum table_query query, sqlite3_stmt *s)
{
  if (s != table->statement[query])
    sqlite3_finalize(s);
  else if (s) {
    sqlite3_reset(s);
    sqlite3_clear_bindings(s);
  }
}

int
table_finish(struct table *table, enum table_query query, sqlite3_stmt *s,
             const char *doing)
{
  int status = sqlite3_step(s) == SQLITE_DONE ? 0 : table_fail(table, doing);

  table_give(table, query, s);
  return status;
}

static int
run(struct table *table, enum table_query query, const char *doing)
{
  sqlite3_stmt *s = table_take(table, query);

  return s ? table_finish(table, query, s, doing) : -1;
}

int
table_begin(struct table *table)
{
  return run(table, QUERY_BEGIN, "begin a transaction");
}

int
table_end(struct table *table, int status)
{
  if (status == 0)
    status = run(table, QUERY_COMMIT, "commit");
  if (status != 0 && !sqlite3_get_autocommit(table->db))
    run(table, QUERY_ROLLBACK, "roll back");
  return status;
}

int
table_each(struct table *table, enum table_query query, sqlite3_stmt *s,
         int (*row)(void *, sqlite3_stmt *), void *arg)
{
  int status;

  while ((status = sqlite3_step(s)) == SQLITE_ROW)
    if (row(arg, s) != 0)
      break;
  if (status != SQLITE_ROW && status != SQLITE_DONE)
    table_fail(table, "read");
  table_give(table, query, s);
  return status == SQLITE_ROW || status == SQLITE_DONE ? 0 : -1;
}

int
table_exec(struct table *table, const char *text, const char *doing)
{
  return sqlite3_exec(table->db, text, NULL, NULL, NULL) == SQLITE_OK ? 0 :
    table_fail(table, doing);
}

void
table_bind_text(sqlite3_stmt *s, int at, const char *text)
{
  sqlite3_bind_text(s, at, text ? text : "", -1, SQLITE_STATIC);
}

void
table_bind_real(sqlite3_stmt *s, int at, double value)
{
  if (isfinite(value))
    sqlite3_bind_double(s, at, value);
  else
    sqlite3_bind_null(s, at);
}

double
table_real(sqlite3_stmt *s, int at)
{
  return sqlite3_column_type(s, at) == SQLITE_NULL ? (double)NAN :
    sqlite3_column_double(s, at);
}

const char *
table_string(sqlite3_stmt *s, int at)
{
  const char *text = (const char *)sqlite3_column_text(s, at);

  return text ? text : "";
}

int64_t
table_clock(void)
{
  struct timespec now;

  clock_gettime(CLOCK_REALTIME, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- open and close ---- */

char *
table_default_path(void)
{
  return file_xdg_data("table.db");
}

/* The log needs shared memory; where a file system has none SQLite stays
 * with another journal and says so here. */
static int
need_wal(struct table *table)
{
  sqlite3_stmt *s;
  int good = 0;

  if (sqlite3_prepare_v2(table->db, "PRAGMA journal_mode = WAL", -1, &s, NULL)
      != SQLITE_OK)
    return table_fail(table, "use a write-ahead log");
  if (sqlite3_step(s) == SQLITE_ROW)
    good = strcmp(table_string(s, 0), "wal") == 0;
  else
    table_fail(table, "use a write-ahead log");
  sqlite3_finalize(s);
  if (good)
    return 0;
  log_error("table %s: its file system has no shared memory for a write-ahead "
            "log; give --table FILE on a local disk", table->path);
  return -1;
}

static int
need_writable(struct table *table)
{
  if (sqlite3_db_readonly(table->db, "main") == 1 ||
      access(table->path, W_OK) < 0) {
    log_error("table %s cannot be written; change its permissions or give "
              "another --table FILE", table->path);
    return -1;
  }
  return 0;
}

struct table *
table_open(const char *path, int read_only, int *code)
{
  struct table *table;

  *code = TABLE_FAILED;
  if (!read_only && access(path, F_OK) < 0 && table_make(path) < 0)
    return NULL;
  *code = table_check_file(path);
  if (*code != 0)
    return NULL;
  *code = TABLE_FAILED;
  table = mem_new(struct table);
  table->path = mem_string(path);
  table->read_only = read_only;
  table->db = table_connect(path, read_only);
  if (table->db == NULL || (!read_only && (need_writable(table) < 0 ||
                                           need_wal(table) < 0))) {
    table_close(table);
    return NULL;
  }
  *code = 0;
  return table;
}

void
table_close(struct table *table)
{
  if (table == NULL)
    return;
  for (size_t i = 0; i < QUERY_COUNT; i++)
    sqlite3_finalize(table->statement[i]);
  sqlite3_close(table->db);
  free(table->path);
  free(table);
}
