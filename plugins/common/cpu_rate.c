/* SPDX-License-Identifier: Apache-2.0 */
#include "cpu_rate.h"
#include <pthread.h>
#include <stdlib.h>
#include "cpu.h"

#define THREADS 64
#define ROUNDS (1L << 20)

struct job {
  void (*work)(long);
  double operations, rate;
};

static void *
run_job(void *arg)
{
  struct job *job = arg;
  double start, rate;
  int i;

  for (i = 0; i < 6; i++) {
    start = cpu_now();
    job->work(ROUNDS);
    rate = job->operations * ROUNDS / (cpu_now() - start);
    if (rate > job->rate)
      job->rate = rate;
  }
  return NULL;
}

double
rate_work(int threads, void (*work)(long rounds), double operations)
{
  struct job job[THREADS];
  pthread_t thread[THREADS];
  double sum = 0;
  int i, started = 0;

  if (threads > THREADS)
    threads = THREADS;
  for (i = 0; i < threads; i++)
    job[i] = (struct job){ work, operations, 0 };
  for (i = 1; i < threads; i++) {
    if (pthread_create(&thread[i], NULL, run_job, &job[i]))
      break;
    started = i;
  }
  run_job(&job[0]);
  for (i = 1; i <= started; i++)
    pthread_join(thread[i], NULL);
  for (i = 0; i < threads; i++)
    sum += job[i].rate;
  return sum * 1e-9;
}

double
rate_read(size_t bytes, void (*read)(const float *, size_t floats))
{
  float *data = malloc(bytes);
  double best = 0, start, rate;
  size_t i, repeat = ((size_t)32 << 20) / bytes + 1;
  int round;

  if (data == NULL)
    return 0;
  for (i = 0; i < bytes / sizeof *data; i++)
    data[i] = 1;
  for (round = 0; round < 4; round++) {
    start = cpu_now();
    for (i = 0; i < repeat; i++)
      read(data, bytes / sizeof *data);
    rate = (double)(bytes * repeat) / (cpu_now() - start);
    best = rate > best ? rate : best;
  }
  free(data);
  return best * 1e-9;
}
