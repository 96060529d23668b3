/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pre-scheduling: for every workload of a family, search its policy space on
 * the real device and keep the best schedule.
 *
 *   ask strategy -> legal -> screen by cost model -> emit -> build ->
 *   verify + measure (chanas-runner) -> table -> tell strategy and model
 *
 * Deterministic: with equal seed, configuration and table at the start, the
 * same candidates are proposed in the same order.  A resumed run proposes
 * them again and takes the outcomes it already has in the table.
 */
#ifndef CORE_TUNE_H
#define CORE_TUNE_H
#include "costmodel.h"
#include "outcome.h"
#include "schedule.h"
#include "session.h"

#define TUNE_OUTCOMES 9

struct pool_item { int32_t *choice; double x[COSTMODEL_FEATURES]; };

struct tuned {                   /* one workload */
  struct schedule schedule;
  struct chanas_space *space;    /* NULL until it is first searched */
  struct host *host;
  void *strategy;
  uint64_t group;                /* similar blocks share it */
  size_t pool, pool_room;        /* proposed, not measured yet */
  struct pool_item *item;
  size_t features;
  int exhausted;                 /* nothing left to propose */
  double last;                   /* latency before the last visit */
  size_t settled;                /* policies there were when it was confirmed */
  size_t replays, replay_room;   /* own rows of an interrupted run */
  struct table_trial *replay;    /* consumed ones have workload NULL */
};

struct tuner {
  struct session *session;
  const struct plugin *strategy;
  size_t count;
  struct tuned *tuned;           /* by index of the family's workload set */
  struct costmodel *model;       /* NULL: none */
  struct rng rng;
  double reference_control;      /* median of all controls so far; 0: none */
  double *control;
  size_t controls, control_room;
  double started;
  size_t spent;                  /* policies tried, known ones included */
  size_t measured;               /* candidates that this process measured */
  size_t outcomes[TUNE_OUTCOMES]; /* of this process */
  double choosing, building, measuring; /* seconds of it */
  size_t confirmed;              /* rows of known policies; not in `measured` */
  double confirming;             /* seconds, building and measuring included */
  char complaint[200];           /* first failure, for the report */
};

/* Over the workloads in the family's set at this moment.  0, or a documented
 * exit code. */
int tuner_open(struct tuner *, struct session *);
void tuner_close(struct tuner *);
/* Give each of these workloads at least `trials` rows: first each the default
 * schedule, in the order in which they come, then, while there is time, the
 * others by turns.  So every one has a trial even where [tuner] time was up
 * before; only the user stops that.  What has rows already is given what it
 * lacks.  -1 (logged) only if the table or the device fails. */
int tuner_cover(struct tuner *, size_t n, const size_t workload[],
                size_t trials);
/* Rows that each is given before the search knows where more pay. */
size_t tuner_first(const struct tuner *);
/* Spend up to `budget` candidates where the expected gain is largest.
 * weight[i] (per workload of the set): what one second saved there is worth;
 * 0: not used by the current front. */
int tuner_focus(struct tuner *, const double weight[], size_t budget);
/* Measure the best few policies of each, and the default, again and in turn,
 * until the best stays the same; see confirm.c. */
int tuner_confirm(struct tuner *, size_t n, const size_t workload[]);
double tuner_latency(const struct tuner *, size_t workload);
double tuner_default(const struct tuner *, size_t workload);
const char *tuner_policy(const struct tuner *, size_t workload); /* or NULL */
/* No new candidates but first ones: the time is used up but for what
 * confirming takes, or the user asked to stop. */
int tuner_done(const struct tuner *);

/* ---- between tune.c, propose.c, candidate.c and confirm.c -------------- */

struct candidate {
  size_t workload;
  int32_t *choice;               /* owned */
  char *policy;                  /* owned */
  int preset, have;              /* have: result is there */
  int known;                     /* is measured again, with its rivals */
  size_t unit;                   /* what it is built in */
  char symbol[24];
  struct measure_result result;
};

/* Does the backend schedule it at all?  Logged if not. */
int tuned_possible(const struct tuner *, size_t workload);
/* Open the policy space and strategy of a workload.  -1, logged. */
int tuned_open(struct tuner *, size_t workload);
/* At most n new candidates; returns how many (0: exhausted). */
size_t tuned_propose(struct tuner *, size_t workload, size_t n,
                     struct candidate[]);
/* Measure in this order, store, absorb, free.  Known ones of one workload that
 * follow each other share an object, and are built once however often they
 * come.  -1: the table failed. */
int candidates_run(struct tuner *, size_t n, struct candidate[]);
/* Latencies are kept in units of the control kernel; this sets the unit. */
void tuner_settle(struct tuner *);
/* What new candidates of a workload have to beat, in seconds. */
double tuner_lead(const struct tuner *, size_t workload);
/* Take in one row: schedule, cost model, strategy. */
void tuned_absorb(struct tuner *, size_t workload, const int32_t *choice,
                  const struct table_trial *);
#endif
