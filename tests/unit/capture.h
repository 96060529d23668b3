/* SPDX-License-Identifier: Apache-2.0 */
/* What a piece of code writes to stderr, for tests of messages. */
#ifndef TESTS_CAPTURE_H
#define TESTS_CAPTURE_H
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct capture {
  FILE *file;
  int saved;
  char text[8192]; /* valid after capture_end */
};

static inline void
capture_begin(struct capture *c)
{
  fflush(stderr);
  c->file = tmpfile();
  c->saved = dup(STDERR_FILENO);
  dup2(fileno(c->file), STDERR_FILENO);
}

static inline const char *
capture_end(struct capture *c)
{
  size_t n;

  fflush(stderr);
  dup2(c->saved, STDERR_FILENO);
  close(c->saved);
  rewind(c->file);
  n = fread(c->text, 1, sizeof c->text - 1, c->file);
  c->text[n] = '\0';
  fclose(c->file);
  return c->text;
}
#endif
