/* SPDX-License-Identifier: Apache-2.0 */
/* chanas tune: every block of a space, searched and listed. */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "cmd.h"
#include "log.h"
#include "mem.h"
#include "proc.h"
#include "progress.h"
#include "tune.h"

static json_t *
number(double value)
{
  return isfinite(value) ? json_real(value) : json_null();
}

static void
print_json(const struct tuner *t)
{
  json_t *list = json_array();

  for (size_t w = 0; w < t->count; w++) {
    const struct schedule *s = &t->tuned[w].schedule;
    json_array_append_new(list, json_pack(
      "{s:s, s:s?, s:o, s:o, s:I}", "workload", s->workload->key, "policy",
      tuner_policy(t, w), "latency_ms", number(1e3 * tuner_latency(t, w)),
      "default_ms", number(1e3 * tuner_default(t, w)), "trials",
      (json_int_t)s->count));
  }
  json_dumpf(list, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
  putchar('\n');
  json_decref(list);
}

static void
print_table(const struct tuner *t)
{
  double logs = 0;
  size_t n = 0;

  printf("   best_ms  default_ms  gain  GFLOP/s  trials  workload\n");
  for (size_t w = 0; w < t->count; w++) {
    const struct schedule *s = &t->tuned[w].schedule;
    double best = tuner_latency(t, w), fixed = tuner_default(t, w);
    printf("%10.4f  %10.4f  %4.2f  %7.1f  %6zu  %s\n", 1e3 * best,
           1e3 * fixed, fixed / best, s->workload->flops / best * 1e-9,
           s->count, s->workload->key);
    if (isfinite(best) && isfinite(fixed)) {
      logs += log(fixed / best);
      n++;
    }
  }
  if (n)
    printf("\n%zu blocks; best over default schedule: %.3f times (geometric "
           "mean)\nCandidates measured now %zu in %.1f s (choosing %.1f, "
           "building %.1f, measuring %.1f); the best again, %zu times, in "
           "%.1f s", n, exp(logs / (double)n), t->measured,
           proc_now() - t->started - t->confirming, t->choosing, t->building,
           t->measuring, t->confirmed, t->confirming);
  for (int o = 1; o < OUTCOMES; o++)
    if (t->outcomes[o])
      printf(", %s %zu", outcome_name((enum chanas_outcome)o),
             t->outcomes[o]);
  printf("\n");
}

/* First trials for all, then up to `trials` while a block still improves. */
static int
tune_all(struct tuner *t)
{
  const struct config *c = t->session->config;
  size_t *list = mem_array(size_t, t->count);
  double *weight = mem_array(double, t->count);
  size_t budget = c->budget ? (size_t)c->budget
                            : (size_t)c->trials * t->count;
  int status;

  for (size_t w = 0; w < t->count; w++) {
    list[w] = w;
    weight[w] = 1;
  }
  progress_begin("tuning", (double)budget);
  status = tuner_cover(t, t->count, list, tuner_first(t));
  if (status == 0 && t->spent < budget)
    status = tuner_focus(t, weight, budget - t->spent);
  if (status == 0)
    status = tuner_confirm(t, t->count, list);
  progress_end();
  free(list);
  free(weight);
  return status;
}

static int
tune(const struct options *o, struct session *s)
{
  struct tuner t;
  size_t count;
  struct block_use *use = family_blocks(s->family, &count);
  int code = use ? tuner_open(&t, s) : EXIT_FAILED;

  free(use);
  if (code)
    return code;
  if (tune_all(&t) < 0)
    code = session_failure(s);
  if (code == 0)
    (o->json ? print_json : print_table)(&t);
  if (proc_stopping())
    log_warn("stopped; the same command goes on where this one ended");
  tuner_close(&t);
  return code;
}

int
cmd_tune(const struct options *o)
{
  struct config *config;
  struct session s;
  int code = cmd_open(o, o->operand[0], &config, &s);

  if (code)
    return code;
  if (!s.measures) {
    log_error("backend %s has no device to tune on", config->backend);
    code = EXIT_UNAVAILABLE;
  } else
    code = session_start_run(&s, 0);
  if (code == EXIT_DONE)
    code = tune(o, &s);
  cmd_close(config, &s);
  return code;
}
