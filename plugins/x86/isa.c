/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the emitted text needs of AVX2 (vectors of 8 floats) and AVX-512 (of
 * 16): a type, loads and stores, whole or partial, and the activations.  GCC
 * vector extensions do most of it; only minimum, maximum and masked accesses
 * are builtins.  <immintrin.h> would cost 90 ms per compiler call.
 */
#include "emit.h"
#include "x86.h"

static const char avx2[] =
  "#ifndef CH_V8\n"
  "#define CH_V8\n"
  "typedef float ch_v8 __attribute__((vector_size(32)));\n"
  "typedef int ch_i8 __attribute__((vector_size(32)));\n"
  "typedef float ch_u8\n"
  "  __attribute__((vector_size(32), aligned(4), may_alias));\n"
  "#ifdef __AVX512F__\n"
  "#define CH_KEEP8(a) __asm__(\"\" : \"+v\"(a))\n"
  "#else\n"
  "#define CH_KEEP8(a) __asm__(\"\" : \"+x\"(a))\n"
  "#endif\n"
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
  "#if !defined __AVX512F__ /* only to try this text on a lesser CPU */\n"
  "#define CH_KEEP16(a) (void)0\n"
  "CH_INLINE ch_v16 ch_pick16(ch_i16 m, ch_v16 a, ch_v16 b)\n"
  "{\n"
  "  return (ch_v16)(((ch_i16)a & m) | ((ch_i16)b & ~m));\n"
  "}\n"
  "#define ch_max16(a, b) ch_pick16((a) > (b), a, b)\n"
  "#define ch_min16(a, b) ch_pick16((a) < (b), a, b)\n"
  "CH_INLINE ch_v16 ch_ldn16(const float *p, int n)\n"
  "{\n"
  "  ch_v16 a = ch_set16(0);\n"
  "  for (int i = 0; i < n; i++)\n"
  "    a[i] = p[i];\n"
  "  return a;\n"
  "}\n"
  "CH_INLINE void ch_stn16(float *p, int n, ch_v16 a)\n"
  "{\n"
  "  for (int i = 0; i < n; i++)\n"
  "    p[i] = a[i];\n"
  "}\n"
  "#else\n"
  "#define CH_KEEP16(a) __asm__(\"\" : \"+v\"(a))\n"
  "#ifdef __clang__\n"
  "#define CH_OP16(f, a, b) __builtin_ia32_##f(a, b, 4)\n"
  "#else\n"
  "#define CH_OP16(f, a, b) \\\n"
  "  __builtin_ia32_##f##_mask(a, b, a, (unsigned short)-1, 4)\n"
  "#endif\n"
  "CH_INLINE ch_v16 ch_max16(ch_v16 a, ch_v16 b)\n"
  "{\n"
  "  return CH_OP16(maxps512, a, b);\n"
  "}\n"
  "CH_INLINE ch_v16 ch_min16(ch_v16 a, ch_v16 b)\n"
  "{\n"
  "  return CH_OP16(minps512, a, b);\n"
  "}\n"
  "CH_INLINE ch_v16 ch_ldn16(const float *p, int n)\n"
  "{\n"
  "  return __builtin_ia32_loadups512_mask(p, ch_set16(0),\n"
  "                                        (unsigned short)((1 << n) - 1));\n"
  "}\n"
  "CH_INLINE void ch_stn16(float *p, int n, ch_v16 a)\n"
  "{\n"
  "  __builtin_ia32_storeups512_mask(p, a, (unsigned short)((1 << n) - 1));\n"
  "}\n"
  "#endif\n";

/* Of the passes of -O2 those that pay: kernels as fast as with all of them in
 * little more than half the compile time (docs/bench/tuner.md).  It has to be
 * before all functions, or some could not be inlined. */
static const char passes[] =
  "#if !defined CH_SHARED && defined __GNUC__ && !defined __clang__\n"
  "#pragma GCC optimize (\"O1\", \"expensive-optimizations\", \\\n"
  "  \"no-tree-ccp\", \"no-tree-bit-ccp\", \"no-tree-pta\", \\\n"
  "  \"no-tree-dominator-opts\", \"no-tree-dse\", \"no-dse\", \\\n"
  "  \"no-forward-propagate\", \"no-if-conversion\", \\\n"
  "  \"no-if-conversion2\")\n"
  "#endif\n";

int
isa_passes(const struct chanas_host *host, struct chanas_text *out)
{
  return host->print(out, "%s", passes);
}

int
isa_preamble(const struct chanas_host *host, struct chanas_text *out, int vec)
{
  if (host->print(out, "%s", vec == 16 ? avx512 : avx2))
    return -1;
  return emit_activations(host, out, vec);
}
