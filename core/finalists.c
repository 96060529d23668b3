/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Members of the front, built whole and measured.  What the table holds with
 * the same schedules is not measured again, and every member that it holds
 * gets its figure.  Figures of this very run, left by an interrupted process,
 * are seen only where the run asks for them again: so a resumed run knows at
 * each step just what an unbroken one knew.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "context.h"
#include "context_store.h"
#include "log.h"
#include "mem.h"
#include "outcome.h"
#include "proc.h"
#include "progress.h"
#include "search.h"

#define AT_ONCE 2 /* networks per round of compilers */

struct finalist {
  size_t entry;
  struct chanas_network *net;
  char **policy;
  char schedule[17];
  double measured, ci; /* seconds; 0: not measured */
  double own, own_ci;  /* by this run, before it was interrupted */
};

/* What the table holds: schedules and code -> seconds. */
struct stored {
  size_t count, room;
  struct stored_row {
    char *name, *code;
    double measured, ci;
    int own;
  } *row;
  const struct search *search;
};

static double
normal(const struct search *r, double seconds, double control)
{
  return control > 0 && r->tuner.reference_control > 0
         ? seconds * r->tuner.reference_control / control : seconds;
}

static int
take_stored(void *arg, const struct table_network *row)
{
  struct stored *s = arg;

  if (row->outcome != CHANAS_MEASURED)
    return 0;
  if (s->count == s->room) {
    s->room = s->room ? 2 * s->room : 64;
    s->row = mem_grow(s->row, s->room, sizeof *s->row);
  }
  s->row[s->count++] = (struct stored_row){
    mem_print("%s %s", row->schedule, row->code), mem_string(row->code),
    normal(s->search, row->latency, row->control), row->ci,
    row->run == s->search->session->run };
  return 0;
}

static int
is_earned(const struct search *r, const char *name)
{
  for (size_t i = 0; i < r->earned_count; i++)
    if (strcmp(r->earned[i], name) == 0)
      return 1;
  return 0;
}

static void
look_up(const struct stored *s, struct finalist *f)
{
  char *name = mem_print("%s %s", f->schedule, f->net->code);

  for (size_t i = 0; i < s->count; i++) {
    const struct stored_row *row = &s->row[i];
    if (strcmp(row->name, name) != 0)
      continue;
    if (row->own && !is_earned(s->search, name)) {
      f->own = row->measured;
      f->own_ci = row->ci;
    } else {
      f->measured = row->measured;
      f->ci = row->ci;
    }
  }
  free(name);
}

static void
earn(struct search *r, struct finalist *f, double measured, double ci)
{
  f->measured = measured;
  f->ci = ci;
  r->earned = mem_grow(r->earned, r->earned_count + 1, sizeof *r->earned);
  r->earned[r->earned_count++] = mem_print("%s %s", f->schedule,
                                           f->net->code);
}

static void
stored_free(struct stored *s)
{
  for (size_t i = 0; i < s->count; i++) {
    free(s->row[i].name);
    free(s->row[i].code);
  }
  free(s->row);
}

static int
prepare(struct search *r, size_t entry, const struct stored *stored,
        struct finalist *f)
{
  struct session *s = r->session;

  *f = (struct finalist){ .entry = entry };
  f->net = network_build(s->family, r->archive.entry[entry].choice);
  if (f->net == NULL)
    return -1;
  f->policy = context_schedules(&r->tuner, f->net, r->finishing);
  if (f->policy == NULL)
    return -1;
  schedules_hash(s, f->net, f->policy, f->schedule);
  look_up(stored, f);
  return 0;
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
  if (m->outcome == CHANAS_MEASURED)
    earn(r, f, normal(r, m->latency, m->control), m->ci);
  else {
    r->whole_failed++;
    log_warn("network %s as a whole: %s: %s", f->net->code,
             outcome_name(m->outcome), m->detail);
  }
  /* Lost: that tells of the device. */
  return m->outcome == CHANAS_LOST ? 0
           : table_put_network(s->table, s->target, &row);
}

static int
measure_pair(struct search *r, size_t n, struct finalist *const f[])
{
  struct chanas_network *net[AT_ONCE] = { 0 };
  char **policy[AT_ONCE] = { 0 };
  struct measure_result result[AT_ONCE];
  int status;

  for (size_t i = 0; i < n; i++) {
    net[i] = f[i]->net;
    policy[i] = f[i]->policy;
  }
  status = whole_measure(r->session, n, net, policy, result);
  for (size_t i = 0; i < n && status == 0 && !proc_stopping(); i++)
    status = store(r, f[i], &result[i]);
  return status;
}

/* Take what is known into the archive and the correction. */
static void
adopt(struct search *r, const struct finalist *f)
{
  struct entry *e = &r->archive.entry[f->entry];

  e->measured = f->measured; /* 0: not with its present schedules */
  e->ci = f->ci;
  if (!(f->measured > 0))
    return;
  correction_add(&r->archive.correction, entry_input(e), f->measured,
                 f->ci);
}

/* Member i of n, evenly spread over the front, both ends included. */
static size_t
spread(size_t i, size_t n, size_t count)
{
  return n == 1 ? 0 : i * (count - 1) / (n - 1);
}

