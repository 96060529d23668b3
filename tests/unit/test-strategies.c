/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The strategies as the host drives them.  What holds of each: the same seed
 * and tells give the same points; no point comes twice, in canonical form;
 * the search ends when the space does, whatever became of the trials.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "host.h"
#include "ini.h"
#include "mem.h"
#include "pareto.h"
#include "registry.h"
#include "space.h"
#include "capture.h"

static const char *const strategies[] = {
  "random", "exhaustive", "evolution", "rl",
};
#define EACH(name) \
  for (const char *const *name = strategies; name < strategies + 4; name++)
static const struct chanas_goal one[] = { { "accuracy", 1, NAN } };
static const struct chanas_goal least[] = { { "latency", -1, NAN } };
static const struct chanas_goal two[] = {
  { "accuracy", 1, NAN }, { "latency", -1, NAN },
};

struct rig {
  const struct plugin *plugin;
  struct ini *ini;
  struct host *host;
  void *self;
  struct chanas_space *space;
  size_t knobs;
};

/* settings: lines of the strategy's section.  0 or what open returned. */
static int
rig_open(struct rig *r, const char *name, struct chanas_space *space,
         uint64_t seed, const char *settings, size_t goals,
         const struct chanas_goal *goal)
{
  char *text = mem_print("[strategy]\n%s", settings);
  struct rng stream = rng_seed(seed);
  int status;

  *r = (struct rig){ .plugin = registry_get(PLUGIN_STRATEGY, name),
                     .space = space, .knobs = space->knobs };
  assert_non_null(r->plugin);
  r->ini = ini_parse_text("test", text);
  free(text);
  r->host = host_open(r->plugin, r->ini, ini_find(r->ini, "strategy"), NULL,
                      &stream);
  assert_non_null(r->host);
  status = r->plugin->strategy.open(host_services(r->host), space, goals, goal,
                                    &r->self);
  if (status) {
    host_close(r->host);
    ini_free(r->ini);
  }
  return status;
}

static void
rig_close(struct rig *r)
{
  r->plugin->strategy.close(r->self);
  host_close(r->host);
  ini_free(r->ini);
}

static int
ask(struct rig *r, size_t max, struct chanas_point *out)
{
  int n = r->plugin->strategy.ask(r->self, max, out);

  assert_true(n >= 0 && (size_t)n <= max);
  return n;
}

static void
tell(struct rig *r, const int32_t *choice, enum chanas_outcome outcome,
     double a, double b, double violation)
{
  double objective[2] = { a, b };
  struct chanas_trial trial = { { r->space, choice }, outcome, objective,
                                violation };

  assert_int_equal(r->plugin->strategy.tell(r->self, 1, &trial), 0);
}

/* ---- problems ---------------------------------------------------------------- */

static struct chanas_space *
flat_space(size_t knobs, size_t choices)
{
  static const int64_t value[16] = { 0 };
  struct chanas_space *space = space_new();

  for (size_t k = 0; k < knobs; k++) {
    char name[32];
    snprintf(name, sizeof name, "k%zu", k);
    assert_int_equal(space_add(space, name, choices, value, NULL), k);
  }
  return space;
}

/* Depth 0..2 switches two layers on, each with a kernel and, for one kernel
 * alone, a mode; one knob has nothing to choose. */
static struct chanas_space *
deep_space(void)
{
  static const int64_t value[3] = { 1, 2, 3 };
  struct chanas_space *s = space_new();

  space_add(s, "depth", 3, value, NULL);
  space_add(s, "kernel1", 3, value, NULL);
  space_depend(s, 1, 0, 6);
  space_add(s, "mode1", 2, value, NULL);
  space_depend(s, 2, 1, 2);
  space_add(s, "single", 1, value, NULL);
  space_add(s, "kernel2", 3, value, NULL);
  space_depend(s, 4, 0, 4);
  space_add(s, "mode2", 2, value, NULL);
  space_depend(s, 5, 4, 2);
  space_add(s, "width", 3, value, NULL);
  assert_int_equal((int)space_size(s), 3 * (1 + 4 + 4 * 4));
  return s;
}

