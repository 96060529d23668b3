/* SPDX-License-Identifier: Apache-2.0 */
/* Printing the activations of a vector of N floats, given ch_minN, ch_maxN
 * and ch_setN. */
#include "emit.h"

/* %1$d is the vector width.  exp() follows Cephes' expf: n = round(x/ln 2),
 * a polynomial of degree 5 over the rest, then 2^n by its exponent bits. */
static const char activations[] =
  "CH_INLINE ch_v%1$d ch_relu%1$d(ch_v%1$d a)\n"
  "{\n"
  "  return ch_max%1$d(a, ch_set%1$d(0));\n"
  "}\n"
  "CH_INLINE ch_v%1$d ch_relu6_%1$d(ch_v%1$d a)\n"
  "{\n"
  "  return ch_min%1$d(ch_max%1$d(a, ch_set%1$d(0)), ch_set%1$d(6));\n"
  "}\n"
  "CH_INLINE ch_v%1$d ch_hsigmoid%1$d(ch_v%1$d a)\n"
  "{\n"
  "  return ch_relu6_%1$d(a + ch_set%1$d(3)) * ch_set%1$d(1.0f / 6);\n"
  "}\n"
  "CH_INLINE ch_v%1$d ch_hswish%1$d(ch_v%1$d a)\n"
  "{\n"
  "  return a * ch_hsigmoid%1$d(a);\n"
  "}\n"
  "CH_INLINE ch_v%1$d ch_exp%1$d(ch_v%1$d x)\n"
  "{\n"
  "  x = ch_min%1$d(ch_max%1$d(x, ch_set%1$d(-87)), ch_set%1$d(88));\n"
  "  const ch_v%1$d magic = ch_set%1$d(12582912.0f);\n"
  "  const ch_v%1$d r = x * ch_set%1$d(1.44269504f) + magic;\n"
  "  const ch_v%1$d n = r - magic;\n"
  "  x = x - n * ch_set%1$d(0.693359375f) - n * "
  "ch_set%1$d(-2.12194440e-4f);\n"
  "  ch_v%1$d p = x * ch_set%1$d(1.9875691500e-4f) + "
  "ch_set%1$d(1.3981999507e-3f);\n"
  "  p = p * x + ch_set%1$d(8.3334519073e-3f);\n"
  "  p = p * x + ch_set%1$d(4.1665795894e-2f);\n"
  "  p = p * x + ch_set%1$d(1.6666665459e-1f);\n"
  "  p = p * x + ch_set%1$d(5.0000001201e-1f);\n"
  "  p = p * x * x + x + ch_set%1$d(1);\n"
  "  return p * (ch_v%1$d)(((ch_i%1$d)r - (ch_i%1$d)magic + 127) << 23);\n"
  "}\n"
  "CH_INLINE ch_v%1$d ch_swish%1$d(ch_v%1$d a)\n"
  "{\n"
  "  return a / (ch_set%1$d(1) + ch_exp%1$d(-a));\n"
  "}\n"
  "#endif\n";

int
emit_activations(const struct chanas_host *host, struct chanas_text *out,
                 int vec)
{
  return host->print(out, activations, vec);
}
