/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known about the schedules of one workload: every policy that was
 * tried, with its latency, and which is the best.
 *
 * Latencies are normalised by the control kernel that the runner times beside
 * every candidate: a candidate's latency is multiplied by (reference / own
 * control), so that a machine that drifts does not decide.  The tuner keeps
 * them in units of the control kernel and turns them into seconds by the
 * median of all controls.
 *
 * The least of many noisy figures is too low (the winner's curse; Smith and
 * Winkler, Management Science 52(3), 2006), the more so the more there are.
 * So the first row of a policy says only whether it is worth another; one that
 * has more is confirmed, and counts with the median of all but the first.  The
 * best is a confirmed one as soon as there is any: of those that are as fast as
 * the fastest, within the noise, the default, or else what was tried first.
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
  double latency;          /* the first row, or the median of the others */
};

struct schedule {
  const struct chanas_workload *workload;
  size_t count, room;      /* policies, those that failed included */
  struct tried *tried;
  long best, preset;       /* indices into tried, or -1 */
  long lead;               /* of the least latency, confirmed or not */
  double noise;            /* of one row, as a share of it */
  size_t since_gain;       /* policies tried since the lead last moved */
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
/* Of the lead: what a search has to beat. */
double schedule_lead(const struct schedule *);
int schedule_confirmed(const struct schedule *, size_t);
/* Is the first slower than the second by less than the noise?  Both confirmed.
 */
int schedule_ties(const struct schedule *, size_t, size_t);
/* Indices of the k best measured policies, best first; returns how many. */
size_t schedule_top(const struct schedule *, size_t k, size_t index[]);
#endif
