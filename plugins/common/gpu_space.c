/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policies, offered: which knobs a workload has and with which choices.  The
 * knobs are explained in gpu_policy.c.
 */
#include "gpu.h"

struct offer { size_t count; int64_t value[24]; };

static void
add(struct offer *o, int64_t value)
{
  size_t i;

  for (i = 0; i < o->count; i++)
    if (o->value[i] == value)
      return;
  if (o->count < sizeof o->value / sizeof *o->value)
    o->value[o->count++] = value;
}

static int
put(const struct gpu *g, struct chanas_space *out, const char *name,
    const struct offer *o)
{
  return g->host->knob(out, name, o->count, o->value);
}

#define OFFER(...) \
  (&(struct offer){ sizeof((int64_t[]){ __VA_ARGS__ }) / sizeof(int64_t), \
                    { __VA_ARGS__ } })

static int
count(const struct chanas_workload *w, int kind)
{
  uint32_t i;
  int n = 0;

  for (i = 0; i < w->ops; i++)
    n += w->op[i].kind == kind;
  return n;
}

/* ---- chains ---- */

static int
fused_fits(const struct gpu *g, const struct chanas_workload *w,
           struct gpu_schedule *s, int *project)
{
  struct gpu_plan p;
  int i, found = 0;

  *project = 0;
  if (gpu_plan_make(&p, w, s, &g->device))
    return 0;
  for (i = 0; i < p.phases; i++) {
    struct gpu_cost c;
    if (p.phase[i].dw < 0)
      continue;
    c = gpu_chain_cost(&p, &p.phase[i]);
    if (c.local > g->device.local || c.registers > 200
        || s->rows >= 2 * p.node[p.phase[i].dw].oh
        || s->columns >= 2 * p.node[p.phase[i].dw].ow)
      return 0;
    found = 1;
    *project |= p.phase[i].project >= 0;
  }
  return found;
}

static int
put_chains(const struct gpu *g, const struct chanas_workload *w,
           struct chanas_space *out)
{
  static const int tile[] = { 404, 808, 408, 208, 202, 416, 707, 107,
                              816, 1414 };
  struct gpu_schedule s = gpu_plain(g);
  struct offer o = { 1, { 0 } };
  int mode, project;
  size_t i;

  s.threads = 256;
  for (mode = GPU_FUSE_PROJECT; mode >= GPU_FUSE_DEPTHWISE; mode--)
    for (i = 0; i < sizeof tile / sizeof *tile; i++) {
      s.fuse = mode;
      s.rows = tile[i] / 100;
      s.columns = tile[i] % 100;
      if (fused_fits(g, w, &s, &project)
          && (mode == GPU_FUSE_DEPTHWISE || project))
        add(&o, 10000 * mode + tile[i]);
    }
  if (o.count == 1)
    return 0;
  return put(g, out, "fuse", &o) | put(g, out, "chunk", OFFER(16, 8, 32, 64));
}

/* ---- dense ---- */

static void
offer_blocks(const struct chanas_workload *w, const struct chanas_op *op,
             struct offer *o)
{
  static const int side[] = { 16, 32, 64, 128 };
  long m = (long)w->batch * (op->kind == CHANAS_LINEAR ? 1
                                                       : op->oh * op->ow);
  int i, j;

  for (i = 0; i < 4; i++)
    for (j = 0; j < 4; j++)
      if ((side[i] < 2 * m || i == 0) && (side[j] < 2 * op->cout || j == 0))
        add(o, side[i] * 1000 + side[j]);
}

static int
put_tiles(const struct gpu *g, const struct chanas_workload *w,
          struct chanas_space *out)
{
  char block[] = "block0", thread[] = "thread0";
  uint32_t op, first;
  int done = 0, bad = 0;

  for (op = 0; op < w->ops; op++) {
    struct offer o = { 0 };
    if (gpu_class(w, op, &first) != done || first != op)
      continue;
    offer_blocks(w, &w->op[op], &o);
    block[5] = thread[6] = (char)('0' + done++);
    bad |= put(g, out, block, &o)
           | put(g, out, thread, OFFER(22, 24, 42, 44, 14, 41, 48, 84, 88,
                                       12, 11));
  }
  return bad;
}

/* Is there a squeeze and excite that a convolution reads? */
static int
scales(const struct chanas_workload *w)
{
  uint32_t i, j;

  for (i = 0; i < w->ops; i++)
    for (j = i + 1; j < w->ops && w->op[i].kind == CHANAS_SE; j++)
      if (w->op[j].kind == CHANAS_CONV && w->op[j].src == (int32_t)i + 1)
        return 1;
  return 0;
}

