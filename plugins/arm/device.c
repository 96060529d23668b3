/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The machine that this process runs on, by what Linux tells programs: HWCAP
 * bits, MIDR_EL1 of each core (Documentation/arm64/cpu-feature-registers.rst),
 * caches.  An emulator passes a processor off as AArch64 that is not; what it
 * shows through is the kernel's own architecture and /proc/cpuinfo.
 */
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <unistd.h>
#include "arm.h"
#include "cpu.h"
#include "findings.h"

#define CORES 1024
#define KINDS 8      /* of cores in one machine */
#define SVE_GET_VL 51 /* PR_SVE_GET_VL, which some headers lack */
#define SVE_VL_MASK 0xffff

struct flag { const char *name; int word, bit; };

/* Bits of AT_HWCAP (0) and AT_HWCAP2 (1) of AArch64. */
static const struct flag flags[] = {
  { "neon", 0, 1 }, { "fp16", 0, 10 }, { "dotprod", 0, 20 },
  { "fhm", 0, 23 }, { "sve", 0, 22 }, { "sve2", 1, 1 },
  { "i8mm", 1, 13 }, { "bf16", 1, 14 },
};

static int
has(const struct flag *f)
{
  return (int)(getauxval(f->word ? AT_HWCAP2 : AT_HWCAP) >> f->bit & 1);
}

#ifdef __aarch64__
int
device_probe(const struct chanas_host *host)
{
  if (has(&flags[0]))
    return 0;
  host->log(host->ctx, CHANAS_ERROR, "this processor has no NEON");
  return -1;
}
#else
int
device_probe(const struct chanas_host *host)
{
  host->log(host->ctx, CHANAS_ERROR, "this machine is no AArch64 one; give "
            "runner = and device = in [backend], see chanas-arm(7)");
  return -1;
}
#endif

/* Does the file have a line that begins so?  -1: there is no such file. */
static int
file_begins(const char *path, const char *start)
{
  FILE *f = fopen(path, "r");
  char line[256];
  int found = 0;

  if (f == NULL)
    return -1;
  while (!found && fgets(line, sizeof line, f))
    found = !strncmp(line, start, strlen(start));
  fclose(f);
  return found;
}

static int
is_emulated(void)
{
  return file_begins("/proc/sys/kernel/arch", "aarch64") == 0
         || file_begins("/proc/cpuinfo", "CPU implementer") == 0;
}

/* Implementer, variant, part and revision of a core; 0 if unknown. */
static unsigned long
core_identity(int core)
{
  unsigned long midr = 0;
  char path[96];
  FILE *f;

  snprintf(path, sizeof path,
           "/sys/devices/system/cpu/cpu%d/regs/identification/midr_el1", core);
  f = fopen(path, "r");
  if (f) {
    if (fscanf(f, "%lx", &midr) != 1)
      midr = 0;
    fclose(f);
  }
#ifdef __aarch64__
  else if (core == 0 && getauxval(AT_HWCAP) >> 11 & 1)
    __asm__("mrs %0, midr_el1" : "=r"(midr)); /* the kernel emulates it */
#endif
  return midr;
}

static const char *
part_name(unsigned long midr)
{
  static const struct { unsigned part; const char *name; } arm[] = {
    { 0xd03, "cortex-a53" }, { 0xd05, "cortex-a55" }, { 0xd07, "cortex-a57" },
    { 0xd08, "cortex-a72" }, { 0xd09, "cortex-a73" }, { 0xd0a, "cortex-a75" },
    { 0xd0b, "cortex-a76" }, { 0xd0d, "cortex-a77" }, { 0xd41, "cortex-a78" },
    { 0xd44, "cortex-x1" }, { 0xd46, "cortex-a510" }, { 0xd47, "cortex-a710" },
    { 0xd48, "cortex-x2" }, { 0xd0c, "neoverse-n1" }, { 0xd40, "neoverse-v1" },
    { 0xd49, "neoverse-n2" }, { 0xd4f, "neoverse-v2" },
  };
  size_t i;

  for (i = 0; midr >> 24 == 0x41 && i < sizeof arm / sizeof *arm; i++)
    if ((midr >> 4 & 0xfff) == arm[i].part)
      return arm[i].name;
  return NULL;
}

