/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program chanas-check-plugin.  Workloads go to the thread counts in
 * turn; a batch of candidates is drawn, emitted, compiled and run, then the
 * next one.
 */
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "check.h"
#include "log.h"
#include "mem.h"
#include "proc.h"
#include "progress.h"

#define BATCH 96 /* candidates for each job */

/* The same block, of another type. */
static struct chanas_workload *
as_dtype(const char *key, int dtype)
{
  const char *rest = strchr(key, '/');
  char *text = mem_print("%s%s", dtype_name(dtype), rest ? rest : "");
  struct chanas_workload *w = workload_parse(text);

  free(text);
  return w;
}

static void
count(struct check *c, const struct chanas_workload *w)
{
  c->workloads++;
  c->dtype[w->dtype].workloads++;
  for (int k = 0; k < CHECK_KINDS; k++)
    for (uint32_t i = 0; i < w->ops; i++)
      if (w->op[i].kind == k) {
        c->kind[k].workloads++;
        break;
      }
}

/* ---- which workloads ---- */

static void
add_dtype(const struct options *o, int dtype, struct workload_set *set)
{
  struct rng root = rng_seed(o->seed), rng = rng_split(&root, "graphs");
  struct chanas_workload *w;

  for (size_t i = 0; sample_key(i); i += (size_t)o->every)
    if ((w = as_dtype(sample_key(i), dtype)))
      workload_intern(set, w);
  for (int i = 0; i < o->graphs; i++)
    if ((w = sample_random(&rng, dtype)))
      workload_intern(set, w);
}

static unsigned
accepted(struct check *c)
{
  unsigned wanted = c->options->dtypes, there = 0;

  for (int d = 0; d < CHECK_DTYPES; d++)
    if (draw_accepts(c, d))
      there |= 1u << d;
    else if (wanted & 1u << d)
      verdict_fail(c, NULL, NULL, NULL, "--dtype %s: the backend has none",
                   dtype_name(d));
  if (!there)
    verdict_fail(c, NULL, NULL, NULL, "space() takes no type at all");
  return wanted ? there & wanted : there;
}

/* -1: the key that was asked for is none. */
static int
collect(struct check *c, unsigned dtypes, struct workload_set *set)
{
  struct chanas_workload *w;

  for (int d = 0; d < CHECK_DTYPES && !c->options->key; d++)
    if (dtypes & 1u << d)
      add_dtype(c->options, d, set);
  if (!c->options->key)
    return 0;
  w = workload_parse(c->options->key);
  if (w)
    workload_intern(set, w);
  return w ? 0 : -1;
}

/* ---- trying them ---- */

/* All that is to be tried, and where that is. */
struct course {
  struct check *check;
  struct workload_set *set;
  unsigned dtypes;
  struct rng rng, graphs; /* policies; further workloads */
  struct batch batch[CHECK_THREADS];
  size_t next, total;     /* workloads, more than once each with --key */
};

static void
flush(struct course *u, struct batch *b)
{
  struct check *c = u->check;
  int goal = c->options->candidates;
  double done = (double)u->next / (double)(u->total ? u->total : 1);
  char note[60];

  trial_batch(c, b);
  if (goal && (double)c->candidates / goal < done)
    done = (double)c->candidates / goal;
  snprintf(note, sizeof note, "%zu candidates, %zu failures", c->candidates,
           json_array_size(c->failures));
  progress_update(100 * done, note);
}

static void
try_one(struct course *u, const struct chanas_workload *w)
{
  struct check *c = u->check;
  struct batch *b = &u->batch[u->next++ % c->targets];

  count(c, w);
  draw_workload(c, b, w, &u->rng);
  if (b->count >= (size_t)(BATCH * c->options->jobs))
    flush(u, b);
}

/* A random workload that was not there yet, of one of the types in turn. */
static const struct chanas_workload *
further(struct course *u)
{
  struct chanas_workload *w;
  size_t known = u->set->count;

  for (int i = 0; i < 10000; i++) {
    int dtype = i % CHECK_DTYPES;
    if (!(u->dtypes & 1u << dtype)
        || !(w = sample_random(&u->graphs, dtype)))
      continue;
    workload_intern(u->set, w);
    if (u->set->count > known)
      return u->set->item[known];
  }
  return NULL;
}

