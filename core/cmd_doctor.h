/* SPDX-License-Identifier: Apache-2.0 */
/* Findings of chanas doctor. */
#ifndef CORE_CMD_DOCTOR_H
#define CORE_CMD_DOCTOR_H
#include <jansson.h>
#include "registry.h"

struct doctor {
  json_t *json;  /* an array, or NULL: findings are printed */
  int bad;       /* something that every run needs is missing */
  int usable;    /* backends that work here */
};

/* One finding; state is "ok", "note" or "missing".  plugin is NULL where it is
 * that of no one plugin, and only then does "missing" count as bad: of the
 * backends one is enough. */
void doctor_say(struct doctor *, const char *plugin, const char *state,
                const char *topic, const char *text);

/* ---- cmd_doctor_backend.c: all about one backend */
void doctor_backend(struct doctor *, const struct plugin *);
#endif
