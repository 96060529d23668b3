/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The device: chosen by name or number, and described.  PoCL would keep each
 * kernel that it ever compiled in the user's cache folder; candidates are
 * many and run once, so that is switched off unless the user switched it on.
 */
#include "opencl.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include "findings.h"

#define MANY 32
#define NAME 256

double
device_now(void)
{
  struct timespec t;

  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int
fail(const struct chanas_host *h, const char *what, int32_t code)
{
  h->log(h->ctx, CHANAS_ERROR, "unavailable: %s: %s", what, cl_error(code));
  return -1;
}

/* One line: what a driver prints must not make two of it. */
static void
device_text(const struct device *d, uint32_t what, char text[NAME])
{
  char *p;

  text[0] = '\0';
  if (d->cl->clGetDeviceInfo(d->id, what, NAME - 1, text, NULL))
    text[0] = '\0';
  text[NAME - 1] = '\0';
  for (p = text; *p; p++)
    if (*p == '\n' || *p == '\r')
      *p = ' ';
  while (p > text && p[-1] == ' ')
    *--p = '\0';
}

static uint64_t
device_number(const struct device *d, uint32_t what, size_t size)
{
  uint64_t value = 0;
  uint32_t narrow = 0;

  if (size == sizeof narrow) {
    d->cl->clGetDeviceInfo(d->id, what, size, &narrow, NULL);
    return narrow;
  }
  d->cl->clGetDeviceInfo(d->id, what, size, &value, NULL);
  return value;
}

/* ---- choosing ---- */

/* Is this what was asked for: nothing, its number, or a part of its name? */
static int
matches(const char *wanted, unsigned index, const char *name)
{
  char number[12];

  snprintf(number, sizeof number, "%u", index);
  return *wanted == '\0' || !strcmp(wanted, number)
         || strcasestr(name, wanted) != NULL;
}

static int
choose_device(struct device *d, const char *wanted)
{
  cl_device_id list[MANY];
  uint32_t count = 0, i;
  char name[NAME];

  if (d->cl->clGetDeviceIDs(d->platform, CL_DEVICE_TYPE_ALL, MANY, list,
                            &count))
    return 0;
  for (i = 0; i < count && i < MANY; i++) {
    d->id = list[i];
    device_text(d, CL_DEVICE_NAME, name);
    if (matches(wanted, i, name))
      return 1;
  }
  return 0;
}

static int
choose(struct device *d)
{
  const struct chanas_host *h = d->host;
  const char *platform = h->get(h->ctx, "platform");
  const char *device = h->get(h->ctx, "device_name");
  cl_platform_id list[MANY];
  uint32_t count = 0, i;
  char name[NAME];

  if (d->cl->clGetPlatformIDs(MANY, list, &count) || count == 0) {
    h->log(h->ctx, CHANAS_ERROR, "unavailable: no OpenCL platform is "
           "installed; a GPU's driver brings one, and Debian's "
           "pocl-opencl-icd one for the CPU");
    return -1;
  }
  for (i = 0; i < count && i < MANY; i++) {
    d->platform = list[i];
    name[0] = '\0';
    d->cl->clGetPlatformInfo(list[i], CL_PLATFORM_NAME, sizeof name, name,
                             NULL);
    name[NAME - 1] = '\0';
    if (matches(platform, i, name) && choose_device(d, device))
      return 0;
  }
  h->log(h->ctx, CHANAS_ERROR, "unavailable: none of %u OpenCL platforms has "
         "a device for platform = '%s', device_name = '%s'", count, platform,
         device);
  return -1;
}

static void
release(struct device *d)
{
  if (d->queue)
    d->cl->clReleaseCommandQueue(d->queue);
  if (d->context)
    d->cl->clReleaseContext(d->context);
  *d = (struct device){ 0 };
}

struct device *
device_open(const struct chanas_host *h)
{
  static struct device d;
  int32_t code;

  if (d.failed && d.programs == 0)
    release(&d);
  d.host = h;
  if (d.queue)
    return &d;
  setenv("POCL_KERNEL_CACHE", "0", 0);
  d.cl = cl_open(h, CHANAS_ERROR);
  if (d.cl == NULL || choose(&d))
    return NULL;
  d.context = d.cl->clCreateContext(NULL, 1, &d.id, NULL, NULL, &code);
  if (d.context)
    d.queue = d.cl->clCreateCommandQueue(d.context, d.id, 0, &code);
  if (d.queue)
    return &d;
  fail(h, "no context on the OpenCL device", code);
  release(&d);
  return NULL;
}

/* ---- building ---- */

static void
complain(struct device *d, cl_program program, int32_t code,
         enum chanas_level level)
{
  static char log[1 << 16];
  const char *line = log;
  int n;

  log[0] = '\0';
  d->cl->clGetProgramBuildInfo(program, d->id, CL_PROGRAM_BUILD_LOG,
                               sizeof log - 1, log, NULL);
  line = strstr(log, "error");
  while (line && line > log && line[-1] != '\n')
    line--;
  line = line ? line : log;
  n = (int)strcspn(line, "\n");
  d->host->log(d->host->ctx, level, "the OpenCL compiler failed (%s): "
               "%.*s", cl_error(code), n > 400 ? 400 : n, line);
}

cl_program
device_build(struct device *d, const char *text, enum chanas_level level)
{
  int32_t code;
  cl_program p = d->cl->clCreateProgramWithSource(d->context, 1, &text, NULL,
                                                  &code);

  if (p == NULL) {
    fail(d->host, "the text cannot be handed over", code);
    return NULL;
  }
  code = d->cl->clBuildProgram(p, 1, &d->id,
                               d->host->get(d->host->ctx, "options"), NULL,
                               NULL);
  if (code == CL_SUCCESS)
    return p;
  complain(d, p, code, level);
  d->cl->clReleaseProgram(p);
  return NULL;
}

int
device_warp(struct device *d)
{
  static const char text[] =
    "__kernel void warp(__global float *y) { y[get_global_id(0)] = 1.0f; }";
  cl_program p = device_build(d, text, CHANAS_ERROR);
  cl_kernel k = NULL;
  size_t multiple = 1;
  int32_t code;

  if (p)
    k = d->cl->clCreateKernel(p, "warp", &code);
  if (k) {
    d->cl->clGetKernelWorkGroupInfo(k, d->id, CL_KERNEL_PREFERRED_MULTIPLE,
                                    sizeof multiple, &multiple, NULL);
    d->cl->clReleaseKernel(k);
  }
  if (p)
    d->cl->clReleaseProgram(p);
  while (multiple > 1 && 64 % multiple != 0)
    multiple--;
  return (int)multiple;
}

/* ---- the device half's first callbacks ---- */

int
opencl_probe(const struct chanas_host *h)
{
  return device_open(h) ? 0 : -1;
}

int
opencl_describe(const struct chanas_host *h, struct chanas_text *out,
                int measure)
{
  struct device *d = device_open(h);
  char name[NAME], vendor[NAME], driver[NAME], version[NAME];
  uint64_t group = 0;
  int bad;

  if (d == NULL)
    return -1;
  device_text(d, CL_DEVICE_NAME, name);
  device_text(d, CL_DEVICE_VENDOR, vendor);
  device_text(d, CL_DRIVER_VERSION, driver);
  device_text(d, CL_DEVICE_VERSION, version);
  group = device_number(d, CL_DEVICE_MAX_WORK_GROUP_SIZE, sizeof(size_t));
  bad = h->print(out, "name=%s\nvendor=%s\ndriver=%s\nversion=%s\n", name,
                 vendor, driver, version)
        | h->print(out, "units=%u\ngroup=%u\nwarp=%d\nlocal=%llu\n"
                   "vector=%u\nclock_mhz=%u\nmemory=%llu\n",
                   (unsigned)device_number(d, CL_DEVICE_MAX_COMPUTE_UNITS, 4),
                   (unsigned)(group > 1024 ? 1024 : group), device_warp(d),
                   (unsigned long long)device_number(
                     d, CL_DEVICE_LOCAL_MEM_SIZE, 8),
                   (unsigned)device_number(
                     d, CL_DEVICE_PREFERRED_VECTOR_WIDTH_FLOAT, 4),
                   (unsigned)device_number(d, CL_DEVICE_MAX_CLOCK_FREQUENCY,
                                           4),
                   (unsigned long long)device_number(
                     d, CL_DEVICE_GLOBAL_MEM_SIZE, 8));
  if (!bad && measure)
    bad = opencl_ceilings(d, out);
  return bad ? -1 : 0;
}

int
opencl_diagnose(const struct chanas_host *h, struct chanas_text *out)
{
  struct finding library = { h, out, "library", "missing",
                             "ocl-icd-libopencl1", "finds OpenCL devices" };
  struct finding platform = { h, out, "platform", "missing",
                              "pocl-opencl-icd", "runs kernels on the CPU" };
  const struct cl *cl;
  uint32_t count = 0;

  if (!finding_library(&library, "libOpenCL.so.1"))
    return 0;
  cl = cl_open(h, CHANAS_INFO);
  if (cl == NULL || cl->clGetPlatformIDs(0, NULL, &count) || count == 0)
    finding_say(&platform, "missing", "no OpenCL platform; a GPU's driver "
                "brings one, Debian's pocl-opencl-icd one for the CPU");
  else
    finding_say(&platform, "ok", "%u OpenCL platforms", count);
  return 0;
}
