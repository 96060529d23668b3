/* SPDX-License-Identifier: Apache-2.0 */
/* The reference operators against values worked out by hand and against the
 * definitions written down once more, element by element. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mem.h"
#include "reference.h"
#include "rng.h"
#include "workload.h"

static struct chanas_workload *
one(struct workload_builder *b)
{
  struct chanas_workload *w = workload_end(b);
  assert_non_null(w);
  return w;
}

static void
expect(struct chanas_workload *w, const float *x, const float *weights,
       const double *want)
{
  float *y = mem_array(float, w->outputs);
  reference_run(w, x, weights, y);
  for (size_t i = 0; i < w->outputs; i++)
    assert_true(fabs(y[i] - want[i]) < 1e-6);
  free(y);
  workload_free(w);
}

static void
conv_by_hand(void **state)
{
  struct workload_builder b;
  const float x[9] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
  const float w[10] = {1, 0, 0, 0, 1, 0, 0, 0, -1, 0.5f};
  const double want[4] = {1 - 5 + .5, 3 + .5, 7 + .5, 9 + 5 + .5};
  (void)state;
  workload_begin(&b, CHANAS_F32, 1, 3, 3, 1);
  workload_conv(&b, 0, 1, 3, 2, 1, CHANAS_ACT_NONE, 1);
  expect(one(&b), x, w, want);
  workload_begin(&b, CHANAS_F32, 1, 3, 3, 1);
  workload_dwconv(&b, 0, 3, 2, 1, CHANAS_ACT_NONE, 1);
  expect(one(&b), x, w, want);
}

static void
acts_by_hand(void **state)
{
  static const struct { int act; double at[5]; } row[] = {
    {CHANAS_ACT_NONE, {-4, -1, 0.5, 2, 8}},
    {CHANAS_ACT_RELU, {0, 0, 0.5, 2, 8}},
    {CHANAS_ACT_RELU6, {0, 0, 0.5, 2, 6}},
    {CHANAS_ACT_HSWISH, {0, -1.0 / 3, 0.5 * 3.5 / 6, 10.0 / 6, 8}},
    {CHANAS_ACT_HSIGMOID, {0, 1.0 / 3, 3.5 / 6, 5.0 / 6, 1}},
    {CHANAS_ACT_SWISH, {-0.0719448398, -0.2689414214, 0.3112296656,
                        1.7615941560, 7.9973171981}},
  };
  const float x[5] = {-4, -1, 0.5f, 2, 8};
  (void)state;
  for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
    struct workload_builder b;
    workload_begin(&b, CHANAS_F32, 1, 1, 5, 1);
    workload_act(&b, 0, row[i].act);
    expect(one(&b), x, NULL, row[i].at);
  }
}

static void
pools_by_hand(void **state)
{
  struct workload_builder b;
  const float x[9] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
  const double pooled[4] = {3, 4, 6, 7}, mean = 5;
  (void)state;
  workload_begin(&b, CHANAS_F32, 1, 3, 3, 1);
  workload_avgpool(&b, 0, 3, 2, 1);
  expect(one(&b), x, NULL, pooled);
  workload_begin(&b, CHANAS_F32, 1, 3, 3, 1);
  workload_globalpool(&b, 0);
  expect(one(&b), x, NULL, &mean);
}

static void
se_by_hand(void **state)
{
  struct workload_builder b;
  const float x[4] = {1, 10, 3, 30}; /* two pixels, means 2 and 20 */
  const float w[] = {1, -0.05f, 0.5f, /* hidden = relu(2 - 1 + 0.5) */
                     2, -1, -1, 0};   /* gates hs(2), hs(-1.5) */
  const double want[4] = {5.0 / 6, 10 * 0.25, 3 * 5.0 / 6, 30 * 0.25};
  (void)state;
  workload_begin(&b, CHANAS_F32, 1, 1, 2, 2);
  workload_se(&b, 0, 1);
  expect(one(&b), x, w, want);
}

