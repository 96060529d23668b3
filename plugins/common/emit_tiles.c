/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dense convolution on tile registers: products of bfloat16 or of 8-bit
 * integers, sums in float or int32.  A tile of operand A is 16 pixels of 64
 * bytes of channels, read where they lie in a narrow tensor; B is packed.  All
 * tiles are 16 x 64 bytes whatever is left of pixels or channels: surplus rows
 * are never stored, surplus channels meet weights of zero.  The sums pass
 * through memory on their way to the epilogue.
 *
 * Without tiles a block of pixels and vectors of sums stays in vector
 * registers (emit_dot.c); all else is the same, with a vector in place of a
 * tile's row.  Sums of halves go to sums in float after HALVES products.
 */
#include "emit.h"

#define ROWS 16  /* of a tile */
#define FLOATS 16 /* of a row, and of a vector where there are tiles */
#define HALVES 64 /* products that are summed in half precision at most */

enum { TILES = 5 };

/* The parts of a block: tile registers of C from 0, then of A, then of B.
 * Without tiles m is pixels. */
struct tiles { int m, v; };

static int
block_parts(const struct emitter *e, int pixels)
{
  return e->plan->schedule->dot ? pixels : div_up(pixels, ROWS);
}

static int
block_rows(const struct emitter *e, struct tiles t)
{
  return e->plan->schedule->dot ? t.m : t.m * ROWS;
}

static void
load(struct emitter *e, const struct node *n, struct tiles t)
{
  const struct tensor *src = &e->plan->tensor[n->src];
  long stride = plan_runs(e->plan, n).length == 1 ? 0 : n->stride * src->pix;
  int i;

  for (i = 0; i < t.m; i++)
    PRINT(e, "      CH_TILE_LOAD(%d, q + %ld, %ld);\n", t.m * t.v + i,
          i * ROWS * stride, stride * 4);
  for (i = 0; i < t.v; i++)
    PRINT(e, "      CH_TILE_LOAD(%d, w + %d, %d);\n", t.m * t.v + t.m + i,
          i * ROWS * FLOATS, FLOATS * 4);
}

static int
is_half(const struct emitter *e)
{
  return e->plan->workload->dtype == CHANAS_F16;
}

static void
tile_products(struct emitter *e, const struct node *n, struct tiles t)
{
  int i, j;

  load(e, n, t);
  for (i = 0; i < t.m; i++)
    for (j = 0; j < t.v; j++)
      PRINT(e, "      CH_TILE_%s(%d, %d, %d);\n", n->per == 2 ? "BF16" : "I8",
            i * t.v + j, t.m * t.v + i, t.m * t.v + t.m + j);
}

/* One step through the channels, which ends with these. */
static void
multiply(struct emitter *e, const struct node *n, struct tiles t, int lanes)
{
  int i, lines = n->ahead ? 0 : emit_prefetch_lines(e, n, t.v);
  int vec = e->plan->vec;

  if (e->plan->schedule->dot == DOT_NONE)
    tile_products(e, n, t);
  else
    emit_dot(e, n, t.m, t.v, lanes);
  for (i = 0; i < lines; i++)
    PRINT(e, "      __builtin_prefetch(f + %d, 0, 2);\n", i * FLOATS);
  if (lines)
    PRINT(e, "      f += %d;\n", lines * FLOATS);
  PRINT(e, "      q += %d, w += %d;\n", vec, t.v * vec * vec);
}

/* What a chain's next tile reads, row by row: there are few steps. */
static void
fetch_ahead(struct emitter *e, const struct node *n, int rows)
{
  int i, lines;

  if (!n->ahead || !emit_prefetches(e, n))
    return;
  lines = div_up((int)(emit_ahead(e, n) / FLOATS), rows);
  for (i = 0; i < lines; i++)
    PRINT(e, "    __builtin_prefetch(f + i * %d + %d, 0, 2);\n",
          lines * FLOATS, i * FLOATS);
}

/* Declare biasJ and, of 8-bit integers, scaleJ. */
static void
declare_bias(struct emitter *e, const struct node *n, struct tiles t, int j)
{
  int vec = e->plan->vec;

  PRINT(e, "    const ch_v%d bias%d = ch_ld%d(b + %d);\n", vec, j, vec,
        j * vec);
  if (n->per == 4)
    PRINT(e, "    const ch_v%d scale%d = ch_ld%d(b + %d);\n", vec, j, vec,
          (t.v + j) * vec);
}

/* Declare aJ: the sum of row i, in float. */
static void
declare_sum(struct emitter *e, const struct node *n, struct tiles t, int j)
{
  int vec = e->plan->vec, at = j * block_rows(e, t) * vec;

  if (n->per == 4)
    PRINT(e, "    ch_v%d a%d = ch_int%d(c + %d + i * %d) * scale%d + bias%d;"
          "\n", vec, j, vec, at, vec, j, j);
  else
    PRINT(e, "    ch_v%d a%d = ch_ld%d(c + %d + i * %d) + bias%d;\n", vec, j,
          vec, at, vec, j);
}

