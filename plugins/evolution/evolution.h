/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Evolution: what its three parts share.  Members are rows of the history,
 * all of them told and not failed; what a selection does with those that are
 * new is its own matter (aging.c for one goal, nsga2.c else).
 */
#ifndef EVOLUTION_H
#define EVOLUTION_H
#include "history.h"

struct evolution {
  struct history history;
  int aging;         /* one goal and no constraint */
  size_t population; /* members kept */
  size_t initial;    /* points known before the first child */
  size_t sample;     /* of a tournament */
  double mutation;   /* knobs changed per child, on average */
  double crossover;  /* share of children with two parents */
  double explore;    /* share of points drawn at random */
  size_t *member, members; /* 2 x population places */
  size_t *rank;      /* nsga2: per place, 0 is the best front */
  double *crowd;     /* nsga2: per place, larger is lonelier */
  size_t *beaten;    /* nsga2: by how many, while sorting */
  int32_t *draft;
};

/* Whether row i is the better one; never both ways. */
int beats(const struct history *, size_t i, size_t j);
int is_member(const struct evolution *, size_t row);
/* Take in new members (rows of the history). */
void aging_admit(struct evolution *, size_t n, size_t *row);
void nsga2_admit(struct evolution *, size_t n, const size_t *row);
/* Index in member[] of one parent. */
size_t aging_parent(const struct evolution *);
size_t nsga2_parent(const struct evolution *);

/* A child of the members into draft, canonical.  Later tries of one child
 * change more knobs. */
void vary_child(struct evolution *, size_t try);
#endif
