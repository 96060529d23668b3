/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fixed work on the device, to see it drift, and what it can do at most.  The
 * kernel is PTX, which every driver compiles for its device: each thread does
 * 1024 rounds of 8 independent multiply-adds.
 */
#include "cuda.h"
#include <dlfcn.h>
#include <string.h>

#define THREADS 256
#define BLOCKS 1056
#define ROUNDS 1024
#define COPY ((size_t)256 << 20)

#define FMA(n) "  fma.rn.f32 %f" #n ", %f" #n ", %f8, %f9;\n"
#define SET(n) "  mov.f32 %f" #n ", 0f3F800000;\n"
static const char control[] =
  ".version 6.0\n.target sm_50\n.address_size 64\n"
  ".visible .entry control(.param .u64 y)\n{\n"
  "  .reg .f32 %f<10>;\n  .reg .u32 %r<6>;\n  .reg .u64 %d<4>;\n"
  "  .reg .pred %p;\n"
  "  ld.param.u64 %d1, [y];\n  mov.u32 %r1, %tid.x;\n"
  "  mov.u32 %r2, %ctaid.x;\n  mov.u32 %r3, %ntid.x;\n"
  "  mad.lo.u32 %r4, %r2, %r3, %r1;\n  mov.u32 %r5, 0;\n"
  "  mov.f32 %f8, 0f3F000000;\n  mov.f32 %f9, 0f3F000000;\n"
  SET(0) SET(1) SET(2) SET(3) SET(4) SET(5) SET(6) SET(7)
  "again:\n"
  FMA(0) FMA(1) FMA(2) FMA(3) FMA(4) FMA(5) FMA(6) FMA(7)
  "  add.u32 %r5, %r5, 1;\n  setp.lt.u32 %p, %r5, 1024;\n"
  "  @%p bra again;\n"
  "  add.f32 %f0, %f0, %f1;\n  add.f32 %f2, %f2, %f3;\n"
  "  add.f32 %f4, %f4, %f5;\n  add.f32 %f6, %f6, %f7;\n"
  "  add.f32 %f0, %f0, %f2;\n  add.f32 %f4, %f4, %f6;\n"
  "  add.f32 %f0, %f0, %f4;\n"
  "  mul.wide.u32 %d2, %r4, 4;\n  add.u64 %d3, %d1, %d2;\n"
  "  st.global.f32 [%d3], %f0;\n  ret;\n}\n";

struct work { CUmodule module; CUfunction kernel; CUdeviceptr y;
              CUevent from, to; };

static int
work_open(struct cuda_device *d, struct work *w)
{
  const struct cu *cu = d->cu;

  *w = (struct work){ 0 };
  return cuda_judge(d, "the control kernel",
                    cu->cuModuleLoadData(&w->module, control))
         || cuda_judge(d, "cuModuleGetFunction",
                       cu->cuModuleGetFunction(&w->kernel, w->module,
                                               "control"))
         || cuda_judge(d, "cuMemAlloc",
                       cu->cuMemAlloc_v2(&w->y, THREADS * BLOCKS * 4))
         || cuda_judge(d, "cuEventCreate", cu->cuEventCreate(&w->from, 0))
         || cuda_judge(d, "cuEventCreate", cu->cuEventCreate(&w->to, 0));
}

static void
work_close(struct cuda_device *d, struct work *w)
{
  if (w->from)
    d->cu->cuEventDestroy_v2(w->from);
  if (w->to)
    d->cu->cuEventDestroy_v2(w->to);
  if (w->y)
    d->cu->cuMemFree_v2(w->y);
  if (w->module)
    d->cu->cuModuleUnload(w->module);
}

