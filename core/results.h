/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The folder of a run: front.csv, front.json, run.json, report.txt, each
 * whole or absent; and run.state, which --resume and export read.
 */
#ifndef CORE_RESULTS_H
#define CORE_RESULTS_H
#include <jansson.h>
#include "search.h"

/* What is needed to go on with a run. */
struct run_state {
  char *config; /* resolved INI text */
  char *folder; /* of the INI file, for relative names */
  char *table;  /* path */
  int64_t run;
};

int run_state_write(const char *dir, const struct run_state *);
int run_state_read(const char *dir, struct run_state *); /* -1, logged */
void run_state_free(struct run_state *);
/* The resolved configuration of a run, as it was.  NULL, logged. */
struct config *run_state_config(const char *dir, const struct run_state *);

/* 0, or -1 (logged). */
int results_write(const struct search *, const char *dir,
                  const char *table_path);
json_t *results_front(const struct search *);
json_t *results_run(const struct search *, const char *table_path);
#endif
