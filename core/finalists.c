/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Members of the front, built whole and measured.  A network that the table
 * already holds with the same schedules is not measured again.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "log.h"
#include "mem.h"
#include "proc.h"
#include "progress.h"
#include "search.h"

#define AT_ONCE 2 /* networks per round of compilers */

struct finalist {
  size_t entry;
  struct chanas_network *net;
  char **policy;
  char schedule[17];
  double measured, ci;
};

static double
normal(const struct search *r, double seconds, double control)
{
  return control > 0 && r->tuner.reference_control > 0
         ? seconds * r->tuner.reference_control / control : seconds;
}

struct lookup { const struct search *search; struct finalist *f; };

static int
match_stored(void *arg, const struct table_network *row)
{
  struct lookup *l = arg;

  if (row->outcome == CHANAS_MEASURED &&
      strcmp(row->code, l->f->net->code) == 0 &&
      strcmp(row->schedule, l->f->schedule) == 0) {
    l->f->measured = normal(l->search, row->latency, row->control);
    l->f->ci = row->ci;
  }
  return 0;
}

static int
prepare(struct search *r, size_t entry, struct finalist *f)
{
  struct session *s = r->session;
  struct lookup lookup = { r, f };

  *f = (struct finalist){ .entry = entry };
  f->net = network_build(s->family, r->archive.entry[entry].choice);
  if (f->net == NULL)
    return -1;
  f->policy = schedules_choose(&r->tuner, f->net, 1);
  if (f->policy == NULL)
    return -1;
  schedules_hash(s, f->net, f->policy, f->schedule);
  return table_networks(s->table, s->target, family_name(s->family),
                        match_stored, &lookup);
}

static void
release(struct finalist *f)
{
  if (f->net)
    schedules_free(f->policy, f->net);
  network_free(f->net);
}

static int
store(struct search *r, struct finalist *f, const struct measure_result *m)
{
  struct session *s = r->session;
  struct table_network row = {
    .run = s->run, .family = family_name(s->family), .code = f->net->code,
    .schedule = f->schedule, .predicted = r->archive.entry[f->entry].sum,
    .latency = m->latency, .ci = m->ci, .control = m->control,
    .outcome = m->outcome,
  };

  r->whole_measured++;
  if (m->outcome == CHANAS_MEASURED) {
    f->measured = normal(r, m->latency, m->control);
    f->ci = m->ci;
  } else {
    r->whole_failed++;
    log_warn("network %s as a whole: %s: %s", f->net->code,
             outcome_name(m->outcome), m->detail);
  }
  return table_put_network(s->table, s->target, &row);
}

static int
measure_pair(struct search *r, size_t n, struct finalist *const f[])
{
  struct chanas_network *net[AT_ONCE] = { 0 };
  char **policy[AT_ONCE] = { 0 };
  struct measure_result result[AT_ONCE];
  int status = 0;

  for (size_t i = 0; i < n; i++) {
    net[i] = f[i]->net;
    policy[i] = f[i]->policy;
  }
  whole_measure(r->session, n, net, policy, result);
  for (size_t i = 0; i < n && status == 0 && !proc_stopping(); i++)
    status = store(r, f[i], &result[i]);
  return status;
}

/* Take what is known into the archive and the correction. */
static void
adopt(struct search *r, const struct finalist *f)
{
  struct entry *e = &r->archive.entry[f->entry];

  if (!(f->measured > 0))
    return;
  e->measured = f->measured;
  e->ci = f->ci;
  correction_add(&r->archive.correction, e->sum, e->blocks, f->measured);
}

/* Up to n members, evenly spread over the front, both ends included. */
static size_t
choose(const struct search *r, size_t n, size_t out[])
{
  size_t count = 0;

  if (n > r->fronts)
    n = r->fronts;
  for (size_t i = 0; i < n; i++) {
    size_t at = n == 1 ? 0 : i * (r->fronts - 1) / (n - 1);
    out[count++] = r->front[at];
  }
  return count;
}

static int
measure_missing(struct search *r, size_t n, struct finalist f[])
{
  struct finalist *pair[AT_ONCE];
  size_t in = 0;
  int status = 0;

  progress_begin("whole networks", (double)n);
  for (size_t i = 0; i < n && status == 0 && !proc_stopping(); i++) {
    if (!(f[i].measured > 0))
      pair[in++] = &f[i];
    if (in == AT_ONCE || (in > 0 && i + 1 == n)) {
      status = measure_pair(r, in, pair);
      in = 0;
    }
    progress_update((double)i + 1, NULL);
  }
  if (in > 0 && status == 0 && !proc_stopping())
    status = measure_pair(r, in, pair);
  progress_end();
  return status;
}

int
search_measure_front(struct search *r, size_t n)
{
  size_t *entry = mem_array(size_t, n + 1), count, ready = 0;
  struct finalist *f = mem_array(struct finalist, n + 1);
  double begun = proc_now();
  int status = 0;

  count = choose(r, n, entry);
  for (; ready < count && status == 0; ready++)
    status = prepare(r, entry[ready], &f[ready]);
  if (status == 0)
    status = measure_missing(r, count, f);
  for (size_t i = 0; i < ready; i++) {
    adopt(r, &f[i]);
    release(&f[i]);
  }
  correction_fit(&r->archive.correction);
  free(entry);
  free(f);
  r->seconds_whole += proc_now() - begun;
  return status;
}
