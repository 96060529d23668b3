/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inverted residuals in one kernel.  A block of threads owns a tile of the
 * depthwise convolution's result.  For some channels at a time (CHUNK) it
 * expands the input under the tile into local memory (b), where positions
 * beyond the image are zero, convolves that (d), and adds the projection of
 * these channels to sums in registers, which are stored at the end.  Without
 * projection it stores the depthwise result, and the grid's second axis is
 * the chunks.
 *
 * In expansion and projection a thread computes squares of SQUARE pixels x
 * SQUARE channels.
 */
#include "gpu_emit.h"

struct chain {
  const struct gpu_phase *phase;
  const struct gpu_node *expand, *dw, *project, *first, *last;
};

static void
head(struct gpu_text *o, const struct chain *c)
{
  const struct gpu_schedule *s = o->plan->schedule;
  const struct gpu_node *d = c->dw;
  struct gpu_patch patch = gpu_window_patch(d, s->rows, s->columns);
  int across = gpu_up(d->ow, s->columns);

  P(o, "  enum { H = %d, W = %d, MID = %d, OH = %d, OW = %d, K = %d, S = %d,\n"
    "    PAD = %d, ROWS = %d, COLUMNS = %d, PW = %d, PATCH = %d, PIXELS = %d,"
    "\n    CHUNK = %d, T = %d, CIN = %d, SQUARE = %d };\n", d->h, d->w, d->cin,
    d->oh, d->ow, d->k, d->stride, d->pad, s->rows, s->columns, patch.columns,
    patch.rows * patch.columns, s->rows * s->columns, s->chunk, s->threads,
    c->first->cin, GPU_SQUARE);
  P(o, "  const int y0 = BLOCK(0) / %d * ROWS, x0 = BLOCK(0) %% %d * COLUMNS;\n"
    "  const int iy0 = y0 * S - PAD, ix0 = x0 * S - PAD;\n"
    "  const int image = BLOCK(2) * (H * W);\n", across, across);
  gpu_local(o, "float", "b", "PATCH", "[CHUNK]",
            4L * patch.rows * patch.columns * s->chunk);
  if (c->project)
    gpu_local(o, "float", "d", "PIXELS", "[CHUNK + 1]",
              4L * s->rows * s->columns * (s->chunk + 1));
}

/* Pixel i of the patch: is it in the image? */
static void
inside(struct gpu_text *o, const char *indent)
{
  P(o, "%sconst int iy = iy0 + p / PW, ix = ix0 + p %% PW;\n"
    "%sconst int there = p < PATCH && iy >= 0 && iy < H && ix >= 0 && ix < W;"
    "\n", indent, indent);
}

static void
stage_input(struct gpu_text *o, const struct chain *c)
{
  const struct gpu_schedule *s = o->plan->schedule;
  struct gpu_patch patch = gpu_window_patch(c->dw, s->rows, s->columns);

  gpu_local(o, "float", "a", "PATCH", "[CIN]",
            4L * patch.rows * patch.columns * c->first->cin);
  P(o, "  for (int i = THREAD; i < PATCH * CIN; i += T) {\n"
    "    const int p = i / CIN;\n");
  inside(o, "    ");
  P(o, "    a[p][i %% CIN] = there\n"
    "      ? in[(image + iy * W + ix) * CIN + i %% CIN] : 0.0f;\n"
    "  }\n  SYNC();\n");
}

static void
expand_sums(struct gpu_text *o, const struct chain *c, int staged)
{
  int wide = gpu_up(c->expand->cout, 4) * 4;

  P(o, "      for (int k = 0; k < CIN; k++) {\n"
    "        float u[SQUARE], v[SQUARE];\n"
    "        UNROLL(SQUARE)\n        for (int q = 0; q < SQUARE; q++)\n");
  if (staged)
    P(o, "          u[q] = p0 + q < PATCH ? a[p0 + q][k] : 0.0f;\n");
  else
    P(o, "          u[q] = at[q] < 0 ? 0.0f : in[at[q] + k];\n");
  P(o, "        UNROLL(SQUARE)\n        for (int j = 0; j < SQUARE; j++)\n"
    "          v[j] = c0 + cc + j < MID ? w[%zu + k * %d + c0 + cc + j]"
    " : 0.0f;\n", c->expand->weights_at, wide);
  P(o, "        UNROLL(SQUARE)\n        for (int q = 0; q < SQUARE; q++)\n"
    "          UNROLL(SQUARE)\n          for (int j = 0; j < SQUARE; j++)\n"
    "            sum[q][j] += u[q] * v[j];\n      }\n");
}

