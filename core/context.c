/* SPDX-License-Identifier: Apache-2.0 */
/* Choosing: what is tried, one measurement for all, and who wins. */
#include "context.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "context_store.h"
#include "log.h"
#include "mem.h"
#include "proc.h"
#include "progress.h"
#include "whole.h"

#define PASSES 40    /* of all alternatives in turn */
#define MARGIN 0.01  /* a smaller gain is a tie, which the best alone wins */
#define KERNELS 64   /* of a translation unit, if its networks have so many */

/* The alternatives of one workload. */
struct menu {
  size_t workload, count;
  size_t tried[CONTEXT_MOST]; /* into its schedule; [0]: the best alone */
};

struct menus { size_t most, count; struct menu *item; };

static struct menu *
menu_of(const struct menus *m, size_t workload)
{
  for (size_t i = 0; i < m->count; i++)
    if (m->item[i].workload == workload)
      return &m->item[i];
  return NULL;
}

static int
is_on(const struct menu *m, size_t tried)
{
  for (size_t i = 0; i < m->count; i++)
    if (m->tried[i] == tried)
      return 1;
  return 0;
}

/* The best, the default, the next best. */
static struct menu
menu_make(const struct schedule *s, size_t workload, size_t most)
{
  struct menu m = { .workload = workload };
  size_t top[CONTEXT_MOST], n;

  if (most > CONTEXT_MOST)
    most = CONTEXT_MOST;
  n = schedule_top(s, most, top);
  if (n > 0)
    m.tried[m.count++] = (size_t)s->best;
  if (n > 0 && s->preset >= 0 && m.count < most &&
      s->tried[s->preset].outcome == CHANAS_MEASURED &&
      !is_on(&m, (size_t)s->preset))
    m.tried[m.count++] = (size_t)s->preset;
  for (size_t i = 0; i < n && m.count < most; i++)
    if (!is_on(&m, top[i]))
      m.tried[m.count++] = top[i];
  return m;
}

static void
add_menus(const struct tuner *t, const struct chanas_network *net,
          struct menus *m)
{
  for (size_t b = 0; b < net->blocks; b++) {
    size_t w = net->block[b].workload;
    if (menu_of(m, w))
      continue;
    m->item = mem_grow(m->item, m->count + 1, sizeof *m->item);
    m->item[m->count++] = menu_make(&t->tuned[w].schedule, w, m->most);
  }
}

static const char *
policy_of(const struct tuner *t, const struct menu *m, size_t i)
{
  return t->tuned[m->workload].schedule.tried[m->tried[i]].policy;
}

static void
symbol_of(const struct menu *m, size_t i, char out[32])
{
  snprintf(out, 32, "b%zuv%zu", m->workload, i);
}

/* Every alternative of every block, in one text. */
static int
emit(const struct tuner *t, const struct menus *menus,
     struct chanas_text *out)
{
  for (size_t i = 0; i < menus->count; i++) {
    const struct menu *m = &menus->item[i];
    for (size_t j = 0; j < m->count; j++) {
      char symbol[32];
      symbol_of(m, j, symbol);
      if (whole_emit_block(t->session, m->workload, policy_of(t, m, j),
                           symbol, out) < 0)
        return -1;
    }
  }
  return 0;
}

/* ---- one network ---- */

static size_t
most_alternatives(const struct menus *menus,
                  const struct chanas_network *net)
{
  size_t most = 1;

  for (size_t b = 0; b < net->blocks; b++) {
    const struct menu *m = menu_of(menus, net->block[b].workload);
    most = m->count > most ? m->count : most;
  }
  return most;
}

/* Tensor t of variant v: all but the input are its own. */
static int32_t
tensor_of(const struct chanas_network *net, size_t v, int32_t t)
{
  return t ? (int32_t)(v * (net->tensors - 1)) + t : 0;
}

static struct chanas_step
step_of(const struct tuner *t, const struct chanas_network *net,
        const struct menu *m, size_t v, const struct block *b)
{
  char symbol[32];

  symbol_of(m, v % m->count, symbol);
  return (struct chanas_step){
    .workload = t->tuned[m->workload].schedule.workload,
    .symbol = mem_string(symbol),
    .src = tensor_of(net, v, b->src),
    .dst = tensor_of(net, v, b->dst),
  };
}

/* All variants of a network one after the other; variant v takes alternative
 * v of every block, modulo how many there are. */
static struct chanas_program
make_program(const struct tuner *t, const struct menus *menus,
             const struct chanas_network *net, size_t variants)
{
  size_t inner = net->tensors - 1, blocks = net->blocks;
  struct chanas_step *step = mem_array(struct chanas_step, variants * blocks);
  size_t *elements = mem_array(size_t, variants * inner + 1);

  elements[0] = net->elements[0];
  for (size_t v = 0; v < variants; v++) {
    memcpy(elements + 1 + v * inner, net->elements + 1,
           inner * sizeof *elements);
    for (size_t b = 0; b < blocks; b++)
      step[v * blocks + b] =
        step_of(t, net, menu_of(menus, net->block[b].workload), v,
                &net->block[b]);
  }
  return (struct chanas_program){
    .steps = variants * blocks, .tensors = variants * inner + 1,
    .step = step, .elements = elements,
    .output = tensor_of(net, variants - 1, net->output),
  };
}

static void
free_program(struct chanas_program *p)
{
  free((size_t *)p->elements);
  whole_program_free(p);
}

