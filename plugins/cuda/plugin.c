/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The CUDA backend: schedules of plugins/common/gpu.h for NVIDIA's GPUs, with
 * tensor cores from sm_80.  See chanas-cuda(7).
 */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include "cuda.h"
#include "gpu.h"

#ifndef LIBEXECDIR
#define LIBEXECDIR "/usr/local/libexec/chanas"
#endif
#define HELPER "chanas-nvrtc"

/* Where it was installed, or, of a build tree, beside the plugin's folder. */
const char *
cuda_helper(void)
{
  static char path[4096];
  Dl_info info;
  char *end;

  if (!dladdr((void *)(uintptr_t)&cuda_helper, &info) || !info.dli_fname)
    return LIBEXECDIR "/" HELPER;
  snprintf(path, sizeof path - 32, "%s", info.dli_fname);
  end = strstr(path, "/.libs/chanas-cuda.so");
  if (end == NULL)
    return LIBEXECDIR "/" HELPER;
  strcpy(end, "/../" HELPER);
  return path;
}

static int
cuda_open(const struct chanas_host *host, const struct chanas_device *device,
          void **self)
{
  struct gpu *g = host->alloc(host->ctx, sizeof *g);

  if (g == NULL || gpu_open(g, host, device, GPU_CUDA))
    return -1;
  if (g->device.arch < 50 || g->device.arch > 999 || g->device.warp != 32) {
    host->log(host->ctx, CHANAS_ERROR, "the device's description has arch=%d "
              "and warp=%d: arch is the compute capability times ten, such "
              "as 80, and warp 32", g->device.arch, g->device.warp);
    return -1;
  }
  *self = g;
  return 0;
}

static int
cuda_command(void *self, const char *source, const char *object,
             struct chanas_args *out)
{
  const struct gpu *g = self;
  const struct chanas_host *h = g->host;
  char arch[24];

  snprintf(arch, sizeof arch, "--arch=sm_%d", g->device.arch);
  return h->arg(out, cuda_helper()) | h->arg(out, arch) | h->arg(out, "-o")
             | h->arg(out, object) | h->arg(out, source)
           ? -1 : 0;
}

static void
cuda_close(void *self)
{
  (void)self; /* the host frees what it gave */
}

static const struct chanas_param params[] = {
  { "gpu", "int", "0", "0..63", "number of the GPU, as the driver counts" },
  { "l2", "text", "warm", "warm|cold",
    "second cache before each run: as the last run left it, or overwritten" },
  { "driver", "text", "libcuda.so.1", NULL,
    "the NVIDIA driver's library, a name for dlopen()" },
  { 0 },
};

static const struct chanas_backend backend = {
  .struct_size = sizeof(struct chanas_backend),
  .probe = cuda_probe,
  .describe = cuda_describe,
  .load = cuda_load,
  .run = gpu_run,
  .control = cuda_control,
  .unload = gpu_unload,
  .open = cuda_open,
  .space = gpu_space,
  .initial = gpu_initial,
  .legal = gpu_legal,
  .features = gpu_features,
  .emit = gpu_emit,
  .suffix = ".cu",
  .command = cuda_command,
  .deploy = cuda_deploy,
  .close = cuda_close,
  .diagnose = cuda_diagnose,
};

static const struct chanas_plugin plugin = {
  CHANAS_PLUGIN_HEAD,
  .name = "cuda",
  .version = "2",
  .summary = "kernels for NVIDIA GPUs",
  .params = params,
  .backend = &backend,
};

CHANAS_REGISTER_PLUGIN(plugin)
