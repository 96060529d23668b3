/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the emitted text needs for products of 8-bit integers: sdot where the
 * processor has it, and what takes its place (two smull, addp, sadalp: no sum
 * of two products of 127 leaves 16 bits), stores of floats as such integers,
 * packing of weights.
 */
#include "arm.h"
#include "emit.h"

static const char dot[] =
  "#ifndef CH_TILES\n"
  "#define CH_TILES\n"
  "typedef signed char ch_d4 __attribute__((vector_size(16)));\n"
  "typedef signed char ch_ud4\n"
  "  __attribute__((vector_size(16), aligned(4), may_alias));\n"
  "typedef int ch_ui4\n"
  "  __attribute__((vector_size(16), aligned(4), may_alias));\n"
  "typedef int ch_one __attribute__((may_alias));\n"
  "typedef short ch_s8 __attribute__((vector_size(16)));\n"
  "typedef unsigned ch_bits __attribute__((may_alias));\n"
  "typedef unsigned short ch_half __attribute__((may_alias));\n"
  "CH_INLINE ch_d4 ch_ldd4(const float *p) { return *(const ch_ud4 *)p; }\n"
  "CH_INLINE void ch_sti4(float *p, ch_i4 a) { *(ch_ui4 *)p = a; }\n"
  "CH_INLINE ch_v4 ch_int4(const float *p)\n"
  "{\n"
  "  return __builtin_convertvector(*(const ch_ui4 *)p, ch_v4);\n"
  "}\n"
  "#ifdef __ARM_FEATURE_DOTPROD\n"
  "#define CH_DOT4(a, w, q, u) \\\n"
  "  __asm__(\"sdot %0.4s, %1.16b, %2.4b[\" #u \"]\" \\\n"
  "          : \"+w\"(a) : \"w\"(w), \"w\"(q))\n"
  "#else\n"
  "#define CH_DOT4(a, w, q, u) a = ch_dot4(a, w, ((ch_i4)(q))[u])\n"
  "CH_INLINE ch_i4 ch_dot4(ch_i4 a, ch_d4 w, int four)\n"
  "{\n"
  "  const ch_d4 q = (ch_d4)(ch_i4){ four, four, four, four };\n"
  "  ch_s8 low, high;\n"
  "  __asm__(\"smull %0.8h, %1.8b, %2.8b\" : \"=w\"(low) : \"w\"(w), "
  "\"w\"(q));\n"
  "  __asm__(\"smull2 %0.8h, %1.16b, %2.16b\"\n"
  "          : \"=w\"(high) : \"w\"(w), \"w\"(q));\n"
  "  __asm__(\"addp %0.8h, %0.8h, %1.8h\" : \"+w\"(low) : \"w\"(high));\n"
  "  __asm__(\"sadalp %0.4s, %1.8h\" : \"+w\"(a) : \"w\"(low));\n"
  "  return a;\n"
  "}\n"
  "#endif\n"
  "CH_INLINE void ch_st_i8(float *p, int n, ch_v4 a, float scale)\n"
  "{\n"
  "  ch_i4 i;\n"
  "  (void)n; /* whole groups of four */\n"
  "  a *= ch_set4(scale);\n"
  "  __asm__(\"fcvtns %0.4s, %1.4s\" : \"=w\"(i) : \"w\"(a));\n"
  "  __asm__(\"sqxtn %0.4h, %0.4s\\n\\tsqxtn %0.8b, %0.8h\" : \"+w\"(i));\n"
  "  *(ch_one *)p = i[0];\n"
  "}\n";

int
isa_dot(const struct arm *arm, struct chanas_text *out)
{
  const struct chanas_host *host = arm->target.host;

  return host->print(out, "%s", dot) || emit_packing(host, out, 4) ? -1 : 0;
}
