/* SPDX-License-Identifier: Apache-2.0 */
/* Scores of untrained networks: what can be worked out by hand or must hold
 * for every network. */
#include "zero_cost.h"
#include "nn_kit.h"

static const char line[] =
  "[space]\nname = t\ninput-channels = 2\nresolution = 3\nclasses = 2\n"
  "code = w{width}\nwidth = 1 2\n"
  "[stage stem]\nblock = conv\nkernel = 1\nout = 3\nact = hswish\n"
  "scale = none\n"
  "[head]\nconv = 4\nconv-scale = width\nact = relu\n";
static const char *const line_all[] = { "w2", NULL };

struct rig { struct kit kit; struct measure m; struct chanas_network *net; };

static void
rig_open(struct rig *r, const char *code)
{
  kit_open(&r->kit, line, 1, line_all);
  r->m = (struct measure){ .host = &r->kit.host, .seed = 5, .batch = 8,
                           .repeats = 2 };
  assert_int_equal(measure_open(&r->m, 1), 0);
  r->net = kit_network(&r->kit, code);
}

static void
rig_close(struct rig *r)
{
  network_free(r->net);
  measure_close(&r->m);
  kit_close(&r->kit);
}

/* A chain: every path crosses each of the three layers once, so the sum is
 * 3 R, and R is the product of matrices of magnitudes, for ones. */
static double
by_hand(struct rig *r)
{
  struct nn_store s = { 0 };
  double a[64], b[64], sum = 0;
  int32_t n = 2;

  assert_int_equal(nn_store_add(&s, &r->kit.host, r->net), 0);
  assert_int_equal(nn_store_seal(&s, r->m.seed), 0);
  a[0] = a[1] = 1;
  for (size_t l = 0; l < s.slots; l++) {
    const struct nn_slot *slot = &s.slot[l];
    for (int32_t o = 0; o < slot->cout; o++) {
      b[o] = 0;
      for (int32_t i = 0; i < n; i++)
        b[o] += a[i] * fabs(s.value[slot->weight + (size_t)(o * n + i)]);
    }
    n = slot->cout;
    memcpy(a, b, sizeof a);
  }
  for (int32_t i = 0; i < n; i++)
    sum += a[i];
  nn_store_free(&s);
  return log(3 * sum);
}

static void
test_synflow(void **state)
{
  struct rig r;

  (void)state;
  rig_open(&r, "w1");
  assert_true(fabs(measure_synflow(&r.m, r.net) - by_hand(&r)) < 1e-4);
  rig_close(&r);
}

static void
test_counts(void **state)
{
  struct rig r;

  (void)state;
  rig_open(&r, "w2");
  /* 2x3 + 2x3, 3x8 + 2x8, 8x2 + 2 */
  assert_true(fabs(measure_params(&r.m, r.net) - log(12 + 40 + 18)) < 1e-9);
  assert_true(fabs(measure_macs(&r.m, r.net) - log(9 * (6 + 24) + 16)) <
              1e-9);
  rig_close(&r);
}

/* Numbers, the same twice, and no less for a wider network. */
static void
test_wider(void **state)
{
  double (*const score[])(struct measure *, const struct chanas_network *) = {
    measure_naswot, measure_zen, measure_synflow };
  struct rig narrow, wide;

  (void)state;
  rig_open(&narrow, "w1");
  rig_open(&wide, "w2");
  for (size_t i = 0; i < 3; i++) {
    double a = score[i](&narrow.m, narrow.net);
    double b = score[i](&wide.m, wide.net);
    assert_true(isfinite(a) && isfinite(b));
    assert_true(a == score[i](&narrow.m, narrow.net));
    if (i != 1)
      assert_true(b > a);
  }
  rig_close(&narrow);
  rig_close(&wide);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_synflow), cmocka_unit_test(test_counts),
    cmocka_unit_test(test_wider),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
