/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line: one table of commands, one set of options that all of
 * them share, and what each accepts.
 */
#ifndef CORE_CMD_H
#define CORE_CMD_H
#include <stddef.h>
#include "session.h"

#define CMD_MAX_SETS 64

struct options {
  const char *command;
  const char *table, *output, *resume, *code, *dump;
  const char *weights, *onnx;
  const char *set[CMD_MAX_SETS + 1];
  size_t sets;
  long rank, random;
  int json, fixed, scratch, ranges;
  int operands;
  char **operand;
};

struct command {
  const char *name, *operands, *summary;
  const char *accepts; /* letters of the options it takes, see cmd.c */
  int least, most;     /* operands */
  const char *help;
  int (*run)(const struct options *);
};

int cmd_search(const struct options *);
int cmd_tune(const struct options *);
int cmd_blocks(const struct options *);
int cmd_measure(const struct options *);
int cmd_table(const struct options *);
int cmd_plugins(const struct options *);
int cmd_export(const struct options *);
int cmd_train(const struct options *);
int cmd_estimate(const struct options *);
int cmd_doctor(const struct options *);

/* Parse argv; *command NULL when --help or --version was served.  An exit
 * code, logged. */
int cmd_parse(int argc, char **argv, struct options *,
              const struct command **);

/* Configuration and session of an INI file, with --set applied.  Exit code,
 * logged. */
int cmd_open(const struct options *, const char *ini, struct config **,
             struct session *);
void cmd_close(struct config *, struct session *);
#endif
