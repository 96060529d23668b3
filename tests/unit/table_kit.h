/* SPDX-License-Identifier: Apache-2.0 */
/* A scratch folder and made-up trials, for the tests of the table. */
#ifndef TESTS_TABLE_KIT_H
#define TESTS_TABLE_KIT_H
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "file.h"
#include "mem.h"
#include "table.h"

#define KEY_A "f32/n1/i8x8x4/conv:k1,s1,p0,o8,relu6,b,x0"
#define KEY_B "f32/n1/i8x8x4/dw:k3,s1,p1,relu6,b,x0"

static char kit_folder[64];

static inline int
kit_setup(void **state)
{
  (void)state;
  strcpy(kit_folder, "/tmp/chanas-table-XXXXXX");
  return mkdtemp(kit_folder) ? 0 : -1;
}

static inline int
kit_teardown(void **state)
{
  char command[100];

  (void)state;
  snprintf(command, sizeof command, "rm -rf '%s'", kit_folder);
  return system(command);
}

/* A path in the scratch folder, which lives until the program's end. */
static inline const char *
kit_path(const char *name)
{
  static char paths[16][128];
  static int next;
  char *path = paths[next++ % 16];

  snprintf(path, 128, "%s/%s", kit_folder, name);
  return path;
}

static inline struct table *
kit_open(const char *path)
{
  int code;

  return table_open(path, 0, &code);
}

static inline int64_t
kit_target(struct table *table, int threads)
{
  const struct table_target target = { "00112233aabbccdd", "cores = 2\n",
                                       "p", "0.1", "cc 1", threads };

  return table_target(table, &target);
}

static inline struct table_trial
kit_trial(const char *workload, const char *policy, double latency)
{
  return (struct table_trial){
    .workload = workload, .policy = policy, .latency = latency,
    .outcome = latency > 0 ? CHANAS_MEASURED : CHANAS_CRASHED,
    .ci = latency / 100, .control = 1e-4, .detail = "",
  };
}
#endif
