/* SPDX-License-Identifier: Apache-2.0 */
/* Plan, second half: halos, layouts and addresses.  Called by plan_make. */
#ifndef COMMON_PLACE_H
#define COMMON_PLACE_H
#include "plan.h"

void place_tensors(struct plan *);
/* Addresses in scratch, once sizes are known. */
void place_scratch(struct plan *);
/* And in the packed weights. */
void place_weights(struct plan *);
/* Nodes of a phase, at most three. */
int phase_nodes(const struct phase *, int out[3]);
#endif
