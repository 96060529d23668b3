/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Choices in context, as the latency table keeps them: for a sequence of
 * workloads on a target, the run that made them, how many alternatives a block
 * it tried, and for every block the policy that was best alone then and the one
 * chosen.  A choice holds for a
 * block as long as the former still is the best alone.
 */
#ifndef CORE_CONTEXT_STORE_H
#define CORE_CONTEXT_STORE_H
#include "context.h"

/* One policy a block each.  -1 (logged): the table failed. */
int context_put(const struct tuner *, const struct chanas_network *,
                size_t alternatives, const char *const alone[],
                const char *const chosen[]);
/* Does a choice among so many, of whatever run, hold for every block? */
int context_holds(const struct tuner *, const struct chanas_network *,
                  size_t alternatives);
#endif
