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
  double tick;         /* seconds from one call of watch() to the next */
  int (*watch)(void *arg); /* may be NULL; anything but 0 ends the child */
  void *watched;       /* its argument */
};

struct proc_result {
  enum proc_end end;
  int code;            /* exit status, signal number; errno if not started */
  double seconds;      /* wall time */
  struct chanas_text out, err;
};

/* Start, feed `input` to stdin, collect, end.  args[0] is searched in PATH;
 * environ entries "NAME=value" in env (NULL-terminated, may be NULL) are
 * added.  Never a shell.  PROC_STOPPED: proc_stopping() became true, or watch()
 * ended it. */
void proc_run(const struct chanas_args *, const char *const env[],
              const void *input, size_t input_size,
              const struct proc_limits *, struct proc_result *);
/* The same for a function of this process in a fork of it, of which
 * descriptors 0 to 2 alone are left; body() returns the exit code.  For a
 * process of one thread, all of whose children are such: at the end of one
 * whatever else has become a child of ours is killed.  (A process that is run
 * by an emulator can do this, but not start itself anew.) */
void proc_run_fork(int (*body)(void *arg), void *arg,
                   const struct proc_limits *, struct proc_result *);
void proc_result_free(struct proc_result *);

/* A child that stays, with pipes to its stdin and from its stdout and
 * stderr.  -1 with errno, not logged. */
struct proc { int pid, in, out, err, fd; char mark[40]; };
int proc_start(const struct chanas_args *, struct proc *);
/* Wait until the child says something, or (*size > 0) takes something, or
 * `seconds` are over; then move what can be moved: what it says is appended to
 * out and err, what it took of *data is off *size.  1; 0: nothing in time, or
 * stopping; -1: it has closed its stdout, or no longer reads. */
int proc_exchange(struct proc *, const char **data, size_t *size,
                  struct chanas_text *out, struct chanas_text *err,
                  double seconds);
/* Until it has ended, or `seconds` are over. */
void proc_wait(const struct proc *, double seconds);
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
