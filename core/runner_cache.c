/* SPDX-License-Identifier: Apache-2.0 */
/* Least recently used goes first. */
#include "runner_cache.h"

#include <stdlib.h>
#include <string.h>

#include "mem.h"

const struct chanas_text *
cache_get(struct cache *c, const char *hash)
{
  for (int i = 0; i < CACHE_OBJECTS; i++)
    if (c->item[i].hash && !strcmp(c->item[i].hash, hash)) {
      c->item[i].used = ++c->clock;
      return &c->item[i].object;
    }
  return NULL;
}

static void
drop(struct cached *it)
{
  free(it->hash);
  text_free(&it->object);
  *it = (struct cached){0};
}

/* The one to go; NULL if there is none. */
static struct cached *
oldest(struct cache *c)
{
  struct cached *old = NULL;
  for (struct cached *it = c->item; it < c->item + CACHE_OBJECTS; it++)
    if (it->hash && (!old || it->used < old->used))
      old = it;
  return old;
}

/* Room for one more beside those that together stay within the limit. */
static struct cached *
make_room(struct cache *c, size_t size)
{
  for (;;) {
    struct cached *empty = NULL, *old = oldest(c);
    size_t held = size;
    for (struct cached *it = c->item; it < c->item + CACHE_OBJECTS; it++) {
      held += it->object.size;
      empty = it->hash ? empty : it;
    }
    if (empty && (held <= c->limit || !old))
      return empty;
    drop(old);
  }
}

void
cache_put(struct cache *c, const char *hash, const void *object, size_t size)
{
  if (cache_get(c, hash))
    return;
  struct cached *it = make_room(c, size);
  it->hash = mem_string(hash);
  it->used = ++c->clock;
  text_append(&it->object, object, size);
}

void
cache_free(struct cache *c)
{
  for (int i = 0; i < CACHE_OBJECTS; i++)
    drop(&c->item[i]);
}
