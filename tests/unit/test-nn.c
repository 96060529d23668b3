/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The training engine: gradients against differences of the loss, folded
 * networks against the reference kernels, sharing, and equal bits.
 */
#include "nn_kit.h"
#include "reference.h"

/* Smooth activations where differences are taken: a kink within the step
 * would say nothing about the gradient. */
static const char mobile[] =
  "[space]\nname = t\ninput-channels = 3\nresolution = 9 12\nclasses = 5\n"
  "code = r{resolution} k{k*} e{e*} d{d*}\n"
  "[stage stem]\nblock = conv\nkernel = 3\nout = 8\nstride = 2\n"
  "act = swish\n"
  "[stage 1]\nblock = mbconv\nkernel = 3 5 7\nexpand = 1 2 3\nse = 4\n"
  "act = swish\nout = 8\ndepth = 1 2\nstride = 1\n"
  "[stage 2]\nblock = mbconv\nkernel = 3 5\nexpand = 2 4\nact = hswish\n"
  "out = 21\nstride = 2\n"
  "[head]\nconv = 24\nact = swish\nfeatures = 17\nfeatures-act = swish\n"
  "features-bias = yes\n";
static const char *const mobile_all[] = {
  "r12 k775 e334 d2", "r12 k773 e114 d2", "r12 k533 e112 d2",
  "r12 k333 e224 d2", NULL };

static const char cells[] =
  "[space]\nname = t\ninput-channels = 3\nresolution = 8\nclasses = 4\n"
  "code = {edge*}\n"
  "[op none]\nblock = none\n[op skip]\nblock = skip\n"
  "[op c1]\nblock = conv\nkernel = 1\nact = swish\norder = pre\n"
  "[op c3]\nblock = conv\nkernel = 3\nact = swish\norder = pre\n"
  "[op avg]\nblock = avgpool\nkernel = 3\n"
  "[cell t]\nnodes = 4\nedge = none skip c1 c3 avg\n"
  "[stage stem]\nblock = conv\nkernel = 3\nout = 6\n"
  "[stage 1]\ncell = t\nout = 6\ndepth = 2\n"
  "[stage down]\nblock = reduce\nkernel = 3\nout = 10\nstride = 2\n"
  "act = swish\n"
  "[stage 2]\ncell = t\nout = 10\n"
  "[head]\nnorm = yes\nact = swish\n";
static const char *const cells_all[] = {
  "222222", "333333", NULL };

/* ---- gradients */

struct trial { struct kit kit; struct nn_graph *graph; float *x, *target; };

#define IMAGES 5

static double
loss_of(struct trial *t, float *gradient)
{
  const float *y = nn_forward(t->kit.engine, &t->kit.store, t->graph,
                              NN_TRAIN, IMAGES, t->x);

  assert_non_null(y);
  return nn_loss(IMAGES, t->graph->classes, y, t->target, 1, gradient);
}

static void
trial_open(struct trial *t, const char *space, const char *const all[],
           const char *code, int threads)
{
  size_t n;

  kit_open(&t->kit, space, threads, all);
  t->graph = kit_graph(&t->kit, code);
  n = IMAGES * t->graph->elements[0];
  t->x = kit_normal(n, 3);
  n = IMAGES * (size_t)t->graph->classes;
  t->target = kit_normal(n, 4);
  nn_softmax(IMAGES, t->graph->classes, t->target, t->target);
}

static void
trial_close(struct trial *t)
{
  free(t->x);
  free(t->target);
  nn_graph_free(t->graph);
  kit_close(&t->kit);
}

static float *
gradient_of(struct trial *t)
{
  float *d = mem_array(float, IMAGES * (size_t)t->graph->classes);
  struct nn_store *s = &t->kit.store;

  memset(s->grad, 0, s->params * sizeof *s->grad);
  loss_of(t, d);
  assert_int_equal(nn_backward(t->kit.engine, s, t->graph, d, NULL), 0);
  free(d);
  return s->grad;
}

/* The loss along a random direction in the parameters from `from` to `to`:
 * differences against the gradient. */
