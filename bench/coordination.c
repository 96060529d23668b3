/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does coordination pay?  Three arms with an equal budget of trials, each
 * from an empty latency table, over several seeds:
 *
 *   fixed   architecture search over default schedules
 *   after   the same, then the whole budget tunes the front's blocks
 *   joint   search and tuning in turn
 *
 * Reported per arm: hypervolume of the front (accuracy up, latency down) as
 * a share of the union's, and the latency at equal accuracy over joint's.
 * Latencies are in units of the control kernel's time, so that a machine
 * that drifts between arms does not decide.
 *
 *   bench/coordination FILE.ini [BUDGET [SEEDS]]
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "log.h"
#include "mem.h"
#include "pareto.h"
#include "proc.h"
#include "search.h"

#define ARMS 3
#define MOST_SEEDS 10
#define LEVELS 9

static const char *const arm_name[ARMS] = { "fixed", "after", "joint" };

struct result {
  size_t n;
  double *value;   /* accuracy, latency pairs */
  size_t trials;
  double seconds;
};

static void
collect(const struct search *r, struct result *out)
{
  double unit = r->tuner.reference_control;

  out->value = mem_array(double, 2 * r->fronts);
  for (size_t i = 0; i < r->fronts; i++) {
    const struct entry *e = &r->archive.entry[r->front[i]];
    out->value[2 * i] = e->accuracy;
    out->value[2 * i + 1] = (e->measured > 0 ? e->measured : e->latency) /
                            unit;
  }
  out->n = r->fronts;
  out->trials = r->tuner.spent;
}

static int
run_arm(const char *ini, const char *arm, const char *budget, int seed,
        const char *table, struct result *out)
{
  char set[3][64];
  const char *sets[] = { set[0], set[1], set[2], NULL };
  struct config *config;
  struct session s;
  struct search r;
  double begun = proc_now();
  int code;

  snprintf(set[0], sizeof set[0], "search.seed=%d", seed);
  snprintf(set[1], sizeof set[1], "search.coordination=%s", arm);
  snprintf(set[2], sizeof set[2], "tuner.budget=%s", budget);
  config = config_read(ini, sets);
  if (config == NULL || session_open(&s, config, table) != 0)
    return -1;
  code = session_start_run(&s, 0);
  if (code == 0)
    code = search_run(&r, &s);
  if (code == 0)
    collect(&r, out);
  out->seconds = proc_now() - begun;
  search_close(&r);
  session_close(&s);
  config_free(config);
  return code;
}

/* Least latency at an accuracy of at least `level`. */
static double
latency_at(const struct result *r, double level)
{
  double best = INFINITY;

  for (size_t i = 0; i < r->n; i++)
    if (r->value[2 * i] >= level && r->value[2 * i + 1] < best)
      best = r->value[2 * i + 1];
  return best;
}

/* Geometric mean over accuracy levels that both fronts reach. */
static double
latency_ratio(const struct result *a, const struct result *joint)
{
  double low = -INFINITY, high = INFINITY, logs = 0;
  const struct result *both[] = { a, joint };

  for (int k = 0; k < 2; k++) {
    double least = INFINITY, most = -INFINITY;
    for (size_t i = 0; i < both[k]->n; i++) {
      least = fmin(least, both[k]->value[2 * i]);
      most = fmax(most, both[k]->value[2 * i]);
    }
    low = fmax(low, least);
    high = fmin(high, most);
  }
  for (int l = 0; l < LEVELS; l++) {
    double level = low + (high - low) * l / (LEVELS - 1);
    logs += log(latency_at(a, level) / latency_at(joint, level));
  }
  return exp(logs / LEVELS);
}

static double
hypervolume(const struct result *r, const double reference[2])
{
  static const int sense[2] = { 1, -1 };

  return pareto_hypervolume(2, sense, r->n, r->value, reference);
}

static void
report_seed(int seed, const struct result r[ARMS], double ratio[ARMS],
            double share[ARMS])
{
  double reference[2] = { INFINITY, 0 }, best;
  struct result all = { 0, NULL, 0, 0 };

  for (int a = 0; a < ARMS; a++) {
    all.value = mem_grow(all.value, 2 * (all.n + r[a].n),
                         sizeof *all.value);
    memcpy(all.value + 2 * all.n, r[a].value,
           2 * r[a].n * sizeof *all.value);
    all.n += r[a].n;
  }
  for (size_t i = 0; i < all.n; i++) {
    reference[0] = fmin(reference[0], all.value[2 * i]);
    reference[1] = fmax(reference[1], all.value[2 * i + 1]);
  }
  best = hypervolume(&all, reference);
  for (int a = 0; a < ARMS; a++) {
    ratio[a] = latency_ratio(&r[a], &r[2]);
    share[a] = hypervolume(&r[a], reference) / best;
    printf("| %d | %s | %.1f %% | %.3f | %zu | %zu | %.0f |\n", seed,
           arm_name[a], 100 * share[a], ratio[a], r[a].n, r[a].trials,
           r[a].seconds);
  }
  fflush(stdout);
  free(all.value);
}

int
main(int argc, char **argv)
{
  const char *budget = argc > 2 ? argv[2] : "500";
  int seeds = argc > 3 ? atoi(argv[3]) : 3;
  double ratio[MOST_SEEDS][ARMS], share[MOST_SEEDS][ARMS];
  char folder[] = "/tmp/chanas-coordination-XXXXXX";

  if (argc < 2 || seeds < 1 || seeds > MOST_SEEDS || !mkdtemp(folder)) {
    fprintf(stderr, "usage: coordination FILE.ini [BUDGET [SEEDS]]\n");
    return 2;
  }
  proc_catch_signals();
  printf("| seed | arm | hypervolume (of the union's) | latency at equal "
         "accuracy / joint | front | trials | seconds |\n"
         "|---|---|---|---|---|---|---|\n");
  for (int seed = 1; seed <= seeds; seed++) {
    struct result r[ARMS] = { 0 };
    for (int a = 0; a < ARMS; a++) {
      char *table = mem_print("%s/%d-%s.db", folder, seed, arm_name[a]);
      if (run_arm(argv[1], arm_name[a], budget, seed, table, &r[a]) != 0)
        return 1;
      free(table);
    }
    report_seed(seed, r, ratio[seed - 1], share[seed - 1]);
    for (int a = 0; a < ARMS; a++)
      free(r[a].value);
  }
  for (int a = 0; a < ARMS; a++) {
    double sum = 0, logs = 0;
    for (int i = 0; i < seeds; i++) {
      sum += share[i][a];
      logs += log(ratio[i][a]);
    }
    printf("| mean | %s | %.1f %% | %.3f | | | |\n", arm_name[a],
           100 * sum / seeds, exp(logs / seeds));
  }
  log_info("tables kept in %s", folder);
  registry_close();
  return 0;
}