/* Separable: what a knob gives depends on no other.  Best at 3 k mod 4. */
static double
gain(const struct rig *r, const int32_t *choice)
{
  double sum = 50;

  for (size_t k = 0; k < r->knobs; k++)
    sum += fabs(choice[k] - (double)(3 * k % 4)) * -(double)(k + 1);
  return sum;
}

/* A price that pulls the other way. */
static double
price(const struct rig *r, const int32_t *choice)
{
  double sum = 10;

  for (size_t k = 0; k < r->knobs; k++)
    sum += choice[k] * (double)(r->knobs - k);
  return sum;
}

/* Best gain among `budget` points within the limit on the price, or, with
 * least, the smallest price. */
static double
best_found(const char *name, uint64_t seed, const struct chanas_goal *goal,
           size_t budget, double limit)
{
  struct chanas_space *space = flat_space(5, 4);
  struct chanas_point point[8];
  struct rig r;
  double best = -INFINITY;
  int n;

  assert_int_equal(rig_open(&r, name, space, seed, "", 1, goal), 0);
  for (size_t done = 0; done < budget; done += (size_t)n) {
    n = ask(&r, budget - done < 8 ? budget - done : 8, point);
    assert_true(n > 0);
    for (int i = 0; i < n; i++) {
      const int32_t *c = point[i].choice;
      double cost = price(&r, c), value = goal == least ? cost : gain(&r, c);
      if (cost <= limit)
        best = fmax(best, goal->sense * value);
      tell(&r, c, CHANAS_MEASURED, value, 0,
           cost > limit ? cost / limit - 1 : 0);
    }
  }
  rig_close(&r);
  space_free(space);
  return goal->sense * best;
}

static size_t
budget_of(const char *name)
{
  if (strcmp(name, "evolution") == 0)
    return 200;
  return strcmp(name, "rl") == 0 ? 300 : 1024;
}

static void
test_optimum(void **state)
{
  (void)state;
  EACH(name)
    for (uint64_t seed = 0; seed < 10; seed++) {
      size_t budget = budget_of(*name);
      assert_float_equal(best_found(*name, seed, one, budget, INFINITY), 50,
                         0);
      assert_float_equal(best_found(*name, seed, least, budget, INFINITY), 10,
                         0);
    }
}

/* Under price <= 25 the best gain is 36, as the exhaustive search shows. */
static void
test_constraint(void **state)
{
  double best = best_found("exhaustive", 0, one, 1024, 25);

  (void)state;
  assert_true(best < 50);
  for (uint64_t seed = 0; seed < 10; seed++) {
    assert_float_equal(best_found("random", seed, one, 1024, 25), best, 0);
    assert_float_equal(best_found("evolution", seed, one, 300, 25), best, 0);
    assert_float_equal(best_found("rl", seed, one, 400, 25), best, 0);
  }
}

static double
volume_found(const char *name, uint64_t seed, size_t budget)
{
  static const int sense[2] = { 1, -1 };
  struct chanas_space *space = flat_space(5, 4);
  double value[1024][2], reference[2] = { 0, 60 };
  struct chanas_point point[8];
  struct rig r;
  size_t done = 0;

  assert_int_equal(rig_open(&r, name, space, seed, "", 2, two), 0);
  while (done < budget) {
    int n = ask(&r, budget - done < 8 ? budget - done : 8, point);
    assert_true(n > 0);
    for (int i = 0; i < n; i++, done++) {
      value[done][0] = gain(&r, point[i].choice);
      value[done][1] = price(&r, point[i].choice);
      tell(&r, point[i].choice, CHANAS_MEASURED, value[done][0],
           value[done][1], 0);
    }
  }
  rig_close(&r);
  space_free(space);
  return pareto_hypervolume(2, sense, done, value[0], reference);
}

