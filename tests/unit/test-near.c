/* SPDX-License-Identifier: Apache-2.0 */
/* "Did you mean" finds the near name and no far one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "near.h"

static const char *const names[] = { "seed", "evaluations", "batch", "a",
                                     "objectives", NULL };

static const struct { const char *typed, *meant; } cases[] = {
  { "seed", "seed" }, { "sed", "seed" }, { "sede", "seed" },
  { "SEED", "seed" }, { "evalutions", "evaluations" },
  { "evaluation", "evaluations" }, { "abtch", "batch" },
  { "objective", "objectives" }, { "xyzzy", NULL }, { "b", NULL },
  { "", NULL },
  { "evaluationsevaluationsevaluationsevaluationsevaluationsevaluations",
    NULL },
};

static void
test_near(void **state)
{
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const char *found = near_name(cases[i].typed, names);
    if (!cases[i].meant)
      assert_null(found);
    else
      assert_string_equal(found, cases[i].meant);
  }
  assert_null(near_name("seed", NULL));
}

int
main(void)
{
  const struct CMUnitTest tests[] = { cmocka_unit_test(test_near) };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
