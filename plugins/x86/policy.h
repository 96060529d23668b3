/* SPDX-License-Identifier: Apache-2.0 */
/* What the files about policies share. */
#ifndef X86_POLICY_H
#define X86_POLICY_H
#include "x86.h"

#define CLASSES 3 /* dense ops with a register block of their own */

/* Which kind of dense op this is, by first appearance; -1: not dense.  The
 * first op of each kind is stored if wanted. */
int policy_class(const struct chanas_workload *, uint32_t op,
                 uint32_t *first);
/* Nothing fused, blocked layout, the smallest blocks. */
struct schedule policy_plain(const struct x86 *);
/* Bytes of scratch that a thread has for itself. */
size_t policy_share(const struct plan *);
#endif
