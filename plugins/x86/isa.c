/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the emitted text needs of AVX2 (vectors of 8 floats) and AVX-512 (of
 * 16): a type, loads and stores, whole or partial, and the activations.  GCC
 * vector extensions do most of it; only minimum, maximum and masked accesses
 * are builtins.  <immintrin.h> would cost 90 ms per compiler call.
 */
#include "x86.h"

static const char avx2[] =
  "#ifndef CH_V8\n"
  "#define CH_V8\n"
  "typedef float ch_v8 __attribute__((vector_size(32)));\n"
  "typedef int ch_i8 __attribute__((vector_size(32)));\n"
  "typedef float ch_u8\n"
  "  __attribute__((vector_size(32), aligned(4), may_alias));\n"
  "CH_INLINE ch_v8 ch_ld8(const float *p) { return *(const ch_u8 *)p; }\n"
  "CH_INLINE void ch_st8(float *p, ch_v8 a) { *(ch_u8 *)p = a; }\n"
  "CH_INLINE ch_v8 ch_set8(float a)\n"
  "{\n"
  "  return (ch_v8){ a, a, a, a, a, a, a, a };\n"
  "}\n"
  "CH_INLINE ch_v8 ch_max8(ch_v8 a, ch_v8 b)\n"
  "{\n"
  "  return __builtin_ia32_maxps256(a, b);\n"
  "}\n"
  "CH_INLINE ch_v8 ch_min8(ch_v8 a, ch_v8 b)\n"
  "{\n"
  "  return __builtin_ia32_minps256(a, b);\n"
  "}\n"
  "CH_INLINE ch_i8 ch_part8(int n)\n"
  "{\n"
  "  return (ch_i8){ 0, 1, 2, 3, 4, 5, 6, 7 } < n;\n"
  "}\n"
  "CH_INLINE ch_v8 ch_ldn8(const float *p, int n)\n"
  "{\n"
  "  return __builtin_ia32_maskloadps256((const ch_v8 *)p, ch_part8(n));\n"
  "}\n"
  "CH_INLINE void ch_stn8(float *p, int n, ch_v8 a)\n"
  "{\n"
  "  __builtin_ia32_maskstoreps256((ch_v8 *)p, ch_part8(n), a);\n"
  "}\n";

static const char avx512[] =
  "#ifndef CH_V16\n"
  "#define CH_V16\n"
  "typedef float ch_v16 __attribute__((vector_size(64)));\n"
  "typedef int ch_i16 __attribute__((vector_size(64)));\n"
  "typedef float ch_u16\n"
  "  __attribute__((vector_size(64), aligned(4), may_alias));\n"
  "CH_INLINE ch_v16 ch_ld16(const float *p) { return *(const ch_u16 *)p; }\n"
  "CH_INLINE void ch_st16(float *p, ch_v16 a) { *(ch_u16 *)p = a; }\n"
  "CH_INLINE ch_v16 ch_set16(float a)\n"
  "{\n"
  "  return (ch_v16){ a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a };\n"
  "}\n"
  "#ifdef __clang__\n"
  "#define CH_OP16(f, a, b) f(a, b, 4)\n"
  "#define ch_maxps512 __builtin_ia32_maxps512\n"
  "#define ch_minps512 __builtin_ia32_minps512\n"
  "#else\n"
  "#define CH_OP16(f, a, b) f(a, b, a, (unsigned short)-1, 4)\n"
  "#define ch_maxps512 __builtin_ia32_maxps512_mask\n"
  "#define ch_minps512 __builtin_ia32_minps512_mask\n"
  "#endif\n"
  "CH_INLINE ch_v16 ch_max16(ch_v16 a, ch_v16 b)\n"
  "{\n"
  "  return CH_OP16(ch_maxps512, a, b);\n"
  "}\n"
  "CH_INLINE ch_v16 ch_min16(ch_v16 a, ch_v16 b)\n"
  "{\n"
  "  return CH_OP16(ch_minps512, a, b);\n"
  "}\n"
  "CH_INLINE ch_v16 ch_ldn16(const float *p, int n)\n"
  "{\n"
  "  return __builtin_ia32_loadups512_mask(p, ch_set16(0),\n"
  "                                        (unsigned short)((1 << n) - 1));\n"
  "}\n"
  "CH_INLINE void ch_stn16(float *p, int n, ch_v16 a)\n"
  "{\n"
  "  __builtin_ia32_storeups512_mask(p, a, (unsigned short)((1 << n) - 1));\n"
  "}\n";

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
isa_preamble(const struct chanas_host *host, struct chanas_text *out, int vec)
{
  if (host->print(out, "%s", vec == 16 ? avx512 : avx2))
    return -1;
  return host->print(out, activations, vec);
}
