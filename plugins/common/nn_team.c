/* SPDX-License-Identifier: Apache-2.0 */
/* Pieces of work on threads, and memory for them. */
#include "nn_impl.h"

void
nn_team_run(int threads, void (*fn)(void *, int), void *arg)
{
  if (threads == 1) {
    fn(arg, 0);
    return;
  }
#pragma omp parallel for schedule(static, 1) num_threads(threads)
  for (int t = 0; t < threads; t++)
    fn(arg, t);
}

struct nn_piece
nn_piece(int32_t n, int threads, int t)
{
  int64_t all = n;

  return (struct nn_piece){ (int32_t)(all * t / threads),
                            (int32_t)(all * (t + 1) / threads) };
}

float *
nn_floats(size_t n)
{
  void *p = NULL;

  if (n > SIZE_MAX / sizeof(float) - 16 ||
      posix_memalign(&p, 64, (n + 16) * sizeof(float)) != 0)
    return NULL;
  return p;
}
