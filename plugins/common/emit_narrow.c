/* SPDX-License-Identifier: Apache-2.0 */
/* Printing what packs weights of narrow elements (bfloat16, 8-bit integers)
 * for products that sum those which lie side by side: operand B of tiles, or
 * the vectors of dot products. */
#include "emit.h"

/* Given a vector's floats, twice that, and its square. */
static const char packing[] =
  "/* Steps of an 8-bit integer in one unit, given the range. */\n"
  "CH_HELPER void ch_quantum(float *p, float range)\n"
  "{\n"
  "  ch_zero(p, 16);\n"
  "  p[0] = range > 1e-30f ? 127 / range : 0;\n"
  "}\n"
  "CH_HELPER float ch_largest(const float *w, long n)\n"
  "{\n"
  "  float most = 0;\n"
  "  for (long i = 0; i < n; i++)\n"
  "    most = w[i] > most ? w[i] : -w[i] > most ? -w[i] : most;\n"
  "  return most;\n"
  "}\n"
  "/* One element to where it belongs, rounded to nearest. */\n"
  "CH_HELPER void ch_narrow(float *p, long at, float a, long per)\n"
  "{\n"
  "  if (per == 2) {\n"
  "    const unsigned u = *(const ch_bits *)&a;\n"
  "    ((ch_half *)p)[at] = (unsigned short)((u + 0x7fff + (u >> 16 & 1))\n"
  "                                          >> 16);\n"
  "  } else {\n"
  "    ((signed char *)p)[at] = (signed char)(a < 0 ? a - 0.5f : a + 0.5f);\n"
  "  }\n"
  "}\n"
  "/* Groups of vectors: [bias][scale][kernel row][step][vector][%1$d rows]\n"
  " * [%1$d channels][per]; a kernel row is k pixels of so many elements. */\n"
  "CH_HELPER void ch_pack_tiles(const float *w, const float *b, float *p,\n"
  "                             long cout, long cin, long k, long elements,\n"
  "                             long steps, long per, long groups,\n"
  "                             long size, long big, float range)\n"
  "{\n"
  "  const long each = cin * k * k;\n"
  "  long k0 = 0;\n"
  "  for (long g = 0; g < groups; g++) {\n"
  "    const long n = size - (g >= big);\n"
  "    float *const scale = p + n * %1$d;\n"
  "    for (long l = 0; l < n * %1$d; l++) {\n"
  "      const float most = k0 + l < cout && per == 4\n"
  "                           ? ch_largest(w + (k0 + l) * each, each) : 0;\n"
  "      p[l] = b && k0 + l < cout ? b[k0 + l] : 0;\n"
  "      scale[l] = most / 127;\n"
  "    }\n"
  "    p += n * %2$d;\n"
  "    for (long i = 0; i < k * steps * n; i++, p += %3$d)\n"
  "      for (long at = 0; at < %3$d * per; at++) {\n"
  "        const long j = at / per %% %1$d, o = k0 + i %% n * %1$d + j;\n"
  "        const long e = (i / n %% steps * %1$d + at / per / %1$d) * per\n"
  "                       + at %% per;\n"
  "        const long c = e %% elements, x = e / elements, y = i / n / steps;\n"
  "        const int there = o < cout && c < cin && x < k;\n"
  "        const float q = per == 4 ? scale[i %% n * %1$d + j] : 1;\n"
  "        const float a = there ? w[o * each + (c * k + y) * k + x] : 0;\n"
  "        ch_narrow(p, at, q > 0 ? a / q : 0, per);\n"
  "      }\n"
  "    for (long l = 0; l < n * %1$d; l++)\n"
  "      scale[l] *= range / 127;\n"
  "    k0 += n * %1$d;\n"
  "  }\n"
  "}\n"
  "#endif\n";

int
emit_packing(const struct chanas_host *host, struct chanas_text *out, int vec)
{
  return host->print(out, packing, vec, 2 * vec, vec * vec);
}