/* Shorter sums than this are not cut. */
static int
long_sums(const struct chanas_workload *w)
{
  uint32_t i;

  for (i = 0; i < w->ops; i++)
    if (gpu_class(w, i, NULL) >= 0
        && w->op[i].cin * w->op[i].k * w->op[i].k >= 32)
      return 1;
  return 0;
}

/* Copies past the registers, and with them more stages, where there are such
 * copies; in bulk, and by clusters, where the description allows them. */
static int
put_stages(const struct gpu *g, struct chanas_space *out)
{
  const struct gpu_device *d = &g->device;
  int bad;

  if (d->dialect != GPU_CUDA || d->arch < 80)
    return put(g, out, "stage", OFFER(1, 2, 0));
  bad = put(g, out, "stage", OFFER(1, 2, 0, 3, 4));
  if (!d->bulk || d->arch < 90)
    return bad | put(g, out, "copy", OFFER(0, 1));
  bad |= put(g, out, "copy", OFFER(0, 1, 2));
  if (d->cluster >= 2)
    bad |= put(g, out, "cluster", d->cluster >= 4 ? OFFER(1, 2, 4)
                                                  : OFFER(1, 2));
  return bad;
}

static int
put_dense(const struct gpu *g, const struct chanas_workload *w,
          struct chanas_space *out)
{
  int linear = count(w, CHANAS_LINEAR);
  int bad = put_tiles(g, w, out);

  bad |= put(g, out, "slice", OFFER(8, 16, 4, 32))
         | put_stages(g, out)
         | put(g, out, "vthread", OFFER(1, 2, 4))
         | put(g, out, "unroll", OFFER(4, 1, 8))
         | put(g, out, "bind", OFFER(0, 1));
  if (long_sums(w))
    bad |= put(g, out, "split", OFFER(1, 2, 4, 8));
  if (g->device.dialect == GPU_CUDA && g->device.arch >= 80
      && w->dtype != CHANAS_F32)
    bad |= put(g, out, "warps", OFFER(0, 11, 12, 21, 22, 24, 42));
  if (linear)
    bad |= put(g, out, "vector", OFFER(1, 0));
  return bad;
}

static int
put_window(const struct gpu *g, struct chanas_space *out)
{
  int bad = put(g, out, "wrows", OFFER(1, 2, 4, 8))
            | put(g, out, "wcols", OFFER(1, 2, 4, 8))
            | put(g, out, "weach", OFFER(1, 2, 4))
            | put(g, out, "wvec", OFFER(1, 2, 4))
            | put(g, out, "wstage", OFFER(0, 1));

  return bad | (g->device.warp > 32
                  ? put(g, out, "wlanes", OFFER(64, 128))
                  : put(g, out, "wlanes", OFFER(32, 64, 16, 8)));
}

static int
check(const struct gpu *g, const struct chanas_workload *w)
{
  uint32_t i;
  size_t most = w->inputs;
  const char *why = NULL;

  for (i = 0; i < w->ops; i++) {
    const struct chanas_op *op = &w->op[i];
    size_t floats = (size_t)op->oh * (size_t)op->ow * (size_t)op->cout
                    * (size_t)w->batch;
    most = floats > most ? floats : most;
  }
  if (w->ops > GPU_OPS)
    why = "more operators than can be planned";
  else if (most > INT32_MAX / 8 || w->weights > INT32_MAX / 8)
    why = "tensors beyond what 32-bit indices reach";
  else if (w->batch > 65535)
    why = "a batch larger than the grid";
  if (why)
    g->host->log(g->host->ctx, CHANAS_ERROR, "%s: %s", why, w->key);
  return why ? -1 : 0;
}

int
gpu_space(void *self, const struct chanas_workload *w,
          struct chanas_space *out)
{
  const struct gpu *g = self;
  int points = count(w, CHANAS_ADD) + count(w, CHANAS_ACT), bad;
  int dense = count(w, CHANAS_CONV) + count(w, CHANAS_LINEAR);

  if (check(g, w))
    return -1;
  bad = put_chains(g, w, out);
  if (points && w->ops > 1)
    bad |= put(g, out, "fold", OFFER(1, 0));
  if (scales(w))
    bad |= put(g, out, "scale", OFFER(1, 0));
  if (dense)
    bad |= put_dense(g, w, out);
  if (count(w, CHANAS_DWCONV) + count(w, CHANAS_AVGPOOL))
    bad |= put_window(g, out);
  bad |= put(g, out, "vec", OFFER(4, 2, 1))
         | put(g, out, "threads", OFFER(128, 64, 256, 512));
  return bad ? -1 : 0;
}
