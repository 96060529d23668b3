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
/* As reference_run, but with the operands of products rounded as a kernel of
 * the workload's dtype may round them. */
void reference_rounded(const struct chanas_workload *, const float *x,
                       const float *weights, float *y);
/* A whole program; tensors are allocated inside. */
void reference_program(const struct chanas_program *, const float *x,
                       float *y);
/* As reference_program, and the ranges of tensors that are seen on the way
 * are written into the parameters of the steps with dtype I8; weights[i] are
 * those of step i, step[i].weights the same floats. */
void reference_calibrate(const struct chanas_program *, float *const *weights,
                         const float *x, float *y);
/* Random but well-scaled parameters: outputs keep the inputs' magnitude.
 * Ranges are those that inputs in [-1, 1) lead to, with some room. */
void reference_weights(const struct chanas_workload *, uint64_t seed,
                       float *weights);
/* The second moment that the results have with such parameters, about. */
double reference_moment(const struct chanas_workload *);

/* ---- reference_narrow.c */
/* out[n]: v as the dtype has it; range is that of a tensor, for I8. */
void narrow_values(int dtype, float range, const float *v, size_t n,
                   float *out);
/* The largest magnitude, which I8 spreads its levels over. */
float narrow_range(const float *v, size_t n);
/* out: the parameters of an operator with products, each output channel's
 * weights with a range of their own; biases stay as they are. */
void narrow_weights(const struct chanas_op *, int dtype, const float *w,
                    float *out);

/* ---- reference_bound.c */
/* Largest |got - want| relative to that element's scale, the larger of |want|,
 * the root mean square of all of want and `least`; NaN or infinity in got
 * gives infinity. */
double reference_difference(const float *got, const float *want, size_t n,
                            double least);
/* Root mean square of got - want over that of want, or `least` if larger. */
double reference_deviation(const float *got, const float *want, size_t n,
                           double least);
/* The `least` of w's results: above 0 where these are few. */
double reference_least(const struct chanas_workload *w);
/* What a right kernel's difference and deviation stay below. */
double reference_tolerance(const struct chanas_workload *);
double reference_deviation_tolerance(const struct chanas_workload *);
#endif
