/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads for kernels that bring none (kernel.h).  They are kept between
 * runs; within one they wait for each other without sleeping, because phases
 * are short.
 */
#ifndef COMMON_TEAM_H
#define COMMON_TEAM_H
#include "kernel.h"

struct team;

struct team *team_open(int threads); /* NULL, errno set */
/* All parts of the kernel; the calling thread does one of them. */
void team_run(struct team *, kernel_part *, const float *x, float *y,
              const float *packed, float *scratch);
void team_close(struct team *); /* NULL is fine */
#endif
