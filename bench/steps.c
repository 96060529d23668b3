/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One network, step by step, by several variants of a CPU backend in turn in
 * one process: what each block costs between its neighbours, and how that
 * compares with the machine's ceiling.
 *
 *   bench/steps [-t THREADS] [-d TYPE] [-b BATCH] [-r ROUNDS] [-i ISA]...
 *               SPACE.ini VARIANT...
 *
 * A variant is the file of a plugin, of this build or of another one, and
 * what differs from the default schedule: FILE[,[STEP.]KNOB=VALUE]...; a
 * knob is set wherever it has that value and the schedule is legal.  -i ISA
 * takes an extension away from the device's description.  All outputs are
 * compared with those of the first variant.
 */
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "network.h"
#include "opened.h"
#include "reference.h"
#include "rng.h"

#define VARIANTS 16
#define PASSES 3 /* of a variant in each round; the first is not counted */

struct setup {
  int threads, dtype, batch, rounds, lacks;
  const char *lack[8];
  struct chanas_network *net;
  struct family *family;
  float **weights; /* by step */
  float *x;
};

struct variant {
  const char *text;
  struct opened o;
  void *loaded;
  struct build_unit unit;
  struct chanas_step *step;
  struct chanas_program program;
  float *y;
  double *seconds; /* [step][sample] */
  double *total;   /* [sample] */
  size_t samples;
};

static void
open_variant(const struct setup *s, struct variant *v, int first)
{
  char *path = mem_string(v->text);

  path[strcspn(path, ",")] = 0;
  opened_open(&v->o, path, s->threads, s->lacks, s->lack, first);
}

/* "[STEP.]KNOB=VALUE" on one step's schedule. */
static void
set_knob(const struct variant *v, const struct chanas_workload *w,
         const char *text, size_t length, size_t at,
         const struct chanas_space *space, int32_t *choice)
{
  const struct chanas_host *h = host_services(v->o.host);
  char word[64], *knob = word, *value;

  snprintf(word, sizeof word, "%.*s", (int)length, text);
  if ((value = strchr(word, '=')) == NULL)
    opened_fail("no KNOB=VALUE", word);
  *value++ = 0;
  if (strchr(word, '.')) {
    if (strtoul(word, &knob, 10) != at)
      return;
    knob++;
  }
  long i = h->find_knob(space, knob);
  for (size_t k = 0; i >= 0 && k < h->choices(space, (size_t)i); k++)
    if (h->knob_value(space, (size_t)i, k) == atol(value)) {
      int32_t was = choice[i];
      choice[i] = (int32_t)k;
      if (v->o.plugin.backend.legal(v->o.self, w,
                                  (struct chanas_point){ space, choice }) < 1)
        choice[i] = was;
    }
}

static void
emit_step(const struct variant *v, size_t at, struct chanas_text *out)
{
  const struct chanas_backend *b = &v->o.plugin.backend;
  const struct chanas_workload *w = v->step[at].workload;
  struct chanas_space *space = space_new();
  int32_t *choice;

  if (b->space(v->o.self, w, space))
    opened_fail("no schedules", w->key);
  choice = mem_array(int32_t, space->knobs);
  b->initial(v->o.self, w, space, choice);
  for (const char *p = strchr(v->text, ','); p; p = strchr(p, ','))
    set_knob(v, w, p + 1, strcspn(p + 1, ","), at, space, choice), p++;
  if (b->emit(v->o.self, w, (struct chanas_point){ space, choice },
              v->step[at].symbol, out))
    opened_fail("not emitted", w->key);
  free(choice);
  space_free(space);
}

static void
build_variant(const struct setup *s, struct variant *v)
{
  const struct workload_set *set = family_workloads(s->family);
  struct chanas_text text = { 0 };
  size_t n = s->net->blocks;

  v->step = mem_array(struct chanas_step, n);
  for (size_t i = 0; i < n; i++) {
    v->step[i] = (struct chanas_step){
      .workload = set->item[s->net->block[i].workload],
      .symbol = mem_print("b%zu", i), .weights = s->weights[i],
      .src = s->net->block[i].src, .dst = s->net->block[i].dst };
    emit_step(v, i, &text);
  }
  v->program = (struct chanas_program){
    .steps = n, .tensors = s->net->tensors, .step = v->step,
    .elements = s->net->elements, .output = s->net->output };
  v->unit = (struct build_unit){ .symbol = "b0", .source = text.data };
  build_units(v->o.build, 1, &v->unit, 1);
  if (v->unit.object == NULL)
    opened_fail(v->unit.error, v->text);
  if (v->o.plugin.backend.load(host_services(v->o.host), v->unit.object,
                             &v->program, &v->loaded))
    opened_fail("cannot be loaded", v->text);
  v->y = mem_array(float, s->net->elements[s->net->output]);
  v->seconds = mem_array(double, n * (size_t)(s->rounds * PASSES));
  v->total = mem_array(double, (size_t)(s->rounds * PASSES));
  text_free(&text);
}

