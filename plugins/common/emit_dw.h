/* SPDX-License-Identifier: Apache-2.0 */
/* Between the two files about depthwise convolutions. */
#ifndef COMMON_EMIT_DW_H
#define COMMON_EMIT_DW_H
#include "emit.h"

/* Do the row functions take several vectors? */
int emit_dw_is_wide(const struct emitter *, const struct node *);
/* Is the last vector of channels a part, where it is read or stored? */
int emit_dw_parts(const struct emitter *, const struct node *);
/* Does the function leave out kernel rows beyond the ends of x: larger kernels
 * go through their rows in a loop anyhow. */
int emit_dw_leaves_out(const struct node *);
#endif
