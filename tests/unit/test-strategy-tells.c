/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What strategies make of what they are told: points that they did not ask,
 * results that change, any order.  The same seed and tells give the same
 * points.
 */
#include "strategy_rig.h"

/* ---- tells of points that were not asked ------------------------------- */

static void
test_known_points(void **state)
{
  (void)state;
  EACH(name) {
    struct chanas_space *space = deep_space();
    /* Depth 1: kernel2, mode2 and mode1 are off, whatever they say. */
    const int32_t told[7] = { 0, 2, 1, 0, 2, 1, 2 };
    struct chanas_point point[100];
    struct rig r;
    int n;
    assert_int_equal(rig_open(&r, *name, space, 5, "", 1, one), 0);
    tell(&r, told, CHANAS_MEASURED, 40, 0, 0);
    n = ask(&r, 100, point);
    assert_int_equal(n, (int)space_size(space) - 1);
    for (int i = 0; i < n; i++)
      assert_false(point[i].choice[0] == 0 && point[i].choice[6] == 2);
    rig_close(&r);
    space_free(space);
  }
}

static size_t
distance(const int32_t *a, const int32_t *b, size_t knobs)
{
  size_t n = 0;

  for (size_t k = 0; k < knobs; k++)
    n += a[k] != b[k];
  return n;
}

enum second { NOTHING, CRASHED, NOT_A_NUMBER, INFINITE };

/* How far, on average, new points are from one told as good and then, in a
 * second tell, as failed. */
static double
distance_from_seed(size_t goals, enum second second)
{
  struct chanas_space *space = flat_space(20, 8);
  int32_t seed[20] = { 1, 5, 3 };
  struct chanas_point point[16];
  struct rig r;
  double sum = 0;

  assert_int_equal(rig_open(&r, "evolution", space, 7, "population = 2\n",
                            goals, two), 0);
  tell(&r, seed, CHANAS_MEASURED, 1000, 1, 0);
  ask(&r, 16, point);
  if (second == CRASHED)
    tell(&r, seed, CHANAS_CRASHED, 0, 0, 0);
  else if (second != NOTHING)
    tell(&r, seed, CHANAS_MEASURED, second == INFINITE ? INFINITY : NAN, 0, 0);
  ask(&r, 16, point);
  for (int i = 0; i < 16; i++)
    sum += (double)distance(point[i].choice, seed, 20) / 16;
  rig_close(&r);
  space_free(space);
  return sum;
}

static void
test_warm_start(void **state)
{
  (void)state;
  for (size_t goals = 1; goals <= 2; goals++) {
    assert_true(distance_from_seed(goals, NOTHING) < 3);
    for (int second = CRASHED; second <= INFINITE; second++)
      assert_true(distance_from_seed(goals, (enum second)second) > 15);
  }
}

/* Of many told, the good ones remain as parents, in whatever order. */
static void
test_warm_start_keeps_best(void **state)
{
  struct chanas_space *space = flat_space(20, 8);
  struct chanas_point point[40];
  struct rng rng = rng_seed(3);
  int32_t told[20], good[20] = { 0 };
  struct rig r;
  double sum = 0;

  (void)state;
  assert_int_equal(rig_open(&r, "evolution", space, 7, "", 1, one), 0);
  tell(&r, good, CHANAS_MEASURED, 1000, 0, 0);
  for (int i = 0; i < 200; i++) {
    space_random(space, &rng, told);
    tell(&r, told, CHANAS_MEASURED, i, 0, 0);
  }
  ask(&r, 40, point);
  for (int i = 0; i < 40; i++)
    sum += (double)distance(point[i].choice, good, 20) / 40;
  assert_true(sum < 12);
  rig_close(&r);
  space_free(space);
}

/* A point within the limit is the parent, not a better one beyond it. */
static void
test_feasible_first(void **state)
{
  (void)state;
  for (size_t goals = 1; goals <= 2; goals++) {
    struct chanas_space *space = flat_space(20, 8);
    const int32_t within[20] = { 0 }, beyond[20] = { 1, 1, 1, 1, 1, 1, 1, 1,
      1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 };
    struct chanas_point point[40];
    struct rig r;
    double sum = 0;
    assert_int_equal(rig_open(&r, "evolution", space, 7, "initial = 1\n",
                              goals, two), 0);
    tell(&r, within, CHANAS_MEASURED, 10, 10, 0);
    tell(&r, beyond, CHANAS_MEASURED, 90, 1, 0.1);
    ask(&r, 40, point);
    for (int i = 0; i < 40; i++)
      sum += (double)distance(point[i].choice, within, 20) / 40;
    assert_true(sum < 6);
    rig_close(&r);
    space_free(space);
  }
}

