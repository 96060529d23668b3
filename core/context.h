/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Schedules chosen in the context of a network.  The policy that is fastest
 * when a block is timed alone need not be so between its neighbours, which
 * decide what is in the caches.  So a network is run with several of the best
 * policies of each block and timed step by step: one run tries one alternative
 * for every block at once, and runs of all alternatives take turns in one
 * process.  What wins by more than the noise is kept in the latency table, per
 * sequence of workloads.
 */
#ifndef CORE_CONTEXT_H
#define CORE_CONTEXT_H
#include "network.h"
#include "tune.h"

#define CONTEXT_MOST 8 /* alternatives of a block */

/* Try up to `alternatives` policies of every block of n networks, the default
 * among them.  Networks whose best policies are those of an earlier choice
 * among as many are left as they are, and all are if the backend times no
 * single steps.  -1 (logged) only if the table fails. */
int context_choose(const struct tuner *, size_t n,
                   struct chanas_network *const net[], size_t alternatives);
/* The policies of a network: the best alone, where no choice in its context
 * holds.  own: choices of this very run count too.  NULL (logged) if a block
 * has none that runs.  Free with schedules_free. */
char **context_schedules(const struct tuner *, const struct chanas_network *,
                         int own);
#endif
