/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The nests that are bound by memory: pooling, means, sums, copies, scaling.
 */
#include "emit.h"

static const struct at here = { 0, 0, "p", "c" };

/* Print `body` for every whole vector c, then for the last part of one. */
static void
each_vector(struct emitter *e, int index, int vectors, int partial,
            void (*body)(struct emitter *, int index, int partial))
{
  int whole = vectors - (partial != 0);

  if (whole > 0) {
    PRINT(e, "  for (long c = 0; c < %d; c++) {\n", whole);
    body(e, index, 0);
    PRINT(e, "  }\n");
  }
  if (partial) {
    PRINT(e, "  {\n  const long c = %d;\n", whole);
    body(e, index, 1);
    PRINT(e, "  }\n");
  }
}

static void
pool_body(struct emitter *e, int index, int partial)
{
  const struct node *n = &e->plan->node[index];
  const struct tensor *src = &e->plan->tensor[n->src];
  int vec = e->plan->vec;

  PRINT(e, "    ch_v%d a = ch_set%d(0);\n"
        "    for (long ky = 0; ky < %d; ky++)\n"
        "    for (long kx = 0; kx < %d; kx++)\n"
        "      a += ch_ld%d(q + ky * %ld + kx * %ld + c * %ld);\n"
        "    a *= ch_set%d(scale);\n", vec, vec, n->k, n->k, vec, src->row,
        src->pix, src->vec, vec);
  emit_store(e, n, "a", here, partial);
}

/* How many of the k taps from o * stride - pad lie in [0, extent). */
static void
pool_count(struct emitter *e, const char *name, const char *o,
           const struct node *n, int extent)
{
  PRINT(e, "  const long %s0 = %s * %d - %d, %s1 = %s0 + %d;\n", name, o,
        n->stride, n->pad, name, name, n->k);
  PRINT(e, "  const long %s = (%s1 < %d ? %s1 : %d) - (%s0 > 0 ? %s0 : 0);\n",
        name, name, extent, name, extent, name, name);
}

static void
row_pointers(struct emitter *e, const struct node *n)
{
  const struct tensor *dst = &e->plan->tensor[n->dst];
  char name[8] = "r0";
  int i;

  PRINT(e, "  float *y = dst + n * %ld + oy * %ld;\n", dst->img, dst->row);
  for (i = 0; i < n->tails; i++)
    if (n->tail[i].add >= 0) {
      const struct tensor *t = &e->plan->tensor[n->tail[i].add];
      PRINT(e, "  const float *%s = a%s + n * %ld + oy * %ld;\n", name, name,
            t->img, t->row);
      name[1]++;
    }
}

/* What is added, named ar0, ar1: row_pointers() makes r0, r1 of them. */
static void
added(struct emitter *e, const struct node *n)
{
  char name[8] = "ar0";
  int i;

  for (i = 0; i < n->tails; i++)
    if (n->tail[i].add >= 0) {
      emit_tensor(e, n->tail[i].add, name, 1);
      name[2]++;
    }
}

void
emit_pool(struct emitter *e, int index)
{
  const struct node *n = &e->plan->node[index];
  const struct tensor *src = &e->plan->tensor[n->src];

  emit_phase_head(e, index);
  emit_tensor(e, n->src, "src", 1);
  if (n->pad > 0)
    PRINT(e, "  src -= %ld;\n", n->pad * (src->row + src->pix));
  emit_tensor(e, n->dst, "dst", 0);
  emit_quantum_local(e, n);
  added(e, n);
  emit_halo(e, n->dst);
  emit_range(e, (long)e->plan->batch * n->oh);
  PRINT(e, "  for (long u = lo; u < hi; u++) {\n"
        "  const long n = u / %d, oy = u %% %d;\n", n->oh, n->oh);
  row_pointers(e, n);
  pool_count(e, "h", "oy", n, n->h);
  PRINT(e, "  for (long p = 0; p < %d; p++) {\n", n->ow);
  pool_count(e, "v", "p", n, n->w);
  PRINT(e, "  const float scale = 1.0f / (float)(h * v);\n"
        "  const float *q = src + n * %ld + oy * %ld + p * %ld;\n", src->img,
        n->stride * src->row, n->stride * src->pix);
  each_vector(e, index, div_up(n->cin, e->plan->vec),
              emit_parts(e, n), pool_body);
  PRINT(e, "  }\n  }\n}\n");
}

