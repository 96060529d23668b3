/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Candidates of one workload, one after the other, each in a fork of this
 * process, which loads no plugin and runs none of them: it has their input,
 * weights and what the reference makes of these, so that they are computed
 * once.  It keeps the deadlines, and the time of the fastest so far: those
 * that are clearly slower are not timed as often.
 */
#include <math.h>
#include <string.h>

#include "measure_child.h"
#include "runner.h"
#include "workload.h"

struct race {
  const char *backend;
  struct alone alone; /* whose turn it is */
  struct bench ready; /* without a step: every child prepares for itself */
};

static int
body(void *arg)
{
  struct race *r = arg;
  return runner_work(r->backend, &r->alone.job,
                     r->ready.step ? &r->ready : NULL);
}

/* Does it take but a quarter of what the child may use, and not too long? */
static int
is_small(const struct chanas_workload *w, const struct job *j, double flops)
{
  double floats = (double)w->weights + (double)w->inputs + 3.0 * w->outputs;
  return w->flops <= flops &&
         (!j->memory || 4 * sizeof(float) * floats <= (double)j->memory);
}

/* Whatever is in the way is left to the child, which has limits. */
static void
prepare(struct race *r, double flops)
{
  struct answer a = {0};
  struct chanas_workload *w = workload_parse(r->alone.step.key);
  r->ready.job = &r->alone.job;
  if (w && is_small(w, &r->alone.job, flops) &&
      bench_prepare(&r->ready, &a))
    bench_close(&r->ready);
  workload_free(w);
}

void
runner_race(const char *backend, const struct job *all,
            const struct child *how, double flops,
            int (*tell)(void *arg, struct answer *), void *arg)
{
  struct race r = {.backend = backend};
  struct child child = *how;
  double best = all->best;
  int over = 0;
  child.command = NULL;
  child.body = body;
  child.arg = &r;
  for (size_t i = 0; i < all->steps && !over; i++) {
    struct answer a = {0};
    bench_single(all, i, &r.alone);
    if (i > 0 && strcmp(all->step[i].key, all->step[i - 1].key))
      bench_close(&r.ready);
    if (!r.ready.step)
      prepare(&r, flops);
    r.alone.job.best = best;
    child_run(&child, &r.alone.job, &a);
    if (best > 0 && a.outcome == CHANAS_MEASURED)
      best = fmin(best, a.latency);
    over = tell(arg, &a);
    answer_free(&a);
  }
  bench_close(&r.ready);
}
