/* SPDX-License-Identifier: Apache-2.0 */
/* The objects that a serving runner was sent: the latest ones, up to so many
 * bytes, so that one with several candidates travels once. */
#ifndef CORE_RUNNER_CACHE_H
#define CORE_RUNNER_CACHE_H
#include "text.h"

#define CACHE_OBJECTS 16

struct cache {
  size_t limit; /* bytes of all but the latest object */
  unsigned long clock;
  struct cached { char *hash; struct chanas_text object; unsigned long used; }
    item[CACHE_OBJECTS];
};

/* Valid until the next cache_put(); NULL: it is not there. */
const struct chanas_text *cache_get(struct cache *, const char *hash);
void cache_put(struct cache *, const char *hash, const void *object,
               size_t size);
void cache_free(struct cache *);
#endif
