/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Measuring in chanas-runner: one job, one process, deadline in its parent.
 * The runner verifies against core/reference.c with guard zones and an input
 * hash before it times; the result is one framed record.  With runners of the
 * user's (config.runner) the parent is a serving runner at the other end of a
 * link, and jobs go to several of them at once.
 *
 * CHANAS_LOST says nothing of a candidate: the device or the way to it was
 * not there, however often it was tried.
 */
#ifndef CORE_MEASURE_H
#define CORE_MEASURE_H
#include <chanas/plugin.h>
#include "device.h"
#include "registry.h"

struct measure; /* opaque: how to reach the runner of one backend */

struct measure_config {
  const struct plugin *backend;
  const char *settings;  /* the backend's INI keys as "key=value\n" lines */
  const char *runner;    /* commands, separated by commas at the end of a
                            word; NULL: the installed chanas-runner, here */
  double deadline;       /* seconds per job; default 20 */
  double round;          /* seconds of one timed batch; default 0.002 */
  int rounds;            /* timed batches; default 9 */
  uint64_t memory;       /* RLIMIT_AS; 0: none */
  uint64_t cold;         /* bytes that blocks are timed with in turn */
  uint64_t seed;         /* of inputs and weights */
  int threads;           /* of the kernels: 1 pins the runner to one CPU */
  double heartbeat;      /* seconds of silence that end a link; default 10 */
  double reconnect;      /* seconds for a lost runner to come back */
};

struct measure_result {
  enum chanas_outcome outcome;
  double latency, minimum, ci; /* seconds: median, least, half 95 % CI */
  double control;              /* median seconds of the control kernel */
  double difference;           /* against the reference */
  char detail[200];            /* what went wrong, for people */
};

/* Path of the runner here: $CHANAS_RUNNER or the installed one. */
const char *measure_runner(void);
struct measure *measure_open(const struct measure_config *);
void measure_close(struct measure *);
/* Describe the device in a runner; measured ceilings only if asked.  NULL,
 * logged with the plugin's own reason. */
struct chanas_device *measure_describe(struct measure *, int ceilings);
/* What is to be measured: a block, or a whole program. */
struct measure_item {
  const char *object;
  const char *symbol;                    /* of the block */
  const struct chanas_workload *workload;
  const struct chanas_program *program;  /* or this; see measure_program() */
  int verify;
  /* Of a block: the least latency known so far (infinity: none).  What is
   * clearly slower, also than others of its workload in this call, is timed in
   * fewer rounds.  0: it is timed in all of them. */
  double best;
  int turns; /* it is compared with the one before it: both on one runner */
  struct measure_result result;
};
/* How many single-thread kernels may be timed here at once, a core each, where
 * none takes turns with others; 1 unless told.  The kernels must run on the
 * CPUs of this machine. */
void measure_at_once(struct measure *, int);
/* All of them, on all runners that there are, each of which does one at a
 * time.  Blocks of one object and workload that follow each other share
 * inputs and what the reference makes of them.  report() is called after each,
 * not by two threads at once; it may be NULL.  0, or -1 (logged) if no runner
 * is left.  When the user wants to stop the rest is CHANAS_LOST. */
int measure_each(struct measure *, size_t n, struct measure_item[],
                 void (*report)(void *arg, size_t finished), void *arg);
/* 1: there is no runner left. */
int measure_gone(const struct measure *);
/* One candidate: a block.  verify 0 only where it was verified before. */
void measure_workload(struct measure *, const char *object,
                      const char *symbol, const struct chanas_workload *,
                      int verify, struct measure_result *);
/* A whole program; weights are generated from the seed in the runner.
 * steps[i].weights are ignored. */
void measure_program(struct measure *, const char *object,
                     const struct chanas_program *, int verify,
                     struct measure_result *);

struct measure_candidate {
  const char *symbol;
  const struct chanas_workload *workload;
};
/* Many candidates of one object in one process, one after the other, that are
 * only verified: for where it is dear to start a process.  Returns how many
 * outcomes are known, from the first on and at least one (n > 0).  Whatever
 * took the process down is the last of them, and the caller goes on behind
 * it.  The deadline is that of all together; when it passes, those are known
 * that were done, or the first has timed out.  latency is the time of a single
 * run. */
size_t measure_verify(struct measure *, const char *object, size_t n,
                      const struct measure_candidate[],
                      struct measure_result out[]);

/* The same program, timed step by step in context, seconds[p->steps]; the
 * median over up to `passes` passes.  Not verified.  0, or -1 with the reason
 * in the result. */
int measure_profile(struct measure *, const char *object,
                    const struct chanas_program *, int passes,
                    double *seconds, struct measure_result *);
#endif
