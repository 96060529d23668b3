/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of the configuration (config.h), shared by the files that read it:
 *
 *   config.c           sections, keys and values; the resolved text
 *   config_override.c  --set and the environment
 *   config_goals.c     objectives and constraints
 */
#ifndef CORE_CONFIG_PARTS_H
#define CORE_CONFIG_PARTS_H
#include "config.h"

#define CONFIG_SECTIONS 6

/* In the order of config.def; a section with a plugin has keys of others. */
struct config_section { const char *name; int plugin; };
extern const struct config_section config_sections[CONFIG_SECTIONS];

/* ---- config.c */
/* 0 if the section is one of ours; else -1 and a line, where says who. */
int config_check_section(const char *where, const char *name);

/* ---- config_override.c */
/* Puts what the environment and then set[] say into the ini; -1, logged. */
int config_apply_overrides(struct ini *, const char *const set[]);
#endif
