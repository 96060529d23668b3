/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From emitted source to an object: the run-time compiler ($CHANAS_CC, else
 * [backend] compiler, else cc), found and tried at start.  Several
 * candidates go into one translation unit; when that fails they are compiled
 * one by one, so that one bad candidate costs only itself.
 */
#ifndef CORE_BUILD_H
#define CORE_BUILD_H
#include <chanas/plugin.h>
#include "registry.h"
#include "text.h"

struct build; /* opaque */

struct build_unit {
  const char *symbol;
  const char *source;
  const void *with; /* those with the same one that follow each other are built
                       together; NULL: at most per_unit */
  char *object;   /* out: path, several units may share it; NULL: not built */
  char *error;    /* out: first line of the compiler's complaint, or NULL */
};

/* Makes a private folder (0700) under TMPDIR; self is an open pure half.
 * NULL, logged (exit code 4) if the compiler is missing or cannot build. */
struct build *build_open(const struct plugin *, void *self,
                         const char *compiler, int jobs);
void build_close(struct build *); /* removes the folder */
const char *build_compiler_version(struct build *); /* "gcc 12.2.0" */
/* Compile n units, at most per_unit together, jobs compilers at a time. */
void build_units(struct build *, size_t n, struct build_unit[],
                 size_t per_unit);
void build_units_free(size_t n, struct build_unit[]); /* object and error */
#endif
