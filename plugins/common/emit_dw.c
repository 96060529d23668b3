/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Depthwise convolution: one vector of channels, a few output columns at a
 * time; each input vector is loaded once per kernel row and used by every
 * column that it belongs to.  The rows come as an array of pointers, so that
 * the same function serves a whole tensor and a ring of rows.  An open node
 * reads x: a row beyond it is one of zeroes, and the first and last columns
 * leave out the products with what would be beyond its ends.
 *
 * Where vectors of channels lie side by side (NHWC), the function computes
 * several of them for each step of columns: lines that are neighbours in
 * memory are read and written one after another.
 */
#include "emit.h"

enum { ROW = 3 };

#define RUN 128 /* floats of a pixel, at most, one after another */

/* Output columns from `at` on, which leave out so many input columns at
 * either end; partial: of the last vector of channels, which is a part. */
struct step { int at, columns, left, right, partial; };

/* Do the row functions take several vectors? */
static int
side_by_side(const struct emitter *e, const struct node *n)
{
  return !n->chained && !e->plan->tensor[n->src].blocked;
}

static int
parts(const struct emitter *e, const struct node *n)
{
  return emit_parts(e, n) | emit_partial(e, n->src);
}

/* Does the function leave out kernel rows beyond the ends of x: larger kernels
 * go through their rows in a loop anyhow. */
static int
leaves_out(const struct node *n)
{
  return n->open && n->pad > 0 && n->k > DW_UNROLLED;
}

/* Vector j of the row that q points at. */
static void
load(struct emitter *e, const struct node *n, struct step s, int j)
{
  const struct tensor *t = &e->plan->tensor[n->src];
  int before = n->open ? n->pad : 0, vec = e->plan->vec;
  int part = s.partial && emit_partial(e, n->src);

  PRINT(e, "        ch_v%d q%d = ch_ld%s%d(q + %ld", vec, j, part ? "n" : "",
        vec, (j - before) * t->pix);
  if (part)
    PRINT(e, ", %d", t->c % vec);
  PRINT(e, ");\n");
}

/* One kernel row: q points at its first input column, w at its weights.  What
 * several columns use is kept in a register: compilers would rather load it
 * again in each multiply-add, which takes a quarter longer. */
static void
kernel_row(struct emitter *e, const struct node *n, struct step s, long at)
{
  int vec = e->plan->vec, i, j, kx;
  int columns = s.columns, end = (columns - 1) * n->stride + n->k - s.right;

  for (kx = 0; kx < n->k; kx++)
    if (kx + (columns - 1) * n->stride >= s.left && kx < end)
      PRINT(e, "        const ch_v%d w%d = ch_ld%d(w + %ld);\n", vec, kx, vec,
            at + kx * vec);
  for (j = s.left; j < end; j++) {
    int used = 0;
    for (i = 0; i < columns; i++)
      used += j - i * n->stride >= 0 && j - i * n->stride < n->k;
    if (!used)
      continue;
    load(e, n, s, j);
    if (used > 1)
      PRINT(e, "        CH_KEEP%d(q%d);\n", vec, j);
    for (i = 0; i < columns; i++) {
      kx = j - i * n->stride;
      if (kx >= 0 && kx < n->k)
        PRINT(e, "        a%d += q%d * w%d;\n", i, j, kx);
    }
  }
}

/* "        const float *q = ROW + OFFSET;" for step o of the columns. */
static void
row_start(struct emitter *e, const struct node *n, const char *row)
{
  const struct tensor *t = &e->plan->tensor[n->src];

  PRINT(e, "        const float *q = r[%s] + o * %ld", row,
        n->stride * t->pix);
  if (side_by_side(e, n))
    PRINT(e, " + v * %ld", t->vec);
  PRINT(e, ";\n");
}

static void
kernel_rows(struct emitter *e, const struct node *n, struct step s)
{
  int vec = e->plan->vec, ky;
  char name[16];

  if (leaves_out(n))
    PRINT(e, "    const float *w = p + %d + k0 * %d;\n"
          "    for (long ky = k0; ky < k1; ky++, w += %d) {\n", vec,
          n->k * vec, n->k * vec);
  else
    PRINT(e, "    const float *w = p + %d;\n", vec);
  if (n->k > DW_UNROLLED) {
    if (!leaves_out(n))
      PRINT(e, "    for (long ky = 0; ky < %d; ky++, w += %d) {\n", n->k,
            n->k * vec);
    row_start(e, n, "ky");
    kernel_row(e, n, s, 0);
    PRINT(e, "    }\n");
    return;
  }
  for (ky = 0; ky < n->k; ky++) {
    __builtin_snprintf(name, sizeof name, "%d", ky);
    PRINT(e, "    {\n");
    row_start(e, n, name);
    kernel_row(e, n, s, (long)ky * n->k * vec);
    PRINT(e, "    }\n");
  }
}

