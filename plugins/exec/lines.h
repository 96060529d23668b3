/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes of a pipe cut into lines, in bounded memory.
 */
#ifndef PLUGINS_EXEC_LINES_H
#define PLUGINS_EXEC_LINES_H
#include <stddef.h>

struct lines {
  char *data;   /* limit + 1 bytes, owned by the caller */
  size_t limit, used;
  int longer;   /* the current line did not fit; the rest is dropped */
};

/* Each whole line goes to fn, terminated, without its newline; `longer` says
 * that it was cut at the limit.  Stops at the first nonzero of fn and returns
 * it. */
int lines_feed(struct lines *, const char *data, size_t size,
               int (*fn)(void *arg, char *line, size_t length, int longer),
               void *arg);
#endif
