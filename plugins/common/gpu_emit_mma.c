/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Products of matrices on tensor cores.  Operands are staged in words of 32
 * bits (one product of TF32, two of BF16 and F16, four of I8), which makes
 * the fragments of all types alike: of a matrix instruction, 8 words deep,
 * lane 4 g + t holds
 *
 *   a[r]  row g + 8 (r mod 2), word t + 4 (r div 2)      r = 0..3
 *   b[r]  word t + 4 r, column g                         r = 0, 1
 *   c[r]  row g + 8 (r div 2), column 2 t + r mod 2      r = 0..3
 *
 * (PTX ISA, "Matrix Fragments for mma.m16n8k8/k16/k32").  Rows in local
 * memory are four words longer than the slice, so that the 32 lanes of a
 * fragment read 32 different banks.
 */
#include <stdio.h>
#include "gpu_emit.h"

struct mma {
  const struct gpu_node *n;
  const char *type;      /* suffix of the dialect's functions */
  int per, words, vec;   /* products a word; words of a slice, of a copy */
  int rows, columns;     /* warps */
  int row_words;         /* of a packed row of parameters */
};

static struct mma
mma_of(const struct gpu_text *o, const struct gpu_node *n)
{
  static const char *const type[] = { "f32", "bf16", "i8", "f16", "tf32" };
  const struct gpu_schedule *s = o->plan->schedule;
  int dtype = o->plan->workload->dtype;
  int per = gpu_per_word(dtype);

  return (struct mma){ .n = n, .type = type[dtype], .per = per,
                       .words = s->slice, .vec = s->vec,
                       .rows = s->warps / 10, .columns = s->warps % 10,
                       .row_words = gpu_up(gpu_extent(o->plan, n).k, 4 * per)
                                    * 4 };
}

static int
is_i8(const struct gpu_text *o)
{
  return o->plan->workload->dtype == CHANAS_I8;
}

static void
head(struct gpu_text *o, const struct mma *m)
{
  P(o, "  enum { WORDS = %d, ROW = WORDS + 4, WM = BM / %d, WN = BN / %d };\n"
    "  const int lane = THREAD %% 32, g = lane / 4, t = lane %% 4;\n"
    "  const int wm = THREAD / 32 / %d * WM, wn = THREAD / 32 %% %d * WN;\n",
    m->words, m->rows, m->columns, m->columns, m->columns);
  P(o, "  %s acc[WM / 16][WN / 8][4];\n", is_i8(o) ? "int" : "float");
  P(o, "  UNROLL(WM / 16)\n  for (int i = 0; i < WM / 16; i++)\n"
    "    UNROLL(WN / 8)\n    for (int j = 0; j < WN / 8; j++)\n"
    "      UNROLL(4)\n      for (int r = 0; r < 4; r++)\n"
    "        acc[i][j][r] = 0;\n");
  gpu_stage_arrays(o, m->n, "unsigned", "[BM][ROW]", "[BN][ROW]");
  if (is_i8(o))
    P(o, "  const float range = MAX(w[%zu], 1e-30f);\n",
      o->plan->range_at + (size_t)m->n->source);
}

static void
fetch(struct gpu_text *o, const void *self)
{
  const struct mma *m = self;
  int group = gpu_vec(m->n->cin, m->vec);

  gpu_fetch_pixels(o, m->n, group > m->per ? group : m->per);
}

static void
store(struct gpu_text *o, const void *self, const char *buffer)
{
  const struct mma *m = self;
  int group = gpu_vec(m->n->cin, m->vec), count;

  group = group > m->per ? group : m->per;
  count = gpu_dense_fetch(o->plan, m->n).a;
  if (is_i8(o))
    P(o, "    UNROLL(%d)\n    for (int i = 0; i < %d; i++)\n"
      "      ra[i] *= 127.0f / range;\n", count, count);
  P(o, "    UNROLL(%d)\n    for (int i = 0; i < %d; i += %d) {\n"
    "      const int g = THREAD + i / %d * T;\n"
    "      if (g < BM * BK / %d)\n"
    "        a[%s][g / (BK / %d)][(g %% (BK / %d) * %d + i %% %d) / %d]\n"
    "          = word_%s(ra + i);\n    }\n", count / m->per, count, m->per,
    group, group, buffer, group, group, group, group, m->per, m->type);
}

