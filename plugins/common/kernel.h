/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an emitted CPU kernel exports.  For a symbol S:
 *
 *   size_t S_packed(void)    floats of packed weights
 *   size_t S_scratch(void)   floats of scratch memory
 *   void S_pack(const float *w, float *packed)
 *                            reorder the block's parameters (the order of
 *                            struct chanas_workload) once, at load
 *   void S(const float *x, float *y, const float *packed, float *scratch)
 *                            one inference of the block
 *
 * x and y need only the alignment of a float; packed and scratch are aligned
 * to KERNEL_ALIGN bytes.  Exactly S_packed() and S_scratch() floats belong
 * to the kernel, their content survives nothing: scratch is undefined at
 * each call.  x is never written, and y only within its elements.  S may use
 * OpenMP threads inside; it is done when it returns, and two calls with
 * different y and scratch do not disturb each other.
 *
 * A kernel for several threads has, if compiled with OpenMP,
 *
 *   void S_team(x, y, packed, scratch, long t, long nt)
 *                            part t of nt, at most as many as it is made for,
 *                            in a parallel region of the caller, which waits
 *                            for all before it uses what S writes or writes
 *                            what it reads
 *
 * Compiled without it, it brings no threads and has instead of S
 *
 *   size_t S_threads(void)   how many it is made for
 *   void S_part(x, y, packed, scratch, long t, long nt,
 *               void (*wait)(void *), void *team)
 *                            part t of nt, at most S_threads(), to be run at
 *                            the same time; wait(team) returns when all have
 *                            called it
 */
#ifndef COMMON_KERNEL_H
#define COMMON_KERNEL_H
#include <stddef.h>

#define KERNEL_ALIGN 64

typedef size_t kernel_size(void);
typedef void kernel_pack(const float *w, float *packed);
typedef void kernel_run(const float *x, float *y, const float *packed,
                        float *scratch);
typedef void kernel_part(const float *x, float *y, const float *packed,
                         float *scratch, long t, long nt,
                         void (*wait)(void *), void *team);
#endif
