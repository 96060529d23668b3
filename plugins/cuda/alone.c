/* SPDX-License-Identifier: Apache-2.0 */
/* Exported programs: the first NVIDIA GPU, through the driver.  The kernels
 * are in the cubin that the Makefile makes beside their text. */
#include <cuda.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "gpu.h"

#define MANY 4096

static CUdevice device;
static CUcontext context;
static CUmodule module;
static CUdeviceptr memory[MANY];
static size_t memories;

static int
say(const char *what, CUresult code)
{
  const char *name = NULL;

  if (code == CUDA_SUCCESS)
    return 0;
  cuGetErrorName(code, &name);
  fprintf(stderr, "%s: %s\n", what, name ? name : "unknown error");
  return -1;
}

static CUdeviceptr
address(const void *handle)
{
  return (CUdeviceptr)(uintptr_t)handle;
}

/* kernels.cu is compiled to kernels.cubin. */
static void *
read_cubin(const char *name)
{
  size_t stem = strcspn(name, "."), n;
  char *path = malloc(stem + 8);
  char *data = malloc((size_t)64 << 20);
  FILE *f = NULL;

  if (path && data) {
    memcpy(path, name, stem);
    strcpy(path + stem, ".cubin");
    f = fopen(path, "rb");
  }
  n = f ? fread(data, 1, (size_t)64 << 20, f) : 0;
  if (f)
    fclose(f);
  free(path);
  if (n > 0)
    return data;
  fprintf(stderr, "cannot read the cubin of %s\n", name);
  free(data);
  return NULL;
}

int
gpu_start(const char *name)
{
  void *cubin = read_cubin(name);
  int bad = cubin == NULL || say("driver", cuInit(0))
            || say("device", cuDeviceGet(&device, 0))
            || say("context", cuDevicePrimaryCtxRetain(&context, device))
            || say("context", cuCtxSetCurrent(context))
            || say("kernels", cuModuleLoadData(&module, cubin));

  free(cubin);
  if (bad)
    gpu_stop();
  return bad ? -1 : 0;
}

void
gpu_stop(void)
{
  while (memories > 0)
    cuMemFree(memory[--memories]);
  if (module)
    cuModuleUnload(module);
  if (context)
    cuDevicePrimaryCtxRelease(device);
  module = NULL;
  context = NULL;
}

void *
gpu_find(const struct gpu_launch *shape)
{
  CUfunction f = NULL;

  if (say(shape->name, cuModuleGetFunction(&f, module, shape->name))
      || (shape->local
          && say(shape->name, cuFuncSetAttribute(f,
                   CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES,
                   (int)shape->local))))
    return NULL;
  return f;
}

void *
gpu_memory(size_t bytes)
{
  CUdeviceptr p = 0;

  if (memories == MANY || say("memory", cuMemAlloc(&p, bytes)))
    return NULL;
  memory[memories++] = p;
  return (void *)(uintptr_t)p;
}

int
gpu_put(void *to, const void *from, size_t bytes)
{
  return say("write", cuMemcpyHtoD(address(to), from, bytes));
}

int
gpu_get(void *from, void *to, size_t bytes)
{
  return say("read", cuMemcpyDtoH(to, address(from), bytes));
}

int
gpu_clear(void *m, size_t bytes)
{
  return say("clear", cuMemsetD8(address(m), 0, bytes));
}

int
gpu_go(void *kernel, const struct gpu_launch *shape, void *const arg[4])
{
  CUdeviceptr value[4];
  void *args[4];
  int i;

  for (i = 0; i < 4; i++) {
    value[i] = address(arg[i]);
    args[i] = &value[i];
  }
  return say("kernel", cuLaunchKernel((CUfunction)kernel,
                                      (unsigned)shape->grid[0],
                                      (unsigned)shape->grid[1],
                                      (unsigned)shape->grid[2],
                                      (unsigned)shape->threads, 1, 1,
                                      (unsigned)shape->local, NULL, args,
                                      NULL));
}
