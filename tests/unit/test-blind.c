/* SPDX-License-Identifier: Apache-2.0 */
/* What a schedule-blind search would have picked, on a hand-made archive. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "blind.h"

/* Network 0 has few MACs but runs badly; 1 has more MACs and runs well. */
static struct entry networks[] = {
  { .accuracy = 90, .macs = 10, .latency = 4, .fixed = 5 },
  { .accuracy = 90, .macs = 12, .latency = 2, .fixed = 6 },
  { .accuracy = 95, .macs = 20, .latency = 8, .fixed = 8 },
  { .accuracy = 99, .macs = 1, .latency = 1, .fixed = 1,
    .outcome = CHANAS_INVALID },
};

static const struct archive archive = { .count = 4, .entry = networks };

static void
test_blind_by_macs_pays(void **state)
{
  const size_t front[] = { 2, 1 };
  struct blind b = blind_compare(&archive, front, 2, BLIND_MACS);

  (void)state;
  assert_int_equal(b.picks, 2);
  assert_int_equal(b.worse, 1);
  assert_true(b.most == 2.0);
  assert_int_equal(b.ours, 1);
  assert_int_equal(b.theirs, 0);
  assert_true(fabs(b.mean - sqrt(2.0)) < 1e-12);
}

static void
test_default_schedules_mislead_too(void **state)
{
  const size_t front[] = { 1 };
  struct blind b = blind_compare(&archive, front, 1, BLIND_DEFAULT);

  (void)state;
  assert_int_equal(b.theirs, 0);
  assert_true(b.mean == 2.0);
}

static void
test_empty_front(void **state)
{
  struct blind b = blind_compare(&archive, NULL, 0, BLIND_MACS);

  (void)state;
  assert_int_equal(b.picks, 0);
  assert_true(isnan(b.mean));
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_blind_by_macs_pays),
    cmocka_unit_test(test_default_schedules_mislead_too),
    cmocka_unit_test(test_empty_front),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
