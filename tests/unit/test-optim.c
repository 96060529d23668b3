/* SPDX-License-Identifier: Apache-2.0 */
/* Steps of SGD and AdamW worked out by hand, what decay spares, what is left
 * alone, the rate's schedule; and correlations of ranks. */
#include "nn_kit.h"
#include "nn_optim.h"
#include "rank.h"

static const char space[] =
  "[space]\nname = t\ninput-channels = 1\nresolution = 4\nclasses = 2\n"
  "[stage stem]\nblock = conv\nkernel = 3\nout = 2\n"
  "[head]\nconv = 3\n";
static struct kit kit;

static int
set_up(void **state)
{
  struct chanas_network *net;
  int32_t none[1] = { 0 };

  (void)state;
  kit = (struct kit){ .host = { .struct_size = sizeof kit.host,
                                .log = kit_log } };
  host_access(&kit.host);
  kit.ini = ini_parse_text("space.ini", space);
  kit.family = family_parse(kit.ini);
  net = network_build(kit.family, none);
  assert_int_equal(nn_store_add(&kit.store, &kit.host, net), 0);
  network_free(net);
  return nn_store_seal(&kit.store, 1);
}

static int
tear_down(void **state)
{
  (void)state;
  kit_close(&kit);
  return 0;
}

/* All gradients `g` and all values `v`; slots touched but for the last. */
static void
give(float v, float g)
{
  for (size_t i = 0; i < kit.store.params; i++) {
    kit.store.value[i] = v;
    kit.store.grad[i] = g;
  }
  memset(kit.store.touched, 1, kit.store.slots);
  kit.store.touched[kit.store.slots - 1] = 0;
}

static void
expect(double weight, double bias)
{
  for (size_t i = 0; i + 1 < kit.store.slots; i++) {
    const struct nn_slot *s = &kit.store.slot[i];
    assert_true(fabs(kit.store.value[s->weight] - weight) < 1e-6);
    assert_true(fabs(kit.store.value[s->scale] - bias) < 1e-6);
    assert_true(fabs(kit.store.value[s->end - 1] - bias) < 1e-6);
    assert_true(kit.store.grad[s->weight] == 0);
  }
}

static void
test_sgd(void **state)
{
  struct nn_optim o = { .method = NN_SGD, .momentum = 0.5, .decay = 0.1 };
  const struct nn_slot *last = &kit.store.slot[kit.store.slots - 1];

  (void)state;
  assert_int_equal(nn_optim_open(&o, &kit.store), 0);
  give(2, 1);
  nn_optim_step(&o, &kit.store, 0.1, 2);
  expect(2 - 0.1 * 1.2, 2 - 0.1);
  assert_true(kit.store.value[last->weight] == 2);
  /* the second step: v = 0.5 v + d */
  give(2, 1);
  nn_optim_step(&o, &kit.store, 0.1, 1);
  expect(2 - 0.1 * (0.6 + 1.2), 2 - 0.1 * 1.5);
  nn_optim_close(&o);
}

static void
test_nesterov(void **state)
{
  struct nn_optim o = { .method = NN_SGD, .momentum = 0.5, .nesterov = 1,
                        .average = 0.75 };

  (void)state;
  give(2, 0);
  assert_int_equal(nn_optim_open(&o, &kit.store), 0);
  give(2, 1);
  nn_optim_step(&o, &kit.store, 0.1, 2);
  expect(2 - 0.1 * 1.5, 2 - 0.1 * 1.5);
  assert_true(fabs(o.mean[0] - (2 - 0.25 * 0.15)) < 1e-6);
  nn_optim_close(&o);
}

static void
test_adamw(void **state)
{
  struct nn_optim o = { .method = NN_ADAMW, .momentum = 0.9, .beta2 = 0.99,
                        .epsilon = 0, .decay = 0.1 };

  (void)state;
  assert_int_equal(nn_optim_open(&o, &kit.store), 0);
  give(2, 3);
  nn_optim_step(&o, &kit.store, 0.1, 3);
  /* the first step is the rate itself, decay apart */
  expect(2 - 0.1 - 0.1 * 0.1 * 2, 2 - 0.1);
  nn_optim_close(&o);
}

static void
test_rate(void **state)
{
  (void)state;
  assert_true(fabs(nn_rate(1, 0, 4, 104) - 0.25) < 1e-12);
  assert_true(fabs(nn_rate(1, 3, 4, 104) - 1) < 1e-12);
  assert_true(fabs(nn_rate(1, 54, 4, 104) - 0.5) < 1e-12);
  assert_true(nn_rate(1, 104, 4, 104) < 1e-12);
  assert_true(nn_rate(1, 9, 9, 9) < 1e-12);
}

static void
test_ranks(void **state)
{
  static const double a[] = { 1, 2, 3, 4, 5 }, b[] = { 2, 1, 4, 3, 9 };
  static const double tied[] = { 1, 1, 2, 3, 3 }, flat[] = { 7, 7, 7, 7, 7 };

  (void)state;
  assert_true(fabs(rank_spearman(a, a, 5) - 1) < 1e-12);
  assert_true(fabs(rank_spearman(a, b, 5) - 0.8) < 1e-12);
  assert_true(fabs(rank_kendall(a, b, 5) - 0.6) < 1e-12);
  /* scipy.stats: spearmanr 0.948683, kendalltau 0.894427 */
  assert_true(fabs(rank_spearman(a, tied, 5) - 0.948683) < 1e-6);
  assert_true(fabs(rank_kendall(a, tied, 5) - 0.894427) < 1e-6);
  assert_true(rank_spearman(a, flat, 5) == 0);
  assert_true(rank_kendall(a, flat, 5) == 0);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_sgd), cmocka_unit_test(test_nesterov),
    cmocka_unit_test(test_adamw), cmocka_unit_test(test_rate),
    cmocka_unit_test(test_ranks),
  };

  return cmocka_run_group_tests(tests, set_up, tear_down);
}
