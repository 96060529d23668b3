/* SPDX-License-Identifier: Apache-2.0 */
/* The mlp estimator: encoding and layers by hand, the published predictor,
 * the same bits whatever the batch and the threads, and bad weight files. */
#include <dlfcn.h>
#include <math.h>
#include "plugin-fixture.h"
#include "rng.h"

#define NETS 4

static struct chanas_network net[NETS];
static const struct chanas_network *nets[NETS];

/* Inputs: depth 2, depth 3, k1 3, k1 5, k2 3, k2 5.  Hidden: 2 units. */
static const float weights[] = {
  1, 2, 3, 4, 5, 6,   -1, 1, 0, -8, 0, 0.5,   0.25, 2, /* b1 */
  2, -3,   10, /* b2 */
};

static int
set_up(void **state)
{
  static int32_t choice[NETS][3] = { { 0, 0, 0 }, { 0, 1, 0 }, { 1, 0, 1 },
                                     { 1, 1, 0 } };
  static char codes[NETS][3] = { "n0", "n1", "n2", "n3" };

  (void)state;
  fixture_space = space_new();
  space_add(fixture_space, "depth", 2, (int64_t[]){ 2, 3 }, NULL);
  space_add(fixture_space, "k1", 2, (int64_t[]){ 3, 5 }, NULL);
  space_add(fixture_space, "k2", 2, (int64_t[]){ 3, 5 }, NULL);
  space_depend(fixture_space, 2, 0, 2);
  for (int i = 0; i < NETS; i++) {
    net[i] = (struct chanas_network){ .choice = choice[i], .code = codes[i] };
    nets[i] = &net[i];
  }
  return 0;
}

static int
tear_down(void **state)
{
  (void)state;
  fixture_clean();
  return 0;
}

#define ONEHOT "onehot = depth:2,3 k?:3,5\n"

static const char *
settings(const char *path, const char *more)
{
  static char text[1024];

  snprintf(text, sizeof text, "weights = %s\n%s", path, more);
  return text;
}

static void
open_mlp(struct fixture *f, const char *path, const char *more)
{
  int status = fixture_open(f, PLUGIN_ESTIMATOR, "mlp", settings(path, more));

  if (status < 0)
    print_error("log: %s\n", f->log);
  assert_int_equal(status, 0);
}

/* Worked out by hand; k2 counts only where depth is 3. */
static void
test_by_hand(void **state)
{
  /* hidden before the activation:
   *   n0: 1+3+.25 = 4.25, -1+0+2 = 1     n1: 1+4+.25 = 5.25, -1-8+2 = -7
   *   n2: 2+3+6+.25 = 11.25, 1+0+.5+2 = 3.5
   *   n3: 2+4+5+.25 = 11.25, 1-8+0+2 = -5 */
  static const double want[NETS] = { 2 * 4.25 - 3 * 1 + 10, 2 * 5.25 + 10,
                                     2 * 11.25 - 3 * 3.5 + 10,
                                     2 * 11.25 + 10 };
  const char *path = fixture_file("w", weights, sizeof weights);
  struct chanas_estimate got[NETS];
  struct fixture f;

  (void)state;
  open_mlp(&f, path, "layers = 6 2 1\nscale = 1\n" ONEHOT "stddev = 0.5\n");
  assert_int_equal(fixture_estimate(&f, NETS, nets, got), 0);
  for (int i = 0; i < NETS; i++) {
    assert_float_equal(got[i].mean, want[i], 1e-9);
    assert_true(got[i].stddev == 0.5);
  }
  fixture_close(&f);
  open_mlp(&f, path, "layers = 6 2 1\nscale = 0.5\noffset = 40\n"
           "activation = tanh\n" ONEHOT);
  assert_int_equal(fixture_estimate(&f, NETS, nets, got), 0);
  assert_float_equal(got[1].mean, 40 +
                     (2 * tanh(5.25) - 3 * tanh(-7) + 10) / 2, 1e-5);
  fixture_close(&f);
}

