/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random parameters whose outputs keep the magnitude of the inputs, so that
 * a difference anywhere in a block is still seen at its end.
 *
 * The second moment of every tensor is followed through the block.  A layer's
 * weights are uniform with the variance that gives its result, before the
 * activation, a second moment of 1 (He et al. 2015, for any moment of the
 * input); the layer that ends the block or a branch of a sum aims at a part of
 * the moment of the block's input.
 *
 * The range of a tensor is six standard deviations, or what its activation
 * bounds it to.
 */
#include "reference.h"

#include <math.h>

#include "mem.h"
#include "rng.h"
#include "workload.h"

#define INPUT_MOMENT (1.0 / 3) /* of inputs uniform in [-1, 1) */

/* Second moment after the activation of a normal variable with moment m. */
static double
act_moment(int act, double m)
{
  switch (act) {
  case CHANAS_ACT_RELU:
  case CHANAS_ACT_RELU6: return m / 2;
  case CHANAS_ACT_HSIGMOID: return 0.25 + m / 36;
  case CHANAS_ACT_HSWISH:
  case CHANAS_ACT_SWISH: return m / 3;
  default: return m;
  }
}

/* Is tensor t the block's result or summed with another? */
static int
ends_branch(const struct chanas_workload *w, uint32_t t)
{
  for (uint32_t i = t; i < w->ops; i++)
    if (w->op[i].src == (int)t || w->op[i].src2 == (int)t)
      return w->op[i].kind == CHANAS_ADD;
  return 1;
}

/* The moment that a layer's result should have before its activation.  What
 * is added to the block's input is small, because such blocks come in chains
 * and each adds its moment; and a block rather shrinks than grows, because
 * beyond a moment of 1 hard-swish and the gates let more through, and growth
 * would feed itself. */
static double
aim(const struct chanas_workload *w, uint32_t t)
{
  if (!ends_branch(w, t))
    return 1;
  double share = t < w->ops ? 0.1 : w->accumulate ? 1.0 / 3 : 0.7;
  return share * INPUT_MOMENT / act_moment(w->op[t - 1].act, 1);
}

static float *
fill(struct rng *r, float *out, size_t n, double bound)
{
  for (size_t i = 0; i < n; i++)
    out[i] = (float)(rng_float(r) * bound);
  return out + n;
}

/* Parameters of one layer with `fan` inputs per result; a tenth of the
 * moment comes from the bias. */
static float *
layer(struct rng *r, const struct chanas_op *op, size_t fan, size_t n,
      double moment, double goal, float *out)
{
  out = fill(r, out, n, sqrt(3 * goal / ((double)fan * moment)));
  return op->bias ? fill(r, out, op->cout, sqrt(0.3 * goal)) : out;
}

static float *
gates(struct rng *r, const struct chanas_op *op, float *out)
{
  size_t n = (size_t)op->squeeze * op->cin;
  out = fill(r, out, n, sqrt(3.0 / op->cin));
  out = fill(r, out, op->squeeze, 1);
  out = fill(r, out, n, sqrt(6.0 / op->squeeze));
  return fill(r, out, op->cin, 1);
}

/* The moment of the result of op i. */
static double
op_moment(const struct chanas_workload *w, uint32_t i, const double *moment)
{
  const struct chanas_op *op = &w->op[i];
  double m = moment[op->src];
  switch (op->kind) {
  case CHANAS_CONV:
  case CHANAS_DWCONV:
  case CHANAS_LINEAR: return act_moment(op->act, aim(w, i + 1));
  case CHANAS_SE: return act_moment(op->act, m * 0.3);
  case CHANAS_ADD: return act_moment(op->act, m + moment[op->src2]);
  case CHANAS_AVGPOOL:
  case CHANAS_GLOBALPOOL: return act_moment(op->act, m * 0.35);
  default: return act_moment(op->act, m);
  }
}

/* Writes the parameters of op i, whose input has moment m; returns behind. */
static float *
op_fill(const struct chanas_workload *w, uint32_t i, double m, struct rng *r,
        float *out)
{
  const struct chanas_op *op = &w->op[i];
  double goal = aim(w, i + 1);
  size_t taps = (size_t)op->k * op->k, cin = op->cin;
  switch (op->kind) {
  case CHANAS_CONV:
    return layer(r, op, taps * cin, taps * cin * op->cout, m, goal, out);
  case CHANAS_DWCONV: return layer(r, op, taps, taps * cin, m, goal, out);
  case CHANAS_LINEAR: return layer(r, op, cin, cin * op->cout, m, goal, out);
  case CHANAS_SE: return gates(r, op, out);
  default: return out;
  }
}

static double
range(const struct chanas_workload *w, uint32_t t, double moment)
{
  double most = 6 * sqrt(moment);
  if (t == 0)
    return 1;
  if (w->op[t - 1].act == CHANAS_ACT_RELU6)
    return fmin(most, 6);
  return w->op[t - 1].act == CHANAS_ACT_HSIGMOID ? fmin(most, 1) : most;
}

void
reference_weights(const struct chanas_workload *w, uint64_t seed,
                  float *weights)
{
  struct rng base = rng_seed(seed), r = rng_split(&base, w->key);
  double moment[WORKLOAD_MAX_OPS + 1] = {INPUT_MOMENT};
  for (uint32_t i = 0; i < w->ops && i < WORKLOAD_MAX_OPS; i++) {
    weights = op_fill(w, i, moment[w->op[i].src], &r, weights);
    moment[i + 1] = op_moment(w, i, moment);
  }
  for (uint32_t i = 0; w->dtype == CHANAS_I8 && i < w->ops; i++)
    *weights++ = (float)range(w, i, moment[i]);
}

double
reference_moment(const struct chanas_workload *w)
{
  double moment[WORKLOAD_MAX_OPS + 1] = {INPUT_MOMENT};
  uint32_t i = 0;
  for (; i < w->ops && i < WORKLOAD_MAX_OPS; i++)
    moment[i + 1] = op_moment(w, i, moment);
  return moment[i] + (w->accumulate ? INPUT_MOMENT : 0);
}
