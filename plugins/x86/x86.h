/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the x86 backend share. */
#ifndef X86_H
#define X86_H
#include <chanas/plugin.h>

/* The device half: device.c. */
int device_diagnose(const struct chanas_host *, struct chanas_text *out);
int device_probe(const struct chanas_host *);
int device_describe(const struct chanas_host *, struct chanas_text *out,
                    int measure);
int device_control(const struct chanas_host *, double *seconds);
/* Sustained rates of this machine, each within about 0.1 s: ceiling.c. */
double ceiling_fma(int threads, int wide); /* GFLOP/s */
double ceiling_read(size_t bytes);         /* GB/s of one thread */
double ceiling_work(long rounds);          /* seconds of fixed work */

/* Options of the compiler, before all else of the text: isa.c. */
int isa_passes(const struct chanas_host *, struct chanas_text *);
/* Helpers of the emitted text for vectors of so many floats: isa.c. */
int isa_preamble(const struct chanas_host *, struct chanas_text *, int vec);
/* And, after these, for convolutions of narrow elements, on tiles or without:
 * isa_narrow.c, isa_tiles.c. */
int isa_narrow(const struct chanas_host *, struct chanas_text *, int vec,
               int tiles);
int isa_tiles(const struct chanas_host *, struct chanas_text *);
/* After all these, for depthwise ones in half precision: isa_half.c. */
int isa_half(const struct chanas_host *, struct chanas_text *);
#endif