static void
expand(struct gpu_text *o, const struct chain *c)
{
  int staged = o->plan->schedule->stage > 0;

  P(o, "    for (int i = THREAD; i < (PATCH + SQUARE - 1) / SQUARE\n"
    "                                * (CHUNK / SQUARE); i += T) {\n"
    "      const int p0 = i / (CHUNK / SQUARE) * SQUARE;\n"
    "      const int cc = i %% (CHUNK / SQUARE) * SQUARE;\n"
    "      int at[SQUARE];\n      float sum[SQUARE][SQUARE];\n"
    "      UNROLL(SQUARE)\n      for (int q = 0; q < SQUARE; q++) {\n"
    "        const int p = p0 + q;\n");
  inside(o, "        ");
  P(o, "        at[q] = there ? (image + iy * W + ix) * CIN : -1;\n"
    "        UNROLL(SQUARE)\n        for (int j = 0; j < SQUARE; j++)\n"
    "          sum[q][j] = 0.0f;\n      }\n");
  expand_sums(o, c, staged);
  P(o, "      UNROLL(SQUARE)\n      for (int q = 0; q < SQUARE; q++)\n"
    "        UNROLL(SQUARE)\n        for (int j = 0; j < SQUARE; j++) {\n"
    "          const int c = min(c0 + cc + j, MID - 1);\n"
    "          float v = sum[q][j];\n          (void)c;\n");
  gpu_inner(o, c->expand, "          ");
  P(o, "          if (p0 + q < PATCH)\n"
    "            b[p0 + q][cc + j] = at[q] < 0 ? 0.0f : v;\n"
    "        }\n    }\n");
}

/* Without expansion the patch is the input itself. */
static void
copy(struct gpu_text *o)
{
  P(o, "    for (int i = THREAD; i < PATCH * CHUNK; i += T) {\n"
    "      const int p = i / CHUNK, c = c0 + i %% CHUNK;\n");
  inside(o, "      ");
  P(o, "      b[p][i %% CHUNK] = there && c < MID\n"
    "        ? in[(image + iy * W + ix) * CIN + c] : 0.0f;\n    }\n");
}

static void
depthwise(struct gpu_text *o, const struct chain *c)
{
  int wide = gpu_up(c->dw->cin, 4) * 4;

  P(o, "    for (int i = THREAD; i < PIXELS * CHUNK; i += T) {\n"
    "      const int p = i / CHUNK, cc = i %% CHUNK;\n"
    "      const int oy = y0 + p / COLUMNS, ox = x0 + p %% COLUMNS;\n"
    "      const int from = p / COLUMNS * S * PW + p %% COLUMNS * S;\n"
    "      const int c = min(c0 + cc, MID - 1);\n      float v = 0.0f;\n");
  P(o, "      UNROLL(K)\n      for (int ky = 0; ky < K; ky++)\n"
    "        UNROLL(K)\n        for (int kx = 0; kx < K; kx++)\n"
    "          v += b[from + ky * PW + kx][cc]\n"
    "               * w[%zu + (ky * K + kx) * %d + c];\n", c->dw->weights_at,
    wide);
  if (c->project) {
    P(o, "      (void)oy, (void)ox;\n");
    gpu_inner(o, c->dw, "      ");
    P(o, "      d[p][cc] = v;\n    }\n");
    return;
  }
  P(o, "      const int e = ((BLOCK(2) * OH + oy) * OW + ox) * MID + c;\n"
    "      if (oy < OH && ox < OW && c0 + cc < MID) {\n");
  gpu_finish(o, c->dw, "        ");
  P(o, "        to[e] = v;\n      }\n    }\n");
}

