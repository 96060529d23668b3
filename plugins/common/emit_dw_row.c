/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of a depthwise convolution: one vector of channels, a few output
 * columns at a time; each input vector is loaded once per kernel row and used
 * by every column that it belongs to.  The rows come as an array of pointers,
 * so that the same function serves a whole tensor and a ring of rows.  An open
 * node reads x: a row beyond it is one of zeroes, and the first and last
 * columns leave out the products with what would be beyond its ends.
 *
 * Where vectors of channels lie side by side (NHWC), the function computes
 * several of them for each step of columns: lines that are neighbours in
 * memory are read and written one after another.
 *
 * Of halves (halves.c) it computes two vectors of channels in one register.
 */
#include "emit_dw.h"

enum { ROW = 3 };

/* Output columns from `at` on, which leave out so many input columns at
 * either end; partial: of the last vector of channels, which is a part. */
struct step { int at, columns, left, right, partial; };

/* What the text calls vectors of the input, and of weights. */
struct words { const char *type, *load, *keep; };

static struct words
words_of(const struct emitter *e, const struct node *n)
{
  static const struct words words[] = {
    { "ch_v4", "ch_ld4", "CH_KEEP4" }, { "ch_v8", "ch_ld8", "CH_KEEP8" },
    { "ch_v16", "ch_ld16", "CH_KEEP16" },
    { "ch_h32", "ch_ldh32", "CH_KEEPH32" },
  };

  return words[n->half ? 3 : e->plan->vec == 16 ? 2 : e->plan->vec == 8];
}

int
emit_dw_is_wide(const struct emitter *e, const struct node *n)
{
  return !n->chained && !e->plan->tensor[n->src].blocked;
}

int
emit_dw_parts(const struct emitter *e, const struct node *n)
{
  return emit_parts(e, n) | emit_partial(e, n->src)
         | (n->half && div_up(n->cout, e->plan->vec) % 2);
}

int
emit_dw_leaves_out(const struct node *n)
{
  return n->open && n->pad > 0 && n->k > DW_UNROLLED;
}

/* Vector j of the row that q points at. */
static void
load(struct emitter *e, const struct node *n, struct step s, int j)
{
  const struct tensor *t = &e->plan->tensor[n->src];
  int before = n->open ? n->pad : 0, vec = e->plan->vec;
  struct words is = words_of(e, n);
  long at = (j - before) * t->pix;

  if (s.partial && emit_partial(e, n->src))
    PRINT(e, "        ch_v%d q%d = ch_ldn%d(q + %ld, %d);\n", vec, j, vec, at,
          t->c % vec);
  else
    PRINT(e, "        %s q%d = %s(q + %ld);\n", is.type, j, is.load, at);
}

/* Does a column of the step use this weight? */
static int
is_used(const struct node *n, struct step s, int kx)
{
  int i, end = (s.columns - 1) * n->stride + n->k - s.right;

  for (i = 0; i < s.columns; i++)
    if (kx + i * n->stride >= s.left && kx + i * n->stride < end)
      return 1;
  return 0;
}

/* One kernel row: q points at its first input column, w at its weights.  What
 * several columns use is kept in a register: compilers would rather load it
 * again in each multiply-add, which takes a quarter longer. */
static void
kernel_row(struct emitter *e, const struct node *n, struct step s, long at)
{
  int vec = e->plan->vec, i, j, kx;
  int columns = s.columns, end = (columns - 1) * n->stride + n->k - s.right;
  struct words is = words_of(e, n);

  for (kx = 0; kx < n->k; kx++)
    if (is_used(n, s, kx))
      PRINT(e, "        const %s w%d = %s(w + %ld);\n", is.type, kx, is.load,
            at + kx * vec);
  for (j = s.left; j < end; j++) {
    int used = 0;
    for (i = 0; i < columns; i++)
      used += j - i * n->stride >= 0 && j - i * n->stride < n->k;
    if (!used)
      continue;
    load(e, n, s, j);
    if (used > 1)
      PRINT(e, "        %s(q%d);\n", is.keep, j);
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
  if (emit_dw_is_wide(e, n))
    PRINT(e, " + v * %ld", t->vec);
  PRINT(e, ";\n");
}

static void
kernel_rows(struct emitter *e, const struct node *n, struct step s)
{
  int vec = e->plan->vec, ky, before = n->half ? 2 * vec : vec;
  char name[16];

  if (emit_dw_leaves_out(n))
    PRINT(e, "    const float *w = p + %d + k0 * %d;\n"
          "    for (long ky = k0; ky < k1; ky++, w += %d) {\n", before,
          n->k * vec, n->k * vec);
  else
    PRINT(e, "    const float *w = p + %d;\n", before);
  if (n->k > DW_UNROLLED) {
    if (!emit_dw_leaves_out(n))
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

/* Column i of halves: two vectors, or of the last pair one. */
static void
store_halves(struct emitter *e, const struct node *n, struct step s, int i)
{
  const struct tensor *dst = &e->plan->tensor[n->dst];

  PRINT(e, "    ch_st_h_%s%s(y", dst->per == 4 ? "i8" : "bf16",
        s.partial ? "_low" : "");
  emit_offset(e, dst, (struct at){ i, 0, "o", 0 });
  PRINT(e, ", a%d * ch_ldh32(p) + ch_ldh32(p + %d)%s);\n", i, e->plan->vec,
        dst->per == 4 ? ", qs" : "");
}

/* Output columns o .. o + columns - 1 of the row. */
static void
tile(struct emitter *e, const struct node *n, struct step s)
{
  int vec = e->plan->vec, i, wide = emit_dw_is_wide(e, n);
  char name[16];

  PRINT(e, "    const float *p = b");
  if (wide)
    PRINT(e, " + v * %zu", node_panel(e->plan, n));
  if (n->half)
    PRINT(e, ";\n    ch_h32 a0 = { 0 }");
  else
    PRINT(e, ";\n    ch_v%d a0 = ch_ld%d(p)", vec, vec);
  for (i = 1; i < s.columns; i++)
    PRINT(e, ", a%d = a0", i);
  PRINT(e, ";\n");
  kernel_rows(e, n, s);
  for (i = 0; i < s.columns; i++) {
    if (n->half) {
      store_halves(e, n, s, i);
      continue;
    }
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
  int end = at, wide = emit_dw_is_wide(e, n);

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
  PRINT(e, "%s%s)\n{\n", emit_dw_leaves_out(n) ? ", long k0, long k1" : "",
        emit_dw_is_wide(e, n) ? ", long m" : "");
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
  int partial = emit_dw_parts(e, n);

  if (n->half)
    vectors = div_up(vectors, 2);
  if (!emit_once(e, index, ROW, 0, 0))
    return;
  if (partial)
    row(e, index, 1);
  if (!partial || vectors > 1)
    row(e, index, 0);
}
