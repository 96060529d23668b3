/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policies: points of the space that gpu_space.c offers, decoded to
 * schedules and judged against the device's limits.  The knobs:
 *
 *   fuse      0: op by op; 10000 * F + 100 * R + C: chains around depthwise
 *             convolutions in one kernel by tiles of R x C outputs, with F 1
 *             expand + depthwise, with F 2 the projection too
 *   chunk     channels between expand and project that are done at a time
 *   fold      1: additions and activations join the operator before them
 *   scale     1: factors of squeeze and excite are applied by the
 *             convolution that follows; 0: in a pass of their own
 *   blockI    1000 * pixels + channels that a block of threads computes, of
 *             the I-th kind of dense convolution
 *   threadI   10 * pixels + channels of one thread
 *   slice     products that are staged at a time (words with tensor cores)
 *   stage     buffers in local memory: 0 none, 1, 2 (the next slice is
 *             fetched while this one is used), more (of weights that are
 *             copied: the next ones); in chains, whether the input is staged
 *   copy      how weights get there: 0 through registers, 1 past these
 *             (cp.async), 2 in bulk (cp.async.bulk)
 *   cluster   blocks along the pixels that copy their weights together
 *   vthread   virtual threads: parts that a thread's pixels and channels are
 *             cut into, spread over the block
 *   vec       floats of a global load or store, where channels allow it
 *   unroll    of the loop over a slice
 *   split     parts of a long sum, added by a second kernel
 *   bind      0: pixels along the grid's first axis; 1: channels
 *   warps     10 * rows + columns of warps that compute a block by tensor
 *             cores; 0: without these
 *   vector    1: linear layers as products with a vector, one an image
 *   wrows, wcols, wlanes   threads along rows, columns, channels of
 *             depthwise convolution and pooling
 *   weach, wvec            columns and channels of one of these threads
 *   wstage    1: its input is staged in local memory
 *   threads   of a block in all other kernels and in chains
 *
 * A knob that has no effect on a workload is not offered.
 */
#include "gpu.h"
#include "gpu_knobs.h"

#define REGISTERS 255     /* of a thread, on any GPU that says how many */
#define FETCH 32          /* registers of a slice being fetched */
#define GRID 65535        /* blocks along the second and third axis */

struct gpu_schedule
gpu_plain(const struct gpu *g)
{
  struct gpu_schedule s = { .rows = 1, .columns = 1, .chunk = 8, .fold = 1,
                            .slice = 4, .stage = 0, .vthread = 1, .vec = 1,
                            .unroll = 1, .split = 1, .cluster = 1,
                            .window_rows = 1,
                            .window_columns = 1, .window_each = 1,
                            .window_lanes = 32, .window_vec = 1,
                            .vector = 1, .threads = 64 };
  int i;

  if (g->device.warp > 32)
    s.window_lanes = 64;
  for (i = 0; i < GPU_CLASSES; i++)
    s.tile[i] = (struct gpu_tile){ 16, 16, 2, 2 };
  return s;
}

static void
set(const struct chanas_host *h, struct chanas_point p, const char *name,
    int *to)
{
  if (h->find_knob(p.space, name) >= 0)
    *to = (int)h->value(p, name);
}

static int
decode_tiles(const struct gpu *g, const struct chanas_workload *w,
             struct chanas_point p, struct gpu_schedule *s)
{
  char block[] = "block0", thread[] = "thread0";
  uint32_t i;

  for (i = 0; i < w->ops; i++) {
    int class = gpu_class(w, i, NULL), b, t;
    if (class < 0)
      continue;
    block[5] = thread[6] = (char)('0' + class);
    b = (int)g->host->value(p, block);
    t = (int)g->host->value(p, thread);
    if (b < 1001 || t < 11 || b % 1000 < 1 || t % 10 < 1)
      return -1;
    s->tile[class] = (struct gpu_tile){ b / 1000, b % 1000, t / 10, t % 10 };
  }
  return 0;
}

