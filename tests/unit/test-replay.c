/* SPDX-License-Identifier: Apache-2.0 */
/* The replay backend: what a template makes of a block, sums, rows that hold
 * for one knob value only, missing rows, and the published phone table. */
#include <math.h>
#include "plugin-fixture.h"
#include "workload.h"

/* An inverted residual with everything, and blocks that lack parts of it. */
#define FULL "f32/n1/i8x6x16/conv:k1,s1,p0,o48,hswish,b,x0/" \
  "dw:k5,s1,p2,hswish,b,x1/se:q12,x2/conv:k1,s1,p0,o16,none,b,x3/" \
  "add:none,x4,0"
#define ACCUMULATES "f32/n1/i8x6x16/conv:k1,s1,p0,o48,relu,b,x0/" \
  "dw:k3,s1,p1,relu,b,x1/conv:k1,s1,p0,o16,none,b,x2/acc"
#define NO_EXPANSION "f32/n1/i8x6x16/dw:k3,s2,p1,relu,b,x0/" \
  "conv:k1,s1,p0,o24,none,b,x1"
#define TWO_CONVS "f32/n1/i8x8x4/conv:k1,s1,p0,o6,relu,b,x0/" \
  "conv:k3,s2,p1,o8,relu,b,x1"
#define STEM "f32/n1/i32x32x3/conv:k3,s2,p1,o8,relu,b,x0"
#define HEAD "f32/n1/i4x4x8/conv:k1,s1,p0,o32,relu,b,x0/globalpool:x1/" \
  "linear:o64,hswish,x2/linear:o10,none,b,x3"

static struct chanas_estimate got;

static int
set_up(void **state)
{
  (void)state;
  fixture_space = space_new();
  space_add(fixture_space, "res", 2, (int64_t[]){ 160, 192 }, NULL);
  return 0;
}

static int
tear_down(void **state)
{
  (void)state;
  fixture_clean();
  return 0;
}

static const char *
settings(const char *path, const char *more)
{
  static char text[2048];

  snprintf(text, sizeof text, "file = %s\n%s", path, more);
  return text;
}

static void
open_replay(struct fixture *f, const char *path, const char *more)
{
  int status = fixture_open(f, PLUGIN_BACKEND, "replay", settings(path, more));

  if (status < 0)
    print_error("log: %s\n", f->log);
  assert_int_equal(status, 0);
}

static int
ask_at(struct fixture *f, const char *role, const char *key,
       struct chanas_point at)
{
  struct chanas_workload *work = workload_parse(key);
  int status;

  assert_non_null(work);
  got = (struct chanas_estimate){ -1, -1 };
  capture_begin(&f->capture);
  status = f->plugin->backend.latency(f->self, role, work, at, &got);
  strcpy(f->log, capture_end(&f->capture));
  workload_free(work);
  return status;
}

static int
ask(struct fixture *f, const char *role, const char *key)
{
  return ask_at(f, role, key, (struct chanas_point){ NULL, NULL });
}

static void
refused(const char *path, const char *more, const char *what)
{
  fixture_refused(PLUGIN_BACKEND, "replay", settings(path, more), what);
}

#define ALL "mbconv = {h}x{w}x{c}-{oh}x{ow}x{oc}-m{mid}-k{k}-s{s}-r{residual}"\
  "-e{se}-a{hs}\nstem = in{h}:{conv.oc}:{conv1.k}:{conv.s}\n"

/* The whole key: a wrong number anywhere finds no row. */
static void
test_keys(void **state)
{
  struct fixture f;

  (void)state;
  open_replay(&f, fixture_text("t.csv", "key,mean\n"
              "8x6x16-8x6x16-m48-k5-s1-r1-e1-a1,1\n"
              "8x6x16-8x6x16-m48-k3-s1-r1-e0-a0,2\n"
              "8x6x16-4x3x24-m16-k3-s2-r0-e0-a0,3\nin32:8:3:2,4\n"
              "8x8x4-4x4x8-m6-k3-s2-r0-e0-a0,5\n"), ALL);
  assert_int_equal(ask(&f, "mbconv", FULL), 0);
  assert_float_equal(got.mean, 1e-3, 1e-18);
  assert_true(got.stddev == 0);
  assert_int_equal(ask(&f, "mbconv", ACCUMULATES), 0);
  assert_float_equal(got.mean, 2e-3, 1e-18);
  assert_int_equal(ask(&f, "mbconv", NO_EXPANSION), 0);
  assert_float_equal(got.mean, 3e-3, 1e-18);
  assert_int_equal(ask(&f, "stem", STEM), 0);
  assert_float_equal(got.mean, 4e-3, 1e-18);
  assert_int_equal(ask(&f, "mbconv", TWO_CONVS), 0);
  assert_float_equal(got.mean, 5e-3, 1e-18);
  fixture_close(&f);
}

