/* SPDX-License-Identifier: Apache-2.0 */
/* The parallel for: every index once, whatever the threads, the nesting and
 * the callers. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

#include "pool.h"

#define N 1000

struct tally {
  atomic_int done[N];
  atomic_int inside, most;
  int pause; /* microseconds */
};

static void
count(void *arg, size_t i)
{
  struct tally *t = arg;
  int now = atomic_fetch_add(&t->inside, 1) + 1, most = t->most;
  while (now > most && !atomic_compare_exchange_weak(&t->most, &most, now))
    continue;
  if (t->pause)
    usleep((useconds_t)t->pause);
  atomic_fetch_add(&t->done[i], 1);
  atomic_fetch_sub(&t->inside, 1);
}

static void
each_index_once(void **state)
{
  static const int threads[] = {-1, 0, 1, 2, 3, 8};
  static const size_t n[] = {0, 1, 2, 7, N};
  (void)state;
  for (size_t t = 0; t < 6; t++)
    for (size_t k = 0; k < 5; k++) {
      static struct tally tally;
      tally = (struct tally){.pause = 0};
      pool_run(threads[t], n[k], count, &tally);
      for (size_t i = 0; i < N; i++)
        assert_int_equal(tally.done[i], i < n[k]);
      assert_true(tally.most <= (threads[t] > 1 ? threads[t] : 1));
    }
}

static void
runs_beside_itself(void **state)
{
  static struct tally tally;
  (void)state;
  tally = (struct tally){.pause = 5000};
  pool_run(3, 12, count, &tally);
  assert_true(tally.most >= 2 && tally.most <= 3);
}

static void
nested(void *arg, size_t i)
{
  (void)i;
  pool_run(4, 10, count, arg);
}

static void
nests(void **state)
{
  static struct tally tally;
  (void)state;
  pool_run(4, 50, nested, &tally);
  for (size_t i = 0; i < 10; i++)
    assert_int_equal(tally.done[i], 50);
}

static void *
caller(void *arg)
{
  for (int i = 0; i < 100; i++)
    pool_run(3, N, count, arg);
  return NULL;
}

static void
many_callers(void **state)
{
  static struct tally tally[4];
  pthread_t id[4];
  (void)state;
  for (int i = 0; i < 4; i++)
    pthread_create(&id[i], NULL, caller, &tally[i]);
  for (int i = 0; i < 4; i++)
    pthread_join(id[i], NULL);
  for (int i = 0; i < 4; i++)
    for (size_t k = 0; k < N; k++)
      assert_int_equal(tally[i].done[k], 100);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(each_index_once),
    cmocka_unit_test(runs_beside_itself),
    cmocka_unit_test(nests),
    cmocka_unit_test(many_callers),
  };
  return pool_cpus() < 1 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
