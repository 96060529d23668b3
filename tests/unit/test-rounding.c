/* SPDX-License-Identifier: Apache-2.0 */
/* What reduced precision costs: values, blocks, networks. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "ini.h"
#include "mem.h"
#include "reference.h"
#include "rounding.h"

#define BLOCK "/n1/i14x14x16/conv:k1,s1,p0,o64,relu6,b,x0/" \
  "dw:k3,s1,p1,relu6,b,x1/conv:k1,s1,p0,o16,none,b,x2/add:none,x3,0"

static double
error_of(const char *dtype, const char *rest)
{
  char *key = mem_print("%s%s", dtype, rest);
  struct chanas_workload *w = workload_parse(key);
  double error;

  assert_non_null(w);
  error = rounding_block(w);
  workload_free(w);
  free(key);
  return error;
}

static void
test_values(void **state)
{
  static const struct { int dtype; float range, v, want; } row[] = {
    { CHANAS_F32, 0, 1.2345678f, 1.2345678f },
    { CHANAS_BF16, 0, 1 + 0x1p-8f, 1 },                 /* ties to even */
    { CHANAS_BF16, 0, 1 + 0x1.8p-8f, 1 + 0x1p-7f },
    { CHANAS_BF16, 0, -0x1.03p-100f, -0x1.04p-100f },
    { CHANAS_F16, 0, 1 + 0x1p-11f, 1 },
    { CHANAS_F16, 0, 1 + 0x1.8p-11f, 1 + 0x1p-10f },
    { CHANAS_F16, 0, 0x1.8p-25f, 0x1p-24f },            /* denormal */
    { CHANAS_TF32, 0, 1 + 0x1.8p-11f, 1 + 0x1p-10f },
    { CHANAS_TF32, 0, 0x1.8p-25f, 0x1.8p-25f },
    { CHANAS_I8, 127, 3.4f, 3 }, { CHANAS_I8, 127, -3.6f, -4 },
    { CHANAS_I8, 12.7f, 100, 12.7f }, { CHANAS_I8, 12.7f, -100, -12.7f },
    { CHANAS_I8, 0, 5, 0 },
  };

  (void)state;
  for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
    float got;
    narrow_values(row[i].dtype, row[i].range, &row[i].v, 1, &got);
    if (got != row[i].want)
      fail_msg("row %zu: %a, not %a", i, (double)got, (double)row[i].want);
  }
}

/* A channel's weights know only their own range, and biases none. */
static void
test_weights(void **state)
{
  const struct chanas_op op = { .kind = CHANAS_DWCONV, .cin = 2, .cout = 2,
                                .k = 1, .bias = 1, .stride = 1 };
  const float w[] = { 100, 0.01f, 0.3f, 200.7f };
  float got[4];

  (void)state;
  narrow_weights(&op, CHANAS_I8, w, got);
  assert_memory_equal(got, w, sizeof w);
  narrow_weights(&op, CHANAS_BF16, w, got);
  assert_float_equal(got[1], 0.01, 0.01 / 256);
  assert_true(got[1] != w[1] && got[2] == w[2] && got[3] == w[3]);
}

static void
test_blocks(void **state)
{
  double bf16 = error_of("bf16", BLOCK), f16 = error_of("f16", BLOCK);
  double i8 = error_of("i8", BLOCK);

  (void)state;
  print_message("bf16 %g, f16 %g, i8 %g\n", bf16, f16, i8);
  assert_true(error_of("f32", BLOCK) == 0);
  assert_true(error_of("i8", "/n1/i8x8x3/avgpool:k3,s1,p1,x0") == 0);
  assert_true(bf16 > 0x1p-11 && bf16 < 0x1p-8);
  assert_true(fabs(bf16 / f16 - 8) < 1); /* three bits more */
  assert_true(i8 > 2 * bf16 && i8 < 0.05);
  assert_true(fabs(error_of("tf32", BLOCK) / f16 - 1) < 0.1);
}

/* One product of one operand: the error by hand. */
static void
test_by_hand(void **state)
{
  double e = error_of("bf16", "/n1/i28x28x1/conv:k1,s1,p0,o1,none,x0");
  const float step = 0x1p-8f;

  (void)state;
  /* Values uniform in [-1, 1) are off by step / sqrt(12), and by half of that
   * with each power of two that they are smaller: 0.38 of a step relative to
   * them.  The weight is off by up to a step, for all of them alike. */
  assert_true(e > 0.35 * (double)step && e < 1.1 * (double)step);
}

/* Fewer pixels, more images: neither the batch nor the size matters much, and
 * branches still meet. */
static void
test_sample(void **state)
{
  static const char rest[] = "/conv:k3,s3,p1,o8,relu,b,x0/"
    "conv:k3,s1,p1,o8,none,b,x1/avgpool:k3,s3,p0,x0/"
    "conv:k1,s1,p0,o8,none,x3/add:none,x2,4";
  char *large = mem_print("/n1/i99x99x8%s", rest);
  char *many = mem_print("/n9/i99x99x8%s", rest);
  char *small = mem_print("/n1/i36x36x8%s", rest);
  double e = error_of("i8", large);

  (void)state;
  assert_true(e == error_of("i8", many));
  assert_true(e == error_of("i8", small));
  assert_true(error_of("i8", "/n1/i7x7x8/globalpool:x0/"
                       "linear:o3,none,b,x1") > 0);
  assert_true(error_of("bf16", "/n1/i9x9x4/conv:k3,s1,p1,o4,none,b,x0/acc")
              > 0);
  free(large);
  free(many);
  free(small);
}

static struct family *
open_mixed(void)
{
  struct ini *ini = ini_parse_text("t.ini",
    "[space]\nname = t\ninput-channels = 3\nclasses = 5\nresolution = 8\n"
    "[stage x]\nblock = conv\nkernel = 3\nout = 8\ndtype = f32 bf16 i8\n"
    "[stage y]\nblock = conv\nkernel = 1\nout = 16\ndtype = f32 bf16 i8\n"
    "[head]\ndtype = f32 i8\n");
  struct family *family = family_parse(ini);

  assert_non_null(family);
  ini_free(ini);
  return family;
}

static double
network_rounding(struct rounding *r, struct family *family, int32_t x,
                 int32_t y, int32_t head)
{
  const int32_t choice[] = { x, y, head };
  struct chanas_network *net = network_build(family, choice);
  double e;

  assert_non_null(net);
  e = rounding_of(r, net);
  network_free(net);
  return e;
}

/* The root of the sum of squares, in whatever order blocks are first met. */
static void
test_networks(void **state)
{
  struct family *family = open_mixed();
  struct rounding *r = rounding_new(family);
  double all = network_rounding(r, family, 2, 1, 1);
  double x = network_rounding(r, family, 2, 0, 0);
  double y = network_rounding(r, family, 0, 1, 0);
  double head = network_rounding(r, family, 0, 0, 1);

  (void)state;
  assert_true(network_rounding(r, family, 0, 0, 0) == 0);
  assert_true(x > 2 * y && y > 0 && head > 0);
  assert_true(fabs(all - sqrt(x * x + y * y + head * head)) < 1e-12);
  assert_true(network_rounding(r, family, 2, 1, 1) == all);
  rounding_free(r);
  family_free(family);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_values),
    cmocka_unit_test(test_weights),
    cmocka_unit_test(test_blocks),
    cmocka_unit_test(test_by_hand),
    cmocka_unit_test(test_sample),
    cmocka_unit_test(test_networks),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