static void
check_range(struct trial *t, const char *name, size_t from, size_t to)
{
  struct nn_store *s = &t->kit.store;
  float *v = kit_normal(to - from, from + 11);
  float *old = mem_array(float, to - from);
  double slope = 0, step = 0, high, low, scale = 0, got;

  for (size_t i = from; i < to; i++) {
    slope += s->grad[i] * v[i - from];
    scale += fabs(s->grad[i] * v[i - from]);
    step += v[i - from] * v[i - from];
  }
  step = 4e-3 / sqrt(step);
  memcpy(old, s->value + from, (to - from) * sizeof *old);
  for (size_t i = from; i < to; i++)
    s->value[i] = old[i - from] + (float)(step * v[i - from]);
  high = loss_of(t, NULL);
  for (size_t i = from; i < to; i++)
    s->value[i] = old[i - from] - (float)(step * v[i - from]);
  low = loss_of(t, NULL);
  memcpy(s->value + from, old, (to - from) * sizeof *old);
  got = (high - low) / (2 * step);
  if (fabs(got - slope) > 0.02 * fabs(slope) + 0.005 * scale + 2e-4)
    fail_msg("%s: the loss changes by %g, the gradient says %g (sum of "
             "magnitudes %g)", name, got, slope, scale);
  free(old);
  free(v);
}

static void
check_gradients(const char *space, const char *const all[],
                const char *code, int threads)
{
  struct trial t;
  struct nn_store *s = &t.kit.store;
  size_t some = 0;

  trial_open(&t, space, all, code, threads);
  gradient_of(&t);
  for (size_t i = 0; i < s->slots; i++) {
    struct nn_slot *slot = &s->slot[i];
    double sum = 0;
    for (size_t j = slot->begin; j < slot->end; j++)
      sum += fabs(s->grad[j]);
    assert_true(sum == 0 || s->touched[i]);
    some += sum > 0;
    check_range(&t, slot->key, slot->begin, slot->end);
    if (slot->norm)
      check_range(&t, slot->key, slot->scale, slot->end);
  }
  assert_true(some > 3);
  trial_close(&t);
}

static void
test_gradients_largest(void **state)
{
  (void)state;
  check_gradients(mobile, mobile_all, "r12 k775 e334 d2", 1);
}

/* Smaller kernels, fewer channels, one layer less, three threads. */
static void
test_gradients_smaller(void **state)
{
  (void)state;
  check_gradients(mobile, mobile_all, "r9 k533 e212 d2", 2);
  check_gradients(mobile, mobile_all, "r9 k303 e104 d1", 3);
}

static void
test_gradients_cells(void **state)
{
  (void)state;
  check_gradients(cells, cells_all, "324123", 2);
  check_gradients(cells, cells_all, "013004", 2);
  check_gradients(cells, cells_all, "000210", 1);
}

/* ---- the engine against the reference, by folded parameters */

struct steps {
  struct chanas_step *step;
  size_t *elements;
};

/* The network as a program of folded blocks. */
static struct chanas_program
program_of(struct kit *kit, const struct chanas_network *net,
           const struct nn_graph *graph)
{
  struct chanas_program p = { .steps = net->blocks, .tensors = net->tensors,
                              .elements = net->elements,
                              .output = net->output };
  struct chanas_step *step = mem_array(struct chanas_step, net->blocks);

  for (size_t b = 0; b < net->blocks; b++) {
    const struct chanas_workload *work = kit->host.block(net, b);
    float *w = mem_array(float, work->weights + 1);
    assert_int_equal(nn_fold(&kit->store, graph, &kit->host, net, b, w), 0);
    step[b] = (struct chanas_step){ work, "f", w, net->block[b].src,
                                    net->block[b].dst };
  }
  p.step = step;
  return p;
}

