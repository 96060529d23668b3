/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The OpenCL backend: schedules of plugins/common/gpu.h for any device with
 * an OpenCL 1.2 driver.  The text of a kernel is its object; load() compiles
 * it.  See chanas-opencl(7).
 */
#include "gpu.h"
#include "opencl.h"

static int
opencl_open(const struct chanas_host *host, const struct chanas_device *device,
            void **self)
{
  struct gpu *g = host->alloc(host->ctx, sizeof *g);

  if (g == NULL || gpu_open(g, host, device, GPU_OPENCL))
    return -1;
  *self = g;
  return 0;
}

static void
opencl_close(void *self)
{
  (void)self; /* the host frees what it gave */
}

static const struct chanas_param params[] = {
  { "platform", "text", "", NULL,
    "OpenCL platform: its number or a part of its name (default: the first "
    "with a fitting device)" },
  { "device_name", "text", "", NULL,
    "device of the platform: its number or a part of its name" },
  { "options", "text", "-cl-std=CL1.2", NULL,
    "of the OpenCL compiler, as clBuildProgram() takes them" },
  { 0 },
};

static const struct chanas_backend backend = {
  .struct_size = sizeof(struct chanas_backend),
  .probe = opencl_probe,
  .describe = opencl_describe,
  .load = opencl_load,
  .run = gpu_run,
  .control = opencl_control,
  .unload = gpu_unload,
  .open = opencl_open,
  .space = gpu_space,
  .initial = gpu_initial,
  .legal = gpu_legal,
  .features = gpu_features,
  .emit = gpu_emit,
  .suffix = ".cl",
  .deploy = opencl_deploy,
  .close = opencl_close,
  .diagnose = opencl_diagnose,
};

static const struct chanas_plugin plugin = {
  CHANAS_PLUGIN_HEAD,
  .name = "opencl",
  .version = "1",
  .summary = "kernels for GPUs and other devices with an OpenCL driver",
  .params = params,
  .backend = &backend,
};

CHANAS_REGISTER_PLUGIN(plugin)
