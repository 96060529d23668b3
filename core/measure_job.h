/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What chanas and a runner say to each other: jobs and answers, each a frame.
 * Both sides use this file, so they cannot drift apart; `protocol` refuses a
 * runner of another age.  What else goes over a link is in measure_wire.h.
 *
 *   job: protocol 4, job describe|measure|verify|race, nonce N,
 *     ceilings 0|1, threads N, cpu N (one thread is timed on CPU N - 1; 0: on
 *     any), memory BYTES, seconds S (the deadline), seed N,
 *     rounds N, round S, best S (what is clearly slower is timed in fewer
 *     rounds; 0: nothing is), cold BYTES, verify 0|1, profile N (passes timed
 *     step by step; 0: as a whole), set KEY=VALUE ..., object PATH (or hash
 *     HASH of an object that was put, or the object as the body), tensor
 *     ELEMENTS ..., step SRC DST SYMBOL WORKLOAD ..., output I
 *   Jobs "verify" and "race" are many: each step is a program of its own, and
 *   is answered, with nonce N + its index, before the next one is run.
 *   "verify" has one process and one deadline for all of them, "race" one
 *   each, and times them (runner_race.c).
 *
 *   answer: nonce N, outcome WORDS, latency S, minimum S, ci S, control S,
 *     difference R, detail TEXT, version TEXT (of the backend plugin), and the
 *     description, or the seconds of each step, a line each, as the body
 */
#ifndef CORE_MEASURE_JOB_H
#define CORE_MEASURE_JOB_H
#include <stdint.h>
#include <chanas/plugin.h>
#include "text.h"

#define JOB_PROTOCOL 4
#define JOB_NO_MEMORY 86 /* exit code of a runner that ran out of memory */

enum job_kind { JOB_DESCRIBE, JOB_MEASURE, JOB_VERIFY, JOB_RACE };

struct job_step {
  int32_t src, dst;
  char *symbol, *key;
};

struct job {
  enum job_kind kind;
  uint64_t nonce, seed, memory, cold;
  int ceilings, threads, cpu, rounds, verify, profile;
  double seconds, round, best;
  struct chanas_args settings; /* "key=value" */
  char *object;                /* path, or NULL */
  char *hash;                  /* of the object that was put, or NULL */
  struct chanas_text bytes;    /* or the object itself */
  size_t steps, tensors;
  struct job_step *step;
  size_t *elements;
  int32_t output;
};

struct answer {
  uint64_t nonce;
  enum chanas_outcome outcome;
  double latency, minimum, ci, control, difference;
  char detail[200], version[40];
  struct chanas_text description; /* or the steps' seconds */
};

void job_add_tensor(struct job *, size_t elements);
void job_add_step(struct job *, int32_t src, int32_t dst, const char *symbol,
                  const char *key);
void job_pack(const struct job *, struct chanas_text *frame);
/* 0, or -1 and a log line that says what is wrong with the job. */
int job_unpack(const struct chanas_text *payload, struct job *);
void job_free(struct job *);
int job_is_many(const struct job *);
size_t job_answers(const struct job *); /* how many it may get, at least 1 */
double job_seconds(const struct job *); /* for all of it; 0: no deadline */

void answer_pack(const struct answer *, struct chanas_text *frame);
/* The answer at *at, which moves behind it; -1: there is no sound one. */
int answer_next(const struct chanas_text *data, size_t *at, struct answer *);
void answer_free(struct answer *);
#endif
