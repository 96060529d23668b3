/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The device half that CPU backends share: an object is loaded with dlopen,
 * its weights are packed once, and a program runs step by step in this
 * process.  The program's input and output are used in place, so that the
 * caller's guard zones around them mean something; the ones around packed
 * weights, scratch and inner tensors are checked here after each run.
 */
#ifndef COMMON_CPU_H
#define COMMON_CPU_H
#include <chanas/plugin.h>

int cpu_load(const struct chanas_host *, const char *object,
             const struct chanas_program *, void **loaded);
int cpu_run(void *loaded, const float *input, float *output, unsigned repeat,
            double *seconds);
int cpu_profile(void *loaded, const float *input, float *output,
                double *seconds);
void cpu_unload(void *loaded);
double cpu_now(void); /* monotonic seconds */
/* Bytes of the data cache of a level of this machine; 0 if unknown. */
long cpu_cache(int level);
#endif