static void
linear_and_accumulate(void **state)
{
  struct workload_builder b;
  const float x[4] = {1, 2, 3, 4};       /* batch of two */
  const float w[] = {1, 1, 2, -1, 0, 5}; /* 2 x 2, bias 0 5 */
  float y[4] = {100, 100, 100, 100};
  const float want[4] = {103, 105, 107, 107};
  (void)state;
  workload_begin(&b, CHANAS_F32, 2, 1, 1, 2);
  b.accumulate = 1;
  workload_linear(&b, 0, 2, CHANAS_ACT_NONE, 1);
  struct chanas_workload *l = one(&b);
  reference_run(l, x, w, y);
  assert_memory_equal(y, want, sizeof want);
  workload_free(l);
}

/* ---- the convolution written as its definition ---- */

static double
defined_conv(const struct chanas_op *op, const float *x, const float *w,
             int oy, int ox, int o)
{
  double sum = op->bias ? w[(size_t)op->cout * op->cin * op->k * op->k + o] : 0;
  for (int c = 0; c < op->cin; c++)
    for (int ky = 0; ky < op->k; ky++)
      for (int kx = 0; kx < op->k; kx++) {
        int iy = oy * op->stride - op->pad + ky;
        int ix = ox * op->stride - op->pad + kx;
        if (iy >= 0 && ix >= 0 && iy < op->h && ix < op->w)
          sum += (double)x[(iy * op->w + ix) * op->cin + c] *
                 w[((o * op->cin + c) * op->k + ky) * op->k + kx];
      }
  return sum;
}

static void
check_conv(int h, int w, int cin, int cout, int k, int stride, int pad)
{
  struct workload_builder b;
  struct rng r = rng_seed(7);
  workload_begin(&b, CHANAS_F32, 2, h, w, cin);
  workload_conv(&b, 0, cout, k, stride, pad, CHANAS_ACT_NONE, 1);
  struct chanas_workload *l = one(&b);
  const struct chanas_op *op = l->op;
  float *x = mem_array(float, l->inputs), *y = mem_array(float, l->outputs);
  float *p = mem_array(float, l->weights);
  for (size_t i = 0; i < l->inputs; i++)
    x[i] = rng_float(&r);
  reference_weights(l, 3, p);
  reference_run(l, x, p, y);
  for (size_t i = 0; i < l->outputs; i++) {
    int o = i % cout, px = i / cout % op->ow, py = i / cout / op->ow % op->oh;
    size_t image = i / (l->outputs / 2);
    double want = defined_conv(op, x + image * l->inputs / 2, p, py, px, o);
    assert_true(fabs(y[i] - want) < 1e-5);
  }
  free(p);
  free(y);
  free(x);
  workload_free(l);
}

static void
conv_by_definition(void **state)
{
  (void)state;
  check_conv(5, 7, 3, 9, 3, 1, 1);
  check_conv(6, 6, 17, 16, 1, 1, 0);
  check_conv(9, 4, 2, 5, 5, 2, 2);
  check_conv(7, 7, 4, 1, 7, 2, 3);
  check_conv(4, 4, 1, 8, 2, 2, 0);
}

/* ---- a block, a program, the weights, the measure of difference ---- */

static struct chanas_workload *
bottleneck(int c, int mid)
{
  struct workload_builder b;
  workload_begin(&b, CHANAS_F32, 1, 14, 14, c);
  int t = workload_conv(&b, 0, mid, 1, 1, 0, CHANAS_ACT_HSWISH, 1);
  t = workload_dwconv(&b, t, 5, 1, 2, CHANAS_ACT_HSWISH, 1);
  t = workload_se(&b, t, mid / 4);
  t = workload_conv(&b, t, c, 1, 1, 0, CHANAS_ACT_NONE, 1);
  workload_add(&b, t, 0, CHANAS_ACT_NONE);
  return one(&b);
}

static double
mean_square(const float *v, size_t n)
{
  double sum = 0;
  for (size_t i = 0; i < n; i++)
    sum += (double)v[i] * v[i];
  return sum / (double)n;
}

