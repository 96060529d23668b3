/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The values that a plugin's parameters have: from its section, from the
 * fallbacks.  Unknown keys and values that do not fit are refused here.
 */
#include <stdlib.h>
#include <string.h>
#include "file.h"
#include "host_parts.h"
#include "log.h"
#include "mem.h"
#include "near.h"

/* Where a value comes from, for messages. */
static char *
place(const struct host *host, const struct ini *ini,
      const struct ini_section *section, const struct chanas_param *param)
{
  struct ini_entry *entry = section ? ini_entry(section, param->key) : NULL;

  if (entry)
    return param_place(ini, section, entry);
  return mem_print("plugin %s: parameter '%s'", host->plugin->head.name,
                   param->key);
}

/* Replaces a file's name by its full path; "" means that none was given. */
static int
resolve_file(struct host *host, const char *where,
             const struct chanas_param *param, struct parameter *parameter)
{
  struct chanas_text looked = { 0 };
  char *path;

  if (*parameter->text == '\0')
    return 0;
  path = file_find_data(host->base, parameter->text);
  if (path == NULL) {
    host_print_looked(&looked, host->base, parameter->text);
    log_error("%s: there is no file '%s' (%s)%s", where, parameter->text,
              param->help ? param->help : "data", text_string(&looked));
    text_free(&looked);
    return -1;
  }
  free(parameter->text);
  parameter->text = path;
  return 0;
}

static int
read_parameter(struct host *host, const struct ini *ini,
               struct ini_section *section, const struct chanas_param *param,
               struct parameter *parameter)
{
  const char *text = section ? ini_get(section, param->key) : NULL;
  char *where = place(host, ini, section, param), *why = NULL;
  int status = 0;

  if (text == NULL)
    text = param->fallback;
  if (text == NULL) {
    log_error("plugin %s needs the key '%s' (%s) in its section%s%s%s",
              host->plugin->head.name, param->key,
              param->help ? param->help : param->type, section ? " [" : "",
              section ? section->name : "", section ? "]" : "");
    status = -1;
  } else {
    parameter->text = mem_string(text);
    why = param_parse(param, text, &parameter->value);
    if (why)
      log_error("%s %s", where, why);
    status = why ? -1 : 0;
  }
  if (status == 0 && strcmp(param->type, "file") == 0)
    status = resolve_file(host, where, param, parameter);
  free(why);
  free(where);
  return status;
}

static int
in_list(const char *const list[], const char *name)
{
  for (size_t i = 0; list && list[i]; i++)
    if (strcmp(list[i], name) == 0)
      return 1;
  return 0;
}

/* Every key a section may have: the plugin's, then the core's. */
static const char **
known_keys(const struct chanas_param *param, const char *const ignore[])
{
  size_t n = 0, m = 0;
  const char **list;

  while (param && param[n].key)
    n++;
  while (ignore && ignore[m])
    m++;
  list = mem_array(const char *, n + m + 1);
  for (size_t i = 0; i < n; i++)
    list[i] = param[i].key;
  for (size_t i = 0; i < m; i++)
    list[n + i] = ignore[i];
  return list;
}

static int
check_unknown(const struct host *host, const struct ini *ini,
              const struct ini_section *section, const char *const ignore[])
{
  const char **known = known_keys(host->plugin->head.params, ignore);
  int status = 0;

  for (size_t i = 0; section && i < section->entries && status == 0; i++) {
    const struct ini_entry *entry = &section->entry[i];
    const char *near = near_name(entry->key, known);
    char *where;
    if (in_list(known, entry->key))
      continue;
    where = param_place(ini, section, entry);
    log_error("%s: unknown key, which plugin %s does not have%s%s%s", where,
              host->plugin->head.name, near ? "; did you mean '" : "; remove "
              "it", near ? near : "", near ? "'?" : "");
    free(where);
    status = -1;
  }
  free(known);
  return status;
}

int
host_read_section(struct host *host, const struct ini *ini,
                  struct ini_section *section, const char *const ignore[])
{
  const struct chanas_param *param = host->plugin->head.params;
  size_t n = 0;

  if (check_unknown(host, ini, section, ignore) < 0)
    return -1;
  while (param && param[n].key)
    n++;
  host->parameter = mem_array(struct parameter, n);
  for (size_t i = 0; i < n; i++)
    if (read_parameter(host, ini, section, &param[i], &host->parameter[i]) < 0)
      return -1;
  return 0;
}
