/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The search over networks, coordinated with the tuner:
 *
 *   every block gets its first trials (pre-scheduling)
 *   each round: the strategy explores networks against the latency table,
 *               members of the front are built whole and measured, the sum
 *               over blocks is corrected by them, and the tuner spends its
 *               share on the blocks of the front
 *   at last the finalists are measured whole
 */
#ifndef CORE_SEARCH_H
#define CORE_SEARCH_H
#include "archive.h"
#include "whole.h"

/* [search] coordination: the three arms of the ablation. */
enum coordination { COORDINATION_JOINT, COORDINATION_AFTER,
                    COORDINATION_FIXED };

struct search {
  struct session *session;
  enum coordination coordination;
  struct tuner tuner;
  struct archive archive;
  struct block_use *block;     /* every distinct block of the family */
  size_t blocks;
  int32_t *pinned;             /* per knob: fixed choice, or -1 (subspace) */
  const struct plugin *strategy;
  struct host *host;
  void *self;
  struct chanas_space *space;  /* what the strategy sees */
  double stamp;                /* of the latencies the strategy was told */
  int finishing;               /* exploring and tuning are over */
  int warm;                    /* this table has seen this search before */
  size_t evaluated;            /* distinct networks */
  char **earned;               /* whole networks that this process asked for */
  size_t earned_count;
  size_t whole_measured;       /* whole networks measured by this process */
  size_t whole_failed;
  double seconds_tuning, seconds_search, seconds_whole;
  size_t *front, fronts;       /* entries, by descending first objective */
  int interrupted;
};

/* The session must have started its run.  A documented exit code. */
int search_run(struct search *, struct session *);
void search_close(struct search *);
/* Explore with the strategy until `evaluations` distinct networks are known
 * or it has nothing to propose.  -1, logged. */
int search_explore(struct search *, size_t evaluations, int round);
/* Fix resolution and width to the sub-space of the lowest mean latency among
 * lambda samples each (CHaNAS, section 3.3).  search_subspace.c */
int search_choose_subspace(struct search *, size_t samples);
/* Build and measure up to n members of the front that are not yet measured
 * with their present schedules, spread over the front.  finalists.c */
int search_measure_front(struct search *, size_t n);
/* Choose schedules in context for n members spread over the front.
 * finalists.c */
int search_choose_in_context(struct search *, size_t n);
/* Start from the networks that earlier runs measured whole: they join the
 * archive, and the correction is fitted to those whose schedules still hold.
 * finalists.c */
int search_recall(struct search *);
#endif
