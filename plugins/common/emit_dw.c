/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Depthwise convolution: the loops around its row functions (emit_dw_row.c),
 * over channels, rows, and in NHWC groups of channels that leave their rows in
 * the first cache.
 */
#include "emit_dw.h"

#define RUN 128 /* floats of a pixel, at most, one after another */

/* Vector c, or `count` vectors from c on. */
static void
row_call(struct emitter *e, int index, const char *y, const char *image,
         const char *oy, const char *count, int partial)
{
  const struct node *n = &e->plan->node[index];
  int i, r = 0;

  PRINT(e, "        %s_n%d_row%s(r, %s, w + %zu + c * %zu", e->symbol, index,
        partial ? "p" : "", y, n->packed, node_panel(e->plan, n));
  for (i = 0; i < n->tails; i++)
    if (n->tail[i].add >= 0) {
      const struct tensor *t = &e->plan->tensor[n->tail[i].add];
      PRINT(e, ", r%d + %s * %ld + %s * %ld + c * %ld", r++, image, t->img,
            oy, t->row, t->vec);
    }
  emit_quantum_arg(e, n);
  PRINT(e, "%s%s%s);\n", emit_dw_leaves_out(n) ? ", k0, k1" : "",
        count ? ", " : "", count ? count : "");
}

void
emit_dw_call(struct emitter *e, int index, const char *y, const char *image,
             const char *oy)
{
  const struct node *n = &e->plan->node[index];
  int vectors = div_up(n->cout, e->plan->vec);
  int partial = emit_dw_parts(e, n);

  if (partial && vectors > 1) {
    PRINT(e, "      if (c == %d)\n", vectors - 1);
    row_call(e, index, y, image, oy, NULL, 1);
    PRINT(e, "      else\n");
  }
  row_call(e, index, y, image, oy, NULL, partial && vectors == 1);
}

void
emit_dw_open(struct emitter *e, const struct node *n)
{
  if (node_zeroes(n))
    PRINT(e, "  const float *zero = w + %zu;\n", n->zeroes);
}

void
emit_dw_open_rows(struct emitter *e, const struct node *n, const char *oy)
{
  const struct tensor *src = &e->plan->tensor[n->src];

  PRINT(e, "      const float *r[%d];\n", n->k);
  if (emit_dw_leaves_out(n))
    PRINT(e, "      const long top = %s * %d - %d, k0 = top < 0 ? -top : 0,\n"
          "        k1 = top > %d ? %d - top : %d;\n"
          "      for (long i = k0; i < k1; i++) {\n", oy, n->stride, n->pad,
          n->h - n->k, n->h, n->k);
  else
    PRINT(e, "      for (long i = 0; i < %d; i++) {\n", n->k);
  PRINT(e, "        const long iy = %s * %d + i - %d;\n        r[i] = ", oy,
        n->stride, n->pad);
  if (node_zeroes(n))
    PRINT(e, "iy < 0 || iy >= %d ? zero : ", n->h);
  PRINT(e, "src + n * %ld + iy * %ld + c * %ld;\n      }\n", src->img,
        src->row, src->vec);
}

static void
halo_rows(struct emitter *e, const struct node *n)
{
  const struct tensor *src = &e->plan->tensor[n->src];

  PRINT(e, "      const float *q = src + n * %ld + oy * %ld + c * %ld, "
        "*r[%d];\n", src->img, n->stride * src->row, src->vec, n->k);
  PRINT(e, "      for (long i = 0; i < %d; i++) {\n"
        "        r[i] = q + i * %ld;\n"
        "      }\n", n->k, src->row);
}

/* Vectors that a row function computes, where it is not wide. */
static int
step(const struct node *n)
{
  return n->half ? 2 : 1;
}

/* Row oy, as the loops around it have it. */
static void
rows_of(struct emitter *e, const struct node *n)
{
  PRINT(e, "      const long n = u / %d, oy = u %% %d;\n", n->oh, n->oh);
  if (n->open)
    emit_dw_open_rows(e, n, "oy");
  else
    halo_rows(e, n);
}

/* Vectors of channels at a time: as many as leave their rows and weights in
 * L1, but longer runs of memory gain nothing. */
static int
group(const struct emitter *e, const struct node *n)
{
  int vec = e->plan->vec, vectors = div_up(n->cout, vec);
  long each = (long)(n->k + n->stride) * n->w * vec
              + (long)node_panel(e->plan, n);
  long most = e->plan->schedule->chunk / each;

  if (e->plan->schedule->chunk == 0)
    return vectors;
  if (most > RUN / vec)
    most = RUN / vec;
  return parts_of(vectors, most > 2 ? (int)most : 2).size;
}

