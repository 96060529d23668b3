/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The INI of a run as one typed structure.  config.def is the list: keys,
 * types, defaults, ranges, help; parser, dump and man page come from it.
 */
#ifndef CORE_CONFIG_H
#define CORE_CONFIG_H
#include <stdint.h>
#include "ini.h"

#define CONFIG_MAX_GOALS 8

struct config {
  struct ini *ini;  /* kept for the plugins' own keys */
  char *folder;     /* of the INI file */
#define CONFIG_INT(section, key, field, fallback, low, high, help) \
  long long field;
#define CONFIG_REAL(section, key, field, fallback, low, high, help) \
  double field;
#define CONFIG_TEXT(section, key, field, fallback, help) char *field;
#define CONFIG_WORD(section, key, field, fallback, words, help) char *field;
#define CONFIG_BOOL(section, key, field, fallback, help) int field;
#include "config.def"
  size_t goals;
  /* The objectives in their order, then what is only constrained (sense 0).
   * limit is in %, s or a plain number, NaN if there is none: a lower bound
   * of accuracy, an upper one of all else. */
  struct config_goal { char *name; int sense; double limit; }
    goal[CONFIG_MAX_GOALS];
};

/* set[]: "section.key=value" overrides, NULL-terminated, may be NULL.
 * Precedence: set, CHANAS_SECTION_KEY in the environment, file, default.
 * NULL, logged. */
struct config *config_read(const char *path, const char *const set[]);
/* The same of text that is already in memory, in tests; name stands for the
 * path in messages. */
struct config *config_parse(const char *name, const char *text,
                            const char *const set[]);
void config_free(struct config *);
/* The resolved INI text, defaults included; equal configs, equal text. */
char *config_text(const struct config *); /* free it */
/* Keys of a section that belong to the core (for host_open); NULL if there is
 * no such section. */
const char *const *config_keys(const char *section);
/* "accuracy:max latency:min", "latency<5ms macs<50M" into goals. */
int config_parse_goals(struct config *);
#endif
