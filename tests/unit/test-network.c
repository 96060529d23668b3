/* SPDX-License-Identifier: Apache-2.0 */
/* Networks: parameters and multiply-adds against published tables, on every
 * row; codes there and back; how blocks and tensors fit. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "capture.h"
#include "file.h"
#include "ini.h"
#include "mem.h"
#include "network.h"
#include "plugins/common/csv.h"

static struct family *
open_space(const char *name)
{
  char *path = file_find_etc(NULL, name);
  struct family *family;

  if (path == NULL)
    fail_msg("%s is not below $CHANAS_ETC", name);
  family = family_read(path);
  free(path);
  assert_non_null(family);
  return family;
}

static struct csv *
open_table(const char *name)
{
  const char *folder = getenv("CHANAS_DATA");
  char *path = folder ? file_join(folder, name) : NULL, error[512];
  struct csv *csv = NULL;

  if (path) {
    csv = csv_open(path, error, sizeof error);
    if (csv == NULL)
      print_message("%s\n", error);
  }
  free(path);
  if (csv == NULL)
    skip();
  return csv;
}

/* One network by its code: figures as given, and the code comes back. */
static void
check_network(struct family *family, const char *code, long long params,
              long long macs)
{
  int32_t *choice = mem_array(int32_t, family_space(family)->knobs + 1);
  struct chanas_network *net;

  if (network_parse_code(family, code, choice) < 0)
    fail_msg("%s is not read", code);
  net = network_build(family, choice);
  assert_non_null(net);
  if (strcmp(net->code, code) != 0)
    fail_msg("%s comes back as %s", code, net->code);
  if (net->params != (double)params || net->macs != (double)macs)
    fail_msg("%s: %.0f params, %.0f MACs; the table says %lld, %lld", code,
             net->params, net->macs, params, macs);
  network_free(net);
  free(choice);
}

/* Every row of a table; its code is text, or made of the columns d, ks, e. */
static void
check_table(const char *space, const char *table, const char *code_column,
            const char *params_column, const char *macs_column, size_t rows)
{
  struct csv *csv = open_table(table);
  struct family *family = open_space(space);
  long params = csv_column(csv, params_column);
  long macs = csv_column(csv, macs_column);
  long code = code_column ? csv_column(csv, code_column) : -1;
  size_t n = 0;

  for (int status; (status = csv_next(csv)) != 0; n++) {
    long long p = 0, m = 0;
    char *own = code >= 0 ? mem_string(csv_text(csv, code)) :
      mem_print("d=%s r=%s ks=%s e=%s", csv_text(csv, csv_column(csv, "d")),
                csv_text(csv, csv_column(csv, "resolution")),
                csv_text(csv, csv_column(csv, "ks")),
                csv_text(csv, csv_column(csv, "e")));
    if (status < 0 || csv_int(csv, params, &p) < 0 ||
        csv_int(csv, macs, &m) < 0)
      fail_msg("%s", csv->error);
    check_network(family, own, p, m);
    free(own);
  }
  assert_int_equal(n, rows);
  family_free(family);
  csv_close(csv);
}

static void
test_macro(void **state)
{
  (void)state;
  check_table("spaces/nas-bench-macro.ini", "nasbench_macro_cifar10.csv",
              "arch", "params", "flops", 6561);
}

static void
test_ofa(void **state)
{
  (void)state;
  check_table("spaces/ofa-mbv3-w1.0.ini", "ofa_mbv3_w1.0_imagenet_top1.csv",
              NULL, "params", "macs", 2373);
}

static void
test_201(void **state)
{
  (void)state;
  check_table("spaces/nas-bench-201.ini", "nb201_accuracy.csv.gz", "ops",
              "params_c10", "macs_c10", 15625);
}

/* What the published figures of mobilenet_reference.csv count otherwise. */
struct extras { double norms, biases; };

static void
count_extras(struct family *family, const struct chanas_network *net,
             struct extras *out)
{
  *out = (struct extras){ 0, 0 };
  for (size_t i = 0; i < net->blocks; i++) {
    const struct chanas_workload *w =
      family_workloads(family)->item[net->block[i].workload];
    for (uint32_t j = 0; j < w->ops; j++) {
      const struct chanas_op *op = &w->op[j];
      if ((op->kind == CHANAS_CONV || op->kind == CHANAS_DWCONV) && op->bias)
        out->norms += 2 * op->cout;
      if (op->kind == CHANAS_SE)
        out->biases += op->squeeze + op->cin;
      if (op->kind == CHANAS_LINEAR && op->bias)
        out->biases += op->cout;
    }
  }
}

