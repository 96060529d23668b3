/* SPDX-License-Identifier: Apache-2.0 */
/* A backend opened in this very process, for programs that time kernels. */
#ifndef BENCH_OPENED_H
#define BENCH_OPENED_H
#include "build.h"
#include "device.h"
#include "host.h"
#include "registry.h"

struct opened {
  struct plugin plugin;
  struct host *host;
  struct chanas_device *device;
  void *self;
  struct build *build;
};

/* One line on stderr, and the end. */
void opened_fail(const char *what, const char *which)
  __attribute__((noreturn));
/* The plugin of this file; lack[] names extensions that are taken away from
 * the device's description.  measure: its ceilings, too. */
void opened_open(struct opened *, const char *path, int threads, int lacks,
                 const char *const lack[], int measure);
/* Threads, pinned and spinning, as chanas-runner has it. */
void opened_environment(int threads);
#endif