int
gpu_schedule(const struct gpu *g, const struct chanas_workload *w,
             struct chanas_point p, struct gpu_schedule *s)
{
  const struct chanas_host *h = g->host;
  int fuse = 0;

  *s = gpu_plain(g);
  set(h, p, "fuse", &fuse);
  if (fuse) {
    s->fuse = fuse / 10000;
    s->rows = fuse / 100 % 100;
    s->columns = fuse % 100;
  }
  set(h, p, "chunk", &s->chunk);
  set(h, p, "fold", &s->fold);
  set(h, p, "scale", &s->scale);
  set(h, p, "slice", &s->slice);
  set(h, p, "stage", &s->stage);
  set(h, p, "copy", &s->copy);
  set(h, p, "cluster", &s->cluster);
  set(h, p, "vthread", &s->vthread);
  set(h, p, "vec", &s->vec);
  set(h, p, "unroll", &s->unroll);
  set(h, p, "split", &s->split);
  set(h, p, "bind", &s->bind);
  set(h, p, "warps", &s->warps);
  set(h, p, "vector", &s->vector);
  set(h, p, "wrows", &s->window_rows);
  set(h, p, "wcols", &s->window_columns);
  set(h, p, "wlanes", &s->window_lanes);
  set(h, p, "weach", &s->window_each);
  set(h, p, "wvec", &s->window_vec);
  set(h, p, "wstage", &s->window_stage);
  set(h, p, "threads", &s->threads);
  return decode_tiles(g, w, p, s);
}

/* ---- legality ---- */

static int
tile_is_whole(const struct gpu_plan *p, const struct gpu_node *n)
{
  const struct gpu_schedule *s = p->schedule;
  const struct gpu_tile *t = &s->tile[n->class];

  if (n->mma)
    return s->stage > 0 && s->slice % 8 == 0
           && t->bm % (16 * (s->warps / 10)) == 0
           && t->bn % (8 * (s->warps % 10)) == 0;
  return t->bm % t->tm == 0 && t->bn % t->tn == 0
         && (s->vthread == 1 || t->tm % s->vthread == 0
             || t->tn % s->vthread == 0)
         && s->slice % s->vec == 0;
}

/* Without staging nothing is copied, and only copies have many stages; what
 * tensor cores read is copied; clusters copy in bulk and are filled. */
static int
copy_fits(const struct gpu_plan *p, const struct gpu_node *n)
{
  const struct gpu_schedule *s = p->schedule;
  int tiles = gpu_up(gpu_extent(p, n).m, s->tile[n->class].bm);

  if (s->stage == 0 || s->copy == GPU_COPY_NONE)
    return s->copy == GPU_COPY_NONE && s->stage <= 2 && !n->mma
           && s->cluster == 1;
  return s->cluster == 1
         || (s->copy == GPU_COPY_BULK && tiles >= s->cluster);
}

static int
dense_fits(const struct gpu_plan *p, const struct gpu_node *n)
{
  struct gpu_fetch f;

  if (!tile_is_whole(p, n) || !copy_fits(p, n)
      || (p->schedule->stage == 0 && n->split > 1))
    return 0;
  f = gpu_dense_fetch(p, n);
  return p->schedule->stage == 0 || (f.a <= FETCH && f.b <= FETCH);
}

static int
cost_fits(const struct gpu_device *d, const struct gpu_cost *c)
{
  return c->threads >= 1 && c->threads <= d->group
         && c->threads % d->warp == 0 && c->local <= d->local
         && c->grid[1] <= GRID && c->grid[2] <= GRID
         && c->grid[0] <= INT32_MAX / 1024 && c->registers <= REGISTERS
         && (!d->registers || c->registers * c->threads <= d->registers);
}

/* The batch is one of the grid's axes; a reduction is a tree. */
int
gpu_fits(const struct gpu_plan *p)
{
  int i;

  for (i = 0; i < p->phases; i++) {
    const struct gpu_phase *phase = &p->phase[i];
    struct gpu_cost c = gpu_phase_cost(p, phase);
    if (phase->dw < 0 && p->node[phase->node].kind == GPU_DENSE
        && !dense_fits(p, &p->node[phase->node]))
      return 0;
    if (!cost_fits(p->device, &c))
      return 0;
  }
  return 1;
}

