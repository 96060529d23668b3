/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checks a backend: check-plugin [NAME [DESCRIPTION]].  Without a
 * description the device here is asked for its own and the kernels are run;
 * with one (a file of key=value lines) they are only compiled, unless
 * CHANAS_CHECK_RUN is 1 (and CHANAS_CC makes something that runs here).
 *
 *   CHANAS_CHECK_POLICIES  random policies per workload (default 3)
 *   CHANAS_CHECK_GRAPHS    random graphs besides the fixed list (default 10)
 *   CHANAS_CHECK_SEED      of everything random (default 1)
 *   CHANAS_CHECK_EVERY     take every n-th workload of the list (default 1)
 *   CHANAS_CHECK_KEY       this workload only
 *   CHANAS_CC              compiler in place of the backend's own
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "check.h"
#include "file.h"
#include "log.h"
#include "mem.h"

#define SKIP 77
#define TARGETS 3
#define PER_UNIT 12

int check_failures;
size_t check_candidates, check_workloads;

void
check_fail(const char *what, const char *fmt, ...)
{
  va_list args;

  printf("FAIL %s: ", what);
  va_start(args, fmt);
  vprintf(fmt, args);
  va_end(args);
  printf("\n");
  check_failures++;
}

static long
setting(const char *name, long otherwise)
{
  const char *text = getenv(name);

  return text && *text ? strtol(text, NULL, 10) : otherwise;
}

/* Describe twice: the stable lines must be the same. */
static char *
describe(const struct plugin *plugin, const struct chanas_host *host)
{
  struct chanas_text one = { 0 }, two = { 0 };
  char *result;

  if (plugin->backend.describe(host, &one, 0)
      || plugin->backend.describe(host, &two, 0))
    check_fail("describe", "it failed");
  if (strcmp(text_string(&one), text_string(&two)))
    check_fail("describe", "two descriptions differ");
  result = mem_string(text_string(&one));
  text_free(&one);
  text_free(&two);
  return result;
}

static int
target_open(struct target *t, const struct plugin *plugin,
            const char *description, int threads)
{
  struct rng rng = rng_seed(1);
  char *own = NULL, number[16];

  *t = (struct target){ .plugin = plugin };
  t->runs_here = !description || setting("CHANAS_CHECK_RUN", 0);
  t->host = host_open(plugin, NULL, NULL, NULL, &rng);
  if (!t->host)
    return -1;
  if (!description)
    description = own = describe(plugin, host_services(t->host));
  t->device = device_parse(description);
  free(own);
  if (!t->device)
    return -1;
  snprintf(number, sizeof number, "%d", threads);
  device_set(t->device, "threads", number);
  if (plugin->backend.open(host_services(t->host), t->device, &t->self)) {
    check_fail("open", "it failed");
    return -1;
  }
  return 0;
}

static void
target_close(struct target *t)
{
  if (t->self)
    t->plugin->backend.close(t->self);
  device_free(t->device);
  if (t->host)
    host_close(t->host);
}

static void
flush(struct batch *b, const char *folder, uint64_t seed)
{
  if (!batch_build(b, folder) && b->target->runs_here)
    trial_batch(b, seed);
  batch_clear(b);
}

/* The workloads to try: one, or the list and random graphs. */
static void
collect(struct workload_set *set, struct rng *rng, const char *only)
{
  size_t every = (size_t)setting("CHANAS_CHECK_EVERY", 1), i;
  long graphs = setting("CHANAS_CHECK_GRAPHS", 10);
  struct chanas_workload *w;

  if (only) {
    workload_intern(set, workload_parse(only));
    return;
  }
  for (i = 0; sample_key(i); i += every) {
    w = workload_parse(sample_key(i));
    if (w)
      workload_intern(set, w);
    else
      check_fail(sample_key(i), "is no workload");
  }
  for (; graphs > 0; graphs--) {
    w = sample_random(rng);
    if (w)
      workload_intern(set, w);
  }
}

/* Every workload on one of the targets in turn, the default policy on it. */
static void
try_all(struct target targets[TARGETS], const char *folder)
{
  uint64_t seed = (uint64_t)setting("CHANAS_CHECK_SEED", 1);
  size_t i;
  int policies = (int)setting("CHANAS_CHECK_POLICIES", 3), t;
  const char *only = getenv("CHANAS_CHECK_KEY");
  struct rng root = rng_seed(seed), rng = rng_split(&root, "graphs");
  struct batch batch[TARGETS] = { 0 };
  struct workload_set set = { 0 };

  collect(&set, &rng, only);
  check_workloads = set.count;
  for (t = 0; t < TARGETS; t++)
    batch[t].target = &targets[t];
  for (i = 0; i < set.count * (only ? TARGETS : 1); i++) {
    struct batch *b = &batch[i % TARGETS];
    batch_add(b, set.item[i % set.count], policies, &rng);
    if (b->count >= PER_UNIT)
      flush(b, folder, seed);
  }
  for (t = 0; t < TARGETS; t++)
    flush(&batch[t], folder, seed);
  workload_set_free(&set);
}

/* A ceiling or a control kernel that takes no time is none. */
static void
try_device(const struct target *t)
{
  const struct chanas_host *host = host_services(t->host);
  double seconds = 0;

  if (t->plugin->backend.control
      && (t->plugin->backend.control(host, &seconds) || !(seconds > 0)))
    check_fail("control", "it took %g seconds", seconds);
}

static int
check(const struct plugin *plugin, const char *description)
{
  static const int threads[TARGETS] = { 1, 2, 3 };
  struct target target[TARGETS] = { 0 };
  char folder[] = "/tmp/chanas-check-XXXXXX";
  int i, good = 1;

  if (!mkdtemp(folder))
    return 1;
  for (i = 0; i < TARGETS && good; i++)
    good = target_open(&target[i], plugin, description, threads[i]) == 0;
  if (good && !description)
    try_device(&target[0]);
  if (good)
    try_all(target, folder);
  for (i = 0; i < TARGETS; i++)
    target_close(&target[i]);
  if (rmdir(folder))
    printf("what did not compile is in %s\n", folder);
  printf("%s: %zu workloads, %zu candidates, %d failures\n",
         plugin->head.name, check_workloads, check_candidates,
         check_failures);
  return !good || check_failures > 0;
}

int
main(int argc, char **argv)
{
  const struct plugin *plugin;
  struct chanas_text description = { 0 };
  struct rng rng = rng_seed(1);
  struct host *host;
  int bad;

  plugin = registry_get(PLUGIN_BACKEND, argc > 1 ? argv[1] : "x86");
  if (!plugin)
    return argc > 1 ? 1 : SKIP;
  if (argc > 2 && file_read(argv[2], 1 << 20, &description))
    return 1;
  host = host_open(plugin, NULL, NULL, NULL, &rng);
  if (!host)
    return 1;
  if (argc < 3 && plugin->backend.probe(host_services(host))) {
    host_close(host);
    return SKIP;
  }
  host_close(host);
  bad = check(plugin, argc > 2 ? text_string(&description) : NULL);
  text_free(&description);
  return bad;
}
