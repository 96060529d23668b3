/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Depthwise convolution and average pooling.  A block of threads computes a
 * tile of rows and columns for adjacent channels, a thread some columns of
 * one row for a vector of channels; neighbouring threads have neighbouring
 * channels, so that they read neighbouring floats.  Where it is staged, the
 * input under the tile lies in local memory, zero beyond the image.
 */
#include "gpu_emit.h"

static void
head(struct gpu_text *o, const struct gpu_node *n)
{
  const struct gpu_schedule *s = o->plan->schedule;
  int columns = s->window_columns * s->window_each;
  struct gpu_patch patch = gpu_window_patch(n, s->window_rows, columns);

  P(o, "  enum { H = %d, W = %d, C = %d, OH = %d, OW = %d, K = %d, S = %d,\n"
    "    PAD = %d, LANES = %d, V = %d, COLUMNS = %d, EACH = %d, ROWS = %d,\n"
    "    PH = %d, PW = %d, T = %d };\n", n->h, n->w, n->cin, n->oh, n->ow,
    n->k, n->stride, n->pad, s->window_lanes,
    gpu_vec(n->cin, s->window_vec), columns, s->window_each, s->window_rows,
    patch.rows, patch.columns,
    s->window_lanes * s->window_rows * s->window_columns);
  P(o, "  const int y0 = BLOCK(0) / %d * ROWS, x0 = BLOCK(0) %% %d * COLUMNS;"
    "\n", gpu_up(n->ow, columns), gpu_up(n->ow, columns));
  P(o, "  const int lane = THREAD %% LANES, image = BLOCK(2) * (H * W);\n"
    "  const int column = THREAD / LANES %% (COLUMNS / EACH) * EACH;\n"
    "  const int row = THREAD / (LANES * (COLUMNS / EACH));\n"
    "  const int c0 = (BLOCK(1) * LANES + lane) * V;\n");
}

static void
stage(struct gpu_text *o, int vec, long bytes)
{
  int v;

  gpu_local(o, "float", "a", "PH * PW * LANES * V", "", bytes);
  P(o, "  for (int i = THREAD; i < PH * PW * LANES; i += T) {\n"
    "    const int iy = y0 * S - PAD + i / (LANES * PW);\n"
    "    const int ix = x0 * S - PAD + i / LANES %% PW;\n"
    "    const int c = (BLOCK(1) * LANES + i %% LANES) * V;\n"
    "    ALIGNED float r[V];\n");
  for (v = 0; v < vec; v++)
    P(o, "    r[%d] = 0.0f;\n", v);
  P(o, "    if (iy >= 0 && iy < H && ix >= 0 && ix < W && c < C)\n"
    "      LOAD%d(r, in + (image + iy * W + ix) * C + c);\n", vec);
  for (v = 0; v < vec; v++)
    P(o, "    a[i * V + %d] = r[%d];\n", v, v);
  P(o, "  }\n  SYNC();\n");
}

static void
taps(struct gpu_text *o, const struct gpu_node *n, int vec, int staged)
{
  int v;

  P(o, "  UNROLL(K)\n  for (int ky = 0; ky < K; ky++)\n"
    "    UNROLL(K)\n    for (int kx = 0; kx < K; kx++) {\n"
    "      float u[V];\n");
  for (v = 0; v < vec; v++)
    if (n->weights >= 0)
      P(o, "      u[%d] = c0 + %d < C ? w[%zu + (ky * K + kx) * %d + c0 + %d]"
        " : 0.0f;\n", v, v, n->weights_at, gpu_up(n->cin, 4) * 4, v);
    else
      P(o, "      u[%d] = 1.0f;\n", v);
  P(o, "      UNROLL(EACH)\n      for (int i = 0; i < EACH; i++) {\n"
    "        ALIGNED float r[V];\n");
  if (staged)
    for (v = 0; v < vec; v++)
      P(o, "        r[%d] = a[(((row * S + ky) * PW + (column + i) * S + kx)"
        " * LANES + lane) * V + %d];\n", v, v);
  else {
    for (v = 0; v < vec; v++)
      P(o, "        r[%d] = 0.0f;\n", v);
    P(o, "        const int iy = (y0 + row) * S - PAD + ky;\n"
      "        const int ix = (x0 + column + i) * S - PAD + kx;\n"
      "        if (iy >= 0 && iy < H && ix >= 0 && ix < W && c0 < C)\n"
      "          LOAD%d(r, in + (image + iy * W + ix) * C + c0);\n", vec);
  }
  for (v = 0; v < vec; v++)
    P(o, "        acc[i][%d] += r[%d] * u[%d];\n", v, v, v);
  P(o, "      }\n    }\n");
}

static void
results(struct gpu_text *o, const struct gpu_node *n, int vec)
{
  P(o, "  UNROLL(EACH)\n  for (int i = 0; i < EACH; i++) {\n"
    "    const int oy = y0 + row, ox = x0 + column + i;\n"
    "    const int e0 = ((BLOCK(2) * OH + oy) * OW + ox) * C + c0;\n"
    "    if (oy < OH && ox < OW && c0 < C) {\n");
  if (n->weights < 0)
    P(o, "      const int iy = oy * S - PAD, ix = ox * S - PAD;\n"
      "      const int area = (min(iy + K, (int)H) - max(iy, 0))\n"
      "                       * (min(ix + K, (int)W) - max(ix, 0));\n");
  P(o, "      UNROLL(V)\n      for (int q = 0; q < V; q++) {\n"
    "        const int c = c0 + q, e = e0 + q;\n"
    "        float v = acc[i][q]%s;\n        (void)c, (void)e;\n",
    n->weights < 0 ? " / (float)area" : "");
  gpu_finish(o, n, "        ");
  P(o, "        acc[i][q] = v;\n      }\n"
    "      STORE%d(to + e0, acc[i]);\n    }\n  }\n", vec);
}

void
gpu_emit_window(struct gpu_text *o, const struct gpu_node *n)
{
  const struct gpu_schedule *s = o->plan->schedule;
  struct gpu_cost c = gpu_node_cost(o->plan, n);
  int vec = gpu_vec(n->cin, s->window_vec), v;

  gpu_begin(o, &c, n->weights < 0 ? "average pooling"
                                  : "depthwise convolution", n, n);
  head(o, n);
  P(o, "  ALIGNED float acc[EACH][V];\n  UNROLL(EACH)\n"
    "  for (int i = 0; i < EACH; i++) {\n");
  for (v = 0; v < vec; v++)
    P(o, "    acc[i][%d] = 0.0f;\n", v);
  P(o, "  }\n");
  if (s->window_stage)
    stage(o, vec, c.local);
  taps(o, n, vec, s->window_stage);
  results(o, n, vec);
  gpu_end(o);
}
