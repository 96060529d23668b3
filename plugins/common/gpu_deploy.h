/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stand-alone programs for GPUs: the files of plugins/common/alone, the
 * manifest's readers, a device's gpu.c and the tables of the program.
 */
#ifndef COMMON_GPU_DEPLOY_H
#define COMMON_GPU_DEPLOY_H
#include <chanas/plugin.h>

struct gpu_alone {
  const char *device;   /* text of gpu.c */
  const char *kernels;  /* name of the kernels' file */
  const char *makefile; /* its first lines: LIBS, and how kernels are made */
};
int gpu_deploy(const struct chanas_host *, const struct chanas_program *,
               const struct gpu_alone *, struct chanas_files *);
#endif
