/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chanas-check-plugin: does a backend keep its promises?
 *
 *   main.c      the order of the checks, the exit code
 *   options.c   the command line
 *   sample.c    workloads: a fixed list and random graphs
 *   target.c    the device, and the backend opened for it
 *   draw.c      policies of a workload: the promises of the pure half
 *   emit.c      their sources, emitted from many threads and compiled
 *   trial.c     each one run in a runner and compared with the reference
 *   whole.c     a program of several steps, which is the device half's own
 *   verdict.c   what was found, as text and as JSON
 *
 * Nothing here knows a backend.  Everything random comes from --seed, so
 * equal options try equal candidates.
 */
#ifndef CHECK_H
#define CHECK_H
#include <jansson.h>
#include "build.h"
#include "device.h"
#include "host.h"
#include "ini.h"
#include "measure.h"
#include "registry.h"
#include "rng.h"
#include "space.h"
#include "text.h"
#include "workload.h"

#define CHECK_THREADS 3 /* 1, 2, 3 threads in turn unless told otherwise */
#define CHECK_DTYPES (CHANAS_TF32 + 1)
#define CHECK_KINDS (CHANAS_ACT + 1)

/* Exit codes, those of chanas(1) as far as they apply. */
enum { CHECK_KEPT = 0, CHECK_BROKEN = 1, CHECK_USAGE = 2,
       CHECK_UNAVAILABLE = 4 };

struct options {
  const char *program; /* as it was called */
  const char *plugin, *plugin_path, *device, *runner, *compiler;
  const char *key, *policy; /* only this workload, only this policy */
  struct chanas_args set;   /* key=value */
  unsigned dtypes;          /* bits; 0: whatever the backend has */
  int threads;              /* 0: 1, 2, 3 in turn */
  int policies, graphs, every, candidates, jobs;
  int compile_only, json;
  uint64_t seed;
  double deadline;
};

/* One backend, opened twice for one number of threads: equal input has to
 * give equal output in both. */
struct target {
  int threads;
  struct chanas_device *device;
  struct host *host[2];
  void *self[2];
  struct build *build;
  int jobs;
  struct measure **measure; /* one a job; NULL: candidates are not run */
};

struct candidate {
  const struct chanas_workload *workload;
  const struct chanas_space *space; /* of its batch */
  int32_t *choice;
  char symbol[24];
  char *policy;         /* printed */
  char *source, *wrong; /* one of them, once it is emitted */
  int tried;
  struct measure_result result;
};

/* Candidates of one target that are compiled and run together. */
struct batch {
  struct target *target;
  size_t count, spaces;
  struct candidate *candidate;
  struct chanas_space **space;
};

struct tally { size_t workloads, candidates; };

/* What was tried and what came of it. */
struct check {
  const struct options *options;
  const struct plugin *plugin;
  struct ini *ini; /* the backend's settings */
  struct chanas_device *device;
  size_t targets;
  struct target target[CHECK_THREADS];
  int features; /* their number, once known */
  size_t workloads, candidates, built, run, drawn, legal;
  struct tally kind[CHECK_KINDS], dtype[CHECK_DTYPES];
  json_t *failures;
};

/* ---- options.c: an exit code, logged; served: --help or --version was */
int options_parse(int argc, char **argv, struct options *, int *served);

/* ---- sample.c: NULL beyond the end of the fixed list; keys are of f32 */
const char *sample_key(size_t i);
struct chanas_workload *sample_random(struct rng *, int dtype);

/* ---- target.c: an exit code, logged or counted */
int target_describe(struct check *);
int target_open(struct check *, struct target *, int threads);
void target_close(const struct check *, struct target *);

/* ---- draw.c */
/* Does the backend schedule this type at all?  If not it has to say so. */
int draw_accepts(struct check *, int dtype);
/* The default policy and random ones of a workload, or the one asked for. */
void draw_workload(struct check *, struct batch *,
                   const struct chanas_workload *, struct rng *);
void draw_clear(struct batch *);

/* ---- emit.c: sources of all, then objects; unit[i] belongs to candidate i */
struct build_unit *emit_batch(struct check *, struct batch *);

/* ---- trial.c: a batch from sources to verdicts */
void trial_batch(struct check *, struct batch *);

/* ---- whole.c */
void whole_check(struct check *, struct target *, int dtype);

/* ---- verdict.c */
/* A broken promise.  target, key and policy may be NULL: that of no one
 * thread count, workload or policy. */
void verdict_fail(struct check *, const struct target *, const char *key,
                  const char *policy, const char *fmt, ...)
  __attribute__((format(printf, 5, 6)));
int verdict_print(struct check *, double seconds); /* an exit code */
#endif
