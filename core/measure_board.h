/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Boards: serving runners on devices of one fingerprint, each behind a link.
 * A job goes to whichever is free.  If a link goes down, the job that was on
 * it is given to another board, or to the same one when it is back; a board
 * that is not back in time, is another device than it was, or never answered
 * at all is given up.  Threads may run jobs at once, as many as there are
 * boards; they have to live as long as the boards (see proc.h).
 */
#ifndef CORE_MEASURE_BOARD_H
#define CORE_MEASURE_BOARD_H
#include "measure_job.h"

#define BOARD_TRIES 3 /* times that a job is sent at most */

struct boards;

struct boards_config {
  size_t count;
  const struct chanas_args *command; /* one each */
  const char *version;               /* of the backend plugin here */
  const struct job *describe;        /* the job that tells the fingerprint */
  double silence, patience;          /* seconds; see chanas.ini(5) */
};

/* Copies what it is given. */
struct boards *boards_open(const struct boards_config *);
void boards_close(struct boards *);
/* Bring all of them up, in their order: the first that comes sets the
 * fingerprint.  0, or -1 if none is left (logged).  Before the first job. */
int boards_up(struct boards *);
/* How many are not given up. */
int boards_left(struct boards *);
/* As child_run(), but for the device: an answer `lost` says that none of
 * BOARD_TRIES attempts came to an end, or that there is no board left. */
size_t boards_run(struct boards *, const struct job *,
                  const struct chanas_text *object, struct answer a[]);
#endif
