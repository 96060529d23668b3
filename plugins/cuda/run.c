/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The driver: an object is a manifest and a cubin behind it.  All kernels of
 * a program are captured once as a graph; what is timed, between two events,
 * are launches of that graph.  Where the second cache is to be cold, it is
 * overwritten before each of them, outside of the time.
 */
#include "cuda.h"
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct driver {
  struct cuda_device *device;
  char *object;
  CUmodule module;
  CUgraph graph;
  CUgraphExec exec;
  CUevent from, to;
  CUdeviceptr flush; /* 0: the cache stays as it is */
  size_t flush_bytes;
};

#define CALL(r, name, ...) \
  cuda_judge((r)->device, #name, (r)->device->cu->name(__VA_ARGS__))

static CUdeviceptr
address(const void *handle)
{
  return (CUdeviceptr)(uintptr_t)handle;
}

static int
driver_alloc(void *self, struct gpu_array *a)
{
  struct driver *r = self;
  CUdeviceptr at = 0;

  if (CALL(r, cuMemAlloc_v2, &at, a->bytes + 2 * GPU_GUARD))
    return -1;
  a->raw = (void *)(uintptr_t)at;
  a->view = (void *)(uintptr_t)(at + GPU_GUARD);
  return 0;
}

static void
driver_release(void *self, struct gpu_array *a)
{
  struct driver *r = self;

  if (a->raw)
    r->device->cu->cuMemFree_v2(address(a->raw));
  *a = (struct gpu_array){ 0 };
}

static int
driver_write(void *self, struct gpu_array *a, size_t at, const void *from,
             size_t bytes)
{
  struct driver *r = self;

  return CALL(r, cuMemcpyHtoD_v2, address(a->raw) + at, from, bytes);
}

static int
driver_read(void *self, struct gpu_array *a, size_t at, void *to,
            size_t bytes)
{
  struct driver *r = self;

  return CALL(r, cuMemcpyDtoH_v2, to, address(a->raw) + at, bytes);
}

/* The cubin behind the line "//@ cubin SIZE"; that line ends the manifest. */
static char *
find_cubin(char *object, size_t size)
{
  char *mark = memmem(object, size, "\n//@ cubin ", 11), *line;
  size_t bytes, left;

  if (mark == NULL || sscanf(mark + 11, "%zu", &bytes) != 1)
    return NULL;
  line = memchr(mark + 1, '\n', size - (size_t)(mark + 1 - object));
  if (line == NULL)
    return NULL;
  left = size - (size_t)(line + 1 - object);
  mark[1] = '\0';
  return left == bytes ? line + 1 : NULL;
}

static int
driver_compile(void *self, const char *object, const struct chanas_program *p,
               char **manifest)
{
  struct driver *r = self;
  size_t size;
  char *cubin;

  (void)p;
  r->object = gpu_read_file(r->device->host, object, &size);
  if (r->object == NULL)
    return -1;
  cubin = find_cubin(r->object, size);
  if (cubin == NULL) {
    r->device->host->log(r->device->host->ctx, CHANAS_ERROR, "%s holds no "
                         "whole cubin", object);
    return -1;
  }
  *manifest = strdup(r->object);
  return *manifest ? CALL(r, cuModuleLoadData, &r->module, cubin) : -1;
}

static void *
driver_kernel(void *self, const struct gpu_launch *shape)
{
  struct driver *r = self;
  const struct cu *cu = r->device->cu;
  CUfunction f = NULL;

  if (cuda_judge(r->device, shape->name,
                 cu->cuModuleGetFunction(&f, r->module, shape->name)))
    return NULL;
  if (shape->local == 0
      || !CALL(r, cuFuncSetAttribute, f, CU_FUNC_MAX_DYNAMIC_SHARED,
               (int)shape->local))
    return f;
  return NULL;
}

static int
driver_clear(void *self, struct gpu_array *a, size_t bytes)
{
  struct driver *r = self;

  return CALL(r, cuMemsetD8Async, address(a->view), 0, bytes,
              r->device->stream);
}

static int
driver_launch(void *self, void *kernel, const struct gpu_launch *shape,
              void *const arg[4])
{
  struct driver *r = self;
  CUdeviceptr value[4];
  void *args[4];
  int i;

  for (i = 0; i < 4; i++) {
    value[i] = address(arg[i]);
    args[i] = &value[i];
  }
  return CALL(r, cuLaunchKernel, kernel, (unsigned)shape->grid[0],
              (unsigned)shape->grid[1], (unsigned)shape->grid[2],
              (unsigned)shape->threads, 1, 1, (unsigned)shape->local,
              r->device->stream, args, NULL);
}

/* ---- timing ---- */

static int
capture(struct driver *r, int (*pass)(void *arg), void *arg)
{
  int bad;

  if (r->exec)
    return 0;
  if (CALL(r, cuStreamBeginCapture_v2, r->device->stream, 0))
    return -1;
  bad = pass(arg);
  bad |= CALL(r, cuStreamEndCapture, r->device->stream, &r->graph);
  return bad || CALL(r, cuGraphInstantiateWithFlags, &r->exec, r->graph, 0);
}

/* From one event to the other. */
static int
elapsed(struct driver *r, double *seconds)
{
  float ms = 0;

  if (CALL(r, cuEventSynchronize, r->to)
      || CALL(r, cuEventElapsedTime, &ms, r->from, r->to))
    return -1;
  *seconds += 1e-3 * (double)ms;
  return 0;
}

static int
time_warm(struct driver *r, unsigned repeat, double *seconds)
{
  unsigned i;
  int bad = CALL(r, cuEventRecord, r->from, r->device->stream);

  for (i = 0; i < repeat && !bad; i++)
    bad = CALL(r, cuGraphLaunch, r->exec, r->device->stream);
  return bad || CALL(r, cuEventRecord, r->to, r->device->stream)
         || elapsed(r, seconds);
}

static int
time_cold(struct driver *r, unsigned repeat, double *seconds)
{
  unsigned i;
  int bad = 0;

  for (i = 0; i < repeat && !bad; i++)
    bad = CALL(r, cuMemsetD8Async, r->flush, 0, r->flush_bytes,
               r->device->stream)
          || time_warm(r, 1, seconds);
  return bad;
}

static int
driver_time(void *self, int (*pass)(void *arg), void *arg, unsigned repeat,
            double *seconds)
{
  struct driver *r = self;

  *seconds = 0;
  if (capture(r, pass, arg))
    return -1;
  return r->flush ? time_cold(r, repeat, seconds)
                  : time_warm(r, repeat, seconds);
}

static void
driver_unload(void *self)
{
  struct driver *r = self;
  const struct cu *cu = r->device->cu;

  if (r->exec)
    cu->cuGraphExecDestroy(r->exec);
  if (r->graph)
    cu->cuGraphDestroy(r->graph);
  if (r->from)
    cu->cuEventDestroy_v2(r->from);
  if (r->to)
    cu->cuEventDestroy_v2(r->to);
  if (r->flush)
    cu->cuMemFree_v2(r->flush);
  if (r->module)
    cu->cuModuleUnload(r->module);
  cuda_device_close(r->device);
  free(r->object);
  free(r);
}

static int
prepare(struct driver *r)
{
  const struct chanas_host *h = r->device->host;

  if (!strcmp(h->get(h->ctx, "l2"), "cold"))
    r->flush_bytes = 2 * (size_t)cuda_attribute(r->device, CU_L2_CACHE_SIZE);
  return CALL(r, cuEventCreate, &r->from, 0)
         || CALL(r, cuEventCreate, &r->to, 0)
         || (r->flush_bytes && CALL(r, cuMemAlloc_v2, &r->flush,
                                    r->flush_bytes));
}

int
cuda_load(const struct chanas_host *host, const char *object,
          const struct chanas_program *p, void **loaded)
{
  struct driver *r = calloc(1, sizeof *r);
  struct gpu_driver driver = {
    .device = r, .host = host, .alloc = driver_alloc,
    .release = driver_release, .write = driver_write, .read = driver_read,
    .compile = driver_compile, .kernel = driver_kernel,
    .clear = driver_clear, .launch = driver_launch, .time = driver_time,
    .unload = driver_unload,
  };

  *loaded = NULL;
  if (r == NULL)
    return -1;
  r->device = cuda_device_open(host);
  if (r->device == NULL) {
    free(r);
    return -1;
  }
  if (!prepare(r))
    return gpu_load(&driver, object, p, loaded);
  driver_unload(r);
  return -1;
}