static void
magnitude_is_kept(void **state)
{
  struct chanas_workload *w = bottleneck(24, 96);
  struct rng r = rng_seed(1);
  float *x = mem_array(float, w->inputs), *y = mem_array(float, w->outputs);
  float *p = mem_array(float, w->weights);
  (void)state;
  for (size_t i = 0; i < w->inputs; i++)
    x[i] = rng_float(&r);
  for (int depth = 0; depth < 10; depth++) {
    reference_weights(w, depth, p);
    reference_run(w, x, p, y);
    memcpy(x, y, w->outputs * sizeof *x);
  }
  double m = mean_square(x, w->outputs);
  assert_true(m > 0.01 && m < 100);
  free(p);
  free(y);
  free(x);
  workload_free(w);
}

static void
weights_depend_on_seed_and_key(void **state)
{
  struct chanas_workload *w = bottleneck(8, 16);
  float *a = mem_array(float, w->weights), *b = mem_array(float, w->weights);
  size_t bytes = w->weights * sizeof *a;
  (void)state;
  reference_weights(w, 1, a);
  reference_weights(w, 1, b);
  assert_memory_equal(a, b, bytes);
  reference_weights(w, 2, b);
  assert_memory_not_equal(a, b, bytes);
  for (size_t i = 0; i < w->weights; i++)
    assert_true(a[i] != 0 && fabsf(a[i]) < 10);
  struct chanas_workload *other = bottleneck(8, 12);
  reference_weights(other, 1, b);
  assert_true(a[0] / b[0] != a[1] / b[1]); /* not one stream, scaled */
  workload_free(other);
  free(b);
  free(a);
  workload_free(w);
}

static void
program_chains_and_sums(void **state)
{
  struct workload_builder b;
  workload_begin(&b, CHANAS_F32, 1, 1, 1, 2);
  b.accumulate = 1;
  workload_act(&b, 0, CHANAS_ACT_RELU);
  struct chanas_workload *w = one(&b);
  /* tensor 2 = relu(x) + relu(tensor 1), and nothing writes tensor 1 */
  const struct chanas_step step[] = {{w, "a", NULL, 0, 2}, {w, "b", NULL, 1, 2},
                                     {w, "c", NULL, 0, 2}};
  const size_t elements[] = {2, 2, 2};
  const struct chanas_program p = {3, 3, step, elements, 2};
  const float x[2] = {3, -3};
  float y[2] = {10, 20};
  (void)state;
  reference_program(&p, x, y);
  assert_true(y[0] == 16 && y[1] == 20);
  workload_free(w);
}

static void
difference_sees_what_is_wrong(void **state)
{
  const float want[4] = {1, -1, 1, 100};
  float got[4] = {1, -1, 1, 100};
  (void)state;
  assert_true(reference_difference(got, want, 4, 0) == 0);
  got[3] = 101;
  assert_true(fabs(reference_difference(got, want, 4, 0) - 0.01) < 1e-9);
  got[3] = 100;
  got[0] = 0; /* relative to the root mean square, 50.01, not to 1 */
  assert_true(fabs(reference_difference(got, want, 4, 0) - 1 / 50.01) < 1e-4);
  got[0] = NAN;
  assert_true(isinf(reference_difference(got, want, 4, 0)));
  got[0] = INFINITY;
  assert_true(isinf(reference_difference(got, want, 4, 0)));
  const float zero[2] = {0, 0}, tiny[2] = {0, 1e-30f};
  assert_true(reference_difference(zero, zero, 2, 0) == 0);
  assert_true(isinf(reference_difference(tiny, zero, 2, 0)));
}

/* A block of layers by type, and what a calibration sees in it. */
static void
ranges_are_seen(void **state)
{
  struct workload_builder b;
  workload_begin(&b, CHANAS_I8, 2, 1, 2, 1);
  workload_conv(&b, 0, 1, 1, 1, 0, CHANAS_ACT_RELU, 0);
  workload_act(&b, 1, CHANAS_ACT_NONE);
  struct chanas_workload *w = one(&b);
  float p[3] = {2, 0, 0}, y[4];
  float *weights[] = {p};
  const float x[4] = {1, -8, 3, 0};
  const float want[4] = {2, 0, 6, 0};
  const struct chanas_step step = {w, "a", p, 0, 1};
  const size_t elements[] = {4, 4};
  const struct chanas_program program = {1, 2, &step, elements, 1};
  (void)state;
  assert_int_equal(w->weights, 3);
  reference_calibrate(&program, weights, x, y);
  assert_true(p[0] == 2 && p[1] == 8 && p[2] == 6);
  assert_memory_equal(y, want, sizeof want);
  workload_free(w);
  workload_begin(&b, CHANAS_BF16, 1, 1, 1, 1);
  workload_act(&b, 0, CHANAS_ACT_RELU);
  assert_int_equal((w = one(&b))->weights, 0);
  workload_free(w);
}

