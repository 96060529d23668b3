/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exported programs for GPUs: what net.c needs of a device.  Handles are the
 * device's; functions return 0, or -1 having said on stderr why.
 */
#ifndef GPU_H
#define GPU_H
#include <stddef.h>
#include "gpu_manifest.h"

int gpu_start(const char *kernels); /* the device; kernels from this file */
void gpu_stop(void);
void *gpu_find(const struct gpu_launch *); /* its kernel; NULL: none */
void *gpu_memory(size_t bytes);     /* NULL: none left; ends with gpu_stop() */
int gpu_put(void *to, const void *from, size_t bytes);
int gpu_get(void *from, void *to, size_t bytes); /* waits for all before it */
int gpu_clear(void *memory, size_t bytes);
int gpu_go(void *kernel, const struct gpu_launch *, void *const arg[4]);
#endif
