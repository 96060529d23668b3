/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration: precedence, goals, what is refused and in which words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdlib.h>
#include <cmocka.h>
#include "config.h"
#include "capture.h"

static void
test_defaults(void **state)
{
  struct config *config = config_parse("dir/t.ini", "", NULL);

  (void)state;
  assert_non_null(config);
  assert_string_equal(config->folder, "dir");
  assert_int_equal(config->evaluations, 2000);
  assert_true(config->deadline == 20);
  assert_string_equal(config->dtype, "f32");
  assert_int_equal(config->goals, 2);
  assert_string_equal(config->goal[0].name, "accuracy");
  assert_int_equal(config->goal[0].sense, 1);
  assert_string_equal(config->goal[1].name, "latency");
  assert_int_equal(config->goal[1].sense, -1);
  assert_true(isnan(config->goal[0].limit) && isnan(config->goal[1].limit));
  config_free(config);
}

static void
test_values(void **state)
{
  struct config *config = config_parse("t.ini",
    "[search]\nseed = 7\nobjectives = latency:min\n"
    "constraint = latency<5ms accuracy>=90% macs<600M params<=5.5M "
    "rounding<2%\n"
    "[backend]\nplugin = p\nthreads = 3\nown-key = 12\n"
    "[tuner]\nround = 0.5\ncost-model = none\n", NULL);

  (void)state;
  assert_non_null(config);
  assert_int_equal(config->seed, 7);
  assert_int_equal(config->threads, 3);
  assert_string_equal(config->backend, "p");
  assert_true(config->measure_round == 0.5);
  assert_string_equal(config->cost_model, "none");
  assert_int_equal(config->goals, 5);
  assert_true(fabs(config->goal[0].limit - 5e-3) < 1e-12);
  assert_int_equal(config->goal[1].sense, 0);
  assert_string_equal(config->goal[1].name, "accuracy");
  assert_true(config->goal[1].limit == 90);
  assert_true(config->goal[2].limit == 600e6);
  assert_true(config->goal[3].limit == 5.5e6);
  assert_true(config->goal[4].limit == 0.02);
  assert_string_equal(ini_get(ini_find(config->ini, "backend"), "own-key"),
                      "12");
  config_free(config);
}

static void
test_precedence(void **state)
{
  static const char text[] = "[search]\nseed = 1\nbatch = 2\n"
                             "[tuner]\nper-unit = 4\n[strategy]\na_b = 1\n";
  static const char *const set[] = { "search.seed=3", "strategy.x=a=b", NULL };
  struct config *config;

  (void)state;
  setenv("CHANAS_SEARCH_SEED", "2", 1);
  setenv("CHANAS_TUNER_PER_UNIT", "5", 1);
  setenv("CHANAS_STRATEGY_A_B", "6", 1);
  setenv("CHANAS_STRATEGY_MUTATION_RATE", "0.5", 1);
  setenv("CHANAS_SEARCH_BATCH", "", 1);
  config = config_parse("t.ini", text, set);
  unsetenv("CHANAS_SEARCH_SEED");
  unsetenv("CHANAS_TUNER_PER_UNIT");
  unsetenv("CHANAS_STRATEGY_A_B");
  unsetenv("CHANAS_STRATEGY_MUTATION_RATE");
  unsetenv("CHANAS_SEARCH_BATCH");
  assert_non_null(config);
  assert_int_equal(config->seed, 3);
  assert_int_equal(config->search_batch, 2);
  assert_int_equal(config->per_unit, 5);
  assert_string_equal(ini_get(ini_find(config->ini, "strategy"), "a_b"), "6");
  assert_string_equal(ini_get(ini_find(config->ini, "strategy"),
                              "mutation-rate"), "0.5");
  assert_string_equal(ini_get(ini_find(config->ini, "strategy"), "x"), "a=b");
  config_free(config);
}

/* Equal configurations give equal text, and the text gives itself. */
static void
test_text(void **state)
{
  struct config *a = config_parse("a.ini",
    "[strategy]\nzeta = 1\nalpha = 2\nplugin = rl\n[search]\nseed=5\n", NULL);
  struct config *b, *c;
  static const char *const set[] = { "search.seed=5", NULL };
  char *x, *y, *z;

  (void)state;
  b = config_parse("b.ini", "[search]\nseed = 6\n[tuner]\nround = 2e-3\n"
                   "[strategy]\nalpha = 2\nplugin = rl\nzeta = 1\n", set);
  assert_non_null(a);
  assert_non_null(b);
  x = config_text(a);
  y = config_text(b);
  assert_string_equal(x, y);
  assert_non_null(strstr(x, "\n[strategy]\nplugin = rl\nalpha = 2\nzeta = 1"));
  assert_non_null(strstr(x, "\nround = 0.002\n"));
  c = config_parse("c.ini", x, NULL);
  assert_non_null(c);
  z = config_text(c);
  assert_string_equal(x, z);
  free(x);
  free(y);
  free(z);
  config_free(a);
  config_free(b);
  config_free(c);
}

