/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Depthwise convolution: one vector of channels, a few output columns at a
 * time; each input vector is loaded once per kernel row and used by every
 * column that it belongs to.  The rows come as an array of pointers, so that
 * the same function serves a whole tensor and a ring of rows.  An open node
 * reads x: a row beyond it is one of zeroes, and the first and last columns
 * leave out the products with what would be beyond its ends.
 */
#include "emit.h"

enum { ROW = 3 };

/* Output columns from `at` on, which leave out so many input columns at
 * either end. */
struct step { int at, columns, left, right; };

/* One kernel row: q points at its first input column, w at its weights.  What
 * several columns use is kept in a register: compilers would rather load it
 * again in each multiply-add, which takes a quarter longer. */
static void
kernel_row(struct emitter *e, const struct node *n, struct step s, long at)
{
  const struct tensor *t = &e->plan->tensor[n->src];
  int vec = e->plan->vec, before = n->open ? n->pad : 0, i, j, kx;
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
    PRINT(e, "        ch_v%d q%d = ch_ld%d(q + %ld);\n", vec, j, vec,
          (j - before) * t->pix);
    if (used > 1)
      PRINT(e, "        CH_KEEP%d(q%d);\n", vec, j);
    for (i = 0; i < columns; i++) {
      kx = j - i * n->stride;
      if (kx >= 0 && kx < n->k)
        PRINT(e, "        a%d += q%d * w%d;\n", i, j, kx);
    }
  }
}

/* Output columns o .. o + columns - 1 of the row. */
static void
tile(struct emitter *e, const struct node *n, struct step s, int partial)
{
  const struct tensor *t = &e->plan->tensor[n->src];
  int vec = e->plan->vec, columns = s.columns, i, ky;
  char name[16];

  PRINT(e, "    ch_v%d a0 = ch_ld%d(b)", vec, vec);
  for (i = 1; i < columns; i++)
    PRINT(e, ", a%d = a0", i);
  PRINT(e, ";\n");
  if (n->k > 3) {
    PRINT(e, "    const float *w = b + %d;\n"
          "    for (long ky = 0; ky < %d; ky++, w += %d) {\n"
          "        const float *q = r[ky] + o * %ld;\n", vec, n->k,
          n->k * vec, n->stride * t->pix);
    kernel_row(e, n, s, 0);
    PRINT(e, "    }\n");
  } else {
    PRINT(e, "    const float *w = b + %d;\n", vec);
    for (ky = 0; ky < n->k; ky++) {
      PRINT(e, "    {\n        const float *q = r[%d] + o * %ld;\n", ky,
            n->stride * t->pix);
      kernel_row(e, n, s, (long)ky * n->k * vec);
      PRINT(e, "    }\n");
    }
  }
  for (i = 0; i < columns; i++) {
    __builtin_snprintf(name, sizeof name, "a%d", i);
    emit_store(e, n, name, (struct at){ i, 0, "o", 0 }, partial);
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
  int end = at;

  do {
    end += s.columns;
    next = step_of(e, n, end);
  } while (end < n->ow && next.columns == s.columns && next.left == s.left
           && next.right == s.right);
  PRINT(e, "  for (long o = %d; o < %d; o += %d) {\n", at, end, s.columns);
  tile(e, n, s, partial);
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
  PRINT(e, ")\n{\n");
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
  int partial = emit_parts(e, n);

  if (!emit_once(e, index, ROW, 0, 0))
    return;
  if (partial)
    row(e, index, 1);
  if (!partial || vectors > 1)
    row(e, index, 0);
}

static void
row_call(struct emitter *e, int index, const char *y, const char *image,
         const char *oy, int partial)
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
  PRINT(e, ");\n");
}

void
emit_dw_call(struct emitter *e, int index, const char *y, const char *image,
             const char *oy)
{
  const struct node *n = &e->plan->node[index];
  int vectors = div_up(n->cout, e->plan->vec);
  int partial = emit_parts(e, n);

  if (partial && vectors > 1) {
    PRINT(e, "      if (c == %d)\n", vectors - 1);
    row_call(e, index, y, image, oy, 1);
    PRINT(e, "      else\n");
  }
  row_call(e, index, y, image, oy, partial && vectors == 1);
}

void
emit_dw_open(struct emitter *e, const struct node *n)
{
  if (n->spare < 0)
    return;
  emit_tensor(e, n->spare, "zero", 0);
  PRINT(e, "  ch_zero(zero, %zu);\n", e->plan->tensor[n->spare].size);
}

void
emit_dw_open_rows(struct emitter *e, const struct node *n, const char *oy)
{
  const struct tensor *src = &e->plan->tensor[n->src];

  PRINT(e, "      const float *r[%d];\n"
        "      for (long i = 0; i < %d; i++) {\n"
        "        const long iy = %s * %d + i - %d;\n"
        "        r[i] = ", n->k, n->k, oy, n->stride, n->pad);
  if (n->spare >= 0)
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

void
emit_dw(struct emitter *e, int index)
{
  const struct node *n = &e->plan->node[index];
  const struct tensor *src = &e->plan->tensor[n->src];
  const struct tensor *dst = &e->plan->tensor[n->dst];
  int vectors = div_up(n->cout, e->plan->vec);
  int rows = e->plan->batch * n->oh;
  int by_vector = e->plan->schedule->split != SPLIT_PIXELS && vectors > 1;
  char y[96];

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
  emit_range(e, by_vector ? vectors : rows);
  if (by_vector)
    PRINT(e, "  for (long c = lo; c < hi; c++)\n"
          "    for (long u = 0; u < %d; u++) {\n", rows);
  else if (src->blocked)
    PRINT(e, "  for (long c = 0; c < %d; c++)\n"
          "    for (long u = lo; u < hi; u++) {\n", vectors);
  else
    PRINT(e, "  for (long u = lo; u < hi; u++)\n"
          "    for (long c = 0; c < %d; c++) {\n", vectors);
  PRINT(e, "      const long n = u / %d, oy = u %% %d;\n", n->oh, n->oh);
  if (n->open)
    emit_dw_open_rows(e, n, "oy");
  else
    halo_rows(e, n);
  __builtin_snprintf(y, sizeof y, "dst + n * %ld + oy * %ld + c * %ld",
                     dst->img, dst->row, dst->vec);
  emit_dw_call(e, index, y, "n", "oy");
  PRINT(e, "    }\n}\n");
}
