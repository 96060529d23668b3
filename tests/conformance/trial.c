/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Running candidates in a child: x and y end at an unreadable page, y has a
 * guard zone before it, x must stay as it was, and the result must equal the
 * reference, in the first run and in the next.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "check.h"
#include "log.h"
#include "mem.h"
#include "reference.h"

#define GUARD 64 /* floats before y */
#define SECONDS 60

/* What the child tells its parent. */
struct report { size_t current; int done; };

/* Floats that end where an unreadable page begins. */
struct edge { void *map; size_t size; float *data; };

static struct edge
edge_new(size_t floats)
{
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  size_t bytes = (floats * sizeof(float) + page - 1) / page * page;
  struct edge e = { NULL, bytes + page, NULL };

  e.map = mmap(NULL, e.size, PROT_READ | PROT_WRITE,
               MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (e.map == MAP_FAILED || mprotect((char *)e.map + bytes, page, PROT_NONE))
    abort();
  e.data = (float *)(void *)((char *)e.map + bytes) - floats;
  return e;
}

/* Data of the workload at hand, made anew when it changes. */
struct data {
  const struct chanas_workload *workload;
  struct edge x, y;
  float *weights, *start, *want;
  uint64_t hash;
};

static void
data_free(struct data *d)
{
  if (!d->workload)
    return;
  munmap(d->x.map, d->x.size);
  munmap(d->y.map, d->y.size);
  free(d->weights);
  free(d->start);
  free(d->want);
}

static void
data_new(struct data *d, const struct chanas_workload *w, uint64_t seed)
{
  struct rng rng = rng_seed(seed);
  size_t i;

  data_free(d);
  d->workload = w;
  d->x = edge_new(w->inputs);
  d->y = edge_new(w->outputs + GUARD);
  d->weights = mem_array(float, w->weights + 1);
  d->start = mem_array(float, w->outputs);
  d->want = mem_array(float, w->outputs);
  for (i = 0; i < w->inputs; i++)
    d->x.data[i] = rng_float(&rng);
  for (i = 0; i < w->outputs; i++)
    d->start[i] = w->accumulate ? rng_float(&rng) : NAN;
  reference_weights(w, seed, d->weights);
  memcpy(d->want, d->start, w->outputs * sizeof(float));
  reference_run(w, d->x.data, d->weights, d->want);
  d->hash = hash_bytes(HASH_START, d->x.data, w->inputs * sizeof(float));
}

/* One run from the starting values; a complaint or NULL. */
static const char *
run_once(const struct batch *b, struct data *d, void *loaded)
{
  static char text[80];
  const struct chanas_workload *w = d->workload;
  float *y = d->y.data + GUARD;
  double seconds = -1, difference;
  size_t i;

  for (i = 0; i < GUARD; i++)
    d->y.data[i] = 12345;
  memcpy(y, d->start, w->outputs * sizeof(float));
  if (b->target->plugin->backend.run(loaded, d->x.data, y, 1, &seconds))
    return "run() failed";
  if (!(seconds >= 0))
    return "run() gave no time";
  for (i = 0; i < GUARD; i++)
    if (d->y.data[i] != 12345)
      return "wrote before its output";
  if (hash_bytes(HASH_START, d->x.data, w->inputs * sizeof(float)) != d->hash)
    return "changed its input";
  difference = reference_difference(y, d->want, w->outputs);
  if (!(difference <= reference_tolerance(w))) {
    snprintf(text, sizeof text, "differs from the reference by %g",
             difference);
    return text;
  }
  return NULL;
}

static const char *
run_candidate(const struct batch *b, const struct candidate *c,
              struct data *d)
{
  size_t elements[2] = { c->workload->inputs, c->workload->outputs };
  struct chanas_step step = { c->workload, c->symbol, d->weights, 0, 1 };
  struct chanas_program program = { 1, 2, &step, elements, 1 };
  const struct chanas_backend *backend = &b->target->plugin->backend;
  const char *complaint;
  void *loaded;

  if (backend->load(host_services(b->target->host), b->object, &program,
                    &loaded))
    return "load() failed";
  complaint = run_once(b, d, loaded);
  if (!complaint)
    complaint = run_once(b, d, loaded);
  backend->unload(loaded);
  return complaint;
}

static void
child(const struct batch *b, uint64_t seed, size_t from,
      struct report *report)
{
  struct data d = { 0 };
  size_t i;
  int bad = 0;

  alarm(SECONDS);
  for (i = from; i < b->count; i++) {
    const struct candidate *c = &b->candidate[i];
    const char *complaint;
    report->current = i;
    if (d.workload != c->workload)
      data_new(&d, c->workload, seed);
    complaint = run_candidate(b, c, &d);
    if (complaint) {
      check_fail(c->workload->key, "%s: %s", c->policy, complaint);
      bad = 1;
    }
  }
  data_free(&d);
  report->done = 1;
  fflush(NULL);
  _exit(bad);
}

void
trial_batch(const struct batch *b, uint64_t seed)
{
  struct report *report = mmap(NULL, sizeof *report, PROT_READ | PROT_WRITE,
                               MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  size_t from = 0;
  int status;

  if (report == MAP_FAILED)
    abort();
  report->done = b->count == 0;
  while (!report->done) {
    pid_t pid;
    fflush(NULL);
    pid = fork();
    if (pid == 0)
      child(b, seed, from, report);
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
      abort();
    if (report->done) {
      check_failures += status != 0;
      break;
    }
    check_fail(b->candidate[report->current].workload->key,
               "%s: the child ended with status %#x",
               b->candidate[report->current].policy, (unsigned)status);
    from = report->current + 1;
    report->done = from == b->count;
  }
  munmap(report, sizeof *report);
}
