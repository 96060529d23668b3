/* SPDX-License-Identifier: Apache-2.0 */
/* Typed parameters: see param.h. */
#include "param.h"
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "mem.h"

static const char dots[] = "..";

static int
is_type(const struct chanas_param *param, const char *type)
{
  return strcmp(param->type, type) == 0;
}

int
param_bool(const char *text)
{
  static const char *const word[] = { "no", "yes", "false", "true",
                                      "off", "on", "0", "1" };

  for (int i = 0; i < 8; i++)
    if (strcasecmp(text, word[i]) == 0)
      return i & 1;
  return -1;
}

/* Whole text, no blanks, base 10; -1 if it is no such number. */
static int
parse_integer(const char *text, int64_t *out)
{
  char *end;

  errno = 0;
  *out = strtoll(text, &end, 10);
  return *text == '\0' || isspace((unsigned char)*text) || *end || errno ?
    -1 : 0;
}

static int
parse_real(const char *text, double *out)
{
  char *end;

  *out = strtod(text, &end);
  return *text == '\0' || isspace((unsigned char)*text) || *end ||
    !isfinite(*out) ? -1 : 0;
}

/* One end of "LOW..HIGH"; an empty one leaves *out alone. */
static int
parse_bound(const char *text, size_t size, int whole, double *out)
{
  char copy[64];
  int64_t integer;

  if (size == 0)
    return 0;
  if (size >= sizeof copy)
    return -1;
  memcpy(copy, text, size);
  copy[size] = '\0';
  if (!whole)
    return parse_real(copy, out);
  if (parse_integer(copy, &integer) < 0)
    return -1;
  *out = (double)integer;
  return 0;
}

static int
parse_range(const struct chanas_param *param, double *low, double *high)
{
  const char *range = param->range, *middle;
  int whole = is_type(param, "int");

  *low = -INFINITY;
  *high = INFINITY;
  if (range == NULL)
    return 0;
  middle = strstr(range, dots);
  if (middle == NULL ||
      parse_bound(range, (size_t)(middle - range), whole, low) < 0 ||
      parse_bound(middle + 2, strlen(middle + 2), whole, high) < 0)
    return -1;
  return *low <= *high ? 0 : -1;
}

/* Is text one of "a|b|c"? */
static int
one_of(const char *range, const char *text)
{
  size_t size = strlen(text);

  for (;;) {
    size_t n = strcspn(range, "|");
    if (n == size && memcmp(range, text, n) == 0)
      return 1;
    if (range[n] == '\0')
      return 0;
    range += n + 1;
  }
}

static char *
parse_number(const struct chanas_param *param, const char *text,
             struct param_value *out)
{
  double low, high;
  int whole = is_type(param, "int");

  if (whole ? parse_integer(text, &out->integer) < 0 :
      parse_real(text, &out->real) < 0)
    return mem_print("must be %s number, not '%s'", whole ? "a whole" : "a",
                     text);
  if (whole)
    out->real = (double)out->integer;
  else if (fabs(out->real) < 9e18)
    out->integer = (int64_t)out->real;
  parse_range(param, &low, &high);
  if (out->real < low || out->real > high)
    return mem_print("must be in %s, not %s", param->range, text);
  return NULL;
}

char *
param_parse(const struct chanas_param *param, const char *text,
            struct param_value *out)
{
  *out = (struct param_value){ 0 };
  if (is_type(param, "int") || is_type(param, "real"))
    return parse_number(param, text, out);
  if (is_type(param, "bool")) {
    int value = param_bool(text);
    if (value < 0)
      return mem_print("must be yes or no, not '%s'", text);
    *out = (struct param_value){ value, value };
  } else if (is_type(param, "text") && param->range &&
             !one_of(param->range, text))
    return mem_print("must be one of %s, not '%s'", param->range, text);
  return NULL;
}

static int
good_key(const char *key)
{
  size_t n = strlen(key);

  for (size_t i = 0; i < n; i++)
    if (!islower((unsigned char)key[i]) && !isdigit((unsigned char)key[i]) &&
        key[i] != '-' && key[i] != '_')
      return 0;
  return n > 0 && n <= 40;
}

char *
param_declared(const struct chanas_param *param)
{
  static const char *const types[] = { "int", "real", "bool", "text", "file" };
  struct param_value value;
  double low, high;
  int type = -1;
  char *why;

  if (!good_key(param->key) || strcmp(param->key, "plugin") == 0)
    return mem_print("parameter key '%s' must be 1 to 40 of a-z 0-9 - _ and "
                     "not 'plugin'; rename it", param->key);
  for (int i = 0; param->type && i < 5; i++)
    if (is_type(param, types[i]))
      type = i;
  if (type < 0)
    return mem_print("parameter '%s' has type '%s'; use int, real, bool, text "
                     "or file", param->key, param->type ? param->type : "");
  if (type < 2 ? parse_range(param, &low, &high) < 0 :
      param->range && type != 3)
    return mem_print("parameter '%s' has range '%s'; use LOW..HIGH for "
                     "numbers, a|b|c for text, NULL for others", param->key,
                     param->range);
  if (param->fallback == NULL)
    return NULL;
  why = param_parse(param, param->fallback, &value);
  if (why) {
    char *text = mem_print("parameter '%s' has a bad fallback: it %s; "
                           "correct it", param->key, why);
    free(why);
    return text;
  }
  return NULL;
}

char *
param_place(const struct ini *ini, const struct ini_section *section,
            const struct ini_entry *entry)
{
  if (ini && entry->line > 0)
    return mem_print("%s:%d: [%s] %s", ini->path, entry->line, section->name,
                     entry->key);
  return mem_print("[%s] %s (set on the command line or by the environment)",
                   section->name, entry->key);
}
