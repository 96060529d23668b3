/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding, checking and loading plugins.  chanas-NAME.so is looked for in
 * the --plugin-path folders, $CHANAS_PLUGIN_PATH (colon-separated), then the
 * installed plugin folder; the first found wins.  What is wrong with a
 * plugin is said in one line that names the file and the remedy.
 */
#ifndef CORE_REGISTRY_H
#define CORE_REGISTRY_H
#include <chanas/plugin.h>

enum plugin_kind { PLUGIN_BACKEND, PLUGIN_STRATEGY, PLUGIN_ESTIMATOR };

struct plugin {
  char *path;
  struct chanas_plugin head;        /* host-side copies, zero-extended */
  struct chanas_backend backend;    /* struct_size 0 if absent */
  struct chanas_strategy strategy;
  struct chanas_estimator estimator;
  void *handle;
};

void registry_path(const char *folders); /* from --plugin-path; may repeat */
/* A plugin that is linked into this program; it comes before all folders. */
void registry_builtin(const struct chanas_plugin *);
/* Load (once) by name; checks ABI version, struct sizes, that .name equals
 * the file's, that the kind is there with all its mandatory callbacks.
 * NULL, logged. */
const struct plugin *registry_get(enum plugin_kind, const char *name);
/* Every plugin found in the path, loadable or not; calls back with a reason
 * (NULL when sound).  Two files of one name: both reported, first marked. */
void registry_each(void (*fn)(void *arg, const char *path,
                              const struct plugin *, const char *reason),
                   void *arg);
const char *kind_name(enum plugin_kind); /* "strategy" */
char *registry_folders(void); /* the effective search path; free it */
void registry_close(void); /* dlclose all (skipped under sanitizers) */
#endif
