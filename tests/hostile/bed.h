/* SPDX-License-Identifier: Apache-2.0 */
/* A test bed: the test backend, opened as a search would open it. */
#ifndef TESTS_BED_H
#define TESTS_BED_H
#include <stdlib.h>
#include <string.h>

#include "build.h"
#include "device.h"
#include "host.h"
#include "measure.h"
#include "mem.h"
#include "registry.h"
#include "space.h"
#include "workload.h"

/* 252 outputs: no multiple of 16, so there is room for a canary behind it. */
#define BED_BLOCK "f32/n1/i6x6x7/conv:k1,s1,p0,o9,relu6,b,x0/" \
                  "dw:k3,s1,p1,relu6,b,x1/conv:k1,s1,p0,o7,none,b,x2/" \
                  "add:none,x3,0"

/* A runner with AddressSanitizer cannot be limited in its memory. */
#ifdef __SANITIZE_ADDRESS__
#define BED_SANITIZED 1
#elif defined __has_feature
#if __has_feature(address_sanitizer)
#define BED_SANITIZED 1
#endif
#endif
#ifndef BED_SANITIZED
#define BED_SANITIZED 0
#endif

struct bed {
  const struct plugin *plugin;
  struct host *host;
  struct chanas_device *device;
  void *self;
  struct build *build;
};

static inline int
bed_plugin(struct bed *b)
{
  const char *built = getenv("abs_top_builddir");
  char *folder = mem_print("%s/tests/hostile/.libs", built ? built : ".");
  *b = (struct bed){0};
  registry_path(folder);
  free(folder);
  b->plugin = registry_get(PLUGIN_BACKEND, "hostile");
  return b->plugin ? 0 : -1;
}

static inline int
bed_open(struct bed *b, int jobs)
{
  if (bed_plugin(b))
    return -1;
  b->host = host_open(b->plugin, NULL, NULL, NULL, NULL);
  b->device = device_parse("model=test\n");
  if (!b->host || !b->device ||
      b->plugin->backend.open(host_services(b->host), b->device, &b->self))
    return -1;
  b->build = build_open(b->plugin, b->self, NULL, jobs);
  return b->build ? 0 : -1;
}

static inline void
bed_close(struct bed *b)
{
  build_close(b->build);
  if (b->host)
    b->plugin->backend.close(b->self);
  if (b->host)
    host_close(b->host);
  device_free(b->device);
}

/* The source of one candidate; free it. */
static inline char *
bed_emit(struct bed *b, const struct chanas_workload *w, int misdeed, int tile,
         const char *symbol)
{
  struct chanas_space *space = space_new();
  struct chanas_text out = {0};
  int32_t choice[2] = {misdeed, tile};
  struct chanas_point point = {space, choice};
  if (b->plugin->backend.space(b->self, w, space) ||
      b->plugin->backend.emit(b->self, w, point, symbol, &out))
    text_free(&out);
  space_free(space);
  return out.data;
}

static inline struct measure_config
bed_config(const struct bed *b)
{
  return (struct measure_config){
    .backend = b->plugin, .settings = "", .deadline = 20, .round = 0.0005,
    .rounds = 5, .memory = (uint64_t)1 << 30, .seed = 1, .threads = 1,
  };
}
#endif