static void
try_all(struct course *u)
{
  struct check *c = u->check;
  size_t known = u->set->count, goal = (size_t)c->options->candidates;
  const struct chanas_workload *w;

  for (size_t t = 0; t < c->targets; t++)
    u->batch[t].target = &c->target[t];
  u->total = known * (c->options->key ? c->targets : 1);
  progress_begin(c->plugin->head.name, 100);
  while (u->next < u->total && !proc_stopping())
    try_one(u, u->set->item[u->next % known]);
  while (!c->options->key && c->candidates < goal && !proc_stopping()
         && (w = further(u)))
    try_one(u, w);
  for (size_t t = 0; t < c->targets; t++)
    flush(u, &u->batch[t]);
  progress_end();
}

static int
check_workloads(struct check *c)
{
  struct rng root = rng_seed(c->options->seed);
  struct workload_set set = { 0 };
  struct course u = { .check = c, .set = &set, .dtypes = accepted(c),
                      .rng = rng_split(&root, "policies"),
                      .graphs = rng_split(&root, "further") };
  int bad = collect(c, u.dtypes, &set);

  if (!bad) {
    try_all(&u);
    for (int d = 0; d < CHECK_DTYPES && !c->options->key; d++)
      if (u.dtypes & 1u << d && !proc_stopping())
        whole_check(c, &c->target[0], d);
  }
  workload_set_free(&set);
  return bad ? CHECK_USAGE : CHECK_KEPT;
}

/* ---- the program ---- */

static int
run(struct check *c)
{
  static const int in_turn[CHECK_THREADS] = { 1, 2, 3 };
  int own = c->options->threads, code = target_describe(c);

  for (int i = 0; code == CHECK_KEPT && i < (own ? 1 : CHECK_THREADS); i++) {
    c->targets++;
    code = target_open(c, &c->target[i], own ? own : in_turn[i]);
  }
  if (code == CHECK_KEPT)
    code = check_workloads(c);
  for (size_t i = 0; i < c->targets; i++)
    target_close(c, &c->target[i]);
  return code;
}

static struct ini *
settings(const struct options *o)
{
  struct ini *ini = ini_parse_text("--set", "[backend]\n");

  for (size_t i = 0; ini && i < o->set.count; i++) {
    char *key = mem_string(o->set.arg[i]), *value = strchr(key, '=');
    *value++ = '\0';
    ini_set(ini, "backend", key, value);
    free(key);
  }
  return ini;
}

/* A backend that measures: the others schedule nothing. */
static const struct plugin *
find_plugin(const char *name)
{
  const struct plugin *p = registry_get(PLUGIN_BACKEND, name);

  if (p && !CHANAS_HAS(&p->backend, emit)) {
    log_error("backend %s emits no kernels, so there is nothing to check",
              name);
    return NULL;
  }
  return p;
}

static int
check(const struct options *o)
{
  struct check c = { .options = o, .plugin = find_plugin(o->plugin) };
  double start = proc_now();
  int code;

  if (!c.plugin)
    return CHECK_UNAVAILABLE;
  c.ini = settings(o);
  c.failures = json_array();
  code = run(&c);
  if (code == CHECK_KEPT || (c.device && json_array_size(c.failures)))
    code = verdict_print(&c, proc_now() - start);
  json_decref(c.failures);
  device_free(c.device);
  ini_free(c.ini);
  return code;
}

int
main(int argc, char **argv)
{
  struct options options;
  int served, code;

  setlocale(LC_ALL, "C");
  code = options_parse(argc, argv, &options, &served);
  if (code == CHECK_KEPT && !served) {
    proc_catch_signals();
    code = check(&options);
    registry_close();
  }
  args_free(&options.set);
  if (fflush(stdout) || ferror(stdout)) {
    log_error("standard output: cannot write");
    code = code ? code : CHECK_BROKEN;
  }
  return proc_stop_signal() ? 128 + proc_stop_signal() : code;
}
