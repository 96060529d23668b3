/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The x86 backend: AVX2 with FMA, and AVX-512 where the description of the
 * device has it.  See chanas-x86(7).
 */
#include "cpu.h"
#include "deploy.h"
#include "emit.h"
#include "policy.h"
#include "x86.h"

static int
x86_open(const struct chanas_host *host, const struct chanas_device *device,
         void **self)
{
  struct target *x = host->alloc(host->ctx, sizeof *x);

  if (x == NULL)
    return -1;
  x->host = host;
  x->backend = "x86";
  x->vec = host->limit(device, "isa.avx512f")
           && host->limit(device, "isa.avx512vl") ? 16 : 8;
  x->half = x->vec == 16;
  x->takes = 1u << CHANAS_BF16 | 1u << CHANAS_I8;
  x->tiles_bf16 = x->vec == 16 && host->limit(device, "isa.amx_tile")
                  && host->limit(device, "isa.amx_bf16")
                  && host->limit(device, "isa.avx512_bf16");
  x->tiles_i8 = x->vec == 16 && host->limit(device, "isa.amx_tile")
                && host->limit(device, "isa.amx_int8");
  x->registers = x->vec == 16 ? 32 : 16;
  if (!host->limit(device, "isa.avx2") || !host->limit(device, "isa.fma")) {
    host->log(host->ctx, CHANAS_ERROR,
              "the device's description has no isa.avx2=1 and isa.fma=1");
    return -1;
  }
  target_caches(x, device);
  *self = x;
  return 0;
}

static int
x86_emit(void *self, const struct chanas_workload *w, struct chanas_point p,
         const char *symbol, struct chanas_text *out)
{
  const struct target *x = self;
  struct schedule schedule;
  struct plan plan;

  if (policy_schedule(x, w, p, &schedule) || plan_make(&plan, w, &schedule)) {
    x->host->log(x->host->ctx, CHANAS_ERROR, "no schedule of %s", w->key);
    return -1;
  }
  if (isa_passes(x->host, out)
      || emit_preamble(x->host, out)
      || isa_preamble(x->host, out, schedule.vec)
      || (schedule.per && isa_tiles(x->host, out))
      || x->host->print(out, "/* %s */\n", w->key))
    return -1;
  if (emit_kernel(x->host, out, symbol, &plan) == 0)
    return 0;
  x->host->log(x->host->ctx, CHANAS_ERROR, "the text of %s does not fit",
               w->key);
  return -1;
}

static const char *const flags[] = {
  "-std=gnu11", "-O2", "-fno-tree-vectorize", "-ffp-contract=fast", "-mavx2",
  "-mfma", NULL,
};
static const char *const flags512[] = {
  "-mavx512f", "-mavx512vl", "-mprefer-vector-width=512", NULL,
};

/* Assemblers of clang go by these. */
static const char *const flags_amx[] = {
  "-mamx-tile", "-mamx-bf16", "-mamx-int8", "-mavx512bf16", NULL,
};

static int
x86_command(void *self, const char *source, const char *object,
            struct chanas_args *out)
{
  const struct target *x = self;
  const struct chanas_host *h = x->host;
  int i, bad = h->arg(out, "cc");

  for (i = 0; flags[i]; i++)
    bad |= h->arg(out, flags[i]);
  for (i = 0; x->vec == 16 && flags512[i]; i++)
    bad |= h->arg(out, flags512[i]);
  for (i = 0; (x->tiles_bf16 || x->tiles_i8) && flags_amx[i]; i++)
    bad |= h->arg(out, flags_amx[i]);
  if (x->threads > 1)
    bad |= h->arg(out, "-fopenmp");
  bad |= h->arg(out, "-fPIC") | h->arg(out, "-shared");
  bad |= h->arg(out, "-o") | h->arg(out, object) | h->arg(out, source);
  return bad ? -1 : 0;
}

static int
x86_deploy(void *self, const struct chanas_program *program,
           struct chanas_files *out)
{
  const struct target *x = self;
  char options[256] = "";
  int i;

  for (i = 0; flags[i]; i++)
    __builtin_strcat(__builtin_strcat(options, i ? " " : ""), flags[i]);
  for (i = 0; x->vec == 16 && flags512[i]; i++)
    __builtin_strcat(__builtin_strcat(options, " "), flags512[i]);
  for (i = 0; (x->tiles_bf16 || x->tiles_i8) && flags_amx[i]; i++)
    __builtin_strcat(__builtin_strcat(options, " "), flags_amx[i]);
  if (x->threads > 1)
    __builtin_strcat(options, " -fopenmp");
  return deploy_files(x->host, program, options, out);
}

static void
x86_close(void *self)
{
  (void)self; /* the host frees what it gave */
}

static const struct chanas_backend backend = {
  .struct_size = sizeof(struct chanas_backend),
  .probe = device_probe,
  .describe = device_describe,
  .load = cpu_load,
  .run = cpu_run,
  .control = device_control,
  .unload = cpu_unload,
  .open = x86_open,
  .space = policy_space,
  .initial = policy_initial,
  .legal = policy_legal,
  .features = policy_features,
  .emit = x86_emit,
  .suffix = ".c",
  .command = x86_command,
  .deploy = x86_deploy,
  .close = x86_close,
  .profile = cpu_profile,
  .diagnose = device_diagnose,
};

static const struct chanas_plugin plugin = {
  CHANAS_PLUGIN_HEAD,
  .name = "x86",
  .version = "3",
  .summary = "kernels for x86 CPUs with AVX2 or AVX-512",
  .backend = &backend,
};

CHANAS_REGISTER_PLUGIN(plugin)
