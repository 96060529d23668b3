/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the two halves of the backend agree on.  lanes.c (pure half) emits, for
 * a symbol S,
 *
 *   unsigned long S_floats(void);                      size of packed weights
 *   void S_pack(const float *weights, float *packed);  once, when loaded
 *   void S(const float *x, const float *packed, float *y);
 *
 * and lanes_run.c (device half, only in chanas-runner) calls them.
 */
#ifndef LANES_H
#define LANES_H
#include <chanas/plugin.h>

int run_diagnose(const struct chanas_host *, struct chanas_text *out);
int run_probe(const struct chanas_host *);
int run_describe(const struct chanas_host *, struct chanas_text *out,
                 int measure);
int run_load(const struct chanas_host *, const char *object,
             const struct chanas_program *, void **loaded);
int run_run(void *loaded, const float *input, float *output, unsigned repeat,
            double *seconds);
int run_control(const struct chanas_host *, double *seconds);
void run_unload(void *loaded);

/* The text that all kernels share: lanes_text.c. */
extern const char lanes_prelude[];
#endif