static void
test_front(void **state)
{
  double all = volume_found("exhaustive", 0, 1024);

  (void)state;
  for (uint64_t seed = 0; seed < 10; seed++) {
    assert_true(volume_found("evolution", seed, 250) > 0.98 * all);
    assert_true(volume_found("rl", seed, 250) > 0.95 * all);
    assert_true(volume_found("random", seed, 1024) == all);
  }
}

/* ---- the end of a space ---------------------------------------------------------- */

enum fate { UNTOLD, MEASURED, FAILED, NOT_A_NUMBER, INFEASIBLE };

static void
meet_fate(struct rig *r, const int32_t *choice, enum fate fate, size_t n)
{
  if (fate == MEASURED || fate == INFEASIBLE)
    tell(r, choice, CHANAS_MEASURED, gain(r, choice), price(r, choice),
         fate == INFEASIBLE ? 1 + gain(r, choice) / 100 : 0);
  else if (fate == NOT_A_NUMBER)
    tell(r, choice, CHANAS_MEASURED, n % 2 ? NAN : INFINITY, 1, 0);
  else if (fate == FAILED)
    tell(r, choice, (enum chanas_outcome)(CHANAS_ILLEGAL + (int)(n % 8)), NAN,
         NAN, NAN);
}

/* Every canonical point comes exactly once, then nothing ever. */
static void
exhaust(const char *name, size_t goals, enum fate fate, size_t batch)
{
  struct chanas_space *space = deep_space();
  size_t size = (size_t)space_size(space), done = 0;
  char seen[3][3][2][3][2][3] = { 0 };
  struct chanas_point point[100];
  struct rig r;
  int n;

  assert_int_equal(rig_open(&r, name, space, 5, "", goals, two), 0);
  while ((n = ask(&r, batch, point)) > 0)
    for (int i = 0; i < n; i++, done++) {
      const int32_t *c = point[i].choice;
      int32_t canonical[7];
      memcpy(canonical, c, sizeof canonical);
      space_canon(space, canonical);
      assert_memory_equal(canonical, c, sizeof canonical);
      assert_true(space_valid(space, c));
      assert_int_equal(seen[c[0]][c[1]][c[2]][c[4]][c[5]][c[6]]++, 0);
      meet_fate(&r, c, fate, done);
    }
  assert_int_equal(done, size);
  assert_int_equal(ask(&r, batch, point), 0);
  rig_close(&r);
  space_free(space);
}

static void
test_exhaustion(void **state)
{
  (void)state;
  EACH(name)
    for (size_t goals = 1; goals <= 2; goals++)
      for (int fate = UNTOLD; fate <= INFEASIBLE; fate++) {
        exhaust(*name, goals, (enum fate)fate, 1);
        exhaust(*name, goals, (enum fate)fate, 7);
        exhaust(*name, goals, (enum fate)fate, 100);
      }
}

/* ---- tells of points that were not asked ------------------------------------------- */

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

/* How far, on average, new points are from one told as good and then, if
 * `revoked`, told as failed. */
static double
distance_from_seed(size_t goals, int revoked)
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
  if (revoked)
    tell(&r, seed, CHANAS_CRASHED, 0, 0, 0);
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
    assert_true(distance_from_seed(goals, 0) < 3);
    assert_true(distance_from_seed(goals, 1) > 15);
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

/* rl learns from points that it did not draw. */
static void
test_warm_policy(void **state)
{
  struct chanas_space *space = flat_space(10, 4);
  struct chanas_point point[100];
  struct rng rng = rng_seed(3);
  int32_t told[10];
  struct rig r;
  double sum = 0;

  (void)state;
  assert_int_equal(rig_open(&r, "rl", space, 7, "", 1, one), 0);
  for (int i = 0; i < 300; i++) {
    space_random(space, &rng, told);
    tell(&r, told, CHANAS_MEASURED, 100 + gain(&r, told), 0, 0);
  }
  ask(&r, 100, point);
  for (int i = 0; i < 100; i++)
    sum += gain(&r, point[i].choice) / 100;
  assert_true(sum > 0); /* uniform: about -28 */
  rig_close(&r);
  space_free(space);
}

