/* SPDX-License-Identifier: Apache-2.0 */
/* Running programs on a GPU: see gpu_run.h. */
#include "gpu_run.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BYTE 0xa5

struct launch { void *kernel; struct gpu_launch shape; };

struct step {
  struct gpu_array packed;
  size_t src, dst, launches;
  struct launch *launch;
  int clear; /* dst starts as zero: the first step there accumulates */
};

struct loaded {
  struct gpu_driver driver;
  size_t steps, tensors, output, *elements;
  struct step *step;
  struct gpu_array *tensor, scratch;
};

static int
fail(const struct gpu_driver *d, const char *what, const char *name)
{
  d->host->log(d->host->ctx, CHANAS_ERROR, "%s: %s", name, what);
  return -1;
}

char *
gpu_read_file(const struct chanas_host *host, const char *path, size_t *size)
{
  FILE *f = fopen(path, "rb");
  char *text = NULL;
  size_t n = 0, room = 1 << 16;

  while (f) {
    char *grown = realloc(text, room + 1);
    if (grown == NULL) {
      errno = ENOMEM;
      break;
    }
    text = grown;
    n += fread(text + n, 1, room - n, f);
    if (n < room) {
      text[n] = '\0';
      *size = n;
      fclose(f);
      return text;
    }
    room *= 2;
  }
  host->log(host->ctx, CHANAS_ERROR, "cannot read %s: %s", path,
            strerror(errno));
  free(text);
  if (f)
    fclose(f);
  return NULL;
}

/* ---- arrays ---- */

static int
array_make(const struct gpu_driver *d, struct gpu_array *a, size_t floats,
           int fill)
{
  unsigned char guard[GPU_GUARD];
  size_t bytes = floats ? floats * sizeof(float) : sizeof(float);
  char *start = malloc(bytes);
  int bad;

  if (start == NULL) {
    errno = ENOMEM;
    return -1;
  }
  memset(guard, BYTE, sizeof guard);
  memset(start, fill, bytes);
  a->bytes = bytes;
  bad = d->alloc(d->device, a)
        || d->write(d->device, a, 0, guard, sizeof guard)
        || d->write(d->device, a, GPU_GUARD, start, bytes)
        || d->write(d->device, a, GPU_GUARD + bytes, guard, sizeof guard);
  free(start);
  return bad ? -1 : 0;
}

/* 1 if something was written beside it, -1 if that cannot be seen. */
static int
array_broken(const struct gpu_driver *d, struct gpu_array *a)
{
  unsigned char guard[2 * GPU_GUARD];
  size_t i;

  if (a->raw == NULL)
    return 0;
  if (d->read(d->device, a, 0, guard, GPU_GUARD)
      || d->read(d->device, a, GPU_GUARD + a->bytes, guard + GPU_GUARD,
                 GPU_GUARD))
    return -1;
  for (i = 0; i < sizeof guard; i++)
    if (guard[i] != BYTE)
      return 1;
  return 0;
}

/* ---- loading ---- */

static int
load_kernels(struct loaded *l, struct step *s, const struct gpu_manifest *m)
{
  size_t i;

  s->launch = calloc(m->launches, sizeof *s->launch);
  if (s->launch == NULL)
    return -1;
  for (i = 0; i < m->launches; i++) {
    struct launch *to = &s->launch[s->launches++];
    to->shape = m->launch[i];
    to->kernel = l->driver.kernel(l->driver.device, &to->shape);
    if (to->kernel == NULL)
      return -1;
  }
  return 0;
}

static int
load_weights(struct loaded *l, struct step *s, const struct gpu_manifest *m,
             const float *weights)
{
  uint32_t *packed = calloc(m->packed + 1, sizeof *packed);
  int bad = packed == NULL
            || array_make(&l->driver, &s->packed, m->packed, 0);

  if (!bad) {
    gpu_manifest_pack(m, weights, packed);
    bad = m->packed
          && l->driver.write(l->driver.device, &s->packed, GPU_GUARD, packed,
                             m->packed * sizeof *packed);
  }
  free(packed);
  return bad ? -1 : 0;
}

static int
load_steps(struct loaded *l, const struct chanas_program *p,
           const char *manifest)
{
  size_t i, j, most = 0;

  for (i = 0; i < p->steps; i++) {
    const struct chanas_step *from = &p->step[i];
    struct step *s = &l->step[i];
    struct gpu_manifest m;
    const char *why;
    int bad;
    if (gpu_manifest_read(&m, manifest, from->symbol,
                          from->workload->weights, &why))
      return fail(&l->driver, why, from->symbol);
    most = m.scratch > most ? m.scratch : most;
    s->src = (size_t)from->src;
    s->dst = (size_t)from->dst;
    s->clear = from->workload->accumulate && s->dst != l->output;
    for (j = 0; j < i; j++)
      if (l->step[j].dst == s->dst)
        s->clear = 0;
    bad = load_kernels(l, s, &m) || load_weights(l, s, &m, from->weights);
    gpu_manifest_free(&m);
    if (bad)
      return -1;
  }
  /* NaN: a kernel that reads what it did not write cannot be right */
  return array_make(&l->driver, &l->scratch, most, 0xff);
}

