/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dense convolution: a register block of mr pixels times nv vectors of
 * output channels, input channels (and taps) innermost, weights packed in
 * the order in which they are read.  The input needs no border: it has a
 * halo, or (an open node, which reads x) tiles at a border read a copy of
 * their part of it.  Parts are as equal as possible, so that no tiny remainder
 * tile is left: 14 pixels in blocks of 6 are 5 + 5 + 4.
 */
#include "emit.h"

enum { TILE = 2 };

/* What is read again for each turn of the outer loop should be small. */
int
emit_pixels_outer(const struct emitter *e, const struct node *n)
{
  int order = e->plan->schedule->order;

  if (order == ORDER_AUTO)
    return (double)n->cout * n->k * n->k < (double)e->plan->batch * n->h * n->w;
  return order == ORDER_PIXELS;
}

static void
advance(struct emitter *e, const char *name, long pixel, long vector)
{
  PRINT(e, "  %s += p * %ld + k * %ld;\n", name, pixel, vector);
}

/* Which pixel of dst, counted with its halo, each one of an image is. */
static void
over_rows(struct emitter *e, int index)
{
  const struct node *n = &e->plan->node[index];
  int halo = e->plan->tensor[n->dst].halo, i;

  PRINT(e, "static const short %s_n%d_over[] = {", e->symbol, index);
  for (i = 0; i < n->oh * n->ow; i++)
    PRINT(e, "%s%d,", i % n->ow ? " " : "\n  ", i + i / n->ow * 2 * halo);
  PRINT(e, "\n};\n");
}

void
emit_conv_tile(struct emitter *e, int index, int length)
{
  const struct node *n = &e->plan->node[index];
  const struct plan *plan = e->plan;
  const struct tensor *dst = &plan->tensor[n->dst];
  struct parts q = parts_of(length, n->block.mr);
  struct parts g = parts_of(div_up(n->cout, plan->vec), n->block.nv);
  int i, r = 0, partial = emit_parts(e, n);
  char name[8] = "r0";

  if (!emit_once(e, index, TILE, length, 0))
    return;
  if (n->flat)
    over_rows(e, index);
  if (n->per)
    emit_tile_blocks(e, index, q, g, partial);
  else
    emit_micros(e, index, q.size, g, partial);
  if (n->per == 0 && q.big < q.count)
    emit_micros(e, index, q.size - 1, g, partial);
  PRINT(e, "CH_PHASE inline void %s_n%d_tile%d(const float *x, float *y, "
        "const float *w", e->symbol, index, length);
  emit_added_params(e, n);
  emit_quantum_param(e, n);
  PRINT(e, "%s%s, long q, long g%s)\n{\n",
        n->ahead && emit_prefetches(e, n) ? ", const float *f" : "",
        emit_fetches_later(e, n) ? ", const float *later" : "",
        emit_counts_units(e, n) ? ", long u" : "");
  PRINT(e, "  const long p = q * %d", q.size);
  if (q.big < q.count)
    PRINT(e, " - (q > %d ? q - %d : 0)", q.big, q.big);
  PRINT(e, ";\n  const long k = g * %d", g.size);
  if (g.big < g.count)
    PRINT(e, " - (g > %d ? g - %d : 0)", g.big, g.big);
  PRINT(e, ";\n  x += p * %ld;\n", n->stride * plan->tensor[n->src].pix);
  PRINT(e, "  w += k * %zu;\n", node_panel(plan, n));
  if (n->flat)
    PRINT(e, "  const short *o = %s_n%d_over + p;\n", e->symbol, index);
  advance(e, "y", n->flat ? 0 : dst->pix, dst->vec);
  for (i = 0; i < n->tails; i++)
    if (n->tail[i].add >= 0) {
      const struct tensor *t = &plan->tensor[n->tail[i].add];
      name[1] = (char)('0' + r++);
      advance(e, name, t->pix, t->vec);
    }
  if (emit_prefetches(e, n) && !n->ahead)
    emit_fetch_start(e, n);
  if (n->per) {
    emit_tiles(e, index, q, g, partial);
    PRINT(e, "}\n");
    return;
  }
  if (q.big < q.count) {
    PRINT(e, "  if (q >= %d) {\n", q.big);
    emit_choose(e, index, q.size - 1, g, partial);
    PRINT(e, "  } else {\n");
  } else {
    PRINT(e, "  {\n");
  }
  emit_choose(e, index, q.size, g, partial);
  PRINT(e, "  }\n}\n");
}

