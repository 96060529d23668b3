/* SPDX-License-Identifier: Apache-2.0 */
/* The Gaussian process: interpolates, knows what it does not know, shares
 * rows within a group only. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "costmodel.h"
#include "rng.h"

static double
truth(const double x[2])
{
  return 0.3 * x[0] - 0.2 * x[1] + 0.1 * x[0] * x[1];
}

static void
fill(struct costmodel *m, uint64_t group, size_t owner, int n)
{
  struct rng rng = rng_seed(group);

  for (int i = 0; i < n; i++) {
    double x[2] = { 4 * rng_real(&rng), 4 * rng_real(&rng) };
    costmodel_add(m, group, owner, 2, x, truth(x));
  }
}

static void
test_predicts(void **state)
{
  struct costmodel *m = costmodel_new();
  struct rng rng = rng_seed(99);
  double worst = 0;

  (void)state;
  fill(m, 1, 0, 60);
  assert_int_equal(costmodel_fit(m, 1, 0), 0);
  for (int i = 0; i < 20; i++) {
    double x[2] = { 0.5 + 3 * rng_real(&rng), 0.5 + 3 * rng_real(&rng) };
    double mean, sd;
    costmodel_predict(m, x, &mean, &sd);
    worst = fmax(worst, fabs(mean - truth(x)));
    assert_true(sd >= 0);
  }
  assert_true(worst < 0.1);
  costmodel_free(m);
}

static void
test_uncertain_far_away(void **state)
{
  struct costmodel *m = costmodel_new();
  double near[2] = { 2, 2 }, far[2] = { 60, -60 }, mean, sd_near, sd_far;

  (void)state;
  fill(m, 1, 0, 40);
  assert_int_equal(costmodel_fit(m, 1, 0), 0);
  costmodel_predict(m, near, &mean, &sd_near);
  costmodel_predict(m, far, &mean, &sd_far);
  assert_true(sd_far > 3 * sd_near);
  costmodel_free(m);
}

static void
test_groups_do_not_mix(void **state)
{
  struct costmodel *m = costmodel_new();

  (void)state;
  fill(m, 1, 0, 40);
  assert_int_equal(costmodel_fit(m, 2, 0), -1);
  assert_int_equal(costmodel_fit(m, 1, 7), 0); /* shared with a new block */
  costmodel_free(m);
}

static void
test_expected_gain(void **state)
{
  (void)state;
  assert_true(costmodel_gain(1, 1e-6, 0) < 1e-9);
  assert_true(fabs(costmodel_gain(0, 1e-6, 1) - 1) < 1e-3);
  assert_true(costmodel_gain(0, 2, 0) > costmodel_gain(0, 1, 0));
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_predicts),
    cmocka_unit_test(test_uncertain_far_away),
    cmocka_unit_test(test_groups_do_not_mix),
    cmocka_unit_test(test_expected_gain),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
