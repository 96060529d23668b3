/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every kernel must compute: plain loops in double precision over NHWC
 * float data.  Slow on purpose; shares no code with any backend.
 */
#ifndef CORE_REFERENCE_H
#define CORE_REFERENCE_H
#include <chanas/plugin.h>

/* y = f(x), or y += f(x) where the workload accumulates. */
void reference_run(const struct chanas_workload *, const float *x,
                   const float *weights, float *y);
/* A whole program; tensors are allocated inside. */
void reference_program(const struct chanas_program *, const float *x,
                       float *y);
/* Random but well-scaled parameters: outputs keep the inputs' magnitude. */
void reference_weights(const struct chanas_workload *, uint64_t seed,
                       float *weights);
/* Largest |got - want| relative to that element's scale, the larger of |want|
 * and the root mean square of all of want; NaN or infinity in got gives
 * infinity. */
double reference_difference(const float *got, const float *want, size_t n);
/* The bound for a dtype. */
double reference_tolerance(const struct chanas_workload *);
#endif
