/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reference operators.  Every result element is one double accumulator
 * filled in a fixed order, so equal input gives equal bytes on any number of
 * cores; values are rounded to float only between operators.
 *
 * The dense convolution copies its weights to [cout / LANES][k][k][cin][LANES]
 * first, so that LANES accumulators stay in registers: a whole
 * MobileNetV2 has to be verified in a second.
 */
#include "reference.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "rng.h"
#include "workload.h"

#define LANES 8

typedef double pair __attribute__((vector_size(2 * sizeof(double)),
                                   aligned(sizeof(double)), may_alias));

static double
activate(int act, double v)
{
  switch (act) {
  case CHANAS_ACT_RELU: return v > 0 ? v : 0;
  case CHANAS_ACT_RELU6: return v > 6 ? 6 : v > 0 ? v : 0;
  case CHANAS_ACT_HSIGMOID: return activate(CHANAS_ACT_RELU6, v + 3) / 6;
  case CHANAS_ACT_HSWISH: return v * activate(CHANAS_ACT_HSIGMOID, v);
  case CHANAS_ACT_SWISH: return v / (1 + exp(-v));
  default: return v;
  }
}

/* Taps [*from, *to) of a window of k at `start` that lie inside [0, extent). */
static void
window(int start, int k, int extent, int *from, int *to)
{
  *from = start < 0 ? -start : 0;
  *to = start + k > extent ? extent - start : k;
}

static double *
conv_weights(const struct chanas_op *op, const float *w)
{
  size_t taps = (size_t)op->k * op->k, cin = op->cin;
  size_t groups = ((size_t)op->cout + LANES - 1) / LANES;
  double *out = mem_array(double, groups * taps * cin * LANES);
  for (size_t o = 0; o < (size_t)op->cout; o++)
    for (size_t c = 0; c < cin; c++)
      for (size_t t = 0; t < taps; t++)
        out[(((o / LANES) * taps + t) * cin + c) * LANES + o % LANES] =
          w[(o * cin + c) * taps + t];
  return out;
}

/* LANES output channels of one pixel; w points at their group. */
static void
conv_pixel(const struct chanas_op *op, const float *x, const double *w, int oy,
           int ox, double result[LANES])
{
  pair *r = (pair *)result, a = r[0], b = r[1], c = r[2], d = r[3];
  int iy = oy * op->stride - op->pad, ix = ox * op->stride - op->pad;
  int y0, y1, x0, x1;
  window(iy, op->k, op->h, &y0, &y1);
  window(ix, op->k, op->w, &x0, &x1);
  for (int ky = y0; ky < y1; ky++)
    for (int kx = x0; kx < x1; kx++) {
      const float *p = x + ((size_t)(iy + ky) * op->w + ix + kx) * op->cin;
      const pair *q =
        (const pair *)(w + ((size_t)ky * op->k + kx) * op->cin * LANES);
      for (int i = 0; i < op->cin; i++, q += LANES / 2) {
        double v = p[i];
        a += v * q[0];
        b += v * q[1];
        c += v * q[2];
        d += v * q[3];
      }
    }
  r[0] = a;
  r[1] = b;
  r[2] = c;
  r[3] = d;
}

static void
conv(const struct chanas_op *op, const float *x, const float *w, float *y)
{
  size_t taps = (size_t)op->k * op->k;
  const float *bias = op->bias ? w + taps * op->cin * op->cout : NULL;
  double *packed = conv_weights(op, w);
  for (int o = 0; o < op->cout; o += LANES) {
    const double *group = packed + (size_t)o * taps * op->cin;
    int lanes = op->cout - o < LANES ? op->cout - o : LANES;
    for (int p = 0; p < op->oh * op->ow; p++) {
      double acc[LANES] = {0};
      for (int l = 0; bias && l < lanes; l++)
        acc[l] = bias[o + l];
      conv_pixel(op, x, group, p / op->ow, p % op->ow, acc);
      for (int l = 0; l < lanes; l++)
        y[(size_t)p * op->cout + o + l] = (float)activate(op->act, acc[l]);
    }
  }
  free(packed);
}

static void
dwconv(const struct chanas_op *op, const float *x, const float *w, float *y)
{
  int taps = op->k * op->k, y0, y1, x0, x1;
  const float *bias = op->bias ? w + (size_t)taps * op->cin : NULL;
  double *acc = mem_array(double, op->cin);
  for (int p = 0; p < op->oh * op->ow; p++) {
    int iy = p / op->ow * op->stride - op->pad;
    int ix = p % op->ow * op->stride - op->pad;
    window(iy, op->k, op->h, &y0, &y1);
    window(ix, op->k, op->w, &x0, &x1);
    for (int c = 0; c < op->cin; c++)
      acc[c] = bias ? bias[c] : 0;
    for (int ky = y0; ky < y1; ky++)
      for (int kx = x0; kx < x1; kx++) {
        const float *s = x + ((size_t)(iy + ky) * op->w + ix + kx) * op->cin;
        const float *t = w + ky * op->k + kx;
        for (int c = 0; c < op->cin; c++)
          acc[c] += (double)s[c] * t[(size_t)c * taps];
      }
    for (int c = 0; c < op->cin; c++)
      y[(size_t)p * op->cin + c] = (float)activate(op->act, acc[c]);
  }
  free(acc);
}

