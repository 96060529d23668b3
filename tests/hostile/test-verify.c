/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many candidates in one runner: each gets the outcome it would get alone,
 * and one that takes the process down costs only itself.  So do many that are
 * timed, of which each has a process.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bed.h"
#include "outcome.h"
#include "proc.h"

#define OTHER "f32/n1/i5x5x2/act:hsigmoid,x0/acc"
#define MANY 16

enum {
#define MISDEED(name, outcome, detail, before, in, after) DO_##name,
#include "misdeeds.h"
#undef MISDEED
};

static struct bed bed;
static struct chanas_workload *block, *other;

/* Candidates of one object: what they do, and of which block. */
struct many {
  size_t count;
  struct measure_candidate candidate[MANY];
  char symbol[MANY][8];
  struct build_unit unit;
  struct measure_result result[MANY];
};

static void
many_build(struct many *m, const int *misdeed, size_t n)
{
  struct chanas_text all = {0};
  *m = (struct many){.count = n};
  for (size_t i = 0; i < n; i++) {
    const struct chanas_workload *w = i == 2 ? other : block;
    snprintf(m->symbol[i], sizeof m->symbol[i], "k%zu", i);
    m->candidate[i] = (struct measure_candidate){m->symbol[i], w};
    char *source = bed_emit(&bed, w, misdeed[i], 0, m->symbol[i]);
    text_print(&all, "%s\n", source);
    free(source);
  }
  m->unit = (struct build_unit){.symbol = "k0", .source = all.data};
  build_units(bed.build, 1, &m->unit, 1);
  assert_non_null(m->unit.object);
  text_free(&all);
}

static struct measure *
open_measure(const char *command, double deadline)
{
  struct measure_config config = bed_config(&bed);
  config.runner = command;
  config.deadline = deadline;
  struct measure *m = measure_open(&config);
  assert_non_null(m);
  return m;
}

/* From candidate `from` on. */
static size_t
verify(struct measure *m, struct many *many, size_t from)
{
  return measure_verify(m, many->unit.object, many->count - from,
                        many->candidate + from, many->result + from);
}

static void
expect(const struct many *m, size_t i, enum chanas_outcome outcome,
       const char *detail)
{
  const struct measure_result *r = &m->result[i];
  if (r->outcome != outcome || !strstr(r->detail, detail))
    print_error("%zu: %s, '%s'\n", i, outcome_name(r->outcome), r->detail);
  assert_int_equal(r->outcome, outcome);
  assert_non_null(strstr(r->detail, detail));
}

static void
goes_on(void **state)
{
  static const int misdeed[] = {DO_none, DO_wrong, DO_none, DO_none,
                                DO_segfault, DO_stale, DO_none};
  const char *how = *state; /* the runner's command or NULL */
  struct many many;
  struct measure *m = open_measure(how, 60);
  many_build(&many, misdeed, 7);
  assert_int_equal(verify(m, &many, 0), 5);
  expect(&many, 0, CHANAS_MEASURED, "");
  expect(&many, 1, CHANAS_WRONG, "differs");
  expect(&many, 2, CHANAS_MEASURED, "");
  expect(&many, 3, CHANAS_MEASURED, "");
  expect(&many, 4, CHANAS_CRASHED, "SIGSEGV");
  assert_true(many.result[0].difference > 0 && many.result[0].latency > 0);
  assert_true(many.result[0].difference == many.result[3].difference);
  assert_int_equal(verify(m, &many, 5), 2);
  expect(&many, 5, CHANAS_WRONG, "run again");
  expect(&many, 6, CHANAS_MEASURED, "");
  measure_close(m);
  build_units_free(1, &many.unit);
}

/* All of them, of which the slow ones are timed in fewer rounds if best. */
static void
time_all(struct measure *m, struct many *many, double best)
{
  struct measure_item item[MANY];
  for (size_t i = 0; i < many->count; i++)
    item[i] = (struct measure_item){
      .object = many->unit.object, .symbol = many->candidate[i].symbol,
      .workload = many->candidate[i].workload, .verify = 1, .best = best};
  assert_int_equal(measure_each(m, many->count, item, NULL, NULL), 0);
  for (size_t i = 0; i < many->count; i++)
    many->result[i] = item[i].result;
}

/* The one that tires does so in more rounds than a slow one gets, unless other
 * processes take the core in several of them. */