static void
test_activations(void **state)
{
  static const char *const name[] = { "relu6", "hswish", "sigmoid", "swish" };
  const char *path = fixture_file("w", weights, sizeof weights);
  double want[] = { 2 * 4.25 - 3 * 1, 2 * 4.25 - 3 * (1 * 4 / 6.),
                    2 / (1 + exp(-4.25)) - 3 / (1 + exp(-1)),
                    2 * 4.25 / (1 + exp(-4.25)) - 3 / (1 + exp(-1)) };
  struct chanas_estimate got;
  struct fixture f;
  char more[200];

  (void)state;
  for (int i = 0; i < 4; i++) {
    snprintf(more, sizeof more, "layers = 6 2 1\nscale = 1\nactivation = %s\n"
             ONEHOT, name[i]);
    open_mlp(&f, path, more);
    assert_int_equal(fixture_estimate(&f, 1, nets, &got), 0);
    assert_float_equal(got.mean, want[i] + 10, 1e-5);
    fixture_close(&f);
  }
}

static void
test_no_percentage(void **state)
{
  const char *path = fixture_gzip("w.gz", weights, sizeof weights, 0);
  struct chanas_estimate got[NETS];
  struct fixture f;

  (void)state;
  open_mlp(&f, path, "layers = 6 2 1\nscale = 5\n" ONEHOT);
  assert_int_equal(fixture_estimate(&f, NETS, nets, got), 0);
  assert_true(got[0].mean == 77.5 && isnan(got[1].mean));
  assert_true(isnan(got[2].mean) && isnan(got[3].mean));
  fixture_said(&f, "network n1: the predictor says 102.5 %");
  assert_null(strstr(f.log, "n3"));
  fixture_close(&f);
  fixture_said(&f, "3 networks had no estimate");
}

static void
set_threads(int n)
{
  void *blas = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_NOLOAD);
  void (*set)(int) = NULL;

  if (blas)
    *(void **)&set = dlsym(blas, "openblas_set_num_threads");
  if (set)
    set(n);
}

/* A random net of odd sizes: one by one, all at once, backwards, with one
 * and with several threads, every bit is the same. */
static void
test_same_bits(void **state)
{
  enum { MANY = 3001, FLOATS = 301 * 7 + 301 + 301 * 173 + 173 + 173 + 1 };
  float *random = mem_array(float, FLOATS);
  const struct chanas_network **many = mem_array(const struct chanas_network *,
                                                 MANY);
  struct chanas_estimate *one = mem_array(struct chanas_estimate, MANY);
  struct chanas_estimate *all = mem_array(struct chanas_estimate, MANY);
  struct rng rng = rng_seed(7);
  struct fixture f;

  (void)state;
  for (int i = 0; i < FLOATS; i++)
    random[i] = rng_float(&rng) / 16;
  open_mlp(&f, fixture_file("w", random, FLOATS * sizeof *random),
           "layers = 7 301 173 1\noffset = 50\n"
           "onehot = k?:3,5 depth:2,3,4\n");
  for (int i = 0; i < MANY; i++)
    many[i] = &net[i * 7 % NETS];
  set_threads(1);
  for (int i = 0; i < MANY; i++)
    assert_int_equal(fixture_estimate(&f, 1, &many[i], &one[i]), 0);
  for (int threads = 1; threads <= 4; threads++) {
    set_threads(threads);
    assert_int_equal(fixture_estimate(&f, MANY, many, all), 0);
    for (int i = 0; i < MANY; i++)
      assert_true(one[i].mean == all[i].mean);
  }
  assert_true(one[0].mean != one[1].mean && one[1].mean != one[2].mean);
  fixture_close(&f);
  free(random);
  free(many);
  free(one);
  free(all);
}

static void
test_bad_files(void **state)
{
  float broken[17];
  const char *more = "layers = 6 2 1\n" ONEHOT;

  (void)state;
  memcpy(broken, weights, sizeof weights);
  broken[5] = NAN;
#define REFUSED(path, what) \
  fixture_refused(PLUGIN_ESTIMATOR, "mlp", settings(path, more), what)
  REFUSED("/no/such/file", "/no/such/file");
  REFUSED(fixture_text("w", ""), "0 float32 values, but layers asks for 17");
  REFUSED(fixture_file("w", weights, sizeof weights - 4), "16 float32 values");
  REFUSED(fixture_file("w", weights, sizeof weights - 1),
          "not a whole number of float32 values");
  REFUSED(fixture_file("w", broken, sizeof broken), "value 5 is not a finite");
  memset(broken, 0, sizeof broken);
  REFUSED(fixture_gzip("w.gz", weights, sizeof weights, 3), "w.gz: damaged");
  REFUSED(fixture_gzip("w.gz", weights, sizeof weights, 30), "w.gz: damaged");
  more = "layers = 6 1 1\n" ONEHOT;
  REFUSED(fixture_file("w", weights, sizeof weights), "9 float32 values");
#undef REFUSED
}

