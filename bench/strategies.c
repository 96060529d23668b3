/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strategies on tables of whole spaces: see docs/bench/strategies.md.
 */
#include <string.h>
#include <stdio.h>
#include <stdlib.h>
#include "contest.h"
#include "log.h"
#include "mem.h"
#include "registry.h"

static const char usage[] =
  "usage: bench/strategies [OPTION]... [topology|front|limit]...\n"
  "  topology  NAS-Bench-201, accuracy alone\n"
  "  front     NAS-Bench-Macro, accuracy and modelled latency\n"
  "  limit     NAS-Bench-Macro, accuracy under a limit on latency\n";

/* Seconds of one inverted residual, or of what stands for it when digit 0:
 * pointwise MACs at 20 G/s, depthwise ones at 5 G/s, and 10 us a layer that
 * is there at all.  A model, not a measurement: its shape is what counts. */
static double
layer_seconds(int op, double in, double out, double size, int stride)
{
  static const double expand[] = { 0, 3, 6 }, kernel[] = { 0, 3, 5 };
  double hidden = expand[op] * in, after = size / stride, pointwise;

  if (op == 0 && stride == 1)
    return 0;
  pointwise = op == 0 ? in * out * after * after
                      : in * hidden * size * size +
                       hidden * out * after * after;
  return pointwise / 20e9 + 1e-5 +
         hidden * kernel[op] * kernel[op] * after * after / 5e9;
}

static double
macro_seconds(const int32_t *code)
{
  static const double in[] = { 32, 64, 64, 128, 128, 128, 256, 256 };
  static const double out[] = { 64, 64, 128, 128, 128, 256, 256, 256 };
  static const double size[] = { 32, 16, 16, 8, 8, 8, 4, 4 };
  static const int stride[] = { 2, 1, 2, 1, 1, 2, 1, 1 };
  double sum = (27. * 32 * 32 * 32 + 256. * 1280 * 4 * 4 + 12800) / 20e9;

  for (size_t k = 0; k < 8; k++)
    sum += layer_seconds(code[k], in[k], out[k], size[k], stride[k]);
  return sum;
}

struct sheet *
macro_sheet(void)
{
  static const char *const column[] = { "mean_acc", "flops" };
  char *path = data_path("nasbench_macro_cifar10.csv");
  struct sheet *s = path ? sheet_read(path, "arch", 2, column) : NULL;

  if (s && (s->digits != 8 || s->choices != 3)) {
    log_error("%s: not NAS-Bench-Macro", path);
    sheet_free(s);
    s = NULL;
  }
  for (size_t i = 0; s && i < s->rows; i++)
    s->value[2 * i + 1] = macro_seconds(s->code + 8 * i) * 1e3;
  free(path);
  return s;
}

static int
run(const struct options *o, const char *contest)
{
  struct sheet *sheet;
  int failed = 1;

  if (strcmp(contest, "topology") == 0)
    return contest_topology(o);
  if (strcmp(contest, "front") != 0 && strcmp(contest, "limit") != 0) {
    fprintf(stderr, "no contest '%s'\n%s", contest, usage);
    return 2;
  }
  if ((sheet = macro_sheet()) != NULL)
    failed = (*contest == 'f' ? contest_front : contest_limit)(
      o, sheet, "NAS-Bench-Macro, modelled ms");
  sheet_free(sheet);
  return failed;
}

int
main(int argc, char **argv)
{
  static const char *all[] = { "topology", "front", "limit" };
  struct options options;
  int failed = 0;

  options_read(&options, argc, argv, usage);
  if (options.operands == 0) {
    options.operand = all;
    options.operands = 3;
  }
  for (size_t i = 0; !failed && i < options.operands; i++) {
    if (i > 0)
      printf("\n");
    failed = run(&options, options.operand[i]);
  }
  registry_close();
  return failed < 0 ? 1 : failed;
}
