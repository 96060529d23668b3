/* SPDX-License-Identifier: Apache-2.0 */
/* Looking for programs and libraries without running them. */
#include "findings.h"
#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void
finding_say(const struct finding *f, const char *state, const char *fmt, ...)
{
  char text[400];
  va_list list;

  va_start(list, fmt);
  vsnprintf(text, sizeof text, fmt, list);
  va_end(list);
  f->host->print(f->out, "%s %s %s\n", state, f->topic, text);
}

static int
there(const struct finding *f, const char *where)
{
  finding_say(f, "ok", "%s %s", where, f->use);
  return 1;
}

static int
not_there(const struct finding *f, const char *name)
{
  finding_say(f, f->absent, "no %s, which %s (Debian: apt install %s)", name,
              f->use, f->package);
  return 0;
}

int
finding_program(const struct finding *f, const char *name)
{
  const char *path = getenv("PATH"), *at = path ? path : "/usr/bin:/bin";
  char file[4096];

  if (strchr(name, '/'))
    return access(name, X_OK) ? not_there(f, name) : there(f, name);
  while (*at) {
    int n = (int)strcspn(at, ":");
    snprintf(file, sizeof file, "%.*s/%s", n, at, name);
    if (n && access(file, X_OK) == 0)
      return there(f, file);
    at += n + (at[n] == ':');
  }
  return not_there(f, name);
}

int
finding_library(const struct finding *f, const char *name)
{
  void *handle = dlopen(name, RTLD_LAZY | RTLD_LOCAL);

  if (!handle)
    return not_there(f, name);
  dlclose(handle);
  return there(f, name);
}