void
emit_conv_open(struct emitter *e, const struct node *n, int length,
               const char *image, const char *row)
{
  const struct tensor *x = &e->plan->tensor[n->src];
  struct parts q = parts_of(length, n->block.mr);
  int span = (q.size - 1) * n->stride + n->k;

  PRINT(e, "    const long p = (q * %d - (q > %d ? q - %d : 0)) * %d;\n"
        "    const long top = %s * %d - %d, left = p - %d;\n", q.size, q.big,
        q.big, n->stride, row, n->stride, n->pad, n->pad);
  PRINT(e, "    const float *src = x + %s * %ld + top * %ld - %ld;\n", image,
        x->img, x->row, n->pad * x->pix);
  PRINT(e, "    if (top < 0 || top > %d || left < 0 || left > %d) {\n"
        "      ch_patch(spare, x + %s * %ld, top, left, %d, %d, %d, %d, %ld, "
        "%ld);\n      src = spare - p * %ld;\n    }\n", n->h - n->k,
        n->w - span, image, x->img, n->k, span, n->h, n->w, x->row, x->pix,
        x->pix);
}

/* Body of the loops: tile u of all runs, group g. */
static void
tile_call(struct emitter *e, int index, struct pixel_runs runs, int tiles)
{
  const struct node *n = &e->plan->node[index];
  const struct tensor *src = &e->plan->tensor[n->src];
  const struct tensor *dst = &e->plan->tensor[n->dst];
  const char *image = "0", *row = "0";

  if (runs.runs > 1) {
    PRINT(e, "    const long r = u / %d, q = u %% %d;\n", tiles, tiles);
    if (runs.per_image == 1) {
      image = "r";
    } else {
      PRINT(e, "    const long n = r / %d, oy = r %% %d;\n", runs.per_image,
            runs.per_image);
      image = "n", row = "oy";
    }
  } else {
    PRINT(e, "    const long q = u;\n");
  }
  if (n->open)
    emit_conv_open(e, n, runs.length, image, row);
  PRINT(e, "    %s_n%d_tile%d(src", e->symbol, index, runs.length);
  if (!n->open)
    PRINT(e, " + %s * %ld + %s * %ld", image, src->img, row,
          n->stride * src->row);
  PRINT(e, ", dst + %s * %ld + %s * %ld, wp", image, dst->img, row, dst->row);
  emit_added_args(e, n, image, row, "0");
  emit_quantum_arg(e, n);
  PRINT(e, "%s, q, g%s);\n", emit_fetches_later(e, n) ? ", later" : "",
        emit_counts_units(e, n) ? ", u" : "");
}

static void
group_loop(struct emitter *e, int split, int groups)
{
  if (split)
    PRINT(e, "  for (long g = lo; g < hi; g++)\n");
  else
    PRINT(e, "  for (long g = 0; g < %d; g++)\n", groups);
}

static void
unit_loop(struct emitter *e, int split, int units)
{
  if (split)
    PRINT(e, "  for (long u = lo; u < hi; u++)\n");
  else
    PRINT(e, "  for (long u = 0; u < %d; u++)\n", units);
}

/* Where the packed weights are: wp. */
static void
emit_weights(struct emitter *e, const struct node *n)
{
  if (n->scaled >= 0)
    emit_tensor(e, n->scaled, "wp", 1);
  else
    PRINT(e, "  const float *wp = w + %zu;\n", n->packed);
}

