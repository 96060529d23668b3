/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chanas-runner: one process, one job (and with --serve one process that
 * forks such a process a job).
 *
 *   frame in -> limits -> plugin -> describe                    -> frame out
 *                                -> load -> verify -> time      -> frame out
 *
 * The words of a job (chanas -> runner) and of its answer are listed in
 * measure_job.h; here is what the runner's own files share.
 */
#ifndef CORE_RUNNER_H
#define CORE_RUNNER_H
#include <chanas/plugin.h>
#include "measure_job.h"

/* Float data between pages that cannot be touched, so that a kernel which
 * strays far is stopped at once; what lies between the data and those pages
 * is checked.  data is aligned to 64 bytes. */
struct guard {
  float *data;
  size_t count;
  unsigned char *map;
  size_t size;
};
int guard_open(struct guard *, size_t count); /* -1: no memory */
void guard_freeze(struct guard *);            /* read only from now on */
/* NULL if nothing was written around the data, else where. */
const char *guard_broken(const struct guard *);
void guard_close(struct guard *);

/* What the backend's diagnose() and describe() tell, as lines on stdout; the
 * exit code, 4 without a device.  No job is involved. */
int runner_diagnose(const char *backend);

/* What runs: the loaded object and its buffers. */
struct bench {
  const struct chanas_backend *backend;
  const struct chanas_host *host;
  const struct job *job;
  struct chanas_program program;
  struct chanas_step *step;
  struct guard x, y, *weights; /* one a step */
  struct guard input;          /* what x has to stay */
  float *start, *want;         /* of y: before, and by the reference */
  char object[40];             /* path of what came in the job, or "" */
  void *loaded;
  double loading, once; /* seconds of the first load, the first run */
  /* While it is timed, `loaded` may be a part of many copies of the step. */
  struct part *part;
  size_t parts, turn; /* whose turn it is */
  void *alone;        /* what was loaded before */
};

struct part {
  struct chanas_program program;
  void *loaded;
};

/* One step of a job as a job of its own. */
struct alone {
  struct job job;
  struct job_step step;
  size_t elements[2]; /* of its input and output */
};
void bench_single(const struct job *, size_t step, struct alone *);
/* Buffers, and what the reference makes of them, for b->job.  -1: the answer
 * says why, and bench_close() is due all the same. */
int bench_prepare(struct bench *, struct answer *);
void bench_close(struct bench *);

/* The job, with the answer to what is stdout now; an exit code.  ready: what
 * was prepared for a job with the same data, or NULL. */
int runner_work(const char *backend, const struct job *,
                const struct bench *ready);
struct child;
/* A job "race": tell() gets every answer before the next step is run, and
 * anything but 0 ends it.  The struct child says what to watch meanwhile; the
 * reference of larger workloads than so many FLOPs is left to the children. */
void runner_race(const char *backend, const struct job *, const struct child *,
                 double flops, int (*tell)(void *arg, struct answer *),
                 void *arg);
/* Jobs from stdin until it ends; an exit code. */
int runner_serve(const char *backend);

/* Verify, then time, then verify again; the outcome is in the answer. */
void bench_measure(const struct chanas_backend *, const struct chanas_host *,
                   const struct job *, const struct bench *ready,
                   struct answer *);
/* Each step as a program of its own, verified twice and not timed; tell()
 * gets every answer before the next step is run, and 0 goes on. */
int bench_verify(const struct chanas_backend *, const struct chanas_host *,
                 const struct job *,
                 int (*tell)(void *arg, const struct answer *), void *arg);
/* backend->load with its errors turned into an outcome. */
int bench_load(struct bench *, const struct chanas_program *, struct answer *);
/* Load what is to be timed beside what was verified, and back. */
int cold_open(struct bench *, struct answer *);
void cold_close(struct bench *);
void cold_turn(struct bench *, size_t turn); /* the part to run next */
double cold_copies(const struct bench *);    /* how often that runs the step */
/* Time what is verified.  0, or -1 with the answer's outcome set. */
int bench_time(struct bench *, struct answer *);
/* One thread stays where it is: a migration would cost it its caches. */
void bench_pin(const struct job *);
/* Time a program step by step: medians, as the answer's body. */
int bench_profile(struct bench *, struct answer *);
/* backend->run with its errors turned into an outcome. */
int bench_run(struct bench *, unsigned repeat, double *seconds,
              struct answer *);
#endif