/* Output columns o .. o + columns - 1 of the row. */
static void
tile(struct emitter *e, const struct node *n, struct step s)
{
  int vec = e->plan->vec, i, wide = side_by_side(e, n);
  char name[16];

  PRINT(e, "    const float *p = b");
  if (wide)
    PRINT(e, " + v * %zu", node_panel(e->plan, n));
  PRINT(e, ";\n    ch_v%d a0 = ch_ld%d(p)", vec, vec);
  for (i = 1; i < s.columns; i++)
    PRINT(e, ", a%d = a0", i);
  PRINT(e, ";\n");
  kernel_rows(e, n, s);
  for (i = 0; i < s.columns; i++) {
    __builtin_snprintf(name, sizeof name, "a%d", i);
    emit_store(e, n, name, (struct at){ i, 0, "o", wide ? "v" : 0 },
               s.partial);
  }
}

static struct step
step_of(const struct emitter *e, const struct node *n, int at)
{
  struct parts p = parts_of(n->ow, e->plan->schedule->columns);
  struct step s = { .at = at, .columns = p.size - (at >= p.big * p.size) };
  int first = at * n->stride - n->pad;
  int last = first + (s.columns - 1) * n->stride + n->k - 1;

  if (n->open && first < 0)
    s.left = -first;
  if (n->open && last >= n->w)
    s.right = last - (n->w - 1);
  return s;
}

/* The steps that are like the one from `at` on, in one loop; its end. */
static int
steps(struct emitter *e, const struct node *n, int at, int partial)
{
  struct step s = step_of(e, n, at), next = s;
  int end = at, wide = side_by_side(e, n);

  s.partial = partial;
  do {
    end += s.columns;
    next = step_of(e, n, end);
  } while (end < n->ow && next.columns == s.columns && next.left == s.left
           && next.right == s.right);
  PRINT(e, "  for (long o = %d; o < %d; o += %d)%s {\n", at, end, s.columns,
        wide ? "\n  for (long v = 0; v < m; v++)" : "");
  tile(e, n, s);
  PRINT(e, "  }\n");
  return end;
}

static void
row(struct emitter *e, int index, int partial)
{
  const struct node *n = &e->plan->node[index];
  unsigned long long h;
  int at = 0;

  emit_share(e);
  PRINT(e, "(const float *const *r, float *y, const float *b");
  emit_added_params(e, n);
  emit_quantum_param(e, n);
  PRINT(e, "%s%s)\n{\n", leaves_out(n) ? ", long k0, long k1" : "",
        side_by_side(e, n) ? ", long m" : "");
  while (at < n->ow)
    at = steps(e, n, at, partial);
  PRINT(e, "}\n");
  h = emit_shared(e);
  PRINT(e, "#define %s_n%d_row%s ch_k%016llx\n", e->symbol, index,
        partial ? "p" : "", h);
}

void
emit_dw_row(struct emitter *e, int index)
{
  const struct node *n = &e->plan->node[index];
  int vectors = div_up(n->cout, e->plan->vec);
  int partial = parts(e, n);

  if (!emit_once(e, index, ROW, 0, 0))
    return;
  if (partial)
    row(e, index, 1);
  if (!partial || vectors > 1)
    row(e, index, 0);
}

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
  PRINT(e, "%s%s%s);\n", leaves_out(n) ? ", k0, k1" : "", count ? ", " : "",
        count ? count : "");
}

void
emit_dw_call(struct emitter *e, int index, const char *y, const char *image,
             const char *oy)
{
  const struct node *n = &e->plan->node[index];
  int vectors = div_up(n->cout, e->plan->vec);
  int partial = parts(e, n);

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
  if (leaves_out(n))
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
  if (leaves_out(n))
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
  wide_calls(e, index, parts(e, n));
  PRINT(e, "    }\n  }\n");
}

/* Blocked: one vector after another. */
static void
plane_loops(struct emitter *e, int index, int by_vector)
{
  const struct node *n = &e->plan->node[index];
  const struct tensor *dst = &e->plan->tensor[n->dst];
  char y[96];

  if (by_vector)
    PRINT(e, "  for (long c = lo; c < hi; c++)\n"
          "    for (long u = 0; u < %d; u++) {\n", e->plan->batch * n->oh);
  else
    PRINT(e, "  for (long c = 0; c < %d; c++)\n"
          "    for (long u = lo; u < hi; u++) {\n",
          div_up(n->cout, e->plan->vec));
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
  int vectors = div_up(n->cout, e->plan->vec);
  int by_vector = e->plan->schedule->split == SPLIT_CHANNELS && vectors > 1;

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
  if (side_by_side(e, n))
    wide_loops(e, index, by_vector);
  else
    plane_loops(e, index, by_vector);
  PRINT(e, "}\n");
}
