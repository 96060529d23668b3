/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration of a run.  config.def is expanded into one row a key;
 * everything else walks the rows.  A config exists only if every key of the
 * core is sound; the plugins' own keys stay in the ini for host_open.
 */
#include "config_parts.h"
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "file.h"
#include "log.h"
#include "mem.h"
#include "near.h"
#include "param.h"
#include "text.h"

enum type { TYPE_INT, TYPE_REAL, TYPE_TEXT, TYPE_WORD, TYPE_BOOL };

struct row {
  const char *section, *key, *fallback, *words, *help;
  enum type type;
  size_t at; /* of the field in struct config */
  double low, high;
};

#define AT(field) offsetof(struct config, field)
#define CONFIG_INT(section, key, field, fallback, low, high, help) \
  { section, key, fallback, NULL, help, TYPE_INT, AT(field), low, high },
#define CONFIG_REAL(section, key, field, fallback, low, high, help) \
  { section, key, fallback, NULL, help, TYPE_REAL, AT(field), low, high },
#define CONFIG_TEXT(section, key, field, fallback, help) \
  { section, key, fallback, NULL, help, TYPE_TEXT, AT(field), 0, 0 },
#define CONFIG_WORD(section, key, field, fallback, words, help) \
  { section, key, fallback, words, help, TYPE_WORD, AT(field), 0, 0 },
#define CONFIG_BOOL(section, key, field, fallback, help) \
  { section, key, fallback, NULL, help, TYPE_BOOL, AT(field), 0, 0 },
static const struct row rows[] = {
#include "config.def"

#define LINE_WIDTH 120 /* of a printed value */
};

#define ROWS (sizeof rows / sizeof *rows)
#define MAX_KEYS 32

const struct config_section config_sections[CONFIG_SECTIONS] = {
  { "search", 0 }, { "space", 0 }, { "backend", 1 }, { "tuner", 1 },
  { "strategy", 1 }, { "estimator", 1 },
};

static const char *const section_names[] = {
  "search", "space", "backend", "tuner", "strategy", "estimator", NULL,
};

const char *const *
config_keys(const char *section)
{
  static const char *keys[CONFIG_SECTIONS][MAX_KEYS];

  for (size_t i = 0; i < CONFIG_SECTIONS; i++) {
    size_t n = 0;
    if (strcmp(config_sections[i].name, section) != 0)
      continue;
    for (size_t r = 0; r < ROWS; r++)
      if (strcmp(rows[r].section, section) == 0 && n < MAX_KEYS - 1)
        keys[i][n++] = rows[r].key;
    return keys[i];
  }
  return NULL;
}

int
config_check_section(const char *where, const char *name)
{
  const char *near = near_name(name, section_names);

  if (config_keys(name))
    return 0;
  log_error("%s: there is no section [%s]%s%s%s", where, name,
            near ? "; did you mean [" : "; there are search, space, backend, "
            "tuner, strategy and estimator", near ? near : "",
            near ? "]?" : "");
  return -1;
}

/* ---- values ---- */

static void *
field(const struct config *config, const struct row *row)
{
  return (char *)(uintptr_t)config + row->at;
}

/* The row as a declaration, so that keys of the core and of plugins are
 * checked and refused in the same words. */
static struct chanas_param
as_param(const struct row *row, char range[64])
{
  static const char *const name[] = { "int", "real", "text", "text", "bool" };
  struct chanas_param param = { row->key, name[row->type], row->fallback,
                                row->words, row->help };

  if (row->type == TYPE_INT || row->type == TYPE_REAL) {
    snprintf(range, 64, "%.16g..%.16g", row->low, row->high);
    param.range = range;
  }
  return param;
}

static int
read_row(struct config *config, const struct row *row)
{
  struct ini_section *section = ini_find(config->ini, row->section);
  const struct ini_entry *entry = section ? ini_entry(section, row->key) :
    NULL;
  const char *text = entry ? ini_get(section, row->key) : row->fallback;
  struct param_value value;
  char range[64], *why, *where;
  struct chanas_param param = as_param(row, range);

  why = param_parse(&param, text, &value);
  if (why) {
    where = entry ? param_place(config->ini, section, entry) :
      mem_print("[%s] %s", row->section, row->key);
    log_error("%s %s", where, why);
    free(where);
    free(why);
    return -1;
  }
  if (row->type == TYPE_INT)
    *(long long *)field(config, row) = value.integer;
  else if (row->type == TYPE_REAL)
    *(double *)field(config, row) = value.real;
  else if (row->type == TYPE_BOOL)
    *(int *)field(config, row) = (int)value.integer;
  else
    *(char **)field(config, row) = mem_string(text);
  return 0;
}

