/* SPDX-License-Identifier: Apache-2.0 */
/* The policies tried for one workload.  best, lead and preset always index
 * policies whose outcome is measured, or are -1. */
#include "schedule.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "mem.h"
#include "rng.h"

#define TIE 0.01      /* what is less is nothing, however often it is seen */
#define NOISE 0.015   /* of a row, until there are rows enough to tell */
#define TELLING 6     /* steps between rows */
#define CERTAIN 2.0   /* standard errors of a difference */
#define OF_MEDIAN 1.2533 /* its standard error over that of a mean */
#define OF_STEP 1.0484 /* a standard deviation over a median step, if normal */

void
schedule_init(struct schedule *s, const struct chanas_workload *workload)
{
  *s = (struct schedule){ .workload = workload, .best = -1, .preset = -1,
                          .lead = -1, .noise = NOISE };
}

void
schedule_free(struct schedule *s)
{
  for (size_t i = 0; i < s->count; i++) {
    free(s->tried[i].policy);
    free(s->tried[i].row);
  }
  free(s->tried);
  *s = (struct schedule){ .best = -1, .preset = -1, .lead = -1 };
}

long
schedule_find(const struct schedule *s, const char *policy)
{
  uint64_t hash = hash_string(policy);

  for (size_t i = 0; i < s->count; i++)
    if (s->tried[i].hash == hash && strcmp(s->tried[i].policy, policy) == 0)
      return (long)i;
  return -1;
}

static int
ascending(const void *a, const void *b)
{
  double x = *(const double *)a, y = *(const double *)b;

  return (x > y) - (x < y);
}

static double
median(const double *value, size_t n)
{
  double *copy = mem_array(double, n), m;

  memcpy(copy, value, n * sizeof *value);
  qsort(copy, n, sizeof *copy, ascending);
  m = n % 2 ? copy[n / 2] : (copy[n / 2 - 1] + copy[n / 2]) / 2;
  free(copy);
  return m;
}

static struct tried *
find_or_append(struct schedule *s, const struct table_trial *trial)
{
  long at = schedule_find(s, trial->policy);

  if (at >= 0)
    return &s->tried[at];
  if (s->count == s->room) {
    s->room = s->room ? 2 * s->room : 16;
    s->tried = mem_grow(s->tried, s->room, sizeof *s->tried);
  }
  s->tried[s->count] = (struct tried){
    .policy = mem_string(trial->policy),
    .hash = hash_string(trial->policy),
    .outcome = trial->outcome,
    .preset = trial->preset,
  };
  return &s->tried[s->count++];
}

int
schedule_confirmed(const struct schedule *s, size_t i)
{
  return s->tried[i].outcome == CHANAS_MEASURED && s->tried[i].rows > 1;
}

static double
estimate(const struct tried *tried)
{
  return tried->rows > 1 ? median(tried->row + 1, tried->rows - 1)
                         : tried->row[0];
}

/* From the steps between a policy's rows, which are right however few these
 * are and whatever drifts slowly (von Neumann, Annals of Mathematical
 * Statistics 12, 1941); their median, since some rows are far off. */
static void
learn_noise(struct schedule *s)
{
  double *step = NULL;
  size_t n = 0;

  for (size_t i = 0; i < s->count; i++) {
    const struct tried *tried = &s->tried[i];
    if (!schedule_confirmed(s, i))
      continue;
    step = mem_grow(step, n + tried->rows, sizeof *step);
    for (size_t r = 2; r < tried->rows; r++)
      step[n++] = fabs(tried->row[r] - tried->row[r - 1]) / tried->latency;
  }
  if (n >= TELLING)
    s->noise = OF_STEP * median(step, n);
  free(step);
}

int
schedule_ties(const struct schedule *s, size_t slow, size_t fast)
{
  const struct tried *a = &s->tried[slow], *b = &s->tried[fast];
  double rows = 1 / ((double)a->rows - 1) + 1 / ((double)b->rows - 1);
  double margin = CERTAIN * OF_MEDIAN * s->noise * sqrt(rows);

  return a->latency < b->latency * (1 + fmax(margin, TIE));
}

/* The fastest, of the confirmed ones alone if there are such. */
static long
fastest(const struct schedule *s, int confirmed)
{
  long at = -1;

  for (size_t i = 0; i < s->count; i++)
    if (s->tried[i].outcome == CHANAS_MEASURED &&
        (!confirmed || schedule_confirmed(s, i)) &&
        (at < 0 || s->tried[i].latency < s->tried[at].latency))
      at = (long)i;
  return at;
}

static int
is_as_good(const struct schedule *s, long i, long top)
{
  return i >= 0 && top >= 0 && schedule_confirmed(s, (size_t)i) &&
         schedule_ties(s, (size_t)i, (size_t)top);
}

static void
choose_best(struct schedule *s)
{
  long top = fastest(s, 1), first = 0;

  s->lead = fastest(s, 0);
  while (first < top && !is_as_good(s, first, top))
    first++;
  s->best = top < 0 ? s->lead : is_as_good(s, s->preset, top) ? s->preset
                                                              : first;
}

/* A policy that fails once is not trusted again, whatever it measured. */
void
schedule_add(struct schedule *s, const struct table_trial *trial,
             double reference_control)
{
  size_t known = s->count;
  double before = schedule_lead(s), scale = 1;
  struct tried *tried = find_or_append(s, trial);

  if (trial->outcome != CHANAS_MEASURED) {
    tried->outcome = trial->outcome;
    s->failed++;
  } else {
    if (reference_control > 0 && trial->control > 0)
      scale = reference_control / trial->control;
    tried->row = mem_grow(tried->row, tried->rows + 1, sizeof *tried->row);
    tried->row[tried->rows++] = trial->latency * scale;
    tried->latency = estimate(tried);
    learn_noise(s);
  }
  if (tried->preset && tried->outcome == CHANAS_MEASURED)
    s->preset = (long)(tried - s->tried);
  else if (s->preset == (long)(tried - s->tried))
    s->preset = -1;
  choose_best(s);
  if (schedule_lead(s) < 0.99 * before)
    s->since_gain = 0;
  else if (s->count > known)
    s->since_gain++;
}

double
schedule_latency(const struct schedule *s)
{
  return s->best < 0 ? INFINITY : s->tried[s->best].latency;
}

double
schedule_lead(const struct schedule *s)
{
  return s->lead < 0 ? INFINITY : s->tried[s->lead].latency;
}

double
schedule_default(const struct schedule *s)
{
  return s->preset < 0 ? INFINITY : s->tried[s->preset].latency;
}

size_t
schedule_top(const struct schedule *s, size_t k, size_t index[])
{
  size_t n = 0;

  for (size_t i = 0; i < s->count; i++) {
    size_t at = n;
    if (s->tried[i].outcome != CHANAS_MEASURED)
      continue;
    while (at > 0 &&
           s->tried[index[at - 1]].latency > s->tried[i].latency)
      at--;
    if (at >= k)
      continue;
    if (n < k)
      n++;
    memmove(&index[at + 1], &index[at], (n - at - 1) * sizeof *index);
    index[at] = i;
  }
  return n;
}