/* Sums of vectors j to j + count - 1, one or a pair of halves, to results, row
 * by row. */
static void
finish(struct emitter *e, const struct node *n, struct tiles t, int j,
       int count, int partial)
{
  struct at at = { 0, j, n->flat ? "o[i]" : "i", 0 };
  char low[16], high[16];
  int i;

  __builtin_snprintf(low, sizeof low, "a%d", j);
  __builtin_snprintf(high, sizeof high, "a%d", j + 1);
  PRINT(e, "  {\n");
  for (i = 0; i < count; i++)
    declare_bias(e, n, t, j + i);
  PRINT(e, "    for (long i = 0; i < rows; i++) {\n");
  for (i = 0; i < count; i++)
    declare_sum(e, n, t, j + i);
  if (e->plan->tensor[n->dst].half)
    emit_store_halves(e, n, low, count > 1 ? high : NULL, at);
  else
    emit_store(e, n, low, at, partial);
  if (j == 0)
    fetch_ahead(e, n, block_rows(e, t));
  PRINT(e, "    }\n  }\n");
}

static void
clear_sums(struct emitter *e, struct tiles t, int per)
{
  int i, j;

  for (i = 0; i < t.m && is_half(e); i++)
    for (j = 0; j < t.v; j += 2)
      PRINT(e, "  ch_sum8 a%d_%d = { 0 };\n", i, j);
  if (is_half(e))
    return;
  for (i = 0; i < t.m; i++)
    for (j = 0; j < t.v; j++)
      if (e->plan->schedule->dot)
        PRINT(e, "  ch_%c%d a%d_%d = { 0 };\n", per == 4 ? 'i' : 'v',
              e->plan->vec, i, j);
      else
        PRINT(e, "  CH_TILE_ZERO(%d);\n", i * t.v + j);
}

static void
store_sums(struct emitter *e, struct tiles t, int per)
{
  int i, j, vec = e->plan->vec;

  for (i = 0; i < t.m; i++)
    for (j = 0; j < t.v; j++)
      if (e->plan->schedule->dot)
        PRINT(e, "  ch_st%s%d(c + %d, a%d_%d);\n", per == 4 ? "i" : "", vec,
              (j * t.m + i) * vec, i, j);
      else
        PRINT(e, "  CH_TILE_STORE(%d, c + %d, %d);\n", i * t.v + j,
              (j * t.m + i) * ROWS * FLOATS, FLOATS * 4);
}

/* Sums of halves to those in float, which they start or are added to. */
static void
widen_sums(struct emitter *e, struct tiles t, int add)
{
  int i, j, at;

  for (i = 0; i < t.m; i++)
    for (j = 0; j < t.v; j++) {
      at = (j * t.m + i) * e->plan->vec;
      PRINT(e, "    ch_st4(c + %d, ", at);
      if (add)
        PRINT(e, "ch_ld4(c + %d) + ", at);
      PRINT(e, "CH_%s8(a%d_%d));\n", j % 2 ? "HIGH" : "LOW", i, j & ~1);
      if (j % 2 || j + 1 == t.v)
        PRINT(e, "    a%d_%d = (ch_sum8){ 0 };\n", i, j & ~1);
    }
}

/* All products of a block, kernel row by kernel row. */
static void
reduce(struct emitter *e, const struct node *n, struct tiles t)
{
  int steps = node_steps(e->plan, n), most = HALVES / (2 * e->plan->vec);
  int row = e->plan->tensor[n->src].row, once = n->k * steps <= most;
  int rest = emit_dot_rest(e, n);

  clear_sums(e, t, n->per);
  if (is_half(e) && !once)
    PRINT(e, "  ch_zero(c, %d);\n", block_rows(e, t) * t.v * e->plan->vec);
  PRINT(e, "  for (long ky = 0; ky < %d; ky++) {\n"
        "    const float *q = x + ky * %d;\n", n->k, row);
  if (is_half(e) && steps > most)
    PRINT(e, "    for (long i = 0, end = %d; i < %d;\n"
          "         end = end + %d < %d ? end + %d : %d) {\n"
          "    for (; i < end; i++) {\n", most, steps, most, steps, most,
          steps);
  else
    PRINT(e, "    for (long i = 0; i < %d; i++) {\n", steps - (rest > 0));
  multiply(e, n, t, e->plan->vec);
  PRINT(e, "    }\n");
  if (rest > 0) {
    PRINT(e, "    {\n");
    multiply(e, n, t, rest);
    PRINT(e, "    }\n");
  }
  if (is_half(e) && !once)
    widen_sums(e, t, 1);
  PRINT(e, "%s  }\n", is_half(e) && steps > most ? "    }\n" : "");
  if (!is_half(e))
    store_sums(e, t, n->per);
  else if (once)
    widen_sums(e, t, 0);
}