static int
pass(struct cuda_device *d, struct work *w, double *seconds)
{
  const struct cu *cu = d->cu;
  void *args[] = { &w->y };
  float ms = 0;
  int bad =
    cuda_judge(d, "cuEventRecord", cu->cuEventRecord(w->from, d->stream))
    || cuda_judge(d, "the control kernel",
                  cu->cuLaunchKernel(w->kernel, BLOCKS, 1, 1, THREADS, 1, 1,
                                     0, d->stream, args, NULL))
    || cuda_judge(d, "cuEventRecord", cu->cuEventRecord(w->to, d->stream))
    || cuda_judge(d, "cuEventSynchronize", cu->cuEventSynchronize(w->to))
    || cuda_judge(d, "cuEventElapsedTime",
                  cu->cuEventElapsedTime(&ms, w->from, w->to));

  *seconds = 1e-3 * (double)ms;
  return bad ? -1 : 0;
}

/* One process is one job: opened once in it. */
int
cuda_control(const struct chanas_host *h, double *seconds)
{
  static struct cuda_device *d;
  static struct work w;

  if (d == NULL) {
    d = cuda_device_open(h);
    if (d == NULL || work_open(d, &w)) {
      if (d)
        work_close(d, &w);
      cuda_device_close(d);
      d = NULL;
      return -1;
    }
  }
  d->host = h;
  return pass(d, &w, seconds);
}

static double
bandwidth(struct cuda_device *d, struct work *w)
{
  const struct cu *cu = d->cu;
  CUdeviceptr big = 0;
  float ms = 0, best = 0;
  int i, bad = cu->cuMemAlloc_v2(&big, COPY);

  for (i = 0; i < 4 && !bad; i++) {
    bad = cu->cuEventRecord(w->from, d->stream)
          || cu->cuMemsetD8Async(big, 0, COPY, d->stream)
          || cu->cuEventRecord(w->to, d->stream)
          || cu->cuEventSynchronize(w->to)
          || cu->cuEventElapsedTime(&ms, w->from, w->to);
    best = best == 0 || ms < best ? ms : best;
  }
  if (big)
    cu->cuMemFree_v2(big);
  return bad || best <= 0 ? 0 : 1e-6 * (double)COPY / (double)best;
}

int
cuda_ceilings(struct cuda_device *d, struct chanas_text *out)
{
  struct work w;
  double best = 0, took, bytes = 0;
  int i, bad = work_open(d, &w);

  for (i = 0; i < 4 && !bad; i++) {
    bad = pass(d, &w, &took);
    best = best == 0 || took < best ? took : best;
  }
  if (!bad)
    bytes = bandwidth(d, &w);
  work_close(d, &w);
  if (bad || best <= 0)
    return -1;
  return d->host->print(out, "measured.gflops=%.0f\nmeasured.gbps=%.0f\n",
                        16e-9 * ROUNDS * THREADS * BLOCKS / best, bytes);
}

/* ---- NVML, where it is there ---- */

int
cuda_clocks(const struct cuda_device *d, struct chanas_text *out)
{
  void *library = dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL);
  static const char *const name[] = {
    "nvmlInit_v2", "nvmlDeviceGetHandleByIndex_v2", "nvmlDeviceGetClockInfo",
    "nvmlDeviceGetPowerUsage",
  };
  int (*init)(void), (*handle)(unsigned, void **);
  int (*clock)(void *, int, unsigned *), (*power)(void *, unsigned *);
  void *symbol[4], *device = NULL;
  unsigned sm = 0, memory = 0, milliwatts = 0;
  int i;

  for (i = 0; library && i < 4; i++)
    if ((symbol[i] = dlsym(library, name[i])) == NULL)
      library = NULL;
  if (library == NULL)
    return d->host->print(out, "measured.nvml=absent\n");
  memcpy(&init, &symbol[0], sizeof init);
  memcpy(&handle, &symbol[1], sizeof handle);
  memcpy(&clock, &symbol[2], sizeof clock);
  memcpy(&power, &symbol[3], sizeof power);
  if (init() || handle((unsigned)d->id, &device) || clock(device, 1, &sm)
      || clock(device, 2, &memory) || power(device, &milliwatts))
    return d->host->print(out, "measured.nvml=failed\n");
  return d->host->print(out, "measured.sm_mhz=%u\nmeasured.memory_mhz=%u\n"
                        "measured.watts=%.1f\n", sm, memory,
                        1e-3 * milliwatts);
}
