/* SPDX-License-Identifier: Apache-2.0 */
/* Pieces of work on threads, and memory for them. */
#include <sys/mman.h>
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

#define HUGE_PAGE ((size_t)2 << 20)

/* Large ones on huge pages, where the system has any to give: a channel's
 * values lie a row of channels apart, so that few share a small page. */
float *
nn_floats(size_t n)
{
  size_t bytes = (n + 16) * sizeof(float), align = 64;
  void *p = NULL;

  if (n > SIZE_MAX / sizeof(float) - HUGE_PAGE)
    return NULL;
  if (bytes >= 2 * HUGE_PAGE) {
    align = HUGE_PAGE;
    bytes = (bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
  }
  if (posix_memalign(&p, align, bytes) != 0)
    return NULL;
  if (align == HUGE_PAGE)
    madvise(p, bytes, MADV_HUGEPAGE); /* a wish: it may be refused */
  return p;
}
