/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One workload as stand-alone C, with the schedule that is fastest while
 * everything is in the caches:
 *
 *   bench/layer [-t THREADS] [-n CANDIDATES] PLUGIN.so KEY DIR
 *
 * The default schedule and random legal ones run in turn in this process, on
 * the same input again and again; who computes something else than the
 * reference does is out.  Prints the medians of the default and of the best
 * in microseconds, and the policy.  bench/layers compares what it leaves in
 * DIR with oneDNN.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "file.h"
#include "mem.h"
#include "opened.h"
#include "reference.h"
#include "rng.h"
#include "space.h"
#include "workload.h"

#define MOST 256 /* candidates */
#define ROUNDS 15
#define BATCH 0.0005 /* seconds of one timing */

struct candidate {
  int32_t *choice;
  char symbol[16];
  void *loaded; /* NULL: out */
  unsigned repeat;
  double time[ROUNDS];
};

struct layer {
  struct opened o;
  struct chanas_workload *workload;
  struct chanas_space *space;
  size_t elements[2], count;
  float *weights, *x, *want, *y;
  struct candidate candidate[MOST];
};

static struct chanas_point
point(const struct layer *l, const struct candidate *c)
{
  return (struct chanas_point){ l->space, c->choice };
}

/* In huge pages, as bench/onednn.c and deployed benches have them. */
static float *
huge(size_t floats)
{
  const size_t page = (size_t)2 << 20;
  size_t bytes = (floats * sizeof(float) + page) / page * page;
  float *at = aligned_alloc(page, bytes);

  if (at == NULL)
    opened_fail("no memory", "aligned_alloc");
  madvise(at, bytes, MADV_HUGEPAGE);
  return at;
}

static void
prepare(struct layer *l, const char *key)
{
  struct rng r = rng_seed(1);
  struct chanas_workload *w = l->workload = workload_parse(key);

  if (w == NULL)
    exit(2);
  l->elements[0] = w->inputs;
  l->elements[1] = w->outputs;
  l->weights = mem_array(float, w->weights + 1);
  reference_weights(w, 1, l->weights);
  l->x = huge(w->inputs + 16 + w->outputs);
  l->want = mem_array(float, w->outputs);
  l->y = l->x + (w->inputs + 15) / 16 * 16;
  for (size_t i = 0; i < w->inputs; i++)
    l->x[i] = rng_float(&r);
  reference_run(w, l->x, l->weights, l->want);
}

static void
draw(struct layer *l, size_t wanted)
{
  const struct chanas_backend *b = &l->o.plugin.backend;
  struct rng r = rng_seed(2);

  l->space = space_new();
  if (b->space(l->o.self, l->workload, l->space))
    opened_fail("no schedules", l->workload->key);
  for (size_t tries = 0; tries < 100 * wanted && l->count < wanted; tries++) {
    struct candidate *c = &l->candidate[l->count];
    if (c->choice == NULL)
      c->choice = mem_array(int32_t, l->space->knobs + 1);
    if (l->count == 0)
      b->initial(l->o.self, l->workload, l->space, c->choice);
    else
      space_random(l->space, &r, c->choice);
    if (b->legal(l->o.self, l->workload, point(l, c)) == 1)
      snprintf(c->symbol, sizeof c->symbol, "c%zu", l->count++);
  }
}

static struct chanas_program
program(const struct layer *l, struct chanas_step *step, const char *symbol)
{
  *step = (struct chanas_step){ .workload = l->workload, .symbol = symbol,
                                .weights = l->weights, .src = 0, .dst = 1 };
  return (struct chanas_program){ .steps = 1, .tensors = 2, .step = step,
                                  .elements = l->elements, .output = 1 };
}

/* Loaded if it is right; how often it runs in one timing. */
static void
admit(struct layer *l, struct candidate *c, const char *object)
{
  const struct chanas_backend *b = &l->o.plugin.backend;
  struct chanas_step step;
  struct chanas_program p = program(l, &step, c->symbol);
  size_t n = l->workload->outputs;
  double seconds;

  if (b->load(host_services(l->o.host), object, &p, &c->loaded)) {
    c->loaded = NULL;
    return;
  }
  if (b->run(c->loaded, l->x, l->y, 1, &seconds) ||
      !(reference_difference(l->y, l->want, n, reference_least(l->workload))
        <= reference_tolerance(l->workload)) ||
      b->run(c->loaded, l->x, l->y, 4, &seconds)) {
    fprintf(stderr, "layer: %s: a schedule is wrong\n", l->workload->key);
    exit(1);
  }
  c->repeat = (unsigned)(1 + BATCH / (seconds / 4 + 1e-9));
}