/* Vectors g to end - 1 of a row; if the last one is a part, it comes in a call
 * of its own. */
static void
wide_calls(struct emitter *e, int index, int partial)
{
  const struct node *n = &e->plan->node[index];
  const struct tensor *dst = &e->plan->tensor[n->dst];
  int vectors = div_up(n->cout, e->plan->vec);
  char y[96];

  __builtin_snprintf(y, sizeof y, "dst + n * %ld + oy * %ld + c * %ld",
                     dst->img, dst->row, dst->vec);
  if (!partial) {
    row_call(e, index, y, "n", "oy", "end - g", 0);
    return;
  }
  PRINT(e, "      const long whole = end - g - (end == %d);\n", vectors);
  if (vectors > 1)
    row_call(e, index, y, "n", "oy", "whole", 0);
  PRINT(e, "      if (end == %d) {\n        c = %d;\n", vectors, vectors - 1);
  if (emit_dw_leaves_out(n))
    PRINT(e, "        for (long i = k0; i < k1; i++)\n");
  else
    PRINT(e, "        for (long i = 0; i < %d; i++)\n", n->k);
  PRINT(e, "          r[i] += whole * %ld;\n",
        e->plan->tensor[n->src].vec);
  row_call(e, index, y, "n", "oy", "1", 1);
  PRINT(e, "      }\n");
}

/* NHWC: groups of vectors, rows, the vectors of the group. */
static void
wide_loops(struct emitter *e, int index, int by_vector)
{
  const struct node *n = &e->plan->node[index];
  int vectors = div_up(n->cout, e->plan->vec), most = group(e, n);
  const char *first = by_vector ? "lo" : "0";
  char last[16] = "hi";

  if (!by_vector)
    __builtin_snprintf(last, sizeof last, "%d", vectors);
  PRINT(e, "  for (long g = %s; g < %s; g += %d) {\n"
        "    const long end = g + %d < %s ? g + %d : %s;\n", first, last,
        most, most, last, most, last);
  if (by_vector)
    PRINT(e, "    for (long u = 0; u < %d; u++) {\n",
          e->plan->batch * n->oh);
  else
    PRINT(e, "    for (long u = lo; u < hi; u++) {\n");
  PRINT(e, "      long c = g;\n");
  rows_of(e, n);
  wide_calls(e, index, emit_dw_parts(e, n));
  PRINT(e, "    }\n  }\n");
}

/* Blocked: one vector after another, or pair of them. */
static void
plane_loops(struct emitter *e, int index, int by_vector)
{
  const struct node *n = &e->plan->node[index];
  const struct tensor *dst = &e->plan->tensor[n->dst];
  int each = step(n);
  char y[96];

  if (by_vector)
    PRINT(e, "  for (long c = lo * %d; c < hi * %d; c += %d)\n"
          "    for (long u = 0; u < %d; u++) {\n", each, each, each,
          e->plan->batch * n->oh);
  else
    PRINT(e, "  for (long c = 0; c < %d; c += %d)\n"
          "    for (long u = lo; u < hi; u++) {\n",
          div_up(n->cout, e->plan->vec), each);
  rows_of(e, n);
  __builtin_snprintf(y, sizeof y, "dst + n * %ld + oy * %ld + c * %ld",
                     dst->img, dst->row, dst->vec);
  emit_dw_call(e, index, y, "n", "oy");
  PRINT(e, "    }\n");
}

void
emit_dw(struct emitter *e, int index)
{
  const struct node *n = &e->plan->node[index];
  const struct tensor *src = &e->plan->tensor[n->src];
  int vectors = div_up(div_up(n->cout, e->plan->vec), step(n));
  int by_vector = e->plan->schedule->split != SPLIT_PIXELS && vectors > 1;

  emit_dw_row(e, index);
  emit_phase_head(e, index);
  emit_tensor(e, n->src, "src", 1);
  if (n->open)
    emit_dw_open(e, n);
  else if (n->pad > 0)
    PRINT(e, "  src -= %ld;\n", n->pad * (src->row + src->pix));
  emit_tensor(e, n->dst, "dst", 0);
  emit_added(e, n);
  emit_halo(e, n->dst);
  emit_range(e, by_vector ? vectors : e->plan->batch * n->oh);
  if (emit_dw_is_wide(e, n))
    wide_loops(e, index, by_vector);
  else
    plane_loops(e, index, by_vector);
  PRINT(e, "}\n");
}
