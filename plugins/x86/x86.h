/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the x86 backend share. */
#ifndef X86_H
#define X86_H
#include <chanas/plugin.h>
#include "plan.h"

/* The device half: device.c. */
int device_probe(const struct chanas_host *);
int device_describe(const struct chanas_host *, struct chanas_text *out,
                    int measure);
int device_control(const struct chanas_host *, double *seconds);
/* Sustained rates of this machine, each within about 0.1 s: ceiling.c. */
double ceiling_fma(int threads, int wide); /* GFLOP/s */
double ceiling_read(size_t bytes);         /* GB/s of one thread */
double ceiling_work(long rounds);          /* seconds of fixed work */

/* The pure half, a function of the description: policy.c. */
struct x86 {
  const struct chanas_host *host;
  int vec;       /* widest vector, in floats: 8 or 16 */
  int registers; /* vector registers */
  int threads;
  int64_t l1, l2; /* bytes */
};

int policy_space(void *self, const struct chanas_workload *,
                 struct chanas_space *out);
int policy_initial(void *self, const struct chanas_workload *,
                   const struct chanas_space *, int32_t *choice);
int policy_legal(void *self, const struct chanas_workload *,
                 struct chanas_point);
int policy_schedule(const struct x86 *, const struct chanas_workload *,
                    struct chanas_point, struct schedule *);
int policy_features(void *self, const struct chanas_workload *,
                    struct chanas_point, double *out, size_t max);

int isa_preamble(const struct chanas_host *, struct chanas_text *, int vec);
#endif
