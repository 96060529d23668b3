/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Timing a program step by step.  A step timed so finds in the caches what the
 * steps before it left there, as it does in a network and not alone.
 */
#include <stdio.h>
#include <stdlib.h>

#include "mem.h"
#include "proc.h"
#include "runner.h"

#define LEAST 5   /* passes, whatever the deadline */
#define SHARE 0.5 /* of the deadline that they may use */

static int
ascending(const void *a, const void *b)
{
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static int
refuse(struct answer *a, enum chanas_outcome outcome, const char *why)
{
  a->outcome = outcome;
  snprintf(a->detail, sizeof a->detail, "%s", why);
  return -1;
}

/* seconds[step][pass]; how many passes there was time for, or -1. */
static int
passes(struct bench *b, int n, double *seconds, struct answer *a)
{
  size_t steps = b->program.steps;
  double *pass = mem_array(double, steps), start = proc_now();
  int done = 0, status = 0;
  while (done < n && !status &&
         (done < LEAST || b->job->seconds <= 0 ||
          proc_now() - start < SHARE * b->job->seconds)) {
    status = b->backend->profile(b->loaded, b->x.data, b->y.data, pass);
    for (size_t i = 0; i < steps; i++)
      seconds[i * (size_t)n + (size_t)done] = pass[i];
    done++;
  }
  free(pass);
  return status ? refuse(a, CHANAS_CRASHED, "the backend could not run it")
                : done;
}

int
bench_profile(struct bench *b, struct answer *a)
{
  size_t steps = b->program.steps, n = (size_t)b->job->profile;
  if (!CHANAS_HAS(b->backend, profile))
    return refuse(a, CHANAS_INVALID, "the backend times no single steps");
  bench_pin(b->job);
  n = n < LEAST ? LEAST : n;
  double *seconds = mem_array(double, steps * n);
  int done = passes(b, (int)n, seconds, a);
  for (size_t i = 0; done > 0 && i < steps; i++) {
    double *of = seconds + i * n;
    qsort(of, (size_t)done, sizeof *of, ascending);
    a->latency += of[done / 2];
    a->minimum += of[0];
    text_print(&a->description, "%.9g\n", of[done / 2]);
  }
  free(seconds);
  if (done > 0 && !(a->latency > 0))
    return refuse(a, CHANAS_INVALID, "the backend's clock gave no time");
  return done > 0 ? 0 : -1;
}
