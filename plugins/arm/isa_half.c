/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the emitted text needs for products of halves (IEEE 754 binary16):
 * fmla on eight of them where the processor has that (FEAT_FP16).  Elsewhere
 * halves are only what memory holds, and are converted (every AArch64
 * processor can) and multiplied and added in float.  They lie in vectors of
 * integers, for compilers differ in what they make of half-precision types.
 */
#include "arm.h"
#include "emit.h"

static const char half[] =
  "#ifndef CH_HALF\n"
  "#define CH_HALF\n"
  "typedef short ch_h8 __attribute__((vector_size(16)));\n"
  "typedef short ch_h4 __attribute__((vector_size(8)));\n"
  "typedef short ch_uh8\n"
  "  __attribute__((vector_size(16), aligned(4), may_alias));\n"
  "typedef short ch_uh4\n"
  "  __attribute__((vector_size(8), aligned(4), may_alias));\n"
  "CH_INLINE ch_h8 ch_ldh8(const float *p) { return *(const ch_uh8 *)p; }\n"
  "CH_INLINE ch_h4 ch_ldh4(const float *p) { return *(const ch_uh4 *)p; }\n"
  "CH_INLINE ch_v4 ch_low4(ch_h4 a)\n"
  "{\n"
  "  ch_v4 r;\n"
  "  __asm__(\"fcvtl %0.4s, %1.4h\" : \"=w\"(r) : \"w\"(a));\n"
  "  return r;\n"
  "}\n"
  "CH_INLINE ch_v4 ch_low8(ch_h8 a)\n"
  "{\n"
  "  ch_v4 r;\n"
  "  __asm__(\"fcvtl %0.4s, %1.4h\" : \"=w\"(r) : \"w\"(a));\n"
  "  return r;\n"
  "}\n"
  "CH_INLINE ch_v4 ch_high8(ch_h8 a)\n"
  "{\n"
  "  ch_v4 r;\n"
  "  __asm__(\"fcvtl2 %0.4s, %1.8h\" : \"=w\"(r) : \"w\"(a));\n"
  "  return r;\n"
  "}\n"
  "CH_INLINE ch_h4 ch_halves(ch_v4 a)\n"
  "{\n"
  "  ch_h4 r;\n"
  "  __asm__(\"fcvtn %0.4h, %1.4s\" : \"=w\"(r) : \"w\"(a));\n"
  "  return r;\n"
  "}\n"
  "CH_INLINE void ch_st_f16(float *p, int n, ch_v4 a)\n"
  "{\n"
  "  (void)n; /* whole groups of four */\n"
  "  *(ch_uh4 *)p = ch_halves(a);\n"
  "}\n";

/* Lanes of halves are picked from the lower sixteen registers ("x"). */
static const char sums[] =
  "#ifdef __ARM_FEATURE_FP16_VECTOR_ARITHMETIC\n"
  "typedef ch_h8 ch_sum8;\n"
  "#define CH_LOW8(a) ch_low8(a)\n"
  "#define CH_HIGH8(a) ch_high8(a)\n"
  "#define CH_HALF8(a, w, q, u) \\\n"
  "  __asm__(\"fmla %0.8h, %1.8h, %2.h[\" #u \"]\" \\\n"
  "          : \"+w\"(a) : \"w\"(w), \"x\"(q))\n"
  "#define CH_HALF4(a, w, q, u) \\\n"
  "  __asm__(\"fmla %0.4h, %1.4h, %2.h[\" #u \"]\" \\\n"
  "          : \"+w\"(a) : \"w\"(w), \"x\"(q))\n"
  "#else\n"
  "typedef struct { ch_v4 low, high; } ch_sum8;\n"
  "#define CH_LOW8(a) (a).low\n"
  "#define CH_HIGH8(a) (a).high\n"
  "#define CH_HALF8(a, w, q, u) \\\n"
  "  ((a).low += ch_low8(w) * ch_lane(q, u), \\\n"
  "   (a).high += ch_high8(w) * ch_lane(q, u))\n"
  "#define CH_HALF4(a, w, q, u) ((a).low += ch_low4(w) * ch_lane(q, u))\n"
  "CH_INLINE float ch_lane(ch_h8 q, int u)\n"
  "{\n"
  "  return u < 4 ? ch_low8(q)[u & 3] : ch_high8(q)[u & 3];\n"
  "}\n"
  "#endif\n";

static const char packing[] =
  "/* Groups of vectors: [bias][nothing][kernel row][step][8 channels of the\n"
  " * input][vector][4 of the output]; a kernel row is k pixels of so many\n"
  " * elements. */\n"
  "CH_HELPER void ch_pack_half(const float *w, const float *b, float *p,\n"
  "                            long cout, long cin, long k, long elements,\n"
  "                            long steps, long per, long groups,\n"
  "                            long size, long big, float range)\n"
  "{\n"
  "  long k0 = 0;\n"
  "  (void)per, (void)range;\n"
  "  for (long g = 0; g < groups; g++) {\n"
  "    const long n = size - (g >= big);\n"
  "    for (long l = 0; l < n * 4; l++) {\n"
  "      p[l] = b && k0 + l < cout ? b[k0 + l] : 0;\n"
  "      p[n * 4 + l] = 0;\n"
  "    }\n"
  "    p += n * 8;\n"
  "    for (long i = 0; i < k * steps * 8; i++)\n"
  "      for (long j = 0; j < n; j++, p += 2) {\n"
  "        const long y = i / (8 * steps), e = i % (8 * steps);\n"
  "        const long c = e % elements, x = e / elements;\n"
  "        ch_v4 a = { 0 };\n"
  "        for (long l = 0; l < 4; l++) {\n"
  "          const long o = k0 + j * 4 + l;\n"
  "          if (o < cout && c < cin && x < k)\n"
  "            a[l] = w[((o * cin + c) * k + y) * k + x];\n"
  "        }\n"
  "        ch_st_f16(p, 4, a);\n"
  "      }\n"
  "    k0 += n * 4;\n"
  "  }\n"
  "}\n"
  "#endif\n";

int
isa_half(const struct arm *arm, struct chanas_text *out)
{
  const struct chanas_host *host = arm->target.host;

  return host->print(out, "%s", half) || host->print(out, "%s", sums)
             || host->print(out, "%s", packing) ? -1 : 0;
}