/* Sum of all pixels of one vector of channels, in four chains. */
static void
mean_body(struct emitter *e, int index, int partial)
{
  const struct node *n = &e->plan->node[index];
  const struct tensor *src = &e->plan->tensor[n->src];
  int vec = e->plan->vec, i, four = n->w / 4 * 4;

  PRINT(e, "    ch_v%d a = ch_set%d(0), a1 = a, a2 = a, a3 = a;\n", vec, vec);
  PRINT(e, "    for (long h = 0; h < %d; h++) {\n"
        "      const float *q = src + n * %ld + h * %ld;\n", n->h, src->img,
        src->row);
  if (four) {
    PRINT(e, "      for (long p = 0; p < %d; p += 4) {\n", four);
    for (i = 0; i < 4; i++) {
      PRINT(e, "        a%.*s += ", i > 0, &"0123"[i]);
      emit_load(e, n->src, "q", (struct at){ i, 0, "p", "c" }, partial);
      PRINT(e, ";\n");
    }
    PRINT(e, "      }\n");
  }
  if (four < n->w) {
    PRINT(e, "      for (long p = %d; p < %d; p++)\n        a += ", four,
          n->w);
    emit_load(e, n->src, "q", here, partial);
    PRINT(e, ";\n");
  }
  PRINT(e, "    }\n    a = (a + a1 + (a2 + a3)) * ch_set%d(%.9ef);\n", vec,
        1.0 / ((double)n->h * n->w));
  emit_store(e, n, "a", (struct at){ 0, 0, 0, "c" }, partial);
}

void
emit_mean(struct emitter *e, int index)
{
  const struct node *n = &e->plan->node[index];
  const struct tensor *dst = &e->plan->tensor[n->dst];
  int vectors = div_up(n->cin, e->plan->vec);
  int partial = emit_partial(e, n->dst) || emit_partial(e, n->src);

  emit_phase_head(e, index);
  emit_tensor(e, n->src, "src", 1);
  emit_tensor(e, n->dst, "dst", 0);
  emit_quantum_local(e, n);
  emit_range(e, (long)e->plan->batch * vectors);
  PRINT(e, "  for (long u = lo; u < hi; u++) {\n"
        "  const long n = u / %d, c = u %% %d;\n"
        "  float *y = dst + n * %ld;\n", vectors, vectors, dst->img);
  if (partial) {
    PRINT(e, "  if (c == %d) {\n", vectors - 1);
    mean_body(e, index, 1);
    PRINT(e, "  }%s", vectors > 1 ? " else {\n" : "\n");
  }
  if (!partial || vectors > 1)
    mean_body(e, index, 0);
  if (partial && vectors > 1)
    PRINT(e, "  }\n");
  PRINT(e, "  }\n}\n");
}

/* What the other slices of a chain sum to. */
static void
add_copies(struct emitter *e, const struct node *n)
{
  const struct tensor *t = &e->plan->tensor[n->src];
  int i;

  for (i = 1; i < n->sums; i++) {
    PRINT(e, "\n      + ch_ld%d(q + %ld", e->plan->vec,
          i * e->plan->batch * t->img);
    emit_offset(e, t, here);
    PRINT(e, ")");
  }
}

static void
point_body(struct emitter *e, int index, int partial)
{
  const struct node *n = &e->plan->node[index];
  int vec = e->plan->vec;

  PRINT(e, "    ch_v%d a = ", vec);
  emit_load(e, n->src, "q", here, partial);
  if (n->kind == NODE_SCALE) {
    PRINT(e, " * ");
    emit_load(e, n->src2, "f", (struct at){ 0, 0, 0, "c" }, partial);
  } else if (n->src2 >= 0) {
    PRINT(e, " + ");
    emit_load(e, n->src2, "f", here, partial);
  }
  add_copies(e, n);
  PRINT(e, ";\n");
  emit_store(e, n, "a", here, partial);
}

/* The copy of x with a halo for dense convolutions: rows of bytes. */
static void
copy_rows(struct emitter *e, const struct node *n)
{
  PRINT(e, "  __builtin_memcpy(y, q, %ld);\n",
        n->w * e->plan->tensor[n->src].pix * (long)sizeof(float));
}

/* Is it a copy of pixels of 3 channels to narrow ones of 4?  16 floats have
 * four of them; only x86 has narrow elements with such vectors. */
static int
is_of_three(const struct emitter *e, const struct node *n)
{
  const struct tensor *src = &e->plan->tensor[n->src];

  return n->kind == NODE_POINT && n->src2 < 0 && n->tails == 0 && n->sums == 0
         && src->exact && src->c == 3 && e->plan->vec == 16
         && e->plan->tensor[n->dst].per;
}

/* Four at a time; the last ones follow one by one. */
static void
three_rows(struct emitter *e, const struct node *n)
{
  PRINT(e, "  long p = first;\n  for (; p + 4 <= end; p += 4) {\n"
        "    ch_v16 a = ch_pixels3(q + p * 3);\n");
  emit_store_pixels(e, n->dst, "a", (struct at){ 0, 0, "p", 0 });
  PRINT(e, "  }\n");
}

