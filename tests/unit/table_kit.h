/* SPDX-License-Identifier: Apache-2.0 */
/* A scratch folder, made-up trials and files, for the tests of the table;
 * comes after cmocka.h. */
#ifndef TESTS_TABLE_KIT_H
#define TESTS_TABLE_KIT_H
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "file.h"
#include "mem.h"
#include "table.h"

#define KEY_A "f32/n1/i8x8x4/conv:k1,s1,p0,o8,relu6,b,x0"
#define KEY_B "f32/n1/i8x8x4/dw:k3,s1,p1,relu6,b,x0"

static char kit_folder[64];

static inline int
kit_setup(void **state)
{
  (void)state;
  strcpy(kit_folder, "/tmp/chanas-table-XXXXXX");
  return mkdtemp(kit_folder) ? 0 : -1;
}

static inline int
kit_teardown(void **state)
{
  char command[100];

  (void)state;
  snprintf(command, sizeof command, "rm -rf '%s'", kit_folder);
  return system(command);
}

/* A path in the scratch folder, which lives until the program's end. */
static inline const char *
kit_path(const char *name)
{
  static char paths[16][128];
  static int next;
  char *path = paths[next++ % 16];

  snprintf(path, 128, "%s/%s", kit_folder, name);
  return path;
}

static inline struct table *
kit_open(const char *path)
{
  int code;

  return table_open(path, 0, &code);
}

static inline int64_t
kit_target(struct table *table, int threads)
{
  const struct table_target target = { "00112233aabbccdd", "cores = 2\n",
                                       "p", "0.1", "cc 1", threads };

  return table_target(table, &target);
}

static inline struct table_trial
kit_trial(const char *workload, const char *policy, double latency)
{
  return (struct table_trial){
    .workload = workload, .policy = policy, .latency = latency,
    .outcome = latency > 0 ? CHANAS_MEASURED : CHANAS_CRASHED,
    .ci = latency / 100, .control = 1e-4, .detail = "",
  };
}

static inline void
kit_put(const char *path, const void *data, size_t size)
{
  FILE *file = fopen(path, "wb");

  assert_non_null(file);
  assert_int_equal(fwrite(data, 1, size, file), size);
  assert_int_equal(fclose(file), 0);
}

static inline void
kit_sql(const char *path, const char *text)
{
  sqlite3 *db;

  assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
  assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
  assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* A sound table with enough trials for several pages. */
static inline struct chanas_text
kit_sound(void)
{
  const char *path = kit_path("sound.db");
  struct table *table = kit_open(path);
  struct table_trial trial[200];
  struct chanas_text bytes = { 0 };

  for (int i = 0; i < 200; i++)
    trial[i] = kit_trial(i % 2 ? KEY_A : KEY_B, "x=1,y=22222222222", 1 + i);
  assert_int_equal(table_put(table, kit_target(table, 1), 200, trial), 0);
  table_close(table);
  assert_int_equal(file_read(path, 1 << 24, &bytes), 0);
  assert_true(bytes.size > 20000);
  return bytes;
}

#define TEST(name) \
  cmocka_unit_test_setup_teardown(name, kit_setup, kit_teardown)
#endif
