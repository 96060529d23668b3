/* SPDX-License-Identifier: Apache-2.0 */
/* The policies known for one workload: best, default, normalisation, rest. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "schedule.h"

static const struct chanas_workload workload = { .key = "w" };

static void
add(struct schedule *s, const char *policy, double latency, double control,
    enum chanas_outcome outcome, int preset)
{
  struct table_trial trial = { .policy = policy, .latency = latency,
                               .control = control, .outcome = outcome,
                               .preset = preset, .detail = "" };

  schedule_add(s, &trial, 1.0);
}

static void
test_best_and_default(void **state)
{
  struct schedule s;

  (void)state;
  schedule_init(&s, &workload);
  assert_true(isinf(schedule_latency(&s)));
  add(&s, "a=1", 4.0, 1.0, CHANAS_MEASURED, 1);
  add(&s, "a=2", 2.0, 1.0, CHANAS_MEASURED, 0);
  add(&s, "a=3", 1.0, 1.0, CHANAS_WRONG, 0);
  assert_true(schedule_latency(&s) == 2.0);
  assert_true(schedule_default(&s) == 4.0);
  assert_int_equal(s.failed, 1);
  assert_int_equal(schedule_find(&s, "a=2"), 1);
  assert_int_equal(schedule_find(&s, "a=9"), -1);
  schedule_free(&s);
}

/* A slow moment of the machine is seen by the control kernel as well. */
static void
test_normalised_by_control(void **state)
{
  struct schedule s;

  (void)state;
  schedule_init(&s, &workload);
  add(&s, "a=1", 3.0, 1.0, CHANAS_MEASURED, 1);
  add(&s, "a=2", 4.0, 2.0, CHANAS_MEASURED, 0);
  assert_true(schedule_latency(&s) == 2.0);
  schedule_free(&s);
}

static void
test_median_of_rows_and_distrust(void **state)
{
  struct schedule s;

  (void)state;
  schedule_init(&s, &workload);
  add(&s, "a=1", 5.0, 1.0, CHANAS_MEASURED, 1);
  add(&s, "a=2", 1.0, 1.0, CHANAS_MEASURED, 0);
  add(&s, "a=2", 3.0, 1.0, CHANAS_MEASURED, 0);
  assert_true(schedule_latency(&s) == 3.0); /* the first has had its say */
  add(&s, "a=2", 4.0, 1.0, CHANAS_MEASURED, 0);
  assert_true(schedule_latency(&s) == 3.5);
  add(&s, "a=2", 0, 0, CHANAS_WRONG, 0);
  assert_true(schedule_latency(&s) == 5.0); /* never wins by being wrong */
  schedule_free(&s);
}

/* What was measured once only leads, but is not the best. */
static void
test_confirmed_before_lucky(void **state)
{
  struct schedule s;

  (void)state;
  schedule_init(&s, &workload);
  add(&s, "a=1", 5.0, 1.0, CHANAS_MEASURED, 1);
  add(&s, "a=2", 3.0, 1.0, CHANAS_MEASURED, 0);
  assert_int_equal(s.best, 1);
  add(&s, "a=1", 5.0, 1.0, CHANAS_MEASURED, 1);
  assert_int_equal(s.best, 0);
  assert_int_equal(s.lead, 1);
  assert_true(schedule_lead(&s) == 3.0 && schedule_latency(&s) == 5.0);
  add(&s, "a=2", 4.0, 1.0, CHANAS_MEASURED, 0);
  assert_int_equal(s.best, 1);
  assert_true(schedule_latency(&s) == 4.0);
  schedule_free(&s);
}

/* A tie goes to the default, else to what was tried first; what is slower by
 * more than the noise loses. */
static void
test_ties(void **state)
{
  static const double off[] = { 0, -0.01, 0.01, -0.02, 0.02 };
  struct schedule s;

  (void)state;
  schedule_init(&s, &workload);
  for (int r = 0; r < 5; r++) {
    add(&s, "a=1", 1.10 + off[r], 1.0, CHANAS_MEASURED, 0);
    add(&s, "a=2", 1.01 + off[r], 1.0, CHANAS_MEASURED, 0);
    add(&s, "a=3", 1.00 + off[r], 1.0, CHANAS_MEASURED, 0);
  }
  assert_true(s.noise > 0.01 && s.noise < 0.04);
  assert_int_equal(s.best, 1);
  add(&s, "a=0", 1.02, 1.0, CHANAS_MEASURED, 1);
  assert_int_equal(s.best, 1);
  add(&s, "a=0", 1.02, 1.0, CHANAS_MEASURED, 1);
  assert_int_equal(s.best, 3);
  assert_true(schedule_ties(&s, 3, 2) && !schedule_ties(&s, 0, 2));
  add(&s, "a=0", 0, 0, CHANAS_CRASHED, 1);
  assert_int_equal(s.best, 1);
  assert_int_equal(s.preset, -1);
  schedule_free(&s);
}

static void
test_top_is_sorted(void **state)
{
  static const double latency[] = { 5, 3, 4, 1, 2 };
  struct schedule s;
  size_t top[5];

  (void)state;
  schedule_init(&s, &workload);
  for (int i = 0; i < 5; i++) {
    char policy[8] = { 'a', '=', (char)('0' + i), 0 };
    add(&s, policy, latency[i], 1.0, CHANAS_MEASURED, 0);
  }
  assert_int_equal(schedule_top(&s, 3, top), 3);
  assert_int_equal(top[0], 3);
  assert_int_equal(top[1], 4);
  assert_int_equal(top[2], 1);
  assert_int_equal(schedule_top(&s, 9, (size_t[9]){ 0 }), 5);
  schedule_free(&s);
}

static void
test_since_gain(void **state)
{
  struct schedule s;

  (void)state;
  schedule_init(&s, &workload);
  add(&s, "a=1", 5.0, 1.0, CHANAS_MEASURED, 1);
  assert_int_equal(s.since_gain, 0);
  add(&s, "a=2", 6.0, 1.0, CHANAS_MEASURED, 0);
  add(&s, "a=3", 4.99, 1.0, CHANAS_MEASURED, 0); /* under 1 %: no gain */
  assert_int_equal(s.since_gain, 2);
  add(&s, "a=4", 3.0, 1.0, CHANAS_MEASURED, 0);
  assert_int_equal(s.since_gain, 0);
  schedule_free(&s);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_best_and_default),
    cmocka_unit_test(test_normalised_by_control),
    cmocka_unit_test(test_median_of_rows_and_distrust),
    cmocka_unit_test(test_confirmed_before_lucky),
    cmocka_unit_test(test_ties),
    cmocka_unit_test(test_top_is_sorted),
    cmocka_unit_test(test_since_gain),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
