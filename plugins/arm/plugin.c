/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The arm backend: AArch64 with NEON, or with SVE where the description of
 * the device has it.  See chanas-arm(7).
 */
#include <stdio.h>
#include <string.h>
#include "arm.h"
#include "cpu.h"
#include "deploy.h"
#include "emit.h"

#define NAME "arm"

static int
fail(const struct chanas_host *host, const char *why)
{
  host->log(host->ctx, CHANAS_ERROR, "the device's description %s", why);
  return -1;
}

/* Bits of an SVE vector that kernels are made for; 0: NEON is used. */
static int
sve_bits(const struct chanas_host *host, const struct chanas_device *device)
{
  int64_t bits = host->limit(device, "sve.bits");

  if (!host->limit(device, "isa.sve"))
    return 0;
  if (bits == 128 || bits == 256 || bits == 512)
    return (int)bits;
  return fail(host, "has isa.sve=1, which needs sve.bits=128, 256 or 512");
}

static int
make_options(struct arm *arm, const struct chanas_device *device)
{
  const struct chanas_host *host = arm->target.host;
  const char *tune = host->trait(device, "tune");
  size_t n;

  if (strlen(tune) > 40
      || tune[strspn(tune, "abcdefghijklmnopqrstuvwxyz0123456789-.")])
    return fail(host, "has a tune= that is no name of a processor");
  n = (size_t)snprintf(arm->options, sizeof arm->options, "-march=armv8%s%s%s",
                       arm->sve || arm->fp16 || arm->dotprod ? ".2-a" : "-a",
                       arm->fp16 ? "+fp16" : "",
                       arm->dotprod ? "+dotprod" : "");
  if (arm->sve)
    n += (size_t)snprintf(arm->options + n, sizeof arm->options - n,
                          "+sve -msve-vector-bits=%d", arm->sve);
  if (*tune)
    snprintf(arm->options + n, sizeof arm->options - n, " -mtune=%s", tune);
  return 0;
}

static int
arm_open(const struct chanas_host *host, const struct chanas_device *device,
         void **self)
{
  struct arm *arm = host->alloc(host->ctx, sizeof *arm);

  if (arm == NULL)
    return -1;
  if (!host->limit(device, "isa.neon"))
    return fail(host, "has no isa.neon=1");
  arm->sve = sve_bits(host, device);
  if (arm->sve < 0)
    return -1;
  arm->fp16 = host->limit(device, "isa.fp16") != 0;
  arm->dotprod = host->limit(device, "isa.dotprod") != 0;
  arm->target = (struct target){
    .host = host, .backend = NAME, .vec = arm->sve ? arm->sve / 32 : 4,
    .registers = 32, .lanes = !arm->sve,
    .dot_i8 = arm->sve ? DOT_NONE : DOT_LANES,
    .dot_f16 = arm->sve ? DOT_NONE : DOT_LANES, .half_sums = arm->fp16,
    .takes = 1u << CHANAS_BF16 | 1u << CHANAS_F16 | 1u << CHANAS_I8,
  };
  target_caches(&arm->target, device);
  *self = arm;
  return make_options(arm, device);
}

static int
arm_emit(void *self, const struct chanas_workload *w, struct chanas_point p,
         const char *symbol, struct chanas_text *out)
{
  const struct arm *arm = self;
  const struct chanas_host *host = arm->target.host;
  struct schedule schedule;
  struct plan plan;

  if (policy_schedule(&arm->target, w, p, &schedule)
      || plan_make(&plan, w, &schedule)) {
    host->log(host->ctx, CHANAS_ERROR, "no schedule of %s", w->key);
    return -1;
  }
  if (emit_preamble(host, out) || isa_preamble(arm, out, schedule.vec)
      || (schedule.per == 4 && isa_dot(arm, out))
      || (schedule.per == 2 && isa_half(arm, out))
      || host->print(out, "/* %s */\n", w->key))
    return -1;
  if (emit_kernel(host, out, symbol, &plan) == 0)
    return 0;
  host->log(host->ctx, CHANAS_ERROR, "the text of %s does not fit", w->key);
  return -1;
}

#define FLAGS "-std=gnu11 -O2 -fno-tree-vectorize -ffp-contract=fast"

/* Each word of a text as an argument. */
static int
add_words(const struct chanas_host *h, struct chanas_args *out,
          const char *text)
{
  char word[64];
  int bad = 0;

  while (*text) {
    size_t n = strcspn(text, " ");
    snprintf(word, sizeof word, "%.*s", (int)n, text);
    bad |= h->arg(out, word);
    text += n + strspn(text + n, " ");
  }
  return bad;
}

/* An object links nothing at all, so a static runner can load it, and holds
 * no more padding than pages of 4 KiB need. */
static int
arm_command(void *self, const char *source, const char *object,
            struct chanas_args *out)
{
  const struct arm *arm = self;
  const struct chanas_host *h = arm->target.host;

  return h->arg(out, "aarch64-linux-gnu-gcc")
         || add_words(h, out, FLAGS " -DCH_ALONE")
         || add_words(h, out, arm->options)
         || add_words(h, out, "-fPIC -shared -nostdlib -Wl,-z,defs "
                      "-Wl,-z,max-page-size=4096 -o")
         || h->arg(out, object) || h->arg(out, source) ? -1 : 0;
}

static int
arm_deploy(void *self, const struct chanas_program *program,
           struct chanas_files *out)
{
  const struct arm *arm = self;
  char options[256];

  snprintf(options, sizeof options, FLAGS " %s%s", arm->options,
           arm->target.threads > 1 ? " -fopenmp" : "");
  return deploy_files(arm->target.host, program, arm->target.threads, options,
                      out);
}

static void
arm_close(void *self)
{
  (void)self; /* the host frees what it gave */
}

static const struct chanas_backend backend = {
  .struct_size = sizeof(struct chanas_backend),
  .diagnose = device_diagnose,
  .probe = device_probe,
  .describe = device_describe,
  .load = cpu_load,
  .run = cpu_run,
  .profile = cpu_profile,
  .control = device_control,
  .unload = cpu_unload,
  .open = arm_open,
  .space = policy_space,
  .initial = policy_initial,
  .legal = policy_legal,
  .features = policy_features,
  .emit = arm_emit,
  .suffix = ".c",
  .command = arm_command,
  .deploy = arm_deploy,
  .close = arm_close,
};

static const struct chanas_plugin plugin = {
  CHANAS_PLUGIN_HEAD,
  .name = NAME,
  .version = "5",
  .summary = "kernels for AArch64 CPUs with NEON or SVE",
  .backend = &backend,
};

CHANAS_REGISTER_PLUGIN(plugin)
