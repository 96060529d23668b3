/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The searching side of a link (measure_wire.h): a command that is started
 * once and then serves many jobs.  Nothing it does can hold us up for longer
 * than `silence`: a link that is silent for so long, brings anything but sound
 * frames, or ends is down.  Then link_why() says why, in one line, with what
 * the command said last on its stderr.
 *
 * The thread that brings a link up has to live as long as the link.
 */
#ifndef CORE_MEASURE_LINK_H
#define CORE_MEASURE_LINK_H
#include "measure_job.h"

struct link;

/* command stays the caller's, and has to last. */
struct link *link_new(const struct chanas_args *command, double silence);
void link_free(struct link *);
/* 0: the other side is a runner of our protocol.  -1: it is down. */
int link_up(struct link *);
/* One job; object may be NULL.  How many answers there are, at least 1, or 0:
 * the link went down, or the user wants to stop (then it is down, too). */
size_t link_job(struct link *, const struct job *,
                const struct chanas_text *object, struct answer a[]);
const char *link_why(const struct link *);
#endif
