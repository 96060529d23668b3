/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known about the schedules of one workload: every policy that was
 * tried, with its latency, and which is the best.
 *
 * Latencies are normalised by the control kernel that the runner times beside
 * every candidate: a candidate's latency is multiplied by (reference / own
 * control), so that a machine that drifts does not decide.  The tuner keeps
 * them in units of the control kernel and turns them into seconds by the
 * median of all controls.  A policy measured several times counts with the
 * median of its rows.
 */
#ifndef CORE_SCHEDULE_H
#define CORE_SCHEDULE_H
#include <chanas/plugin.h>
#include "table.h"

struct tried {
  char *policy;            /* text */
  uint64_t hash;           /* of the text */
  enum chanas_outcome outcome;
  int preset;
  size_t rows;
  double *row;             /* normalised seconds, in order of time */
  double latency;          /* median of the rows */
};

struct schedule {
  const struct chanas_workload *workload;
  size_t count, room;
  struct tried *tried;
  long best, preset;       /* indices into tried, or -1 */
  size_t trials;           /* rows, failures included */
  size_t since_gain;       /* policies tried since the best last moved */
  double before;           /* best latency that many policies ago, see below */
  size_t failed;           /* policies that ended otherwise than measured */
};

void schedule_init(struct schedule *, const struct chanas_workload *);
void schedule_free(struct schedule *);
/* Take in one row; reference_control 0: do not normalise. */
void schedule_add(struct schedule *, const struct table_trial *,
                  double reference_control);
long schedule_find(const struct schedule *, const char *policy); /* -1 */
/* Seconds of the best and of the default policy; infinity if none ran. */
double schedule_latency(const struct schedule *);
double schedule_default(const struct schedule *);
/* Indices of the k best measured policies, best first; returns how many. */
size_t schedule_top(const struct schedule *, size_t k, size_t index[]);
#endif
