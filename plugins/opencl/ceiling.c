/* SPDX-License-Identifier: Apache-2.0 */
/* Fixed work on the device: what it can do at most, and whether it drifts. */
#include "opencl.h"

#define THREADS 64
#define BLOCKS 1024
#define ROUNDS 256      /* of 8 independent multiply-adds */
#define FLOATS (1 << 22)

static const char text[] =
  "__kernel void fma_peak(__global float *x, __global float *y)\n"
  "{\n"
  "  float a[8], b = x[0];\n"
  "  for (int i = 0; i < 8; i++)\n"
  "    a[i] = (float)i;\n"
  "  for (int r = 0; r < 256; r++)\n"
  "    for (int i = 0; i < 8; i++)\n"
  "      a[i] = a[i] * b + 0.5f;\n"
  "  for (int i = 1; i < 8; i++)\n"
  "    a[0] += a[i];\n"
  "  y[get_global_id(0)] = a[0];\n"
  "}\n"
  "__kernel void copy(__global const float *x, __global float *y)\n"
  "{\n"
  "  y[get_global_id(0)] = x[get_global_id(0)];\n"
  "}\n";

struct work { cl_context context; cl_program program; cl_mem x, y; };

static int
work_open(struct device *d, struct work *w)
{
  int32_t code;
  float zero = 0;

  *w = (struct work){ .context = d->context,
                      .program = device_build(d, text, CHANAS_ERROR) };
  if (w->program == NULL)
    return -1;
  w->x = d->cl->clCreateBuffer(d->context, CL_MEM_READ_WRITE,
                               FLOATS * sizeof(float), NULL, &code);
  w->y = d->cl->clCreateBuffer(d->context, CL_MEM_READ_WRITE,
                               FLOATS * sizeof(float), NULL, &code);
  if (w->x && w->y
      && !d->cl->clEnqueueFillBuffer(d->queue, w->x, &zero, sizeof zero, 0,
                                     FLOATS * sizeof(float), 0, NULL, NULL))
    return 0;
  d->host->log(d->host->ctx, CHANAS_ERROR, "no memory on the device for the "
               "control kernel: %s", cl_error(code));
  return -1;
}

static void
work_close(struct device *d, struct work *w)
{
  if (w->x)
    d->cl->clReleaseMemObject(w->x);
  if (w->y)
    d->cl->clReleaseMemObject(w->y);
  if (w->program)
    d->cl->clReleaseProgram(w->program);
  *w = (struct work){ 0 };
}

/* Least seconds of `rounds` launches, or a negative number. */
static double
run(struct device *d, struct work *w, const char *name, size_t all,
    int rounds)
{
  size_t group = THREADS;
  int32_t code;
  cl_kernel k = d->cl->clCreateKernel(w->program, name, &code);
  double best = -1;
  int i, bad = k == NULL;

  bad = bad || d->cl->clSetKernelArg(k, 0, sizeof w->x, &w->x)
        || d->cl->clSetKernelArg(k, 1, sizeof w->y, &w->y);
  for (i = 0; i < rounds + 1 && !bad; i++) {
    double start = device_now(), took;
    bad = d->cl->clEnqueueNDRangeKernel(d->queue, k, 1, NULL, &all, &group, 0,
                                        NULL, NULL)
          || d->cl->clFinish(d->queue);
    took = device_now() - start;
    if (i > 0 && (best < 0 || took < best))
      best = took;
  }
  if (k)
    d->cl->clReleaseKernel(k);
  return bad ? -1 : best;
}

int
opencl_ceilings(struct device *d, struct chanas_text *out)
{
  struct work w;
  double peak = -1, copy = -1;

  if (work_open(d, &w) == 0) {
    peak = run(d, &w, "fma_peak", THREADS * BLOCKS, 5);
    copy = run(d, &w, "copy", FLOATS, 5);
  }
  work_close(d, &w);
  if (peak <= 0 || copy <= 0)
    return -1;
  return d->host->print(out, "measured.gflops=%.1f\nmeasured.gbps=%.1f\n",
                        16e-9 * ROUNDS * THREADS * BLOCKS / peak,
                        8e-9 * FLOATS / copy);
}

/* The runner is one process for one job: the control kernel is compiled once
 * in it and stays. */
int
opencl_control(const struct chanas_host *h, double *seconds)
{
  static struct work w;
  struct device *d = device_open(h);

  if (d == NULL)
    return -1;
  if (w.context != d->context)
    work_close(d, &w);
  if (w.program == NULL && work_open(d, &w)) {
    work_close(d, &w);
    return -1;
  }
  *seconds = run(d, &w, "fma_peak", THREADS * BLOCKS / 4, 1);
  return *seconds > 0 ? 0 : -1;
}
