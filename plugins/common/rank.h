/* SPDX-License-Identifier: Apache-2.0 */
/* Correlations of orders.  Ties have their mean rank (Spearman) or are left
 * out of both counts (Kendall's tau-b).  0 where nothing varies. */
#ifndef COMMON_RANK_H
#define COMMON_RANK_H
#include <stddef.h>

double rank_spearman(const double *a, const double *b, size_t n);
double rank_kendall(const double *a, const double *b, size_t n);
#endif