/* One block in four rows; deviations add as squares; none is free. */
static void
test_sum(void **state)
{
  struct fixture f;

  (void)state;
  open_replay(&f, fixture_text("t.csv", "what,us,sd\nc 4x4x8-32,1,2\n"
              "p 4x4x32,10,1\nl 32-64,100,2\nl 64-10,1000,4\ne 12,5,0\n"),
              "key = what\nmean = us\nstddev = sd\nunit = us\nhead = "
              "c {conv.h}x{conv.w}x{conv.c}-{conv.oc} + p {pool.h}x{pool.w}x"
              "{pool.c}  + l {linear.c}-{linear1.oc} + l {linear2.c}-"
              "{linear2.oc}\nreduce = none\nmbconv = e {se.squeeze}\n");
  assert_int_equal(ask(&f, "head", HEAD), 0);
  assert_float_equal(got.mean, 1111e-6, 1e-15);
  assert_float_equal(got.stddev, 5e-6, 1e-15);
  assert_int_equal(ask(&f, "reduce", STEM), 0);
  assert_true(got.mean == 0 && got.stddev == 0);
  assert_int_equal(ask(&f, "mbconv", FULL), 0);
  assert_float_equal(got.mean, 5e-6, 1e-15);
  fixture_close(&f);
}

/* Rows of one key: by the network's knob, or their mean without a network. */
static void
test_match(void **state)
{
  int32_t low = 0, high = 1;
  struct fixture f;

  (void)state;
  open_replay(&f, fixture_text("t.csv", "key,mean,r\nin32,4,160\nin32,8,192\n"
              "in8,1,160\n"),
              "stem = in{h}\nmbconv = in{h}\nmatch = r=res\nunit = s\n");
  assert_int_equal(ask_at(&f, "stem", STEM, (struct chanas_point){
    fixture_space, &low }), 0);
  assert_true(got.mean == 4);
  assert_int_equal(ask_at(&f, "stem", STEM, (struct chanas_point){
    fixture_space, &high }), 0);
  assert_true(got.mean == 8 && got.stddev == 0);
  assert_int_equal(ask(&f, "stem", STEM), 0);
  assert_true(got.mean == 6 && got.stddev == 2);
  assert_int_equal(ask_at(&f, "mbconv", FULL, (struct chanas_point){
    fixture_space, &high }), -1);
  fixture_said(&f, "no row 'in8 res=192' for the mbconv block f32/n1/i8x6x16");
  fixture_close(&f);
  open_replay(&f, fixture_text("t.csv", "key,mean,r\nin32,4,160\n"),
              "stem = in{h}\nmatch = r=width\n");
  assert_int_equal(ask_at(&f, "stem", STEM, (struct chanas_point){
    fixture_space, &low }), -1);
  fixture_said(&f, "the space has no knob 'width'");
  fixture_close(&f);
}

static void
test_missing(void **state)
{
  struct fixture f;

  (void)state;
  open_replay(&f, fixture_text("t.csv", "key,mean\nx,1\n"),
              "stem = {h}q\nhead = {linear3.oc}\nconv = {se.squeeze}\n");
  assert_int_equal(ask(&f, "stem", STEM), -1);
  fixture_said(&f, "t.csv: no row '32q' for the stem block " STEM);
  assert_int_equal(ask(&f, "head", HEAD), -1);
  fixture_said(&f, "head: placeholder 1");
  assert_int_equal(ask(&f, "conv", STEM), -1);
  fixture_said(&f, "says nothing about the block " STEM);
  assert_int_equal(ask(&f, "mbconv", FULL), -1);
  fixture_said(&f, "no template for mbconv blocks; set mbconv = KEY");
  assert_int_equal(ask(&f, "tail", STEM), -1);
  fixture_said(&f, "'tail'");
  fixture_close(&f);
}

static void
test_bad_settings(void **state)
{
  const char *path = fixture_text("t.csv", "key,mean,r\na,1,2\n");

  (void)state;
  refused(path, "stem = {nope}\n", "stem: an unknown placeholder at '{nope}'");
  refused(path, "stem = {conv0.h}\n", "unknown placeholder");
  refused(path, "stem = {conv.squeeze}\n", "unknown placeholder");
  refused(path, "stem = {squeeze}\n", "unknown placeholder");
  refused(path, "stem = {pool.}\n", "unknown placeholder");
  refused(path, "stem = {h\n", "must be {NAME}");
  refused(path, "stem = a +  + b\n", "an empty key");
  refused(path, "stem = a +\n", "an empty key");
  refused(path, "stem = + a\n", "an empty key");
  refused(path, "match = r\n", "COLUMN=KNOB");
  refused(path, "match = =r\n", "COLUMN=KNOB");
  refused(path, "match = r=\n", "COLUMN=KNOB");
  refused(path, "match = q=res\n", "q");
  refused(path, "key = nope\n", "nope");
  refused(path, "mean = nope\n", "nope");
  refused(path, "stddev = nope\n", "nope");
  refused(path, "unit = h\n", "unit");
  refused(path, "stems = x\n", "did you mean 'stem'");
}

