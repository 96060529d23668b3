/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sets of workloads: open addressing over the hash of the key.  A bucket
 * holds an index + 1, 0 when free; buckets is a power of two and at least
 * twice the count.
 */
#include "workload.h"
#include <stdlib.h>
#include <string.h>
#include "mem.h"
#include "rng.h"

/* The bucket that holds key, or the free one where it belongs. */
static size_t
find_bucket(const struct workload_set *set, const char *key)
{
  size_t i = hash_string(key) & (set->buckets - 1);

  while (set->bucket[i] && strcmp(set->item[set->bucket[i] - 1]->key, key))
    i = (i + 1) & (set->buckets - 1);
  return i;
}

static void
grow(struct workload_set *set)
{
  set->buckets = set->buckets ? set->buckets * 2 : 64;
  free(set->bucket);
  set->bucket = mem_array(size_t, set->buckets);
  for (size_t i = 0; i < set->count; i++)
    set->bucket[find_bucket(set, set->item[i]->key)] = i + 1;
}

long
workload_lookup(const struct workload_set *set, const char *key)
{
  return set->count ? (long)set->bucket[find_bucket(set, key)] - 1 : -1;
}

size_t
workload_intern(struct workload_set *set, struct chanas_workload *work)
{
  size_t i;

  if (set->buckets < 2 * (set->count + 1))
    grow(set);
  i = find_bucket(set, work->key);
  if (set->bucket[i]) {
    workload_free(work);
    return set->bucket[i] - 1;
  }
  if (set->count == set->room) {
    set->room = set->room ? set->room * 2 : 64;
    set->item = mem_grow(set->item, set->room, sizeof *set->item);
  }
  set->item[set->count++] = work;
  set->bucket[i] = set->count;
  return set->count - 1;
}

void
workload_set_free(struct workload_set *set)
{
  for (size_t i = 0; i < set->count; i++)
    workload_free(set->item[i]);
  free(set->item);
  free(set->bucket);
  *set = (struct workload_set){ 0 };
}
