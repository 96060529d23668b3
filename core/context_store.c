/* SPDX-License-Identifier: Apache-2.0 */
/* Choices in context in the latency table; see context_store.h.  A value is
 * text: the run and the alternatives, then a line "ALONE CHOSEN" a block;
 * policies have no spaces. */
#include "context_store.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "mem.h"
#include "table.h"
#include "whole.h"

#define OWNER "context"

/* What is read back; the pointers are into the text. */
struct choice {
  int64_t run;
  size_t alternatives;
  char *text;
  size_t count;
  char **alone, **chosen;
};

static char *
name_of(const struct tuner *t, const struct chanas_network *net)
{
  uint64_t hash = HASH_START;

  for (size_t b = 0; b < net->blocks; b++) {
    const char *key =
      t->tuned[net->block[b].workload].schedule.workload->key;
    hash = hash_bytes(hash, key, strlen(key) + 1);
  }
  return mem_print("%" PRId64 "/%016" PRIx64, t->session->target, hash);
}

int
context_put(const struct tuner *t, const struct chanas_network *net,
            size_t alternatives, const char *const alone[],
            const char *const chosen[])
{
  struct chanas_text text = { 0 };
  char *name = name_of(t, net);
  int status;

  text_print(&text, "%" PRId64 " %zu\n", t->session->run, alternatives);
  for (size_t b = 0; b < net->blocks; b++)
    text_print(&text, "%s %s\n", alone[b], chosen[b]);
  status = table_store(t->session->table, OWNER, name, text.data, text.size);
  text_free(&text);
  free(name);
  return status;
}

static void
parse(struct choice *c, size_t blocks)
{
  char *rest = c->text, *line = strsep(&rest, "\n");

  c->run = strtoll(line, &line, 10);
  c->alternatives = strtoul(line, NULL, 10);
  c->alone = mem_array(char *, blocks + 1);
  c->chosen = mem_array(char *, blocks + 1);
  while (c->count < blocks && (line = strsep(&rest, "\n"))) {
    c->alone[c->count] = strsep(&line, " ");
    c->chosen[c->count] = line;
    if (line == NULL)
      break;
    c->count++;
  }
}

/* count is that of the blocks, or there is no choice. */
static struct choice
fetch(const struct tuner *t, const struct chanas_network *net)
{
  struct choice c = { 0 };
  char *name = name_of(t, net);
  void *data = NULL;
  size_t size = 0;

  if (table_fetch(t->session->table, OWNER, name, &data, &size) == 0) {
    c.text = mem_print("%.*s", (int)size, (const char *)data);
    parse(&c, net->blocks);
    if (c.count < net->blocks)
      c.count = 0;
  }
  free(data);
  free(name);
  return c;
}

static void
release(struct choice *c)
{
  free(c->text);
  free(c->alone);
  free(c->chosen);
}

static int
holds(const struct choice *c, size_t b, const struct schedule *s)
{
  long at;

  if (b >= c->count || strcmp(c->alone[b], s->tried[s->best].policy) != 0)
    return 0;
  at = schedule_find(s, c->chosen[b]);
  return at >= 0 && s->tried[at].outcome == CHANAS_MEASURED;
}

int
context_holds(const struct tuner *t, const struct chanas_network *net,
              size_t alternatives)
{
  struct choice c = fetch(t, net);
  int all = c.count == net->blocks && c.alternatives >= alternatives;

  for (size_t b = 0; all && b < net->blocks; b++)
    all = holds(&c, b, &t->tuned[net->block[b].workload].schedule);
  release(&c);
  return all;
}

char **
context_schedules(const struct tuner *t, const struct chanas_network *net,
                  int own)
{
  char **policy = schedules_choose(t, net, 1);
  struct choice c;

  if (policy == NULL)
    return NULL;
  c = fetch(t, net);
  for (size_t b = 0; b < net->blocks; b++) {
    const struct schedule *s = &t->tuned[net->block[b].workload].schedule;
    if ((!own && c.run == t->session->run) || !holds(&c, b, s))
      continue;
    free(policy[b]);
    policy[b] = mem_string(c.chosen[b]);
  }
  release(&c);
  return policy;
}
