/* SPDX-License-Identifier: Apache-2.0 */
/* Plan, between lowering and placing: tensors of narrow elements. */
#ifndef COMMON_NARROW_H
#define COMMON_NARROW_H
#include "plan.h"

/* Of the convolutions that may run on tiles, let those go that cannot, and
 * mark the tensors that the others read. */
void narrow_tensors(struct plan *);
/* Elements of a pixel of a narrow tensor: whole vectors, or below one of
 * these, whole groups of four. */
int narrow_elements(const struct plan *, const struct tensor *);
#endif
