/* SPDX-License-Identifier: Apache-2.0 */
/* Plan, second half: halos, layouts and addresses.  Called by plan_make. */
#ifndef COMMON_PLACE_H
#define COMMON_PLACE_H
#include "plan.h"

void place_tensors(struct plan *);
#endif