/* Round to `bits` of precision, to nearest. */
static float
rounded(float v, int bits)
{
  int e;
  double m = frexp(v, &e);
  return (float)ldexp(nearbyint(ldexp(m, bits)), e - bits);
}

/* To steps of range / 127 with I8, else to so many bits. */
static float
reduced(float v, int bits, float range)
{
  float step = range / 127;
  if (bits)
    return rounded(v, bits);
  v = nearbyintf(v / step);
  return step * fminf(fmaxf(v, -127), 127);
}

enum { PIXELS = 64, CIN = 40, COUT = 24 };

/* A pointwise convolution with both operands rounded, from channel `first`. */
static void
reduced_conv(const float *x, const float *w, int bits, int first, float *y)
{
  for (int i = 0; i < PIXELS * COUT; i++) {
    const float *a = x + i / COUT * CIN, *b = w + i % COUT * CIN;
    float sum = 0, most = 0;
    for (int c = 0; c < CIN; c++)
      most = fmaxf(most, fabsf(b[c]));
    for (int c = first; c < CIN; c++)
      sum += reduced(a[c], bits, 1) * reduced(b[c], bits, most);
    y[i] = sum;
  }
}

/* It stays within the bounds of the type, and does not with an input channel
 * left out. */
static void
bounds_part_right_from_wrong(int dtype, int bits)
{
  struct workload_builder b;
  struct rng r = rng_seed(5);
  workload_begin(&b, dtype, 1, 8, 8, CIN);
  workload_conv(&b, 0, COUT, 1, 1, 0, CHANAS_ACT_NONE, 0);
  struct chanas_workload *w = one(&b);
  float p[CIN * COUT + 1], x[PIXELS * CIN];
  float want[PIXELS * COUT], got[PIXELS * COUT];
  size_t n = w->outputs;
  reference_weights(w, 1, p);
  for (size_t i = 0; i < w->inputs; i++)
    x[i] = rng_float(&r);
  reference_run(w, x, p, want);
  for (int cut = 0; cut < 2; cut++) {
    reduced_conv(x, p, bits, cut, got);
    int near = reference_difference(got, want, n, 0) <= reference_tolerance(w);
    int like = reference_deviation(got, want, n, 0) <=
               reference_deviation_tolerance(w);
    assert_int_equal(near && like, !cut);
  }
  workload_free(w);
}

static void
bounds_of_types(void **state)
{
  (void)state;
  bounds_part_right_from_wrong(CHANAS_F32, 24);
  bounds_part_right_from_wrong(CHANAS_BF16, 8);
  bounds_part_right_from_wrong(CHANAS_F16, 11);
  bounds_part_right_from_wrong(CHANAS_TF32, 11);
  bounds_part_right_from_wrong(CHANAS_I8, 0);
  const float zero[2] = {0, 0}, bad[2] = {NAN, 0};
  assert_true(reference_deviation(zero, zero, 2, 0) == 0);
  assert_true(isinf(reference_deviation(bad, zero, 2, 0)));
}

enum { FAN = 64, SEEDS = 3000 };
enum wrong { RIGHT, CHANNEL, PRODUCT, WEIGHT };

/* A linear layer in bf16 that is right, or lacks an input or one product, or
 * has one weight of another output. */
