/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the arm backend share. */
#ifndef ARM_H
#define ARM_H
#include <chanas/plugin.h>
#include "policy.h"

/* The device half: device.c.  Built for another machine it only says so. */
int device_probe(const struct chanas_host *);
int device_describe(const struct chanas_host *, struct chanas_text *out,
                    int measure);
int device_control(const struct chanas_host *, double *seconds);
int device_diagnose(const struct chanas_host *, struct chanas_text *out);
/* Rates of this machine: ceiling.c. */
double ceiling_fma(int threads);    /* GFLOP/s */
double ceiling_read(size_t bytes);  /* GB/s of one thread */
double ceiling_work(long rounds);   /* seconds of fixed work */

/* The pure half. */
struct arm {
  struct target target; /* first: policies look at nothing else */
  int sve;              /* bits of a vector, or 0: NEON */
  int fp16, dotprod;
  char options[160];    /* -march and -mtune, blanks between */
};

/* Helpers of the emitted text: isa.c. */
int isa_preamble(const struct arm *, struct chanas_text *, int vec);
/* For products of 8-bit integers, besides: isa_dot.c. */
int isa_dot(const struct arm *, struct chanas_text *);
/* For products of halves: isa_half.c. */
int isa_half(const struct arm *, struct chanas_text *);
#endif
