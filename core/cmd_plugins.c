/* SPDX-License-Identifier: Apache-2.0 */
/* chanas plugins: what is there, and why something cannot be used. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cmd.h"
#include "log.h"

static void
kinds(const struct plugin *p, char out[64])
{
  out[0] = '\0';
  if (p->backend.struct_size)
    strcat(out, "backend ");
  if (p->strategy.struct_size)
    strcat(out, "strategy ");
  if (p->estimator.struct_size)
    strcat(out, "estimator ");
  if (*out)
    out[strlen(out) - 1] = '\0';
}

static void
print_plugin(void *arg, const char *path, const struct plugin *p,
             const char *reason)
{
  char kind[64];

  (void)arg;
  if (p == NULL || reason) {
    printf("%-12s %-10s unusable: %s\n", "-", "-", reason ? reason : path);
    return;
  }
  kinds(p, kind);
  printf("%-12s %-10s %s (%s)\n", p->head.name, kind, p->head.summary, path);
}

static void
add_plugin(void *arg, const char *path, const struct plugin *p,
           const char *reason)
{
  char kind[64] = "";

  if (p)
    kinds(p, kind);
  json_array_append_new(arg, json_pack(
    "{s:s, s:s?, s:s?, s:s, s:s?, s:s?}", "path", path, "name",
    p ? p->head.name : NULL, "version", p ? p->head.version : NULL, "kinds",
    kind, "summary", p ? p->head.summary : NULL, "unusable", reason));
}

struct wanted { const char *name; const struct plugin *found; };

static void
match_name(void *arg, const char *path, const struct plugin *p,
           const char *reason)
{
  struct wanted *w = arg;

  (void)path;
  if (p && !reason && w->found == NULL && strcmp(p->head.name, w->name) == 0)
    w->found = p;
}

static int
dump(const char *name)
{
  struct wanted wanted = { name, NULL };
  const struct chanas_param *param;
  const struct plugin *p;
  char kind[64];

  registry_each(match_name, &wanted);
  p = wanted.found;
  if (p == NULL) {
    log_error("no usable plugin %s; 'chanas plugins' lists them", name);
    return EXIT_UNAVAILABLE;
  }
  kinds(p, kind);
  printf("name=%s\nversion=%s\nsummary=%s\nkinds=%s\npath=%s\n"
         "api_version=%u\nstruct_size=%u\n", p->head.name, p->head.version,
         p->head.summary, kind, p->path, p->head.api_version,
         p->head.struct_size);
  for (param = p->head.params; param && param->key; param++)
    printf("param=%s type=%s default=%s range=%s help=%s\n", param->key,
           param->type, param->fallback ? param->fallback : "(mandatory)",
           param->range ? param->range : "-", param->help);
  return EXIT_DONE;
}

int
cmd_plugins(const struct options *o)
{
  json_t *list;

  if (o->dump)
    return dump(o->dump);
  if (!o->json) {
    registry_each(print_plugin, NULL);
    return EXIT_DONE;
  }
  list = json_array();
  registry_each(add_plugin, list);
  json_dumpf(list, stdout, JSON_INDENT(2));
  putchar('\n');
  json_decref(list);
  return EXIT_DONE;
}
