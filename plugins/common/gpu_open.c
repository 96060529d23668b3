/* SPDX-License-Identifier: Apache-2.0 */
/* The device, as its description has it. */
#include "gpu.h"

int
gpu_open(struct gpu *g, const struct chanas_host *h,
         const struct chanas_device *device, enum gpu_dialect dialect)
{
  struct gpu_device *d = &g->device;

  g->host = h;
  *d = (struct gpu_device){
    .dialect = dialect,
    .group = (int)h->limit(device, "group"),
    .warp = (int)h->limit(device, "warp"),
    .units = (int)h->limit(device, "units"),
    .local = (long)h->limit(device, "local"),
    .registers = (long)h->limit(device, "registers"),
    .arch = (int)h->limit(device, "arch"),
    .bulk = (int)h->limit(device, "bulk"),
    .cluster = (int)h->limit(device, "cluster"),
  };
  d->declared = d->local;
  if (dialect == GPU_CUDA && h->limit(device, "local_most") > d->local)
    d->local = (long)h->limit(device, "local_most");
  if (d->warp < 1)
    d->warp = 1;
  if (d->units < 1)
    d->units = 1;
  if (d->group >= 64 && d->local >= 8192 && 64 % d->warp == 0)
    return 0;
  h->log(h->ctx, CHANAS_ERROR, "the device's description has group=%d, "
         "local=%ld, warp=%d: blocks of 64 threads with 8192 bytes of local "
         "memory are the least, and warp must divide 64", d->group, d->local,
         d->warp);
  return -1;
}
