/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One search in a table.  With several rounds the strategy is closed in
 * between, opened anew and told everything at once, as chanas does when
 * tuning has changed the latencies.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "arena.h"
#include "host.h"
#include "ini.h"
#include "mem.h"
#include "registry.h"
#include "rng.h"
#include "space.h"

static struct chanas_space *
sheet_space(const struct sheet *s)
{
  struct chanas_space *space = space_new();
  int64_t value[10] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 };

  for (size_t k = 0; k < s->digits; k++) {
    char name[32];
    snprintf(name, sizeof name, "k%zu", k + 1);
    space_add(space, name, s->choices, value, NULL);
  }
  return space;
}

struct run {
  const struct arena *arena;
  const struct contest *contest;
  const struct plugin *plugin;
  struct chanas_space *space;
  struct host *host;
  void *self;
  size_t *row, done; /* rows looked up */
};

/* Tells rows from..done-1; codes of the table serve as the points. */
static int
tell(struct run *r, size_t from)
{
  const struct arena *a = r->arena;
  const struct sheet *s = a->sheet;
  size_t n = r->done - from;
  struct chanas_trial *trial = mem_array(struct chanas_trial, n);
  double *objective = mem_array(double, n * a->goals);
  int status;

  for (size_t i = 0; i < n; i++) {
    size_t row = r->row[from + i];
    double last = s->value[row * s->columns + s->columns - 1];
    for (size_t g = 0; g < a->goals; g++)
      objective[i * a->goals + g] =
        s->value[row * s->columns + a->column[g]];
    trial[i] = (struct chanas_trial){
      { r->space, s->code + row * s->digits }, CHANAS_MEASURED,
      objective + i * a->goals, last > a->limit ? last / a->limit - 1 : 0,
    };
  }
  status = r->plugin->strategy.tell(r->self, n, trial);
  free(objective);
  free(trial);
  return status;
}

static int
drive(struct run *r, size_t until)
{
  size_t batch = r->contest->batch;
  struct chanas_point *point = mem_array(struct chanas_point, batch);
  int n = 1;

  while (r->done < until && n > 0) {
    size_t left = until - r->done, from = r->done;
    n = r->plugin->strategy.ask(r->self, left < batch ? left : batch, point);
    for (int i = 0; i < n; i++)
      r->row[r->done++] = place_of(r->arena->sheet, point[i].choice);
    if (n > 0 && tell(r, from))
      n = -1;
  }
  free(point);
  return n;
}

/* The strategy's section, from key=value texts. */
static struct ini_section
make_section(const struct contest *c)
{
  struct ini_section section = { .name = mem_string("strategy") };

  section.entry = mem_array(struct ini_entry, c->sets);
  for (size_t i = 0; i < c->sets; i++) {
    const char *equals = strchr(c->set[i], '=');
    struct ini_entry *e = &section.entry[section.entries++];
    e->key = mem_print("%.*s", (int)(equals - c->set[i]), c->set[i]);
    e->value = mem_string(equals + 1);
  }
  return section;
}

static void
free_section(struct ini_section *section)
{
  for (size_t i = 0; i < section->entries; i++) {
    free(section->entry[i].key);
    free(section->entry[i].value);
  }
  free(section->entry);
  free(section->name);
}

static int
round_of(struct run *r, struct ini *ini, const struct rng *seed, size_t round)
{
  const struct contest *c = r->contest;
  char name[32];
  struct rng stream;
  int n = -1;

  snprintf(name, sizeof name, "round/%zu", round);
  stream = rng_split(seed, name);
  r->host = host_open(r->plugin, ini, ini->section, NULL, &stream);
  if (r->host == NULL)
    return -1;
  if (r->plugin->strategy.open(host_services(r->host), r->space,
                               r->arena->goals, r->arena->goal,
                               &r->self) == 0) {
    if (r->done == 0 || tell(r, 0) == 0)
      n = drive(r, c->budget * (round + 1) / c->rounds);
    r->plugin->strategy.close(r->self);
  }
  host_close(r->host);
  return n;
}

long
arena_search(const struct arena *a, const struct contest *c, uint64_t seed,
             size_t *row)
{
  struct ini_section section = make_section(c);
  struct ini ini = { .path = (char *)"--set", .sections = 1,
                     .section = &section };
  struct run r = { .arena = a, .contest = c, .row = row,
                   .plugin = registry_get(PLUGIN_STRATEGY, c->strategy) };
  struct rng stream = rng_seed(seed);
  int n = r.plugin ? 1 : -1;

  r.space = sheet_space(a->sheet);
  for (size_t i = 0; i < c->rounds && n > 0; i++)
    n = round_of(&r, &ini, &stream, i);
  space_free(r.space);
  free_section(&section);
  return n < 0 ? -1 : (long)r.done;
}