static void
test_bad_files(void **state)
{
  static const char good[] = "key,mean\nabc,1\ndef,2\n";
  static const struct { const char *text, *what; } bad[] = {
    { "", "t.csv" }, { "key,mean\n", "no rows" },
    { "key,mean\na,-1\n", "t.csv:2" }, { "key,mean\na,nan\n", "t.csv:2" },
    { "key,mean\na,1\nb,\n", "t.csv:3" }, { "key,mean\na\n", "t.csv:2" },
  };

  (void)state;
  refused("/no/such/file.csv", "", "/no/such/file.csv");
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    refused(fixture_text("t.csv", bad[i].text), "", bad[i].what);
  refused(fixture_gzip("t.csv.gz", good, strlen(good), 5), "", "t.csv.gz");
  refused(fixture_text("t.csv", "key,mean,r\na,1,x\n"), "match = r=res\n",
          "t.csv:2");
  refused(fixture_text("t.csv", "key,mean,sd\na,1,-1\n"), "stddev = sd\n",
          "a negative latency or deviation");
}

/* A line of an INI is bounded: the value is continued at its first sums. */
static void
print_entry(struct chanas_text *text, const struct ini_entry *entry)
{
  text_print(text, "%s =", entry->key);
  for (const char *at = entry->value; *at; ) {
    size_t size = strcspn(at, " ");
    text_print(text, "%s%.*s", *at == '+' ? "\n  " : " ", (int)size, at);
    at += size + (at[size] == ' ');
  }
  text_print(text, "\n");
}

/* The section of the sample that a user would run, on the file it names. */
static char *
sample_section(void)
{
  struct chanas_text text = { 0 };
  char *path = file_find_etc(NULL, "ofa-mbv3-note10.ini");
  struct ini *ini = ini_read(path);
  struct ini_section *section = ini ? ini_find(ini, "backend") : NULL;

  assert_non_null(section);
  for (size_t i = 0; i < section->entries; i++)
    if (strcmp(section->entry[i].key, "plugin") != 0)
      print_entry(&text, &section->entry[i]);
  ini_free(ini);
  free(path);
  return text.data;
}

static double
whole(struct fixture *f, struct family *family, const char *code, int at_home)
{
  struct chanas_network *net = fixture_network(family, code);
  struct chanas_point at = { at_home ? fixture_space : NULL, net->choice };
  double sum = 0;

  for (size_t b = 0; b < net->blocks; b++) {
    size_t index = net->block[b].workload;
    int status = ask_at(f, net->block[b].role,
                        family_workloads(family)->item[index]->key, at);
    if (status < 0)
      print_error("log: %s\n", f->log);
    assert_int_equal(status, 0);
    sum += got.mean;
  }
  network_free(net);
  return 1e3 * sum;
}

/* Cai et al. print 24.73 ms for the first; all of its rows are at 192. */
static void
test_note10(void **state)
{
  static const char vector[] =
    "d=22343 r=192 ks=53005300773055733350 e=33004400634044436660";
  struct chanas_space *own = fixture_space;
  struct family *family;
  struct fixture f;
  char *text;

  (void)state;
  if (fixture_data("ofa_lut_note10.csv") == NULL)
    skip();
  fixture_space = NULL;
  family = fixture_family("spaces/ofa-mbv3-w1.2.ini");
  text = sample_section();
  assert_int_equal(fixture_open(&f, PLUGIN_BACKEND, "replay", text), 0);
  assert_float_equal(whole(&f, family, vector, 1), 24.730167, 1e-6);
  assert_float_equal(whole(&f, family, "d=44444 r=224 ks=77777777777777777777 "
                           "e=66666666666666666666", 1), 92.398036, 1e-6);
  assert_float_equal(whole(&f, family, "d=22222 r=160 ks=33003300330033003300 "
                           "e=33003300330033003300", 1), 9.890347, 1e-6);
  /* Without the network: the mean over the resolutions of each key. */
  assert_float_equal(whole(&f, family, vector, 0), 24.719543, 1e-6);
  fixture_close(&f);
  family_free(family);
  free(text);
  fixture_space = own;
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_keys),
    cmocka_unit_test(test_sum),
    cmocka_unit_test(test_match),
    cmocka_unit_test(test_missing),
    cmocka_unit_test(test_bad_settings),
    cmocka_unit_test(test_bad_files),
    cmocka_unit_test(test_note10),
  };

  if (!fixture_have("replay"))
    return 77;
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
