/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the emitted text needs of AMX: tiles of 16 rows of 64 bytes, all of
 * one shape, so that one configuration serves every convolution.  The system
 * has to be asked for the tile registers once per process (Linux,
 * arch_prctl(2), ARCH_REQ_XCOMP_PERM).
 */
#include "emit.h"
#include "x86.h"

static const char tiles[] =
  "#ifndef CH_TILES\n"
  "#define CH_TILES\n"
  "static const struct {\n"
  "  char palette, start, none[14];\n"
  "  short bytes[16];\n"
  "  char rows[16];\n"
  "} ch_tile_shape __attribute__((aligned(64), unused)) = {\n"
  "  .palette = 1, .bytes = { 64, 64, 64, 64, 64, 64, 64, 64 },\n"
  "  .rows = { 16, 16, 16, 16, 16, 16, 16, 16 },\n"
  "};\n"
  "#define CH_TILES_BEGIN() \\\n"
  "  __asm__ volatile(\"ldtilecfg %0\" : : \"m\"(ch_tile_shape))\n"
  "#define CH_TILES_END() __asm__ volatile(\"tilerelease\" : :)\n"
  "#define CH_TILE_ZERO(t) __asm__ volatile(\"tilezero %%tmm\" #t : :)\n"
  "#define CH_TILE_LOAD(t, p, stride) \\\n"
  "  __asm__ volatile(\"tileloadd (%0,%1,1), %%tmm\" #t : : \"r\"(p), \\\n"
  "                   \"r\"((long)(stride)) : \"memory\")\n"
  "#define CH_TILE_STORE(t, p, stride) \\\n"
  "  __asm__ volatile(\"tilestored %%tmm\" #t \", (%0,%1,1)\" : \\\n"
  "                   : \"r\"(p), \"r\"((long)(stride)) : \"memory\")\n"
  "#define CH_TILE_OP(op, c, a, b) \\\n"
  "  __asm__ volatile(op \" %%tmm\" #b \", %%tmm\" #a \", %%tmm\" #c : :)\n"
  "#define CH_TILE_BF16(c, a, b) CH_TILE_OP(\"tdpbf16ps\", c, a, b)\n"
  "#define CH_TILE_I8(c, a, b) CH_TILE_OP(\"tdpbssd\", c, a, b)\n"
  "CH_HELPER void ch_tiles_allow(void)\n"
  "{\n"
  "  long r;\n"
  "  __asm__ volatile(\"syscall\" : \"=a\"(r) : \"0\"(158L), \"D\"(0x1023L),\n"
  "                   \"S\"(18L) : \"rcx\", \"r11\", \"memory\");\n"
  "}\n"
  "#endif\n";

int
isa_tiles(const struct chanas_host *host, struct chanas_text *out)
{
  return host->print(out, "%s", tiles);
}