/* A knob that becomes active has no parent to inherit from: it is drawn. */
static void
test_new_knobs_are_drawn(void **state)
{
  struct chanas_space *space = deep_space();
  const int32_t shallow[7] = { 0 };
  int drawn[3] = { 0 };

  (void)state;
  for (uint64_t seed = 0; seed < 100; seed++) {
    struct chanas_point point;
    struct rig r;
    assert_int_equal(rig_open(&r, "evolution", space, seed,
                              "initial = 1\nmutation = 0\ncrossover = 0\n",
                              1, one), 0);
    tell(&r, shallow, CHANAS_MEASURED, 1, 0, 0);
    assert_int_equal(ask(&r, 1, &point), 1);
    if (point.choice[0] > 0)
      drawn[point.choice[1]]++;
    rig_close(&r);
  }
  for (int i = 0; i < 3; i++)
    assert_true(drawn[i] > 5);
  space_free(space);
}

/* Of a front too large for the population the ends stay, not the crowd in
 * the middle: they are among the parents. */
static void
test_crowding(void **state)
{
  struct chanas_space *space = flat_space(20, 8);
  struct chanas_point point[60];
  struct rig r;
  int children[8] = { 0 };

  (void)state;
  assert_int_equal(rig_open(&r, "evolution", space, 7, "population = 3\n"
                            "sample = 1\ncrossover = 0\ninitial = 1\n", 2,
                            two), 0);
  for (int i = 0; i < 8; i++) {
    double at = i == 0 ? 0 : i == 7 ? 100 : 50 + i;
    int32_t c[20];
    for (int k = 0; k < 20; k++)
      c[k] = i;
    tell(&r, c, CHANAS_MEASURED, at, at, 0);
  }
  ask(&r, 60, point);
  for (int n = 0; n < 60; n++)
    for (int i = 0; i < 8; i++) {
      int same = 0;
      for (int k = 0; k < 20; k++)
        same += point[n].choice[k] == i;
      children[i] += same >= 19;
    }
  assert_true(children[0] > 5 && children[7] > 5);
  assert_true(children[3] + children[4] + children[5] == 0);
  rig_close(&r);
  space_free(space);
}

/* rl learns from points that it did not draw.  Returns the mean gain of what
 * it asks then, and the share within the limit on the price. */
static double
warm_policy(double limit, double *within)
{
  struct chanas_space *space = flat_space(10, 4);
  struct chanas_point point[100];
  struct rng rng = rng_seed(3);
  int32_t told[10];
  struct rig r;
  double sum = 0;

  assert_int_equal(rig_open(&r, "rl", space, 7, "", 1, one), 0);
  for (int i = 0; i < 300; i++) {
    double excess;
    space_random(space, &rng, told);
    excess = price(&r, told) / limit - 1;
    tell(&r, told, CHANAS_MEASURED, 100 + gain(&r, told), 0, fmax(excess, 0));
  }
  *within = 0;
  ask(&r, 100, point);
  for (int i = 0; i < 100; i++) {
    sum += gain(&r, point[i].choice) / 100;
    *within += price(&r, point[i].choice) <= limit ? 0.01 : 0;
  }
  rig_close(&r);
  space_free(space);
  return sum;
}

static void
test_warm_policy(void **state)
{
  double within;

  (void)state;
  assert_true(warm_policy(INFINITY, &within) > 0); /* uniform: about -28 */
  warm_policy(70, &within);
  assert_true(within > 0.5); /* uniform: about 0.1 */
}

/* Good points in which a knob is inactive say nothing of it: they do not
 * draw rl towards its choice 0.  The first knob, at 0, switches 10 off. */
static void
test_inactive_not_learned(void **state)
{
  struct chanas_space *space = flat_space(13, 4);
  struct chanas_point point[50];
  struct rig r;
  double zeros = 0;
  int deep = 0;

  (void)state;
  for (size_t k = 1; k <= 10; k++)
    space_depend(space, k, 0, 0xe);
  assert_int_equal(rig_open(&r, "rl", space, 7, "entropy = 0\n", 1, one), 0);
  for (int i = 0; i < 16; i++) {
    int32_t shallow[13] = { [11] = i / 4, [12] = i % 4 };
    int32_t other[13] = { 1 + i % 3, 1 + i % 3, [11] = i / 4, [12] = i % 4 };
    tell(&r, shallow, CHANAS_MEASURED, 100 + i, 0, 0);
    tell(&r, other, CHANAS_MEASURED, i + 1, 0, 0);
  }
  ask(&r, 50, point);
  for (int i = 0; i < 50; i++) {
    deep += point[i].choice[0] > 0;
    for (int k = 4; k <= 10 && point[i].choice[0] > 0; k++)
      zeros += point[i].choice[k] == 0 ? 1. / 7 : 0;
  }
  assert_true(deep > 40 && zeros / deep < 0.25);
  rig_close(&r);
  space_free(space);
}

