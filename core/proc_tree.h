/* SPDX-License-Identifier: Apache-2.0 */
/* The process trees of running children, and their end.  For proc.c alone. */
#ifndef CORE_PROC_TREE_H
#define CORE_PROC_TREE_H
#include <sys/types.h>

/* Before the first child: become the reaper of orphaned grandchildren. */
void tree_prepare(void);
/* A started child is noted, so that a second signal kills it too. */
void tree_note(pid_t leader);
/* Kill the leader's group, reap the leader, then find, kill and reap every
 * stray that carries the mark, or with an empty mark every child there is.
 * Returns the leader's wait status, or -1 if the kernel would not let go of
 * it. */
int tree_kill(pid_t leader, int pidfd, const char *mark);

/* A descriptor that becomes readable for ever with the first signal. */
int tree_stop_fd(void);
#endif
