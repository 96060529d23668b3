/* SPDX-License-Identifier: Apache-2.0 */
/* Lists in space files: see family_setting.h. */
#include "family_setting.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "log.h"
#include "mem.h"
#include "near.h"
#include "text.h"

int
source_error(const struct source *in, int line, const char *fmt, ...)
{
  char message[1000];
  va_list list;

  va_start(list, fmt);
  vsnprintf(message, sizeof message, fmt, list);
  va_end(list);
  log_error("%s:%d: %s", in->ini->path, line ? line : in->section->line,
            message);
  return -1;
}

int
source_check(const struct source *in, const char *const known[])
{
  return ini_check_used(in->ini, in->section, known);
}

int
source_need(const struct source *in, const char *key, const char *example)
{
  if (ini_entry(in->section, key))
    return 0;
  return source_error(in, 0, "[%s] has no '%s'; add a line %s = %s",
                      in->section->name, key, key, example);
}

/* What reads one word of a list. */
struct reader {
  double low, high;
  const char *const *names;
  int integral;
};

static int
read_number(const struct source *in, int line, const char *key,
            const char *word, const struct reader *how, int64_t *out)
{
  char *end;
  double value = strtod(word, &end);

  if (word[strspn(word, "0123456789.")] || *end || end == word ||
      !(value >= how->low && value <= how->high) ||
      (how->integral && value != floor(value)))
    return source_error(in, line, "%s = %s; give %s from %g to %g", key, word,
                        how->integral ? "integers" : "numbers", how->low,
                        how->high);
  *out = how->integral ? (int64_t)value : llround(value * SETTING_UNIT);
  if (!how->integral && fabs(value * SETTING_UNIT - (double)*out) > 1e-6)
    return source_error(in, line, "%s = %s; at most three decimals count",
                        key, word);
  return 0;
}

static int
read_name(const struct source *in, int line, const char *key,
          const char *word, const struct reader *how, int64_t *out)
{
  struct chanas_text all = { 0 };
  const char *near;

  for (int i = 0; how->names[i]; i++)
    if (strcmp(how->names[i], word) == 0) {
      *out = i;
      return 0;
    }
  near = near_name(word, how->names);
  for (int i = 0; how->names[i]; i++)
    text_print(&all, " %s", how->names[i]);
  if (near)
    source_error(in, line, "%s = %s; did you mean '%s'?", key, word, near);
  else
    source_error(in, line, "%s = %s; give one of%s", key, word,
                 *text_string(&all) ? text_string(&all) :
                 ": none is declared above");
  text_free(&all);
  return -1;
}

static int
add_value(const struct source *in, const char *key, struct setting *set,
          const char *word, int64_t value)
{
  for (size_t i = 0; i < set->values; i++)
    if (set->value[i] == value)
      return source_error(in, set->line, "%s lists %s twice; remove one", key,
                          word);
  if (set->values == SETTING_MAX)
    return source_error(in, set->line, "%s lists more than %d values", key,
                        SETTING_MAX);
  set->value = mem_grow(set->value, set->values + 1, sizeof *set->value);
  set->text = mem_grow(set->text, set->values + 1, sizeof *set->text);
  set->value[set->values] = value;
  set->text[set->values++] = mem_string(word);
  return 0;
}

static int
read_list(struct source *in, const char *key, const struct reader *how,
          struct setting *set)
{
  const char *text = ini_get(in->section, key);
  char *copy, *rest, *word;
  int status = 0;

  *set = (struct setting){ 0 };
  if (text == NULL)
    return 0;
  set->line = ini_entry(in->section, key)->line;
  copy = mem_string(text);
  for (word = strtok_r(copy, " \t", &rest); word && status == 0;
       word = strtok_r(NULL, " \t", &rest)) {
    int64_t value = 0;
    status = how->names ?
             read_name(in, set->line, key, word, how, &value) :
             read_number(in, set->line, key, word, how, &value);
    if (status == 0)
      status = add_value(in, key, set, word, value);
  }
  free(copy);
  if (status == 0 && set->values == 0)
    status = source_error(in, set->line, "%s is empty; give a value or "
                          "remove the line", key);
  return status;
}

int
setting_ints(struct source *in, const char *key, int64_t low, int64_t high,
             struct setting *set)
{
  struct reader how = { .low = (double)low, .high = (double)high,
                        .integral = 1 };

  return read_list(in, key, &how, set);
}

int
setting_reals(struct source *in, const char *key, double low, double high,
              struct setting *set)
{
  struct reader how = { .low = low, .high = high };

  return read_list(in, key, &how, set);
}

int
setting_names(struct source *in, const char *key, const char *const names[],
              struct setting *set)
{
  struct reader how = { .names = names };

  return read_list(in, key, &how, set);
}

void
setting_free(struct setting *set)
{
  for (size_t i = 0; i < set->values; i++)
    free(set->text[i]);
  free(set->text);
  free(set->value);
  *set = (struct setting){ 0 };
}

/* The only value of a list, which is freed. */
static int
take_single(const struct source *in, const char *key, struct setting *set,
            int status, int32_t *out)
{
  if (status == 0 && set->values > 1)
    status = source_error(in, set->line, "%s takes one value, not %zu", key,
                          set->values);
  if (status == 0 && set->values == 1)
    *out = (int32_t)set->value[0];
  setting_free(set);
  return status;
}

int
setting_int(struct source *in, const char *key, int64_t low, int64_t high,
            int32_t *out)
{
  struct setting set;
  int status = setting_ints(in, key, low, high, &set);

  return take_single(in, key, &set, status, out);
}

int
setting_name(struct source *in, const char *key, const char *const names[],
             int32_t *out)
{
  struct setting set;
  int status = setting_names(in, key, names, &set);

  return take_single(in, key, &set, status, out);
}
