/* SPDX-License-Identifier: Apache-2.0 */
/* The program that compares an export with its golden output. */
#include "deploy_check.h"
#include <math.h>
#include "deploy_text.h"

static const char net_check_head[] =
  "/* " LICENCE " */\n"
  "#include <math.h>\n"
  "#include <stdio.h>\n"
  "#include \"net.h\"\n"
  "\n"
  "/* Of the largest wanted magnitude: sums in another order, and what the\n"
  " * type rounds. */\n"
  "#define TOLERANCE %g\n"
  "\n";

static const char net_check[] =
  "static float in[NET_INPUT], want[NET_OUTPUT], got[NET_OUTPUT];\n"
  "\n"
  "/* check [weights.bin [golden.bin]] */\n"
  "int\n"
  "main(int argc, char **argv)\n"
  "{\n"
  "  const char *golden = argc > 2 ? argv[2] : \"golden.bin\";\n"
  "  double worst = 0, scale = 0, error = 0, signal = 0;\n"
  "  FILE *f = fopen(golden, \"rb\");\n"
  "  int i;\n"
  "\n"
  "  if (f == NULL || fread(in, sizeof *in, NET_INPUT, f) != NET_INPUT\n"
  "      || fread(want, sizeof *want, NET_OUTPUT, f) != NET_OUTPUT) {\n"
  "    fprintf(stderr, \"check: cannot read %s\\n\", golden);\n"
  "    return 1;\n"
  "  }\n"
  "  fclose(f);\n"
  "  if (net_init(argc > 1 ? argv[1] : \"weights.bin\")\n"
  "      || net_run(in, got)) {\n"
  "    fprintf(stderr, \"check: cannot read the weights\\n\");\n"
  "    return 1;\n"
  "  }\n"
  "  for (i = 0; i < NET_OUTPUT; i++) {\n"
  "    const double d = fabs((double)got[i] - want[i]);\n"
  "    error += d * d;\n"
  "    signal += (double)want[i] * want[i];\n"
  "    scale = fmax(scale, fabs((double)want[i]));\n"
  "    if (d > worst || d != d) /* NaN stays */\n"
  "      worst = d;\n"
  "  }\n"
  "  printf(\"worst difference %g of %g, relative error %g\\n\", worst,\n"
  "         scale, signal > 0 ? sqrt(error / signal) : 0);\n"
  "  if (!(worst <= TOLERANCE * scale)) {\n"
  "    printf(\"FAILED\\n\");\n"
  "    return 1;\n"
  "  }\n"
  "  printf(\"passed\\n\");\n"
  "  net_free();\n"
  "  return 0;\n"
  "}\n";

/* Of one layer; plain float has its own, which does not add up. */
static double
rounding(int dtype)
{
  switch (dtype) {
  case CHANAS_BF16: return 4e-3;
  case CHANAS_F16: return 3e-3;
  case CHANAS_TF32: return 1e-3;
  case CHANAS_I8: return 2.5e-2;
  default: return 0;
  }
}

/* Rounding errors of layers add like those of independent variables
 * (core/reference_bound.c), each step with the figure of its type. */
static double
tolerance(const struct chanas_program *p)
{
  double square = 0;
  size_t i, j;

  for (i = 0; i < p->steps; i++) {
    const struct chanas_workload *w = p->step[i].workload;
    double layers = 0, each = rounding(w->dtype);
    for (j = 0; j < w->ops; j++)
      layers += w->op[j].kind == CHANAS_CONV || w->op[j].kind == CHANAS_DWCONV
                || w->op[j].kind == CHANAS_LINEAR;
    square += each * each * layers;
  }
  return fmax(1e-3, sqrt(square));
}

int
deploy_check(const struct chanas_host *h, const struct chanas_program *p,
             struct chanas_text *out)
{
  return h->print(out, net_check_head, tolerance(p))
         | h->print(out, "%s", net_check);
}
