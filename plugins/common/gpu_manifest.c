/* SPDX-License-Identifier: Apache-2.0 */
/* Manifests: see gpu_manifest.h. */
#include "gpu_manifest.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "gpu_pack.h"

#define MOST (1u << 28) /* words of anything */

const char *
gpu_manifest_next(const char *at)
{
  for (at = strstr(at, GPU_MARK); at; at = strstr(at + 1, GPU_MARK))
    if (at[-1] == '\n')
      return at + strlen(GPU_MARK);
  return NULL;
}

/* The line of the step, or NULL. */
static const char *
find_step(const char *text, const char *symbol)
{
  char name[GPU_NAME];
  const char *at;

  for (at = gpu_manifest_next(text); at; at = gpu_manifest_next(at))
    if (sscanf(at, "step %127s", name) == 1 && !strcmp(name, symbol))
      return at;
  return NULL;
}

static const char *
read_pack(struct gpu_manifest *m, const char *line, size_t weights)
{
  struct gpu_pack p = { .type = GPU_COLUMNS };
  char type[8] = "";
  void *grown;

  if (sscanf(line, "columns %zu %zu %d %d %d %d", &p.from, &p.at, &p.out,
             &p.in, &p.taps, &p.wide) != 6) {
    if (sscanf(line, "rows %7s %zu %zu %d %d %d", type, &p.from, &p.at,
               &p.out, &p.in, &p.taps) != 6
        || (p.type = gpu_pack_type(type)) == GPU_COLUMNS)
      return "a line of parameters is broken";
    p.wide = p.out;
  }
  if (p.out < 1 || p.in < 1 || p.taps < 1 || p.wide < p.out
      || (double)p.wide * p.in * p.taps > MOST || p.from > weights
      || p.at > m->packed
      || (size_t)p.out * (size_t)p.in * (size_t)p.taps > weights - p.from
      || gpu_pack_words(&p) > m->packed - p.at)
    return "parameters lie beyond their array";
  grown = realloc(m->pack, (m->packs + 1) * sizeof p);
  if (grown == NULL)
    return "no memory";
  m->pack = grown;
  m->pack[m->packs++] = p;
  return NULL;
}

static const char *
read_launch(struct gpu_manifest *m, const char *line)
{
  struct gpu_launch l;
  void *grown;

  if (sscanf(line, "run %127s %ld %ld %ld %ld %ld", l.name, &l.grid[0],
             &l.grid[1], &l.grid[2], &l.threads, &l.local) != 6
      || l.grid[0] < 1 || l.grid[1] < 1 || l.grid[2] < 1 || l.threads < 1
      || l.threads > 1 << 16 || l.local < 0 || l.local > 1 << 24)
    return "the line of a kernel is broken";
  grown = realloc(m->launch, (m->launches + 1) * sizeof l);
  if (grown == NULL)
    return "no memory";
  m->launch = grown;
  m->launch[m->launches++] = l;
  return NULL;
}

int
gpu_manifest_read(struct gpu_manifest *m, const char *text,
                  const char *symbol, size_t weights, const char **why)
{
  const char *at = find_step(text, symbol);

  *m = (struct gpu_manifest){ 0 };
  *why = at ? NULL : "the text has no step of that name";
  if (at && (sscanf(at, "step %*s %zu %zu", &m->packed, &m->scratch) != 2
             || m->packed > MOST || m->scratch > MOST))
    *why = "the line of a step is broken";
  while (*why == NULL) {
    at = gpu_manifest_next(at);
    if (at == NULL)
      *why = "a step does not end";
    else if (!strncmp(at, "end ", 4))
      break;
    else if (!strncmp(at, "run ", 4))
      *why = read_launch(m, at);
    else
      *why = read_pack(m, at, weights);
  }
  if (*why == NULL && m->launches)
    return 0;
  if (*why == NULL)
    *why = "a step has no kernel";
  gpu_manifest_free(m);
  return -1;
}

void
gpu_manifest_free(struct gpu_manifest *m)
{
  free(m->pack);
  free(m->launch);
  *m = (struct gpu_manifest){ 0 };
}

void
gpu_manifest_pack(const struct gpu_manifest *m, const float *weights,
                  uint32_t *packed)
{
  size_t i;

  memset(packed, 0, m->packed * sizeof *packed);
  for (i = 0; i < m->packs; i++)
    gpu_pack(&m->pack[i], weights, packed);
}
