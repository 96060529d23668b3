/* SPDX-License-Identifier: Apache-2.0 */
/* Knobs, activity, canonical points, text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>
#include "log.h"
#include "space.h"

/* depth 1..2; two slots of 3 kernels, the second only at depth 2. */
static struct chanas_space *
slots(void)
{
  struct chanas_space *s = space_new();
  long depth = space_add(s, "depth", 2, (int64_t[]){ 1, 2 }, NULL);

  space_add(s, "k1", 3, (int64_t[]){ 3, 5, 7 }, NULL);
  long k2 = space_add(s, "k2", 3, (int64_t[]){ 3, 5, 7 },
                      (const char *[]){ "three", "five", "seven" });
  assert_int_equal(space_depend(s, (size_t)k2, (size_t)depth, 2), 0);
  return s;
}

static void
test_size_counts_canonical_points(void **state)
{
  struct chanas_space *s = slots();

  (void)state;
  assert_true(space_size(s) == 3 + 9);
  space_free(s);
}

static void
test_canonical_form(void **state)
{
  struct chanas_space *s = slots();
  int32_t a[] = { 0, 1, 2 }, b[] = { 0, 1, 0 };

  (void)state;
  assert_false(space_active(s, a, 2));
  assert_true(space_hash(s, a) == space_hash(s, b));
  space_canon(s, a);
  assert_memory_equal(a, b, sizeof a);
  space_free(s);
}

static void
test_text_round_trip(void **state)
{
  struct chanas_space *s = slots();
  struct chanas_text text = { 0 };
  int32_t a[] = { 1, 2, 1 }, b[3];

  (void)state;
  space_print(s, a, &text);
  assert_string_equal(text.data, "depth=2,k1=7,k2=five");
  assert_int_equal(space_parse(s, text.data, b), 0);
  assert_memory_equal(a, b, sizeof a);
  assert_int_equal(space_parse(s, "depth=2,k1=7", b), -1);
  assert_int_equal(space_parse(s, "depth=2,k1=7,k2=six", b), -1);
  assert_int_equal(space_parse(s, "depth=2,k1=7,k2=five,x=1", b), -1);
  assert_int_equal(space_parse(s, "depth=2,k1=7,k2=fivefold", b), -1);
  text_free(&text);
  space_free(s);
}

static void
test_bad_knobs_are_refused(void **state)
{
  struct chanas_space *s = slots();

  (void)state;
  log_level = (enum chanas_level)-1;
  assert_int_equal(space_add(s, "k1", 1, (int64_t[]){ 1 }, NULL), -1);
  assert_int_equal(space_add(s, "a b", 1, (int64_t[]){ 1 }, NULL), -1);
  assert_int_equal(space_add(s, "none", 0, NULL, NULL), -1);
  assert_int_equal(space_depend(s, 0, 1, 1), -1);
  log_level = CHANAS_INFO;
  space_free(s);
}

static void
test_streams_split_by_name(void **state)
{
  struct rng seed = rng_seed(1), a = rng_split(&seed, "a");
  struct rng b = rng_split(&seed, "b"), again = rng_split(&seed, "a");

  (void)state;
  assert_true(rng_next(&a) == rng_next(&again));
  assert_true(rng_next(&a) != rng_next(&b));
  for (int i = 0; i < 1000; i++)
    assert_true(rng_below(&b, 7) < 7);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_size_counts_canonical_points),
    cmocka_unit_test(test_canonical_form),
    cmocka_unit_test(test_text_round_trip),
    cmocka_unit_test(test_bad_knobs_are_refused),
    cmocka_unit_test(test_streams_split_by_name),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
