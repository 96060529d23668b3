/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole networks: all kernels in one object, executed as one program,
 * verified and measured end to end.
 */
#ifndef CORE_WHOLE_H
#define CORE_WHOLE_H
#include "network.h"
#include "session.h"
#include "tune.h"

/* Schedules of a network: one policy text per block.  best 0: the default
 * policies.  NULL (logged) if a block has none that runs.  Free with
 * schedules_free. */
char **schedules_choose(const struct tuner *, const struct chanas_network *,
                        int best);
void schedules_free(char **, const struct chanas_network *);
/* Identifies workloads and policies of a network; 16 hex digits. */
void schedules_hash(const struct session *, const struct chanas_network *,
                    char *const policy[], char out[17]);
/* The kernel of one workload of the family.  -1 (logged). */
int whole_emit_block(const struct session *, size_t workload,
                     const char *policy, const char *symbol,
                     struct chanas_text *out);
/* Kernels of all distinct blocks; symbol of block b is "b" and its workload's
 * index.  -1 (logged). */
int whole_emit(const struct session *, const struct chanas_network *,
               char *const policy[], struct chanas_text *out);
/* A program over the network; free with whole_program_free. */
struct chanas_program whole_program(const struct session *,
                                    const struct chanas_network *);
void whole_program_free(struct chanas_program *);

/* Build and measure n networks (several compilers at a time, and all the
 * runners that there are).  Failures are outcomes; -1 (logged): there is no
 * runner left. */
int whole_measure(const struct session *, size_t n,
                  struct chanas_network *const net[], char **const policy[],
                  struct measure_result result[]);
#endif
