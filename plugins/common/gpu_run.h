/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The device half that GPU backends share: memory with guard zones, packed
 * parameters, and the order of the kernels of a program.  What a driver must
 * do is in struct gpu_driver; handles are the driver's own.
 *
 * Every array is laid out as  guard | data | guard  and checked after a run.
 */
#ifndef COMMON_GPU_RUN_H
#define COMMON_GPU_RUN_H
#include <chanas/plugin.h>
#include "gpu_manifest.h"

#define GPU_GUARD 4096 /* bytes before and behind the data of an array */

/* raw holds the guards too, view is what kernels get. */
struct gpu_array { void *raw, *view; size_t bytes; };

/* All return 0 or -1, logged, with errno ENOMEM where memory was short. */
struct gpu_driver {
  void *device;
  const struct chanas_host *host;
  /* raw memory of GPU_GUARD + bytes + GPU_GUARD, and the view inside */
  int (*alloc)(void *device, struct gpu_array *);
  void (*release)(void *device, struct gpu_array *);
  /* between host and raw memory, at an offset; they wait */
  int (*write)(void *device, struct gpu_array *, size_t at, const void *from,
               size_t bytes);
  int (*read)(void *device, struct gpu_array *, size_t at, void *to,
              size_t bytes);
  int (*compile)(void *device, const char *object,
                 const struct chanas_program *, char **manifest);
  /* NULL, logged */
  void *(*kernel)(void *device, const struct gpu_launch *);
  /* in order, without waiting */
  int (*clear)(void *device, struct gpu_array *, size_t bytes);
  int (*launch)(void *device, void *kernel, const struct gpu_launch *,
                void *const arg[4]);
  /* run pass(arg) `repeat` times and wait; the time of all */
  int (*time)(void *device, int (*pass)(void *arg), void *arg,
              unsigned repeat, double *seconds);
  void (*unload)(void *device);
};

/* Takes the driver over: gpu_unload() calls its unload, also when load
 * fails. */
int gpu_load(const struct gpu_driver *, const char *object,
             const struct chanas_program *, void **loaded);
int gpu_run(void *loaded, const float *input, float *output, unsigned repeat,
            double *seconds);
void gpu_unload(void *loaded);
/* A whole file, ending in a zero; NULL, logged. */
char *gpu_read_file(const struct chanas_host *, const char *path,
                    size_t *size);
#endif
