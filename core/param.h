/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Typed parameters of plugins: what a declaration may say, and whether a
 * value fits it.  The same check serves fallbacks (when a plugin is loaded)
 * and values from an INI section (when it is opened).
 */
#ifndef CORE_PARAM_H
#define CORE_PARAM_H
#include <chanas/plugin.h>
#include "ini.h"

#define PARAM_MAX 256 /* parameters of one plugin */

struct param_value { int64_t integer; double real; };

/* Is the declaration itself sound (key, type, range, fallback)?  NULL if
 * so, else why not, in words for the plugin's author; free() it. */
char *param_declared(const struct chanas_param *);
/* Does text fit?  NULL and the value if so (a bool is 0 or 1), else why not,
 * such as "must be 1..64"; free() it.  A file is any text here. */
char *param_parse(const struct chanas_param *, const char *text,
                  struct param_value *);
int param_bool(const char *text); /* yes no true false on off 1 0; else -1 */
/* "search.ini:12: [tuner] trials", or without a line where the value came
 * from the command line or the environment; free() it. */
char *param_place(const struct ini *, const struct ini_section *,
                  const struct ini_entry *);
#endif
