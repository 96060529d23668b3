/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The x86 backend: AVX2 with FMA, and AVX-512 where the description of the
 * device has it.  See chanas-x86(7).
 */
#include <string.h>
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
  x->halves = (x->tiles_bf16 || x->tiles_i8)
              && host->limit(device, "isa.avx512_fp16");
  if (host->limit(device, x->vec == 16 ? "isa.avx512_vnni" : "isa.avx_vnni"))
    x->dot_i8 = DOT_SPREAD;
  if (x->vec == 16 && host->limit(device, "isa.avx512_bf16"))
    x->dot_bf16 = DOT_SPREAD;
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
      || (schedule.per && isa_narrow(x->host, out, schedule.vec,
                                     schedule.dot == DOT_NONE))
      || (schedule.halves && isa_half(x->host, out))
      || x->host->print(out, "/* %s */\n", w->key))
    return -1;
  if (emit_kernel(x->host, out, symbol, &plan) == 0)
    return 0;
  x->host->log(x->host->ctx, CHANAS_ERROR, "the text of %s does not fit",
               w->key);
  return -1;
}

#define OPTIONS_MOST 20

static void
add_options(const char *out[], int *n, int wanted, const char *const option[])
{
  for (int i = 0; wanted && option[i]; i++)
    out[(*n)++] = option[i];
}

/* How many.  Of what emitted text has as assembler only that of clang wants to
 * be told. */
static int
list_options(const struct target *x, const char *out[OPTIONS_MOST])
{
  static const char *const all[] = {
    "-std=gnu11", "-O2", "-fno-tree-vectorize", "-ffp-contract=fast",
    "-mavx2", "-mfma", NULL,
  }, *const wide[] = {
    "-mavx512f", "-mavx512vl", "-mprefer-vector-width=512", NULL,
  }, *const tiles[] = {
    "-mamx-tile", "-mamx-bf16", "-mamx-int8", NULL,
  }, *const bf16[] = { "-mavx512bf16", NULL },
    *const fp16[] = { "-mavx512fp16", NULL },
    *const vnni[] = { "-mavx512vnni", NULL },
    *const vnni8[] = { "-mavxvnni", NULL },
    *const threads[] = { "-fopenmp", NULL };
  int n = 0;

  add_options(out, &n, 1, all);
  add_options(out, &n, x->vec == 16, wide);
  add_options(out, &n, x->tiles_bf16 || x->tiles_i8, tiles);
  add_options(out, &n, x->dot_bf16 != DOT_NONE, bf16);
  add_options(out, &n, x->halves, fp16);
  add_options(out, &n, x->dot_i8 && x->vec == 16, vnni);
  add_options(out, &n, x->dot_i8 && x->vec == 8, vnni8);
  add_options(out, &n, x->threads > 1, threads);
  return n;
}

static int
x86_command(void *self, const char *source, const char *object,
            struct chanas_args *out)
{
  const struct target *x = self;
  const struct chanas_host *h = x->host;
  const char *option[OPTIONS_MOST];
  int n = list_options(x, option), bad = h->arg(out, "cc");

  for (int i = 0; i < n; i++)
    bad |= h->arg(out, option[i]);
  bad |= h->arg(out, "-fPIC") | h->arg(out, "-shared");
  bad |= h->arg(out, "-o") | h->arg(out, object) | h->arg(out, source);
  return bad ? -1 : 0;
}

static int
x86_deploy(void *self, const struct chanas_program *program,
           struct chanas_files *out)
{
  const struct target *x = self;
  const char *option[OPTIONS_MOST];
  char options[512] = "";
  int n = list_options(x, option);

  for (int i = 0; i < n; i++)
    strcat(strcat(options, i ? " " : ""), option[i]);
  return deploy_files(x->host, program, x->threads, options, out);
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
  .version = "6",
  .summary = "kernels for x86 CPUs with AVX2 or AVX-512",
  .backend = &backend,
};

CHANAS_REGISTER_PLUGIN(plugin)
