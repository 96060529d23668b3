/* SPDX-License-Identifier: Apache-2.0 */
/* A loop on several threads that ends at the first failure. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include "images_parts.h"

struct work {
  size_t n;
  atomic_size_t next;
  atomic_int failed;
  int (*fn)(void *arg, size_t i);
  void *arg;
};

static void *
work(void *ptr)
{
  struct work *w = ptr;
  size_t i;

  while (!w->failed && (i = atomic_fetch_add(&w->next, 1)) < w->n)
    if (w->fn(w->arg, i) < 0)
      w->failed = 1;
  return NULL;
}

static int
cpus(void)
{
  cpu_set_t set;
  int n = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;

  return n > 1 ? n : 1;
}

/* A thread that cannot be had is done without. */
int
images_work(int threads, size_t n, int (*fn)(void *arg, size_t i), void *arg)
{
  struct work w = { .n = n, .fn = fn, .arg = arg };
  pthread_t thread[64];
  int started = 0;

  threads = threads > 0 ? threads : cpus();
  threads = threads > 64 ? 64 : threads;
  while (started < threads - 1 && (size_t)started + 1 < n &&
         pthread_create(&thread[started], NULL, work, &w) == 0)
    started++;
  work(&w);
  while (started > 0)
    pthread_join(thread[--started], NULL);
  return w.failed ? -1 : 0;
}
