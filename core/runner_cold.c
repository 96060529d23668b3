/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A block that is run again and again finds its weights, and the memory that
 * it writes to, in the caches nearest to it; in a network the other blocks
 * have pushed them out since the last inference.  So what is timed is a
 * program of many equal steps, each with packed weights and a result of its
 * own, which together take as much memory as the job asks for.  All read the
 * same input: in a network, too, the block before has just written it.
 */
#include <math.h>
#include <stdlib.h>

#include "mem.h"
#include "runner.h"

#define MOST 64        /* copies; tiny blocks have little to fetch */
#define MOST_TIME 0.05 /* seconds of all copies; long blocks fetch aside */

static size_t
copies_wanted(const struct bench *b)
{
  const struct chanas_workload *w = b->step[0].workload;
  size_t floats = w->weights + (w->accumulate ? 0 : w->outputs);
  double bytes = (double)sizeof(float) * (double)floats;
  if (b->job->steps != 1 || b->job->tensors != 2)
    return 1;
  double n = fmin((double)b->job->cold / fmax(bytes, 1), MOST_TIME / b->once);
  return n < 1 ? 1 : n < MOST ? (size_t)ceil(n) : MOST;
}

/* Step i writes tensor i + 1, the last one the program's output; where it is
 * accumulated there is but one, as no step may find it empty. */
static void
lay_out(struct bench *b, size_t n)
{
  int apart = !b->step[0].workload->accumulate;
  struct chanas_step *step = mem_array(struct chanas_step, n);
  size_t *elements = mem_array(size_t, n + 1);
  elements[0] = b->job->elements[0];
  for (size_t i = 0; i < n; i++) {
    step[i] = b->step[0];
    step[i].dst = apart ? (int32_t)i + 1 : 1;
    elements[i + 1] = b->job->elements[1];
  }
  b->many = (struct chanas_program){n, apart ? n + 1 : 2, step, elements,
                                    step[n - 1].dst};
}

int
cold_open(struct bench *b, struct answer *a)
{
  size_t n = copies_wanted(b);
  if (n < 2)
    return 0;
  lay_out(b, n);
  b->alone = b->loaded;
  b->loaded = NULL;
  return bench_load(b, &b->many, a);
}

double
cold_copies(const struct bench *b)
{
  return b->alone ? (double)b->many.steps : 1;
}

void
cold_close(struct bench *b)
{
  if (!b->alone)
    return;
  if (b->loaded)
    b->backend->unload(b->loaded);
  b->loaded = b->alone;
  b->alone = NULL;
  free((void *)b->many.step);
  free((void *)b->many.elements);
}