/* A fixed network with its width and resolution set from outside. */
static void
build_reference(const char *space, const char *width, const char *resolution,
                double *params, double *macs, struct extras *extras)
{
  char *path = file_find_etc(NULL, space);
  struct ini *ini = path ? ini_read(path) : NULL;
  struct family *family;
  struct chanas_network *net;
  int32_t none = 0;

  assert_non_null(ini);
  assert_int_equal(ini_set(ini, "space", "width", width), 0);
  assert_int_equal(ini_set(ini, "space", "resolution", resolution), 0);
  family = family_parse(ini);
  assert_non_null(family);
  net = network_build(family, &none);
  *params = net->params;
  *macs = net->macs;
  count_extras(family, net, extras);
  network_free(net);
  family_free(family);
  ini_free(ini);
  free(path);
}

/* MobileNetV2 of tensorflow/models: parameters without those of batch
 * normalisation, MACs in whole millions, cut.  MobileNetV3 of d-li14: the
 * biases of SE and linear layers are MACs. */
static int
check_reference(struct csv *csv, const char *model, const char *source)
{
  double params, macs, want_params, want_macs;
  struct extras extras;
  const char *resolution = csv_text(csv, csv_column(csv, "resolution"));
  const char *space = NULL;
  char width[8] = "";
  int v2 = sscanf(model, "mobilenetv2_%7[0-9.]", width) == 1;

  if (v2)
    space = "spaces/mobilenet-v2.ini";
  else if (strcmp(source, "d-li14") != 0)
    return 0;
  else if (sscanf(model, "mobilenetv3_large_%7[0-9.]", width) == 1)
    space = "spaces/mobilenet-v3-large.ini";
  else if (sscanf(model, "mobilenetv3_small_%7[0-9.]", width) == 1)
    space = "spaces/mobilenet-v3-small.ini";
  if (space == NULL)
    return 0;
  assert_int_equal(csv_real(csv, csv_column(csv, "macs_M"), &want_macs), 0);
  assert_int_equal(csv_real(csv, csv_column(csv, "params_M"), &want_params),
                   0);
  build_reference(space, width, resolution, &params, &macs, &extras);
  if (v2 ? floor(macs / 1e6) != want_macs ||
           fabs((params - extras.norms) / 1e6 - want_params) > 0.0051 :
           fabs((macs + extras.biases) / 1e6 - want_macs) > 0.0051 ||
           fabs(params / 1e6 - want_params) > 0.00051)
    fail_msg("%s at %s: %.0f params, %.0f MACs", model, resolution, params,
             macs);
  return 1;
}

static void
test_references(void **state)
{
  struct csv *csv = open_table("mobilenet_reference.csv");
  long model = csv_column(csv, "model"), source = csv_column(csv, "source");
  int n = 0;

  (void)state;
  while (csv_next(csv) > 0)
    n += check_reference(csv, csv_text(csv, model), csv_text(csv, source));
  assert_int_equal(n, 14);
  csv_close(csv);
}

/* ---- without tables ---- */

/* torchvision's MobileNetV2 and d-li14's MobileNetV3, to the unit. */
static void
test_fixed(void **state)
{
  static const struct { const char *space, *code; long long params, macs; }
  known[] = {
    { "spaces/mobilenet-v2.ini", "mobilenet-v2", 3504872, 300774272 },
    { "spaces/mobilenet-v3-large.ini", "mobilenet-v3-large", 5483032,
      216589760 },
    { "spaces/mobilenet-v3-small.ini", "mobilenet-v3-small", 2542856,
      56510400 },
  };
  (void)state;
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    struct family *family = open_space(known[i].space);
    check_network(family, known[i].code, known[i].params, known[i].macs);
    family_free(family);
  }
}

static const char *const shipped[] = {
  "spaces/mobilenet-v2-widths.ini", "spaces/mobilenet-v2.ini",
  "spaces/mobilenet-v3-large.ini", "spaces/mobilenet-v3-small.ini",
  "spaces/nas-bench-201.ini", "spaces/nas-bench-macro.ini",
  "spaces/ofa-mbv3-w1.0.ini", "spaces/ofa-mbv3-w1.2.ini",
};
#define SHIPPED (sizeof shipped / sizeof *shipped)

/* Blocks fit the tensors they join; the first into a tensor writes it, the
 * others add; params and macs are the sums; the output was written last. */
static void
check_dataflow(struct family *family, const struct chanas_network *net)
{
  char *written = mem_alloc(net->tensors, 1);
  double params = 0, macs = 0;

  written[0] = 1;
  for (size_t i = 0; i < net->blocks; i++) {
    const struct block *block = &net->block[i];
    const struct chanas_workload *w =
      family_workloads(family)->item[block->workload];
    assert_in_range(block->src, 0, net->tensors - 1);
    assert_in_range(block->dst, 1, net->tensors - 1);
    assert_true(block->src < block->dst);
    assert_int_equal(w->inputs, net->elements[block->src]);
    assert_int_equal(w->outputs, net->elements[block->dst]);
    assert_int_equal(w->accumulate, written[block->dst]);
    written[block->dst] = 1;
    params += block->params;
    macs += block->macs;
  }
  assert_int_equal(net->block[net->blocks - 1].dst, net->output);
  assert_string_equal(net->block[net->blocks - 1].role, "head");
  assert_true(params <= net->params && macs <= net->macs);
  free(written);
}