/* Sections there are none of; keys of sections that are the core's alone. */
static int
check_names(const struct ini *ini)
{
  for (size_t i = 0; i < ini->sections; i++) {
    const struct ini_section *section = &ini->section[i];
    char *where = mem_print("%s:%d", ini->path, section->line);
    int status = config_check_section(where, section->name);
    free(where);
    if (status < 0)
      return -1;
  }
  for (size_t i = 0; i < CONFIG_SECTIONS; i++) {
    struct ini_section *section = ini_find(ini, config_sections[i].name);
    if (section && !config_sections[i].plugin &&
        ini_check_used(ini, section, config_keys(config_sections[i].name)) < 0)
      return -1;
  }
  return 0;
}

static struct config *
from_ini(struct ini *ini, const char *const set[])
{
  struct config *config;
  int status;

  if (ini == NULL)
    return NULL;
  config = mem_new(struct config);
  config->ini = ini;
  config->folder = file_dirname(ini->path);
  status = config_apply_overrides(ini, set);
  for (size_t i = 0; i < ROWS && status == 0; i++)
    status = read_row(config, &rows[i]);
  if (status == 0)
    status = check_names(ini);
  if (status == 0)
    status = config_parse_goals(config);
  if (status == 0)
    return config;
  config_free(config);
  return NULL;
}

struct config *
config_read(const char *path, const char *const set[])
{
  return from_ini(ini_read(path), set);
}

struct config *
config_parse(const char *name, const char *text, const char *const set[])
{
  return from_ini(ini_parse_text(name, text), set);
}

void
config_free(struct config *config)
{
  if (config == NULL)
    return;
  for (size_t i = 0; i < ROWS; i++)
    if (rows[i].type == TYPE_TEXT || rows[i].type == TYPE_WORD)
      free(*(char **)field(config, &rows[i]));
  for (size_t i = 0; i < config->goals; i++)
    free(config->goal[i].name);
  ini_free(config->ini);
  free(config->folder);
  free(config);
}

/* ---- the resolved text ---- */

static void
print_real(struct chanas_text *out, double value)
{
  char text[40];

  snprintf(text, sizeof text, "%.15g", value);
  if (strtod(text, NULL) != value)
    snprintf(text, sizeof text, "%.17g", value);
  text_print(out, "%s", text);
}

/* A long value goes on in indented lines, so that it reads back. */
static void
print_value(struct chanas_text *out, const char *value)
{
  size_t column = 0;

  for (const char *p = value; *p; p++)
    if (*p == ' ' && p[1] != ' ' && column > 0 &&
        column + 1 + strcspn(p + 1, " ") > LINE_WIDTH) {
      text_print(out, "\n  ");
      column = 0;
    } else {
      text_append(out, p, 1);
      column++;
    }
}

static void
print_row(struct chanas_text *out, const struct config *config,
          const struct row *row)
{
  const void *at = field(config, row);

  text_print(out, "%s = ", row->key);
  if (row->type == TYPE_INT)
    text_print(out, "%lld", *(const long long *)at);
  else if (row->type == TYPE_REAL)
    print_real(out, *(const double *)at);
  else if (row->type == TYPE_BOOL)
    text_print(out, "%s", *(const int *)at ? "yes" : "no");
  else
    print_value(out, *(char *const *)at);
  text_print(out, "\n");
}

static int
by_key(const void *a, const void *b)
{
  const struct ini_entry *x = *(const struct ini_entry *const *)a;
  const struct ini_entry *y = *(const struct ini_entry *const *)b;

  return strcmp(x->key, y->key);
}

static int
is_core_key(const char *section, const char *key)
{
  for (size_t i = 0; i < ROWS; i++)
    if (strcmp(rows[i].section, section) == 0 &&
        strcmp(rows[i].key, key) == 0)
      return 1;
  return 0;
}

/* The plugin's own keys, sorted: their order in the file means nothing. */
static void
print_others(struct chanas_text *out, const struct ini_section *section)
{
  const struct ini_entry **entry;
  size_t n = 0;

  if (section == NULL)
    return;
  entry = mem_array(const struct ini_entry *, section->entries);
  for (size_t i = 0; i < section->entries; i++)
    if (!is_core_key(section->name, section->entry[i].key))
      entry[n++] = &section->entry[i];
  qsort(entry, n, sizeof *entry, by_key);
  for (size_t i = 0; i < n; i++) {
    text_print(out, "%s = ", entry[i]->key);
    print_value(out, entry[i]->value);
    text_print(out, "\n");
  }
  free(entry);
}

char *
config_text(const struct config *config)
{
  struct chanas_text out = { 0 };

  for (size_t i = 0; i < CONFIG_SECTIONS; i++) {
    const char *name = config_sections[i].name;
    text_print(&out, "%s[%s]\n", i ? "\n" : "", name);
    for (size_t r = 0; r < ROWS; r++)
      if (strcmp(rows[r].section, name) == 0)
        print_row(&out, config, &rows[r]);
    print_others(&out, ini_find(config->ini, name));
  }
  return out.data;
}
