/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every network that was evaluated, once each, with its accuracy, its costs
 * and its latency under the schedules known now.
 */
#ifndef CORE_ARCHIVE_H
#define CORE_ARCHIVE_H
#include "correction.h"
#include "estimator.h"
#include "network.h"
#include "rounding.h"
#include "session.h"
#include "tune.h"

struct entry {
  int32_t *choice;             /* canonical */
  uint64_t hash;
  uint32_t *workload, blocks;  /* of the tuner's set, a block each */
  double accuracy, spread;     /* percent */
  int exact;                   /* these are no prediction */
  double macs, params;
  double rounding;             /* 0 where it is no goal */
  double sum, latency;         /* seconds: over blocks; corrected */
  double fixed;                /* seconds: sum with default schedules */
  double measured, ci;         /* seconds, whole network; 0: not measured */
  enum chanas_outcome outcome; /* CHANAS_MEASURED or CHANAS_INVALID */
  double violation;            /* of the constraints; 0: feasible */
};

struct archive {
  struct session *session;
  struct tuner *tuner;         /* NULL where the backend replays */
  struct estimator estimator;  /* without a plugin: accuracy is no goal */
  struct correction correction;
  struct rounding *rounding;   /* NULL: it is no goal */
  size_t count, room;
  struct entry *entry;
  size_t *bucket, buckets;     /* open addressing over entry + 1 */
  size_t invalid;              /* estimates that were not numbers */
};

struct correction_input entry_input(const struct entry *);
/* 0, or a documented exit code (logged). */
int archive_open(struct archive *, struct session *, struct tuner *);
void archive_close(struct archive *);
/* Evaluate points; index[i] is the entry of point i, known or new.  -1: the
 * estimator failed as a whole (logged). */
int archive_evaluate(struct archive *, size_t n,
                     const int32_t *const choice[], size_t index[]);
/* Replace what was predicted of these entries by what the estimator finds
 * when it is asked to be exact.  How many there were; -1, logged. */
int archive_refine(struct archive *, size_t n, const size_t index[]);
/* Sum over the blocks of a network, measured or replayed, in seconds. */
int archive_sum(const struct archive *, const struct chanas_network *,
                double *sum);
long archive_find(const struct archive *, const int32_t *choice);
/* Take new schedules and a new correction into every entry. */
void archive_refresh(struct archive *);
/* Value of goal number g of the configuration, in its unit. */
double archive_value(const struct archive *, const struct entry *, size_t g);
/* Objectives only (goals with a sense), in the order of the configuration. */
size_t archive_objectives(const struct archive *, int sense[],
                          size_t goal[]);
/* Feasible non-dominated entries by descending first objective; free(). */
size_t archive_front(const struct archive *, size_t **index);
#endif
