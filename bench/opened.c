/* SPDX-License-Identifier: Apache-2.0 */
#include "opened.h"
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "loader.h"
#include "mem.h"

void
opened_fail(const char *what, const char *which)
{
  fprintf(stderr, "%s: %s\n", which, what);
  exit(1);
}

static void
describe(struct opened *o, int threads, int lacks, const char *const lack[],
         int measure)
{
  struct chanas_text text = { 0 };
  char value[16];

  if (o->plugin.backend.describe(host_services(o->host), &text, measure))
    opened_fail("no description", o->plugin.path);
  o->device = device_parse(text.data);
  snprintf(value, sizeof value, "%d", threads);
  device_set(o->device, "threads", value);
  for (int i = 0; i < lacks; i++) {
    char key[48];
    snprintf(key, sizeof key, "isa.%s", lack[i]);
    device_set(o->device, key, "0");
  }
  text_free(&text);
}

void
opened_open(struct opened *o, const char *path, int threads, int lacks,
            const char *const lack[], int measure)
{
  const char *base = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
  const char *name = strncmp(base, "chanas-", 7) ? base : base + 7;
  char *wrong;

  name = mem_print("%.*s", (int)strcspn(name, "."), name);
  o->plugin.path = mem_string(path);
  if ((wrong = loader_open(path, name, &o->plugin)))
    opened_fail(wrong, path);
  o->host = host_open(&o->plugin, NULL, NULL, NULL, NULL);
  if (o->host == NULL)
    opened_fail("cannot be opened", path);
  describe(o, threads, lacks, lack, measure);
  if (o->plugin.backend.open(host_services(o->host), o->device, &o->self))
    opened_fail("cannot be opened", path);
  o->build = build_open(&o->plugin, o->self, NULL, 1);
  if (o->build == NULL)
    opened_fail("no compiler", path);
}

void
opened_environment(int threads)
{
  char text[16];
  cpu_set_t one;

  snprintf(text, sizeof text, "%d", threads);
  setenv("OMP_NUM_THREADS", text, 1);
  setenv("OMP_PROC_BIND", threads > 1 ? "true" : "false", 1);
  setenv("OMP_WAIT_POLICY", "active", 1);
  setenv("OMP_DYNAMIC", "false", 1);
  if (threads > 1)
    return;
  CPU_ZERO(&one);
  CPU_SET(sched_getcpu(), &one);
  sched_setaffinity(0, sizeof one, &one);
}
