/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starting one child: exec'd at once or forked, own process group, limits
 * set, nothing inherited but descriptors 0 to 2.  For proc.c alone.
 */
#ifndef CORE_PROC_SPAWN_H
#define CORE_PROC_SPAWN_H
#include "proc.h"

struct spawn {
  const struct chanas_args *args; /* NULL: fork, and call body(arg) */
  int (*body)(void *arg);
  void *arg;
  const char *const *env;    /* may be NULL */
  const struct proc_limits *limits;
  const char *mark;          /* appended to CHANAS_JOB after a colon (exec) */
  int in, out, err;          /* become 0, 1, 2; err < 0: ours */
};

int spawn(const struct spawn *); /* its pid, or -1 with errno */
/* A pipe with both ends above 2 and close-on-exec; -1 with errno. */
int spawn_pipe(int end[2]);
#endif
