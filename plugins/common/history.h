/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every point that a strategy asked or was told of, and what is known of it.
 *
 * Points are kept in canonical form (choice 0 where a knob is inactive), so
 * two points that mean the same are one.  Rows never move: an index stays
 * good; a pointer to a row lasts until the next history_add or tell.
 *
 * Tells are taken in by history_take(), sorted: between two asks their order
 * does not matter.  Of several tells of one point the last counts.
 */
#ifndef COMMON_HISTORY_H
#define COMMON_HISTORY_H
#include <chanas/plugin.h>

struct record {
  double violation; /* 0 feasible, INFINITY for a failed trial */
  char asked, told; /* told: a tell was taken in */
  char pending;     /* a tell waits for history_take() */
};

struct history {
  const struct chanas_host *host;
  const struct chanas_space *space;
  size_t knobs, goals;
  int *sense;
  size_t count, room;
  int32_t *choice; /* count rows */
  double *cost;    /* count rows of goals: smaller is better */
  struct record *record;
  size_t *slot, slots; /* hash table of index + 1 */
  size_t *fresh, fresh_count, fresh_room; /* tells not yet taken */
  int32_t *cursor; /* next point of the enumeration */
  int at_end;      /* the enumeration is through */
  int32_t *spare;  /* unseen points when the space is nearly used up */
  size_t spares;
  int32_t *scratch;
};

/* All: -1 is logged and means no memory. */
int history_open(struct history *, const struct chanas_host *,
                 const struct chanas_space *, size_t goals,
                 const struct chanas_goal *);
void history_close(struct history *);

/* Choice 0 for every inactive knob. */
void history_canon(const struct history *, int32_t *choice);
/* Index of a canonical point, -1 if unknown. */
long history_find(const struct history *, const int32_t *choice);
/* Add a canonical point as asked.  1 added, 0 known already, -1. */
int history_add(struct history *, const int32_t *choice);
int history_tell(struct history *, size_t n, const struct chanas_trial[]);
/* -1 if row i comes before row j, 1 after: points that were asked by their
 * index, then the others in lexicographic order.  Never the order of tells. */
int history_order(const struct history *, size_t i, size_t j);
/* Take in what was told: sets *n and returns the rows in that order. */
size_t *history_take(struct history *, size_t *n);
/* The rows from `first` on, as the answer to an ask; returns how many. */
int history_answer(const struct history *, size_t first,
                   struct chanas_point out[]);
const int32_t *history_row(const struct history *, size_t i);
const double *history_cost(const struct history *, size_t i);

/* The lexicographically next canonical point; 0 after the last. */
int history_step(const struct history *, int32_t *choice);
/* The first point in that order that is not known yet.  1, 0 none left. */
int history_next(struct history *, int32_t *choice);
/* An unknown point at random, each active knob uniform; exactly uniform over
 * the rest when little of the space is left.  1, 0 none left, -1. */
int history_unseen(struct history *, int32_t *choice);

/* Random numbers from the instance's own stream. */
size_t history_below(const struct history *, size_t n); /* [0, n) */
double history_real(const struct history *);            /* [0, 1) */
/* Another choice than the present one; 0 if the knob has only one. */
int32_t history_other(const struct history *, size_t knob, int32_t now);
#endif
