/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between the files of the table: the connection with its prepared
 * statements, and the one way to report what SQLite says.
 */
#ifndef CORE_TABLE_IMPL_H
#define CORE_TABLE_IMPL_H
#include <sqlite3.h>
#include "table.h"

#define TABLE_BUSY_MS 30000

/* Exit codes of a table that cannot be opened. */
#define TABLE_FAILED 1
#define TABLE_DAMAGED 5

enum table_query {
  QUERY_BEGIN, QUERY_COMMIT, QUERY_ROLLBACK,
  QUERY_FIND_TARGET, QUERY_ADD_TARGET,
  QUERY_FIND_WORKLOAD, QUERY_ADD_WORKLOAD,
  QUERY_ADD_TRIAL, QUERY_TRIALS, QUERY_ALL_TRIALS, QUERY_LAST_TRIAL,
  QUERY_ADD_NETWORK, QUERY_NETWORKS,
  QUERY_ADD_RUN, QUERY_FIND_RUN,
  QUERY_STORE, QUERY_FETCH,
  QUERY_COUNT
};

struct table {
  sqlite3 *db;
  char *path;
  int read_only;
  sqlite3_stmt *statement[QUERY_COUNT]; /* prepared at first use */
};

/* One log line; always -1. */
int table_fail(struct table *, const char *doing);
/* The prepared statement, reset and without bindings; a fresh one while the
 * prepared one is still being stepped.  NULL, logged. */
sqlite3_stmt *table_take(struct table *, enum table_query);
void table_give(struct table *, enum table_query, sqlite3_stmt *);
/* Steps a statement that returns no row; gives it back.  -1, logged. */
int table_finish(struct table *, enum table_query, sqlite3_stmt *,
                 const char *doing);
int table_begin(struct table *);
/* Commits if status is 0, else rolls back; the status of it all. */
int table_end(struct table *, int status);
int table_exec(struct table *, const char *sql, const char *doing);

/* Steps through a SELECT till row() says nonzero; gives it back. */
int table_each(struct table *, enum table_query, sqlite3_stmt *,
               int (*row)(void *, sqlite3_stmt *), void *arg);

/* The text is borrowed till the step; NULL is "".  NaN stands for NULL. */
void table_bind_text(sqlite3_stmt *, int at, const char *);
void table_bind_real(sqlite3_stmt *, int at, double);
double table_real(sqlite3_stmt *, int at);
const char *table_string(sqlite3_stmt *, int at); /* "" for NULL */
int64_t table_clock(void); /* milliseconds since 1970 */

/* table_file.c: everything before the connection may write. */
extern const char *const table_schema[]; /* NULL-terminated statements */
int table_make(const char *path); /* whole or not at all; -1, logged */
/* 0: a sound table of our schema, else the exit code, logged.  Reads only. */
int table_check_file(const char *path);
/* "file:" URI of a path, which may hold any character; free it. */
char *table_uri(const char *path, const char *query);
/* A connection with every guard on; NULL, logged. */
sqlite3 *table_connect(const char *path, int read_only);
#endif
