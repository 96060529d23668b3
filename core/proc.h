/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Child processes under a deadline.  The deadline is in the parent, measured
 * by CLOCK_MONOTONIC; at it, and after every exit, the whole process tree of
 * the child is killed, grandchildren that called setsid() included (the
 * process is a child subreaper, and strays carry the job's mark in their
 * environment).
 *
 * A child is also killed when the thread that started it ends, so that
 * thread has to live until the child was stopped.  Several threads may run
 * children at once.  Children that others start (a plugin, a library) are
 * never waited for nor killed.
 */
#ifndef CORE_PROC_H
#define CORE_PROC_H
#include <stddef.h>
#include <stdint.h>
#include "text.h"

enum proc_end { PROC_EXITED, PROC_SIGNALLED, PROC_DEADLINE, PROC_STOPPED,
                PROC_NOT_STARTED };

struct proc_limits {
  double seconds;      /* wall-clock deadline; 0: none */
  uint64_t memory;     /* RLIMIT_AS in bytes; 0: none */
  uint64_t file_size;  /* RLIMIT_FSIZE; 0: none */
  size_t output;       /* bytes of stdout and of stderr kept, rest dropped;
                          0: 64 KiB */
};

struct proc_result {
  enum proc_end end;
  int code;            /* exit status, signal number; errno if not started */
  double seconds;      /* wall time */
  struct chanas_text out, err;
};

/* Start, feed `input` to stdin, collect, end.  args[0] is searched in PATH;
 * environ entries "NAME=value" in env (NULL-terminated, may be NULL) are
 * added.  Never a shell.  PROC_STOPPED: proc_stopping() became true. */
void proc_run(const struct chanas_args *, const char *const env[],
              const void *input, size_t input_size,
              const struct proc_limits *, struct proc_result *);
void proc_result_free(struct proc_result *);

/* A child that stays: pipes to its stdin and from its stdout; stderr is
 * ours.  The limits' seconds and output do not apply. -1, logged. */
struct proc { int pid, in, out, fd; char mark[40]; };
int proc_start(const struct chanas_args *, const char *const env[],
               const struct proc_limits *, struct proc *);
/* Read what is there until `seconds` from now: > 0 bytes, 0 end of file,
 * -1 nothing in time, or stopping. */
long proc_read(struct proc *, void *data, size_t size, double seconds);
/* 0, or -1 if not all could be written in time. */
int proc_write(struct proc *, const void *data, size_t size, double seconds);
/* Kill the tree, reap; the result tells how it ended (PROC_DEADLINE: it was
 * still running).  Either pointer may be NULL. */
void proc_stop(struct proc *, enum proc_end *, int *code);

/* Append the words of a command: separated by blanks, quoted by '...', "..."
 * or a backslash.  -1: a quote is not closed. */
int proc_words(const char *command, struct chanas_args *);
char *proc_find(const char *program); /* its path, free it; NULL: not in PATH */
double proc_now(void);   /* CLOCK_MONOTONIC in seconds */
/* 1 after SIGINT or SIGTERM (a second one ends the process at once). */
int proc_stopping(void);
int proc_stop_signal(void); /* its number or 0 */
void proc_catch_signals(void);
#endif
