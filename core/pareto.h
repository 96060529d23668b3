/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Non-dominated sets and their hypervolume.
 */
#ifndef CORE_PARETO_H
#define CORE_PARETO_H
#include <stddef.h>

/* a, b: goals values; sense[i] +1 maximise, -1 minimise. */
int pareto_dominates(size_t goals, const int *sense, const double *a,
                     const double *b);
/* Marks in keep[i] whether row i of value[n][goals] is non-dominated; of
 * equal rows the first is kept.  Returns how many. */
size_t pareto_front(size_t goals, const int *sense, size_t n,
                    const double *value, char *keep);
/* Exact hypervolume against a reference point (any number of goals). */
double pareto_hypervolume(size_t goals, const int *sense, size_t n,
                          const double *value, const double *reference);
#endif