static void
avgpool(const struct chanas_op *op, const float *x, float *y)
{
  for (int p = 0; p < op->oh * op->ow; p++) {
    int iy = p / op->ow * op->stride - op->pad, y0, y1;
    int ix = p % op->ow * op->stride - op->pad, x0, x1;
    window(iy, op->k, op->h, &y0, &y1);
    window(ix, op->k, op->w, &x0, &x1);
    for (int c = 0; c < op->cin; c++) {
      double sum = 0;
      for (int ky = y0; ky < y1; ky++)
        for (int kx = x0; kx < x1; kx++)
          sum += x[((size_t)(iy + ky) * op->w + ix + kx) * op->cin + c];
      sum /= (double)(y1 - y0) * (x1 - x0);
      y[(size_t)p * op->cin + c] = (float)activate(op->act, sum);
    }
  }
}

/* mean[c] over all pixels of x. */
static void
means(const struct chanas_op *op, const float *x, double *mean)
{
  size_t pixels = (size_t)op->h * op->w;
  for (int c = 0; c < op->cin; c++)
    mean[c] = 0;
  for (size_t p = 0; p < pixels; p++)
    for (int c = 0; c < op->cin; c++)
      mean[c] += x[p * op->cin + c];
  for (int c = 0; c < op->cin; c++)
    mean[c] /= (double)pixels;
}

static void
globalpool(const struct chanas_op *op, const float *x, float *y)
{
  double *mean = mem_array(double, op->cin);
  means(op, x, mean);
  for (int c = 0; c < op->cin; c++)
    y[c] = (float)activate(op->act, mean[c]);
  free(mean);
}

/* out = act(W in + b), W[rows][columns]. */
static void
affine(const float *w, const float *b, const double *in, int rows, int columns,
       int act, double *out)
{
  for (int r = 0; r < rows; r++) {
    double sum = b ? b[r] : 0;
    for (int c = 0; c < columns; c++)
      sum += w[(size_t)r * columns + c] * in[c];
    out[r] = activate(act, sum);
  }
}

static void
squeeze_excite(const struct chanas_op *op, const float *x, const float *w,
               float *y)
{
  size_t product = (size_t)op->squeeze * op->cin;
  const float *b1 = w + product, *w2 = b1 + op->squeeze, *b2 = w2 + product;
  double *gate = mem_array(double, op->cin);
  double *hidden = mem_array(double, op->squeeze);
  means(op, x, gate);
  affine(w, b1, gate, op->squeeze, op->cin, CHANAS_ACT_RELU, hidden);
  affine(w2, b2, hidden, op->cin, op->squeeze, CHANAS_ACT_HSIGMOID, gate);
  for (size_t i = 0, n = (size_t)op->h * op->w * op->cin; i < n; i++)
    y[i] = (float)activate(op->act, x[i] * gate[i % op->cin]);
  free(hidden);
  free(gate);
}

static void
linear(const struct chanas_op *op, const float *x, const float *w, float *y)
{
  size_t product = (size_t)op->cout * op->cin;
  double *in = mem_array(double, op->cin), *out = mem_array(double, op->cout);
  for (int c = 0; c < op->cin; c++)
    in[c] = x[c];
  affine(w, op->bias ? w + product : NULL, in, op->cout, op->cin, op->act, out);
  for (int c = 0; c < op->cout; c++)
    y[c] = (float)out[c];
  free(out);
  free(in);
}

/* One image through one operator. */
static void
apply(const struct chanas_op *op, const float *x, const float *x2,
      const float *w, float *y)
{
  size_t n = (size_t)op->oh * op->ow * op->cout;
  switch (op->kind) {
  case CHANAS_CONV: conv(op, x, w, y); break;
  case CHANAS_DWCONV: dwconv(op, x, w, y); break;
  case CHANAS_SE: squeeze_excite(op, x, w, y); break;
  case CHANAS_AVGPOOL: avgpool(op, x, y); break;
  case CHANAS_GLOBALPOOL: globalpool(op, x, y); break;
  case CHANAS_LINEAR: linear(op, x, w, y); break;
  case CHANAS_ADD:
    for (size_t i = 0; i < n; i++)
      y[i] = (float)activate(op->act, (double)x[i] + x2[i]);
    break;
  case CHANAS_ACT:
    for (size_t i = 0; i < n; i++)
      y[i] = (float)activate(op->act, x[i]);
    break;
  }
}

