/* SPDX-License-Identifier: Apache-2.0 */
/* The correction finds a law that is there, and does not invent one. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "correction.h"

static void
test_empty_is_identity(void **state)
{
  const struct correction_input in = { 3.0, 7, 1 };
  struct correction c;

  (void)state;
  correction_init(&c);
  correction_fit(&c);
  assert_true(correction_apply(&c, in) == 3.0);
  assert_true(isnan(correction_error(&c)));
  correction_free(&c);
}

static void
test_finds_scale_and_offset(void **state)
{
  struct correction c;

  (void)state;
  correction_init(&c);
  for (int i = 1; i <= 40; i++) {
    struct correction_input in = { 1e-3 * i, 5 + i % 7,
                                   1e6 * (1 + i * i % 11) };
    correction_add(&c, in, 1.2 * in.sum + 2e-4 * in.blocks +
                           1e-10 * in.params, 0);
  }
  correction_fit(&c);
  assert_true(fabs(c.term[0] - 1.2) < 0.02);
  assert_true(fabs(c.term[1] - 2e-4) < 2e-5);
  assert_true(fabs(c.term[2] - 1e-10) < 2e-11);
  assert_true(correction_error(&c) < 0.01);
  assert_true(correction_raw_error(&c) > 0.15);
  correction_free(&c);
}

static void
test_bad_samples_are_ignored(void **state)
{
  struct correction c;

  (void)state;
  correction_init(&c);
  correction_add(&c, (struct correction_input){ INFINITY, 3, 1 }, 1, 0);
  correction_add(&c, (struct correction_input){ 1, 3, 1 }, NAN, 0);
  correction_add(&c, (struct correction_input){ 0, 3, 1 }, 1, 0);
  assert_int_equal(c.count, 0);
  correction_add(&c, (struct correction_input){ 2, 3, 1 }, 1, 0);
  correction_add(&c, (struct correction_input){ 2, 3, 1 }, 1, 0);
  assert_int_equal(c.count, 1);
  correction_free(&c);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_empty_is_identity),
    cmocka_unit_test(test_finds_scale_and_offset),
    cmocka_unit_test(test_bad_samples_are_ignored),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