static void
build_all(struct layer *l)
{
  const struct chanas_backend *b = &l->o.plugin.backend;
  struct build_unit *unit = mem_array(struct build_unit, l->count);

  for (size_t i = 0; i < l->count; i++) {
    struct candidate *c = &l->candidate[i];
    struct chanas_text text = { 0 };
    if (b->emit(l->o.self, l->workload, point(l, c), c->symbol, &text))
      opened_fail("not emitted", l->workload->key);
    unit[i] = (struct build_unit){ .symbol = c->symbol, .source = text.data };
  }
  build_units(l->o.build, l->count, unit, 8);
  for (size_t i = 0; i < l->count; i++)
    if (unit[i].object)
      admit(l, &l->candidate[i], unit[i].object);
    else
      fprintf(stderr, "layer: not built: %s\n", unit[i].error);
}

static void
measure(struct layer *l)
{
  double seconds;

  for (int round = 0; round < ROUNDS; round++)
    for (size_t i = 0; i < l->count; i++) {
      struct candidate *c = &l->candidate[i];
      if (c->loaded == NULL)
        continue;
      if (l->o.plugin.backend.run(c->loaded, l->x, l->y, c->repeat, &seconds))
        opened_fail("does not run", l->workload->key);
      c->time[round] = seconds / c->repeat;
    }
}

static int
ascending(const void *a, const void *b)
{
  double x = *(const double *)a, y = *(const double *)b;

  return (x > y) - (x < y);
}

static const struct candidate *
best_of(struct layer *l)
{
  struct candidate *best = NULL;

  for (size_t i = 0; i < l->count; i++) {
    struct candidate *c = &l->candidate[i];
    qsort(c->time, ROUNDS, sizeof *c->time, ascending);
    if (c->loaded && (!best || c->time[ROUNDS / 2] < best->time[ROUNDS / 2]))
      best = c;
  }
  if (best == NULL)
    opened_fail("no schedule runs", l->workload->key);
  return best;
}

/* As chanas export has it. */
static void
leave(struct layer *l, const struct candidate *c, const char *dir)
{
  const struct chanas_backend *b = &l->o.plugin.backend;
  struct chanas_files files = { 0 };
  struct chanas_step step;
  struct chanas_program p = program(l, &step, "b0");
  char *name = mem_print("kernels%s", b->suffix);
  struct chanas_text *golden = files_get(&files, "golden.bin");

  text_append(golden, l->x, l->elements[0] * sizeof *l->x);
  text_append(golden, l->want, l->elements[1] * sizeof *l->want);
  text_append(files_get(&files, "weights.bin"), l->weights,
              l->workload->weights * sizeof *l->weights);
  if (b->emit(l->o.self, l->workload, point(l, c), "b0",
              files_get(&files, name)) ||
      b->deploy(l->o.self, &p, &files) || file_make_dirs(dir))
    opened_fail("cannot be written", dir);
  for (size_t i = 0; i < files.count; i++)
    if (file_write(file_join(dir, files.file[i]->name),
                   text_string(&files.file[i]->text),
                   files.file[i]->text.size))
      exit(1);
}

int
main(int argc, char **argv)
{
  static struct layer l;
  struct chanas_text policy = { 0 };
  const struct candidate *best;
  int threads = 1, c;
  size_t wanted = 32;

  while ((c = getopt(argc, argv, "t:n:")) != -1)
    switch (c) {
    case 't': threads = atoi(optarg); break;
    case 'n': wanted = strtoul(optarg, NULL, 10); break;
    default: return 2;
    }
  if (argc - optind != 3 || threads < 1 || wanted < 1 || wanted > MOST) {
    fprintf(stderr, "usage: layer [-t THREADS] [-n 1..%d] PLUGIN.so KEY DIR\n",
            MOST);
    return 2;
  }
  opened_environment(threads);
  opened_open(&l.o, argv[optind], threads, 0, NULL, 0);
  prepare(&l, argv[optind + 1]);
  draw(&l, wanted);
  build_all(&l);
  measure(&l);
  best = best_of(&l);
  leave(&l, best, argv[optind + 2]);
  space_print(l.space, best->choice, &policy);
  printf("default %.3f best %.3f of %zu %s\n",
         1e6 * l.candidate[0].time[ROUNDS / 2],
         1e6 * best->time[ROUNDS / 2], l.count, policy.data);
  build_close(l.o.build);
  return 0;
}