static void
check_folded(const char *space, const char *const all[], const char *code)
{
  struct kit kit;
  struct chanas_network *net;
  struct nn_graph *g;
  struct chanas_program p;
  float *x, *want;
  const float *got;

  kit_open(&kit, space, 2, all);
  g = kit_graph(&kit, code);
  net = kit_network(&kit, code);
  x = kit_normal(32 * g->elements[0], 9);
  nn_moments_begin(g);
  for (int i = 0; i < 2; i++)
    assert_non_null(nn_forward(kit.engine, &kit.store, g, NN_STATS, 16,
                               x + 16 * (size_t)i * g->elements[0]));
  nn_moments_end(g, 2);
  p = program_of(&kit, net, g);
  want = mem_array(float, (size_t)g->classes);
  got = nn_forward(kit.engine, &kit.store, g, NN_EVAL, 3, x);
  assert_non_null(got);
  for (size_t i = 0; i < 3; i++) {
    reference_program(&p, x + i * g->elements[0], want);
    for (int32_t c = 0; c < g->classes; c++)
      if (fabs(got[i * (size_t)g->classes + (size_t)c] - want[c]) >
          1e-4 * (1 + fabs(want[c])))
        fail_msg("%s, image %zu, class %d: %g, the reference says %g", code,
                 i, c, got[i * (size_t)g->classes + (size_t)c], want[c]);
  }
  for (size_t b = 0; b < p.steps; b++)
    free((float *)p.step[b].weights);
  free((struct chanas_step *)p.step);
  free(want);
  free(x);
  network_free(net);
  nn_graph_free(g);
  kit_close(&kit);
}

static void
test_folded(void **state)
{
  (void)state;
  check_folded(mobile, mobile_all, "r12 k775 e334 d2");
  check_folded(mobile, mobile_all, "r9 k533 e112 d2");
  check_folded(cells, cells_all, "324123");
  check_folded(cells, cells_all, "013004");
}

/* ---- sharing and repetition */

/* The gradient of a small network lies within what it uses. */
static void
test_sharing(void **state)
{
  struct trial t;
  struct nn_store *s = &t.kit.store;
  const struct nn_slot *dw;

  (void)state;
  trial_open(&t, mobile, mobile_all, "r12 k303 e102 d1", 1);
  gradient_of(&t);
  assert_int_equal(nn_store_find(s, "1.9:dw0"), -1);
  dw = &s->slot[nn_store_find(s, "1.1:dw0")];
  assert_int_equal(dw->kernels, 3);
  /* expansion 1 of 3, kernel 3 of 7: the corner and later channels are not
   * its own */
  for (int32_t c = 0; c < dw->cin; c++)
    assert_true(s->grad[dw->weight + (size_t)c] == 0);
  for (int32_t c = 0; c < dw->cin; c++)
    assert_true((s->grad[dw->weight + (size_t)(24 * dw->cin + c)] != 0) ==
                (c < 8));
  assert_int_equal(s->touched[nn_store_find(s, "1.2:dw0")], 0);
  trial_close(&t);
}

static void
test_equal_bits(void **state)
{
  struct trial a, b;

  (void)state;
  trial_open(&a, mobile, mobile_all, "r12 k535 e324 d2", 2);
  trial_open(&b, mobile, mobile_all, "r12 k535 e324 d2", 2);
  gradient_of(&a);
  gradient_of(&b);
  assert_memory_equal(a.kit.store.grad, b.kit.store.grad,
                      a.kit.store.params * sizeof(float));
  trial_close(&a);
  trial_close(&b);
}

/* Batches of any size, the last one short, give the same answers. */
static void
test_batches(void **state)
{
  struct trial t;
  float *whole, *x;
  size_t n;

  (void)state;
  trial_open(&t, mobile, mobile_all, "r12 k535 e324 d2", 2);
  n = t.graph->elements[0];
  x = kit_normal(7 * n, 5);
  for (size_t i = 0; i < t.graph->stats; i++)
    t.graph->moment[i] = 0.5f;
  whole = mem_array(float, 7 * 5);
  memcpy(whole, nn_forward(t.kit.engine, &t.kit.store, t.graph, NN_EVAL, 7,
                           x), 35 * sizeof *whole);
  for (size_t i = 0; i < 7; i++) {
    const float *one = nn_forward(t.kit.engine, &t.kit.store, t.graph,
                                  NN_EVAL, 1, x + i * n);
    for (int c = 0; c < 5; c++)
      assert_true(fabs(one[c] - whole[i * 5 + (size_t)c]) < 1e-4);
  }
  free(whole);
  free(x);
  trial_close(&t);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_gradients_largest),
    cmocka_unit_test(test_gradients_smaller),
    cmocka_unit_test(test_gradients_cells),
    cmocka_unit_test(test_folded),
    cmocka_unit_test(test_sharing),
    cmocka_unit_test(test_equal_bits),
    cmocka_unit_test(test_batches),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
