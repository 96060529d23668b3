/* SPDX-License-Identifier: Apache-2.0 */
/* chanas measure: one network, built whole and measured. */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "cmd.h"
#include "context.h"
#include "export.h"
#include "log.h"
#include "mem.h"
#include "outcome.h"
#include "proc.h"
#include "progress.h"
#include "report.h"
#include "whole.h"

static struct chanas_network *
named_network(const struct options *o, struct session *s)
{
  int32_t *choice = mem_array(int32_t, family_space(s->family)->knobs + 1);
  struct chanas_network *net = NULL;

  if (o->code == NULL ||
      network_parse_code(s->family, o->code, choice) == 0)
    net = network_build(s->family, choice);
  free(choice);
  return net;
}

static size_t *
workloads_of(const struct chanas_network *net)
{
  size_t *list = mem_array(size_t, net->blocks);

  for (size_t b = 0; b < net->blocks; b++)
    list[b] = net->block[b].workload;
  return list;
}

static double
sum_of(const struct tuner *t, const struct chanas_network *net, int best)
{
  double sum = 0;

  for (size_t b = 0; b < net->blocks; b++)
    sum += best ? tuner_latency(t, net->block[b].workload)
                : tuner_default(t, net->block[b].workload);
  return sum;
}

/* At least the default schedule of every block; the first trials, unless the
 * default is all that is wanted. */
static int
ensure_tuned(struct tuner *t, const struct chanas_network *net, int fixed)
{
  size_t *list = workloads_of(net);
  int status;

  progress_begin("tuning", 0);
  status = tuner_cover(t, net->blocks, list, fixed ? 1 : tuner_first(t));
  if (status == 0 && !fixed)
    status = tuner_confirm(t, net->blocks, list);
  progress_end();
  free(list);
  return status;
}

/* Default policies, or the best of each block, chosen in context. */
static char **
schedules_of(struct tuner *t, struct chanas_network *net, int fixed)
{
  if (ensure_tuned(t, net, fixed) < 0)
    return NULL;
  if (proc_stopping()) {
    log_warn("stopped; the same command goes on where this one ended");
    return NULL;
  }
  if (fixed)
    return schedules_choose(t, net, 0);
  if (context_choose(t, 1, &net, (size_t)t->session->config->context) < 0)
    return NULL;
  return context_schedules(t, net, 1);
}

static void
print_result(const struct options *o, const struct tuner *t,
             const struct chanas_network *net, const struct measure_result *m)
{
  double sum = sum_of(t, net, !o->fixed);

  if (o->json) {
    json_t *j = json_pack(
      "{s:s, s:s, s:f, s:f, s:f, s:f, s:f, s:f}", "code", net->code,
      "outcome", outcome_name(m->outcome), "latency_sum_ms",
      isfinite(sum) ? 1e3 * sum : -1, "latency_measured_ms",
      1e3 * m->latency, "latency_least_ms", 1e3 * m->minimum,
      "latency_ci_ms", 1e3 * m->ci, "macs", net->macs, "params",
      net->params);
    json_dumpf(j, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
    putchar('\n');
    json_decref(j);
    return;
  }
  printf("network        %s\nMACs           %.3f M\nparameters     %.3f M\n"
         "sum of blocks  %.4f ms (%s schedules)\n"
         "measured       %.4f ms +- %.4f (95 %% of the median), least %.4f\n"
         "speed          %.1f GFLOP/s\n"
         "difference     %.2g of the reference's scale\n",
         net->code, 1e-6 * net->macs, 1e-6 * net->params, 1e3 * sum,
         o->fixed ? "default" : "best", 1e3 * m->latency, 1e3 * m->ci,
         1e3 * m->minimum, 2e-9 * net->macs / m->latency, m->difference);
}

/* The network as it was measured, with random parameters. */
static int
leave(struct session *s, const struct chanas_network *net, char **policy,
      const char *dir)
{
  float **parameters = export_parameters(net, NULL);
  int code = export_program(s, net, policy, parameters, NULL, dir);

  export_parameters_free(parameters, net);
  return code;
}

static int
run(const struct options *o, struct session *s, struct chanas_network *net)
{
  struct measure_result result;
  struct tuner t;
  char **policy;
  int code = tuner_open(&t, s);

  if (code)
    return code;
  policy = schedules_of(&t, net, o->fixed);
  if (policy) {
    whole_measure(s, 1, &net, &policy, &result);
    if (result.outcome == CHANAS_MEASURED)
      print_result(o, &t, net, &result);
    else
      log_error("network %s: %s: %s", net->code,
                outcome_name(result.outcome), result.detail);
    if (result.outcome == CHANAS_MEASURED && o->output)
      code = leave(s, net, policy, o->output);
    schedules_free(policy, net);
  }
  if (!policy || result.outcome != CHANAS_MEASURED)
    code = session_failure(s);
  tuner_close(&t);
  return code;
}

/* A backend without a device says what it knows; nothing is measured. */
static int
replay(const struct options *o, struct session *s,
       const struct chanas_network *net)
{
  double sum;

  if (o->output) {
    log_error("backend %s replays latencies: it has no kernels for %s",
              s->backend->head.name, o->output);
    return EXIT_UNAVAILABLE;
  }
  if (session_replay(s, net, &sum) < 0)
    return EXIT_FAILED;
  if (o->json)
    printf("{\n  \"code\": \"%s\",\n  \"outcome\": \"replayed\",\n"
           "  \"latency_sum_ms\": %.9g,\n  \"macs\": %.9g,\n"
           "  \"params\": %.9g\n}\n", net->code, 1e3 * sum, net->macs,
           net->params);
  else
    printf("network        %s\nMACs           %.3f M\n"
           "parameters     %.3f M\nsum of blocks  %.4f ms (replayed by %s: "
           "nothing was measured)\n", net->code, 1e-6 * net->macs,
           1e-6 * net->params, 1e3 * sum, s->backend->head.name);
  return EXIT_DONE;
}

int
cmd_measure(const struct options *o)
{
  struct config *config;
  struct session s;
  struct chanas_network *net = NULL;
  int code = cmd_open(o, o->operand[0], &config, &s);

  if (code)
    return code;
  if ((net = named_network(o, &s)) == NULL)
    code = EXIT_USAGE;
  else if (!s.measures)
    code = replay(o, &s, net);
  else if ((code = session_start_run(&s, 0)) == EXIT_DONE)
    code = run(o, &s, net);
  network_free(net);
  cmd_close(config, &s);
  return code;
}
