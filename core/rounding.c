/* SPDX-License-Identifier: Apache-2.0 */
/* Relative errors of blocks, remembered: see rounding.h. */
#include "rounding.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "log.h"
#include "mem.h"
#include "reference.h"
#include "rng.h"

#define SIDE 28    /* of the image, about: more pixels tell nothing more */
#define RESULTS 64 /* that an error is averaged over, at least */
#define SEED 1

struct rounding {
  struct family *family;
  struct workload_set samples; /* blocks, on as many pixels as it takes */
  size_t count;
  double *known;               /* by sample */
};

/* ---- one block ---- */

static int
rounds(const struct chanas_workload *w)
{
  if (w->dtype == CHANAS_F32)
    return 0;
  for (uint32_t i = 0; i < w->ops; i++)
    if (op_has_products(&w->op[i]))
      return 1;
  return 0;
}

/* A side that leaves the same remainder for all strides together, so that the
 * extents of branches still meet. */
static int32_t
crop(const struct chanas_workload *w, int32_t side)
{
  int32_t stride = 1;

  for (uint32_t i = 0; i < w->ops && stride < side; i++)
    stride *= w->op[i].stride > 1 ? w->op[i].stride : 1;
  return side <= SIDE ? side : side - (side - SIDE) / stride * stride;
}

/* The same operators on as many pixels as it takes. */
static struct chanas_workload *
sample(const struct chanas_workload *w)
{
  const struct chanas_op *op = &w->op[0];
  size_t each = w->outputs / (size_t)w->batch;
  const char *ops = w->key;
  struct chanas_workload *out;
  char *key;

  for (int i = 0; i < 3; i++)
    ops = strchr(ops, '/') + 1;
  key = mem_print("%s/n%zu/i%dx%dx%d/%s", dtype_name(w->dtype),
                  1 + (each < RESULTS ? RESULTS / each : 0), crop(w, op->h),
                  crop(w, op->w), op->cin, ops);
  out = workload_parse(key);
  free(key);
  return out ? out : workload_parse(w->key);
}

static float *
random_values(struct rng *r, size_t n)
{
  float *v = mem_array(float, n);

  for (size_t i = 0; i < n; i++)
    v[i] = rng_float(r);
  return v;
}

/* want in float, and the ranges that this input leads to. */
static void
calibrate(const struct chanas_workload *w, const float *x, float *weights,
          float *want)
{
  const size_t elements[] = { w->inputs, w->outputs };
  struct chanas_step step = { .workload = w, .weights = weights, .dst = 1 };
  struct chanas_program p = { .steps = 1, .step = &step, .tensors = 2,
                              .elements = elements, .output = 1 };

  reference_calibrate(&p, &weights, x, want);
}

static double
error_of(const struct chanas_workload *w)
{
  struct rng r = rng_seed(SEED);
  float *x = random_values(&r, w->inputs), *want = random_values(&r,
                                                                 w->outputs);
  float *weights = mem_array(float, w->weights + 1);
  float *got = mem_array(float, w->outputs);
  double error;

  memcpy(got, want, w->outputs * sizeof *got); /* what is added to */
  reference_weights(w, SEED, weights);
  calibrate(w, x, weights, want);
  reference_rounded(w, x, weights, got);
  error = reference_deviation(got, want, w->outputs, reference_least(w));
  free(x);
  free(want);
  free(weights);
  free(got);
  return error;
}

double
rounding_block(const struct chanas_workload *w)
{
  struct chanas_workload *small;
  double error;

  if (!rounds(w))
    return 0;
  small = sample(w);
  error = error_of(small);
  workload_free(small);
  return error;
}

/* ---- networks ---- */

struct rounding *
rounding_new(struct family *family)
{
  struct rounding *r = mem_new(struct rounding);

  r->family = family;
  return r;
}

void
rounding_free(struct rounding *r)
{
  if (r == NULL)
    return;
  workload_set_free(&r->samples);
  free(r->known);
  free(r);
}

/* Blocks of many resolutions are one sample. */
static double
known(struct rounding *r, const struct chanas_workload *w)
{
  size_t at;

  if (!rounds(w))
    return 0;
  at = workload_intern(&r->samples, sample(w));
  if (at == r->count) {
    r->known = mem_grow(r->known, ++r->count, sizeof *r->known);
    r->known[at] = error_of(r->samples.item[at]);
  }
  return r->known[at];
}

double
rounding_of(struct rounding *r, const struct chanas_network *net)
{
  const struct workload_set *set = family_workloads(r->family);
  double squares = 0;

  for (size_t b = 0; b < net->blocks; b++) {
    double error = known(r, set->item[net->block[b].workload]);
    squares += error * error;
  }
  return sqrt(squares);
}
