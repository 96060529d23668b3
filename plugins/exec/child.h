/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The user's program: started without a shell in a process group of its own,
 * pipes at its stdin, stdout and stderr, ended with its whole group.
 */
#ifndef PLUGINS_EXEC_CHILD_H
#define PLUGINS_EXEC_CHILD_H
#include <stddef.h>
#include <sys/types.h>

struct child {
  pid_t pid;        /* 0: not running */
  int in, out, err; /* its stdin, stdout, stderr; non-blocking */
  char ended[80];   /* "exited with status 3", once it has ended */
};

/* argv[0] is searched in PATH.  Returns 0 or an errno. */
int child_start(struct child *, char *const argv[]);
/* Bytes written, 0 if it takes none now, -1 if it no longer reads.  Never
 * raises SIGPIPE. */
ssize_t child_write(struct child *, const void *data, size_t size);
/* 1 if it has ended by itself. */
int child_gone(struct child *);
/* Close its stdin, give it `grace` seconds to end, then kill its group.  What
 * it wrote can still be read until child_close. */
void child_end(struct child *, double grace);
void child_close(struct child *);
double child_clock(void); /* monotonic, seconds */
#endif