static const struct bad { const char *text, *set, *what; } bad[] = {
  { "[serach]\n", NULL, "t.ini:1: there is no section [serach]; did you mean "
    "[search]?" },
  { "[search]\n[zzzzzzzzzz]\n", NULL, "t.ini:2: there is no section "
    "[zzzzzzzzzz]; there are search" },
  { "[search]\nseed = 1\nevalutions = 5\n", NULL, "t.ini:3" },
  { "[search]\nevalutions = 5\n", NULL, "evaluations" },
  { "[search]\nseed = x\n", NULL, "t.ini:2: [search] seed must be a whole "
    "number, not 'x'" },
  { "[search]\nbatch = 0\n", NULL, "t.ini:2: [search] batch must be in "
    "1..100000, not 0" },
  { "[search]\nbatch = 1.5\n", NULL, "must be a whole number" },
  { "[search]\nbatch = 99999999999999999999\n", NULL, "a whole number" },
  { "[backend]\ndeadline = nan\n", NULL, "must be a number, not 'nan'" },
  { "[backend]\ndtype = f8\n", NULL,
    "must be one of f32|bf16|f16|tf32|i8, not 'f8'" },
  { "[tuner]\ncost-model = gpp\n", NULL, "one of gp|none, not 'gpp'" },
  { "[search]\nobjectives =\n", NULL, "nothing to optimise" },
  { "[search]\nobjectives = latency\n", NULL, "latency:max or latency:min" },
  { "[search]\nobjectives = latency:low\n", NULL, "latency:max or" },
  { "[search]\nobjectives = latncy:min\n", NULL, "did you mean 'latency'?" },
  { "[search]\nobjectives = macs:min macs:min\n", NULL, "'macs' is there "
    "twice" },
  { "[search]\nconstraint = latency\n", NULL, "'latency' is no limit" },
  { "[search]\nconstraint = latency<5\n", NULL, "'latency<5' has the unit ''; "
    "latency takes s, ms or us" },
  { "[search]\nconstraint = latency<5ks\n", NULL, "has the unit 'ks'" },
  { "[search]\nconstraint = rounding<5ms\n", NULL, "rounding takes nothing "
    "or %, such as rounding<2%" },
  { "[search]\nconstraint = rounding>5%\n", NULL, "bounded from above" },
  { "[search]\nconstraint = macs<5T\n", NULL, "macs takes nothing, k, M" },
  { "[search]\nconstraint = latency<-5ms\n", NULL, "a number above 0" },
  { "[search]\nconstraint = latency< 5ms\n", NULL, "a number above 0" },
  { "[search]\nconstraint = latency>5ms\n", NULL, "bounded from above" },
  { "[search]\nconstraint = accuracy<5\n", NULL, "bounded from below" },
  { "[search]\nconstraint = accuracy>101\n", NULL, "at most 100" },
  { "[search]\nconstraint = macs<5 macs<6\n", NULL, "t.ini:2: [search] "
    "constraint: 'macs' is bounded twice" },
  { "[search]\nconstraint = speed<5\n", NULL, "no quantity 'speed'; there "
    "are" },
  { "", "search.seed", "write --set section.key=value" },
  { "", "seed=4", "write --set section.key=value" },
  { "", "search.=4", "write --set section.key=value" },
  { "", "sarch.seed=4", "--set: there is no section [sarch]; did you mean "
    "[search]?" },
  { "", "search.sed=4", "seed" },
  { "", "search.seed=-1", "[search] seed (set on the command line or by the "
    "environment) must be in 0..9007199254740992, not -1" },
};

static void
test_refused(void **state)
{
  (void)state;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    const char *const set[] = { bad[i].set, NULL };
    struct config *config;
    struct capture c;
    capture_begin(&c);
    config = config_parse("t.ini", bad[i].text, set);
    capture_end(&c);
    if (config || !strstr(c.text, bad[i].what) ||
        strchr(c.text, '\n') != c.text + strlen(c.text) - 1)
      fail_msg("'%s' %s: %s", bad[i].text, bad[i].set ? bad[i].set : "",
               c.text);
  }
}

static void
test_keys(void **state)
{
  (void)state;
  assert_null(config_keys("stage"));
  assert_string_equal(config_keys("strategy")[0], "plugin");
  assert_null(config_keys("strategy")[1]);
  assert_string_equal(config_keys("space")[0], "file");
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_defaults),
    cmocka_unit_test(test_values),
    cmocka_unit_test(test_precedence),
    cmocka_unit_test(test_text),
    cmocka_unit_test(test_refused),
    cmocka_unit_test(test_keys),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
