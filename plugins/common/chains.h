/* SPDX-License-Identifier: Apache-2.0 */
/* Plan, between lowering and placing: nodes make phases. */
#ifndef COMMON_CHAINS_H
#define COMMON_CHAINS_H
#include "plan.h"

/* Phases of the nodes; producer: the node that makes each tensor, or -1. */
void find_chains(struct plan *, const int *producer);
/* How many nodes read a tensor, and the last one that does. */
int tensor_readers(const struct plan *, int tensor, int *last);
/* A 1 x 1 convolution whose weights are packed as they are. */
int is_pointwise(const struct node *);
/* Then chains by slices of channels, where the schedule says so. */
void slice_chains(struct plan *);
#endif
