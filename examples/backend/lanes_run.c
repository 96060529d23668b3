/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The device half: this machine's CPU.  Weights are packed when a program is
 * loaded; the output's values are copied in and out, so that a kernel which
 * writes beside its tensor hits memory that is not the caller's.
 */
#define _GNU_SOURCE
#include "lanes.h"
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

typedef void kernel_fn(const float *x, const float *packed, float *y);
typedef void pack_fn(const float *weights, float *packed);
typedef unsigned long floats_fn(void);

struct loaded {
  void *object;
  const struct chanas_program *program; /* the host keeps it */
  kernel_fn **kernel;
  float **packed; /* of each step */
  float **tensor;
  char *fresh;    /* tensors that begin as zeroes in every pass */
};

int
run_diagnose(const struct chanas_host *host, struct chanas_text *out)
{
  void *openmp = dlopen("libgomp.so.1", RTLD_LAZY);

  if (openmp)
    dlclose(openmp);
  return host->print(out, openmp ? "ok openmp libgomp.so.1\n" :
                     "missing openmp no libgomp.so.1 (Debian: apt install "
                     "libgomp1)\n");
}

/* There is always a CPU.  The threads of OpenMP outlive the kernels that made
 * them, so its library must not go away with the first object. */
int
run_probe(const struct chanas_host *host)
{
  if (dlopen("libgomp.so.1", RTLD_NOW | RTLD_NODELETE))
    return 0;
  host->log(host->ctx, CHANAS_ERROR, "%s (Debian: apt install libgomp1)",
            dlerror());
  return -1;
}

int
run_describe(const struct chanas_host *host, struct chanas_text *out,
             int measure)
{
  struct utsname name;

  (void)measure;
  if (uname(&name))
    return -1;
  return host->print(out, "model=%s CPU\nmachine=%s\ncores=%ld\n",
                     name.machine, name.machine,
                     sysconf(_SC_NPROCESSORS_ONLN));
}

/* A function of the object, by the step's symbol and what follows it. */
static void *
find(const struct chanas_host *host, void *object, const char *symbol,
     const char *suffix)
{
  char name[300];
  void *found;

  snprintf(name, sizeof name, "%s%s", symbol, suffix);
  found = dlsym(object, name);
  if (!found)
    host->log(host->ctx, CHANAS_ERROR, "the object has no %s", name);
  return found;
}

static int
load_step(const struct chanas_host *host, struct loaded *l, size_t i)
{
  const struct chanas_step *s = &l->program->step[i];
  void *kernel = find(host, l->object, s->symbol, "");
  void *pack = find(host, l->object, s->symbol, "_pack");
  void *floats = find(host, l->object, s->symbol, "_floats");
  pack_fn *call_pack;
  floats_fn *call_floats;
  size_t bytes;

  if (!kernel || !pack || !floats)
    return -1;
  memcpy(&l->kernel[i], &kernel, sizeof kernel);
  memcpy(&call_pack, &pack, sizeof pack);
  memcpy(&call_floats, &floats, sizeof floats);
  bytes = (call_floats() * sizeof(float) + 64) / 64 * 64;
  l->packed[i] = aligned_alloc(64, bytes);
  if (l->packed[i])
    call_pack(s->weights, l->packed[i]);
  return l->packed[i] ? 0 : -1;
}

/* Tensors, all zero; one whose first step adds is zero again in each pass. */
static int
make_tensors(struct loaded *l)
{
  const struct chanas_program *p = l->program;

  for (size_t i = 0; i < p->tensors; i++) {
    l->tensor[i] = calloc(p->elements[i] + 1, sizeof(float));
    if (!l->tensor[i])
      return -1;
  }
  for (size_t i = p->steps; i-- > 0;)
    l->fresh[p->step[i].dst] = p->step[i].workload->accumulate &&
                               p->step[i].dst != p->output;
  return 0;
}

int
run_load(const struct chanas_host *host, const char *object,
         const struct chanas_program *program, void **loaded)
{
  struct loaded *l = calloc(1, sizeof *l);
  int bad;

  if (!l)
    return -1;
  l->program = program;
  l->kernel = calloc(program->steps + 1, sizeof *l->kernel);
  l->packed = calloc(program->steps + 1, sizeof *l->packed);
  l->tensor = calloc(program->tensors + 1, sizeof *l->tensor);
  l->fresh = calloc(program->tensors + 1, 1);
  l->object = dlopen(object, RTLD_NOW | RTLD_LOCAL);
  if (!l->object)
    host->log(host->ctx, CHANAS_ERROR, "%s", dlerror());
  bad = !l->object || !l->kernel || !l->packed || !l->tensor || !l->fresh ||
        make_tensors(l);
  for (size_t i = 0; i < program->steps && !bad; i++)
    bad = load_step(host, l, i);
  if (bad) {
    run_unload(l);
    return -1;
  }
  *loaded = l;
  return 0;
}

void
run_unload(void *self)
{
  struct loaded *l = self;

  for (size_t i = 0; l->packed && i < l->program->steps; i++)
    free(l->packed[i]);
  for (size_t i = 0; l->tensor && i < l->program->tensors; i++)
    free(l->tensor[i]);
  if (l->object)
    dlclose(l->object);
  free(l->kernel);
  free(l->packed);
  free(l->tensor);
  free(l->fresh);
  free(l);
}

static double
now(void)
{
  struct timespec t;

  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void
run_pass(const struct loaded *l)
{
  const struct chanas_program *p = l->program;

  for (size_t i = 0; i < p->tensors; i++)
    if (l->fresh[i])
      memset(l->tensor[i], 0, p->elements[i] * sizeof(float));
  for (size_t i = 0; i < p->steps; i++)
    l->kernel[i](l->tensor[p->step[i].src], l->packed[i],
                 l->tensor[p->step[i].dst]);
}

int
run_run(void *self, const float *input, float *output, unsigned repeat,
        double *seconds)
{
  struct loaded *l = self;
  const struct chanas_program *p = l->program;
  double start;

  memcpy(l->tensor[0], input, p->elements[0] * sizeof *input);
  memcpy(l->tensor[p->output], output,
         p->elements[p->output] * sizeof *output);
  start = now();
  while (repeat-- > 0)
    run_pass(l);
  *seconds = now() - start;
  memcpy(output, l->tensor[p->output],
         p->elements[p->output] * sizeof *output);
  return 0;
}

int
run_control(const struct chanas_host *host, double *seconds)
{
  volatile double sum = 0;
  double start = now();

  (void)host;
  for (int i = 0; i < 200000; i++)
    sum = sum * 0.5 + i;
  *seconds = now() - start;
  return 0;
}
