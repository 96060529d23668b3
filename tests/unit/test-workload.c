/* SPDX-License-Identifier: Apache-2.0 */
/* Workloads: extents, counts, keys there and back, hostile keys, sets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "mem.h"
#include "workload.h"
#include "capture.h"

#define MBCONV "f32/n1/i56x56x24/conv:k1,s1,p0,o144,relu6,b,x0/" \
  "dw:k3,s1,p1,relu6,b,x1/conv:k1,s1,p0,o24,none,b,x2/add:none,x3,0"

#define REDUCE "f32/n1/i8x8x4/act:relu,x0/conv:k3,s2,p1,o8,relu,b,x1/" \
  "avgpool:k2,s2,p0,x0/conv:k1,s1,p0,o8,none,x3/add:none,x2,4"

static struct chanas_workload *
mbconv(void)
{
  struct workload_builder b;
  int t;

  workload_begin(&b, CHANAS_F32, 1, 56, 56, 24);
  t = workload_conv(&b, 0, 144, 1, 1, 0, CHANAS_ACT_RELU6, 1);
  t = workload_dwconv(&b, t, 3, 1, 1, CHANAS_ACT_RELU6, 1);
  t = workload_conv(&b, t, 24, 1, 1, 0, CHANAS_ACT_NONE, 1);
  t = workload_add(&b, t, 0, CHANAS_ACT_NONE);
  assert_int_equal(t, 4);
  return workload_end(&b);
}

static void
test_counts(void **state)
{
  struct chanas_workload *w = mbconv();
  size_t weights = 24 * 144 + 144 + 9 * 144 + 144 + 144 * 24 + 24;
  double macs = 56.0 * 56 * (24 * 144 + 9 * 144 + 144 * 24);

  (void)state;
  assert_string_equal(w->key, MBCONV);
  assert_int_equal(w->ops, 4);
  assert_int_equal(w->inputs, 56 * 56 * 24);
  assert_int_equal(w->outputs, 56 * 56 * 24);
  assert_int_equal(w->weights, weights);
  assert_true(w->flops == 2 * macs);
  assert_true(w->bytes == 4.0 * (2 * 56 * 56 * 24 + (double)weights));
  workload_free(w);
}

static void
test_extents(void **state)
{
  struct workload_builder b;
  const struct chanas_workload *w;

  (void)state;
  workload_begin(&b, CHANAS_F32, 3, 7, 9, 4);
  assert_int_equal(workload_dwconv(&b, 0, 5, 2, 2, CHANAS_ACT_NONE, 0), 1);
  assert_int_equal(workload_se(&b, 1, 2), 2);
  assert_int_equal(workload_avgpool(&b, 2, 2, 2, 0), 3);
  assert_int_equal(workload_globalpool(&b, 3), 4);
  assert_int_equal(workload_linear(&b, 4, 10, CHANAS_ACT_HSWISH, 1), 5);
  assert_int_equal(workload_act(&b, 5, CHANAS_ACT_HSIGMOID), 6);
  b.accumulate = 1;
  w = workload_end(&b);
  assert_string_equal(w->key, "f32/n3/i7x9x4/dw:k5,s2,p2,none,x0/se:q2,x1/"
                      "avgpool:k2,s2,p0,x2/globalpool:x3/"
                      "linear:o10,hswish,b,x4/act:hsigmoid,x5/acc");
  assert_int_equal(w->op[0].oh, 4);
  assert_int_equal(w->op[0].ow, 5);
  assert_int_equal(w->op[2].oh, 2);
  assert_int_equal(w->op[2].ow, 2);
  assert_int_equal(w->inputs, 3 * 7 * 9 * 4);
  assert_int_equal(w->outputs, 3 * 10);
  assert_int_equal(w->weights, 4 * 25 + (8 + 2 + 8 + 4) + 40 + 10);
  assert_true(w->flops == 2.0 * 3 * (4 * 25 * 20 + 16 + 40));
  assert_true(w->bytes == 4.0 * (3 * 252 + 2 * 30 + 172));
  workload_free((struct chanas_workload *)w);
}

static void
test_round_trip(void **state)
{
  static const char *const keys[] = {
    MBCONV, MBCONV "/acc",
    "bf16/n8/i1x1x1/act:none,x0",
    "i8/n1/i255x1x3/conv:k255,s255,p254,o2,swish,x0",
    REDUCE,
  };
  (void)state;
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
    struct chanas_workload *w = workload_parse(keys[i]);
    assert_non_null(w);
    assert_string_equal(w->key, keys[i]);
    workload_free(w);
  }
}

static const char *const hostile[] = {
  "", "/", "f32", "f32/n1", "f32/n1/i1x1x1", "f32/n1/i1x1x1/",
  "f64/n1/i1x1x1/act:none,x0", "f32/n0/i1x1x1/act:none,x0",
  "f32/n-1/i1x1x1/act:none,x0", "f32/n1/i0x1x1/act:none,x0",
  "f32/n1/i1x1/act:none,x0", "f32/n1/i1x1x/act:none,x0",
  "f32/n01/i1x1x1/act:none,x0", "f32/n1/i1x1x1/act:none,x0 ",
  "f32/n1/i1x1x1/act:none,x1", "f32/n1/i1x1x1/act:none",
  "f32/n1/i1x1x1/act:none,b,x0", "f32/n1/i1x1x1/act:tanh,x0",
  "f32/n1/i1x1x1/act:none,x0,", "f32/n1/i1x1x1/act:,x0",
  "f32/n1/i1x1x1/act:none,x0/acc/acc", "f32/n1/i1x1x1/acc",
  "f32/n1/i1x1x1/conv:k0,s1,p0,o1,none,x0",
  "f32/n1/i1x1x1/conv:k1,s0,p0,o1,none,x0",
  "f32/n1/i1x1x1/conv:k1,s1,p1,o1,none,x0",
  "f32/n1/i1x1x1/conv:k3,s1,p0,o1,none,x0",
  "f32/n1/i1x1x1/conv:k1,s1,p0,o0,none,x0",
  "f32/n1/i1x1x1/conv:k1,s1,p0,none,x0",
  "f32/n1/i1x1x1/conv:s1,k1,p0,o1,none,x0",
  "f32/n1/i1x1x1/conv:k1,s1,p0,o1,none,x99999999999999999999",
  "f32/n1/i1x1x1/conv:k256,s1,p255,o1,none,x0",
  "f32/n1/i2x2x1/linear:o1,none,x0",
  "f32/n1/i1x1x1/se:q0,x0", "f32/n1/i1x1x1/se:q1,relu,x0",
  "f32/n1/i4x4x1/avgpool:k2,s2,p0,x0/add:none,x1,0",
  "f32/n1/i1x1x1/add:none,x0", "f32/n1/i1x1x1/add:none,x0,7",
  "f32/n1/i1x1x2/act:relu,x0/act:relu,x0", /* tensor 1 is never read */
  "f32/n1/i1x1x1/act:none,x0/act:none,x0,0",
  "f32/n1/i65536x65536x1/act:none,x0",
  "f32/n2147483647/i2147483647x2147483647x2147483647/act:none,x0",
  "f32/n2/i2147483647x1x1/act:none,x0",
  "f32/n1/i2147483648x1x1/act:none,x0",
  "f32/n1/i1x1x65536/linear:o65536,none,x0",
  "f32/n1/i1x1x2000000000/conv:k255,s1,p254,o1,none,x0",
  "f32/n1/i2147483647x1x1/dw:k255,s1,p254,none,x0",
  "f32/n1/i1x1x1/evil:x0", "f32/n1/i1x1x1/:x0", "f32/n1/i1x1x1/act",
};

