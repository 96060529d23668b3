/* SPDX-License-Identifier: Apache-2.0 */
/* A strategy under test: opened as the host does it, and problems for it. */
#ifndef TESTS_STRATEGY_RIG_H
#define TESTS_STRATEGY_RIG_H
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
#include "registry.h"
#include "space.h"

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
static inline int
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

static inline void
rig_close(struct rig *r)
{
  r->plugin->strategy.close(r->self);
  host_close(r->host);
  ini_free(r->ini);
}

static inline int
ask(struct rig *r, size_t max, struct chanas_point *out)
{
  int n = r->plugin->strategy.ask(r->self, max, out);

  assert_true(n >= 0 && (size_t)n <= max);
  return n;
}

static inline void
tell(struct rig *r, const int32_t *choice, enum chanas_outcome outcome,
     double a, double b, double violation)
{
  double objective[2] = { a, b };
  struct chanas_trial trial = { { r->space, choice }, outcome, objective,
                                violation };

  assert_int_equal(r->plugin->strategy.tell(r->self, 1, &trial), 0);
}

/* ---- problems ---------------------------------------------------------- */

static inline struct chanas_space *
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
static inline struct chanas_space *
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
static inline double
gain(const struct rig *r, const int32_t *choice)
{
  double sum = 50;

  for (size_t k = 0; k < r->knobs; k++)
    sum += fabs(choice[k] - (double)(3 * k % 4)) * -(double)(k + 1);
  return sum;
}

/* A price that pulls the other way. */
static inline double
price(const struct rig *r, const int32_t *choice)
{
  double sum = 10;

  for (size_t k = 0; k < r->knobs; k++)
    sum += choice[k] * (double)(r->knobs - k);
  return sum;
}
#endif