static void
test_bad_settings(void **state)
{
  static const struct { const char *more, *what; } bad[] = {
    { "layers = 7 2 1\n" ONEHOT, "7 inputs, but onehot makes 6" },
    { "layers = 6 2 2\n" ONEHOT, "the last is 2" },
    { "layers = 6\n" ONEHOT, "at least input and output" },
    { "layers = 6 x 1\n" ONEHOT, "'x 1' must be numbers" },
    { "layers = 6 0 1\n" ONEHOT, "'0 1' must be numbers" },
    { "layers = 6 2.5 1\n" ONEHOT, "'2.5 1' must be numbers" },
    { "layers = 6 99999999999999999999 1\n" ONEHOT, "must be numbers" },
    { "layers = 6 65536 65536 65536 1\n" ONEHOT, "more than 268435456" },
    { "layers = 6 2 1\nonehot = w:1 depth:2,3\n", "no knob of the space "
      "matches 'w'" },
    { "layers = 6 2 1\nonehot = depth:2\n", "'depth' can be 3, which" },
    { "layers = 6 2 1\nonehot = k?:3,5 k1:3,5\n", "'k1' is encoded twice" },
    { "layers = 6 2 1\nonehot = depth\n", "must be GLOB:v1,v2" },
    { "layers = 6 2 1\nonehot = depth:2,,3\n", "must be GLOB:v1,v2" },
    { "layers = 6 2 1\nonehot = depth:2,3,2\n", "lists 2 twice" },
    { "layers = 6 2 1\nonehot =\n", "nothing is encoded" },
    { "layers = 6 2 1\nactivation = step\n" ONEHOT, "activation" },
  };
  const char *path = fixture_file("w", weights, sizeof weights);

  (void)state;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    fixture_refused(PLUGIN_ESTIMATOR, "mlp", settings(path, bad[i].more),
                    bad[i].what);
}

/* The figures that the authors' notebook prints, and the two ends. */
static void
test_once_for_all(void **state)
{
  static const struct { const char *code; double want; } vector[] = {
    { "d=22343 r=192 ks=53005300773055733350 e=33004400634044436660", 81.713 },
    { "d=44444 r=224 ks=77777777777777777777 e=66666666666666666666", 83.593 },
    { "d=22222 r=160 ks=33003300330033003300 e=33003300330033003300", 75.312 },
  };
  const char *path = fixture_data("ofa_acc_predictor.f32.gz");
  struct chanas_space *own = fixture_space;
  struct family *family;
  struct fixture f;

  (void)state;
  if (path == NULL)
    skip();
  fixture_space = NULL;
  family = fixture_family("spaces/ofa-mbv3-w1.2.ini");
  open_mlp(&f, path, "layers = 128 400 400 400 1\nonehot = k*:3,5,7 e*:3,4,6 "
           "resolution:112,128,144,160,176,192,208,224\n");
  for (size_t i = 0; i < sizeof vector / sizeof *vector; i++) {
    struct chanas_network *one = fixture_network(family, vector[i].code);
    struct chanas_estimate got;
    const struct chanas_network *const asked[] = { one };
    assert_int_equal(fixture_estimate(&f, 1, asked, &got), 0);
    assert_float_equal(got.mean, vector[i].want, 0.0006);
    network_free(one);
  }
  fixture_close(&f);
  family_free(family);
  fixture_space = own;
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_by_hand),
    cmocka_unit_test(test_activations),
    cmocka_unit_test(test_no_percentage),
    cmocka_unit_test(test_same_bits),
    cmocka_unit_test(test_bad_files),
    cmocka_unit_test(test_bad_settings),
    cmocka_unit_test(test_once_for_all),
  };

  if (!fixture_have("mlp"))
    return 77;
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
