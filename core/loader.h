/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One plugin file: checked as a file, opened, its descriptor checked and
 * copied.  The file checks come before dlopen because constructors of the
 * object run inside it; from there on a plugin is trusted code.
 */
#ifndef CORE_LOADER_H
#define CORE_LOADER_H
#include "registry.h"

/* Fills in the plugin, which must be zeroed.  NULL if it is sound, else what
 * is wrong with the file and what to do, without its path; free() it.  The
 * object stays open only if it is sound. */
char *loader_open(const char *path, const char *name, struct plugin *);
/* The second half, of a descriptor that is already in memory. */
char *loader_check(const struct chanas_plugin *, const char *name,
                   struct plugin *);
#endif
