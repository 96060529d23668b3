/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A block that is run again and again finds its weights, and the memory that
 * it writes to, in the caches nearest to it; in a network the other blocks
 * have pushed them out since the last inference.  So what is timed is many
 * copies, each with packed weights and a result of its own, which together
 * take as much memory as the job asks for.  All read the same input: in a
 * network, too, the block before has just written it.  They are the steps of a
 * few programs, of which each batch runs the next one.
 */
#include <math.h>
#include <stdlib.h>

#include "mem.h"
#include "runner.h"

#define MOST 64        /* copies; tiny blocks have little to fetch */
#define MOST_TIME 0.05 /* seconds of all copies; long blocks fetch aside */
#define INFLATED 1.5   /* the first run of a kernel over those to come */
#define DEAR 0.02      /* seconds to load a program */

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

/* Programs that take about `round` seconds each: a longer batch is hardly ever
 * without a disturbance.  One, where it is dear to load a program. */
static size_t
parts_wanted(const struct bench *b, size_t copies)
{
  double each = fmax(ceil(INFLATED * b->job->round / b->once), 1);
  if (b->loading > DEAR)
    return 1;
  return (size_t)ceil((double)copies / each);
}

/* Step i writes tensor i + 1, the last one the program's output; where it is
 * accumulated there is but one, as no step may find it empty. */
static struct chanas_program
lay_out(const struct bench *b, size_t n)
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
  return (struct chanas_program){n, apart ? n + 1 : 2, step, elements,
                                 step[n - 1].dst};
}

int
cold_open(struct bench *b, struct answer *a)
{
  size_t n = copies_wanted(b);
  if (n < 2)
    return 0;
  b->alone = b->loaded;
  b->loaded = NULL;
  b->parts = parts_wanted(b, n);
  b->part = mem_array(struct part, b->parts);
  for (size_t i = 0; i < b->parts; i++) {
    struct part *p = &b->part[i];
    p->program = lay_out(b, (n + b->parts - 1 - i) / b->parts);
    if (bench_load(b, &p->program, a))
      return -1;
    p->loaded = b->loaded;
  }
  return 0;
}

void
cold_turn(struct bench *b, size_t turn)
{
  b->turn = b->parts ? turn % b->parts : 0;
  if (b->parts)
    b->loaded = b->part[b->turn].loaded;
}

double
cold_copies(const struct bench *b)
{
  return b->parts ? (double)b->part[b->turn].program.steps : 1;
}

void
cold_close(struct bench *b)
{
  if (!b->alone)
    return;
  for (size_t i = 0; i < b->parts; i++) {
    if (b->part[i].loaded)
      b->backend->unload(b->part[i].loaded);
    free((void *)b->part[i].program.step);
    free((void *)b->part[i].program.elements);
  }
  free(b->part);
  b->part = NULL;
  b->parts = 0;
  b->loaded = b->alone;
  b->alone = NULL;
}
