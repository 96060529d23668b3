/* SPDX-License-Identifier: Apache-2.0 */
/* Networks: parameters and multiply-adds against published tables, on every
 * row; codes there and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "file.h"
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
    long long p, m;
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

/* Of the published figures those that state them to the unit: torchvision's
 * MobileNetV2 and d-li14's MobileNetV3 (5.483 M, 2.543 M). */
static void
test_references(void **state)
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

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_macro),
    cmocka_unit_test(test_ofa),
    cmocka_unit_test(test_201),
    cmocka_unit_test(test_references),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