static int
load_tensors(struct loaded *l, const struct chanas_program *p)
{
  size_t i;

  for (i = 0; i < p->tensors; i++) {
    l->elements[i] = p->elements[i];
    if (array_make(&l->driver, &l->tensor[i], p->elements[i], 0))
      return -1;
  }
  return 0;
}

int
gpu_load(const struct gpu_driver *driver, const char *object,
         const struct chanas_program *p, void **loaded)
{
  struct loaded *l = calloc(1, sizeof *l);
  char *manifest = NULL;
  int bad = 1;

  *loaded = NULL;
  if (l == NULL) {
    driver->unload(driver->device);
    return -1;
  }
  l->driver = *driver;
  l->steps = p->steps;
  l->tensors = p->tensors;
  l->output = (size_t)p->output;
  l->step = calloc(p->steps + 1, sizeof *l->step);
  l->tensor = calloc(p->tensors + 1, sizeof *l->tensor);
  l->elements = calloc(p->tensors + 1, sizeof *l->elements);
  if (l->step && l->tensor && l->elements)
    bad = driver->compile(driver->device, object, p, &manifest)
          || load_steps(l, p, manifest) || load_tensors(l, p);
  free(manifest);
  if (bad) {
    int error = errno;
    gpu_unload(l);
    errno = error;
    return -1;
  }
  *loaded = l;
  return 0;
}

void
gpu_unload(void *loaded)
{
  struct loaded *l = loaded;
  const struct gpu_driver *d;
  size_t i;

  if (l == NULL)
    return;
  d = &l->driver;
  for (i = 0; l->step && i < l->steps; i++) {
    d->release(d->device, &l->step[i].packed);
    free(l->step[i].launch);
  }
  for (i = 0; l->tensor && i < l->tensors; i++)
    d->release(d->device, &l->tensor[i]);
  d->release(d->device, &l->scratch);
  d->unload(d->device);
  free(l->step);
  free(l->tensor);
  free(l->elements);
  free(l);
}

/* ---- running ---- */

/* Enqueue all kernels once. */
static int
pass(void *arg)
{
  struct loaded *l = arg;
  const struct gpu_driver *d = &l->driver;
  size_t i, j;

  for (i = 0; i < l->steps; i++) {
    struct step *s = &l->step[i];
    void *const args[4] = { l->tensor[s->src].view, s->packed.view,
                            l->tensor[s->dst].view, l->scratch.view };
    if (s->clear && d->clear(d->device, &l->tensor[s->dst],
                             l->elements[s->dst] * sizeof(float)))
      return -1;
    for (j = 0; j < s->launches; j++) {
      const struct launch *k = &s->launch[j];
      if (d->launch(d->device, k->kernel, &k->shape, args))
        return -1;
    }
  }
  return 0;
}

static int
guards(struct loaded *l)
{
  const char *where = NULL;
  size_t i;

  if (array_broken(&l->driver, &l->scratch))
    where = "scratch";
  for (i = 0; i < l->steps; i++)
    if (array_broken(&l->driver, &l->step[i].packed))
      where = "packed weights";
  for (i = 0; i < l->tensors; i++)
    if (array_broken(&l->driver, &l->tensor[i]))
      where = "a tensor";
  return where ? fail(&l->driver, where, "the kernel wrote beyond") : 0;
}

int
gpu_run(void *loaded, const float *input, float *output, unsigned repeat,
        double *seconds)
{
  struct loaded *l = loaded;
  const struct gpu_driver *d = &l->driver;
  struct gpu_array *x = &l->tensor[0], *y = &l->tensor[l->output];
  size_t out = l->elements[l->output] * sizeof(float);
  size_t in = l->elements[0] * sizeof(float);
  float *back = malloc(in + 1);
  int bad = back == NULL;

  bad = bad || (y != x && d->write(d->device, y, GPU_GUARD, output, out))
        || d->write(d->device, x, GPU_GUARD, input, in)
        || d->time(d->device, pass, l, repeat, seconds)
        || d->read(d->device, y, GPU_GUARD, output, out) || guards(l);
  if (!bad && y != x) {
    bad = d->read(d->device, x, GPU_GUARD, back, in);
    if (!bad && memcmp(back, input, in))
      bad = fail(d, "its input", "the kernel wrote to");
  }
  free(back);
  return bad ? -1 : 0;
}
