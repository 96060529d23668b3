/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys of a space file whose value is a list: "kernel = 3 5 7".  A list of
 * several values becomes a knob.
 */
#ifndef CORE_FAMILY_SETTING_H
#define CORE_FAMILY_SETTING_H
#include <stdint.h>
#include "ini.h"

#define SETTING_MAX 64  /* values of one list: what a mask of a knob holds */
#define SETTING_UNIT 1000 /* fractions are kept in thousandths */

struct setting {
  int line;       /* 0: the key is absent */
  size_t values;
  int64_t *value;
  char **text;    /* as written */
};

/* One section being read. */
struct source {
  const struct ini *ini;
  struct ini_section *section;
};

/* Log "file:line: message" and return -1; line 0 is the section's own. */
int source_error(const struct source *, int line, const char *fmt, ...)
  __attribute__((format(printf, 3, 4)));
/* NULL-terminated list of the keys that belong here; -1 if one does not. */
int source_check(const struct source *, const char *const known[]);

/* All return -1 (logged) on a bad value.  An absent key leaves values 0. */
int setting_ints(struct source *, const char *key, int64_t low, int64_t high,
                 struct setting *);
/* Fractions, in thousandths. */
int setting_reals(struct source *, const char *key, double low, double high,
                  struct setting *);
/* Positions in names[], which ends in NULL. */
int setting_names(struct source *, const char *key, const char *const names[],
                  struct setting *);
void setting_free(struct setting *);

/* The same for keys with exactly one value; *out is kept if it is absent. */
int setting_int(struct source *, const char *key, int64_t low, int64_t high,
                int32_t *out);
int setting_name(struct source *, const char *key, const char *const names[],
                 int32_t *out);
/* -1 (logged) if the key is absent. */
int source_need(const struct source *, const char *key, const char *example);
#endif
