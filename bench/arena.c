/* SPDX-License-Identifier: Apache-2.0 */
/* Many searches at once, and what came of them. */
#include "arena.h"
#include <math.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "log.h"

static int
seeds_of_one(uint64_t first, size_t n, size_t width, size_t start,
             size_t stride, int (*fn)(void *, uint64_t, double *), void *arg,
             double *out)
{
  for (size_t i = start; i < n; i += stride)
    if (fn(arg, first + i, out + i * width))
      return 1;
  return 0;
}

int
each_seed(uint64_t first, size_t n, size_t width,
          int (*fn)(void *arg, uint64_t seed, double *out), void *arg,
          double *out)
{
  long cpus = sysconf(_SC_NPROCESSORS_ONLN);
  size_t workers = cpus > 0 ? (size_t)cpus : 1, size = n * width;
  double *shared = mmap(NULL, size * sizeof *out, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  int failed = 0, status;

  if (shared == MAP_FAILED) {
    log_error("no memory for %zu results", size);
    return -1;
  }
  for (size_t w = 0; w < workers; w++) {
    pid_t pid = fork();
    if (pid == 0)
      _exit(seeds_of_one(first, n, width, w, workers, fn, arg, shared));
    failed |= pid < 0;
  }
  while (wait(&status) > 0)
    failed |= status != 0;
  memcpy(out, shared, size * sizeof *out);
  munmap(shared, size * sizeof *out);
  return failed ? -1 : 0;
}

struct moments
moments_of(const double *row, size_t n, size_t width, size_t c)
{
  struct moments m = { 0, 0, 0, INFINITY };

  for (size_t i = 0; i < n; i++) {
    m.mean += row[i * width + c] / (double)n;
    m.least = fmin(m.least, row[i * width + c]);
  }
  for (size_t i = 0; i < n && n > 1; i++)
    m.sd += pow(row[i * width + c] - m.mean, 2) / (double)(n - 1);
  m.sd = sqrt(m.sd);
  m.error = m.sd / sqrt((double)n);
  return m;
}

double
seconds_now(void)
{
  struct timespec now;

  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}
