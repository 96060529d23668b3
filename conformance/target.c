/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The device and what is opened for it.  The device half is only ever asked
 * in a runner, so a driver that crashes is a finding like any other.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "check.h"
#include "file.h"
#include "log.h"
#include "mem.h"

#define ROUND 1e-6 /* seconds of a timed batch: next to nothing */

/* All settings of the plugin, as a session would send them. */
static char *
settings(const struct check *c, struct host *h)
{
  const struct chanas_host *host = host_services(h);
  const struct chanas_param *p = c->plugin->head.params;
  struct chanas_text text = { 0 };

  text_append(&text, "", 0);
  for (; p && p->key; p++)
    text_print(&text, "%s=%s\n", p->key, host->get(host->ctx, p->key));
  return text.data;
}

static struct host *
open_host(const struct check *c)
{
  struct rng rng = rng_seed(c->options->seed);

  return host_open(c->plugin, c->ini, ini_find(c->ini, "backend"), NULL,
                   &rng);
}

static struct measure *
open_measure(const struct check *c, struct host *host, int threads)
{
  char *text = settings(c, host);
  struct measure_config config = {
    .backend = c->plugin, .settings = text, .runner = c->options->runner,
    .deadline = c->options->deadline, .round = ROUND, .rounds = 3,
    .seed = c->options->seed, .threads = threads,
  };
  struct measure *m = measure_open(&config);

  free(text);
  return m;
}

/* Twice, each in a process of its own: what makes the fingerprint stays. */
static struct chanas_device *
ask(struct check *c, struct measure *m)
{
  struct chanas_device *d = measure_describe(m, 0);
  struct chanas_device *again = d ? measure_describe(m, 1) : NULL;

  if (d && !again)
    verdict_fail(c, NULL, NULL, NULL,
                 "describe() works without ceilings and fails with them");
  else if (d && strcmp(d->fingerprint, again->fingerprint))
    verdict_fail(c, NULL, NULL, NULL, "describe() twice gives two "
                 "fingerprints, %s and %s", d->fingerprint,
                 again->fingerprint);
  device_free(again);
  return d;
}

static struct chanas_device *
read_file(const char *path)
{
  struct chanas_text text = { 0 };
  struct chanas_device *d = NULL;

  if (file_read(path, 1 << 20, &text) == 0)
    d = device_parse(text_string(&text));
  text_free(&text);
  return d;
}

int
target_describe(struct check *c)
{
  struct host *host = open_host(c);
  struct measure *m = NULL;

  if (!host)
    return CHECK_USAGE;
  if (c->options->device)
    c->device = read_file(c->options->device);
  else if ((m = open_measure(c, host, 1)))
    c->device = ask(c, m);
  measure_close(m);
  host_close(host);
  if (c->device)
    return CHECK_KEPT;
  return c->options->device ? CHECK_USAGE : CHECK_UNAVAILABLE;
}

static int
open_halves(struct check *c, struct target *t)
{
  for (int i = 0; i < 2; i++) {
    t->host[i] = open_host(c);
    if (!t->host[i])
      return CHECK_USAGE;
    if (c->plugin->backend.open(host_services(t->host[i]), t->device,
                                &t->self[i])) {
      log_error("backend %s cannot be opened for this device",
                c->plugin->head.name);
      return CHECK_UNAVAILABLE;
    }
  }
  return CHECK_KEPT;
}

static int
open_runners(struct check *c, struct target *t)
{
  if (c->options->compile_only)
    return CHECK_KEPT;
  t->measure = mem_array(struct measure *, (size_t)t->jobs);
  for (int i = 0; i < t->jobs; i++) {
    t->measure[i] = open_measure(c, t->host[0], t->threads);
    if (!t->measure[i])
      return CHECK_UNAVAILABLE;
  }
  return CHECK_KEPT;
}

/* A copy of the description with what a session adds to it. */
static struct chanas_device *
describe_for(const struct check *c, int threads)
{
  char *text = device_text(c->device), number[16];
  struct chanas_device *d = device_parse(text);
  const char *cc = getenv("CHANAS_CC");

  if (!cc || !*cc)
    cc = c->options->compiler ? c->options->compiler : "cc";
  snprintf(number, sizeof number, "%d", threads);
  device_set(d, "threads", number);
  device_set(d, "compiler", cc);
  free(text);
  return d;
}

int
target_open(struct check *c, struct target *t, int threads)
{
  int code;

  *t = (struct target){ .threads = threads, .jobs = c->options->jobs,
                        .device = describe_for(c, threads) };
  code = open_halves(c, t);
  if (code == CHECK_KEPT)
    code = open_runners(c, t);
  if (code != CHECK_KEPT)
    return code;
  t->build = build_open(c->plugin, t->self[0], c->options->compiler,
                        c->options->jobs);
  return t->build ? CHECK_KEPT : CHECK_UNAVAILABLE;
}

void
target_close(const struct check *c, struct target *t)
{
  build_close(t->build);
  for (int i = 0; t->measure && i < t->jobs; i++)
    measure_close(t->measure[i]);
  free(t->measure);
  for (int i = 0; i < 2; i++) {
    if (t->self[i])
      c->plugin->backend.close(t->self[i]);
    if (t->host[i])
      host_close(t->host[i]);
  }
  device_free(t->device);
}