static void
test_hostile(void **state)
{
  struct chanas_text many = { 0 };
  struct capture c;

  (void)state;
  text_print(&many, "f32/n1/i1x1x1");
  for (int i = 0; i < 33; i++)
    text_print(&many, "/act:none,x%d", i);
  capture_begin(&c);
  for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
    struct chanas_workload *w = workload_parse(hostile[i]);
    if (w) {
      capture_end(&c);
      fail_msg("taken: %s", hostile[i]);
    }
  }
  assert_null(workload_parse(many.data));
  for (int i = 0; i < 10000; i++)
    text_print(&many, "/act:none,x0");
  assert_null(workload_parse(many.data));
  capture_end(&c);
  text_free(&many);
}

/* Any cut or changed byte of a good key: refused or a good key itself. */
static void
test_damaged(void **state)
{
  static const char bytes[] = "0x9,/:a\xff ";
  struct capture c;

  (void)state;
  capture_begin(&c);
  for (size_t i = 0; i < strlen(MBCONV); i++)
    for (size_t j = 0; j < sizeof bytes; j++) {
      char *key = mem_string(MBCONV);
      struct chanas_workload *w;
      key[i] = bytes[j];
      w = workload_parse(key);
      if (w)
        assert_string_equal(w->key, key);
      workload_free(w);
      free(key);
    }
  capture_end(&c);
}

/* Keys of every type read back, and their name does. */
static void
test_dtypes(void **state)
{
  (void)state;
  for (int dtype = CHANAS_F32; dtype <= CHANAS_TF32; dtype++) {
    char *key = mem_print("%s/n1/i4x4x3/act:relu,x0", dtype_name(dtype));
    struct chanas_workload *w = workload_parse(key);
    assert_non_null(w);
    assert_int_equal(w->dtype, dtype);
    assert_string_equal(w->key, key);
    assert_int_equal(dtype_parse(dtype_name(dtype)), dtype);
    workload_free(w);
    free(key);
  }
  assert_int_equal(dtype_parse("f64"), -1);
}

static void
test_set(void **state)
{
  struct workload_set set = { 0 };

  (void)state;
  assert_int_equal(workload_lookup(&set, MBCONV), -1);
  assert_int_equal(workload_intern(&set, mbconv()), 0);
  for (int i = 1; i < 1000; i++) {
    char *key = mem_print("f32/n1/i1x1x%d/act:none,x0", i);
    assert_int_equal(workload_intern(&set, workload_parse(key)), i);
    assert_int_equal(workload_intern(&set, mbconv()), 0);
    free(key);
  }
  assert_int_equal(set.count, 1000);
  assert_int_equal(workload_lookup(&set, "f32/n1/i1x1x700/act:none,x0"), 700);
  assert_int_equal(workload_lookup(&set, "f32/n1/i1x1x1000/act:none,x0"), -1);
  assert_string_equal(set.item[999]->key, "f32/n1/i1x1x999/act:none,x0");
  workload_set_free(&set);
  assert_int_equal(set.count, 0);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_counts),
    cmocka_unit_test(test_extents),
    cmocka_unit_test(test_round_trip),
    cmocka_unit_test(test_hostile),
    cmocka_unit_test(test_damaged),
    cmocka_unit_test(test_dtypes),
    cmocka_unit_test(test_set),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
