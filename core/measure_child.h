/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One job in one child process, exec'd or forked, and what becomes of it.
 * The searching side runs its local jobs so, a serving runner all of them.
 */
#ifndef CORE_MEASURE_CHILD_H
#define CORE_MEASURE_CHILD_H
#include "measure_job.h"

struct child {
  const struct chanas_args *command; /* reads the job; NULL: a fork */
  int (*body)(void *arg);            /* that is called in the fork */
  void *arg;
  double tick;                       /* as in struct proc_limits */
  int (*watch)(void *);
  void *watched;
};

/* Whatever the child does, it is ended in time and becomes an answer.  a has
 * room for job_answers(); returns how many are known, from the first on and
 * at least one.  What took the child down is the last of them.  Free each. */
size_t child_run(const struct child *, const struct job *, struct answer a[]);
#endif