/* n members, evenly spread over the front, both ends included; a neighbour
 * that is measured already stands for its stretch. */
static size_t
choose(struct finalist all[], size_t count, size_t n,
       struct finalist *out[])
{
  size_t chosen = 0;

  if (n > count)
    n = count;
  for (size_t i = 0; i < n; i++) {
    size_t from = i * count / n, to = (i + 1) * count / n;
    size_t at = spread(i, n, count);
    for (size_t j = from; j < to && !(all[at].measured > 0); j++)
      if (all[j].measured > 0)
        at = j;
    if (!(all[at].measured > 0))
      out[chosen++] = &all[at];
  }
  return chosen;
}

static int
measure_all(struct search *r, size_t n, struct finalist *const f[])
{
  struct finalist *pair[AT_ONCE];
  size_t in = 0;
  int status = 0;

  progress_begin("whole networks", (double)n);
  for (size_t i = 0; i < n && status == 0 && !proc_stopping(); i++) {
    if (f[i]->own > 0)
      earn(r, f[i], f[i]->own, f[i]->own_ci);
    else
      pair[in++] = f[i];
    if (in == AT_ONCE || (in > 0 && i + 1 == n)) {
      status = measure_pair(r, in, pair);
      in = 0;
    }
    progress_update((double)i + 1, NULL);
  }
  progress_end();
  return status;
}

/* One network of the table into the archive; with its figure, if that was
 * taken with the present schedules. */
static int
recall(struct search *r, const struct stored *stored, const char *code)
{
  const struct chanas_space *space = family_space(r->session->family);
  int32_t *choice = mem_array(int32_t, space->knobs + 1);
  const int32_t *const point[] = { choice };
  struct finalist f;
  size_t entry;
  int status = 0;

  if (network_parse_code(r->session->family, code, choice) == 0)
    status = archive_evaluate(&r->archive, 1, point, &entry);
  else
    entry = SIZE_MAX; /* of an older space of this name */
  if (status == 0 && entry != SIZE_MAX &&
      isfinite(r->archive.entry[entry].sum)) {
    status = prepare(r, entry, stored, &f);
    if (status == 0)
      adopt(r, &f);
    release(&f);
  }
  free(choice);
  return status;
}

int
search_recall(struct search *r)
{
  struct stored stored = { .search = r };
  struct session *s = r->session;
  int status = table_networks(s->table, s->target, family_name(s->family),
                              take_stored, &stored);

  for (size_t i = 0; i < stored.count && status == 0 &&
       r->archive.count < (size_t)s->config->evaluations; i++)
    if (!stored.row[i].own)
      status = recall(r, &stored, stored.row[i].code);
  correction_fit(&r->archive.correction);
  archive_refresh(&r->archive);
  stored_free(&stored);
  return status;
}

static struct chanas_network *
member(const struct search *r, size_t at)
{
  const struct entry *e = &r->archive.entry[r->front[at]];

  return network_build(r->session->family, e->choice);
}

/* Has any of these members schedules of its context?  It then stands for its
 * stretch, as in choose(). */
static int
has_context(const struct search *r, size_t from, size_t to)
{
  size_t alternatives = (size_t)r->session->config->context;
  int has = 0;

  for (; from < to && !has; from++) {
    struct chanas_network *net = member(r, from);
    has = net && context_holds(&r->tuner, net, alternatives);
    network_free(net);
  }
  return has;
}

int
search_choose_in_context(struct search *r, size_t n)
{
  struct session *s = r->session;
  struct chanas_network **net = mem_array(struct chanas_network *, n + 1);
  double begun = proc_now();
  size_t made = 0;
  int status = 0;

  if (n > r->fronts)
    n = r->fronts;
  for (size_t i = 0; i < n && status == 0; i++)
    if (!has_context(r, i * r->fronts / n, (i + 1) * r->fronts / n)) {
      net[made] = member(r, spread(i, n, r->fronts));
      status = net[made++] ? 0 : -1;
    }
  if (status == 0)
    status = context_choose(&r->tuner, made, net, (size_t)s->config->context);
  for (size_t i = 0; i < made; i++)
    network_free(net[i]);
  free(net);
  r->seconds_whole += proc_now() - begun;
  return status;
}

int
search_measure_front(struct search *r, size_t n)
{
  struct finalist *all = mem_array(struct finalist, r->fronts);
  struct finalist **chosen = mem_array(struct finalist *, r->fronts);
  struct stored stored = { .search = r };
  struct session *s = r->session;
  double begun = proc_now();
  size_t ready = 0;
  int status = table_networks(s->table, s->target, family_name(s->family),
                              take_stored, &stored);

  for (; ready < r->fronts && status == 0; ready++)
    status = prepare(r, r->front[ready], &stored, &all[ready]);
  if (status == 0) {
    n = choose(all, r->fronts, n, chosen);
    status = measure_all(r, n, chosen);
  }
  for (size_t i = 0; i < ready; i++) {
    adopt(r, &all[i]);
    release(&all[i]);
  }
  correction_fit(&r->archive.correction);
  stored_free(&stored);
  free(chosen);
  free(all);
  r->seconds_whole += proc_now() - begun;
  return status;
}