/* ---- determinism ------------------------------------------------------------------ */

/* A hash of the points of a search in batches, told forwards or backwards. */
struct search {
  struct rig rig;
  uint64_t hash;
  int backwards;
};

static void
search_step(struct search *s, size_t goals)
{
  struct chanas_point point[12];
  struct rig *r = &s->rig;
  int n = ask(r, 12, point);

  (void)goals;
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
    search_step(&s, goals);
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
      search_step(&a, 1);
      search_step(&b, 2);
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
    search_step(&s, goals);
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

/* ---- what is refused, what is drawn ---------------------------------------------------- */

static void
test_refusals(void **state)
{
  struct chanas_space *space = flat_space(5, 4);
  struct capture c;
  struct rig r;
  int status;

  (void)state;
  capture_begin(&c);
  status = rig_open(&r, "exhaustive", space, 1, "limit = 1023\n", 1, one);
  assert_non_null(strstr(capture_end(&c), "limit = 1023"));
  assert_int_equal(status, -1);
  assert_int_equal(rig_open(&r, "exhaustive", space, 1, "limit = 1024\n", 1,
                            one), 0);
  rig_close(&r);
  capture_begin(&c);
  status = rig_open(&r, "evolution", space, 1, "selection = aging\n", 2, two);
  assert_non_null(strstr(capture_end(&c), "selection = aging"));
  assert_int_equal(status, -1);
  space_free(space);
}

static void
test_order_of_exhaustive(void **state)
{
  struct chanas_space *space = flat_space(3, 4);
  struct chanas_point point[64];
  struct rig r;

  (void)state;
  assert_int_equal(rig_open(&r, "exhaustive", space, 1, "", 1, one), 0);
  assert_int_equal(ask(&r, 64, point), 64);
  for (int i = 0; i < 64; i++)
    for (int k = 0; k < 3; k++)
      assert_int_equal(point[i].choice[k], i >> (4 - 2 * k) & 3);
  rig_close(&r);
  space_free(space);
}

/* Over many seeds each of 16 points is as often first as any other, and as
 * often the last of all.  Chi square with 15 degrees of freedom: beyond 37.7
 * in 1 of 1,000 draws, and the seeds are fixed. */
static void
test_random_is_uniform(void **state)
{
  struct chanas_space *space = flat_space(2, 4);
  double first[16] = { 0 }, last[16] = { 0 }, chi[2] = { 0 };
  struct chanas_point point[16];

  (void)state;
  for (uint64_t seed = 0; seed < 1600; seed++) {
    struct rig r;
    assert_int_equal(rig_open(&r, "random", space, seed, "", 1, one), 0);
    assert_int_equal(ask(&r, 16, point), 16);
    first[point[0].choice[0] * 4 + point[0].choice[1]]++;
    last[point[15].choice[0] * 4 + point[15].choice[1]]++;
    rig_close(&r);
  }
  for (int i = 0; i < 16; i++) {
    chi[0] += pow(first[i] - 100, 2) / 100;
    chi[1] += pow(last[i] - 100, 2) / 100;
  }
  assert_true(chi[0] < 37.7);
  assert_true(chi[1] < 37.7);
  space_free(space);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_optimum),
    cmocka_unit_test(test_constraint),
    cmocka_unit_test(test_front),
    cmocka_unit_test(test_exhaustion),
    cmocka_unit_test(test_known_points),
    cmocka_unit_test(test_warm_start),
    cmocka_unit_test(test_warm_start_keeps_best),
    cmocka_unit_test(test_warm_policy),
    cmocka_unit_test(test_deterministic),
    cmocka_unit_test(test_instances),
    cmocka_unit_test(test_warm_order),
    cmocka_unit_test(test_refusals),
    cmocka_unit_test(test_order_of_exhaustive),
    cmocka_unit_test(test_random_is_uniform),
  };
  int failed = cmocka_run_group_tests(tests, NULL, NULL);

  registry_close();
  return failed;
}