static size_t
in_size(const struct chanas_op *op)
{
  return (size_t)op->h * op->w * op->cin;
}

static size_t
out_size(const struct chanas_op *op)
{
  return (size_t)op->oh * op->ow * op->cout;
}

static size_t
tensor_size(const struct chanas_workload *w, uint32_t t)
{
  return t ? out_size(&w->op[t - 1]) * (size_t)w->batch : w->inputs;
}

/* Op i of a block on a whole batch. */
static void
apply_all(const struct chanas_workload *w, uint32_t i, const float *x,
          const float *x2, const float *weights, float *y)
{
  size_t in = in_size(&w->op[i]), out = out_size(&w->op[i]);
  for (size_t n = 0; n < (size_t)w->batch; n++)
    apply(&w->op[i], x + n * in, x2 + n * in, weights, y + n * out);
}

/* The same with rounded operands; range is that of x. */
static void
apply_rounded(const struct chanas_workload *w, uint32_t i, const float *x,
              float range, const float *weights, float *y)
{
  const struct chanas_op *op = &w->op[i];
  size_t n = in_size(op) * (size_t)w->batch;
  float *values = mem_array(float, n);
  float *parameters = mem_array(float, op_weights(op));
  narrow_values(w->dtype, range, x, n, values);
  narrow_weights(op, w->dtype, weights, parameters);
  apply_all(w, i, values, values, parameters, y);
  free(values);
  free(parameters);
}

/* The range of a tensor that stands behind the parameters. */
static float
stored_range(const struct chanas_workload *w, const float *weights, int tensor)
{
  return w->dtype == CHANAS_I8 ? weights[w->weights - w->ops + tensor] : 0;
}

/* y of a block; the ranges of its tensors too, unless range is NULL. */
static void
run(const struct chanas_workload *w, const float *x, const float *weights,
    float *y, float *range, int rounded)
{
  const float *all = weights;
  const float **tensor = mem_array(const float *, (size_t)w->ops + 1);
  float **made = mem_array(float *, w->ops);
  tensor[0] = x;
  for (uint32_t i = 0; i < w->ops; i++) {
    const struct chanas_op *op = &w->op[i];
    const float *s = tensor[op->src];
    const float *s2 = op->kind == CHANAS_ADD ? tensor[op->src2] : s;
    if (range)
      range[i] = narrow_range(tensor[i], tensor_size(w, i));
    made[i] = mem_array(float, tensor_size(w, i + 1));
    if (rounded && op_has_products(op))
      apply_rounded(w, i, s, stored_range(w, all, op->src), weights, made[i]);
    else
      apply_all(w, i, s, s2, weights, made[i]);
    tensor[i + 1] = made[i];
    weights += op_weights(op);
  }
  const float *result = tensor[w->ops];
  for (size_t i = 0; i < w->outputs; i++)
    y[i] = w->accumulate ? y[i] + result[i] : result[i];
  for (uint32_t i = 0; i < w->ops; i++)
    free(made[i]);
  free(made);
  free(tensor);
}

void
reference_run(const struct chanas_workload *w, const float *x,
              const float *weights, float *y)
{
  run(w, x, weights, y, NULL, 0);
}

void
reference_rounded(const struct chanas_workload *w, const float *x,
                  const float *weights, float *y)
{
  run(w, x, weights, y, NULL, 1);
}

static void
run_program(const struct chanas_program *p, float *const *weights,
            const float *x, float *y)
{
  float **tensor = mem_array(float *, p->tensors);
  for (size_t i = 0; i < p->tensors; i++)
    tensor[i] = mem_array(float, p->elements[i]);
  memcpy(tensor[0], x, p->elements[0] * sizeof(float));
  memcpy(tensor[p->output], y, p->elements[p->output] * sizeof(float));
  for (size_t i = 0; i < p->steps; i++) {
    const struct chanas_step *s = &p->step[i];
    const struct chanas_workload *w = s->workload;
    int calibrate = weights && w->dtype == CHANAS_I8;
    run(w, tensor[s->src], s->weights, tensor[s->dst],
        calibrate ? weights[i] + w->weights - w->ops : NULL, 0);
  }
  memcpy(y, tensor[p->output], p->elements[p->output] * sizeof(float));
  for (size_t i = 0; i < p->tensors; i++)
    free(tensor[i]);
  free(tensor);
}

void
reference_program(const struct chanas_program *p, const float *x, float *y)
{
  run_program(p, NULL, x, y);
}

void
reference_calibrate(const struct chanas_program *p, float *const *weights,
                    const float *x, float *y)
{
  run_program(p, weights, x, y);
}
