/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A chain: expand, depthwise and project over tiles of output rows.  Each
 * thread owns a ring of expanded rows (halo columns included) and takes a
 * consecutive part of the tiles; rows at the seam of two threads are
 * computed twice, so that nobody waits.  Kernel row ky of output row oy is
 * row oy * stride + ky, counted from the first row of padding.  What the
 * project adds may be the expanded rows, which are still in the ring.  Without
 * an expansion there is no ring if the depthwise convolution is open; otherwise
 * the rows of the input are copied into it.
 *
 * By slices (slices.c) the units are tiles of images of slices, in this order:
 * m counts images of slices, and so images of what project stores.
 */
#include "emit.h"

struct chain {
  const struct phase *phase;
  const struct node *expand, *dw, *project;
  const struct tensor *ring, *tile; /* tile: what the depthwise rows go to */
  int ring_rows, tile_rows, tiles;
  const char *image; /* counts those that have rings and results of their own */
};

static long
planes(const struct tensor *ring)
{
  return ring->img / tensor_plane(ring);
}

/* Rows of padding are zero. */
static void
zero_rows(struct emitter *e, const struct chain *c)
{
  const struct node *dw = c->dw;

  if (dw->pad == 0)
    return;
  PRINT(e, "    for (long i = have; i < end; i++)\n"
        "      if (i < %d || i >= %d)\n", dw->pad, dw->pad + dw->h);
  if (c->ring->blocked)
    PRINT(e, "        for (long c = 0; c < %ld; c++)\n"
          "          ch_zero(ring + c * %ld + i %% %d * %ld - %ld, %ld);\n",
          planes(c->ring), tensor_plane(c->ring), c->ring_rows,
          c->ring->row, c->ring->origin, c->ring->row);
  else
    PRINT(e, "        ch_zero(ring + i %% %d * %ld - %ld, %ld);\n",
          c->ring_rows, c->ring->row, c->ring->origin, c->ring->row);
}

static void
expand_rows(struct emitter *e, const struct chain *c)
{
  const struct node *n = c->expand;
  const struct tensor *src = &e->plan->tensor[n->src];
  char row[32];

  PRINT(e, "      for (long i = from; i < to; i++)\n"
        "        for (long q = 0; q < %d; q++)%s\n",
        parts_of(n->ow, n->block.mr).count, n->open ? " {" : "");
  __builtin_snprintf(row, sizeof row, "(i - %d)", c->dw->pad);
  if (n->open)
    emit_conv_open(e, n, n->ow, "n", row);
  PRINT(e, "          %s_n%d_tile%d(src", e->symbol, c->phase->expand, n->ow);
  if (!n->open)
    PRINT(e, " + n * %ld + %s * %ld", src->img, row, n->stride * src->row);
  PRINT(e, ", ring + i %% %d * %ld, w + %zu", c->ring_rows, c->ring->row,
        n->packed);
  emit_quantum_arg(e, n);
  PRINT(e, ", q, g");
  if (emit_counts_units(e, n))
    PRINT(e, ", (i - from) * %d + q", parts_of(n->ow, n->block.mr).count);
  PRINT(e, ");\n%s", n->open ? "        }\n" : "");
}

static void
copy_vector(struct emitter *e, const struct chain *c, int partial)
{
  struct at at = { 0, 0, "p", "c" };

  PRINT(e, "          ch_st%d(d", e->plan->vec);
  emit_offset(e, c->ring, at);
  PRINT(e, ", ");
  emit_load(e, 0, "q", at, partial);
  PRINT(e, ");\n");
}

static void
copy_rows(struct emitter *e, const struct chain *c)
{
  const struct tensor *x = &e->plan->tensor[0];
  int partial = emit_partial(e, 0);
  int whole = div_up(x->c, e->plan->vec) - partial;

  PRINT(e, "    for (long i = from; i < to; i++) {\n"
        "      const float *q = src + n * %ld + (i - %d) * %ld;\n"
        "      float *d = ring + i %% %d * %ld;\n", x->img, c->dw->pad,
        x->row, c->ring_rows, c->ring->row);
  PRINT(e, "      for (long p = 0; p < %d; p++) {\n", x->w);
  if (whole > 0) {
    PRINT(e, "        for (long c = 0; c < %d; c++)\n", whole);
    copy_vector(e, c, 0);
  }
  if (partial) {
    PRINT(e, "        const long c = %d;\n", whole);
    copy_vector(e, c, 1);
  }
  PRINT(e, "      }\n    }\n");
}

