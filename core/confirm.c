/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The best of many single figures is mostly one that was lucky.  So before a
 * block's best is believed, it meets its rivals in contests: the best, the
 * default and the next few are built into one object and measured in turn, a
 * process each time, TURNS times; what falls far behind is timed in fewer
 * rounds.  What came out is pooled with what is known (schedule.h says how),
 * and there is another contest, until the best was the same twice running and
 * no policy that was measured once only looks clearly better; at most CONTESTS.
 *
 * This is successive re-measurement, a race in the sense of Maron and Moore
 * (Artificial Intelligence Review 11, 1997) and Lopez-Ibanez et al. (irace,
 * Operations Research Perspectives 3, 2016), with a tie rule in place of a
 * test: a longer search cannot make a block slower beyond the noise.
 */
#include <stdlib.h>
#include <string.h>
#include "mem.h"
#include "proc.h"
#include "tune.h"

#define TURNS 3
#define CONTESTS 6
#define ENOUGH 12   /* rows, after which a policy is known well enough */
#define CLEARLY 0.97

struct contest {
  size_t workload;
  long best;   /* after the last contest */
  int same;    /* contests that it has won running */
  int held;
};

/* ---- who takes part ---- */

static int
is_among(const size_t list[], size_t n, size_t value)
{
  for (size_t i = 0; i < n; i++)
    if (list[i] == value)
      return 1;
  return 0;
}

/* Could it still be the best? */
static int
is_open(const struct schedule *s, size_t i)
{
  return !schedule_confirmed(s, i) ||
         (s->tried[i].rows <= ENOUGH && schedule_ties(s, i, (size_t)s->best));
}

/* The best, the default and up to k others; how many. */
static size_t
rivals(const struct schedule *s, size_t k, size_t out[])
{
  size_t *top = mem_array(size_t, s->count + 1), n = 0, others = 0;
  size_t known = schedule_top(s, s->count, top);

  if (s->best >= 0)
    out[n++] = (size_t)s->best;
  if (s->preset >= 0 && s->preset != s->best)
    out[n++] = (size_t)s->preset;
  for (size_t i = 0; i < known && others < k; i++)
    if (!is_among(out, n, top[i]) && is_open(s, top[i])) {
      out[n++] = top[i];
      others++;
    }
  free(top);
  return n;
}

/* Policies of an older space of the same backend are left out. */
static int
enter(const struct tuned *b, size_t workload, size_t rival,
      struct candidate *out)
{
  const struct tried *tried = &b->schedule.tried[rival];

  *out = (struct candidate){
    .workload = workload, .preset = tried->preset, .known = 1,
    .policy = mem_string(tried->policy),
    .choice = mem_array(int32_t, b->space->knobs),
  };
  if (space_parse(b->space, tried->policy, out->choice) == 0)
    return 1;
  free(out->policy);
  free(out->choice);
  return 0;
}

/* In turn, there and back, so that a drift of the machine meets all alike. */
static size_t
line_up(const struct tuner *t, const struct contest *c, size_t k,
        struct candidate out[])
{
  const struct tuned *b = &t->tuned[c->workload];
  size_t *rival = mem_array(size_t, k + 2), got = 0;
  size_t n = rivals(&b->schedule, k, rival);

  for (int turn = 0; turn < TURNS && n > 1; turn++)
    for (size_t i = 0; i < n; i++)
      got += (size_t)enter(b, c->workload, rival[turn % 2 ? n - 1 - i : i],
                           &out[got]);
  free(rival);
  return got;
}

/* ---- how often ---- */

static void
judge(const struct tuner *t, struct contest *c)
{
  const struct schedule *s = &t->tuned[c->workload].schedule;

  c->same = s->best == c->best ? c->same + 1 : 1;
  c->best = s->best;
  c->held++;
}

static int
is_settled(const struct tuner *t, const struct contest *c)
{
  const struct schedule *s = &t->tuned[c->workload].schedule;
  double limit = t->session->config->tune_time;
  int late = limit > 0 && proc_now() - t->started > limit;
  int lucky = s->lead >= 0 && !schedule_confirmed(s, (size_t)s->lead) &&
              schedule_lead(s) < CLEARLY * schedule_latency(s);

  return c->held == CONTESTS || (c->held > 0 && late) ||
         (c->same >= 2 && !lucky);
}

/* Of the workloads those with something new, each once; how many. */
static size_t
draw_up(const struct tuner *t, size_t n, const size_t workload[],
        struct contest out[])
{
  size_t count = 0;

  for (size_t i = 0; i < n; i++) {
    const struct tuned *b = &t->tuned[workload[i]];
    const struct schedule *s = &b->schedule;
    if (b->space == NULL || b->settled == s->count ||
        is_among(workload, i, workload[i]))
      continue; /* not searched in this process, or not since the last time */
    out[count++] = (struct contest){
      .workload = workload[i], .best = s->best,
      .same = s->best >= 0 && schedule_confirmed(s, (size_t)s->best) };
  }
  return count;
}

/* One contest for each; those of two blocks are built at a time. */
static int
hold(struct tuner *t, size_t n, struct contest c[])
{
  size_t k = (size_t)t->session->config->tune_finalists, in = 0;
  size_t most = TURNS * (k + 2);
  struct candidate *group = mem_array(struct candidate, 2 * most);
  int status = 0;

  for (size_t i = 0; i < n && status == 0; i++) {
    in += line_up(t, &c[i], k, group + in);
    if (in > most || i + 1 == n) {
      status = in > 0 ? candidates_run(t, in, group) : 0;
      in = 0;
    }
  }
  for (size_t i = 0; i < n && status == 0; i++)
    judge(t, &c[i]);
  free(group);
  return status;
}

int
tuner_confirm(struct tuner *t, size_t n, const size_t workload[])
{
  struct contest *c = mem_array(struct contest, n);
  size_t left = t->session->config->tune_finalists > 0
                ? draw_up(t, n, workload, c) : 0;
  double begun = proc_now(), building = t->building;
  double measuring = t->measuring;
  int status = 0;

  while (left > 0 && status == 0 && !proc_stopping()) {
    size_t open = 0;
    status = hold(t, left, c);
    for (size_t i = 0; i < left; i++)
      if (is_settled(t, &c[i]))
        t->tuned[c[i].workload].settled =
          t->tuned[c[i].workload].schedule.count;
      else
        c[open++] = c[i];
    left = open;
  }
  t->confirming += proc_now() - begun;
  t->building = building; /* what was spent here counts as one */
  t->measuring = measuring;
  free(c);
  return status;
}
