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
 * A batch during which another process had the core is taken again, up to a
 * limit.  What such a process takes only adds, so where there are too few
 * batches without, the shortest of the others stand in for them.  Batches are
 * short, so that there are some without on a machine that has other work.
 *
 * What the interval does not hold is the drift of the machine from one process
 * to the next: for that there is the control's median.
 */
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "mem.h"
#include "proc.h"
#include "runner.h"

#define MAX_REPEAT (1u << 24)
#define MIN_ROUNDS 3
#define FEW_ROUNDS 5
#define WARM_UPS 20
#define SHARE 0.5 /* of the deadline that timing may use */
#define FAR 1.08  /* times the best latency, after two rounds */
#define NEAR 1.0  /* after three */
#define TRIES 3   /* times the rounds, where others take the core */

/* One batch and the pass of the control kernel behind it. */
struct sample {
  double batch, pass; /* seconds, the batch per run of the kernel */
  int spoiled;        /* another process had the core for a while */
};

void
bench_pin(const struct job *j)
{
  cpu_set_t set;
  int cpu = j->cpu > 0 ? j->cpu - 1 : sched_getcpu();
  if (j->threads != 1 || cpu < 0 || cpu >= CPU_SETSIZE)
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
warm_up_one(struct bench *b, unsigned *repeat, double *batch,
            struct answer *a)
{
  double goal = b->job->round, spent = 0;
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

/* Parts of many copies are as long as a batch should be.  Each is run once:
 * as loading left them they take up to 5 % more or less. */
static int
warm_up(struct bench *b, unsigned *repeat, double *batch, struct answer *a)
{
  *repeat = 1;
  if (b->parts < 2) {
    cold_turn(b, 0);
    return warm_up_one(b, repeat, batch, a);
  }
  for (size_t i = 0; i < b->parts; i++) {
    cold_turn(b, i);
    if (bench_run(b, 1, batch, a))
      return -1;
  }
  return 0;
}

/* The faster of two passes: the first finds the core as the batch left it. */
static int
control(struct bench *b, double *seconds, struct answer *a)
{
  double first = 0;
  *seconds = 0;
  if (!CHANAS_HAS(b->backend, control))
    return 0;
  if (!b->backend->control(b->host, &first) &&
      !b->backend->control(b->host, seconds) && first >= 0 && *seconds >= 0) {
    *seconds = fmin(*seconds, first);
    return 0;
  }
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
is_lost(const struct job *j, const struct sample *s, int n)
{
  double least = INFINITY;
  int good = 0;
  for (int i = 0; i < n; i++)
    if (!s[i].spoiled) {
      least = fmin(least, s[i].batch);
      good++;
    }
  return j->best > 0 && ((good >= 2 && least > FAR * j->best) ||
                         (good >= 3 && least > NEAR * j->best));
}

/* How often another process took the core away from one of our threads. */
static long
taken(void)
{
  struct rusage u;
  return getrusage(RUSAGE_SELF, &u) ? 0 : u.ru_nivcsw;
}

/* Batches that had the core to themselves, then the others, the shortest
 * first: what another process takes only adds. */
static int
better(const void *a, const void *b)
{
  const struct sample *x = a, *y = b;
  if (x->spoiled != y->spoiled)
    return x->spoiled - y->spoiled;
  return x->spoiled ? (x->batch > y->batch) - (x->batch < y->batch) : 0;
}

/* Those that are good, or, if these are too few, the best of all. */
static int
usable(struct sample *s, int all)
{
  int good = 0, least = all < MIN_ROUNDS ? all : MIN_ROUNDS;
  for (int i = 0; i < all; i++)
    good += !s[i].spoiled;
  qsort(s, (size_t)all, sizeof *s, better);
  return good > least ? good : least;
}

static void
summarise(struct sample *s, int all, struct answer *a)
{
  int n = usable(s, all), low = (int)floor((n - 1.96 * sqrt(n)) / 2);
  double *batch = mem_array(double, n), *pass = mem_array(double, n);
  low = low < 0 ? 0 : low;
  for (int i = 0; i < n; i++) {
    batch[i] = s[i].batch;
    pass[i] = s[i].pass;
  }
  a->latency = middle(batch, n);
  a->minimum = batch[0];
  a->ci = (batch[n - 1 - low] - batch[low]) / 2;
  a->control = middle(pass, n);
  free(batch);
  free(pass);
}

/* One batch and a pass of the control kernel. */
static int
sample(struct bench *b, unsigned repeat, struct sample *s, struct answer *a)
{
  long before = taken();
  if (bench_run(b, repeat, &s->batch, a) || control(b, &s->pass, a))
    return -1;
  s->batch /= (double)repeat * cold_copies(b);
  s->spoiled = taken() != before;
  return 0;
}

/* Until n batches are good; how many there are in all, -1 on failure. */
static int
sample_many(struct bench *b, unsigned repeat, int n, struct sample *s,
            struct answer *a)
{
  double limit = b->job->seconds > 0 ? SHARE * b->job->seconds : INFINITY;
  double start = proc_now();
  int done = 0, good = 0;
  while (good < n && done < n * TRIES && !is_lost(b->job, s, done) &&
         (done < n || proc_now() - start < limit)) {
    cold_turn(b, (size_t)done);
    if (sample(b, repeat, &s[done], a))
      return -1;
    good += !s[done++].spoiled;
  }
  return done;
}

int
bench_time(struct bench *b, struct answer *a)
{
  unsigned repeat;
  double once, pass;
  bench_pin(b->job);
  double start = proc_now();
  if (warm_up(b, &repeat, &once, a) || control(b, &pass, a))
    return -1;
  int n = fit_rounds(b->job, once + pass);
  struct sample *s = mem_array(struct sample, n * TRIES);
  int done = sample_many(b, repeat, n, s, a), bad = done < 0;
  if (!bad)
    summarise(s, done, a);
  /* A clock that stands still, or runs ahead of ours, times nothing. */
  if (!bad && (!(a->latency > 0) || once > proc_now() - start)) {
    a->outcome = CHANAS_INVALID;
    snprintf(a->detail, sizeof a->detail, "the backend's clock gave %g s",
             a->latency);
    bad = 1;
  }
  free(s);
  return bad ? -1 : 0;
}
