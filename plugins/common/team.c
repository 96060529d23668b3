/* SPDX-License-Identifier: Apache-2.0 */
#include "team.h"
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#define SPINS 4000 /* before the processor is offered to others */

struct member { struct team *team; pthread_t thread; long index; };

struct team {
  int threads;
  atomic_uint work;    /* counts runs; its change is the start of one */
  atomic_uint arrived, round; /* of the barrier */
  int closing;
  kernel_part *part;
  const float *x, *packed;
  float *y, *scratch;
  struct member member[]; /* 0 is the caller */
};

/* Until the counter is no more what it was. */
static void
await_change(atomic_uint *counter, unsigned was)
{
  int spins = 0;

  while (atomic_load_explicit(counter, memory_order_acquire) == was)
    if (++spins > SPINS)
      sched_yield();
}

static void
barrier(void *arg)
{
  struct team *t = arg;
  unsigned round = atomic_load(&t->round);

  if (atomic_fetch_add(&t->arrived, 1) + 1 == (unsigned)t->threads) {
    atomic_store(&t->arrived, 0);
    atomic_fetch_add(&t->round, 1);
  } else {
    await_change(&t->round, round);
  }
}

static void
do_part(struct team *t, long index)
{
  t->part(t->x, t->y, t->packed, t->scratch, index, t->threads, barrier, t);
  barrier(t);
}

static void *
serve(void *arg)
{
  struct member *m = arg;
  unsigned seen = 0;

  for (;;) {
    await_change(&m->team->work, seen++);
    if (m->team->closing)
      return NULL;
    do_part(m->team, m->index);
  }
}

struct team *
team_open(int threads)
{
  struct team *t = calloc(1, sizeof *t
                             + (size_t)threads * sizeof t->member[0]);
  int i;

  if (t == NULL)
    return NULL;
  t->threads = 1;
  for (i = 1; i < threads; i++) {
    t->member[i] = (struct member){ .team = t, .index = i };
    if (pthread_create(&t->member[i].thread, NULL, serve, &t->member[i])) {
      team_close(t);
      return NULL;
    }
    t->threads++;
  }
  return t;
}

void
team_run(struct team *t, kernel_part *part, const float *x, float *y,
         const float *packed, float *scratch)
{
  t->part = part;
  t->x = x;
  t->y = y;
  t->packed = packed;
  t->scratch = scratch;
  atomic_fetch_add(&t->work, 1);
  do_part(t, 0);
}

void
team_close(struct team *t)
{
  int i;

  if (t == NULL)
    return;
  t->closing = 1;
  atomic_fetch_add(&t->work, 1);
  for (i = 1; i < t->threads; i++)
    pthread_join(t->member[i].thread, NULL);
  free(t);
}
