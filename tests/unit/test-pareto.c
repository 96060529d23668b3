/* SPDX-License-Identifier: Apache-2.0 */
/* Fronts and hypervolumes against definitions applied by brute force. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "pareto.h"
#include "rng.h"

#define ROWS 40
#define SIDE 6 /* values are 0..SIDE-1, so there are many ties */

static void
fill(struct rng *rng, size_t n, double *value)
{
  for (size_t i = 0; i < n; i++)
    value[i] = (double)rng_below(rng, SIDE);
}

static void
test_dominates(void **state)
{
  const int sense[2] = { 1, -1 };
  const double a[2] = { 5, 1 }, b[2] = { 4, 1 }, c[2] = { 6, 2 };
  const double nan_row[2] = { NAN, 0 };

  (void)state;
  assert_true(pareto_dominates(2, sense, a, b));
  assert_false(pareto_dominates(2, sense, b, a));
  assert_false(pareto_dominates(2, sense, a, a));
  assert_false(pareto_dominates(2, sense, a, c));
  assert_false(pareto_dominates(2, sense, c, a));
  assert_false(pareto_dominates(2, sense, nan_row, b));
  assert_false(pareto_dominates(2, sense, b, nan_row));
}

static int
kept_by_definition(size_t goals, const int *sense, const double *value,
                   size_t i)
{
  for (size_t j = 0; j < ROWS; j++) {
    const double *other = value + j * goals;
    if (pareto_dominates(goals, sense, other, value + i * goals))
      return 0;
    if (j < i && !memcmp(other, value + i * goals, goals * sizeof *other))
      return 0;
  }
  return 1;
}

static void
test_front(void **state)
{
  const int sense[4] = { 1, -1, -1, 1 };
  struct rng rng = rng_seed(1);

  (void)state;
  for (int round = 0; round < 50; round++)
    for (size_t goals = 1; goals <= 4; goals++) {
      double value[ROWS * 4];
      char keep[ROWS];
      size_t kept = 0, n;
      fill(&rng, ROWS * goals, value);
      n = pareto_front(goals, sense, ROWS, value, keep);
      for (size_t i = 0; i < ROWS; i++) {
        assert_int_equal(keep[i], kept_by_definition(goals, sense, value, i));
        kept += keep[i] != 0;
      }
      assert_int_equal(n, kept);
    }
}

static void
test_front_nan(void **state)
{
  const int sense[2] = { 1, 1 };
  const double value[6] = { NAN, 9, 1, 2, 2, NAN };
  char keep[3];

  (void)state;
  assert_int_equal(pareto_front(2, sense, 3, value, keep), 1);
  assert_true(!keep[0] && keep[1] && !keep[2]);
  assert_int_equal(pareto_front(2, sense, 0, value, keep), 0);
}

static void
test_hypervolume_by_hand(void **state)
{
  const int sense[2] = { 1, -1 };
  const double reference[2] = { 0, 10 };
  /* (accuracy, latency): 3 x 8, and 5 x 4 of which 3 x 4 is shared; the
   * others are dominated or not better than the reference in both. */
  const double value[10] = { 3, 2, 5, 6, 2, 7, 9, 10, -1, 1 };

  (void)state;
  assert_float_equal(pareto_hypervolume(2, sense, 5, value, reference),
                     24 + 20 - 12, 1e-12);
  assert_float_equal(pareto_hypervolume(2, sense, 0, value, reference), 0, 0);
  assert_float_equal(pareto_hypervolume(1, sense, 5, value, reference), 6,
                     1e-12);
}

/* Unit cells of the grid whose worse corner some row reaches. */
static double
cells(size_t goals, const int *sense, const double *value,
      const double *reference)
{
  size_t total = 1, count = 0;

  for (size_t g = 0; g < goals; g++)
    total *= SIDE;
  for (size_t cell = 0; cell < total; cell++) {
    int covered = 0;
    for (size_t i = 0; i < ROWS && !covered; i++) {
      size_t rest = cell, g = 0;
      while (g < goals && sense[g] * (value[i * goals + g] - reference[g]) >=
                            (double)(rest % SIDE) + 1) {
        rest /= SIDE;
        g++;
      }
      covered = g == goals;
    }
    count += (size_t)covered;
  }
  return (double)count;
}

static void
test_hypervolume_on_grid(void **state)
{
  const int sense[4] = { 1, -1, 1, -1 };
  const double reference[4] = { 0, SIDE - 1, 1, SIDE - 2 };
  struct rng rng = rng_seed(2);

  (void)state;
  for (int round = 0; round < 20; round++)
    for (size_t goals = 1; goals <= 4; goals++) {
      double value[ROWS * 4];
      fill(&rng, ROWS * goals, value);
      assert_float_equal(
        pareto_hypervolume(goals, sense, ROWS, value, reference),
        cells(goals, sense, value, reference), 1e-9);
    }
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_dominates),
    cmocka_unit_test(test_front),
    cmocka_unit_test(test_front_nan),
    cmocka_unit_test(test_hypervolume_by_hand),
    cmocka_unit_test(test_hypervolume_on_grid),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
