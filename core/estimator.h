/* SPDX-License-Identifier: Apache-2.0 */
/* The estimator of a configuration, opened on the session's family. */
#ifndef CORE_ESTIMATOR_H
#define CORE_ESTIMATOR_H
#include "session.h"

struct estimator {
  const struct plugin *plugin; /* NULL: the configuration names none */
  struct host *host;
  void *self;
  char *folder;                /* what prepare() was given */
};

/* A documented exit code, logged. */
int estimator_open(struct estimator *, struct session *);
/* Whatever the plugin needs before the first estimate, such as training; in
 * [estimator] folder, by default below the XDG data folder.  Stopped by the
 * user it returns EXIT_DONE too: proc_stopping() tells. */
int estimator_prepare(struct estimator *);
/* Mean and spread of each network; exact: no predictions where the plugin
 * can do without.  0; 1: stopped; -1, logged. */
int estimator_run(struct estimator *, int exact, size_t n,
                  struct chanas_network *const net[],
                  struct chanas_estimate out[]);
/* Make sure of e->folder alone.  An exit code, logged. */
int estimator_folder(struct estimator *);
void estimator_close(struct estimator *);
#endif
