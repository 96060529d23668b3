/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loading and running emitted kernels.  Buffers end in a guard zone of a
 * fixed pattern; a kernel that writes beyond its buffer fails the run.
 */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "cpu.h"
#include "kernel.h"
#include "region.h"
#include "team.h"

#define GUARD_BYTES 256
#define GUARD_BYTE 0xa5

struct buffer { float *data; size_t floats; };

struct step {
  kernel_run *run;   /* or, for a team of this process: */
  kernel_part *part;
  struct buffer packed;
  size_t src, dst;
  int clear; /* dst starts as zero: the first step there accumulates */
};

struct cpu {
  const struct chanas_host *host;
  void *handle;
  size_t steps, tensors, output;
  struct step *step;
  struct buffer *tensor; /* inner ones; data is NULL for the others */
  size_t *elements;
  struct buffer scratch;
  struct team *team; /* NULL: no kernel wants one */
  struct region region; /* all of the above */
};

double
cpu_now(void)
{
  struct timespec t;

  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int
buffer_make(struct cpu *c, struct buffer *b, size_t floats)
{
  size_t bytes = floats * sizeof(float) + GUARD_BYTES;
  void *data;

  data = region_take(&c->region, bytes);
  if (data == NULL) {
    c->host->log(c->host->ctx, CHANAS_ERROR, "no memory for %zu bytes", bytes);
    return -1;
  }
  memset((char *)data + floats * sizeof(float), GUARD_BYTE, GUARD_BYTES);
  b->data = data;
  b->floats = floats;
  return 0;
}

static int
buffer_broken(const struct buffer *b)
{
  const unsigned char *guard;
  int i;

  if (b->data == NULL)
    return 0;
  guard = (const unsigned char *)(b->data + b->floats);
  for (i = 0; i < GUARD_BYTES; i++)
    if (guard[i] != GUARD_BYTE)
      return 1;
  return 0;
}

static void *
find(struct cpu *c, const char *symbol, const char *suffix)
{
  size_t size = strlen(symbol) + strlen(suffix) + 1;
  char *name = malloc(size);
  void *found = NULL;

  if (name) {
    memcpy(name, symbol, strlen(symbol));
    strcpy(name + strlen(symbol), suffix);
    found = dlsym(c->handle, name);
  }
  free(name);
  return found;
}

static void *
entry(struct cpu *c, const char *symbol, const char *suffix)
{
  void *found = find(c, symbol, suffix);

  if (found == NULL)
    c->host->log(c->host->ctx, CHANAS_ERROR, "the object has no symbol %s%s",
                 symbol, suffix);
  return found;
}

/* The kernel itself, and threads for it if it brings none. */
static int
load_run(struct cpu *c, struct step *s, const char *symbol)
{
  kernel_size *threads = find(c, symbol, "_threads");

  if (threads == NULL)
    return (s->run = entry(c, symbol, "")) ? 0 : -1;
  s->part = entry(c, symbol, "_part");
  if (c->team == NULL)
    c->team = team_open((int)threads());
  return s->part && c->team ? 0 : -1;
}

/* Resolve, pack; returns the floats of scratch or -1.  `same` is a step that
 * was loaded and has the same kernel and weights, or NULL. */
static long
load_step(struct cpu *c, struct step *s, const struct chanas_step *from,
          const struct step *same)
{
  kernel_size *packed = entry(c, from->symbol, "_packed");
  kernel_size *scratch = entry(c, from->symbol, "_scratch");
  kernel_pack *pack = entry(c, from->symbol, "_pack");

  if (!packed || !scratch || !pack || load_run(c, s, from->symbol)
      || buffer_make(c, &s->packed, packed()))
    return -1;
  if (same)
    memcpy(s->packed.data, same->packed.data,
           s->packed.floats * sizeof(float));
  else
    pack(from->weights, s->packed.data);
  s->src = (size_t)from->src;
  s->dst = (size_t)from->dst;
  return (long)scratch();
}

static int
load_steps(struct cpu *c, const struct chanas_program *p)
{
  long most = 0;
  size_t i, j;

  for (i = 0; i < p->steps; i++) {
    struct step *s = &c->step[i];
    const struct chanas_step *from = &p->step[i];
    int same = i && from->weights == from[-1].weights
               && !strcmp(from->symbol, from[-1].symbol);
    long floats = load_step(c, s, from, same ? s - 1 : NULL);
    if (floats < 0)
      return -1;
    if (floats > most)
      most = floats;
    s->clear = p->step[i].workload->accumulate && s->dst != c->output;
    for (j = 0; j < i; j++)
      if (c->step[j].dst == s->dst)
        s->clear = 0;
  }
  if (buffer_make(c, &c->scratch, (size_t)most))
    return -1;
  /* NaN: a kernel that reads what it did not write cannot be right */
  memset(c->scratch.data, 0xff, (size_t)most * sizeof(float));
  return 0;
}

/* A tensor that nobody writes is zero, as buffer_make() leaves it. */
static int
load_tensors(struct cpu *c, const struct chanas_program *p)
{
  size_t i;

  for (i = 0; i < p->tensors; i++) {
    c->elements[i] = p->elements[i];
    if (i > 0 && i != c->output
        && buffer_make(c, &c->tensor[i], p->elements[i]))
      return -1;
  }
  return 0;
}

/* Threads of an OpenMP runtime outlive the object that brought it in, so the
 * runtime must never be unmapped. */
static void
pin_runtime(struct cpu *c)
{
  void *symbol = dlsym(c->handle, "omp_get_num_threads");
  Dl_info info;

  if (symbol && dladdr(symbol, &info))
    dlopen(info.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE);
}

int
cpu_load(const struct chanas_host *host, const char *object,
         const struct chanas_program *p, void **loaded)
{
  struct cpu *c = calloc(1, sizeof *c);

  *loaded = NULL;
  if (c == NULL)
    return -1;
  c->host = host;
  c->steps = p->steps;
  c->tensors = p->tensors;
  c->output = (size_t)p->output;
  c->step = calloc(p->steps + 1, sizeof *c->step);
  c->tensor = calloc(p->tensors + 1, sizeof *c->tensor);
  c->elements = calloc(p->tensors + 1, sizeof *c->elements);
  c->handle = dlopen(object, RTLD_NOW | RTLD_LOCAL);
  if (c->handle)
    pin_runtime(c);
  else
    host->log(host->ctx, CHANAS_ERROR, "%s", dlerror());
  if (!c->step || !c->tensor || !c->elements || !c->handle
      || load_steps(c, p) || load_tensors(c, p)) {
    cpu_unload(c);
    return -1;
  }
  *loaded = c;
  return 0;
}

static int
guards(const struct cpu *c)
{
  const char *where = NULL;
  size_t i;

  if (buffer_broken(&c->scratch))
    where = "scratch";
  for (i = 0; i < c->steps; i++)
    if (buffer_broken(&c->step[i].packed))
      where = "packed weights";
  for (i = 0; i < c->tensors; i++)
    if (buffer_broken(&c->tensor[i]))
      where = "a tensor";
  if (where)
    c->host->log(c->host->ctx, CHANAS_ERROR, "the kernel wrote beyond %s",
                 where);
  return where ? -1 : 0;
}

static void
step(struct cpu *c, const struct step *s)
{
  if (s->clear)
    memset(c->tensor[s->dst].data, 0, c->elements[s->dst] * sizeof(float));
  if (s->part)
    team_run(c->team, s->part, c->tensor[s->src].data, c->tensor[s->dst].data,
             s->packed.data, c->scratch.data);
  else
    s->run(c->tensor[s->src].data, c->tensor[s->dst].data, s->packed.data,
           c->scratch.data);
}

/* The caller's input and output take part in place. */
static void
lend(struct cpu *c, const float *input, float *output)
{
  c->tensor[0] = (struct buffer){ (float *)(uintptr_t)input, 0 };
  if (c->output == 0)
    memcpy(output, input, c->elements[0] * sizeof(float));
  else
    c->tensor[c->output] = (struct buffer){ output, 0 };
}

static int
give_back(struct cpu *c)
{
  c->tensor[0].data = NULL;
  c->tensor[c->output].data = NULL;
  return guards(c);
}

int
cpu_run(void *loaded, const float *input, float *output, unsigned repeat,
        double *seconds)
{
  struct cpu *c = loaded;
  double start;
  unsigned i;
  size_t j;

  lend(c, input, output);
  start = cpu_now();
  for (i = 0; i < repeat; i++)
    for (j = 0; j < c->steps; j++)
      step(c, &c->step[j]);
  *seconds = cpu_now() - start;
  return give_back(c);
}

int
cpu_profile(void *loaded, const float *input, float *output, double *seconds)
{
  struct cpu *c = loaded;
  double now, last;
  size_t i;

  lend(c, input, output);
  last = cpu_now();
  for (i = 0; i < c->steps; i++) {
    step(c, &c->step[i]);
    now = cpu_now();
    seconds[i] = now - last;
    last = now;
  }
  return give_back(c);
}

void
cpu_unload(void *loaded)
{
  struct cpu *c = loaded;

  if (c == NULL)
    return;
  team_close(c->team);
  region_free(&c->region);
  free(c->step);
  free(c->tensor);
  free(c->elements);
  if (c->handle)
    dlclose(c->handle);
  free(c);
}
