/* SPDX-License-Identifier: Apache-2.0 */
/* Exported programs: the first OpenCL device of the first platform that has
 * one. */
#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>
#include <stdio.h>
#include <stdlib.h>
#include "gpu.h"

#define MANY 4096

static cl_device_id device;
static cl_context context;
static cl_command_queue queue;
static cl_program program;
static cl_mem memory[MANY];
static cl_kernel kernel[MANY];
static size_t memories, kernels;

static int
say(const char *what, cl_int code)
{
  if (code != CL_SUCCESS)
    fprintf(stderr, "%s: OpenCL error %d\n", what, (int)code);
  return code == CL_SUCCESS ? 0 : -1;
}

static int
choose(void)
{
  cl_platform_id platform[16];
  cl_uint count = 0, i;

  clGetPlatformIDs(16, platform, &count);
  for (i = 0; i < count && i < 16; i++)
    if (clGetDeviceIDs(platform[i], CL_DEVICE_TYPE_ALL, 1, &device, NULL)
        == CL_SUCCESS)
      return 0;
  fprintf(stderr, "no OpenCL device\n");
  return -1;
}

static char *
read_text(const char *name)
{
  FILE *f = fopen(name, "rb");
  char *text = NULL;
  long n;

  if (f && !fseek(f, 0, SEEK_END) && (n = ftell(f)) >= 0
      && !fseek(f, 0, SEEK_SET) && (text = calloc(1, (size_t)n + 1))
      && fread(text, 1, (size_t)n, f) != (size_t)n) {
    free(text);
    text = NULL;
  }
  if (f)
    fclose(f);
  if (text == NULL)
    fprintf(stderr, "cannot read %s\n", name);
  return text;
}

static int
build(const char *name)
{
  char *text = read_text(name);
  const char *source = text;
  cl_int code = CL_INVALID_VALUE;

  if (text)
    program = clCreateProgramWithSource(context, 1, &source, NULL, &code);
  free(text);
  return !program || say(name, clBuildProgram(program, 1, &device,
                                              "-cl-std=CL1.2", NULL, NULL));
}

int
gpu_start(const char *name)
{
  cl_int code;

  if (choose())
    return -1;
  context = clCreateContext(NULL, 1, &device, NULL, NULL, &code);
  if (context)
    queue = clCreateCommandQueue(context, device, 0, &code);
  if (queue && !build(name))
    return 0;
  gpu_stop();
  return -1;
}

void
gpu_stop(void)
{
  while (kernels > 0)
    clReleaseKernel(kernel[--kernels]);
  while (memories > 0)
    clReleaseMemObject(memory[--memories]);
  if (program)
    clReleaseProgram(program);
  if (queue)
    clReleaseCommandQueue(queue);
  if (context)
    clReleaseContext(context);
  program = NULL;
  queue = NULL;
  context = NULL;
}

void *
gpu_find(const struct gpu_launch *shape)
{
  cl_int code = CL_OUT_OF_RESOURCES;
  cl_kernel k = kernels < MANY ? clCreateKernel(program, shape->name, &code)
                               : NULL;

  say(shape->name, code);
  if (k)
    kernel[kernels++] = k;
  return k;
}

void *
gpu_memory(size_t bytes)
{
  cl_int code = CL_OUT_OF_RESOURCES;
  cl_mem m = memories < MANY ? clCreateBuffer(context, CL_MEM_READ_WRITE,
                                              bytes, NULL, &code) : NULL;

  say("memory", code);
  if (m)
    memory[memories++] = m;
  return m;
}

int
gpu_put(void *to, const void *from, size_t bytes)
{
  return say("write", clEnqueueWriteBuffer(queue, to, CL_TRUE, 0, bytes, from,
                                           0, NULL, NULL));
}

int
gpu_get(void *from, void *to, size_t bytes)
{
  return say("read", clEnqueueReadBuffer(queue, from, CL_TRUE, 0, bytes, to,
                                         0, NULL, NULL));
}

int
gpu_clear(void *m, size_t bytes)
{
  const float zero = 0;

  return say("clear", clEnqueueFillBuffer(queue, m, &zero, sizeof zero, 0,
                                          bytes, 0, NULL, NULL));
}

int
gpu_go(void *k, const struct gpu_launch *shape, void *const arg[4])
{
  size_t group[3] = { (size_t)shape->threads, 1, 1 }, all[3];
  cl_uint i;

  for (i = 0; i < 3; i++)
    all[i] = (size_t)shape->grid[i] * group[i];
  for (i = 0; i < 4; i++)
    if (say("argument", clSetKernelArg(k, i, sizeof(cl_mem), &arg[i])))
      return -1;
  return say("kernel", clEnqueueNDRangeKernel(queue, k, 3, NULL, all, group,
                                              0, NULL, NULL));
}