/* core.I = COUNT TYPE, the kinds of cores in the order of their first one. */
static int
describe_cores(const struct chanas_host *h, struct chanas_text *out)
{
  struct { unsigned long midr; int count; } kind[KINDS];
  long cores = sysconf(_SC_NPROCESSORS_ONLN);
  int i, j, kinds = 0, bad;

  for (i = 0; i < cores && i < CORES; i++) {
    unsigned long midr = core_identity(i);
    for (j = 0; j < kinds && kind[j].midr != midr; j++)
      continue;
    if (j == KINDS)
      break;
    if (j == kinds)
      kind[kinds++].count = 0;
    kind[j].midr = midr;
    kind[j].count++;
  }
  bad = h->print(out, "cores=%ld\n", cores);
  for (i = 0; i < kinds && !bad; i++) {
    const char *name = part_name(kind[i].midr);
    bad = name ? h->print(out, "core.%d=%d %s\n", i, kind[i].count, name)
               : h->print(out, "core.%d=%d midr-%08lx\n", i, kind[i].count,
                          kind[i].midr);
  }
  return bad;
}

static int
describe_isa(const struct chanas_host *h, struct chanas_text *out)
{
  int vl = has(&flags[4]) ? prctl(SVE_GET_VL) : 0;
  size_t i;

  for (i = 0; i < sizeof flags / sizeof *flags; i++)
    if (h->print(out, "isa.%s=%d\n", flags[i].name, has(&flags[i])))
      return -1;
  return vl > 0 ? h->print(out, "sve.bits=%d\n", (vl & SVE_VL_MASK) * 8) : 0;
}

static int
describe_ceilings(const struct chanas_host *h, struct chanas_text *out)
{
  long l2 = cpu_cache(2), l3 = cpu_cache(3);

  if (l2 <= 0)
    l2 = 512 << 10;
  if (l3 < 16 << 20)
    l3 = 16 << 20;
  return h->print(out, "measured.fma_gflops=%.1f\n"
                  "measured.fma_gflops_all=%.1f\n"
                  "measured.l2_gbs=%.1f\nmeasured.memory_gbs=%.1f\n",
                  ceiling_fma(1),
                  ceiling_fma((int)sysconf(_SC_NPROCESSORS_ONLN)),
                  ceiling_read((size_t)l2 / 2), ceiling_read((size_t)l3 * 2));
}

int
device_describe(const struct chanas_host *h, struct chanas_text *out,
                int measure)
{
  const char *name = part_name(core_identity(0));

  if (h->print(out, "backend=arm\nmodel=%s\n", name ? name : "AArch64")
      || (is_emulated() && h->print(out, "kind=emulated\n"))
      || describe_isa(h, out) || describe_cores(h, out)
      || h->print(out, "l1d=%ld\nl2=%ld\nl3=%ld\n", cpu_cache(1),
                  cpu_cache(2), cpu_cache(3)))
    return -1;
  return measure ? describe_ceilings(h, out) : 0;
}

int
device_control(const struct chanas_host *h, double *seconds)
{
  (void)h;
  *seconds = ceiling_work(is_emulated() ? 2000 : 20000);
  return 0;
}

int
device_diagnose(const struct chanas_host *h, struct chanas_text *out)
{
  struct finding f = { .host = h, .out = out, .topic = "compiler",
                       .absent = "missing" };

#ifdef __aarch64__
  f.package = "gcc";
  f.use = "compiles kernels";
  finding_program(&f, "cc");
#else
  f.package = "gcc-aarch64-linux-gnu";
  f.use = "compiles kernels for AArch64";
  finding_program(&f, "aarch64-linux-gnu-gcc");
  f.topic = "emulator";
  f.absent = "note";
  f.package = "qemu-user";
  f.use = "runs kernels without a board";
  finding_program(&f, "qemu-aarch64");
#endif
  return 0;
}
