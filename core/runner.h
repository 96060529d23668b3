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
  float *start, *want;         /* of y: before, and by the reference */
  uint64_t input_hash;
  char object[40];             /* path of what came in the job, or "" */
  void *loaded;
  double once; /* seconds of the first run */
  /* While it is timed, `loaded` may be `many`: copies of the one step. */
  struct chanas_program many;
  void *alone; /* what was loaded before */
};

/* The job, with the answer to what is stdout now; an exit code. */
int runner_work(const char *backend, const struct job *);
/* Jobs from stdin until it ends; an exit code. */
int runner_serve(const char *backend);

/* Verify, then time, then verify again; the outcome is in the answer. */
void bench_measure(const struct chanas_backend *, const struct chanas_host *,
                   const struct job *, struct answer *);
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
double cold_copies(const struct bench *);
/* Time what is verified.  0, or -1 with the answer's outcome set. */
int bench_time(struct bench *, struct answer *);
/* One thread stays where it is: a migration would cost it its caches. */
void bench_pin(void);
/* Time a program step by step: medians, as the answer's body. */
int bench_profile(struct bench *, struct answer *);
/* backend->run with its errors turned into an outcome. */
int bench_run(struct bench *, unsigned repeat, double *seconds,
              struct answer *);
#endif
