/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table as a file: made whole in a temporary file and linked into place,
 * and looked at without writing before anything else touches it.  So a file
 * that is not ours, is of a newer chanas or is damaged stays as it was.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>
#include "file.h"
#include "log.h"
#include "mem.h"
#include "table_impl.h"
#include "text.h"

/* The text is compared with what a file holds, so a change of a single
 * character is a change of the schema. */
const char *const table_schema[] = {
  "CREATE TABLE target (id INTEGER PRIMARY KEY, device TEXT NOT NULL,"
  " description TEXT NOT NULL, backend TEXT NOT NULL, version TEXT NOT NULL,"
  " compiler TEXT NOT NULL, threads INTEGER NOT NULL,"
  " UNIQUE (device, backend, version, compiler, threads))",
  "CREATE TABLE workload (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE)",
  "CREATE TABLE run (id INTEGER PRIMARY KEY, config TEXT NOT NULL,"
  " watermark INTEGER NOT NULL, created INTEGER NOT NULL)",
  "CREATE TABLE trial (id INTEGER PRIMARY KEY AUTOINCREMENT,"
  " target INTEGER NOT NULL REFERENCES target,"
  " workload INTEGER NOT NULL REFERENCES workload,"
  " run INTEGER REFERENCES run, policy TEXT NOT NULL,"
  " outcome INTEGER NOT NULL CHECK (outcome BETWEEN 0 AND 8),"
  " latency REAL, ci REAL, control REAL, preset INTEGER NOT NULL,"
  " detail TEXT NOT NULL, created INTEGER NOT NULL,"
  " CHECK ((outcome = 0) = (latency IS NOT NULL)), CHECK (latency > 0))",
  "CREATE INDEX trial_target ON trial (target)",
  "CREATE INDEX trial_workload ON trial (target, workload)",
  "CREATE TABLE network (id INTEGER PRIMARY KEY,"
  " target INTEGER NOT NULL REFERENCES target,"
  " run INTEGER REFERENCES run, family TEXT NOT NULL, code TEXT NOT NULL,"
  " schedule TEXT NOT NULL, predicted REAL NOT NULL,"
  " outcome INTEGER NOT NULL CHECK (outcome BETWEEN 0 AND 8),"
  " latency REAL, ci REAL, control REAL, created INTEGER NOT NULL,"
  " CHECK ((outcome = 0) = (latency IS NOT NULL)), CHECK (latency > 0))",
  "CREATE INDEX network_family ON network (target, family)",
  "CREATE TABLE store (owner TEXT NOT NULL, key TEXT NOT NULL,"
  " value BLOB NOT NULL, PRIMARY KEY (owner, key)) WITHOUT ROWID",
  NULL
};

/* ---- connections ---- */

static int
damaged(const char *path, const char *what)
{
  log_error("table %s: %s; it was left as it is", path, what);
  return TABLE_DAMAGED;
}

char *
table_uri(const char *path, const char *query)
{
  struct chanas_text out = { 0 };

  text_print(&out, "file:");
  for (const char *p = path; *p; p++)
    if (strchr("?#%", *p))
      text_print(&out, "%%%02X", (unsigned)(unsigned char)*p);
    else
      text_append(&out, p, 1);
  text_print(&out, "%s", query);
  return out.data;
}

static int
guard(sqlite3 *db)
{
  char pragmas[200];

  sqlite3_busy_timeout(db, TABLE_BUSY_MS);
  sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
  sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
  sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
  if (sqlite3_db_readonly(db, "main") == 1)
    sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
  snprintf(pragmas, sizeof pragmas,
           "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;"
           "PRAGMA mmap_size = 0; PRAGMA foreign_keys = ON;"
           "PRAGMA synchronous = FULL");
  return sqlite3_exec(db, pragmas, NULL, NULL, NULL);
}

/* A table in a folder that cannot be written has no place for its -shm
 * file; without a -wal file nothing can change it, so it may be read. */
static sqlite3 *
connect_immutable(const char *path)
{
  char *wal = mem_print("%s-wal", path);
  char *name = table_uri(path, "?immutable=1");
  sqlite3 *db = NULL;

  if (access(wal, F_OK) == 0 ||
      sqlite3_open_v2(name, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI,
                      NULL) != SQLITE_OK || guard(db) != SQLITE_OK) {
    sqlite3_close(db);
    db = NULL;
  }
  free(name);
  free(wal);
  return db;
}

/* SQLite opens lazily: reading the schema is what shows whether it can. */
static int
probe(sqlite3 *db)
{
  return sqlite3_exec(db, "SELECT count(*) FROM sqlite_schema", NULL, NULL,
                      NULL);
}

