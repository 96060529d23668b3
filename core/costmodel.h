/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The learned cost model that screens policies before they are measured: a
 * Gaussian process (as in CHaNAS, LCTES 2021) with a squared-exponential
 * kernel over the backend's features, shared between similar blocks (those of
 * one group).  It predicts log(latency / latency of the default policy).
 */
#ifndef CORE_COSTMODEL_H
#define CORE_COSTMODEL_H
#include <stddef.h>
#include <stdint.h>

#define COSTMODEL_FEATURES 64
#define COSTMODEL_ROWS 240 /* most that one fit uses */

struct costmodel;

struct costmodel *costmodel_new(void);
void costmodel_free(struct costmodel *);
/* One observation.  owner: the workload (own rows are always used first). */
void costmodel_add(struct costmodel *, uint64_t group, size_t owner,
                   size_t features, const double *x, double y);
/* Fit to the rows of a group; -1 if there are too few to say anything. */
int costmodel_fit(struct costmodel *, uint64_t group, size_t owner);
/* Of the last fit. */
void costmodel_predict(const struct costmodel *, const double *x,
                       double *mean, double *stddev);
/* Expected improvement below `best` (minimisation; Jones et al. 1998). */
double costmodel_gain(double mean, double stddev, double best);
#endif
