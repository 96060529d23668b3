/* SPDX-License-Identifier: Apache-2.0 */
/* The policies tried for one workload.  best and preset always index rows
 * whose outcome is measured, or are -1. */
#include "schedule.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "mem.h"
#include "rng.h"

void
schedule_init(struct schedule *s, const struct chanas_workload *workload)
{
  *s = (struct schedule){ .workload = workload, .best = -1, .preset = -1,
                          .before = INFINITY };
}

void
schedule_free(struct schedule *s)
{
  for (size_t i = 0; i < s->count; i++) {
    free(s->tried[i].policy);
    free(s->tried[i].row);
  }
  free(s->tried);
  *s = (struct schedule){ .best = -1, .preset = -1 };
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

static void
choose_best(struct schedule *s)
{
  s->best = -1;
  for (size_t i = 0; i < s->count; i++)
    if (s->tried[i].outcome == CHANAS_MEASURED &&
        (s->best < 0 || s->tried[i].latency < s->tried[s->best].latency))
      s->best = (long)i;
}

/* A policy that fails once is not trusted again, whatever it measured. */
void
schedule_add(struct schedule *s, const struct table_trial *trial,
             double reference_control)
{
  size_t known = s->count;
  double before = schedule_latency(s), scale = 1;
  struct tried *tried = find_or_append(s, trial);

  s->trials++;
  if (trial->outcome != CHANAS_MEASURED) {
    tried->outcome = trial->outcome;
    s->failed++;
  } else {
    if (reference_control > 0 && trial->control > 0)
      scale = reference_control / trial->control;
    tried->row = mem_grow(tried->row, tried->rows + 1, sizeof *tried->row);
    tried->row[tried->rows++] = trial->latency * scale;
    tried->latency = median(tried->row, tried->rows);
  }
  if (tried->preset && tried->outcome == CHANAS_MEASURED)
    s->preset = (long)(tried - s->tried);
  choose_best(s);
  if (schedule_latency(s) < 0.99 * before) {
    s->before = before;
    s->since_gain = 0;
  } else if (s->count > known)
    s->since_gain++;
}

double
schedule_latency(const struct schedule *s)
{
  return s->best < 0 ? INFINITY : s->tried[s->best].latency;
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
