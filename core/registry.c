/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plugins by name.  The search path is fixed by the first look-up; a name
 * stands for the first file chanas-NAME.so along it, and each file is loaded
 * at most once.  Used from the main thread only.
 */
#include "registry.h"
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include "loader.h"
#include "log.h"
#include "mem.h"
#include "near.h"
#include "text.h"

#ifndef PLUGINDIR
#define PLUGINDIR "/usr/local/lib/chanas/plugins"
#endif
#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif
#define PREFIX "chanas-"
#define SUFFIX ".so"

struct folder { char *path; int installed; };

/* A file of the path; hidden_by is an earlier file of the same name. */
struct found {
  char *name;
  int installed, tried;
  char *reason; /* why it cannot be used; NULL: sound, once tried */
  struct plugin plugin;
  struct found *hidden_by;
};

static struct chanas_text extra_folders;
static struct { size_t count; struct found **file; int scanned; } found;

const char *
kind_name(enum plugin_kind kind)
{
  static const char *const name[] = { "backend", "strategy", "estimator" };

  return name[kind];
}

void
registry_path(const char *folders)
{
  if (getauxval(AT_SECURE)) {
    log_warn("--plugin-path is ignored: chanas runs with more rights than its "
             "caller");
    return;
  }
  if (extra_folders.size)
    text_append(&extra_folders, ":", 1);
  text_append(&extra_folders, folders, strlen(folders));
}

static void
add_folders(struct chanas_text *all, const char *folders)
{
  if (folders == NULL || *folders == '\0')
    return;
  text_append(all, folders, strlen(folders));
  text_append(all, ":", 1);
}

char *
registry_folders(void)
{
  struct chanas_text all = { 0 };

  add_folders(&all, text_string(&extra_folders));
  if (!getauxval(AT_SECURE))
    add_folders(&all, getenv("CHANAS_PLUGIN_PATH"));
  text_append(&all, PLUGINDIR, strlen(PLUGINDIR));
  return all.data;
}

void
registry_builtin(const struct chanas_plugin *entry)
{
  struct found *item = mem_new(struct found);

  item->name = mem_string(entry->name);
  item->plugin.path = mem_print("built-in %s", entry->name);
  item->tried = 1;
  item->reason = loader_check(entry, item->name, &item->plugin);
  found.file = mem_grow(found.file, found.count + 1, sizeof *found.file);
  found.file[found.count++] = item;
}

static struct found *
find_name(const char *name)
{
  for (size_t i = 0; i < found.count; i++)
    if (!found.file[i]->hidden_by && strcmp(found.file[i]->name, name) == 0)
      return found.file[i];
  return NULL;
}

static int
same_file(const char *a, const char *b)
{
  struct stat x, y;

  return strcmp(a, b) == 0 ||
    (stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev &&
     x.st_ino == y.st_ino);
}

/* An installed plugin is there to be overridden, so only the others warn. */
static void
add_file(const struct folder *folder, const char *file, size_t name_size)
{
  struct found *item = mem_new(struct found), *first;

  item->name = mem_print("%.*s", (int)name_size, file + strlen(PREFIX));
  item->plugin.path = mem_print("%s/%s", folder->path, file);
  item->installed = folder->installed;
  first = find_name(item->name);
  if (first && same_file(first->plugin.path, item->plugin.path)) {
    free(item->name);
    free(item->plugin.path);
    free(item);
    return;
  }
  if (first) {
    item->hidden_by = first;
    item->tried = 1;
    item->reason = mem_print("is not used: %s comes first in the plugin path; "
                             "remove one", first->plugin.path);
    log_message(NULL, item->installed ? CHANAS_DEBUG : CHANAS_WARN,
                "%s %s", item->plugin.path, item->reason);
  }
  found.file = mem_grow(found.file, found.count + 1, sizeof *found.file);
  found.file[found.count++] = item;
}

static int
is_plugin_file(const struct dirent *entry)
{
  size_t n = strlen(entry->d_name), fixed = strlen(PREFIX SUFFIX);

  return n > fixed && strncmp(entry->d_name, PREFIX, strlen(PREFIX)) == 0 &&
    strcmp(entry->d_name + n - strlen(SUFFIX), SUFFIX) == 0;
}

static void
scan_folder(const struct folder *folder)
{
  struct dirent **entry;
  int n = scandir(folder->path, &entry, is_plugin_file, alphasort);

  if (n < 0) {
    log_message(NULL, folder->installed ? CHANAS_DEBUG : CHANAS_WARN,
                "plugin folder %s: %s", folder->path, strerror(errno));
    return;
  }
  for (int i = 0; i < n; i++) {
    const char *file = entry[i]->d_name;
    add_file(folder, file, strlen(file) - strlen(PREFIX SUFFIX));
    free(entry[i]);
  }
  free(entry);
}

