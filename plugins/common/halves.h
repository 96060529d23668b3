/* SPDX-License-Identifier: Apache-2.0 */
/* Plan, between lowering and placing: depthwise convolutions of halves. */
#ifndef COMMON_HALVES_H
#define COMMON_HALVES_H
#include "plan.h"

/* Mark them and the tensors that they read, if the schedule wants that. */
void halve_tensors(struct plan *);
#endif
