/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One-hot input of a predictor.  The text is a list of items
 * "GLOB:v1,v2,v3"; every knob that matches the glob, in the order the space
 * declares them, takes one input per listed value, the one of its value is
 * set to 1.  A knob that is not active at a point leaves its inputs at 0.
 */
#ifndef COMMON_ONEHOT_H
#define COMMON_ONEHOT_H
#include <chanas/plugin.h>

struct onehot_knob {
  size_t knob;      /* index in the space */
  int32_t *input;   /* of each choice */
};

struct onehot {
  size_t width, knobs;
  struct onehot_knob *knob;
};

/* Memory is the host's.  -1, logged: bad text, a glob that matches no knob, a
 * knob with a choice that is not listed, a knob encoded twice. */
int onehot_open(struct onehot *, const struct chanas_host *,
                const struct chanas_space *, const char *text);
/* Fill width numbers. */
void onehot_encode(const struct onehot *, const struct chanas_host *,
                   struct chanas_point, double *out);
#endif
