/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What diagnose() of a backend finds: lines "STATE TOPIC TEXT" as the plugin
 * interface has them, with the Debian package of what is absent.
 */
#ifndef COMMON_FINDINGS_H
#define COMMON_FINDINGS_H
#include <chanas/plugin.h>

struct finding {
  const struct chanas_host *host;
  struct chanas_text *out;
  const char *topic;   /* one word */
  const char *absent;  /* the state of what is not there: note or missing */
  const char *package; /* that brings it */
  const char *use;     /* what it is for, behind the name: "compiles ..." */
};

/* 1 if a program of that name is in PATH (or at that path), 0 if not. */
int finding_program(const struct finding *, const char *name);
/* 1 if a shared library of that name can be loaded, 0 if not. */
int finding_library(const struct finding *, const char *name);
/* One line of any kind. */
void finding_say(const struct finding *, const char *state, const char *fmt,
                 ...) __attribute__((format(printf, 3, 4)));
#endif
