/* SPDX-License-Identifier: Apache-2.0 */
/* Values that come from the command line and from the environment. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include "config_parts.h"
#include "log.h"
#include "mem.h"

extern char **environ;

static int
apply_set(struct ini *ini, const char *text)
{
  size_t dot = strcspn(text, ".="), equals = strcspn(text, "=");
  char *section, *key;
  int status = -1;

  if (text[dot] != '.' || text[equals] != '=' || dot == 0 ||
      equals == dot + 1) {
    log_error("--set %s: write --set section.key=value", text);
    return -1;
  }
  section = mem_print("%.*s", (int)dot, text);
  key = mem_print("%.*s", (int)(equals - dot - 1), text + dot + 1);
  if (config_check_section("--set", section) == 0)
    status = ini_set(ini, section, key, text + equals + 1);
  free(section);
  free(key);
  return status;
}

/* Does NAME of the environment stand for this key? */
static int
stands_for(const char *name, size_t size, const char *key)
{
  if (strlen(key) != size)
    return 0;
  for (size_t i = 0; i < size; i++)
    if (name[i] != (key[i] == '-' ? '_' : toupper((unsigned char)key[i])))
      return 0;
  return 1;
}

/* The key meant: one of the core's, one in the file, or NAME in lower case
 * with '-' for '_', for the plugin to accept or refuse; free it. */
static char *
meant_key(const struct ini *ini, const char *section, const char *name,
          size_t size)
{
  const char *const *keys = config_keys(section);
  const struct ini_section *there = ini_find(ini, section);
  char *key;

  for (size_t i = 0; keys[i]; i++)
    if (stands_for(name, size, keys[i]))
      return mem_string(keys[i]);
  for (size_t i = 0; there && i < there->entries; i++)
    if (stands_for(name, size, there->entry[i].key))
      return mem_string(there->entry[i].key);
  key = mem_print("%.*s", (int)size, name);
  for (char *p = key; *p; p++)
    *p = *p == '_' ? '-' : (char)tolower((unsigned char)*p);
  return key;
}

static int
apply_variable(struct ini *ini, const char *variable)
{
  static const char prefix[] = "CHANAS_";
  const char *rest = variable + strlen(prefix), *value;

  if (strncmp(variable, prefix, strlen(prefix)) != 0)
    return 0;
  value = strchr(rest, '=');
  for (size_t i = 0; value && value[1] && i < CONFIG_SECTIONS; i++) {
    size_t n = strlen(config_sections[i].name);
    char *key;
    int status;
    if (!stands_for(rest, n, config_sections[i].name) || rest[n] != '_' ||
        rest + n + 1 >= value)
      continue;
    key = meant_key(ini, config_sections[i].name, rest + n + 1,
                    (size_t)(value - rest) - n - 1);
    status = ini_set(ini, config_sections[i].name, key, value + 1);
    free(key);
    return status;
  }
  return 0;
}

int
config_apply_overrides(struct ini *ini, const char *const set[])
{
  for (char **variable = environ; variable && *variable; variable++)
    if (apply_variable(ini, *variable) < 0)
      return -1;
  for (size_t i = 0; set && set[i]; i++)
    if (apply_set(ini, set[i]) < 0)
      return -1;
  return 0;
}
