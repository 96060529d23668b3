/* SPDX-License-Identifier: Apache-2.0 */
/* Messages on stderr.  A line is written by one call, so lines never mix. */
#include "log.h"
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include "progress.h"

enum chanas_level log_level = CHANAS_INFO;

static const char *const level_names[] = { "error", "warn", "info", "debug" };

int
log_parse_level(const char *name, enum chanas_level *level)
{
  for (int i = 0; i < 4; i++)
    if (strcmp(name, level_names[i]) == 0) {
      *level = (enum chanas_level)i;
      return 0;
    }
  return -1;
}

void
log_vmessage(const char *who, enum chanas_level level, const char *fmt,
             va_list list)
{
  static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
  char line[2000];
  const char *kind = level == CHANAS_ERROR ? "error: " :
                     level == CHANAS_WARN ? "warning: " :
                     level == CHANAS_DEBUG ? "debug: " : "";

  if (level > log_level)
    return;
  vsnprintf(line, sizeof line, fmt, list);
  pthread_mutex_lock(&lock);
  progress_clear();
  fprintf(stderr, "chanas: %s%s%s%s\n", who ? who : "", who ? ": " : "", kind,
          line);
  pthread_mutex_unlock(&lock);
}

void
log_message(const char *who, enum chanas_level level, const char *fmt, ...)
{
  va_list list;

  va_start(list, fmt);
  log_vmessage(who, level, fmt, list);
  va_end(list);
}