/* Each channel's weights times its factor, group by group; the bias stays. */
void
emit_scaled_weights(struct emitter *e, int index)
{
  const struct node *n = &e->plan->node[index];
  const struct node *conv = &e->plan->node[n->conv];
  int vec = e->plan->vec;
  struct parts g = parts_of(div_up(conv->cout, vec), conv->block.nv);
  size_t panel = node_panel(e->plan, conv);

  emit_phase_head(e, index);
  emit_tensor(e, n->src, "f", 1);
  emit_tensor(e, n->dst, "dst", 0);
  emit_range(e, g.count);
  PRINT(e, "  for (long g = lo; g < hi; g++) {\n"
        "    const long k = g * %d - (g > %d ? g - %d : 0);\n"
        "    const long n = g < %d ? %d : %d;\n", g.size, g.big, g.big, g.big,
        g.size, g.size - 1);
  PRINT(e, "    const float *p = w + %zu + k * %zu;\n"
        "    float *q = dst + k * %zu;\n", conv->packed, panel, panel);
  PRINT(e, "    for (long j = 0; j < n; j++, p += %d, q += %d)\n"
        "      ch_st%d(q, ch_ld%d(p));\n", vec, vec, vec, vec);
  PRINT(e, "    for (long i = 0; i < %d; i++)\n"
        "      for (long c = 0; c < %d; c++)\n"
        "        for (long j = 0; j < n; j++, p += %d, q += %d)\n"
        "          ch_st%d(q, ch_ld%d(p) * ch_set%d(f[c]));\n  }\n}\n",
        conv->k * conv->k, conv->cin, vec, vec, vec, vec, vec);
}

/* The project of a block by slices, not in a chain: each of these sums over
 * its own input channels. */
static void
slice_loop(struct emitter *e, const struct node *n)
{
  const struct plan *plan = e->plan;

  emit_range(e, n->slices);
  PRINT(e, "  for (long m = lo; m < hi; m++) {\n"
        "  const float *src = all + m * %ld, *wp = w + %zu + m * %zu;\n"
        "  float *dst = sums + m * %ld;\n",
        n->cin / plan->vec * plan->tensor[n->src].vec, n->packed, n->slice,
        plan->batch * plan->tensor[n->dst].img);
}

static void
sliced_conv(struct emitter *e, int index)
{
  const struct node *n = &e->plan->node[index];
  struct pixel_runs runs = plan_runs(e->plan, n);
  int tiles = parts_of(runs.length, n->block.mr).count;

  emit_conv_tile(e, index, runs.length);
  emit_phase_head(e, index);
  emit_tensor(e, n->src, "all", 1);
  emit_tensor(e, n->dst, "sums", 0);
  slice_loop(e, n);
  group_loop(e, 0, parts_of(div_up(n->cout, e->plan->vec), n->block.nv).count);
  unit_loop(e, 0, runs.runs * tiles);
  PRINT(e, "  {\n");
  tile_call(e, index, runs, tiles);
  PRINT(e, "  }\n  }\n}\n");
}

void
emit_conv(struct emitter *e, int index)
{
  const struct node *n = &e->plan->node[index];
  const struct tensor *src = &e->plan->tensor[n->src];
  const struct schedule *s = e->plan->schedule;
  struct pixel_runs runs = plan_runs(e->plan, n);
  int tiles = parts_of(runs.length, n->block.mr).count;
  int groups = parts_of(div_up(n->cout, e->plan->vec), n->block.nv).count;
  int units = runs.runs * tiles;
  int by_group = s->split != SPLIT_PIXELS && groups > 1;

  if (n->slices) {
    sliced_conv(e, index);
    return;
  }
  emit_conv_tile(e, index, runs.length);
  emit_phase_head(e, index);
  if (n->open)
    emit_tensor(e, n->spare, "spare", 0);
  else
    emit_tensor(e, n->src, "src", 1);
  if (n->pad > 0 && !n->open)
    PRINT(e, "  src -= %ld;\n", n->pad * (src->row + src->pix));
  emit_tensor(e, n->dst, "dst", 0);
  emit_added(e, n);
  emit_weights(e, n);
  emit_fetch_later(e, n);
  emit_halo(e, n->dst);
  emit_tiles_begin(e, n);
  emit_range(e, by_group ? groups : units);
  if (emit_pixels_outer(e, n)) {
    unit_loop(e, !by_group, units);
    group_loop(e, by_group, groups);
  } else {
    group_loop(e, by_group, groups);
    unit_loop(e, !by_group, units);
  }
  PRINT(e, "  {\n");
  tile_call(e, index, runs, tiles);
  PRINT(e, "  }\n");
  emit_tiles_end(e, n);
  PRINT(e, "}\n");
}
