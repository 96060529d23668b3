/* SPDX-License-Identifier: Apache-2.0 */
/* Bounded lines: see lines.h. */
#include "lines.h"
#include <string.h>

static void
append(struct lines *lines, const char *data, size_t size)
{
  size_t room = lines->limit - lines->used;

  if (size > room) {
    lines->longer = 1;
    size = room;
  }
  memcpy(lines->data + lines->used, data, size);
  lines->used += size;
}

int
lines_feed(struct lines *lines, const char *data, size_t size,
           int (*fn)(void *arg, char *line, size_t length, int longer),
           void *arg)
{
  while (size > 0) {
    const char *end = memchr(data, '\n', size);
    size_t take = end ? (size_t)(end - data) : size, length;
    int longer, status;

    append(lines, data, take);
    if (end == NULL)
      return 0;
    data += take + 1;
    size -= take + 1;
    length = lines->used;
    longer = lines->longer;
    lines->data[length] = '\0';
    lines->used = 0;
    lines->longer = 0;
    if ((status = fn(arg, lines->data, length, longer)) != 0)
      return status;
  }
  return 0;
}