/* The exit code for what a connection says of its file; logged. */
static int
unreadable(const char *path, sqlite3 *db)
{
  int status = db ? sqlite3_errcode(db) : SQLITE_CANTOPEN;

  if (status == SQLITE_NOTADB)
    return damaged(path, "is no latency table (not an SQLite file)");
  if (status == SQLITE_CORRUPT)
    return damaged(path, "is damaged or cut off; restore it from a copy, or "
                   "save what is readable with 'sqlite3 FILE .recover'");
  log_error("table %s cannot be opened: %s; give a place that can be read and "
            "written with --table FILE", path,
            db ? sqlite3_errmsg(db) : "its folder is not writable, or a -wal "
            "file lies beside it that cannot be read");
  return TABLE_FAILED;
}

static int
open_db(const char *path, int read_only, sqlite3 **db)
{
  char *name = table_uri(path, "");
  int status, code, flags = SQLITE_OPEN_URI |
    (read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE);

  *db = NULL;
  status = sqlite3_open_v2(name, db, flags, NULL);
  free(name);
  if (status == SQLITE_OK)
    status = guard(*db);
  if (status == SQLITE_OK)
    status = probe(*db);
  if (read_only && (status == SQLITE_CANTOPEN || status == SQLITE_READONLY)) {
    sqlite3_close(*db);
    *db = connect_immutable(path);
    status = *db ? probe(*db) : status;
  }
  if (status == SQLITE_OK)
    return 0;
  code = unreadable(path, *db);
  sqlite3_close(*db);
  *db = NULL;
  return code;
}

sqlite3 *
table_connect(const char *path, int read_only)
{
  sqlite3 *db;

  return open_db(path, read_only, &db) == 0 ? db : NULL;
}

/* ---- making one ---- */

/* Folders of ours are for the user alone (XDG base directories). */
static int
make_folders(const char *path)
{
  char *folder = file_dirname(path);
  int status = 0;

  for (char *p = folder + 1; status == 0; p++) {
    char c = *p;
    if (c != '/' && c != '\0')
      continue;
    *p = '\0';
    if (mkdir(folder, 0700) < 0 && errno != EEXIST)
      status = -1;
    *p = c;
    if (c == '\0')
      break;
  }
  if (status < 0)
    log_error("table %s: cannot make its folder: %s", path, strerror(errno));
  free(folder);
  return status;
}

static int
fill(const char *path)
{
  sqlite3 *db = NULL;
  char sql[120];
  int status = sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL);

  if (status == SQLITE_OK)
    status = sqlite3_exec(db, "PRAGMA synchronous = FULL; BEGIN", NULL, NULL,
                          NULL);
  for (size_t i = 0; table_schema[i] && status == SQLITE_OK; i++)
    status = sqlite3_exec(db, table_schema[i], NULL, NULL, NULL);
  snprintf(sql, sizeof sql, "PRAGMA application_id = %d;"
           "PRAGMA user_version = %d; COMMIT; PRAGMA journal_mode = WAL",
           TABLE_APPLICATION_ID, TABLE_SCHEMA);
  if (status == SQLITE_OK)
    status = sqlite3_exec(db, sql, NULL, NULL, NULL);
  if (status != SQLITE_OK)
    log_error("table %s: cannot be made: %s", path, sqlite3_errmsg(db));
  if (sqlite3_close(db) != SQLITE_OK)
    status = SQLITE_ERROR;
  return status == SQLITE_OK ? 0 : -1;
}

/* Into place unless another process was first, which is as good. */
static int
place(const char *temporary, const char *path)
{
  if (link(temporary, path) == 0 || errno == EEXIST)
    return 0;
  if ((errno == EPERM || errno == ENOTSUP || errno == ENOSYS) &&
      (access(path, F_OK) == 0 || rename(temporary, path) == 0))
    return 0;
  log_error("table %s: cannot be made: %s", path, strerror(errno));
  return -1;
}

int
table_make(const char *path)
{
  char *temporary = mem_print("%s.XXXXXX", path);
  mode_t mask = umask(0);
  int fd, status = -1;

  umask(mask);
  if (make_folders(path) == 0) {
    fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0)
      log_error("table %s: cannot be made: %s; give a place that can be "
                "written with --table FILE", path, strerror(errno));
    else {
      fchmod(fd, 0666 & ~mask);
      close(fd);
      status = fill(temporary);
      if (status == 0)
        status = place(temporary, path);
      unlink(temporary);
    }
  }
  free(temporary);
  return status;
}

/* ---- looking at one ---- */