/* Mean seconds of alternative i of a workload, over all its blocks. */
static double
seconds_of(const struct chanas_network *net, const struct menu *m, size_t i,
           size_t variants, const double *seconds)
{
  double sum = 0;
  size_t n = 0;

  for (size_t v = i; v < variants; v += m->count)
    for (size_t b = 0; b < net->blocks; b++)
      if (net->block[b].workload == m->workload) {
        sum += seconds[v * net->blocks + b];
        n++;
      }
  return sum / (double)n;
}

static size_t
winner(const struct chanas_network *net, const struct menu *m,
       size_t variants, const double *seconds)
{
  double best = seconds_of(net, m, 0, variants, seconds) * (1 - MARGIN);
  size_t at = 0;

  for (size_t i = 1; i < m->count; i++) {
    double time = seconds_of(net, m, i, variants, seconds);
    if (time < best) {
      best = time;
      at = i;
    }
  }
  return at;
}

static int
keep(const struct tuner *t, const struct menus *menus,
     const struct chanas_network *net, size_t variants,
     const double *seconds)
{
  const char **alone = mem_array(const char *, net->blocks);
  const char **chosen = mem_array(const char *, net->blocks);
  int status;

  for (size_t b = 0; b < net->blocks; b++) {
    const struct menu *m = menu_of(menus, net->block[b].workload);
    alone[b] = policy_of(t, m, 0);
    chosen[b] = policy_of(t, m, winner(net, m, variants, seconds));
  }
  status = context_put(t, net, menus->most, alone, chosen);
  free(alone);
  free(chosen);
  return status;
}

static int
choose_one(const struct tuner *t, const struct menus *menus,
           const struct chanas_network *net, const char *object)
{
  size_t variants = most_alternatives(menus, net);
  struct chanas_program p = make_program(t, menus, net, variants);
  double *seconds = mem_array(double, p.steps);
  struct measure_result result;
  int status = 0;

  if (measure_profile(t->session->measure, object, &p, PASSES, seconds,
                      &result) == 0)
    status = keep(t, menus, net, variants, seconds);
  else if (!proc_stopping())
    log_warn("no choice of schedules in the context of %s: %s", net->code,
             result.detail);
  free(seconds);
  free_program(&p);
  return status;
}

/* ---- all ---- */

/* Networks that share an object. */
struct group {
  struct menus menus;
  size_t from, to;
  struct chanas_text source;
};

static size_t
kernels(const struct menus *menus)
{
  size_t n = 0;

  for (size_t i = 0; i < menus->count; i++)
    n += menus->item[i].count;
  return n;
}

/* Networks in turn, until there are kernels enough. */
static struct group
group_make(const struct tuner *t, size_t n,
           struct chanas_network *const net[], size_t from, size_t most)
{
  struct group g = { .menus = { .most = most }, .from = from, .to = from };

  while (g.to < n && (g.to == from || kernels(&g.menus) < KERNELS))
    add_menus(t, net[g.to++], &g.menus);
  return g;
}

static int
choose_group(const struct tuner *t, const struct group *g,
             struct chanas_network *const net[],
             const struct build_unit *unit)
{
  int status = 0;

  if (unit->object == NULL && !proc_stopping())
    log_warn("no choice of schedules in context: %s",
             unit->error ? unit->error : "not emitted");
  for (size_t i = g->from; unit->object && i < g->to && status == 0 &&
       !proc_stopping(); i++) {
    status = choose_one(t, &g->menus, net[i], unit->object);
    progress_update((double)i + 1, NULL);
  }
  return status;
}

/* One unit with all of them would keep one compiler busy for a minute. */
static int
choose_all(const struct tuner *t, size_t n,
           struct chanas_network *const net[], size_t most)
{
  struct group *group = mem_array(struct group, n);
  struct build_unit *unit = mem_array(struct build_unit, n);
  size_t groups = 0;
  int status = 0;

  for (size_t from = 0; from < n; from = group[groups++].to) {
    struct group *g = &group[groups];
    *g = group_make(t, n, net, from, most);
    if (emit(t, &g->menus, &g->source) < 0)
      text_print(&g->source, "\n#error not emitted\n");
    unit[groups] = (struct build_unit){ .symbol = "context",
                                        .source = text_string(&g->source) };
  }
  build_units(t->session->build, groups, unit, 1);
  for (size_t i = 0; i < groups && status == 0; i++)
    status = choose_group(t, &group[i], net, &unit[i]);
  build_units_free(groups, unit);
  for (size_t i = 0; i < groups; i++) {
    text_free(&group[i].source);
    free(group[i].menus.item);
  }
  free(unit);
  free(group);
  return status;
}

static int
schedulable(const struct tuner *t, const struct chanas_network *net)
{
  for (size_t b = 0; b < net->blocks; b++)
    if (t->tuned[net->block[b].workload].schedule.best < 0)
      return 0;
  return 1;
}

int
context_choose(const struct tuner *t, size_t n,
               struct chanas_network *const net[], size_t alternatives)
{
  struct chanas_network **open = mem_array(struct chanas_network *, n + 1);
  size_t count = 0;
  int status = 0;

  if (alternatives > 1 && CHANAS_HAS(&t->session->backend->backend, profile))
    for (size_t i = 0; i < n; i++)
      if (schedulable(t, net[i]) && !context_holds(t, net[i], alternatives))
        open[count++] = net[i];
  if (count > 0) {
    progress_begin("choosing in context", (double)count);
    status = choose_all(t, count, open, alternatives);
    progress_end();
  }
  free(open);
  return status;
}