static void
test_random(void **state)
{
  struct rng rng = rng_seed(1);

  (void)state;
  for (size_t i = 0; i < SHIPPED; i++) {
    struct family *family = open_space(shipped[i]);
    const struct chanas_space *space = family_space(family);
    int32_t *choice = mem_array(int32_t, space->knobs + 1);
    int32_t *back = mem_array(int32_t, space->knobs + 1);
    for (int n = 0; n < 200; n++) {
      struct chanas_network *net;
      space_random(space, &rng, choice);
      net = network_build(family, choice);
      assert_non_null(net);
      check_dataflow(family, net);
      assert_int_equal(network_parse_code(family, net->code, back), 0);
      assert_memory_equal(back, choice, space->knobs * sizeof *back);
      network_free(net);
    }
    free(back);
    free(choice);
    family_free(family);
  }
}

/* Inactive slots do not matter: equal networks, and no new blocks. */
static void
test_canonical(void **state)
{
  struct family *family = open_space("spaces/ofa-mbv3-w1.2.ini");
  const struct chanas_space *space = family_space(family);
  int32_t *choice = mem_array(int32_t, space->knobs);
  struct chanas_network *a, *b;

  (void)state;
  a = network_build(family, choice);
  choice[space_find(space, "k1.3")] = 2;
  choice[space_find(space, "e5.4")] = 1;
  b = network_build(family, choice);
  assert_string_equal(a->code, "d=22222 r=160 ks=33003300330033003300 "
                      "e=33003300330033003300");
  assert_string_equal(b->code, a->code);
  assert_int_equal(b->blocks, a->blocks);
  assert_true(b->macs == a->macs && b->choice[space_find(space, "k1.3")] == 0);
  network_free(a);
  network_free(b);
  choice[0] = 5;
  assert_null(network_build(family, choice));
  free(choice);
  family_free(family);
}

static void
test_target(void **state)
{
  struct family *family = open_space("spaces/mobilenet-v2.ini");
  int32_t none = 0;
  struct chanas_network *one = network_build(family, &none), *eight;
  const struct workload_set *set = family_workloads(family);
  size_t before = set->count;

  (void)state;
  assert_int_equal(family_target(family, 1 << 20, CHANAS_F32), -1);
  assert_int_equal(family_target(family, 8, CHANAS_BF16), 0);
  eight = network_build(family, &none);
  assert_int_equal(set->count, 2 * before);
  assert_int_equal(eight->elements[0], 8 * one->elements[0]);
  assert_int_equal(set->item[eight->block[0].workload]->batch, 8);
  assert_int_equal(set->item[eight->block[0].workload]->dtype, CHANAS_BF16);
  assert_true(eight->macs == one->macs);
  network_free(one);
  network_free(eight);
  family_free(family);
}

static void
test_bad_codes(void **state)
{
  static const struct { const char *space, *code; } bad[] = {
    { "spaces/nas-bench-macro.ini", "" },
    { "spaces/nas-bench-macro.ini", "0000000" },
    { "spaces/nas-bench-macro.ini", "000000000" },
    { "spaces/nas-bench-macro.ini", "00000003" },
    { "spaces/nas-bench-201.ini", "00000x" },
    { "spaces/mobilenet-v2.ini", "mobilenet-v3" },
    { "spaces/ofa-mbv3-w1.2.ini", "d=22222 r=150 ks=33003300330033003300 "
      "e=33003300330033003300" },
    { "spaces/ofa-mbv3-w1.2.ini", "d=22222 r=160 ks=33303300330033003300 "
      "e=33003300330033003300" },
    { "spaces/ofa-mbv3-w1.2.ini", "d=32222 r=160 ks=33003300330033003300 "
      "e=33303300330033003300" },
    { "spaces/ofa-mbv3-w1.2.ini", "d=22222 r=160 ks=33003300330033003300 "
      "e=33003300330033003300 " },
  };
  (void)state;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    struct family *family = open_space(bad[i].space);
    int32_t choice[64];
    struct capture c;
    int status;
    capture_begin(&c);
    status = network_parse_code(family, bad[i].code, choice);
    capture_end(&c);
    if (status == 0 || !strstr(c.text, "is no code of"))
      fail_msg("case %zu: %s", i, c.text);
    family_free(family);
  }
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_macro),
    cmocka_unit_test(test_ofa),
    cmocka_unit_test(test_201),
    cmocka_unit_test(test_references),
    cmocka_unit_test(test_fixed),
    cmocka_unit_test(test_random),
    cmocka_unit_test(test_canonical),
    cmocka_unit_test(test_target),
    cmocka_unit_test(test_bad_codes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
