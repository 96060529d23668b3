/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NAS-Bench-201 (Dong and Yang 2020): a search queries the validation
 * accuracy on CIFAR-10 after 12 epochs; of the best point by it, the test
 * accuracies after 200 epochs are reported.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "contest.h"
#include "mem.h"

#define QUERIES 107 /* 12,000 s of training at 12 epochs */
#define SEEDS 500
static const char *const columns[] = {
  "e12_c10_valid", "e200_c10_test", "e200_c100_test", "e200_in16_test",
};

struct topology {
  struct arena arena;
  struct contest contest;
};

static int
search(void *arg, uint64_t seed, double *out)
{
  const struct topology *t = arg;
  const struct sheet *s = t->arena.sheet;
  size_t *row = mem_array(size_t, t->contest.budget), best;
  long n = arena_search(&t->arena, &t->contest, seed, row);

  if (n < 1)
    return -1;
  best = row[0];
  for (long i = 1; i < n; i++)
    if (s->value[row[i] * 4] > s->value[best * 4])
      best = row[i];
  for (size_t c = 0; c < 3; c++)
    out[c] = s->value[best * 4 + c + 1];
  free(row);
  return 0;
}

static int
by_valid(const void *a, const void *b)
{
  const double *p = *(const double *const *)a, *q = *(const double *const *)b;

  return p[0] < q[0] ? -1 : p[0] > q[0];
}

/* Mean and sd of the best of `draws` rows without repetition.  The chance
 * that none of the draws is among the upper n - i rows is C(i, draws) /
 * C(n, draws); rows of equal validation accuracy are equally likely. */
static void
exact_random(const struct sheet *s, size_t draws, size_t column,
             struct moments *m)
{
  const double **row = mem_array(const double *, s->rows);
  double below = 0, square = 0;

  for (size_t i = 0; i < s->rows; i++)
    row[i] = s->value + i * s->columns;
  qsort(row, s->rows, sizeof *row, by_valid);
  *m = (struct moments){ 0 };
  for (size_t i = 0, j; i < s->rows; i = j) {
    double upto = 0, chance;
    for (j = i; j < s->rows && row[j][0] == row[i][0]; j++)
      ;
    if (j >= draws)
      upto = exp(lgamma((double)j + 1) - lgamma((double)(j - draws) + 1) -
                 lgamma((double)s->rows + 1) +
                 lgamma((double)(s->rows - draws) + 1));
    chance = (upto - below) / (double)(j - i);
    for (size_t k = i; k < j; k++) {
      m->mean += chance * row[k][column];
      square += chance * row[k][column] * row[k][column];
    }
    below = upto;
  }
  m->sd = sqrt(square - m->mean * m->mean);
  free(row);
}

static void
print_row(const char *name, const struct moments m[3], double seconds)
{
  printf("%-14s", name);
  for (size_t c = 0; c < 3; c++)
    printf(" %7.3f +- %5.3f (%.3f)", m[c].mean, m[c].sd, m[c].error);
  if (seconds > 0)
    printf(" %6.2f s", seconds);
  printf("\n");
  fflush(stdout);
}

static int
compete(struct topology *t, uint64_t first, size_t seeds)
{
  double *out = mem_array(double, seeds * 3), start = seconds_now();
  struct moments m[3];
  int failed = each_seed(first, seeds, 3, search, t, out);

  for (size_t c = 0; c < 3; c++)
    m[c] = moments_of(out, seeds, 3, c);
  if (!failed)
    print_row(t->contest.strategy, m, seconds_now() - start);
  free(out);
  return failed;
}

int
contest_topology(const struct options *o)
{
  char *path = data_path("nb201_accuracy.csv.gz");
  struct sheet *sheet = path ? sheet_read(path, "ops", 4, columns) : NULL;
  struct topology t = { .arena = { .sheet = sheet, .goals = 1,
    .goal = { { "accuracy", 1, NAN } }, .limit = NAN } };
  size_t seeds = o->seeds ? o->seeds : SEEDS;
  struct moments m[3];
  int failed = sheet == NULL;

  free(path);
  for (size_t i = 0; !failed && options_contest(o, i, QUERIES, 1, &t.contest);
       i++) {
    if (i == 0) {
      printf("NAS-Bench-201: %zu queries of 12-epoch validation, batch %zu, "
             "%zu seeds from %llu;\n200-epoch test accuracy, mean +- sd "
             "(standard error of the mean)\n%-14s %-25s %-25s %s\n",
             t.contest.budget, t.contest.batch, seeds,
             (unsigned long long)o->first, "", "CIFAR-10", "CIFAR-100",
             "ImageNet16-120");
      for (size_t c = 0; c < 3; c++)
        exact_random(sheet, t.contest.budget, c + 1, &m[c]);
      print_row("random, exact", m, 0);
    }
    failed = compete(&t, o->first, seeds);
  }
  sheet_free(sheet);
  return failed;
}
