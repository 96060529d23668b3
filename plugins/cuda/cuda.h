/* SPDX-License-Identifier: Apache-2.0 */
/* The CUDA backend: device half. */
#ifndef CUDA_CUDA_H
#define CUDA_CUDA_H
#include "cu.h"
#include "gpu_run.h"

struct cuda_device {
  const struct chanas_host *host;
  const struct cu *cu;
  int id;
  CUcontext context;
  CUstream stream;
};

/* With a context and a stream; NULL, logged. */
struct cuda_device *cuda_device_open(const struct chanas_host *);
void cuda_device_close(struct cuda_device *);
int cuda_attribute(const struct cuda_device *, int which);
/* 0, or -1: logged, and errno ENOMEM where memory was short. */
int cuda_judge(const struct cuda_device *, const char *what, int code);

int cuda_probe(const struct chanas_host *);
int cuda_diagnose(const struct chanas_host *, struct chanas_text *);
int cuda_describe(const struct chanas_host *, struct chanas_text *,
                  int measure);
int cuda_control(const struct chanas_host *, double *seconds);
int cuda_load(const struct chanas_host *, const char *object,
              const struct chanas_program *, void **loaded);
/* Lines of GFLOP/s and GB/s, and of clocks and power where NVML is there. */
int cuda_ceilings(struct cuda_device *, struct chanas_text *);
int cuda_clocks(const struct cuda_device *, struct chanas_text *);
/* The path of chanas-nvrtc, which command() runs. */
const char *cuda_helper(void);
int cuda_deploy(void *self, const struct chanas_program *,
                struct chanas_files *);
#endif
