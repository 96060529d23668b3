/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How products of matrices go through their slices.  Pixels always pass
 * through registers, where they are scaled or rounded; two buffers are enough
 * for them, for a slice is stored once the one before it is used.  Weights
 * take the same way, or are copied past the registers, as many slices ahead
 * as there are buffers: by cp.async, 16 bytes a thread, or in bulk, a row of
 * a slice at a time, by the unit that copies in the background and counts the
 * bytes at a barrier in local memory (PTX ISA, "Data Movement and Conversion:
 * cp.async.bulk", "Parallel Synchronization: mbarrier").  In a cluster of
 * blocks, which have the same channels, each copies a part of the rows, for
 * all of them.
 */
#include <stdio.h>
#include "gpu_emit.h"

#define WARP 32 /* threads that issue bulk copies */

static void
sync(struct gpu_text *o)
{
  P(o, "    %sSYNC();\n",
    o->plan->schedule->cluster > 1 ? "CLUSTER_" : "");
}

static void
copy_async(struct gpu_text *o, const struct gpu_rows *r, const char *buffer)
{
  P(o, "    for (int e = THREAD; e < %s * (%s / 4); e += T) {\n"
    "      const int r = e / (%s / 4), q = e %% (%s / 4) * 4;\n"
    "      const int there = r < %s && q < %s;\n", r->rows, r->words, r->words,
    r->words, r->rows_there, r->words_there);
  P(o, "      copy_async(&b[%s][r][q], w + (there ? %s + r * %d + q : 0),\n"
    "                 there);\n    }\n", buffer, r->from, r->stride);
}

/* What is not there is zero. */
static void
copy_bulk(struct gpu_text *o, const struct gpu_rows *r, const char *buffer)
{
  int cluster = o->plan->schedule->cluster;

  P(o, "    {\n    const int rows = min((int)%s, %s);\n"
    "    const int words = min((int)%s, %s);\n", r->rows, r->rows_there,
    r->words, r->words_there);
  P(o, "    if (THREAD < %d) {\n"
    "      bulk_expect(&full[%s], (rows + %d - THREAD) / %d * words * 4);\n"
    "      for (int r = THREAD; r < rows; r += %d)\n", WARP, buffer, WARP - 1,
    WARP, WARP);
  if (cluster > 1)
    P(o, "        if (r %% %d == rank)\n"
      "          bulk_share(b[%s][r], w + %s + r * %d, words * 4,\n"
      "                     &full[%s], %d);\n", cluster, buffer, r->from,
      r->stride, buffer, (1 << cluster) - 1);
  else
    P(o, "        bulk_copy(b[%s][r], w + %s + r * %d, words * 4,\n"
      "                  &full[%s]);\n", buffer, r->from, r->stride, buffer);
  P(o, "    }\n    if (rows < %s || words < %s)\n"
    "      for (int e = THREAD; e < %s * %s; e += T)\n"
    "        if (e / %s >= rows || e %% %s >= words)\n"
    "          b[%s][e / %s][e %% %s] = 0;\n    }\n", r->rows, r->words,
    r->rows, r->words, r->words, r->words, buffer, r->words, r->words);
}

static void
copy(struct gpu_text *o, const struct gpu_staging *s, const char *buffer)
{
  if (o->plan->schedule->copy == GPU_COPY_BULK)
    copy_bulk(o, &s->weights, buffer);
  else if (o->plan->schedule->copy == GPU_COPY_ASYNC)
    copy_async(o, &s->weights, buffer);
}

/* Slice number `slice` must be there; `behind` later ones may not be. */
static void
wait(struct gpu_text *o, const char *slice, int behind)
{
  int stages = o->plan->schedule->stage;

  if (o->plan->schedule->copy == GPU_COPY_BULK)
    P(o, "    bulk_wait(&full[%s %% %d], %s / %d & 1);\n", slice, stages,
      slice, stages);
  else if (o->plan->schedule->copy == GPU_COPY_ASYNC)
    P(o, "    copy_wait(%d);\n", behind);
}

/* Ends a slice that was asked for by cp.async. */
static void
commit(struct gpu_text *o)
{
  if (o->plan->schedule->copy == GPU_COPY_ASYNC)
    P(o, "    copy_commit();\n");
}

static void
once(struct gpu_text *o, const struct gpu_staging *s)
{
  P(o, "  for (int k0 = from, i = 0; k0 < to_k; k0 += BK, i++) {\n"
    "    (void)i;\n");
  s->fetch(o, s->self);
  sync(o);
  copy(o, s, "0");
  commit(o);
  s->store(o, s->self, "0");
  wait(o, "i", 0);
  P(o, "    SYNC();\n");
  s->use(o, s->self, "0", "0");
  P(o, "  }\n");
}

/* The first slice is stored, and those before the last buffer's are copied. */
static void
start(struct gpu_text *o, const struct gpu_staging *s)
{
  int stages = o->plan->schedule->stage;

  if (o->plan->schedule->copy) {
    P(o, "  for (int s = 0; s < %d; s++) {\n"
      "    const int k0 = from + s * BK;\n    if (k0 < to_k) {\n", stages - 1);
    copy(o, s, "s");
    P(o, "    }\n");
    commit(o);
    P(o, "  }\n");
  }
  P(o, "  {\n    const int k0 = from;\n");
  s->fetch(o, s->self);
  s->store(o, s->self, "0");
  wait(o, "0", stages - 2);
  P(o, "    SYNC();\n  }\n");
}

/* The next slices are on their way while this one is used. */
static void
ahead(struct gpu_text *o, const struct gpu_staging *s)
{
  int stages = o->plan->schedule->stage, copied = o->plan->schedule->copy;
  char last[32], now[16];

  snprintf(last, sizeof last, "(i + %d) %% %d", stages - 1, stages);
  snprintf(now, sizeof now, "i %% %d", stages);
  start(o, s);
  P(o, "  for (int k1 = from, i = 0; k1 < to_k; k1 += BK, i++) {\n"
    "    const int p = i %% 2;\n");
  if (copied) {
    P(o, "    {\n    const int k0 = k1 + %d * BK;\n    if (k0 < to_k) {\n",
      stages - 1);
    copy(o, s, last);
    P(o, "    }\n    }\n");
    commit(o);
  }
  P(o, "    const int k0 = k1 + BK;\n    if (k0 < to_k) {\n");
  s->fetch(o, s->self);
  P(o, "    }\n");
  s->use(o, s->self, "p", copied ? now : "p");
  P(o, "    if (k0 < to_k) {\n");
  s->store(o, s->self, "1 - p");
  if (copied == GPU_COPY_BULK)
    wait(o, "(i + 1)", 0);
  P(o, "    }\n");
  if (copied == GPU_COPY_ASYNC)
    wait(o, "", stages - 2);
  sync(o);
  P(o, "  }\n");
}

void
gpu_stage_arrays(struct gpu_text *o, const struct gpu_node *n,
                 const char *type, const char *a, const char *b)
{
  const struct gpu_schedule *s = o->plan->schedule;
  struct gpu_stages bytes = gpu_dense_stages(o->plan, n);
  char count[16];

  snprintf(count, sizeof count, "%d", s->stage < 2 ? s->stage : 2);
  gpu_local(o, type, "a", count, a, bytes.a);
  snprintf(count, sizeof count, "%d", s->stage);
  gpu_local(o, type, "b", count, b, bytes.b);
  if (s->copy != GPU_COPY_BULK)
    return;
  gpu_local(o, "barrier_t", "full", count, "", bytes.barriers);
  if (s->cluster > 1)
    P(o, "  const int rank = BLOCK(%d) %% %d;\n", s->bind, s->cluster);
  P(o, "  if (THREAD == 0)\n    for (int i = 0; i < %d; i++)\n"
    "      bulk_init(&full[i], %d);\n  bulk_fence();\n", s->stage, WARP);
  sync(o);
}

void
gpu_emit_staged(struct gpu_text *o, const struct gpu_staging *s)
{
  if (o->plan->schedule->stage > 1)
    ahead(o, s);
  else
    once(o, s);
  if (o->plan->schedule->cluster > 1)
    sync(o); /* the others may still copy to here */
}
