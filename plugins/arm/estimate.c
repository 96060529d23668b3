/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A backend without kernels: what a description of a device lets expect of
 * the arm backend's, for a search where there is no board.  A roofline over
 * the plan (Williams, Waterman, Patterson, CACM 2009): each nest takes the
 * longer of its cycles and its bytes.  Its figures are estimates, kept apart
 * from measured ones by the backend's name.
 */
#include <stdlib.h>
#include <string.h>
#include "blocks.h"
#include "policy.h"

#define NAME "arm-estimate"

struct estimate {
  struct target target;
  double cycle;          /* seconds, of two multiply-adds */
  double near, far;      /* seconds of a byte that is in L2; that is not */
};

/* A number of the description that must be there and positive. */
static int
need(const struct chanas_host *host, const struct chanas_device *device,
     const char *key, double *out)
{
  *out = (double)host->limit(device, key);
  if (*out > 0)
    return 0;
  host->log(host->ctx, CHANAS_ERROR, "the device's description has no %s=, a "
            "whole number; name a file with it as device in [backend]", key);
  return -1;
}

static int
estimate_open(const struct chanas_host *host,
              const struct chanas_device *device, void **self)
{
  struct estimate *e = host->alloc(host->ctx, sizeof *e);
  double mhz, pipes, memory;

  if (e == NULL || need(host, device, "mhz", &mhz)
      || need(host, device, "pipes", &pipes)
      || need(host, device, "memory_mbs", &memory))
    return -1;
  e->target = (struct target){ .host = host, .backend = NAME, .vec = 4,
                               .registers = 32, .lanes = 1 };
  if (host->limit(device, "isa.sve") && host->limit(device, "sve.bits") > 0)
    e->target.vec = (int)host->limit(device, "sve.bits") / 32;
  target_caches(&e->target, device);
  e->cycle = 1e-6 / mhz * 2 / pipes;
  e->near = 1e-6 / mhz / 32; /* 32 bytes a cycle */
  e->far = 1e-6 / memory;
  *self = e;
  return 0;
}

/* The schedule that the estimate of register blocks likes best. */
static struct schedule
schedule_of(const struct estimate *e, const struct chanas_workload *w)
{
  struct schedule s = policy_plain(&e->target);
  struct register_block best[BLOCKS_MAX];
  uint32_t i;

  s.columns = 8;
  s.lanes = 1;
  s.unroll = s.vec;
  for (i = 0; i < w->ops && i < PLAN_OPS; i++)
    if (policy_class(w, i, NULL) >= 0
        && blocks_list(blocks_shape(w, (int)i, s.vec), e->target.registers, 1,
                       best) > 0)
      s.block[i] = best[0];
  return s;
}

static double
seconds_of(const struct estimate *e, const struct plan *plan)
{
  double sum = 0;
  int i;

  for (i = 0; i < plan->nodes; i++) {
    struct cost c = policy_cost(plan, &plan->node[i]);
    double compute = c.cycles * e->cycle / plan->threads;
    double move = c.bytes * (c.bytes > (double)e->target.l2 ? e->far
                                                            : e->near);
    sum += compute > move ? compute : move;
  }
  return sum;
}

static int
estimate_latency(void *self, const char *role,
                 const struct chanas_workload *w, struct chanas_point network,
                 struct chanas_estimate *seconds)
{
  static const int rows[] = { 0, 1, 2, 4 }; /* of a fused tile; 0: unfused */
  const struct estimate *e = self;
  const struct chanas_host *host = e->target.host;
  struct schedule s = schedule_of(e, w);
  struct plan *plan = malloc(sizeof *plan);
  double best = 0;
  size_t i;

  (void)role, (void)network;
  for (i = 0; plan && i < sizeof rows / sizeof *rows; i++) {
    s.fuse = rows[i] ? FUSE_PROJECT : FUSE_NONE;
    s.rows = rows[i] ? rows[i] : 1;
    if (plan_make(plan, w, &s) == 0 && (rows[i] == 0
        || policy_share(plan) <= 2 * (size_t)e->target.l2)) {
      double now = seconds_of(e, plan);
      best = best == 0 || now < best ? now : best;
    }
  }
  free(plan);
  *seconds = (struct chanas_estimate){ best, 0 };
  if (best > 0)
    return 0;
  host->log(host->ctx, CHANAS_ERROR, "no estimate of %s", w->key);
  return -1;
}

static void
estimate_close(void *self)
{
  (void)self; /* the host frees what it gave */
}

static const struct chanas_backend backend = {
  .struct_size = sizeof(struct chanas_backend),
  .open = estimate_open,
  .latency = estimate_latency,
  .close = estimate_close,
};

static const struct chanas_plugin plugin = {
  CHANAS_PLUGIN_HEAD,
  .name = NAME,
  .version = "5",
  .summary = "latencies on AArch64 CPUs, estimated from a description",
  .backend = &backend,
};

CHANAS_REGISTER_PLUGIN(plugin)
