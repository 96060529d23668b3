/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A parallel for.  Which thread runs which index is not defined, so fn must
 * write only what belongs to its index: then results are the same for any
 * number of threads.
 */
#ifndef CORE_POOL_H
#define CORE_POOL_H
#include <stddef.h>

/* fn(arg, i) for every i < n on at most `threads` threads, the caller's
 * being one of them; returns when all are done.  A call from inside fn runs
 * its loop in the calling thread. */
void pool_run(int threads, size_t n, void (*fn)(void *arg, size_t i),
              void *arg);
/* At most `most` CPUs that this process may use, each on a core of its own;
 * how many.  0: the system does not say. */
int pool_cores(int most, int cpu[]);
int pool_cpus(void); /* how many this process may use, at least 1 */
#endif