/* ---- determinism ------------------------------------------------------- */

/* A hash of the points of a search in batches, told forwards or backwards. */
struct search {
  struct rig rig;
  uint64_t hash;
  int backwards;
};

static void
search_step(struct search *s)
{
  struct chanas_point point[12];
  struct rig *r = &s->rig;
  int n = ask(r, 12, point);

  for (int i = 0; i < n; i++)
    s->hash = hash_bytes(s->hash, point[i].choice,
                         r->knobs * sizeof *point[i].choice);
  for (int i = 0; i < n; i++) {
    const int32_t *c = point[s->backwards ? n - 1 - i : i].choice;
    if ((c[0] + c[1]) % 3 == 0)
      tell(r, c, CHANAS_WRONG, NAN, NAN, 0);
    else
      tell(r, c, CHANAS_MEASURED, gain(r, c), price(r, c), 0);
  }
}

static uint64_t
search_hash(const char *name, uint64_t seed, size_t goals, int backwards)
{
  struct chanas_space *space = flat_space(5, 4);
  struct search s = { .hash = HASH_START, .backwards = backwards };

  assert_int_equal(rig_open(&s.rig, name, space, seed, "", goals, two), 0);
  for (int i = 0; i < 20; i++)
    search_step(&s);
  rig_close(&s.rig);
  space_free(space);
  return s.hash;
}

static void
test_deterministic(void **state)
{
  (void)state;
  EACH(name)
    for (size_t goals = 1; goals <= 2; goals++) {
      uint64_t first = search_hash(*name, 1, goals, 0);
      assert_true(search_hash(*name, 1, goals, 0) == first);
      assert_true(search_hash(*name, 1, goals, 1) == first);
      assert_true((search_hash(*name, 2, goals, 0) != first) ==
                  (strcmp(*name, "exhaustive") != 0));
    }
}

/* Two at once come to what each comes to alone. */
static void
test_instances(void **state)
{
  (void)state;
  EACH(name) {
    struct chanas_space *space = flat_space(5, 4);
    struct search a = { .hash = HASH_START }, b = { .hash = HASH_START };
    assert_int_equal(rig_open(&a.rig, *name, space, 1, "", 1, two), 0);
    assert_int_equal(rig_open(&b.rig, *name, space, 2, "", 2, two), 0);
    for (int i = 0; i < 20; i++) {
      search_step(&a);
      search_step(&b);
    }
    rig_close(&a.rig);
    rig_close(&b.rig);
    space_free(space);
    assert_true(a.hash == search_hash(*name, 1, 1, 0));
    assert_true(b.hash == search_hash(*name, 2, 2, 0));
  }
}

/* Warm tells in any order, too. */
static uint64_t
warm_hash(const char *name, size_t goals, int backwards)
{
  struct chanas_space *space = flat_space(5, 4);
  struct search s = { .hash = HASH_START };

  assert_int_equal(rig_open(&s.rig, name, space, 1, "", goals, two), 0);
  for (int i = 0; i < 100; i++) {
    int at = backwards ? 99 - i : i;
    int32_t c[5] = { at % 4, at / 4 % 4, at / 16 % 4, at / 64, at % 3 };
    tell(&s.rig, c, CHANAS_MEASURED, gain(&s.rig, c), price(&s.rig, c), 0);
  }
  for (int i = 0; i < 5; i++)
    search_step(&s);
  rig_close(&s.rig);
  space_free(space);
  return s.hash;
}

static void
test_warm_order(void **state)
{
  (void)state;
  EACH(name)
    for (size_t goals = 1; goals <= 2; goals++)
      assert_true(warm_hash(*name, goals, 0) == warm_hash(*name, goals, 1));
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_known_points),
    cmocka_unit_test(test_warm_start),
    cmocka_unit_test(test_warm_start_keeps_best),
    cmocka_unit_test(test_feasible_first),
    cmocka_unit_test(test_new_knobs_are_drawn),
    cmocka_unit_test(test_crowding),
    cmocka_unit_test(test_warm_policy),
    cmocka_unit_test(test_inactive_not_learned),
    cmocka_unit_test(test_deterministic),
    cmocka_unit_test(test_instances),
    cmocka_unit_test(test_warm_order),
  };
  int failed = cmocka_run_group_tests(tests, NULL, NULL);

  registry_close();
  return failed;
}