static void
ring_pointers(struct emitter *e, const struct chain *c)
{
  const struct node *dw = c->dw;

  PRINT(e, "      const float *r[%d];\n"
        "      for (long i = 0; i < %d; i++) {\n"
        "        r[i] = ring + c * %ld - %ld + "
        "((oy + j) * %d + i) %% %d * %ld;\n"
        "      }\n", dw->k, dw->k, c->ring->vec,
        c->ring->origin, dw->stride, c->ring_rows, c->ring->row);
}

/* Vectors from lower to upper, two expressions. */
static void
depthwise_rows(struct emitter *e, const struct chain *c, const char *lower,
               const char *upper)
{
  const struct node *dw = c->dw;
  char y[128];

  PRINT(e, "    for (long c = %s; c < %s; c += %d) {\n"
        "      for (long j = 0; j < rows; j++) {\n", lower, upper,
        dw->half ? 2 : 1);
  if (dw->open)
    emit_dw_open_rows(e, dw, "(oy + j)");
  else
    ring_pointers(e, c);
  if (c->project)
    __builtin_snprintf(y, sizeof y, "tile + j * %ld + c * %ld",
                       c->tile->row, c->tile->vec);
  else
    __builtin_snprintf(y, sizeof y,
                       "dst + n * %ld + (oy + j) * %ld + (%sc) * %ld",
                       c->tile->img, c->tile->row,
                       c->phase->slices ? "lead + " : "", c->tile->vec);
  emit_dw_call(e, c->phase->dw, y, "n", "(oy + j)");
  PRINT(e, "      }\n    }\n");
}

/* Group by group of expanded channels, so that the depthwise rows find what
 * was just expanded in the first cache. */
static void
expand_and_depthwise(struct emitter *e, const struct chain *c)
{
  const struct node *n = c->expand;
  struct parts g = parts_of(div_up(n->cout, e->plan->vec), n->block.nv);

  PRINT(e, "    for (long g = 0; g < %d; g++) {\n", g.count);
  expand_rows(e, c);
  PRINT(e, "      const long k = g * %d - (g > %d ? g - %d : 0);\n", g.size,
        g.big, g.big);
  PRINT(e, "      const long top = k + %d - (g >= %d);\n", g.size, g.big);
  depthwise_rows(e, c, "k", "top");
  PRINT(e, "    }\n");
}

/* Are whole rows of the project's tensors one run of pixels?  Those of a ring
 * are not. */
static int
is_flat(const struct emitter *e, const struct node *n)
{
  int i;

  if (e->plan->tensor[n->dst].halo)
    return 0;
  for (i = 0; i < n->tails; i++)
    if (n->tail[i].add >= 0 && (e->plan->tensor[n->tail[i].add].halo
                                || e->plan->tensor[n->tail[i].add].rows))
      return 0;
  return 1;
}

static void
project_run(struct emitter *e, const struct chain *c, int length,
            const char *row, const char *j)
{
  const struct node *n = c->project;
  const struct tensor *dst = &e->plan->tensor[n->dst];
  int groups = parts_of(div_up(n->cout, e->plan->vec), n->block.nv).count;
  int tiles = parts_of(length, n->block.mr).count;

  PRINT(e, "      for (long g = 0; g < %d; g++)\n"
        "        for (long q = 0; q < %d; q++)\n", groups, tiles);
  PRINT(e, "          %s_n%d_tile%d(tile + %s * %ld, "
        "dst + %s * %ld + %s * %ld, w + %zu", e->symbol, c->phase->project,
        length, j, c->tile->row, c->image, dst->img, row, dst->row, n->packed);
  emit_added_args(e, n, "n", row, "0");
  emit_quantum_arg(e, n);
  if (n->ahead && emit_prefetches(e, n))
    PRINT(e, ", ahead + ((%s * %d + g) * %d + q) * %ld", j, groups, tiles,
          emit_ahead(e, n));
  PRINT(e, ", q, g%s);\n", emit_counts_units(e, n) ? ", q" : "");
}

