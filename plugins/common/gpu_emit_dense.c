/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Convolutions and linear layers as a product of matrices: M pixels of the
 * whole batch x K products x N channels.  A block of threads computes BM x BN
 * of it in slices of BK products; a slice of both operands is fetched to
 * registers (ra, rb), stored to local memory (a, b), and used from there.
 * a is [k][m] with four floats more a row, so that its columns, which are
 * stored, lie in different banks.
 */
#include <stdio.h>
#include "gpu_emit.h"

/* Names for the extents of this kernel. */
void
gpu_dense_head(struct gpu_text *o, const struct gpu_node *n)
{
  const struct gpu_plan *p = o->plan;
  const struct gpu_schedule *s = p->schedule;
  const struct gpu_tile *t = &s->tile[n->class];
  struct gpu_extent e = gpu_extent(p, n);
  struct gpu_fetch f = gpu_dense_fetch(p, n);
  struct gpu_cost c = gpu_node_cost(p, n);
  int per = n->mma ? gpu_per_word(p->workload->dtype) : 1;
  int slice = s->slice * per;
  int part = gpu_up(gpu_up(e.k, slice), n->split) * slice;

  P(o, "  enum { M = %d, N = %d, K = %d, H = %d, W = %d, CIN = %d, OH = %d,\n"
    "    OW = %d, T = %ld, BM = %d, BN = %d, BK = %d };\n", e.m, e.n, e.k,
    n->h, n->w, n->cin, n->oh, n->ow, c.threads, t->bm, t->bn, slice);
  P(o, "  const int m0 = BLOCK(%d) * BM, n0 = BLOCK(%d) * BN;\n", s->bind,
    !s->bind);
  if (n->split > 1)
    P(o, "  const int from = BLOCK(2) * %d, to_k = min(from + %d, (int)K);\n",
      part, part);
  else
    P(o, "  const int from = 0, to_k = K;\n");
  if (s->stage)
    P(o, "  ALIGNED float ra[%d];\n", f.a);
}

/* Where the product k of pixel m is in x, and whether it is there. */
static void
print_pixel(struct gpu_text *o, const struct gpu_node *n, const char *indent)
{
  if (n->k == 1 && n->stride == 1 && n->pad == 0) {
    P(o, "%sconst int inside = m < M && k < to_k;\n", indent);
    P(o, "%sconst int at = m * CIN + k;\n", indent);
    return;
  }
  P(o, "%sconst int r = m %% (OH * OW), tap = k / CIN;\n"
    "%sconst int iy = r / OW * %d - %d + tap / %d;\n"
    "%sconst int ix = r %% OW * %d - %d + tap %% %d;\n", indent, indent,
    n->stride, n->pad, n->k, indent, n->stride, n->pad, n->k);
  P(o, "%sconst int inside = m < M && k < to_k && iy >= 0 && iy < H\n"
    "%s                   && ix >= 0 && ix < W;\n", indent, indent);
  P(o, "%sconst int at = ((m / (OH * OW) * H + iy) * W + ix) * CIN "
    "+ k %% CIN;\n", indent);
}

void
gpu_fetch_pixels(struct gpu_text *o, const struct gpu_node *n, int group)
{
  const struct gpu_fetch f = gpu_dense_fetch(o->plan, n);
  int vec = gpu_vec(n->cin, o->plan->schedule->vec), v;

  vec = vec < group ? vec : group;
  P(o, "    UNROLL(%d)\n    for (int i = 0; i < %d; i += %d) {\n", f.a / vec,
    f.a, vec);
  P(o, "      const int g = THREAD + i / %d * T;\n"
    "      const int m = m0 + g / (BK / %d);\n"
    "      const int k = k0 + g %% (BK / %d) * %d + i %% %d;\n", group, group,
    group, group, group);
  print_pixel(o, n, "      ");
  for (v = 0; v < vec; v++)
    P(o, "      ra[i + %d] = 0.0f;\n", v);
  P(o, "      if (inside && g < BM * BK / %d) {\n"
    "        LOAD%d(ra + i, in + at);\n", group, vec);
  for (v = 0; v < vec && n->gate >= 0; v++)
    P(o, "        ra[i + %d] *= gate[m / (OH * OW) * CIN + k %% CIN + %d];\n",
      v, v);
  P(o, "      }\n    }\n");
}

static void
fetch(struct gpu_text *o, const void *self)
{
  const struct gpu_node *n = self;
  struct gpu_fetch f = gpu_dense_fetch(o->plan, n);
  int vec = o->plan->schedule->vec, v, wide = gpu_up(n->cout, 4) * 4;

  gpu_fetch_pixels(o, n, gpu_vec(n->cin, vec));
  if (o->plan->schedule->copy)
    return;
  P(o, "    UNROLL(%d)\n    for (int i = 0; i < %d; i += %d) {\n", f.b / vec,
    f.b, vec);
  P(o, "      const int g = THREAD + i / %d * T;\n"
    "      const int k = k0 + g / (BN / %d);\n"
    "      const int n = n0 + g %% (BN / %d) * %d;\n", vec, vec, vec, vec);
  for (v = 0; v < vec; v++)
    P(o, "      rb[i + %d] = 0.0f;\n", v);
  P(o, "      if (k < to_k && n < %d && g < BN * BK / %d)\n"
    "        LOAD%d(rb + i, w + %zu + k * %d + n);\n    }\n", wide, vec, vec,
    n->weights_at, wide);
}

