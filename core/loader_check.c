/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plugin as a descriptor: version, sizes, name, parameters, kinds and
 * their mandatory callbacks.  Structures are copied, the smaller size over
 * zeroes, so that the rest of the core never looks at struct_size again.
 */
#include <string.h>
#include "loader.h"
#include "mem.h"
#include "param.h"

#define SIZE_UPTO(type, member) \
  (offsetof(type, member) + sizeof(((type *)0)->member))

struct callback { const char *name; size_t offset; };

#define CALL(type, member) { #member, offsetof(struct type, member) }

static const struct callback strategy_calls[] = {
  CALL(chanas_strategy, open), CALL(chanas_strategy, ask),
  CALL(chanas_strategy, tell), CALL(chanas_strategy, close), { NULL, 0 },
};
static const struct callback estimator_calls[] = {
  CALL(chanas_estimator, open), CALL(chanas_estimator, estimate),
  CALL(chanas_estimator, close), { NULL, 0 },
};
static const struct callback backend_calls[] = {
  CALL(chanas_backend, probe), CALL(chanas_backend, describe),
  CALL(chanas_backend, load), CALL(chanas_backend, run),
  CALL(chanas_backend, unload), CALL(chanas_backend, open),
  CALL(chanas_backend, space), CALL(chanas_backend, initial),
  CALL(chanas_backend, legal), CALL(chanas_backend, emit),
  CALL(chanas_backend, suffix),
  CALL(chanas_backend, close), { NULL, 0 },
};
/* A backend that answers from a table and measures nothing. */
static const struct callback latency_calls[] = {
  CALL(chanas_backend, open), CALL(chanas_backend, close), { NULL, 0 },
};

/* Copies the smaller of both sizes, and says so in the copy's first member,
 * which every one of these structures calls struct_size. */
static void
copy(void *to, size_t size, const void *from, uint32_t given)
{
  uint32_t both = given < size ? given : (uint32_t)size;

  memcpy(to, from, both);
  memcpy(to, &both, sizeof both);
}

/* The first mandatory callback that is NULL, by name. */
static const char *
missing(const struct callback *call, const void *kind)
{
  for (; call->name; call++) {
    void *pointer;
    memcpy(&pointer, (const char *)kind + call->offset, sizeof pointer);
    if (pointer == NULL)
      return call->name;
  }
  return NULL;
}

static char *
check_kind(enum plugin_kind kind, const struct callback *call, void *to,
           size_t size, const void *from)
{
  uint32_t given;
  const char *absent;

  memcpy(&given, from, sizeof given);
  if (given < sizeof given + sizeof(void *))
    return mem_print("gives its %s struct_size %u; set .struct_size = "
                     "sizeof(struct chanas_%s)", kind_name(kind),
                     (unsigned)given, kind_name(kind));
  copy(to, size, from, given);
  if (kind == PLUGIN_BACKEND && ((struct chanas_backend *)to)->latency)
    call = latency_calls;
  absent = missing(call, to);
  if (absent)
    return mem_print("is %s without the mandatory callback '%s'; add it",
                     kind == PLUGIN_ESTIMATOR ? "an estimator" :
                     kind == PLUGIN_STRATEGY ? "a strategy" : "a backend",
                     absent);
  return NULL;
}

static char *
check_kinds(struct plugin *plugin)
{
  const struct chanas_plugin *head = &plugin->head;
  char *why = NULL;

  if (!head->backend && !head->strategy && !head->estimator)
    return mem_string("provides no kind of plugin; set .backend, .strategy or "
                      ".estimator");
  if (head->backend)
    why = check_kind(PLUGIN_BACKEND, backend_calls, &plugin->backend,
                     sizeof plugin->backend, head->backend);
  if (!why && head->strategy)
    why = check_kind(PLUGIN_STRATEGY, strategy_calls, &plugin->strategy,
                     sizeof plugin->strategy, head->strategy);
  if (!why && head->estimator)
    why = check_kind(PLUGIN_ESTIMATOR, estimator_calls, &plugin->estimator,
                     sizeof plugin->estimator, head->estimator);
  return why;
}

static char *
check_params(const struct chanas_param *params)
{
  size_t n = 0;

  for (; params && params[n].key; n++) {
    char *why = n < PARAM_MAX ? param_declared(&params[n]) :
      mem_print("declares more than %d parameters; end the list with {0}",
                PARAM_MAX);
    if (why)
      return why;
    for (size_t i = 0; i < n; i++)
      if (strcmp(params[i].key, params[n].key) == 0)
        return mem_print("declares the parameter '%s' twice; remove one",
                         params[n].key);
  }
  return NULL;
}

static char *
check_head(const struct chanas_plugin *from, struct plugin *plugin)
{
  struct { uint32_t size, version; } first;

  memcpy(&first, from, sizeof first);
  if (first.size < sizeof first)
    return mem_print("has struct_size %u; begin its struct chanas_plugin with "
                     "CHANAS_PLUGIN_HEAD", (unsigned)first.size);
  if (first.version != CHANAS_API_VERSION)
    return mem_print("is built for plugin interface %u, this chanas has %u; "
                     "rebuild it against the installed <chanas/plugin.h>",
                     (unsigned)first.version, CHANAS_API_VERSION);
  if (first.size < SIZE_UPTO(struct chanas_plugin, params))
    return mem_print("has struct_size %u, too small for plugin interface %u; "
                     "begin its struct chanas_plugin with CHANAS_PLUGIN_HEAD",
                     (unsigned)first.size, CHANAS_API_VERSION);
  copy(&plugin->head, sizeof plugin->head, from, first.size);
  return NULL;
}

char *
loader_check(const struct chanas_plugin *from, const char *name,
             struct plugin *plugin)
{
  char *why = check_head(from, plugin);
  const struct chanas_plugin *head = &plugin->head;

  if (why)
    return why;
  if (head->name == NULL || strcmp(head->name, name) != 0)
    return mem_print("calls itself '%s'; name the file chanas-%s.so or set "
                     ".name = \"%s\"", head->name ? head->name : "",
                     head->name && *head->name ? head->name : "NAME", name);
  if (head->version == NULL || *head->version == '\0')
    return mem_string("has no version; set .version (results are kept by it)");
  if (head->summary == NULL || *head->summary == '\0')
    return mem_string("has no summary; set .summary to one line that says "
                      "what it does");
  why = check_params(head->params);
  return why ? why : check_kinds(plugin);
}
