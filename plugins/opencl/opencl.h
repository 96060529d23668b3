/* SPDX-License-Identifier: Apache-2.0 */
/* The OpenCL backend: the device that was chosen. */
#ifndef OPENCL_OPENCL_H
#define OPENCL_OPENCL_H
#include "cl.h"
#include "gpu_run.h"

/* One device with a context and a queue. */
struct device {
  const struct chanas_host *host;
  const struct cl *cl;
  cl_platform_id platform;
  cl_device_id id;
  cl_context context;
  cl_command_queue queue;
  int failed;        /* a command did: once unused it gets a new context */
  unsigned programs; /* that are loaded */
};

/* By the parameters platform and device; NULL, logged: unavailable, why.  It
 * is the process's and stays, because a context is dear: PoCL reads its
 * library of functions for each, which takes longer than most kernels. */
struct device *device_open(const struct chanas_host *);
/* Build a text; NULL, logged with the compiler's first complaint. */
cl_program device_build(struct device *, const char *text,
                        enum chanas_level);
/* Build what the program needs of a text, or take what was built of it
 * before.  To be released; NULL, logged. */
cl_program program_open(struct device *, const char *text,
                        const struct chanas_program *);
/* Threads that run in step, by what a small kernel reports. */
int device_warp(struct device *);
double device_now(void); /* monotonic seconds */

int opencl_probe(const struct chanas_host *);
int opencl_diagnose(const struct chanas_host *, struct chanas_text *);
int opencl_describe(const struct chanas_host *, struct chanas_text *,
                    int measure);
int opencl_control(const struct chanas_host *, double *seconds);
int opencl_load(const struct chanas_host *, const char *object,
                const struct chanas_program *, void **loaded);
/* GFLOP/s of multiply-adds and GB/s of a copy. */
int opencl_ceilings(struct device *, struct chanas_text *);
int opencl_deploy(void *self, const struct chanas_program *,
                  struct chanas_files *);
#endif
