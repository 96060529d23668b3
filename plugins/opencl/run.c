/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The driver: candidates are compiled here from their source, and timed by
 * the wall clock from the first enqueue to clFinish(), which is what a whole
 * network costs its user; events of single kernels would leave out the gaps.
 */
#include "opencl.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAX_KERNELS 4096

/* Kernels that were made, to be released. */
struct driver {
  struct device *device;
  cl_program program;
  size_t kernels;
  cl_kernel kernel[MAX_KERNELS];
};

static int
judge(struct driver *r, const char *what, int32_t code)
{
  if (code == CL_SUCCESS)
    return 0;
  if (code == CL_MEM_OBJECT_ALLOCATION_FAILURE || code == CL_OUT_OF_RESOURCES
      || code == CL_OUT_OF_HOST_MEMORY)
    errno = ENOMEM;
  r->device->failed = 1;
  r->device->host->log(r->device->host->ctx, CHANAS_ERROR, "%s: %s", what,
                       cl_error(code));
  return -1;
}

static int
driver_alloc(void *self, struct gpu_array *a)
{
  struct driver *r = self;
  const struct cl *cl = r->device->cl;
  struct cl_region region = { GPU_GUARD, a->bytes };
  int32_t code;

  a->raw = cl->clCreateBuffer(r->device->context, CL_MEM_READ_WRITE,
                              a->bytes + 2 * GPU_GUARD, NULL, &code);
  if (a->raw == NULL)
    return judge(r, "clCreateBuffer", code);
  a->view = cl->clCreateSubBuffer(a->raw, CL_MEM_READ_WRITE,
                                  CL_BUFFER_CREATE_TYPE_REGION, &region,
                                  &code);
  return a->view ? 0 : judge(r, "clCreateSubBuffer", code);
}

static void
driver_release(void *self, struct gpu_array *a)
{
  struct driver *r = self;

  if (a->view)
    r->device->cl->clReleaseMemObject(a->view);
  if (a->raw)
    r->device->cl->clReleaseMemObject(a->raw);
  *a = (struct gpu_array){ 0 };
}

static int
driver_write(void *self, struct gpu_array *a, size_t at, const void *from,
             size_t bytes)
{
  struct driver *r = self;

  return judge(r, "clEnqueueWriteBuffer",
               r->device->cl->clEnqueueWriteBuffer(r->device->queue, a->raw,
                                                   1, at, bytes, from, 0,
                                                   NULL, NULL));
}

static int
driver_read(void *self, struct gpu_array *a, size_t at, void *to,
            size_t bytes)
{
  struct driver *r = self;

  return judge(r, "clEnqueueReadBuffer",
               r->device->cl->clEnqueueReadBuffer(r->device->queue, a->raw, 1,
                                                  at, bytes, to, 0, NULL,
                                                  NULL));
}

static int
driver_compile(void *self, const char *object, const struct chanas_program *p,
               char **manifest)
{
  struct driver *r = self;
  size_t size;
  char *text = gpu_read_file(r->device->host, object, &size);

  if (text == NULL)
    return -1;
  *manifest = text;
  r->program = program_open(r->device, text, p);
  return r->program ? 0 : -1;
}

static void *
driver_kernel(void *self, const struct gpu_launch *shape)
{
  struct driver *r = self;
  int32_t code = CL_OUT_OF_RESOURCES;
  cl_kernel k = NULL;

  if (r->kernels < MAX_KERNELS)
    k = r->device->cl->clCreateKernel(r->program, shape->name, &code);
  if (k == NULL) {
    judge(r, shape->name, code);
    return NULL;
  }
  return r->kernel[r->kernels++] = k;
}

static int
driver_clear(void *self, struct gpu_array *a, size_t bytes)
{
  struct driver *r = self;
  float zero = 0;

  return judge(r, "clEnqueueFillBuffer",
               r->device->cl->clEnqueueFillBuffer(r->device->queue, a->view,
                                                  &zero, sizeof zero, 0,
                                                  bytes, 0, NULL, NULL));
}

static int
driver_launch(void *self, void *kernel, const struct gpu_launch *shape,
              void *const arg[4])
{
  struct driver *r = self;
  const struct cl *cl = r->device->cl;
  size_t group[3] = { (size_t)shape->threads, 1, 1 }, all[3];
  uint32_t i;

  for (i = 0; i < 3; i++)
    all[i] = (size_t)shape->grid[i] * group[i];
  for (i = 0; i < 4; i++)
    if (judge(r, "clSetKernelArg",
              cl->clSetKernelArg(kernel, i, sizeof(cl_mem), &arg[i])))
      return -1;
  return judge(r, "clEnqueueNDRangeKernel",
               cl->clEnqueueNDRangeKernel(r->device->queue, kernel, 3, NULL,
                                          all, group, 0, NULL, NULL));
}

static int
driver_time(void *self, int (*pass)(void *arg), void *arg, unsigned repeat,
            double *seconds)
{
  struct driver *r = self;
  double start = device_now();
  unsigned i;
  int bad = 0;

  for (i = 0; i < repeat && !bad; i++)
    bad = pass(arg);
  bad |= judge(r, "clFinish", r->device->cl->clFinish(r->device->queue));
  *seconds = device_now() - start;
  return bad;
}

static void
driver_unload(void *self)
{
  struct driver *r = self;
  size_t i;

  for (i = 0; i < r->kernels; i++)
    r->device->cl->clReleaseKernel(r->kernel[i]);
  if (r->program)
    r->device->cl->clReleaseProgram(r->program);
  r->device->programs--;
  free(r);
}

int
opencl_load(const struct chanas_host *host, const char *object,
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
  r->device = device_open(host);
  if (r->device == NULL) {
    free(r);
    return -1;
  }
  r->device->programs++;
  return gpu_load(&driver, object, p, loaded);
}