static void
bf16_linear(const float *x, const float *w, size_t n, enum wrong wrong,
            float *y)
{
  for (size_t o = 0; o < n; o++) {
    y[o] = w[n * FAN + o];
    for (int c = 0; c < FAN; c++) {
      float weight = w[o * FAN + c];
      int at = c == 7 && (wrong == CHANNEL || o == n / 2);
      if (at && wrong == WEIGHT)
        weight = w[o * FAN + c + 1];
      if (!at || wrong == WEIGHT || wrong == RIGHT)
        y[o] += rounded(x[c], 8) * rounded(weight, 8);
    }
  }
}

/* In how many of so many draws of weights and inputs it is refused. */
static int
refused(size_t n, enum wrong wrong)
{
  int count = 0;
  struct workload_builder b;
  workload_begin(&b, CHANAS_BF16, 1, 1, 1, FAN);
  workload_linear(&b, 0, n, CHANAS_ACT_NONE, 1);
  struct chanas_workload *w = one(&b);
  double least = reference_least(w);
  float p[16 * FAN + 16], x[FAN], want[16], got[16];
  assert_true(n <= 16 && w->weights == n * FAN + n);
  for (int seed = 0; seed < SEEDS; seed++) {
    struct rng r = rng_seed(seed);
    for (int i = 0; i < FAN; i++)
      x[i] = rng_float(&r);
    reference_weights(w, seed, p);
    reference_run(w, x, p, want);
    bf16_linear(x, p, n, wrong, got);
    count += reference_difference(got, want, n, least) >
               reference_tolerance(w) ||
             reference_deviation(got, want, n, least) >
               reference_deviation_tolerance(w);
  }
  workload_free(w);
  return count;
}

/* Few results have a root mean square that is off by much: what is right is
 * not refused, and what is wrong still is, unless the draw made it small. */
static void
few_results(void **state)
{
  static const size_t results[] = {1, 2, 3, 5, 10, 16};
  (void)state;
  for (size_t i = 0; i < 6; i++) {
    size_t n = results[i];
    assert_int_equal(refused(n, RIGHT), 0);
    assert_true(refused(n, CHANNEL) > SEEDS * 3 / 4);
    assert_true(refused(n, PRODUCT) > SEEDS / 2);
    assert_true(refused(n, WEIGHT) > SEEDS / 2);
  }
}

/* What the weights aim at is what results have. */
static void
moment_is_met(void **state)
{
  static const int acts[] = {CHANAS_ACT_NONE, CHANAS_ACT_RELU,
                             CHANAS_ACT_HSWISH, CHANAS_ACT_HSIGMOID};
  (void)state;
  for (int i = 0; i < 8; i++) {
    struct workload_builder b;
    struct rng r = rng_seed(i);
    workload_begin(&b, CHANAS_F32, 1, 8, 8, CIN);
    workload_conv(&b, 0, 300, 1, 1, 0, acts[i % 4], 1);
    if (i > 3)
      workload_conv(&b, 1, COUT, 1, 1, 0, CHANAS_ACT_NONE, 1);
    struct chanas_workload *w = one(&b);
    float *x = mem_array(float, w->inputs), *p = mem_array(float, w->weights);
    float *y = mem_array(float, w->outputs);
    for (size_t k = 0; k < w->inputs; k++)
      x[k] = rng_float(&r);
    reference_weights(w, 1, p);
    reference_run(w, x, p, y);
    double part = mean_square(y, w->outputs) / reference_moment(w);
    assert_true(part > 0.5 && part < 2);
    free(y);
    free(p);
    free(x);
    workload_free(w);
  }
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(conv_by_hand),
    cmocka_unit_test(acts_by_hand),
    cmocka_unit_test(pools_by_hand),
    cmocka_unit_test(se_by_hand),
    cmocka_unit_test(linear_and_accumulate),
    cmocka_unit_test(conv_by_definition),
    cmocka_unit_test(magnitude_is_kept),
    cmocka_unit_test(weights_depend_on_seed_and_key),
    cmocka_unit_test(program_chains_and_sums),
    cmocka_unit_test(difference_sees_what_is_wrong),
    cmocka_unit_test(ranges_are_seen),
    cmocka_unit_test(bounds_of_types),
    cmocka_unit_test(few_results),
    cmocka_unit_test(moment_is_met),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
