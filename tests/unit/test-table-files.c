/* SPDX-License-Identifier: Apache-2.0 */
/* Files that are no sound table of this schema are refused with exit code 5
 * and stay byte for byte as they were. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <sys/wait.h>
#include "capture.h"
#include "rng.h"
#include "table_kit.h"

static void
refused(const char *path, int wanted, const char *what)
{
  struct chanas_text before = { 0 }, after = { 0 };
  struct capture c;
  int code = 0;

  assert_int_equal(file_read(path, 1 << 24, &before), 0);
  for (int read_only = 0; read_only < 2; read_only++) {
    struct table *table;
    capture_begin(&c);
    table = table_open(path, read_only, &code);
    capture_end(&c);
    assert_null(table);
    assert_int_equal(code, wanted);
    if (!strstr(c.text, what) || !strstr(c.text, path))
      fail_msg("no '%s' in: %s", what, c.text);
  }
  assert_int_equal(file_read(path, 1 << 24, &after), 0);
  assert_int_equal(before.size, after.size);
  assert_memory_equal(before.data, after.data, before.size);
  text_free(&before);
  text_free(&after);
}

static void
test_refused(void **state)
{
  struct chanas_text bytes = kit_sound();
  const char *path = kit_path("t.db");

  (void)state;
  kit_put(path, "", 0);
  refused(path, 5, "the file is empty");
  kit_put(path, "hello, hello, hello, hello", 26);
  refused(path, 5, "not an SQLite file");
  unlink(path);
  kit_sql(path, "CREATE TABLE t (x)");
  refused(path, 5, "of another program");
  kit_put(path, bytes.data, bytes.size);
  kit_sql(path, "PRAGMA user_version = 2");
  refused(path, 5, "schema 2, this chanas knows 1");
  kit_put(path, bytes.data, bytes.size);
  kit_sql(path, "PRAGMA application_id = 7");
  refused(path, 5, "of another program");
  kit_put(path, bytes.data, bytes.size);
  kit_sql(path, "CREATE TRIGGER evil AFTER INSERT ON trial BEGIN"
          " DELETE FROM trial; END");
  refused(path, 5, "has not the tables");
  kit_put(path, bytes.data, bytes.size);
  kit_sql(path, "DROP INDEX trial_workload");
  refused(path, 5, "has not the tables");
  kit_put(path, bytes.data, bytes.size - 4096);
  refused(path, 5, "damaged");
  kit_put(path, bytes.data, 700);
  refused(path, 5, "damaged");
  memset(bytes.data + bytes.size - 4096, 0xff, 64); /* a page's header */
  kit_put(path, bytes.data, bytes.size);
  refused(path, 5, "damaged");
  text_free(&bytes);
}

/* Newer by what the write-ahead log says, before any checkpoint. */
static void
test_newer_in_log(void **state)
{
  struct chanas_text bytes = kit_sound();
  const char *path = kit_path("t.db");
  int status;

  (void)state;
  kit_put(path, bytes.data, bytes.size);
  if (fork() == 0) {
    sqlite3 *db;
    sqlite3_open(path, &db);
    sqlite3_exec(db, "PRAGMA user_version = 2", NULL, NULL, NULL);
    _exit(0); /* without closing: the change stays in the log */
  }
  wait(&status);
  assert_int_equal(access(kit_path("t.db-wal"), F_OK), 0);
  refused(path, 5, "schema 2");
  text_free(&bytes);
}

/* Damage anywhere: refused, or of no consequence; never a crash, and a
 * refused file stays as it is. */
static void
test_flipped(void **state)
{
  struct chanas_text bytes = kit_sound();
  struct rng rng = rng_seed(1);
  const char *path = kit_path("t.db");
  int refusals = 0;

  (void)state;
  for (int i = 0; i < 150; i++) {
    size_t at = rng_below(&rng, bytes.size / 256) * 256 +
      rng_below(&rng, 16);
    struct chanas_text after = { 0 };
    struct capture c;
    struct table *table;
    char old = bytes.data[at];
    int code;
    bytes.data[at] ^= (char)(1 + rng_below(&rng, 255));
    kit_put(path, bytes.data, bytes.size);
    capture_begin(&c);
    table = table_open(path, 1, &code);
    if (table)
      table_verify(table);
    capture_end(&c);
    if (table == NULL) {
      refusals++;
      assert_int_equal(code, 5);
      assert_int_equal(file_read(path, 1 << 24, &after), 0);
      assert_int_equal(after.size, bytes.size);
      assert_memory_equal(after.data, bytes.data, bytes.size);
      text_free(&after);
    }
    table_close(table);
    bytes.data[at] = old;
  }
  assert_true(refusals > 5);
  text_free(&bytes);
}

static void
test_unwritable(void **state)
{
  struct capture c;
  int code;

  (void)state;
  capture_begin(&c);
  assert_null(table_open("/proc/nowhere/t.db", 0, &code));
  capture_end(&c);
  assert_int_equal(code, 1);
  assert_non_null(strstr(c.text, "/proc/nowhere/t.db: cannot make its folder"));
  kit_put(kit_path("plain"), "x", 1);
  capture_begin(&c);
  assert_null(table_open(kit_path("plain/t.db"), 0, &code));
  capture_end(&c);
  assert_int_equal(code, 1);
  assert_non_null(strstr(c.text, "Not a directory"));
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    TEST(test_refused),
    TEST(test_newer_in_log),
    TEST(test_flipped),
    TEST(test_unwritable),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
