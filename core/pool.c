/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Worker threads that are started when first needed and then stay: a child
 * process dies with the thread that started it (PR_SET_PDEATHSIG), so threads
 * that start children must outlive them.
 *
 * One loop runs at a time; its indices are handed out by an atomic counter.
 */
#include "pool.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>

struct loop {
  size_t n;
  void (*fn)(void *arg, size_t i);
  void *arg;
  atomic_size_t next;
  int seats; /* workers that may still join */
  int busy;  /* workers inside */
};

static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER; /* one loop a time */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t work = PTHREAD_COND_INITIALIZER;
static pthread_cond_t idle = PTHREAD_COND_INITIALIZER;
static struct loop *current; /* under lock */
static int workers;          /* under turn */
static _Thread_local int inside;

static void
loop_run(struct loop *l)
{
  inside = 1;
  for (size_t i; (i = atomic_fetch_add(&l->next, 1)) < l->n;)
    l->fn(l->arg, i);
  inside = 0;
}

static void *
worker(void *unused)
{
  (void)unused;
  pthread_mutex_lock(&lock);
  for (;;) {
    struct loop *l = current;
    if (!l || !l->seats) {
      pthread_cond_wait(&work, &lock);
      continue;
    }
    l->seats--;
    l->busy++;
    pthread_mutex_unlock(&lock);
    loop_run(l);
    pthread_mutex_lock(&lock);
    if (!--l->busy)
      pthread_cond_signal(&idle);
  }
  return NULL;
}

/* Signals are for the main thread. */
static void
start_workers(int wanted)
{
  sigset_t all, old;
  pthread_t id;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &old);
  while (workers < wanted && !pthread_create(&id, NULL, worker, NULL)) {
    pthread_detach(id);
    workers++;
  }
  pthread_sigmask(SIG_SETMASK, &old, NULL);
}

void
pool_run(int threads, size_t n, void (*fn)(void *arg, size_t i), void *arg)
{
  if (threads > 1 && n < (size_t)threads)
    threads = (int)n;
  if (inside || threads <= 1) {
    for (size_t i = 0; i < n; i++)
      fn(arg, i);
    return;
  }
  struct loop l = {.n = n, .fn = fn, .arg = arg, .seats = threads - 1};
  pthread_mutex_lock(&turn);
  start_workers(threads - 1);
  pthread_mutex_lock(&lock);
  current = &l;
  pthread_cond_broadcast(&work);
  pthread_mutex_unlock(&lock);
  loop_run(&l);
  pthread_mutex_lock(&lock);
  current = NULL;
  while (l.busy)
    pthread_cond_wait(&idle, &lock);
  pthread_mutex_unlock(&lock);
  pthread_mutex_unlock(&turn);
}

int
pool_cpus(void)
{
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set))
    return 1;
  int n = CPU_COUNT(&set);
  return n > 0 ? n : 1;
}

/* The first of the CPUs that share a core with this one; -1: unknown. */
static int
first_sibling(int cpu)
{
  char path[80];
  int first = -1;
  snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/topology/"
           "thread_siblings_list", cpu);
  FILE *f = fopen(path, "re");
  if (f && fscanf(f, "%d", &first) != 1)
    first = -1;
  if (f)
    fclose(f);
  return first;
}

int
pool_cores(int most, int cpu[])
{
  cpu_set_t set, taken;
  int n = 0;
  CPU_ZERO(&taken);
  if (sched_getaffinity(0, sizeof set, &set))
    return 0;
  for (int i = 0; i < CPU_SETSIZE && n < most; i++) {
    int core = CPU_ISSET(i, &set) ? first_sibling(i) : -1;
    if (core < 0 || core >= CPU_SETSIZE || CPU_ISSET(core, &taken))
      continue;
    CPU_SET(core, &taken);
    cpu[n++] = i;
  }
  return n;
}
