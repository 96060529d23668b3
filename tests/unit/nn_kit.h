/* SPDX-License-Identifier: Apache-2.0 */
/* Small families, and the engine opened on them, for tests of nn.h. */
#ifndef TESTS_NN_KIT_H
#define TESTS_NN_KIT_H
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "host_access.h"
#include "ini.h"
#include "log.h"
#include "mem.h"
#include "network.h"
#include "nn.h"
#include "nn_rng.h"

struct kit {
  struct chanas_host host;
  struct ini *ini;
  struct family *family;
  struct nn_store store;
  struct nn_engine *engine;
};

__attribute__((format(printf, 3, 4))) static inline void
kit_log(void *ctx, enum chanas_level level, const char *fmt, ...)
{
  va_list list;

  (void)ctx;
  va_start(list, fmt);
  log_vmessage("nn", level, fmt, list);
  va_end(list);
}

static inline struct chanas_network *
kit_network(struct kit *kit, const char *code)
{
  int32_t *choice = mem_array(int32_t, family_space(kit->family)->knobs + 1);
  struct chanas_network *net;

  assert_int_equal(network_parse_code(kit->family, code, choice), 0);
  net = network_build(kit->family, choice);
  assert_non_null(net);
  free(choice);
  return net;
}

/* The store holds what these networks need. */
static inline void
kit_open(struct kit *kit, const char *space, int threads,
         const char *const code[])
{
  *kit = (struct kit){ .host = { .struct_size = sizeof kit->host,
                                 .log = kit_log } };
  host_access(&kit->host);
  kit->ini = ini_parse_text("space.ini", space);
  assert_non_null(kit->ini);
  kit->family = family_parse(kit->ini);
  assert_non_null(kit->family);
  for (size_t i = 0; code[i]; i++) {
    struct chanas_network *net = kit_network(kit, code[i]);
    assert_int_equal(nn_store_add(&kit->store, &kit->host, net), 0);
    network_free(net);
  }
  assert_int_equal(nn_store_seal(&kit->store, 7), 0);
  kit->engine = nn_engine_open(&kit->host, threads);
  assert_non_null(kit->engine);
}

static inline void
kit_close(struct kit *kit)
{
  nn_engine_close(kit->engine);
  nn_store_free(&kit->store);
  family_free(kit->family);
  ini_free(kit->ini);
}

static inline struct nn_graph *
kit_graph(struct kit *kit, const char *code)
{
  struct chanas_network *net = kit_network(kit, code);
  struct nn_graph *graph = nn_graph_make(&kit->store, &kit->host, net);

  assert_non_null(graph);
  network_free(net);
  return graph;
}

/* n standard normal numbers of a seed; free() them. */
static inline float *
kit_normal(size_t n, uint64_t seed)
{
  struct nn_rng rng = nn_rng_at(seed, 1, 2);
  float *x = mem_array(float, n + 1);

  for (size_t i = 0; i < n; i++)
    x[i] = (float)nn_rng_normal(&rng);
  return x;
}
#endif
