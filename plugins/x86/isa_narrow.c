/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the emitted text needs of narrow elements: stores of floats as
 * bfloat16 or 8-bit integers, packing of weights, in which the 2 or 4 elements
 * that are summed at once lie side by side; and, where there are no tiles,
 * products of vectors that sum these (AVX512-VNNI, AVX-VNNI, AVX512-BF16).
 * Products of 8-bit integers want one factor without a sign: 128 is added to
 * the pixels' (their highest bit is turned), and taken from the bias.
 */
#include "emit.h"
#include "x86.h"

static const char narrow16[] =
  "#ifndef CH_NARROW\n"
  "#define CH_NARROW\n"
  "typedef short ch_h16 __attribute__((vector_size(32)));\n"
  "typedef short ch_uh16\n"
  "  __attribute__((vector_size(32), aligned(4), may_alias));\n"
  "typedef char ch_c16 __attribute__((vector_size(16)));\n"
  "typedef char ch_uc16\n"
  "  __attribute__((vector_size(16), aligned(4), may_alias));\n"
  "typedef int ch_ui16\n"
  "  __attribute__((vector_size(64), aligned(4), may_alias));\n"
  "typedef unsigned ch_bits __attribute__((may_alias));\n"
  "typedef unsigned short ch_half __attribute__((may_alias));\n"
  "CH_INLINE ch_v16 ch_int16(const float *p)\n"
  "{\n"
  "  return __builtin_convertvector(*(const ch_ui16 *)p, ch_v16);\n"
  "}\n"
  "/* Four pixels of 3 channels as such of 4. */\n"
  "CH_INLINE ch_v16 ch_pixels3(const float *p)\n"
  "{\n"
  "  const unsigned short three = 0x7777;\n"
  "  ch_v16 a;\n"
  "  __asm__(\"vexpandps %1, %0%{%2%}%{z%}\" : \"=v\"(a)\n"
  "          : \"m\"(*(const ch_u16 *)p), \"Yk\"(three));\n"
  "  return a;\n"
  "}\n"
  "CH_INLINE void ch_st_bf16(float *p, int n, ch_v16 a)\n"
  "{\n"
  "  ch_h16 b;\n"
  "  __asm__(\"vcvtneps2bf16 %1, %0\" : \"=v\"(b) : \"v\"(a));\n"
  "  if (n == 16)\n"
  "    *(ch_uh16 *)p = b;\n"
  "  else\n"
  "    __builtin_memcpy(p, &b, (size_t)n * 2);\n"
  "}\n"
  "CH_INLINE void ch_st_i8(float *p, int n, ch_v16 a, float scale)\n"
  "{\n"
  "  ch_i16 i;\n"
  "  ch_c16 b;\n"
  "  a *= ch_set16(scale);\n"
  "  __asm__(\"vcvtps2dq %1, %0\" : \"=v\"(i) : \"v\"(a));\n"
  "  __asm__(\"vpmovsdb %1, %0\" : \"=v\"(b) : \"v\"(i));\n"
  "  if (n == 16)\n"
  "    *(ch_uc16 *)p = b;\n"
  "  else\n"
  "    __builtin_memcpy(p, &b, (size_t)n);\n"
  "}\n";