static void
scan(void)
{
  char *folders, *rest, *path;

  if (found.scanned)
    return;
  found.scanned = 1;
  folders = rest = registry_folders();
  while ((path = strsep(&rest, ":")) != NULL)
    if (*path) {
      struct folder folder = { path, rest == NULL };
      scan_folder(&folder);
    }
  free(folders);
}

/* Load it unless that was tried before; the plugin, or NULL and a reason. */
static const struct plugin *
load(struct found *item)
{
  if (!item->tried) {
    char *path = item->plugin.path;
    item->tried = 1;
    item->reason = loader_open(path, item->name, &item->plugin);
    if (item->reason)
      item->plugin = (struct plugin){ .path = path };
  }
  return item->reason ? NULL : &item->plugin;
}

static int
has_kind(const struct plugin *plugin, enum plugin_kind kind)
{
  return kind == PLUGIN_BACKEND ? plugin->backend.struct_size > 0 :
    kind == PLUGIN_STRATEGY ? plugin->strategy.struct_size > 0 :
    plugin->estimator.struct_size > 0;
}

/* Names of sound plugins of that kind, NULL-terminated; free() it. */
static const char **
names_of(enum plugin_kind kind)
{
  const char **name = mem_array(const char *, found.count + 1);
  size_t n = 0;

  for (size_t i = 0; i < found.count; i++) {
    const struct plugin *plugin = load(found.file[i]);
    if (plugin && has_kind(plugin, kind))
      name[n++] = found.file[i]->name;
  }
  return name;
}

static void
print_names(struct chanas_text *out, enum plugin_kind kind, const char **name)
{
  text_print(out, name[0] ? "; plugins of that kind:" :
             "; there is no %s plugin at all", kind_name(kind));
  for (size_t i = 0; name[i]; i++)
    text_print(out, "%s %s", i ? "," : "", name[i]);
}

static void
say_not_found(enum plugin_kind kind, const char *name)
{
  const char **there = names_of(kind), *near = near_name(name, there);
  char *folders = registry_folders();
  struct chanas_text text = { 0 };

  text_print(&text, "no %s plugin '%s': no file " PREFIX "%s" SUFFIX " in %s",
             kind_name(kind), name, name, folders);
  print_names(&text, kind, there);
  if (near)
    text_print(&text, "; did you mean '%s'?", near);
  else
    text_print(&text, "; install it or add its folder with --plugin-path");
  log_error("%s", text_string(&text));
  text_free(&text);
  free(folders);
  free(there);
}

static void
say_wrong_kind(enum plugin_kind kind, const struct plugin *plugin)
{
  struct chanas_text text = { 0 };
  const char **there = names_of(kind), *between = "";

  text_print(&text, "%s provides no %s, only ", plugin->path,
             kind_name(kind));
  for (int k = PLUGIN_BACKEND; k <= PLUGIN_ESTIMATOR; k++)
    if (has_kind(plugin, (enum plugin_kind)k)) {
      text_print(&text, "%s%s", between, kind_name((enum plugin_kind)k));
      between = " and ";
    }
  print_names(&text, kind, there);
  log_error("%s", text_string(&text));
  text_free(&text);
  free(there);
}

const struct plugin *
registry_get(enum plugin_kind kind, const char *name)
{
  const struct plugin *plugin;
  struct found *item;

  if (find_name(name) == NULL) /* or it is built in */
    scan();
  if (strchr(name, '/')) {
    log_error("%s plugin '%s': give its name only and its folder with "
              "--plugin-path", kind_name(kind), name);
    return NULL;
  }
  item = find_name(name);
  if (item == NULL) {
    say_not_found(kind, name);
    return NULL;
  }
  plugin = load(item);
  if (plugin == NULL) {
    log_error("%s %s", item->plugin.path, item->reason);
    return NULL;
  }
  if (!has_kind(plugin, kind)) {
    say_wrong_kind(kind, plugin);
    return NULL;
  }
  return plugin;
}

void
registry_each(void (*fn)(void *arg, const char *path, const struct plugin *,
                         const char *reason), void *arg)
{
  scan();
  for (size_t i = 0; i < found.count; i++) {
    struct found *item = found.file[i];
    const struct plugin *plugin = load(item);
    fn(arg, item->plugin.path, plugin, item->reason);
  }
}

/* Leak reports need the symbols of what is unloaded, so it stays then. */
static void
unload(void *handle)
{
#ifndef __SANITIZE_ADDRESS__
  dlclose(handle);
#else
  (void)handle;
#endif
}

void
registry_close(void)
{
  for (size_t i = 0; i < found.count; i++) {
    struct found *item = found.file[i];
    if (item->plugin.handle)
      unload(item->plugin.handle);
    free(item->plugin.path);
    free(item->name);
    free(item->reason);
    free(item);
  }
  free(found.file);
  memset(&found, 0, sizeof found);
  text_free(&extra_folders);
}
