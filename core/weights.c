/* SPDX-License-Identifier: Apache-2.0 */
/* Weights of a network in memory, and how they fit a network. */
#include "weights.h"
#include <stdlib.h>
#include <string.h>
#include "log.h"
#include "mem.h"

void
weights_free(struct weights *w)
{
  if (w == NULL)
    return;
  for (size_t b = 0; b < w->blocks; b++) {
    free(w->block[b].key);
    free(w->block[b].value);
    free(w->block[b].range);
  }
  for (int32_t i = 0; w->class_name && i < w->classes; i++)
    free(w->class_name[i]);
  free(w->class_name);
  free(w->block);
  free(w->space);
  free(w->code);
  free(w);
}

static const struct chanas_workload *
workload_of(const struct chanas_network *net, size_t b)
{
  return family_workloads((struct family *)net->family)
    ->item[net->block[b].workload];
}

static size_t
count_weights(const struct chanas_workload *w)
{
  size_t n = 0;

  for (uint32_t i = 0; i < w->ops; i++)
    n += op_weights(&w->op[i]);
  return n;
}

/* The part of a key behind dtype and batch. */
static const char *
shape_of(const char *key)
{
  for (int i = 0; i < 2; i++) {
    key = strchr(key, '/');
    if (key == NULL)
      return "";
    key++;
  }
  return key;
}

struct weights *
weights_new(const struct chanas_network *net, int ranges)
{
  struct weights *w = mem_new(struct weights);

  w->space = mem_string(family_name(net->family));
  w->code = mem_string(net->code);
  w->blocks = net->blocks;
  w->block = mem_array(struct weights_block, net->blocks + 1);
  for (size_t b = 0; b < net->blocks; b++) {
    const struct chanas_workload *load = workload_of(net, b);
    struct weights_block *to = &w->block[b];
    to->key = mem_print("%s/n1/%s", dtype_name(CHANAS_F32),
                        shape_of(load->key));
    to->n = count_weights(load);
    to->value = mem_array(float, to->n + 1);
    to->ranges = ranges ? load->ops : 0;
    to->range = mem_array(float, to->ranges + 1);
  }
  return w;
}

int
weights_match(const struct weights *w, const struct chanas_network *net,
              const char *path)
{
  if (strcmp(w->space, family_name(net->family)) != 0 ||
      strcmp(w->code, net->code) != 0) {
    log_error("%s: has the weights of %s in %s, not of %s in %s", path,
              w->code, w->space, net->code, family_name(net->family));
    return -1;
  }
  if (w->blocks != net->blocks) {
    log_error("%s: has %zu blocks, but %s has %zu; was the space file "
              "changed since the training?", path, w->blocks, net->code,
              net->blocks);
    return -1;
  }
  for (size_t b = 0; b < net->blocks; b++) {
    const char *key = workload_of(net, b)->key;
    if (strcmp(shape_of(key), shape_of(w->block[b].key)) != 0) {
      log_error("%s: block %zu is %s, but that of %s is %s; was the space "
                "file changed since the training?", path, b,
                w->block[b].key, net->code, key);
      return -1;
    }
  }
  return 0;
}

int
weights_fill(const struct weights *w, size_t b,
             const struct chanas_workload *load, float *out)
{
  const struct weights_block *block = &w->block[b];

  memcpy(out, block->value, block->n * sizeof *out);
  if (load->weights == block->n)
    return 0;
  if (block->n + block->ranges != load->weights) {
    log_error("the weights of %s have no ranges, which kernels of %s need; "
              "train it with --ranges", w->code, dtype_name(load->dtype));
    return -1;
  }
  memcpy(out + block->n, block->range, block->ranges * sizeof *out);
  return 0;
}
