/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objectives and constraints: "accuracy:max latency:min" and "latency<5ms
 * macs<600M accuracy>90".  Units end here: seconds, percent of accuracy, plain
 * counts, and plain ratios of rounding.
 */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "config.h"
#include "log.h"
#include "mem.h"
#include "near.h"
#include "param.h"

enum quantity { ACCURACY, LATENCY, MACS, PARAMS, ROUNDING };

static const char *const quantity_names[] = {
  "accuracy", "latency", "macs", "params", "rounding", NULL,
};

struct unit { const char *name; double factor; };

static const struct unit percent[] = { { "", 1 }, { "%", 1 }, { NULL, 0 } };
static const struct unit ratios[] = { { "", 1 }, { "%", 0.01 }, { NULL, 0 } };
static const struct unit time_units[] = {
  { "s", 1 }, { "ms", 1e-3 }, { "us", 1e-6 }, { NULL, 0 },
};
static const struct unit counts[] = {
  { "", 1 }, { "k", 1e3 }, { "K", 1e3 }, { "M", 1e6 }, { "G", 1e9 },
  { NULL, 0 },
};

/* A message with the place of [search] key; -1. */
static int
complain(const struct config *config, const char *key, char *text)
{
  struct ini_section *section = ini_find(config->ini, "search");
  struct ini_entry *entry = section ? ini_entry(section, key) : NULL;
  char *where = entry ? param_place(config->ini, section, entry) :
    mem_print("[search] %s", key);

  log_error("%s: %s", where, text);
  free(where);
  free(text);
  return -1;
}

#define COMPLAIN(config, key, ...) \
  complain((config), (key), mem_print(__VA_ARGS__))

static int
find_quantity(const struct config *config, const char *key, const char *name)
{
  const char *near = near_name(name, quantity_names);

  for (int i = 0; quantity_names[i]; i++)
    if (strcmp(quantity_names[i], name) == 0)
      return i;
  return COMPLAIN(config, key, "there is no quantity '%s'%s%s%s", name,
                  near ? "; did you mean '" : "; there are accuracy, latency, "
                  "macs, params and rounding", near ? near : "",
                  near ? "'?" : "");
}

static struct config_goal *
find_goal(struct config *config, int quantity)
{
  for (size_t i = 0; i < config->goals; i++)
    if (strcmp(config->goal[i].name, quantity_names[quantity]) == 0)
      return &config->goal[i];
  return NULL;
}

/* There are five quantities and room for eight goals. */
static struct config_goal *
add_goal(struct config *config, int quantity, int sense)
{
  struct config_goal *goal = &config->goal[config->goals++];

  *goal = (struct config_goal){ mem_string(quantity_names[quantity]), sense,
                                (double)NAN };
  return goal;
}

static int
take_objective(struct config *config, const char *word)
{
  static const char key[] = "objectives";
  const char *colon = strchr(word, ':');
  char *name;
  int quantity, sense;

  if (colon == NULL || (strcmp(colon, ":max") != 0 &&
                        strcmp(colon, ":min") != 0))
    return COMPLAIN(config, key, "'%s' does not say which way; write %.*s:max "
                    "or %.*s:min", word, (int)strcspn(word, ":"), word,
                    (int)strcspn(word, ":"), word);
  sense = strcmp(colon, ":max") == 0 ? 1 : -1;
  name = mem_print("%.*s", (int)(colon - word), word);
  quantity = find_quantity(config, key, name);
  free(name);
  if (quantity < 0)
    return -1;
  if (find_goal(config, quantity))
    return COMPLAIN(config, key, "'%s' is there twice; remove one",
                    quantity_names[quantity]);
  add_goal(config, quantity, sense);
  return 0;
}

static const struct unit *
find_unit(int quantity, const char *name)
{
  static const struct unit *const units[] = {
    [ACCURACY] = percent, [LATENCY] = time_units, [MACS] = counts,
    [PARAMS] = counts, [ROUNDING] = ratios,
  };
  const struct unit *unit = units[quantity];

  while (unit->name && strcmp(unit->name, name) != 0)
    unit++;
  return unit->name ? unit : NULL;
}

/* "5ms" into seconds; -1, logged. */
static int
parse_limit(const struct config *config, int quantity, const char *word,
            const char *text, double *limit)
{
  static const char *const examples[] = { "accuracy>75", "latency<5ms",
                                          "macs<600M", "params<5M",
                                          "rounding<2%" };
  static const char *const units[] = { "nothing or %", "s, ms or us",
                                       "nothing, k, M or G",
                                       "nothing, k, M or G", "nothing or %" };
  char *end;
  const struct unit *unit;

  *limit = strtod(text, &end);
  if (end == text || isspace((unsigned char)*text) || !isfinite(*limit) ||
      *limit <= 0)
    return COMPLAIN(config, "constraint", "'%s' needs a number above 0, such "
                    "as %s", word, examples[quantity]);
  unit = find_unit(quantity, end);
  if (unit == NULL)
    return COMPLAIN(config, "constraint", "'%s' has the unit '%s'; %s takes "
                    "%s, such as %s", word, end, quantity_names[quantity],
                    units[quantity], examples[quantity]);
  *limit *= unit->factor;
  if (quantity == ACCURACY && *limit > 100)
    return COMPLAIN(config, "constraint", "'%s': accuracy is in percent, at "
                    "most 100", word);
  return 0;
}

static int
take_constraint(struct config *config, const char *word)
{
  static const char key[] = "constraint";
  size_t n = strcspn(word, "<>");
  const char *number = word + n + (word[n] && word[n + 1] == '=' ? 2 : 1);
  struct config_goal *goal;
  double limit;
  char *name;
  int quantity;

  if (word[n] == '\0')
    return COMPLAIN(config, key, "'%s' is no limit; write it without blanks, "
                    "such as latency<5ms", word);
  name = mem_print("%.*s", (int)n, word);
  quantity = find_quantity(config, key, name);
  free(name);
  if (quantity < 0 || parse_limit(config, quantity, word, number, &limit) < 0)
    return -1;
  if ((word[n] == '>') != (quantity == ACCURACY))
    return COMPLAIN(config, key, "'%s': %s can only be bounded from %s; write "
                    "%s%c", word, quantity_names[quantity],
                    quantity == ACCURACY ? "below" : "above",
                    quantity_names[quantity], quantity == ACCURACY ? '>' :
                    '<');
  goal = find_goal(config, quantity);
  if (goal == NULL)
    goal = add_goal(config, quantity, 0);
  if (!isnan(goal->limit))
    return COMPLAIN(config, key, "'%s' is bounded twice; remove one",
                    quantity_names[quantity]);
  goal->limit = limit;
  return 0;
}

static int
each_word(struct config *config, const char *text,
          int (*take)(struct config *, const char *))
{
  char *copy = mem_string(text), *rest = copy, *word;
  int status = 0;

  while (status == 0 && (word = strtok_r(rest, " \t,", &rest)) != NULL)
    status = take(config, word);
  free(copy);
  return status;
}

int
config_parse_goals(struct config *config)
{
  if (each_word(config, config->objectives, take_objective) < 0)
    return -1;
  if (config->goals == 0)
    return COMPLAIN(config, "objectives", "nothing to optimise; write such as "
                    "accuracy:max latency:min");
  return each_word(config, config->constraint, take_constraint);
}