/* The squares of a thread, by slot; q0 is the first pixel, n the channel. */
static void
slots(struct gpu_text *o, const struct chain *c, const char *indent)
{
  P(o, "%sUNROLL(SLOTS)\n%sfor (int slot = 0; slot < SLOTS; slot++) {\n"
    "%s  const int i = THREAD + slot * T;\n"
    "%s  const int n = i %% %d * SQUARE, q0 = i / %d * SQUARE;\n", indent,
    indent, indent, indent, gpu_up(c->project->cout, GPU_SQUARE),
    gpu_up(c->project->cout, GPU_SQUARE));
}

static void
project(struct gpu_text *o, const struct chain *c)
{
  int wide = gpu_up(c->project->cout, 4) * 4;

  P(o, "    for (int k = 0; k < CHUNK && c0 + k < MID; k++) {\n");
  slots(o, c, "      ");
  P(o, "        float u[SQUARE], v[SQUARE];\n"
    "        UNROLL(SQUARE)\n        for (int q = 0; q < SQUARE; q++)\n"
    "          u[q] = q0 + q < PIXELS ? d[q0 + q][k] : 0.0f;\n"
    "        UNROLL(SQUARE)\n        for (int j = 0; j < SQUARE; j++)\n"
    "          v[j] = w[%zu + (c0 + k) * %d + n + j];\n",
    c->project->weights_at, wide);
  P(o, "        UNROLL(SQUARE)\n        for (int q = 0; q < SQUARE; q++)\n"
    "          UNROLL(SQUARE)\n          for (int j = 0; j < SQUARE; j++)\n"
    "            acc[slot][q][j] += u[q] * v[j];\n      }\n    }\n");
}

static void
results(struct gpu_text *o, const struct chain *c)
{
  slots(o, c, "  ");
  P(o, "    UNROLL(SQUARE)\n    for (int q = 0; q < SQUARE; q++)\n"
    "      UNROLL(SQUARE)\n      for (int j = 0; j < SQUARE; j++) {\n"
    "        const int oy = y0 + (q0 + q) / COLUMNS;\n"
    "        const int ox = x0 + (q0 + q) %% COLUMNS, c = n + j;\n"
    "        const int e = ((BLOCK(2) * OH + oy) * OW + ox) * %d + c;\n"
    "        if (q0 + q < PIXELS && oy < OH && ox < OW && c < %d) {\n"
    "          float v = acc[slot][q][j];\n", c->project->cout,
    c->project->cout);
  gpu_finish(o, c->project, "          ");
  P(o, "          to[e] = v;\n        }\n      }\n  }\n");
}

static void
chunks(struct gpu_text *o, const struct chain *c)
{
  if (c->project)
    P(o, "  for (int c0 = 0; c0 < MID; c0 += CHUNK) {\n");
  else
    P(o, "  {\n    const int c0 = BLOCK(1) * CHUNK;\n");
  if (c->expand)
    expand(o, c);
  else
    copy(o);
  P(o, "    SYNC();\n");
  depthwise(o, c);
  if (c->project) {
    P(o, "    SYNC();\n");
    project(o, c);
  }
  P(o, "  }\n");
}

void
gpu_emit_chain(struct gpu_text *o, const struct gpu_phase *phase)
{
  const struct gpu_plan *p = o->plan;
  struct gpu_cost cost = gpu_chain_cost(p, phase);
  struct chain c = { .phase = phase, .dw = &p->node[phase->dw] };

  c.expand = phase->expand < 0 ? NULL : &p->node[phase->expand];
  c.project = phase->project < 0 ? NULL : &p->node[phase->project];
  c.first = c.expand ? c.expand : c.dw;
  c.last = c.project ? c.project : c.dw;
  gpu_begin(o, &cost, "chain around a depthwise convolution", c.first,
            c.last);
  head(o, &c);
  if (c.project)
    P(o, "  enum { SLOTS = %d };\n  float acc[SLOTS][SQUARE][SQUARE];\n"
      "  UNROLL(SLOTS)\n  for (int i = 0; i < SLOTS; i++)\n"
      "    UNROLL(SQUARE)\n    for (int q = 0; q < SQUARE; q++)\n"
      "      UNROLL(SQUARE)\n      for (int j = 0; j < SQUARE; j++)\n"
      "        acc[i][q][j] = 0.0f;\n", gpu_chain_slots(p, phase));
  if (c.expand && p->schedule->stage)
    stage_input(o, &c);
  chunks(o, &c);
  if (c.project)
    results(o, &c);
  gpu_end(o);
}
