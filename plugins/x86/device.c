/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The machine that this process runs on: what CPUID and the system say of
 * it.  Nothing here is compiled for a wider instruction set than the plain
 * one; the measuring kernels run only where probe() succeeded.
 */
#include <cpuid.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cpu.h"
#include "findings.h"
#include "x86.h"

enum { A, B, C, D };

struct flag { const char *name; unsigned leaf, subleaf; int reg, bit, state; };

/* Which state the system must save for it to be usable (bits of XCR0). */
enum { XMM = 0x2, YMM = 0x6, ZMM = 0xe6, TILES = 0x60000 };

static const struct flag flags[] = {
  { "avx", 1, 0, C, 28, YMM },          { "f16c", 1, 0, C, 29, YMM },
  { "fma", 1, 0, C, 12, YMM },          { "avx2", 7, 0, B, 5, YMM },
  { "avx_vnni", 7, 1, A, 4, YMM },      { "avx512f", 7, 0, B, 16, ZMM },
  { "avx512dq", 7, 0, B, 17, ZMM },     { "avx512bw", 7, 0, B, 30, ZMM },
  { "avx512vl", 7, 0, B, 31, ZMM },     { "avx512_vnni", 7, 0, C, 11, ZMM },
  { "avx512_bf16", 7, 1, A, 5, ZMM },   { "avx512_fp16", 7, 0, D, 23, ZMM },
  { "amx_tile", 7, 0, D, 24, TILES },   { "amx_int8", 7, 0, D, 25, TILES },
  { "amx_bf16", 7, 0, D, 22, TILES },
};

static void
cpuid(unsigned leaf, unsigned subleaf, unsigned out[4])
{
  memset(out, 0, 4 * sizeof *out);
  __get_cpuid_count(leaf, subleaf, &out[A], &out[B], &out[C], &out[D]);
}

/* Register states that the system saves; 0 if it does not say. */
static unsigned
saved_states(void)
{
  unsigned r[4], low, high;

  cpuid(1, 0, r);
  if (!(r[C] >> 27 & 1))
    return 0;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
}

static int
has(const struct flag *f)
{
  unsigned r[4];

  cpuid(f->leaf, f->subleaf, r);
  return (r[f->reg] >> f->bit & 1)
         && (saved_states() & (unsigned)f->state) == (unsigned)f->state;
}

static int
supports(const char *name)
{
  size_t i;

  for (i = 0; i < sizeof flags / sizeof *flags; i++)
    if (!strcmp(flags[i].name, name))
      return has(&flags[i]);
  return 0;
}

int
device_probe(const struct chanas_host *host)
{
  static const char *const needed[] = { "avx2", "fma" };
  size_t i;

  for (i = 0; i < sizeof needed / sizeof *needed; i++)
    if (!supports(needed[i])) {
      host->log(host->ctx, CHANAS_ERROR,
                "this CPU (or its system) has no %s, which x86 kernels need",
                needed[i]);
      return -1;
    }
  return 0;
}

int
device_diagnose(const struct chanas_host *host, struct chanas_text *out)
{
  struct finding isa = { .host = host, .out = out, .topic = "isa" };
  struct finding cc = { host, out, "compiler", "missing", "gcc libc6-dev",
                        "compiles kernels; $CHANAS_CC names another" };
  struct finding openmp = { host, out, "openmp", "note", "libgomp1",
                            "runs kernels on several threads" };
  const char *set = getenv("CHANAS_CC");
  char all[300] = "";
  size_t i, n = 0;

  for (i = 0; i < sizeof flags / sizeof *flags; i++)
    if (has(&flags[i]))
      n += (size_t)snprintf(all + n, sizeof all - n, " %s", flags[i].name);
  if (supports("avx2") && supports("fma"))
    finding_say(&isa, "ok", "%s", all + 1);
  else
    finding_say(&isa, "missing", "this CPU, or its system, has no AVX2 with "
                "FMA, and only another one brings it; it has%s",
                n ? all : " none of the extensions that are used");
  if (!set || !*set)
    finding_program(&cc, "cc");
  finding_library(&openmp, "libgomp.so.1");
  return 0;
}

/* The brand string, with runs of blanks as one, no line breaks. */
static void
model_name(char out[64])
{
  unsigned r[4], i;
  char raw[49] = "";
  size_t n = 0;
  const char *p;

  cpuid(0x80000000u, 0, r);
  if (r[A] >= 0x80000004u)
    for (i = 0; i < 3; i++) {
      cpuid(0x80000002u + i, 0, r);
      memcpy(raw + 16 * i, r, 16);
    }
  for (p = raw; *p; p++) {
    char c = *p < ' ' || *p > '~' ? ' ' : *p;
    if (c != ' ' || (n > 0 && out[n - 1] != ' '))
      out[n++] = c;
  }
  while (n > 0 && out[n - 1] == ' ')
    n--;
  strcpy(out + n, n ? "" : "unknown");
}

static int
describe_cpu(const struct chanas_host *h, struct chanas_text *out)
{
  unsigned r[4], s[4];
  char model[64], vendor[13] = "";

  cpuid(0, 0, r);
  memcpy(vendor, &r[B], 4);
  memcpy(vendor + 4, &r[D], 4);
  memcpy(vendor + 8, &r[C], 4);
  cpuid(1, 0, s);
  model_name(model);
  return h->print(out, "backend=x86\nvendor=%s\nmodel=%s\nsignature=%08x\n",
                  vendor, model, s[A]);
}

static int
describe_caches(const struct chanas_host *h, struct chanas_text *out)
{
  return h->print(out, "cores=%ld\nl1d=%ld\nl2=%ld\nl3=%ld\n",
                  sysconf(_SC_NPROCESSORS_ONLN), cpu_cache(1),
                  cpu_cache(2), cpu_cache(3));
}

static int
describe_ceilings(const struct chanas_host *h, struct chanas_text *out)
{
  int cores = (int)sysconf(_SC_NPROCESSORS_ONLN), wide = supports("avx512f");
  long l2 = cpu_cache(2), l3 = cpu_cache(3);

  if (l2 <= 0)
    l2 = 512 << 10;
  if (l3 < 16 << 20)
    l3 = 16 << 20;
  return h->print(out, "measured.fma_gflops=%.1f\n"
                  "measured.fma_gflops_all=%.1f\n"
                  "measured.l2_gbs=%.1f\nmeasured.memory_gbs=%.1f\n",
                  ceiling_fma(1, wide), ceiling_fma(cores, wide),
                  ceiling_read((size_t)l2 / 2),
                  ceiling_read(l3 > 64 << 20 ? 128 << 20 : (size_t)l3 * 2));
}

int
device_describe(const struct chanas_host *h, struct chanas_text *out,
                int measure)
{
  size_t i;
  int wide = supports("avx512f") && supports("avx512vl");

  if (describe_cpu(h, out))
    return -1;
  for (i = 0; i < sizeof flags / sizeof *flags; i++)
    if (h->print(out, "isa.%s=%d\n", flags[i].name, has(&flags[i])))
      return -1;
  if (h->print(out, "vector=%d\nregisters=%d\n", wide ? 16 : 8,
               wide ? 32 : 16)
      || describe_caches(h, out))
    return -1;
  return measure ? describe_ceilings(h, out) : 0;
}

int
device_control(const struct chanas_host *h, double *seconds)
{
  (void)h;
  *seconds = ceiling_work(60000);
  return 0;
}
