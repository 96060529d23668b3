/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Timing.  After a warm-up, `rounds` batches of so many repeats that one takes
 * `round` seconds, each followed by a pass of the backend's control kernel.
 * Reported are the median of the batches and half the width of its 95 %
 * confidence interval by order statistics (binomial; Conover, Practical
 * Nonparametric Statistics, 3.2), which assumes no distribution; below six
 * batches that is the whole range and covers less.  Of a candidate that is
 * slower than the best known one there are fewer, two at least.
 *
 * What the interval does not hold is the drift of the machine from one process
 * to the next: for that there is the control's median.
 */
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include "mem.h"
#include "proc.h"
#include "runner.h"

#define MAX_REPEAT (1u << 24)
#define MIN_ROUNDS 3
#define FEW_ROUNDS 5
#define WARM_UPS 20
#define SHARE 0.5 /* of the deadline that timing may use */
#define FAR 1.12  /* times the best latency, after two rounds */
#define NEAR 1.03 /* after four */

void
bench_pin(void)
{
  cpu_set_t set;
  int cpu = sched_getcpu();
  if (cpu < 0)
    return;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  sched_setaffinity(0, sizeof set, &set);
}

static int
ascending(const void *a, const void *b)
{
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double
middle(double *v, int n)
{
  qsort(v, (size_t)n, sizeof *v, ascending);
  return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

/* Repeats of a batch of about `round` seconds, and the warm-up on the way. */
static int
warm_up(struct bench *b, unsigned *repeat, double *batch, struct answer *a)
{
  double goal = b->job->round, spent = 0;
  *repeat = 1;
  for (int i = 0; i < WARM_UPS; i++) {
    if (bench_run(b, *repeat, batch, a))
      return -1;
    spent += *batch;
    if (*batch >= goal * 0.8 && spent >= goal)
      break;
    double factor = *batch > 0 ? goal / *batch : 100;
    double next = ceil(*repeat * fmin(fmax(factor, 1), 100));
    *repeat = next > MAX_REPEAT ? MAX_REPEAT : (unsigned)next;
  }
  return 0;
}

static int
control(struct bench *b, double *seconds, struct answer *a)
{
  *seconds = 0;
  if (!CHANAS_HAS(b->backend, control))
    return 0;
  if (!b->backend->control(b->host, seconds) && *seconds >= 0)
    return 0;
  a->outcome = CHANAS_LOST;
  snprintf(a->detail, sizeof a->detail, "the control kernel failed");
  return -1;
}

/* As many rounds as asked for; fewer where one takes longer than it should, as
 * with many copies of a block, or where they would not fit the deadline. */
static int
fit_rounds(const struct job *j, double one)
{
  int rounds = j->rounds < MIN_ROUNDS ? MIN_ROUNDS : j->rounds;
  double enough = fmax(ceil(rounds * j->round / one), FEW_ROUNDS);
  rounds = enough < rounds ? (int)enough : rounds;
  if (j->seconds <= 0 || one * rounds <= j->seconds * SHARE)
    return rounds;
  int fit = (int)(j->seconds * SHARE / one);
  return fit < MIN_ROUNDS ? MIN_ROUNDS : fit;
}

/* Slower than the best that is known, beyond what more rounds could change. */
static int
is_lost(const struct job *j, const double *batch, int n)
{
  double least = INFINITY;
  for (int i = 0; i < n; i++)
    least = fmin(least, batch[i]);
  return j->best > 0 && ((n >= 2 && least > FAR * j->best) ||
                         (n >= 4 && least > NEAR * j->best));
}

static void
summarise(double *batch, double *pass, int n, struct answer *a)
{
  int low = (int)floor((n - 1.96 * sqrt(n)) / 2);
  low = low < 0 ? 0 : low;
  a->latency = middle(batch, n);
  a->minimum = batch[0];
  a->ci = (batch[n - 1 - low] - batch[low]) / 2;
  a->control = middle(pass, n);
}

int
bench_time(struct bench *b, struct answer *a)
{
  unsigned repeat;
  double once, pass;
  if (b->job->threads == 1)
    bench_pin();
  double start = proc_now();
  if (warm_up(b, &repeat, &once, a) || control(b, &pass, a))
    return -1;
  int n = fit_rounds(b->job, once + pass), bad = 0;
  double *batch = mem_array(double, n), *passes = mem_array(double, n);
  int done = 0;
  while (done < n && !bad && !is_lost(b->job, batch, done)) {
    bad = bench_run(b, repeat, &batch[done], a) ||
          control(b, &passes[done], a);
    batch[done++] /= (double)repeat * cold_copies(b);
  }
  if (!bad)
    summarise(batch, passes, done, a);
  /* A clock that stands still, or runs ahead of ours, times nothing. */
  if (!bad && (!(a->latency > 0) || once > proc_now() - start)) {
    a->outcome = CHANAS_INVALID;
    snprintf(a->detail, sizeof a->detail, "the backend's clock gave %g s",
             a->latency);
    bad = 1;
  }
  free(passes);
  free(batch);
  return bad ? -1 : 0;
}
