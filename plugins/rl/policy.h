/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The learned policy: for each knob a softmax whose logits are linear in the
 * preference of the episode, logit = a + sum_p preference[p] * b[p]; without
 * preferences it is the independent softmax of NATS-Bench's REINFORCE.
 * Ascended by Adam (Kingma and Ba 2015).
 */
#ifndef RL_POLICY_H
#define RL_POLICY_H
#include "history.h"

struct policy {
  const struct history *history;
  size_t preferences;
  size_t logits;   /* over all knobs */
  size_t *offset;  /* of each knob's first logit */
  double *weight;  /* logits rows of 1 + preferences */
  double *gradient, *first, *second; /* of weight; Adam's moments */
  double steps;
  double *chance;  /* of one knob's choices */
};

int policy_open(struct policy *, const struct history *, size_t preferences);
void policy_close(struct policy *);
/* One point into choice; each active knob is drawn uniformly instead with
 * probability `uniform`. */
void policy_sample(const struct policy *, const double *preference,
                   double uniform, int32_t *choice);
/* Add the gradient of advantage * log chance(choice) + bonus * entropy. */
void policy_learn(struct policy *, const double *preference,
                  const int32_t *choice, double advantage, double bonus);
/* Step by the gradient gathered from n samples, and forget it. */
void policy_step(struct policy *, size_t n, double rate);
#endif
