/* SPDX-License-Identifier: Apache-2.0 */
/* The table for people: an overview, and every trial as CSV (RFC 4180). */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "file.h"
#include "log.h"
#include "outcome.h"
#include "table_impl.h"
#include "text.h"

/* What the target's figures are: "measured", or what its description says
 * instead, such as "emulated". */
#define KIND                                                                  \
  "(SELECT iif(at, substr(text, at + 5, instr(substr(text, at + 5),"          \
  " char(10)) - 1), 'measured') FROM (SELECT g.description || char(10)"       \
  " AS text, instr(char(10) || g.description, char(10) || 'kind=') AS at))"   \
  " AS kind"

static const char list_sql[] =
  "SELECT t.target, g.device, g.backend || ' ' || g.version, g.compiler,"
  " g.threads, w.key, count(*), sum(t.outcome <> 0), " KIND
  " FROM trial t JOIN target g ON g.id = t.target"
  " JOIN workload w ON w.id = t.workload"
  " GROUP BY t.target, t.workload ORDER BY t.target, w.key";

static const char export_sql[] =
  "SELECT t.id, t.created, g.device, g.backend, g.version, g.compiler,"
  " g.threads, w.key, t.policy, t.outcome AS outcome, t.latency, t.ci,"
  " t.control, t.preset, t.detail, " KIND
  " FROM trial t JOIN target g ON g.id = t.target"
  " JOIN workload w ON w.id = t.workload ORDER BY t.id";

static const char export_head[] =
  "id,created_ms,device,backend,version,compiler,threads,workload,policy,"
  "outcome,latency_s,ci_s,control_s,default,detail,kind\n";

int
table_list(struct table *table,
           int (*fn)(void *, const struct table_entry *), void *arg)
{
  sqlite3_stmt *s;
  int status;

  if (sqlite3_prepare_v2(table->db, list_sql, -1, &s, NULL) != SQLITE_OK)
    return table_fail(table, "list");
  while ((status = sqlite3_step(s)) == SQLITE_ROW) {
    struct table_entry entry = {
      .target = sqlite3_column_int64(s, 0), .device = table_string(s, 1),
      .backend = table_string(s, 2), .compiler = table_string(s, 3),
      .threads = sqlite3_column_int(s, 4), .workload = table_string(s, 5),
      .trials = sqlite3_column_int64(s, 6),
      .failed = sqlite3_column_int64(s, 7), .kind = table_string(s, 8) };
    if (fn(arg, &entry) != 0)
      break;
  }
  if (status != SQLITE_ROW && status != SQLITE_DONE)
    table_fail(table, "list");
  sqlite3_finalize(s);
  return status == SQLITE_ROW || status == SQLITE_DONE ? 0 : -1;
}

static void
csv_text(struct chanas_text *out, const char *text)
{
  if (text[strcspn(text, ",\"\r\n")] == '\0') {
    text_append(out, text, strlen(text));
    return;
  }
  text_append(out, "\"", 1);
  for (; *text; text++) {
    if (*text == '"')
      text_append(out, "\"", 1);
    text_append(out, text, 1);
  }
  text_append(out, "\"", 1);
}

static void
csv_row(struct chanas_text *out, sqlite3_stmt *s)
{
  int n = sqlite3_column_count(s);

  for (int i = 0; i < n; i++) {
    double real;
    if (i > 0)
      text_append(out, ",", 1);
    if (strcmp(sqlite3_column_name(s, i), "outcome") == 0)
      csv_text(out, outcome_name(
        (enum chanas_outcome)sqlite3_column_int(s, i)));
    else if (sqlite3_column_type(s, i) == SQLITE_INTEGER)
      text_print(out, "%" PRId64, (int64_t)sqlite3_column_int64(s, i));
    else if (sqlite3_column_type(s, i) == SQLITE_FLOAT) {
      real = sqlite3_column_double(s, i);
      text_print(out, "%.17g", real);
    } else
      csv_text(out, table_string(s, i));
  }
  text_append(out, "\n", 1);
}

static int
to_stdout(const struct chanas_text *text)
{
  if (fwrite(text->data, 1, text->size, stdout) == text->size &&
      fflush(stdout) == 0)
    return 0;
  log_error("cannot write to the standard output: %s", strerror(errno));
  return -1;
}

int
table_export_csv(struct table *table, const char *path)
{
  struct chanas_text out = { 0 };
  sqlite3_stmt *s;
  int status;

  if (sqlite3_prepare_v2(table->db, export_sql, -1, &s, NULL) != SQLITE_OK)
    return table_fail(table, "export");
  text_append(&out, export_head, strlen(export_head));
  while ((status = sqlite3_step(s)) == SQLITE_ROW)
    csv_row(&out, s);
  if (status != SQLITE_DONE)
    table_fail(table, "export");
  sqlite3_finalize(s);
  if (status != SQLITE_DONE)
    status = -1;
  else if (strcmp(path, "-") == 0)
    status = to_stdout(&out);
  else
    status = file_write(path, out.data, out.size);
  text_free(&out);
  return status;
}
