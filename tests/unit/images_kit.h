/* SPDX-License-Identifier: Apache-2.0 */
/* Data sets in a folder of their own under /tmp, and the messages that
 * reading them gave.  Part of the test that includes it. */
#ifndef TESTS_IMAGES_KIT_H
#define TESTS_IMAGES_KIT_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include <pthread.h>
#include <zlib.h>
#include "plugins/common/images.h"

static char kit_folder[] = "/tmp/chanas-images-XXXXXX";
static char kit_said[1 << 20]; /* every message, one a line */
static pthread_mutex_t kit_lock = PTHREAD_MUTEX_INITIALIZER;

static void __attribute__((format(printf, 3, 4)))
kit_log(void *ctx, enum chanas_level level, const char *fmt, ...)
{
  size_t size;
  va_list list;

  (void)ctx;
  (void)level;
  pthread_mutex_lock(&kit_lock);
  size = strlen(kit_said);
  va_start(list, fmt);
  vsnprintf(kit_said + size, sizeof kit_said - size - 1, fmt, list);
  va_end(list);
  strcat(kit_said, "\n");
  pthread_mutex_unlock(&kit_lock);
}

static int
kit_begin(void **state)
{
  (void)state;
  return mkdtemp(kit_folder) == NULL ? -1 : 0;
}

/* rm -r of what lies in the folder; the folder too, at the end. */
static void
kit_clear(int all)
{
  char command[128];

  snprintf(command, sizeof command, "rm -rf %s%s", kit_folder,
           all ? "" : "/*");
  assert_int_equal(system(command), 0);
}

static int
kit_end(void **state)
{
  (void)state;
  kit_clear(1);
  return 0;
}

static const char *
kit_path(const char *name)
{
  static char path[512];

  snprintf(path, sizeof path, "%s/%s", kit_folder, name);
  return path;
}

/* Gzipped if the name says so. */
static void
kit_put(const char *name, const void *data, size_t size)
{
  const char *path = kit_path(name), *dot = strrchr(name, '.');

  if (dot && strcmp(dot, ".gz") == 0) {
    gzFile gz = gzopen(path, "wb");
    assert_non_null(gz);
    assert_int_equal(gzwrite(gz, data, (unsigned)size), (int)size);
    assert_int_equal(gzclose(gz), Z_OK);
  } else {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
  }
}

static inline size_t
kit_size(const char *name)
{
  struct stat st;

  assert_int_equal(stat(kit_path(name), &st), 0);
  return (size_t)st.st_size;
}

static inline struct images_config
kit_config(void)
{
  return (struct images_config){ .path = kit_folder, .log = kit_log,
    .normalised = 1, .std = { 1, 1, 1 }, .threads = 3 };
}

/* Refused, and the message names this. */
static inline void
kit_refused(const struct images_config *config, const char *said)
{
  *kit_said = '\0';
  assert_null(images_open(config));
  if (strstr(kit_said, said) == NULL)
    fail_msg("'%s' is not in: %s", said, kit_said);
}
#endif
