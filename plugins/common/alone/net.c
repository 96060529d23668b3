/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exported programs for GPUs: parameters are packed and handed over once, a
 * run is the kernels of all steps in their order.  steps.h has the order and
 * the tensors, the lines of the kernels' text that begin with a mark (see
 * gpu_manifest.h) the rest.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "gpu.h"
#include "net.h"
#include "steps.h"

struct launch { void *kernel; struct gpu_launch shape; };

static struct {
  void *packed;
  struct launch *launch;
  size_t launches;
} loaded[STEPS];
static void *tensor[TENSORS], *scratch;
static int ready;

static char *
read_file(const char *name, size_t *size)
{
  FILE *f = fopen(name, "rb");
  char *data = NULL;
  long n = -1;

  if (f && !fseek(f, 0, SEEK_END) && (n = ftell(f)) >= 0
      && !fseek(f, 0, SEEK_SET) && (data = calloc(1, (size_t)n + 1)))
    *size = fread(data, 1, (size_t)n, f);
  if (f)
    fclose(f);
  if (data && *size == (size_t)n)
    return data;
  free(data);
  return NULL;
}

static int
load_launches(size_t i, const struct gpu_manifest *m)
{
  size_t k;

  loaded[i].launch = calloc(m->launches, sizeof *loaded[i].launch);
  if (loaded[i].launch == NULL)
    return -1;
  for (k = 0; k < m->launches; k++) {
    struct launch *l = &loaded[i].launch[loaded[i].launches++];
    l->shape = m->launch[k];
    l->kernel = gpu_find(&l->shape);
    if (l->kernel == NULL)
      return -1;
  }
  return 0;
}

static int
load_step(size_t i, const char *text, const float *weights, size_t *most)
{
  struct gpu_manifest m;
  const char *why;
  uint32_t *packed;
  int bad;

  if (gpu_manifest_read(&m, text, step[i].symbol, step[i].weights, &why)) {
    fprintf(stderr, "%s: %s\n", step[i].symbol, why);
    return -1;
  }
  *most = m.scratch > *most ? m.scratch : *most;
  packed = calloc(m.packed + 1, sizeof *packed);
  loaded[i].packed = gpu_memory((m.packed + 1) * sizeof *packed);
  bad = packed == NULL || loaded[i].packed == NULL || load_launches(i, &m);
  if (!bad) {
    gpu_manifest_pack(&m, weights, packed);
    bad = gpu_put(loaded[i].packed, packed, (m.packed + 1) * sizeof *packed);
  }
  free(packed);
  gpu_manifest_free(&m);
  return bad;
}

static int
load_all(const char *text, const float *weights)
{
  size_t i, most = 0;

  for (i = 0; i < STEPS; i++) {
    if (load_step(i, text, weights, &most))
      return -1;
    weights += step[i].weights;
  }
  for (i = 0; i < TENSORS; i++) {
    tensor[i] = gpu_memory(elements[i] * sizeof(float));
    if (tensor[i] == NULL
        || gpu_clear(tensor[i], elements[i] * sizeof(float)))
      return -1;
  }
  scratch = gpu_memory((most + 1) * sizeof(float));
  return scratch ? 0 : -1;
}

int
net_init(const char *name)
{
  size_t size = 0, bytes = 0;
  char *text, *weights;

  net_free();
  weights = read_file(name, &bytes);
  text = read_file(KERNELS, &size);
  if (text && weights && bytes == WEIGHTS * sizeof(float)
      && !gpu_start(KERNELS)) {
    ready = !load_all(text, (const float *)(const void *)weights);
    if (!ready)
      net_free();
  }
  free(text);
  free(weights);
  return ready ? 0 : -1;
}

int
net_run(const float *in, float *out)
{
  size_t i, k, bytes = elements[OUTPUT] * sizeof(float);
  int bad = !ready || gpu_put(tensor[0], in, elements[0] * sizeof(float));

  if (!bad && OUTPUT != 0 && READS_OUTPUT)
    bad = gpu_put(tensor[OUTPUT], out, bytes);
  for (i = 0; i < STEPS && !bad; i++) {
    void *const arg[4] = { tensor[step[i].src], loaded[i].packed,
                           tensor[step[i].dst], scratch };
    if (step[i].clear)
      bad = gpu_clear(tensor[step[i].dst],
                      elements[step[i].dst] * sizeof(float));
    for (k = 0; k < loaded[i].launches && !bad; k++)
      bad = gpu_go(loaded[i].launch[k].kernel, &loaded[i].launch[k].shape,
                   arg);
  }
  return bad || gpu_get(tensor[OUTPUT], out, bytes) ? -1 : 0;
}

void
net_free(void)
{
  size_t i;

  for (i = 0; i < STEPS; i++) {
    free(loaded[i].launch);
    loaded[i].launch = NULL;
    loaded[i].launches = 0;
  }
  if (ready)
    gpu_stop();
  ready = 0;
}
