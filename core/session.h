/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything a command works with, opened from one configuration: plugins,
 * device, latency table, compiler, family of networks, random streams.
 */
#ifndef CORE_SESSION_H
#define CORE_SESSION_H
#include "build.h"
#include "config.h"
#include "device.h"
#include "host.h"
#include "measure.h"
#include "network.h"
#include "table.h"

/* Documented exit codes of the command. */
enum {
  EXIT_DONE = 0,
  EXIT_FAILED = 1,
  EXIT_USAGE = 2,
  EXIT_INFEASIBLE = 3,
  EXIT_UNAVAILABLE = 4,
  EXIT_CORRUPT = 5,
};

struct session {
  struct config *config;
  struct rng rng;
  struct family *family;
  const struct plugin *backend;
  struct host *backend_host;
  void *self;                   /* the backend's pure half */
  int measures;                 /* 0: latencies come from backend.latency */
  struct measure *measure;
  struct build *build;
  struct chanas_device *device;
  struct table *table;
  int64_t target, run, watermark;
};

/* table_path NULL: the default.  0, or a documented exit code (logged).
 * The configuration stays the caller's. */
int session_open(struct session *, struct config *, const char *table_path);
void session_close(struct session *);
/* The exit code of what failed just now: 4 if the device is gone, else 1. */
int session_failure(const struct session *);
/* Sum over the blocks of a network, in seconds, where a backend has no device
 * but knows latencies.  -1 (logged). */
int session_replay(const struct session *, const struct chanas_network *,
                   double *sum);
/* Begin a run in the table, or (resume > 0) go on with it. */
int session_start_run(struct session *, int64_t resume);
#endif
