/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_SLICES_H
#define COMMON_SLICES_H
#include "plan.h"

/* Between choosing the chains and placing tensors. */
void slice_chains(struct plan *);
#endif
