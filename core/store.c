/* SPDX-License-Identifier: Apache-2.0 */
/* A small persistent store: see store.h. */
#include "store.h"
#include <ctype.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "file.h"
#include "log.h"
#include "mem.h"

/* A leading dot is written as %2E: "." and ".." are no values. */
static void
escape(const char *name, struct chanas_text *out)
{
  for (const char *p = name; *p; p++)
    if (isalnum((unsigned char)*p) || strchr("_-", *p) ||
        (*p == '.' && p != name))
      text_append(out, p, 1);
    else
      text_print(out, "%%%02X", (unsigned)(unsigned char)*p);
}

static char *
store_folder(const char *folder, const char *owner)
{
  char *name, *path;

  if (folder)
    return file_join(folder, owner);
  name = mem_print("plugins/%s", owner);
  path = file_xdg_cache(name);
  free(name);
  return path;
}

/* The value's path, and its folder; NULL (logged) if there can be none. */
static char *
value_path(const char *folder, const char *owner, const char *key,
           char **parent)
{
  char *base = store_folder(folder, owner);
  struct chanas_text name = { 0 };
  char *path = NULL;

  *parent = base;
  escape(key, &name);
  if (base == NULL)
    log_error("no folder for the store of plugin %s: set HOME or "
              "XDG_CACHE_HOME", owner);
  else if (name.size == 0 || name.size > NAME_MAX - 8)
    log_error("store of plugin %s: the key '%.40s' is %s", owner, key,
              name.size ? "too long" : "empty");
  else
    path = file_join(base, text_string(&name));
  text_free(&name);
  return path;
}

int
store_put(const char *folder, const char *owner, const char *key,
          const void *data, size_t size)
{
  char *parent, *path = value_path(folder, owner, key, &parent);
  int status = -1;

  if (path && size > STORE_LIMIT)
    log_error("store of plugin %s: '%s' has %zu bytes, at most %u are kept",
              owner, key, size, STORE_LIMIT);
  else if (path && file_make_dirs(parent) == 0)
    status = file_write(path, data, size);
  free(path);
  free(parent);
  return status;
}

int
store_get(const char *folder, const char *owner, const char *key,
          struct chanas_text *out)
{
  char *parent, *path = value_path(folder, owner, key, &parent);
  int status = -1;

  if (path && access(path, F_OK) == 0)
    status = file_read(path, STORE_LIMIT, out);
  free(path);
  free(parent);
  return status;
}