static void
race(void **state)
{
  static const int misdeed[] = {DO_none, DO_wrong, DO_none, DO_none,
                                DO_segfault, DO_stale, DO_loops, DO_tires,
                                DO_rounding, DO_none};
  struct many many;
  struct measure *m = open_measure(*state, 4);
  many_build(&many, misdeed, 10);
  for (int cut = 1; cut >= 0; cut--) {
    time_all(m, &many, cut ? INFINITY : 0);
    for (int i = 0; cut && i < 3 && many.result[7].outcome != CHANAS_MEASURED;
         i++)
      time_all(m, &many, INFINITY);
    expect(&many, 1, CHANAS_WRONG, "differs");
    expect(&many, 4, CHANAS_CRASHED, "SIGSEGV");
    expect(&many, 5, CHANAS_WRONG, "run again");
    expect(&many, 6, CHANAS_TIMED_OUT, "killed");
    expect(&many, 7, cut ? CHANAS_MEASURED : CHANAS_CRASHED, "");
    expect(&many, 8, CHANAS_WRONG, "rounding");
    for (size_t i = 0; i < 10; i += i == 3 ? 6 : i == 0 ? 2 : 1) {
      expect(&many, i, CHANAS_MEASURED, "");
      assert_true(many.result[i].latency > 0 && many.result[i].control > 0);
      assert_true(many.result[i].difference > 0 || i == 2);
    }
  }
  measure_close(m);
  build_units_free(1, &many.unit);
}

static void
far_runner(void **state)
{
  char *folder = registry_folders();
  char *command = mem_print("%s --plugin-path %s", getenv("CHANAS_RUNNER"),
                            folder);
  void *inner = command;
  (void)state;
  goes_on(&inner);
  race(&inner);
  free(command);
  free(folder);
}

/* The one at work when the time is over is tried anew, then it has none. */
static void
deadline(void **state)
{
  static const int misdeed[] = {DO_none, DO_none, DO_none, DO_loops, DO_none};
  struct many many;
  struct measure *m = open_measure(NULL, 4);
  size_t at = 0, rounds = 0;
  (void)state;
  many_build(&many, misdeed, 5);
  for (; at < 5; rounds++)
    at += verify(m, &many, at);
  assert_true(rounds >= 3); /* more where the machine is slow */
  for (size_t i = 0; i < 5; i++)
    if (i == 3)
      expect(&many, i, CHANAS_TIMED_OUT, "killed");
    else
      expect(&many, i, CHANAS_MEASURED, "");
  measure_close(m);
  build_units_free(1, &many.unit);
}

/* Answers that a candidate wrote are not believed. */
static void
forged_answers(void **state)
{
  static const int misdeed[] = {DO_none, DO_prints, DO_prints_everywhere,
                                DO_none};
  struct many many;
  struct measure *m = open_measure(NULL, 60);
  (void)state;
  many_build(&many, misdeed, 4);
  assert_int_equal(verify(m, &many, 0), 3);
  expect(&many, 0, CHANAS_MEASURED, "");
  expect(&many, 1, CHANAS_MEASURED, "");
  expect(&many, 2, CHANAS_CRASHED, "damaged");
  measure_close(m);
  build_units_free(1, &many.unit);
}

static void
senseless_runners(void **state)
{
  static const int misdeed[] = {DO_none, DO_none};
  static const char *const command[] = {
    "true", "cat", "echo CHNS", "sh -c 'exit 255'", "sh -c 'kill -9 $$'"};
  struct many many;
  (void)state;
  many_build(&many, misdeed, 2);
  for (size_t i = 0; i < sizeof command / sizeof *command; i++) {
    struct measure *m = open_measure(command[i], 60);
    assert_int_equal(verify(m, &many, 0), 1);
    assert_int_not_equal(many.result[0].outcome, CHANAS_MEASURED);
    assert_true(*many.result[0].detail);
    measure_close(m);
  }
  build_units_free(1, &many.unit);
  struct measure *m = open_measure("true", 60); /* the object is gone */
  many.unit.object = mem_string("/no/such/object");
  assert_int_equal(verify(m, &many, 0), 1);
  expect(&many, 0, CHANAS_NOT_BUILT, "cannot be read");
  build_units_free(1, &many.unit);
  measure_close(m);
}

static int
set_up(void **state)
{
  (void)state;
  block = workload_parse(BED_BLOCK);
  other = workload_parse(OTHER);
  return bed_open(&bed, 2) || !block || !other ? -1 : 0;
}

static int
tear_down(void **state)
{
  (void)state;
  workload_free(block);
  workload_free(other);
  bed_close(&bed);
  registry_close();
  return 0;
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(goes_on),           cmocka_unit_test(far_runner),
    cmocka_unit_test(deadline),          cmocka_unit_test(forged_answers),
    cmocka_unit_test(senseless_runners), cmocka_unit_test(race),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