/* Does a tile reach so far beyond the image that a smaller one does all? */
static int
too_large(const struct gpu_plan *p)
{
  const struct gpu_schedule *s = p->schedule;
  int i;

  for (i = 0; i < p->phases; i++) {
    const struct gpu_phase *c = &p->phase[i];
    const struct gpu_node *dw = &p->node[c->dw >= 0 ? c->dw : 0];
    if (c->dw >= 0 && (s->rows >= 2 * dw->oh || s->columns >= 2 * dw->ow
                       || s->chunk >= 2 * gpu_up(dw->cin, 8) * 8))
      return 1;
  }
  return 0;
}

int
gpu_legal(void *self, const struct chanas_workload *w, struct chanas_point at)
{
  const struct gpu *g = self;
  struct gpu_schedule s;
  struct gpu_plan p;

  if (gpu_schedule(g, w, at, &s) || gpu_plan_make(&p, w, &s, &g->device))
    return 0;
  return gpu_fits(&p) && !too_large(&p);
}

/* ---- the default ---- */

/* The choice whose value is nearest to what is wanted from below. */
static int32_t
choose(const struct chanas_host *h, const struct chanas_space *space,
       size_t knob, int64_t wanted)
{
  size_t i, best = 0;
  int64_t value = -1, least = INT64_MAX;
  int32_t lowest = 0;

  for (i = 0; i < h->choices(space, knob); i++) {
    int64_t v = h->knob_value(space, knob, i);
    if (v <= wanted && v > value) {
      value = v;
      best = i;
    }
    if (v < least) {
      least = v;
      lowest = (int32_t)i;
    }
  }
  return value >= 0 ? (int32_t)best : lowest;
}

static void
choose_all(const struct gpu *g, const struct chanas_space *space,
           const struct gpu_wish *wish, int32_t *choice)
{
  const struct chanas_host *h = g->host;
  size_t k, i;

  for (k = 0; k < h->knobs(space); k++) {
    const char *name = h->knob_name(space, k);
    choice[k] = choose(h, space, k, INT64_MIN);
    for (i = 0; wish[i].name; i++)
      if (!__builtin_strncmp(name, wish[i].name, wish[i].length))
        choice[k] = choose(h, space, k, wish[i].value);
  }
}

static const struct gpu_wish usual[] = {
  WISH("fold", 1), WISH("scale", 1), WISH("block", 64064),
  WISH("thread", 44), WISH("slice", 8), WISH("stage", 1),
  WISH("vthread", 1), WISH("vec", 4), WISH("unroll", 4), WISH("split", 1),
  WISH("vector", 1), WISH("wrows", 2), WISH("wcols", 2), WISH("wlanes", 32),
  WISH("weach", 2), WISH("wvec", 1), WISH("threads", 128),
  WISH("chunk", 16), { 0 },
}, careful[] = {
  WISH("fold", 1), WISH("block", 16016), WISH("thread", 22),
  WISH("slice", 4), WISH("vthread", 1), WISH("vec", 1), WISH("unroll", 1),
  WISH("split", 1), WISH("vector", 1), WISH("wrows", 1), WISH("wcols", 1),
  WISH("wlanes", 32), WISH("weach", 1), WISH("wvec", 1),
  WISH("threads", 64), WISH("chunk", 8), { 0 },
};

int
gpu_initial(void *self, const struct chanas_workload *w,
            const struct chanas_space *space, int32_t *choice)
{
  const struct gpu *g = self;

  choose_all(g, space, usual, choice);
  if (gpu_legal(self, w, (struct chanas_point){ space, choice }))
    return 0;
  choose_all(g, space, careful, choice);
  if (gpu_legal(self, w, (struct chanas_point){ space, choice }))
    return 0;
  g->host->log(g->host->ctx, CHANAS_ERROR, "the device of this description "
               "is too small for any schedule of %s", w->key);
  return -1;
}
