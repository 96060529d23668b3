/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of build.c: compiler, private folder, cache of objects. */
#ifndef CORE_BUILD_PARTS_H
#define CORE_BUILD_PARTS_H
#include "build.h"

/* ---- compiler ---- */
struct compiler {
  struct chanas_args words; /* empty: the backend's own */
  char *version;            /* "gcc 12.2.0" and its target */
};
/* -1, logged.  fallback is the backend's compiler. */
int compiler_open(struct compiler *, const char *configured,
                  const char *fallback);
void compiler_close(struct compiler *);
/* Run it on a command of the backend (whose first word it replaces).  NULL if
 * it made the object, else what was wrong, to be freed; folder is left out of
 * the text. */
char *compiler_run(const struct compiler *, const struct chanas_args *command,
                   const char *object, const char *folder);

/* ---- folder ---- */
struct folder {
  char *path;
  int lock; /* held while in use, so that others can tell a stale folder */
};
/* A private folder below $TMPDIR; removes what dead processes left there. */
int folder_open(struct folder *);
void folder_close(struct folder *);

/* ---- cache ---- */
struct cache {
  char *path; /* NULL: switched off */
  unsigned long long limit;
};
/* $CHANAS_BUILD_CACHE is its size in MiB, 0 switches it off. */
void cache_open(struct cache *);
void cache_close(struct cache *);
/* 1 if the object of that very key was there and is now at `object`. */
int cache_get(const struct cache *, const struct chanas_text *key,
              const char *object);
void cache_put(const struct cache *, const struct chanas_text *key,
               const char *object);
#endif