/* The first row of x that the next tile reads and this one did not. */
static void
rows_ahead(struct emitter *e, const struct chain *c)
{
  const struct tensor *x = &e->plan->tensor[0];
  const struct node *dw = c->dw, *n = c->expand;

  PRINT(e, "    const float *ahead = %s + n * %ld\n"
        "      + ((oy + rows - 1) * %d + %d) * %ld;\n",
        n && n->open ? "x" : "src", x->img, dw->stride * (n ? n->stride : 1),
        n ? (dw->k - dw->pad - 1) * n->stride + n->k - n->pad
          : dw->k - dw->pad, x->row);
}

static void
project_rows(struct emitter *e, const struct chain *c)
{
  const struct node *n = c->project;
  int rest = n->oh % c->tile_rows;

  if (n->ahead && emit_prefetches(e, n))
    rows_ahead(e, c);

  if (!is_flat(e, n)) {
    PRINT(e, "    for (long j = 0; j < rows; j++)\n");
    project_run(e, c, n->ow, "(oy + j)", "j");
    return;
  }
  if (rest && n->oh > c->tile_rows) {
    PRINT(e, "    if (rows == %d) {\n", c->tile_rows);
    project_run(e, c, c->tile_rows * n->ow, "oy", "0");
    PRINT(e, "    } else {\n");
    project_run(e, c, rest * n->ow, "oy", "0");
    PRINT(e, "    }\n");
  } else {
    project_run(e, c, (rest ? rest : c->tile_rows) * n->ow, "oy", "0");
  }
}

/* The functions that the chain calls. */
static void
functions(struct emitter *e, const struct chain *c)
{
  const struct node *n = c->project;
  int rest = c->dw->oh % c->tile_rows;

  if (c->expand)
    emit_conv_tile(e, c->phase->expand, c->expand->ow);
  emit_dw_row(e, c->phase->dw);
  if (!n)
    return;
  if (!is_flat(e, n)) {
    emit_conv_tile(e, c->phase->project, n->ow);
    return;
  }
  if (n->oh >= c->tile_rows)
    emit_conv_tile(e, c->phase->project, c->tile_rows * n->ow);
  if (rest)
    emit_conv_tile(e, c->phase->project, rest * n->ow);
}

/* What the first node reads: src, or x through what is spare. */
static void
source(struct emitter *e, const struct chain *c)
{
  const struct node *n = c->expand;
  const struct tensor *src = &e->plan->tensor[n ? n->src : 0];

  if (n && n->open) {
    emit_tensor(e, n->spare, "spare", 0);
    return;
  }
  emit_tensor(e, n ? n->src : 0, "src", 1);
  if (n && n->pad > 0)
    PRINT(e, "  src -= %ld;\n", n->pad * (src->row + src->pix));
}

static void
pointers(struct emitter *e, const struct chain *c)
{
  const struct tensor *ring = c->ring;
  const struct node *last = c->project ? c->project : c->dw;

  source(e, c);
  if (c->dw->open)
    emit_dw_open(e, c->dw);
  else
    emit_tensor(e, c->dw->src, "ring", 0);
  if (c->project)
    emit_tensor(e, c->dw->dst, "tile", 0);
  emit_tensor(e, last->dst, "dst", 0);
  emit_added(e, last);
  emit_halo(e, last->dst);
  if (!c->dw->open && ring->halo)
    PRINT(e, "  for (long c = 0; c < %ld; c++)\n"
          "    for (long i = 0; i < %d; i++) {\n"
          "      float *q = ring + c * %ld + i * %ld;\n"
          "      ch_zero(q - %ld, %ld);\n"
          "      ch_zero(q + %ld, %ld);\n"
          "    }\n", planes(ring), c->ring_rows, tensor_plane(ring), ring->row,
          ring->origin, ring->origin, ring->row - 2 * ring->origin,
          ring->origin);
}

