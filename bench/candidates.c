/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one candidate costs: spawning, the runner's start, loading, verifying
 * and timing, building, and how many candidates a second come through.
 *
 *   bench/candidates [BACKEND [WORKLOAD...]]
 *
 * Every candidate is a random legal policy with its own source.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "build.h"
#include "device.h"
#include "host.h"
#include "measure.h"
#include "mem.h"
#include "outcome.h"
#include "pool.h"
#include "proc.h"
#include "reference.h"
#include "registry.h"
#include "rng.h"
#include "space.h"
#include "workload.h"

#define SPAWNS 200
#define CANDIDATES 32
#define TRIES 100000

static const char *const workloads[] = {
  "f32/n1/i14x14x32/conv:k1,s1,p0,o32,relu6,b,x0",
  "f32/n1/i14x14x96/conv:k1,s1,p0,o576,relu6,b,x0/dw:k3,s1,p1,relu6,b,x1/"
  "conv:k1,s1,p0,o96,none,b,x2/add:none,x3,0",
  "f32/n1/i56x56x24/conv:k1,s1,p0,o144,relu6,b,x0/dw:k3,s2,p1,relu6,b,x1/"
  "conv:k1,s1,p0,o32,none,b,x2",
};

struct setup {
  const struct plugin *plugin;
  struct host *host;
  struct measure *measure;
  struct chanas_device *device;
  void *self;
  struct build *build;
};

static int
open_all(struct setup *s, const char *backend)
{
  s->plugin = registry_get(PLUGIN_BACKEND, backend);
  if (!s->plugin)
    return -1;
  s->host = host_open(s->plugin, NULL, NULL, NULL, NULL);
  struct measure_config config = {.backend = s->plugin, .threads = 1,
                                  .seed = 1};
  if (!s->host || !(s->measure = measure_open(&config)) ||
      !(s->device = measure_describe(s->measure, 0)))
    return -1;
  device_set(s->device, "threads", "1");
  if (s->plugin->backend.open(host_services(s->host), s->device, &s->self))
    return -1;
  s->build = build_open(s->plugin, s->self, NULL, pool_cpus());
  return s->build ? 0 : -1;
}

static void
close_all(struct setup *s)
{
  build_close(s->build);
  s->plugin->backend.close(s->self);
  measure_close(s->measure);
  host_close(s->host);
  device_free(s->device);
  registry_close();
}

static double
spawn_seconds(const char *program)
{
  struct chanas_args args = {0};
  struct proc_limits limits = {.seconds = 60};
  args_add(&args, program);
  double start = proc_now();
  for (int i = 0; i < SPAWNS; i++) {
    struct proc_result r;
    proc_run(&args, NULL, "", 0, &limits, &r);
    proc_result_free(&r);
  }
  args_free(&args);
  return (proc_now() - start) / SPAWNS;
}

/* Processor time of all children so far: the other figures are wall-clock and
 * suffer from whatever else runs. */
static double
children_seconds(void)
{
  struct rusage u;
  getrusage(RUSAGE_CHILDREN, &u);
  return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
         1e-6 * (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

/* Sources of CANDIDATES policies; fewer if the space is small. */
static size_t
emit_all(struct setup *s, const struct chanas_workload *w,
         struct build_unit unit[])
{
  const struct chanas_backend *b = &s->plugin->backend;
  struct chanas_space *space = space_new();
  struct rng r = rng_seed(1);
  size_t n = 0;
  if (b->space(s->self, w, space))
    exit(1);
  int32_t *choice = mem_array(int32_t, space->knobs);
  struct chanas_point point = {space, choice};
  b->initial(s->self, w, space, choice);
  for (int i = 0; i < TRIES && n < CANDIDATES; i++) {
    struct chanas_text text = {0};
    char *symbol = mem_print("k%zu", n);
    if (b->legal(s->self, w, point) > 0 &&
        !b->emit(s->self, w, point, symbol, &text))
      unit[n++] = (struct build_unit){.symbol = symbol, .source = text.data};
    else
      free(symbol);
    space_random(space, &r, choice);
  }
  free(choice);
  space_free(space);
  return n;
}

static double
reference_seconds(const struct chanas_workload *w)
{
  float *x = mem_array(float, w->inputs), *y = mem_array(float, w->outputs);
  float *p = mem_array(float, w->weights);
  reference_weights(w, 1, p);
  double start = proc_now();
  reference_run(w, x, p, y);
  double seconds = proc_now() - start;
  free(x);
  free(y);
  free(p);
  return seconds;
}

static void
report(struct setup *s, const char *key)
{
  struct build_unit unit[CANDIDATES];
  struct chanas_workload *w = workload_parse(key);
  double best = 0, reference;
  size_t measured = 0;
  if (!w)
    exit(1);
  size_t n = emit_all(s, w, unit);
  reference = reference_seconds(w);
  double start = proc_now(), cpu = children_seconds();
  build_units(s->build, n, unit, 8);
  double built = proc_now(), cpu_built = children_seconds();
  for (size_t i = 0; i < n; i++) {
    struct measure_result r = {.outcome = CHANAS_NOT_BUILT};
    if (unit[i].object)
      measure_workload(s->measure, unit[i].object, unit[i].symbol, w, 1, &r);
    if (r.outcome != CHANAS_MEASURED) {
      printf("  %s: %s\n", outcome_name(r.outcome),
             unit[i].object ? r.detail : unit[i].error);
      continue;
    }
    measured++;
    best = best > 0 && best < r.latency ? best : r.latency;
  }
  double end = proc_now(), ms = 1e3 / (double)n;
  printf("%s\n  %zu of %zu measured, best %.3f ms; a candidate: build %.1f ms "
         "(CPU %.1f), job %.1f ms (CPU %.1f, reference %.1f); "
         "%.1f candidates/s\n", w->key, measured, n, best * 1e3,
         (built - start) * ms, (cpu_built - cpu) * ms, (end - built) * ms,
         (children_seconds() - cpu_built) * ms, reference * 1e3,
         (double)n / (end - start));
  for (size_t i = 0; i < n; i++) {
    free((char *)unit[i].symbol);
    free((char *)unit[i].source);
  }
  build_units_free(n, unit);
  workload_free(w);
}

int
main(int argc, char **argv)
{
  struct setup s = {0};
  const char *runner = getenv("CHANAS_RUNNER");
  setenv("CHANAS_BUILD_CACHE", "0", 1);
  if (open_all(&s, argc > 1 ? argv[1] : "x86"))
    return 4;
  printf("bare spawn (true) %.2f ms", spawn_seconds("true") * 1e3);
  if (runner) {
    struct measure_config config = {.backend = s.plugin, .rounds = 3,
                                    .round = 1e-5, .threads = 1};
    struct measure *m = measure_open(&config);
    double start = proc_now();
    for (int i = 0; i < SPAWNS / 4; i++)
      device_free(measure_describe(m, 0));
    printf(", a runner that loads the plugin and describes %.2f ms",
           (proc_now() - start) / (SPAWNS / 4) * 1e3);
    measure_close(m);
  }
  printf("\n");
  for (int i = 2; i < argc; i++)
    report(&s, argv[i]);
  for (size_t i = 0; argc < 3 && i < sizeof workloads / sizeof *workloads; i++)
    report(&s, workloads[i]);
  close_all(&s);
  return 0;
}
