/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chanas-check-plugin: does a backend keep its promises?
 *
 *   sample.c        workloads: a fixed list and random graphs
 *   batch.c         candidates of them, emitted and compiled together
 *   trial.c         each one run in a child and compared with the reference
 *   check-plugin.c  options, devices, the verdict
 */
#ifndef CHECK_H
#define CHECK_H
#include "device.h"
#include "host.h"
#include "registry.h"
#include "rng.h"
#include "space.h"
#include "text.h"
#include "workload.h"

/* One open pure half. */
struct target {
  const struct plugin *plugin;
  struct host *host;
  struct chanas_device *device;
  void *self;
  int runs_here;  /* or is only compiled */
  int features;   /* their number, once known */
};

struct candidate {
  const struct chanas_workload *workload;
  char symbol[32];
  char *policy;   /* printed */
  char *source;
};

struct batch {
  struct target *target;
  size_t count, room;
  struct candidate *candidate;
  char *object;
};

extern int check_failures;
extern size_t check_candidates, check_workloads;
/* Print "what: ..." and count a failure. */
void check_fail(const char *what, const char *fmt, ...)
  __attribute__((format(printf, 2, 3)));

/* NULL beyond the end of the fixed list. */
const char *sample_key(size_t i);
struct chanas_workload *sample_random(struct rng *);

/* The default policy and `policies` random ones of a workload. */
void batch_add(struct batch *, const struct chanas_workload *, int policies,
               struct rng *);
/* Compile; 0, or -1 (counted) if the compiler refused. */
int batch_build(struct batch *, const char *folder);
void batch_clear(struct batch *);

/* Load, run and compare every candidate in a forked child. */
void trial_batch(const struct batch *, uint64_t seed);
#endif
