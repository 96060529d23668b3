/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which block gets its trials when.  The tuner is the real one; candidates
 * and what becomes of them are made up here, so tuned_propose() and
 * candidates_run() are the test's: they note who came in which group.
 */
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>
#include "mem.h"
#include "proc.h"
#include "tune.h"

#define BLOCKS 20
#define LONG_AGO (-1e9)
#define NOTED 400

static struct bench {
  struct config config;
  struct session session;
  struct tuned tuned[BLOCKS];
  struct tuner tuner;
} bench;

static const struct chanas_workload workload = { .key = "w", .flops = 1 };
static size_t order[NOTED], trials, group[NOTED], groups;
static size_t late_after, stop_after; /* so many groups; 0: never */

/* ---- in place of core/propose.c and core/candidate.c ---- */

size_t
tuned_propose(struct tuner *t, size_t w, size_t n, struct candidate out[])
{
  for (size_t i = 0; i < n; i++)
    out[i] = (struct candidate){
      .workload = w, .preset = t->tuned[w].schedule.count + i == 0,
      .policy = mem_print("%zu", t->tuned[w].schedule.count + i) };
  return n;
}

int
tuned_possible(const struct tuner *t, size_t w)
{
  return t->count > w;
}

void
tuned_absorb(struct tuner *t, size_t w, const int32_t *choice,
             const struct table_trial *trial)
{
  (void)choice;
  schedule_add(&t->tuned[w].schedule, trial, 1);
}

int
candidates_run(struct tuner *t, size_t n, struct candidate c[])
{
  for (size_t i = 0; i < n; i++) {
    struct table_trial row = {
      .workload = "w", .policy = c[i].policy, .preset = c[i].preset,
      .control = 1, .outcome = CHANAS_MEASURED, .latency = 1, .detail = "" };
    assert_true(trials < NOTED);
    order[trials++] = c[i].workload;
    tuned_absorb(t, c[i].workload, NULL, &row);
    free(c[i].policy);
  }
  group[groups++] = n;
  if (groups == late_after)
    t->started = LONG_AGO;
  if (groups == stop_after)
    raise(SIGTERM);
  return 0;
}

/* ---- a tuner of so many seconds ---- */

static int
begin(void **state)
{
  (void)state;
  bench = (struct bench){ .config = { .per_unit = 4, .trials = 100,
                                      .tune_time = 1e6 } };
  bench.session.config = &bench.config;
  bench.tuner = (struct tuner){ .session = &bench.session, .count = BLOCKS,
                                .tuned = bench.tuned,
                                .started = proc_now() };
  for (size_t w = 0; w < BLOCKS; w++)
    schedule_init(&bench.tuned[w].schedule, &workload);
  trials = groups = late_after = stop_after = 0;
  return 0;
}

static int
end(void **state)
{
  (void)state;
  for (size_t w = 0; w < BLOCKS; w++)
    schedule_free(&bench.tuned[w].schedule);
  return 0;
}

/* The blocks from the last to the first, so that order means something. */
static void
cover(size_t rows)
{
  size_t list[BLOCKS];

  for (size_t i = 0; i < BLOCKS; i++)
    list[i] = BLOCKS - 1 - i;
  assert_int_equal(tuner_cover(&bench.tuner, BLOCKS, list, rows), 0);
}

static size_t
rows_of(size_t w)
{
  return bench.tuned[w].schedule.count;
}

static void
assert_one_each(void)
{
  assert_int_equal(trials, BLOCKS);
  for (size_t i = 0; i < BLOCKS; i++)
    assert_int_equal(order[i], BLOCKS - 1 - i);
}

/* ---- what must hold ---- */

/* A second candidate of any block comes after the first of all. */
static void
test_first_of_all(void **state)
{
  (void)state;
  cover(6);
  assert_int_equal(trials, 6 * BLOCKS);
  trials = BLOCKS;
  assert_one_each();
  for (size_t w = 0; w < BLOCKS; w++)
    assert_int_equal(rows_of(w), 6);
}

/* Blocks share groups, and none is smaller than it need be. */
static void
test_groups_are_full(void **state)
{
  static const size_t want[] = { 8, 8, 4 };

  (void)state;
  cover(1);
  assert_one_each();
  assert_int_equal(groups, 3);
  assert_memory_equal(group, want, sizeof want);
  groups = 0;
  cover(5);
  assert_int_equal(groups, BLOCKS / 2);
  for (size_t g = 0; g < groups; g++)
    assert_int_equal(group[g], 8);
}

static void
test_late_from_the_start(void **state)
{
  (void)state;
  bench.tuner.started = LONG_AGO;
  cover(6);
  assert_one_each();
  cover(6);
  assert_one_each(); /* and nothing more */
}

static void
test_late_in_between(void **state)
{
  (void)state;
  late_after = 1;
  cover(6);
  assert_one_each();
}

/* In the second round, after so many groups of 8. */
static void
test_late_in_the_second_round(void **state)
{
  (void)state;
  late_after = 4;
  cover(5);
  assert_int_equal(trials, BLOCKS + 8);
  assert_int_equal(rows_of(BLOCKS - 1), 5);
  assert_int_equal(rows_of(0), 1);
}

/* What the table has is not tried again. */
static void
test_known(void **state)
{
  (void)state;
  assert_int_equal(tuner_cover(&bench.tuner, 2, (size_t[]){ 3, 5 }, 4), 0);
  trials = 0;
  cover(1);
  assert_int_equal(trials, BLOCKS - 2);
  for (size_t i = 0; i < trials; i++)
    assert_true(order[i] != 3 && order[i] != 5);
  cover(4);
  for (size_t w = 0; w < BLOCKS; w++)
    assert_int_equal(rows_of(w), 4);
}

/* A network's block that is there several times is one. */
static void
test_twice(void **state)
{
  (void)state;
  assert_int_equal(tuner_cover(&bench.tuner, 4, (size_t[]){ 7, 7, 2, 7 }, 3),
                   0);
  assert_int_equal(trials, 6);
  assert_int_equal(rows_of(7), 3);
  assert_int_equal(rows_of(2), 3);
}

static void
test_first_is_at_most_trials(void **state)
{
  (void)state;
  bench.config.first_trials = 8;
  assert_int_equal(tuner_first(&bench.tuner), 8);
  bench.config.trials = 1;
  assert_int_equal(tuner_first(&bench.tuner), 1);
}

/* The last: after a signal nothing starts. */
static void
test_stopped(void **state)
{
  (void)state;
  proc_catch_signals();
  stop_after = 1;
  cover(6);
  assert_int_equal(trials, 8);
  cover(6);
  assert_int_equal(trials, 8);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(test_first_of_all, begin, end),
    cmocka_unit_test_setup_teardown(test_groups_are_full, begin, end),
    cmocka_unit_test_setup_teardown(test_late_from_the_start, begin, end),
    cmocka_unit_test_setup_teardown(test_late_in_between, begin, end),
    cmocka_unit_test_setup_teardown(test_late_in_the_second_round, begin,
                                    end),
    cmocka_unit_test_setup_teardown(test_known, begin, end),
    cmocka_unit_test_setup_teardown(test_twice, begin, end),
    cmocka_unit_test_setup_teardown(test_first_is_at_most_trials, begin, end),
    cmocka_unit_test_setup_teardown(test_stopped, begin, end),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
