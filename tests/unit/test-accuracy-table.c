/* SPDX-License-Identifier: Apache-2.0 */
/* The table estimator: what a row and a network are called, what is averaged,
 * what is missing, and files that are no tables. */
#include <math.h>
#include "plugin-fixture.h"

#define NETS 4

static struct chanas_network net[NETS];
static const struct chanas_network *nets[NETS];
static struct chanas_estimate got[NETS];

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

/* Settings for a file, which is named %s in more. */
static const char *
settings(const char *path, const char *more)
{
  static char text[1024];

  snprintf(text, sizeof text, "file = %s\n%s", path, more);
  return text;
}

static void
estimate(struct fixture *f, const char *path, const char *more)
{
  int status = fixture_open(f, PLUGIN_ESTIMATOR, "table",
                            settings(path, more));

  if (status < 0)
    print_error("log: %s\n", f->log);
  assert_int_equal(status, 0);
}

static void
refused(const char *path, const char *more, const char *what)
{
  fixture_refused(PLUGIN_ESTIMATOR, "table", settings(path, more), what);
}

static const char *const plain =
  "arch,accuracy,sd,fraction\n"
  "n3,93,0.5,0.93\nn1,91,0.25,0.91\nn0,90,0,0.9\nn2,92,0.125,0.92\n";

static void
test_by_code(void **state)
{
  struct fixture f;

  (void)state;
  estimate(&f, fixture_text("t.csv", plain), "stddev = sd\n");
  assert_int_equal(fixture_estimate(&f, NETS, nets, got), 0);
  for (int i = 0; i < NETS; i++)
    assert_true(got[i].mean == 90 + i);
  assert_true(got[0].stddev == 0 && got[1].stddev == 0.25);
  assert_true(got[2].stddev == 0.125 && got[3].stddev == 0.5);
  assert_string_equal(f.log, "");
  fixture_close(&f);
  assert_string_equal(f.log, "");
}

static void
test_scale_and_gzip(void **state)
{
  struct fixture f;

  (void)state;
  estimate(&f, fixture_gzip("t.csv.gz", plain, strlen(plain), 0),
           "accuracy = fraction\nscale = 100\n");
  assert_int_equal(fixture_estimate(&f, NETS, nets, got), 0);
  for (int i = 0; i < NETS; i++) {
    assert_float_equal(got[i].mean, 90 + i, 1e-12);
    assert_true(got[i].stddev == 0);
  }
  fixture_close(&f);
}

/* Several columns; a knob without effect is written 0. */
static void
test_by_knobs(void **state)
{
  struct fixture f;

  (void)state;
  estimate(&f, fixture_text("t.csv",
           "acc,ks,d\n\"10\",30,2\n11,50,2\n12,35,3\n13,53,3\n99,33,2\n"),
           "columns = d ks\nkey = {depth} {k*}\naccuracy = acc\n");
  assert_int_equal(fixture_estimate(&f, NETS, nets, got), 0);
  for (int i = 0; i < NETS; i++)
    assert_true(got[i].mean == 10 + i);
  fixture_close(&f);
}

/* Rows of one network: mean of the means; the variance is that within the
 * rows plus that between them. */
static void
test_duplicates(void **state)
{
  struct fixture f;

  (void)state;
  estimate(&f, fixture_text("t.csv", "arch,accuracy,sd\n"
           "n0,90,3\nn1,50,0\nn0,94,1\nn2,1,0\nn3,1,0\nn0,95,2\n"),
           "stddev = sd\n");
  fixture_said(&f, "6 rows of 4 networks");
  assert_int_equal(fixture_estimate(&f, NETS, nets, got), 0);
  assert_float_equal(got[0].mean, 93, 1e-12);
  assert_float_equal(got[0].stddev,
                     sqrt((9 + 1 + 4) / 3. + (9 + 1 + 4) / 3.), 1e-12);
  assert_true(got[1].mean == 50 && got[1].stddev == 0);
  fixture_close(&f);
}

static void
test_missing(void **state)
{
  const char *path = fixture_text("t.csv", "arch,accuracy\nn1,91\n");
  struct fixture f;

  (void)state;
  estimate(&f, path, "");
  assert_int_equal(fixture_estimate(&f, NETS, nets, got), 0);
  assert_true(isnan(got[0].mean) && isnan(got[2].mean) && isnan(got[3].mean));
  assert_true(got[1].mean == 91);
  fixture_said(&f, "no row 'n0' for network n0");
  assert_null(strstr(f.log, "n2"));
  fixture_close(&f);
  fixture_said(&f, "3 times a network had no row");
  estimate(&f, path, "missing = error\n");
  assert_int_equal(fixture_estimate(&f, NETS, nets, got), -1);
  fixture_said(&f, "no row 'n0' for network n0");
  fixture_close(&f);
}