/* What threads share: rows (runs of pixels), vectors of channels, or pixels.
 * Rows, where there are enough, for they are what other nests share. */
enum share { SHARE_RUNS, SHARE_VECTORS, SHARE_PIXELS };

static enum share
share_of(const struct emitter *e, const struct node *n, int copy)
{
  if (n->by_vectors)
    return SHARE_VECTORS;
  return copy || plan_runs(e->plan, n).runs >= e->plan->threads
           ? SHARE_RUNS : SHARE_PIXELS;
}

/* A thread's vectors: they are whole, whatever the channels. */
static void
vector_rows(struct emitter *e, int index)
{
  const struct node *n = &e->plan->node[index];

  PRINT(e, "  for (long c = lo; c < hi; c++)\n"
        "  for (long p = 0; p < %d; p++) {\n",
        plan_runs(e->plan, n).length);
  point_body(e, index, 0);
  PRINT(e, "  }\n");
}

/* Vector by vector: planes are far apart. */
static void
plane_rows(struct emitter *e, int index, int whole, int partial)
{
  if (whole > 0) {
    PRINT(e, "  for (long c = 0; c < %d; c++)\n"
          "  for (long p = first; p < end; p++) {\n", whole);
    point_body(e, index, 0);
    PRINT(e, "  }\n");
  }
  if (partial) {
    PRINT(e, "  for (long c = %d, p = first; p < end; p++) {\n", whole);
    point_body(e, index, 1);
    PRINT(e, "  }\n");
  }
}

static void
point_rows(struct emitter *e, int index)
{
  const struct node *n = &e->plan->node[index];
  int partial = emit_parts(e, n) || emit_partial(e, n->src)
                || (n->src2 >= 0 && emit_partial(e, n->src2));
  int vectors = div_up(n->cout, e->plan->vec);

  if (n->by_vectors) {
    vector_rows(e, index);
    return;
  }
  if (e->plan->tensor[n->dst].blocked) {
    plane_rows(e, index, vectors - (partial != 0), partial);
    return;
  }
  if (is_of_three(e, n)) {
    three_rows(e, n);
    PRINT(e, "  for (; p < end; p++) {\n");
  } else {
    PRINT(e, "  for (long p = first; p < end; p++) {\n");
  }
  each_vector(e, index, vectors, partial, point_body);
  PRINT(e, "  }\n");
}

/* The loop over runs u, of which a thread has all or some; the pixels of a run
 * from first to end - 1. */
static void
point_loop(struct emitter *e, const struct node *n, int copy)
{
  struct pixel_runs runs = plan_runs(e->plan, n);
  enum share share = share_of(e, n, copy);

  emit_range(e, share == SHARE_RUNS ? runs.runs : share == SHARE_VECTORS
                  ? div_up(n->cout, e->plan->vec) : runs.length);
  if (share == SHARE_RUNS && !copy)
    PRINT(e, "  const long first = 0, end = %d;\n", runs.length);
  if (share == SHARE_PIXELS)
    PRINT(e, "  const long first = lo, end = hi;\n");
  if (share == SHARE_RUNS)
    PRINT(e, "  for (long u = lo; u < hi; u++) {\n");
  else
    PRINT(e, "  for (long u = 0; u < %d; u++) {\n", runs.runs);
  PRINT(e, "  const long n = u / %d, oy = u %% %d;\n", runs.per_image,
        runs.per_image);
}

void
emit_point(struct emitter *e, int index)
{
  const struct node *n = &e->plan->node[index];
  const struct tensor *src = &e->plan->tensor[n->src];
  const struct tensor *dst = &e->plan->tensor[n->dst];
  int copy = n->kind == NODE_POINT && dst->exact && dst->place != PLACE_Y;

  emit_phase_head(e, index);
  emit_tensor(e, n->src, "src", 1);
  if (n->src2 >= 0)
    emit_tensor(e, n->src2, "src2", 1);
  emit_tensor(e, n->dst, "dst", 0);
  emit_quantum_local(e, n);
  added(e, n);
  emit_halo(e, n->dst);
  point_loop(e, n, copy);
  PRINT(e, "  const float *q = src + n * %ld + oy * %ld;\n", src->img,
        src->row);
  if (n->src2 >= 0)
    PRINT(e, "  const float *f = src2 + n * %ld + oy * %ld;\n",
          e->plan->tensor[n->src2].img,
          n->kind == NODE_SCALE ? 0 : e->plan->tensor[n->src2].row);
  row_pointers(e, n);
  if (copy)
    copy_rows(e, n);
  else
    point_rows(e, index);
  PRINT(e, "  }\n}\n");
}