/* Registers to the buffer of this name. */
static void
store(struct gpu_text *o, const void *self, const char *buffer)
{
  const struct gpu_node *n = self;
  struct gpu_fetch f = gpu_dense_fetch(o->plan, n);
  int vec = o->plan->schedule->vec, group = gpu_vec(n->cin, vec);

  P(o, "    UNROLL(%d)\n    for (int i = 0; i < %d; i++) {\n"
    "      const int g = THREAD + i / %d * T;\n"
    "      if (g < BM * BK / %d)\n"
    "        a[%s][g %% (BK / %d) * %d + i %% %d][g / (BK / %d)] = ra[i];\n"
    "    }\n", f.a, f.a, group, group, buffer, group, group, group, group);
  if (o->plan->schedule->copy)
    return;
  P(o, "    UNROLL(%d)\n    for (int i = 0; i < %d; i++) {\n"
    "      const int g = THREAD + i / %d * T;\n"
    "      if (g < BN * BK / %d)\n"
    "        b[%s][g / (BN / %d)][g %% (BN / %d) * %d + i %% %d] = rb[i];\n"
    "    }\n", f.b, f.b, vec, vec, buffer, vec, vec, vec, vec);
}

static void
multiply(struct gpu_text *o, const char *indent)
{
  P(o, "%sUNROLL(TM)\n%sfor (int i = 0; i < TM; i++)\n"
    "%s  UNROLL(TN)\n%s  for (int j = 0; j < TN; j++)\n"
    "%s    acc[i][j] += u[i] * v[j];\n", indent, indent, indent, indent,
    indent);
}

/* One slice from the buffers of these names. */
static void
use(struct gpu_text *o, const void *self, const char *a, const char *b)
{
  (void)self;
  P(o, "    UNROLL(%d)\n    for (int k = 0; k < BK; k++) {\n"
    "      float u[TM], v[TN];\n", o->plan->schedule->unroll);
  P(o, "      UNROLL(TM)\n      for (int i = 0; i < TM; i++)\n"
    "        u[i] = a[%s][k][ROW(i)];\n", a);
  P(o, "      UNROLL(TN)\n      for (int j = 0; j < TN; j++)\n"
    "        v[j] = b[%s][k][COLUMN(j)];\n", b);
  multiply(o, "      ");
  P(o, "    }\n");
}

/* Straight from global memory, tap by tap. */
static void
not_staged(struct gpu_text *o, const struct gpu_node *n)
{
  int wide = gpu_up(n->cout, 4) * 4;

  P(o, "  for (int tap = 0; tap < %d; tap++) {\n    int at[TM];\n"
    "    UNROLL(TM)\n    for (int i = 0; i < TM; i++) {\n"
    "      const int m = m0 + ROW(i), r = m %% (OH * OW);\n"
    "      const int iy = r / OW * %d - %d + tap / %d;\n"
    "      const int ix = r %% OW * %d - %d + tap %% %d;\n", n->k * n->k,
    n->stride, n->pad, n->k, n->stride, n->pad, n->k);
  P(o, "      at[i] = m < M && iy >= 0 && iy < H && ix >= 0 && ix < W\n"
    "        ? ((m / (OH * OW) * H + iy) * W + ix) * CIN : -1;\n    }\n");
  P(o, "    UNROLL(%d)\n    for (int c = 0; c < CIN; c++) {\n"
    "      float u[TM], v[TN];\n"
    "      UNROLL(TM)\n      for (int i = 0; i < TM; i++)\n"
    "        u[i] = at[i] < 0 ? 0.0f : in[at[i] + c]%s;\n",
    o->plan->schedule->unroll,
    n->gate < 0 ? "" : " * gate[at[i] / (H * W * CIN) * CIN + c]");
  P(o, "      UNROLL(TN)\n      for (int j = 0; j < TN; j++)\n"
    "        v[j] = n0 + COLUMN(j) < N\n"
    "          ? w[%zu + (tap * CIN + c) * %d + n0 + COLUMN(j)] : 0.0f;\n",
    n->weights_at, wide);
  multiply(o, "      ");
  P(o, "    }\n  }\n");
}

int
gpu_store_vec(const struct gpu_plan *p, const struct gpu_node *n, int segment)
{
  int vec = gpu_vec(n->cout, p->schedule->vec);

  return gpu_vec(segment, vec);
}

/* The loop's body over a thread's results: m, n and sums r[] of vec adjacent
 * channels are set. */