/* File systems whose locks SQLite's write-ahead log cannot rely on. */
static int
check_place(const char *path)
{
  static const struct { long type; const char *name; } remote[] = {
    { 0x6969, "NFS" }, { 0x517b, "SMB" }, { 0xff534d42, "CIFS" },
    { 0xfe534d42, "SMB2" }, { 0x5346414f, "AFS" }, { 0x73757245, "Coda" },
  };
  struct statfs place;

  if (statfs(path, &place) < 0)
    return 0;
  for (size_t i = 0; i < sizeof remote / sizeof *remote; i++)
    if ((uint32_t)place.f_type == (uint32_t)remote[i].type) {
      log_error("table %s lies on a network file system (%s), where its locks "
                "cannot be trusted; give --table FILE on a local disk", path,
                remote[i].name);
      return TABLE_FAILED;
    }
  return 0;
}

static int
newer(const char *path, long version)
{
  log_error("table %s has schema %ld, this chanas knows %d; use the newer "
            "chanas or give another --table FILE; it was left as it is", path,
            version, TABLE_SCHEMA);
  return TABLE_DAMAGED;
}

static int
is_ours(const char *sql)
{
  for (size_t i = 0; table_schema[i]; i++)
    if (strcmp(table_schema[i], sql) == 0)
      return 1;
  return 0;
}

/* Exactly our tables and indices: no trigger and no view may sneak in. */
static int
check_schema(sqlite3 *db)
{
  sqlite3_stmt *s;
  int good = 0, bad = 0, wanted = 0, status;

  while (table_schema[wanted])
    wanted++;
  if (sqlite3_prepare_v2(db, "SELECT sql FROM sqlite_schema WHERE sql IS NOT "
                         "NULL AND name NOT LIKE 'sqlite~_%' ESCAPE '~'", -1,
                         &s, NULL) != SQLITE_OK)
    return -1;
  while ((status = sqlite3_step(s)) == SQLITE_ROW) {
    if (is_ours((const char *)sqlite3_column_text(s, 0)))
      good++;
    else
      bad++;
  }
  sqlite3_finalize(s);
  return status == SQLITE_DONE && good == wanted && bad == 0 ? 0 : -1;
}

static int
pragma(sqlite3 *db, const char *sql, struct chanas_text *out)
{
  sqlite3_stmt *s;
  int status = sqlite3_prepare_v2(db, sql, -1, &s, NULL);

  if (status != SQLITE_OK)
    return -1;
  status = sqlite3_step(s);
  if (status == SQLITE_ROW)
    text_print(out, "%s", (const char *)sqlite3_column_text(s, 0));
  sqlite3_finalize(s);
  return status == SQLITE_ROW ? 0 : -1;
}

static int
pragma_number(sqlite3 *db, const char *sql, long *out)
{
  struct chanas_text text = { 0 };
  int status = pragma(db, sql, &text);

  *out = atol(text_string(&text));
  text_free(&text);
  return status;
}

static int
check_content(const char *path, sqlite3 *db)
{
  long version = 0, owner = 0;
  struct chanas_text quick = { 0 };
  int code = 0;

  if (pragma_number(db, "PRAGMA application_id", &owner) < 0 ||
      pragma_number(db, "PRAGMA user_version", &version) < 0)
    return unreadable(path, db);
  if (owner != TABLE_APPLICATION_ID)
    return damaged(path, "is an SQLite file of another program, not a latency "
                   "table");
  if (version > TABLE_SCHEMA)
    return newer(path, version);
  if (check_schema(db) < 0)
    return damaged(path, "has not the tables of a latency table; restore it "
                   "from a copy");
  if (pragma(db, "PRAGMA quick_check(1)", &quick) < 0)
    code = unreadable(path, db);
  else if (strcmp(text_string(&quick), "ok") != 0)
    code = damaged(path, "is damaged; restore it from a copy, or save what is "
                   "readable with 'sqlite3 FILE .recover'");
  text_free(&quick);
  return code;
}

int
table_check_file(const char *path)
{
  struct stat status;
  sqlite3 *db;
  int code;

  if (stat(path, &status) < 0) {
    log_error("table %s: %s", path, strerror(errno));
    return TABLE_FAILED;
  }
  if (!S_ISREG(status.st_mode))
    return damaged(path, "is no regular file");
  if (status.st_size == 0)
    return damaged(path, "the file is empty, so it is no latency table; "
                   "remove it and a new one is made");
  code = check_place(path);
  if (code == 0)
    code = open_db(path, 1, &db);
  if (code != 0)
    return code;
  code = check_content(path, db);
  sqlite3_close(db);
  return code;
}