/* More rows than the first hash table holds. */
static void
test_many(void **state)
{
  struct chanas_text text = { 0 };
  struct fixture f;

  (void)state;
  text_print(&text, "arch,accuracy\n");
  for (int i = 0; i < 30000; i++)
    text_print(&text, "n%d,%d.25\n", i, i % 100);
  estimate(&f, fixture_text("t.csv", text.data), "");
  assert_int_equal(fixture_estimate(&f, NETS, nets, got), 0);
  for (int i = 0; i < NETS; i++)
    assert_true(got[i].mean == i + 0.25);
  fixture_close(&f);
  text_free(&text);
}

static void
test_bad_files(void **state)
{
  unsigned char bytes[5000];

  (void)state;
  for (size_t i = 0; i < sizeof bytes; i++)
    bytes[i] = (unsigned char)(i * i * 31 + i / 7);
  refused("/no/such/file.csv", "", "/no/such/file.csv");
  refused(fixture_text("t.csv", ""), "", "t.csv");
  refused(fixture_text("t.csv", "arch,accuracy\n"), "", "no rows");
  refused(fixture_file("t.csv", bytes, sizeof bytes), "", "t.csv");
  refused(fixture_gzip("t.csv.gz", plain, strlen(plain), 9), "", "t.csv.gz");
  refused(fixture_text("t.csv", "arch,accuracy\nn0,90\nn1\n"), "",
          "t.csv:3");
}

static void
test_bad_columns(void **state)
{
  const char *path = fixture_text("t.csv", plain);

  (void)state;
  refused(path, "accuracy = acc\n", "acc");
  refused(path, "columns = arch nope\n", "nope");
  refused(path, "columns =\n", "columns: empty");
  refused(path, "stddev = nope\n", "nope");
  refused(path, "key = {nope}\n", "an unknown placeholder at '{nope}'");
  refused(path, "key = {code\n", "must be {NAME}");
  refused(path, "key = code}\n", "without '{'");
  refused(path, "scale = 0\n", "scale");
  refused(path, "missing = maybe\n", "missing");
}

static void
test_bad_numbers(void **state)
{
  static const struct { const char *row, *what; } bad[] = {
    { "n0,1e300,0", "not within 0 and 100" }, { "n0,-1,0", "not within" },
    { "n0,100.5,0", "not within" }, { "n0,nan,0", "t.csv:3" },
    { "n0,inf,0", "t.csv:3" }, { "n0,,0", "t.csv:3" },
    { "n0,90%,0", "t.csv:3" }, { "n0,90,-1", "a negative deviation" },
    { "n0,90,nan", "t.csv:3" },
  };
  char text[100];

  (void)state;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    snprintf(text, sizeof text, "arch,accuracy,sd\nn1,90,0\n%s\n", bad[i].row);
    refused(fixture_text("t.csv", text), "stddev = sd\n", bad[i].what);
    refused(fixture_text("t.csv", text), "stddev = sd\n", "t.csv:3");
  }
}

/* The published table: every network of its space has its own row. */
static void
test_nas_bench_macro(void **state)
{
  const char *path = fixture_data("nasbench_macro_cifar10.csv");
  struct chanas_space *own = fixture_space;
  const struct chanas_network *both[2];
  struct chanas_estimate out[2];
  struct family *family;
  struct fixture f;

  (void)state;
  if (path == NULL)
    skip();
  fixture_space = NULL;
  family = fixture_family("spaces/nas-bench-macro.ini");
  estimate(&f, path, "accuracy = mean_acc\nstddev = std_acc\n");
  both[0] = fixture_network(family, "22212220");
  both[1] = fixture_network(family, "00000000");
  assert_int_equal(fixture_estimate(&f, 2, both, out), 0);
  assert_float_equal(out[0].mean, 93.1267, 1e-9);
  assert_float_equal(out[1].mean, 45.3633, 1e-9);
  assert_float_equal(out[1].stddev, 0.0544, 1e-9);
  fixture_close(&f);
  network_free((struct chanas_network *)both[0]);
  network_free((struct chanas_network *)both[1]);
  family_free(family);
  fixture_space = own;
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_by_code),
    cmocka_unit_test(test_scale_and_gzip),
    cmocka_unit_test(test_by_knobs),
    cmocka_unit_test(test_duplicates),
    cmocka_unit_test(test_missing),
    cmocka_unit_test(test_many),
    cmocka_unit_test(test_bad_files),
    cmocka_unit_test(test_bad_columns),
    cmocka_unit_test(test_bad_numbers),
    cmocka_unit_test(test_nas_bench_macro),
  };

  if (!fixture_have("table"))
    return 77;
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