void
gpu_store_tile(struct gpu_text *o, const struct gpu_node *n,
               const char *indent, int vec)
{
  P(o, "%sconst int e0 = m * N + n;\n", indent);
  if (n->split > 1) {
    P(o, "%sSTORE%d(part + BLOCK(2) * (M * N) + e0, r);\n", indent, vec);
    return;
  }
  P(o, "%sUNROLL(%d)\n%sfor (int q = 0; q < %d; q++) {\n"
    "%s  const int c = n + q, e = e0 + q;\n%s  float v = r[q];\n", indent, vec,
    indent, vec, indent, indent);
  P(o, "%s  (void)c, (void)e;\n", indent);
  gpu_finish(o, n, vec ? "          " : "");
  P(o, "%s  r[q] = v;\n%s}\n%sSTORE%d(to + e0, r);\n", indent, indent, indent,
    vec);
}

static void
results(struct gpu_text *o, const struct gpu_node *n, int vec)
{
  P(o, "  UNROLL(TM)\n  for (int i = 0; i < TM; i++)\n    UNROLL(%d)\n"
    "    for (int j = 0; j < TN; j += %d) {\n"
    "      const int m = m0 + ROW(i), n = n0 + COLUMN(j);\n"
    "      if (m < M && n < N) {\n        ALIGNED float r[%d];\n",
    o->plan->schedule->tile[n->class].tn / vec, vec, vec);
  P(o, "        UNROLL(%d)\n        for (int q = 0; q < %d; q++)\n"
    "          r[q] = acc[i][j + q];\n", vec, vec);
  gpu_store_tile(o, n, "        ", vec);
  P(o, "      }\n    }\n");
}

static void
staged(struct gpu_text *o, const struct gpu_node *n)
{
  int wide = gpu_up(n->cout, 4) * 4;
  struct gpu_staging s = {
    .self = n, .fetch = fetch, .store = store, .use = use,
    .weights = { .rows = "BK", .words = "BN", .rows_there = "to_k - k0",
                 .stride = wide },
  };

  snprintf(s.weights.words_there, sizeof s.weights.words_there, "%d - n0",
           wide);
  snprintf(s.weights.from, sizeof s.weights.from, "%zu + k0 * %d + n0",
           n->weights_at, wide);
  if (!o->plan->schedule->copy)
    P(o, "  ALIGNED float rb[%d];\n", gpu_dense_fetch(o->plan, n).b);
  gpu_stage_arrays(o, n, "float", "[BK][BM + 4]", "[BK][BN]");
  gpu_emit_staged(o, &s);
}

void
gpu_emit_dense(struct gpu_text *o, const struct gpu_node *n)
{
  const struct gpu_schedule *s = o->plan->schedule;
  const struct gpu_tile *t = &s->tile[n->class];
  struct gpu_cost c = gpu_node_cost(o->plan, n);
  int segment = gpu_segment(t->tn, s->vthread);

  gpu_begin(o, &c, "convolution as a product of matrices", n, n);
  gpu_dense_head(o, n);
  P(o, "  enum { TM = %d, TN = %d, SM = %d, SN = %d };\n", t->tm, t->tn,
    gpu_segment(t->tm, s->vthread), segment);
  P(o, "#define ROW(i) ((i) / SM * (BM / (TM / SM)) + row * SM + (i) %% SM)\n"
    "#define COLUMN(j) ((j) / SN * (BN / (TN / SN)) + column * SN + (j) %% SN)"
    "\n");
  P(o, "  const int row = THREAD / (BN / TN), column = THREAD %% (BN / TN);\n"
    "  float acc[TM][TN];\n"
    "  UNROLL(TM)\n  for (int i = 0; i < TM; i++)\n"
    "    UNROLL(TN)\n    for (int j = 0; j < TN; j++)\n"
    "      acc[i][j] = 0.0f;\n");
  if (s->stage)
    staged(o, n);
  else
    not_staged(o, n);
  results(o, n, gpu_store_vec(o->plan, n, segment));
  P(o, "#undef ROW\n#undef COLUMN\n");
  gpu_end(o);
}

/* The parts of a sum that was split. */
void
gpu_emit_sum(struct gpu_text *o, const struct gpu_node *n)
{
  struct gpu_extent x = gpu_extent(o->plan, n);
  struct gpu_cost c = { .grid = { 1, 1, 1 },
                        .threads = o->plan->schedule->threads };
  struct gpu_node whole = *n;

  c.grid[0] = ((long)x.m * x.n + c.threads - 1) / c.threads;
  whole.gate = -1;
  gpu_begin(o, &c, "sum of the parts", &whole, n);
  P(o, "  const int e = BLOCK(0) * %ld + THREAD, c = e %% %d;\n"
    "  if (e < %d) {\n    float v = 0.0f;\n"
    "    for (int i = 0; i < %d; i++)\n      v += part[i * %d + e];\n"
    "    (void)in, (void)c;\n", c.threads, x.n, x.m * x.n, n->split,
    x.m * x.n);
  gpu_finish(o, n, "    ");
  P(o, "    to[e] = v;\n  }\n");
  gpu_end(o);
}
