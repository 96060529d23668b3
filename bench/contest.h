/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The three contests of the strategies, and the options that both programs
 * (bench/strategies, bench/hypervolume) take.
 */
#ifndef BENCH_CONTEST_H
#define BENCH_CONTEST_H
#include "arena.h"

struct options {
  const char *strategy;  /* NULL: random, evolution, rl */
  const char *set[16];
  size_t sets;
  size_t seeds;          /* 0: each contest's own number */
  uint64_t first;
  size_t budget, batch;  /* 0: each contest's own */
  size_t rounds;         /* 0: 1 */
  const char **operand;  /* what is left of the command line */
  size_t operands;
};
/* Exits with 0 or 2 after --help or a wrong option. */
void options_read(struct options *, int argc, char **argv, const char *usage);
/* The contest of strategy number i; 0 after the last. */
int options_contest(const struct options *, size_t i, size_t budget,
                    size_t batch, struct contest *);

/* (a) NAS-Bench-201: short training queried, long training reported. */
int contest_topology(const struct options *);
/* (b) Two goals: hypervolume of what was found against that of all rows of a
 * sheet whose columns are accuracy and latency. */
int contest_front(const struct options *, const struct sheet *,
                  const char *title);
/* (c) Accuracy alone under three limits on latency. */
int contest_limit(const struct options *, const struct sheet *,
                  const char *title);
/* NAS-Bench-Macro with a latency model; NULL, logged. */
struct sheet *macro_sheet(void);
#endif