static void
block(struct emitter *e, int index, struct tiles t, int partial)
{
  const struct node *n = &e->plan->node[index];
  int j, vec = e->plan->vec, rows = block_rows(e, t);
  int each = e->plan->tensor[n->dst].half ? 2 : 1;
  unsigned long long h;

  if (!emit_once(e, index, TILES, t.m, t.v * 2 + partial))
    return;
  emit_share(e);
  PRINT(e, "(const float *x, float *y, const float *w");
  emit_added_params(e, n);
  emit_quantum_param(e, n);
  PRINT(e, "%s%s, long rows)\n{\n",
        emit_prefetches(e, n) ? ", const float *f" : "",
        n->flat ? ", const short *o" : "");
  PRINT(e, "  float c[%d] __attribute__((aligned(64)));\n"
        "  const float *b = w;\n  w += %d;\n", rows * t.v * vec,
        2 * t.v * vec);
  reduce(e, n, t);
  for (j = 0; j < t.v; j += each)
    finish(e, n, t, j, j + 1 < t.v ? each : 1, partial && j == t.v - 1);
  PRINT(e, "}\n");
  h = emit_shared(e);
  PRINT(e, "#define %s_n%d_%dx%d%s ch_k%016llx\n", e->symbol, index, t.m,
        t.v, partial ? "p" : "", h);
}

static void
call(struct emitter *e, int index, struct tiles t, int partial)
{
  const struct node *n = &e->plan->node[index];
  int i;

  PRINT(e, "%s_n%d_%dx%d%s(x, y, w", e->symbol, index, t.m, t.v,
        partial ? "p" : "");
  for (i = 0; i < n->adds; i++)
    PRINT(e, ", r%d", i);
  PRINT(e, "%s%s%s, rows);\n", emit_quantum(e, n) ? ", qs" : "",
        emit_prefetches(e, n) ? ", f" : "", n->flat ? ", o" : "");
}

void
emit_tiles(struct emitter *e, int index, struct parts q, struct parts g,
           int partial)
{
  int m = block_parts(e, q.size);
  int last = g.big == g.count ? g.size : g.size - 1;

  PRINT(e, "  const long rows = q < %d ? %d : %d;\n", q.big, q.size,
        q.size - 1);
  if (partial) {
    PRINT(e, "  if (g == %d)\n    ", g.count - 1);
    call(e, index, (struct tiles){ m, last }, 1);
  }
  if (g.big > 0 && !(partial && g.count == 1)) {
    PRINT(e, "  %sif (g < %d)\n    ", partial ? "else " : "", g.big);
    call(e, index, (struct tiles){ m, g.size }, 0);
  }
  if (g.big < g.count && !(partial && g.count - g.big == 1)) {
    PRINT(e, "  else\n    ");
    call(e, index, (struct tiles){ m, g.size - 1 }, 0);
  }
}

void
emit_tile_blocks(struct emitter *e, int index, struct parts q,
                 struct parts g, int partial)
{
  int m = block_parts(e, q.size);
  int last = g.big == g.count ? g.size : g.size - 1;

  if (partial)
    block(e, index, (struct tiles){ m, last }, 1);
  if (g.big > 0 && !(partial && g.count == 1))
    block(e, index, (struct tiles){ m, g.size }, 0);
  if (g.big < g.count && !(partial && g.count - g.big == 1))
    block(e, index, (struct tiles){ m, g.size - 1 }, 0);
}

/* Channels behind the last pixel are read: no NaN may be there. */
static void
slack(struct emitter *e, const struct node *n)
{
  const struct tensor *t = &e->plan->tensor[n->src];

  if (n->per != 2)
    return;
  if (t->place == PLACE_RING)
    PRINT(e, "  ch_zero(s + %zu + t * %zu, %zu);\n",
          e->plan->share_offset + t->offset, e->plan->share, t->size);
  else
    PRINT(e, "  ch_zero(s + %zu, %d);\n",
          t->offset + (size_t)e->plan->batch * (size_t)t->img, FLOATS);
}

void
emit_tiles_begin(struct emitter *e, const struct node *n)
{
  if (n->per == 0)
    return;
  slack(e, n);
  if (!e->plan->schedule->dot)
    PRINT(e, "  CH_TILES_BEGIN();\n");
}

void
emit_tiles_end(struct emitter *e, const struct node *n)
{
  if (n->per && !e->plan->schedule->dot)
    PRINT(e, "  CH_TILES_END();\n");
}