static void
use(struct gpu_text *o, const void *self, const char *a, const char *b)
{
  const struct mma *m = self;

  P(o, "    UNROLL(WORDS / 8)\n    for (int k = 0; k < WORDS; k += 8) {\n"
    "      unsigned u[WM / 16][4], v[WN / 8][2];\n"
    "      UNROLL(WM / 16)\n      for (int i = 0; i < WM / 16; i++)\n"
    "        UNROLL(4)\n        for (int r = 0; r < 4; r++)\n"
    "          u[i][r] = a[%s][wm + i * 16 + g + r %% 2 * 8]"
    "[k + t + r / 2 * 4];\n", a);
  P(o, "      UNROLL(WN / 8)\n      for (int j = 0; j < WN / 8; j++)\n"
    "        UNROLL(2)\n        for (int r = 0; r < 2; r++)\n"
    "          v[j][r] = b[%s][wn + j * 8 + g][k + t + r * 4];\n", b);
  P(o, "      UNROLL(WM / 16)\n      for (int i = 0; i < WM / 16; i++)\n"
    "        UNROLL(WN / 8)\n        for (int j = 0; j < WN / 8; j++)\n"
    "          mma_%s(acc[i][j], u[i], v[j]);\n    }\n", m->type);
}

static void
staged(struct gpu_text *o, const struct mma *m)
{
  struct gpu_staging s = {
    .self = m, .fetch = fetch, .store = store, .use = use,
    .weights = { .rows = "BN", .words = "WORDS", .rows_there = "N - n0",
                 .stride = m->row_words },
  };

  snprintf(s.weights.words_there, sizeof s.weights.words_there,
           "%d - k0 / %d", m->row_words, m->per);
  snprintf(s.weights.from, sizeof s.weights.from, "%zu + n0 * %d + k0 / %d",
           m->n->weights_at, m->row_words, m->per);
  gpu_emit_staged(o, &s);
}

/* Two adjacent channels of one pixel at a time. */
static void
results(struct gpu_text *o, const struct mma *m)
{
  int vec = gpu_store_vec(o->plan, m->n, 2), q;

  P(o, "  UNROLL(WM / 16)\n  for (int i = 0; i < WM / 16; i++)\n"
    "    UNROLL(WN / 8)\n    for (int j = 0; j < WN / 8; j++)\n"
    "      UNROLL(4)\n      for (int h = 0; h < 4; h += %d) {\n"
    "        const int m = m0 + wm + i * 16 + g + h / 2 * 8;\n"
    "        const int n = n0 + wn + j * 8 + t * 2 + h %% 2;\n"
    "        if (m < M && n < N) {\n          ALIGNED float r[%d];\n", vec,
    vec);
  for (q = 0; q < vec; q++)
    if (is_i8(o))
      P(o, "          r[%d] = (float)acc[i][j][h + %d] * (range / 127.0f)\n"
        "                 * w[%zu + n + %d];\n", q, q,
        m->n->weights_at + (size_t)m->row_words * (size_t)m->n->cout, q);
    else
      P(o, "          r[%d] = acc[i][j][h + %d];\n", q, q);
  gpu_store_tile(o, m->n, "          ", vec);
  P(o, "        }\n      }\n");
}

void
gpu_emit_mma(struct gpu_text *o, const struct gpu_node *n)
{
  struct gpu_cost c = gpu_node_cost(o->plan, n);
  struct mma m = mma_of(o, n);

  gpu_begin(o, &c, "convolution on tensor cores", n, n);
  gpu_dense_head(o, n);
  head(o, &m);
  staged(o, &m);
  results(o, &m);
  gpu_end(o);
}
