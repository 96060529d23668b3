/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the emitted text needs of NEON (vectors of 4 floats) or of SVE (of as
 * many as the description says): a type, loads and stores, whole or partial,
 * minimum and maximum.  For NEON GCC's vector extensions do most of it;
 * <arm_neon.h> would cost 60 ms per compiler call.
 */
#include "arm.h"
#include "emit.h"

/* Objects link no library, so that a static runner can load them; the
 * compiler calls these two on its own.  The empty asm keeps it from making
 * the loops such calls again. */
static const char alone[] =
  "#if defined CH_ALONE && !defined CH_MEMORY\n"
  "#define CH_MEMORY\n"
  "#define CH_HIDDEN __attribute__((visibility(\"hidden\"), used))\n"
  "typedef unsigned char ch_b16\n"
  "  __attribute__((vector_size(16), aligned(1), may_alias));\n"
  "CH_HIDDEN void *memset(void *to, int value, size_t n)\n"
  "{\n"
  "  unsigned char *p = to;\n"
  "  const ch_b16 all = (ch_b16){ 0 } + (unsigned char)value;\n"
  "  for (; n >= 16; n -= 16, p += 16) {\n"
  "    *(ch_b16 *)p = all;\n"
  "    __asm__(\"\" : \"+r\"(p));\n"
  "  }\n"
  "  for (; n; n--) {\n"
  "    *p++ = (unsigned char)value;\n"
  "    __asm__(\"\" : \"+r\"(p));\n"
  "  }\n"
  "  return to;\n"
  "}\n"
  "CH_HIDDEN void *memcpy(void *to, const void *from, size_t n)\n"
  "{\n"
  "  unsigned char *p = to;\n"
  "  const unsigned char *q = from;\n"
  "  for (; n >= 16; n -= 16, p += 16, q += 16) {\n"
  "    *(ch_b16 *)p = *(const ch_b16 *)q;\n"
  "    __asm__(\"\" : \"+r\"(p));\n"
  "  }\n"
  "  for (; n; n--) {\n"
  "    *p++ = *q++;\n"
  "    __asm__(\"\" : \"+r\"(p));\n"
  "  }\n"
  "  return to;\n"
  "}\n"
  "#endif\n";

static const char neon[] =
  "#ifndef CH_V4\n"
  "#define CH_V4\n"
  "typedef float ch_v4 __attribute__((vector_size(16)));\n"
  "typedef int ch_i4 __attribute__((vector_size(16)));\n"
  "typedef float ch_u4\n"
  "  __attribute__((vector_size(16), aligned(4), may_alias));\n"
  "#define CH_KEEP4(a) __asm__(\"\" : \"+w\"(a))\n"
  "#ifdef __clang__\n"
  "#define CH_MAX4 __builtin_elementwise_max\n"
  "#define CH_MIN4 __builtin_elementwise_min\n"
  "#else\n"
  "#define CH_MAX4 __builtin_aarch64_fmax_nanv4sf\n"
  "#define CH_MIN4 __builtin_aarch64_fmin_nanv4sf\n"
  "#endif\n"
  "CH_INLINE ch_v4 ch_ld4(const float *p) { return *(const ch_u4 *)p; }\n"
  "CH_INLINE void ch_st4(float *p, ch_v4 a) { *(ch_u4 *)p = a; }\n"
  "CH_INLINE ch_v4 ch_set4(float a) { return (ch_v4){ a, a, a, a }; }\n"
  "CH_INLINE ch_v4 ch_max4(ch_v4 a, ch_v4 b) { return CH_MAX4(a, b); }\n"
  "CH_INLINE ch_v4 ch_min4(ch_v4 a, ch_v4 b) { return CH_MIN4(a, b); }\n"
  "CH_INLINE ch_v4 ch_ldn4(const float *p, int n)\n"
  "{\n"
  "  ch_v4 a = { p[0] };\n"
  "  if (n > 1)\n"
  "    a[1] = p[1];\n"
  "  if (n > 2)\n"
  "    a[2] = p[2];\n"
  "  return a;\n"
  "}\n"
  "CH_INLINE void ch_stn4(float *p, int n, ch_v4 a)\n"
  "{\n"
  "  p[0] = a[0];\n"
  "  if (n > 1)\n"
  "    p[1] = a[1];\n"
  "  if (n > 2)\n"
  "    p[2] = a[2];\n"
  "}\n";

/* Vectors of a length that is fixed when compiling (ACLE, "Fixed-length
 * vectors"); %1$d is their width in floats, %2$d in bits. */
static const char sve[] =
  "#ifndef CH_V%1$d\n"
  "#define CH_V%1$d\n"
  "#include <arm_sve.h>\n"
  "#define CH_BITS __attribute__((arm_sve_vector_bits(%2$d)))\n"
  "typedef svfloat32_t ch_v%1$d CH_BITS;\n"
  "typedef svint32_t ch_i%1$d CH_BITS;\n"
  "#define CH_KEEP%1$d(a) __asm__(\"\" : \"+w\"(a))\n"
  "CH_INLINE ch_v%1$d ch_ld%1$d(const float *p)\n"
  "{\n"
  "  return svld1_f32(svptrue_b32(), p);\n"
  "}\n"
  "CH_INLINE void ch_st%1$d(float *p, ch_v%1$d a)\n"
  "{\n"
  "  svst1_f32(svptrue_b32(), p, a);\n"
  "}\n"
  "CH_INLINE ch_v%1$d ch_set%1$d(float a) { return svdup_n_f32(a); }\n"
  "CH_INLINE ch_v%1$d ch_max%1$d(ch_v%1$d a, ch_v%1$d b)\n"
  "{\n"
  "  return svmax_f32_x(svptrue_b32(), a, b);\n"
  "}\n"
  "CH_INLINE ch_v%1$d ch_min%1$d(ch_v%1$d a, ch_v%1$d b)\n"
  "{\n"
  "  return svmin_f32_x(svptrue_b32(), a, b);\n"
  "}\n"
  "CH_INLINE ch_v%1$d ch_ldn%1$d(const float *p, int n)\n"
  "{\n"
  "  return svld1_f32(svwhilelt_b32_s32(0, n), p);\n"
  "}\n"
  "CH_INLINE void ch_stn%1$d(float *p, int n, ch_v%1$d a)\n"
  "{\n"
  "  svst1_f32(svwhilelt_b32_s32(0, n), p, a);\n"
  "}\n";

int
isa_preamble(const struct arm *arm, struct chanas_text *out, int vec)
{
  const struct chanas_host *host = arm->target.host;

  if (host->print(out, "%s", alone)
      || (arm->sve ? host->print(out, sve, vec, vec * 32)
                   : host->print(out, "%s", neon)))
    return -1;
  return emit_activations(host, out, vec);
}
