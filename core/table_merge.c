/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking in another table: checked and verified first, attached for reading
 * only, copied in one transaction.  The store is left out: it holds what
 * plugins can work out again.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "log.h"
#include "mem.h"
#include "table_impl.h"

/* Rows that both tables have keep the ids they have here; the others come
 * in the order of their old ids. */
static const char merge_sql[] =
  "INSERT OR IGNORE INTO main.target (device, description, backend, version,"
  "  compiler, threads) SELECT device, description, backend, version,"
  "  compiler, threads FROM other.target ORDER BY id;"
  "INSERT OR IGNORE INTO main.workload (key)"
  "  SELECT key FROM other.workload ORDER BY id;"
  "INSERT OR IGNORE INTO main.run SELECT * FROM other.run;"
  "CREATE TEMP TABLE same_target AS SELECT o.id AS old, m.id AS new"
  "  FROM other.target o JOIN main.target m USING (device, backend, version,"
  "  compiler, threads);"
  "CREATE TEMP TABLE same_workload AS SELECT o.id AS old, m.id AS new"
  "  FROM other.workload o JOIN main.workload m USING (key);"
  "CREATE TEMP TABLE known AS SELECT target, workload, policy, created,"
  "  latency FROM main.trial;"
  "CREATE INDEX temp.known_index ON known (target, workload, created);";

static const char trials_sql[] =
  "INSERT INTO main.trial (target, workload, run, policy, outcome, latency,"
  "  ci, control, preset, detail, created) SELECT g.new, w.new, o.run,"
  "  o.policy, o.outcome, o.latency, o.ci, o.control, o.preset, o.detail,"
  "  o.created FROM other.trial o JOIN same_target g ON g.old = o.target"
  "  JOIN same_workload w ON w.old = o.workload WHERE NOT EXISTS"
  "  (SELECT 1 FROM known k WHERE k.target = g.new AND k.workload = w.new"
  "  AND k.created = o.created AND k.policy = o.policy"
  "  AND k.latency IS o.latency) ORDER BY o.id";

static const char networks_sql[] =
  "INSERT INTO main.network (target, run, family, code, schedule, predicted,"
  "  outcome, latency, ci, control, created) SELECT g.new, o.run, o.family,"
  "  o.code, o.schedule, o.predicted, o.outcome, o.latency, o.ci, o.control,"
  "  o.created FROM other.network o JOIN same_target g ON g.old = o.target"
  "  WHERE NOT EXISTS (SELECT 1 FROM main.network k WHERE k.target = g.new"
  "  AND k.family = o.family AND k.code = o.code AND k.schedule = o.schedule"
  "  AND k.created = o.created AND k.latency IS o.latency) ORDER BY o.id";

static const char forget_sql[] =
  "DROP TABLE IF EXISTS temp.same_target;"
  "DROP TABLE IF EXISTS temp.same_workload;"
  "DROP TABLE IF EXISTS temp.known";

static int
same_file(const char *a, const char *b)
{
  struct stat x, y;

  return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev &&
    x.st_ino == y.st_ino;
}

/* Another's table is not trusted until every row of it was looked at. */
static int
sound(const char *path)
{
  int code, good;
  struct table *other = table_open(path, 1, &code);

  if (other == NULL)
    return 0;
  good = table_verify(other) == 0;
  table_close(other);
  return good;
}

static int
attach(struct table *table, const char *other)
{
  char *uri = table_uri(other, "?mode=ro");
  sqlite3_stmt *s;
  int status = sqlite3_prepare_v2(table->db, "ATTACH ?1 AS other", -1, &s,
                                  NULL);

  if (status == SQLITE_OK) {
    table_bind_text(s, 1, uri);
    status = sqlite3_step(s);
    sqlite3_finalize(s);
  }
  free(uri);
  return status == SQLITE_DONE ? 0 : table_fail(table, "attach the other");
}

static long
copy(struct table *table)
{
  long came = 0;
  int status = table_begin(table);

  if (status == 0)
    status = table_exec(table, merge_sql, "merge targets and workloads");
  if (status == 0)
    status = table_exec(table, trials_sql, "merge trials");
  if (status == 0) {
    came = sqlite3_changes(table->db);
    status = table_exec(table, networks_sql, "merge networks");
  }
  if (status == 0)
    status = table_exec(table, forget_sql, "merge");
  return table_end(table, status) < 0 ? -1 : came;
}

long
table_merge(struct table *table, const char *other)
{
  long came = -1;

  if (same_file(table->path, other)) {
    log_error("table %s cannot be merged into itself", table->path);
    return -1;
  }
  if (!sound(other) || attach(table, other) < 0)
    return -1;
  came = copy(table);
  if (table_exec(table, "DETACH other", "detach the other") < 0)
    return -1;
  if (came >= 0)
    log_info("%ld trials of %s are new to table %s", came, other,
             table->path);
  return came;
}
