/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The same for the exhaustive truth of any table: a CSV with the columns
 * code (a digit per knob), accuracy and latency, one row for every code.
 */
#include <stdio.h>
#include "contest.h"
#include "registry.h"

static const char usage[] =
  "usage: bench/hypervolume [OPTION]... FILE.csv\n"
  "  FILE.csv  columns code, accuracy, latency; every code once\n";

int
main(int argc, char **argv)
{
  static const char *const column[] = { "accuracy", "latency" };
  struct options options;
  struct sheet *sheet;
  int failed = 1;

  options_read(&options, argc, argv, usage);
  if (options.operands != 1) {
    fprintf(stderr, "%s", usage);
    return 2;
  }
  sheet = sheet_read(options.operand[0], "code", 2, column);
  if (sheet) {
    failed = contest_front(&options, sheet, options.operand[0]);
    printf("\n");
    failed = failed || contest_limit(&options, sheet, options.operand[0]);
  }
  sheet_free(sheet);
  registry_close();
  return failed != 0;
}
