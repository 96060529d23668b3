/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Accuracy and latency: how much of the true front's hypervolume a search
 * finds, and how good the best point under a limit is.
 *
 * Two reference points: the worst accuracy and latency of the whole space,
 * as is customary, and a tight one: the median accuracy of the space and the
 * latency of its most accurate point.  The former flatters: most of its
 * volume belongs to any half-good front.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "contest.h"
#include "mem.h"
#include "pareto.h"

static const int sense[2] = { 1, -1 };

struct front {
  struct arena arena;
  struct contest contest;
  double reference[2][2], volume[2];
  char *member;    /* of the true front, per row */
  double optimum;  /* best accuracy under the limit */
};

static int
ascending(const void *a, const void *b)
{
  double p = *(const double *)a, q = *(const double *)b;

  return p < q ? -1 : p > q;
}

static void
references(const struct sheet *s, double wide[2], double tight[2])
{
  double *accuracy = mem_array(double, s->rows);
  size_t best = 0;

  wide[1] = -INFINITY;
  for (size_t i = 0; i < s->rows; i++) {
    const double *v = s->value + 2 * i;
    accuracy[i] = v[0];
    wide[1] = fmax(wide[1], v[1]);
    if (pareto_dominates(2, sense, v, s->value + 2 * best) ||
        v[0] > s->value[2 * best])
      best = i;
  }
  qsort(accuracy, s->rows, sizeof *accuracy, ascending);
  wide[0] = accuracy[0];
  tight[0] = accuracy[s->rows / 2];
  tight[1] = s->value[2 * best + 1];
  free(accuracy);
}

/* ---- two goals --------------------------------------------------------- */

static int
search_front(void *arg, uint64_t seed, double *out)
{
  const struct front *f = arg;
  size_t *row = mem_array(size_t, f->contest.budget);
  double *value = mem_array(double, 2 * f->contest.budget);
  long n = arena_search(&f->arena, &f->contest, seed, row);

  if (n < 1)
    return -1;
  out[2] = 0;
  for (size_t i = 0; i < (size_t)n; i++) {
    memcpy(value + 2 * i, f->arena.sheet->value + 2 * row[i],
           2 * sizeof *value);
    out[2] += f->member[row[i]];
  }
  for (size_t r = 0; r < 2; r++)
    out[r] = 100 / f->volume[r] *
             pareto_hypervolume(2, sense, (size_t)n, value, f->reference[r]);
  free(value);
  free(row);
  return 0;
}

static int
compete_front(struct front *f, uint64_t first, size_t seeds)
{
  double *out = mem_array(double, seeds * 3), start = seconds_now();
  int failed = each_seed(first, seeds, 3, search_front, f, out);
  struct moments m[3];

  for (size_t c = 0; c < 3; c++)
    m[c] = moments_of(out, seeds, 3, c);
  if (!failed)
    printf("%-14s %7.3f +- %5.3f  %7.3f   %7.3f +- %5.3f  %7.3f %8.1f "
           "%7.2f s\n", f->contest.strategy, m[0].mean, m[0].sd, m[0].least,
           m[1].mean, m[1].sd, m[1].least, m[2].mean, seconds_now() - start);
  fflush(stdout);
  free(out);
  return failed;
}

static void
prepare_front(struct front *f, const char *title, const struct options *o,
              size_t seeds)
{
  const struct sheet *s = f->arena.sheet;
  size_t members;

  f->member = mem_array(char, s->rows);
  members = pareto_front(2, sense, s->rows, s->value, f->member);
  references(s, f->reference[0], f->reference[1]);
  for (size_t r = 0; r < 2; r++)
    f->volume[r] = pareto_hypervolume(2, sense, s->rows, s->value,
                                      f->reference[r]);
  printf("%s: %zu of %zu points, batch %zu, %zu seeds from %llu; true front "
         "of %zu;\nhypervolume in %% of the true front's, mean +- sd, worst "
         "seed\n%-14s reference %.4g, %.4g    reference %.4g, %.4g      front"
         " points\n", title, f->contest.budget, s->rows, f->contest.batch,
         seeds, (unsigned long long)o->first, members, "", f->reference[0][0],
         f->reference[0][1], f->reference[1][0], f->reference[1][1]);
}

int
contest_front(const struct options *o, const struct sheet *sheet,
              const char *title)
{
  struct front f = { .arena = { .sheet = sheet, .goals = 2,
    .goal = { { "accuracy", 1, NAN }, { "latency", -1, NAN } },
    .column = { 0, 1 }, .limit = NAN } };
  size_t seeds = o->seeds ? o->seeds : 100;
  int failed = 0;

  for (size_t i = 0; !failed && options_contest(o, i, 500, 16, &f.contest);
       i++) {
    if (i == 0)
      prepare_front(&f, title, o, seeds);
    failed = compete_front(&f, o->first, seeds);
  }
  free(f.member);
  return failed;
}

/* ---- one goal under a limit -------------------------------------------- */

static double
best_within(const struct front *f, const size_t *row, size_t n)
{
  const double *value = f->arena.sheet->value;
  double best = -INFINITY;

  for (size_t i = 0; i < n; i++) {
    const double *v = value + 2 * (row ? row[i] : i);
    if (v[1] <= f->arena.limit)
      best = fmax(best, v[0]);
  }
  return best;
}

static int
search_limit(void *arg, uint64_t seed, double *out)
{
  const struct front *f = arg;
  size_t *row = mem_array(size_t, f->contest.budget);
  long n = arena_search(&f->arena, &f->contest, seed, row);

  if (n < 1)
    return -1;
  out[0] = f->optimum - best_within(f, row, (size_t)n);
  out[1] = out[0] == 0;
  free(row);
  return 0;
}

static int
compete_limit(struct front *f, uint64_t first, size_t seeds)
{
  double *out = mem_array(double, seeds * 2), start = seconds_now();
  int failed = each_seed(first, seeds, 2, search_limit, f, out);
  struct moments m = moments_of(out, seeds, 2, 0);
  double worst = 0;

  for (size_t i = 0; i < seeds; i++)
    worst = fmax(worst, out[2 * i]);
  if (!failed)
    printf("  %-12s %6.4f +- %6.4f   %6.4f %8.0f %% %7.2f s\n",
           f->contest.strategy, m.mean, m.sd, worst,
           100 * moments_of(out, seeds, 2, 1).mean, seconds_now() - start);
  fflush(stdout);
  free(out);
  return failed;
}

int
contest_limit(const struct options *o, const struct sheet *sheet,
              const char *title)
{
  struct front f = { .arena = { .sheet = sheet, .goals = 1,
    .goal = { { "accuracy", 1, NAN } } } };
  size_t seeds = o->seeds ? o->seeds : 100;
  double wide[2], tight[2];
  int failed = 0;

  references(sheet, wide, tight);
  for (int l = 1; !failed && l <= 3; l++) {
    f.arena.limit = wide[1] * (0.2 * l + 0.1);
    f.optimum = best_within(&f, NULL, sheet->rows);
    for (size_t i = 0; !failed && options_contest(o, i, 500, 16, &f.contest);
         i++) {
      if (i == 0)
        printf("%s: best accuracy under %.4g: %.4f; %zu points, batch %zu, %zu"
               " seeds from %llu\n  %-12s below it: mean +- sd, worst; found "
               "exactly\n", title, f.arena.limit, f.optimum, f.contest.budget,
               f.contest.batch, seeds, (unsigned long long)o->first, "");
      failed = compete_limit(&f, o->first, seeds);
    }
  }
  return failed;
}
