/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reward of MnasNet (Tan et al. 2019, section 3.1): the first goal times
 * (goal / T)^w for each other, with w = 0 on the good side of T and `exponent`
 * on the bad one.  To cover the front T is drawn anew for every episode: a
 * preference in -1..1 places it, in the logarithm, between the best value
 * seen and the value at the point that is best by the first goal.
 *
 * A constraint enters in the same way, by its relative excess.
 *
 * Goals are ratios: only the logarithm of their absolute value counts.
 */
#ifndef RL_REWARD_H
#define RL_REWARD_H
#include "history.h"

struct reward {
  const struct history *history;
  size_t aims;       /* goals that are optimised */
  size_t *goal;      /* which they are */
  double *low, *high; /* per aim: log of the ends of the range of T */
  size_t best;       /* row that is best by the first, SIZE_MAX none */
  double exponent;
};

int reward_open(struct reward *, const struct history *, double exponent);
void reward_close(struct reward *);
/* A told row widens the ranges. */
void reward_note(struct reward *, size_t row);
/* log of the reward of a told row; -INFINITY for a failed trial. */
double reward_log(const struct reward *, size_t row, const double *preference);
/* The preference whose T is what a told row reached. */
void reward_wish(const struct reward *, size_t row, double *preference);
#endif
