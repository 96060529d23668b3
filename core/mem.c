/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that never fails: see mem.h. */
#include "mem.h"
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "log.h"

static void
exhausted(size_t count, size_t size)
{
  log_error("out of memory (%zu x %zu bytes); what was acknowledged is safe in"
            " the table", count, size);
  exit(1);
}

void *
mem_alloc(size_t count, size_t size)
{
  void *p = calloc(count ? count : 1, size ? size : 1);

  if (p == NULL)
    exhausted(count, size);
  return p;
}

void *
mem_grow(void *old, size_t count, size_t size)
{
  void *p;

  if (count == 0)
    count = 1;
  if (size && count > SIZE_MAX / size)
    exhausted(count, size);
  p = realloc(old, count * size);
  if (p == NULL)
    exhausted(count, size);
  return p;
}

char *
mem_string(const char *text)
{
  size_t n = strlen(text) + 1;

  return memcpy(mem_alloc(n, 1), text, n);
}

char *
mem_print(const char *fmt, ...)
{
  va_list list;
  char *text;
  int n;

  va_start(list, fmt);
  n = vsnprintf(NULL, 0, fmt, list);
  va_end(list);
  text = mem_alloc((size_t)n + 1, 1);
  va_start(list, fmt);
  vsnprintf(text, (size_t)n + 1, fmt, list);
  va_end(list);
  return text;
}