static const char narrow8[] =
  "#ifndef CH_NARROW\n"
  "#define CH_NARROW\n"
  "typedef char ch_c16 __attribute__((vector_size(16)));\n"
  "typedef int ch_ui8\n"
  "  __attribute__((vector_size(32), aligned(4), may_alias));\n"
  "typedef unsigned ch_bits __attribute__((may_alias));\n"
  "typedef unsigned short ch_half __attribute__((may_alias));\n"
  "CH_INLINE ch_v8 ch_int8(const float *p)\n"
  "{\n"
  "  return __builtin_convertvector(*(const ch_ui8 *)p, ch_v8);\n"
  "}\n"
  "CH_INLINE void ch_st_i8(float *p, int n, ch_v8 a, float scale)\n"
  "{\n"
  "  ch_i8 i;\n"
  "  ch_c16 b;\n"
  "  a *= ch_set8(scale);\n"
  "  __asm__(\"vcvtps2dq %1, %0\" : \"=x\"(i) : \"x\"(a));\n"
  "  __asm__(\"vextracti128 $1, %1, %0\\n\\tvpackssdw %0, %x1, %0\\n\\t\"\n"
  "          \"vpacksswb %0, %0, %0\" : \"=&x\"(b) : \"x\"(i));\n"
  "  __builtin_memcpy(p, &b, (size_t)n);\n"
  "}\n";

static const char dot16[] =
  "#ifndef CH_DOT\n"
  "#define CH_DOT\n"
  "typedef signed char ch_d16 __attribute__((vector_size(64)));\n"
  "typedef signed char ch_ud16\n"
  "  __attribute__((vector_size(64), aligned(4), may_alias));\n"
  "typedef int ch_one __attribute__((may_alias));\n"
  "CH_INLINE ch_d16 ch_ldd16(const float *p) { return *(const ch_ud16 *)p; }\n"
  "CH_INLINE void ch_sti16(float *p, ch_i16 a) { *(ch_ui16 *)p = a; }\n"
  "CH_INLINE ch_i16 ch_all16(int a)\n"
  "{\n"
  "  return (ch_i16){ a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a };\n"
  "}\n"
  "#define CH_SPREAD16_BF16(p) (ch_d16)ch_all16(*(const ch_one *)(p))\n"
  "#define CH_SPREAD16_I8(p) \\\n"
  "  (ch_d16)(ch_all16(*(const ch_one *)(p)) ^ ch_all16((int)0x80808080))\n"
  "#define CH_DOT16_BF16(a, q, w) \\\n"
  "  __asm__(\"vdpbf16ps %2, %1, %0\" : \"+v\"(a) : \"v\"(q), \"v\"(w))\n"
  "#define CH_DOT16_I8(a, q, w) \\\n"
  "  __asm__(\"vpdpbusd %2, %1, %0\" : \"+v\"(a) : \"v\"(q), \"v\"(w))\n"
  "#endif\n";

static const char dot8[] =
  "#ifndef CH_DOT\n"
  "#define CH_DOT\n"
  "typedef signed char ch_d8 __attribute__((vector_size(32)));\n"
  "typedef signed char ch_ud8\n"
  "  __attribute__((vector_size(32), aligned(4), may_alias));\n"
  "typedef int ch_one __attribute__((may_alias));\n"
  "CH_INLINE ch_d8 ch_ldd8(const float *p) { return *(const ch_ud8 *)p; }\n"
  "CH_INLINE void ch_sti8(float *p, ch_i8 a) { *(ch_ui8 *)p = a; }\n"
  "CH_INLINE ch_i8 ch_all8(int a)\n"
  "{\n"
  "  return (ch_i8){ a, a, a, a, a, a, a, a };\n"
  "}\n"
  "#define CH_SPREAD8_I8(p) \\\n"
  "  (ch_d8)(ch_all8(*(const ch_one *)(p)) ^ ch_all8((int)0x80808080))\n"
  "#define CH_DOT8_I8(a, q, w) \\\n"
  "  __asm__(\"%{vex%} vpdpbusd %2, %1, %0\" \\\n"
  "          : \"+x\"(a) : \"x\"(q), \"x\"(w))\n"
  "#endif\n";

int
isa_narrow(const struct chanas_host *host, struct chanas_text *out, int vec,
           int tiles)
{
  if (host->print(out, "%s", vec == 16 ? narrow16 : narrow8)
      || emit_packing(host, out, vec))
    return -1;
  return tiles ? isa_tiles(host, out)
               : host->print(out, "%s", vec == 16 ? dot16 : dot8);
}