/* Whole passes count as one run of the network, profiled ones by step. */
static void
turn(const struct setup *s, struct variant *v)
{
  const struct chanas_backend *b = &v->o.plugin.backend;
  size_t n = s->net->blocks, most = (size_t)(s->rounds * PASSES);
  double *once = mem_array(double, n), whole;

  for (int pass = 0; pass < PASSES; pass++) {
    if (b->run(v->loaded, s->x, v->y, 1, &whole)
        || b->profile(v->loaded, s->x, v->y, once))
      opened_fail("does not run", v->text);
    if (pass == 0)
      continue;
    for (size_t i = 0; i < n; i++)
      v->seconds[i * most + v->samples] = once[i];
    v->total[v->samples++] = whole;
  }
  free(once);
}

static int
ascending(const void *a, const void *b)
{
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double
median(double *of, size_t n)
{
  qsort(of, n, sizeof *of, ascending);
  return of[n / 2];
}

/* Of one step, or of the network: work, floors in microseconds, and each
 * variant's time and share of the ceiling. */
static void
print_line(const struct setup *s, struct variant v[], size_t n,
           const char *name, double flops, double bytes, double *(*times)
           (const struct setup *, struct variant *, size_t), size_t step)
{
  double peak = 1e9 * device_real(v[0].o.device, s->threads > 1
                                  ? "measured.fma_gflops_all"
                                  : "measured.fma_gflops");

  printf("%-46.46s %7.1f %6.2f %7.1f", name, 1e-6 * flops, 1e-6 * bytes,
         1e6 * flops / peak);
  for (size_t i = 0; i < n; i++) {
    double t = median(times(s, &v[i], step), v[i].samples);
    printf(" | %7.1f %3.0f%%", 1e6 * t, 100 * flops / peak / t);
  }
  printf("\n");
}

static double *
of_step(const struct setup *s, struct variant *v, size_t step)
{
  return v->seconds + step * (size_t)(s->rounds * PASSES);
}

static double *
of_whole(const struct setup *s, struct variant *v, size_t step)
{
  (void)s, (void)step;
  return v->total;
}

static void
report(const struct setup *s, struct variant v[], size_t n)
{
  double flops = 0, bytes = 0;

  printf("step                                              MFLOP     MB"
         "   floor");
  for (size_t i = 0; i < n; i++)
    printf(" |   us %zu    ", i);
  printf("\n");
  for (size_t i = 0; i < s->net->blocks; i++) {
    const struct chanas_workload *w = v->step[i].workload;
    const char *key = strchr(strchr(w->key, '/') + 1, '/') + 2;
    flops += w->flops;
    bytes += w->bytes;
    print_line(s, v, n, mem_print("%2zu %s", i, key), w->flops, w->bytes,
               of_step, i);
  }
  print_line(s, v, n, "whole network", flops, bytes, of_whole, 0);
  for (size_t i = 0; i < n; i++)
    printf("%zu: %s, least %.3f ms, differs by %.1e\n", i, v[i].text,
           1e3 * v[i].total[0],
           reference_difference(v[i].y, v[0].y,
                                s->net->elements[s->net->output], 0));
}

static void
read_network(struct setup *s, const char *path)
{
  struct rng r = rng_seed(1);
  int32_t *choice;
  size_t i;

  s->family = family_read(path);
  if (!s->family || family_target(s->family, s->batch, s->dtype))
    exit(2);
  choice = mem_array(int32_t, family_space(s->family)->knobs + 1);
  s->net = network_build(s->family, choice);
  free(choice);
  if (!s->net)
    exit(2);
  s->weights = mem_array(float *, s->net->blocks);
  for (i = 0; i < s->net->blocks; i++) {
    const struct chanas_workload *w =
      family_workloads(s->family)->item[s->net->block[i].workload];
    s->weights[i] = mem_array(float, w->weights + 1);
    reference_weights(w, 1 + i, s->weights[i]);
  }
  s->x = mem_array(float, s->net->elements[0]);
  for (i = 0; i < s->net->elements[0]; i++)
    s->x[i] = rng_float(&r);
}

int
main(int argc, char **argv)
{
  struct setup s = { .threads = 1, .batch = 1, .rounds = 31 };
  struct variant v[VARIANTS] = { 0 };
  size_t n = 0;
  int c;

  while ((c = getopt(argc, argv, "t:d:b:r:i:")) != -1)
    switch (c) {
    case 't': s.threads = atoi(optarg); break;
    case 'd': s.dtype = dtype_parse(optarg); break;
    case 'b': s.batch = atoi(optarg); break;
    case 'r': s.rounds = atoi(optarg); break;
    case 'i':
      if (s.lacks < 8)
        s.lack[s.lacks++] = optarg;
      break;
    default: return 2;
    }
  if (argc - optind < 2 || argc - optind > VARIANTS || s.dtype < 0)
    return fprintf(stderr, "usage: steps [options] SPACE.ini VARIANT...\n"), 2;
  opened_environment(s.threads);
  read_network(&s, argv[optind]);
  for (int i = optind + 1; i < argc; i++, n++) {
    v[n].text = argv[i];
    open_variant(&s, &v[n], n == 0);
    build_variant(&s, &v[n]);
  }
  for (int r = 0; r < s.rounds; r++)
    for (size_t i = 0; i < n; i++)
      turn(&s, &v[i]);
  report(&s, v, n);
  for (size_t i = 0; i < n; i++)
    build_close(v[i].o.build);
  return 0;
}