/* The rows of input that a tile needs and the ring lacks. */
static void
missing_rows(struct emitter *e, const struct chain *c)
{
  PRINT(e, "    const long first = oy * %d, "
        "end = first + (rows - 1) * %d + %d;\n", c->dw->stride, c->dw->stride,
        c->dw->k);
  PRINT(e, "    if (%s != image || have < first)\n      have = first;\n"
        "    image = %s;\n", c->image, c->image);
  PRINT(e, "    const long from = have > %d ? have : %d, "
        "to = end < %d ? end : %d;\n", c->dw->pad, c->dw->pad,
        c->dw->pad + c->dw->h, c->dw->pad + c->dw->h);
  zero_rows(e, c);
}

static void
through_ring(struct emitter *e, const struct chain *c, const char *all)
{
  missing_rows(e, c);
  if (c->expand) {
    expand_and_depthwise(e, c);
  } else {
    copy_rows(e, c);
    depthwise_rows(e, c, "0", all);
  }
  PRINT(e, "    have = end;\n");
}

/* The unit's image, slice, first row and rows; its slice's weights. */
static void
unit(struct emitter *e, const struct chain *c)
{
  const struct plan *plan = e->plan;

  if (c->phase->slices)
    PRINT(e, "    const long m = u / %d, n = m %% %d, oy = u %% %d * %d;\n"
          "    const float *w = all + m / %d * %zu;\n", c->tiles, plan->batch,
          c->tiles, c->tile_rows, plan->batch, c->dw->slice);
  else
    PRINT(e, "    const long n = u / %d, oy = u %% %d * %d;\n", c->tiles,
          c->tiles, c->tile_rows);
  if (c->phase->slices && !c->project)
    PRINT(e, "    const long lead = m / %d * %d;\n", plan->batch,
          c->dw->cout / plan->vec);
  PRINT(e, "    const long rows = oy + %d < %d ? %d : %d - oy;\n",
        c->tile_rows, c->dw->oh, c->tile_rows, c->dw->oh);
}

void
emit_chain(struct emitter *e, const struct phase *p)
{
  const struct plan *plan = e->plan;
  struct chain c = { .phase = p, .dw = &plan->node[p->dw] };
  const struct node *dense[2];
  char all[16];
  int i;

  c.expand = p->expand >= 0 ? &plan->node[p->expand] : NULL;
  c.project = p->project >= 0 ? &plan->node[p->project] : NULL;
  dense[0] = c.expand, dense[1] = c.project;
  c.ring = &plan->tensor[c.dw->src];
  c.tile = &plan->tensor[c.dw->dst];
  c.ring_rows = chain_ring_rows(plan, p);
  c.tile_rows = plan->schedule->rows;
  c.tiles = div_up(c.dw->oh, c.tile_rows);
  c.image = p->slices ? "m" : "n";
  functions(e, &c);
  emit_phase_head(e, p->dw);
  pointers(e, &c);
  for (i = 0; i < 2; i++)
    if (dense[i])
      emit_tiles_begin(e, dense[i]);
  if (p->slices)
    PRINT(e, "  const float *const all = w;\n");
  emit_range(e, (long)plan->batch * (p->slices ? p->slices : 1) * c.tiles);
  if (!c.dw->open)
    PRINT(e, "  long have = 0, image = -1;\n");
  PRINT(e, "  for (long u = lo; u < hi; u++) {\n");
  unit(e, &c);
  __builtin_snprintf(all, sizeof all, "%d", div_up(c.dw->cout, plan->vec));
  if (c.dw->open)
    depthwise_rows(e, &c, "0", all);
  else
    through_ring(e, &c, all);
  if (c.project)
    project_rows(e, &c);
  PRINT(e, "  }\n");
  for (i = 0; i < 2; i++)
    if (dense[i])
      emit_tiles_end(e, dense[i]);
  PRINT(e, "}\n");
}
