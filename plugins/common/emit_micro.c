/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Micro-kernels of dense convolutions: a register block of mr pixels times nv
 * vectors of output channels, input channels (and taps) innermost, weights
 * packed in the order in which they are read.
 */
#include "emit.h"

enum { MICRO = 1 };

#define LINE 16 /* floats of a cache line */

static void
load_weight(struct emitter *e, int nv, int u, int j, int keep)
{
  int vec = e->plan->vec;

  PRINT(e, "        ch_v%d w%d = ch_ld%d(w + %d);\n", vec, j, vec,
        (u * nv + j) * vec);
  if (keep)
    PRINT(e, "        CH_KEEP%d(w%d);\n", vec, j);
}

static void
load_pixel(struct emitter *e, int i, const char *at, long offset, int keep)
{
  int vec = e->plan->vec;

  PRINT(e, "        ch_v%d q%d = ch_set%d(q[%s%s%ld]);\n", vec, i, vec, at,
        at[0] ? " + " : "", offset);
  if (keep)
    PRINT(e, "        CH_KEEP%d(q%d);\n", vec, i);
}

/* One input channel: mr x nv multiply-adds.  What is used several times is
 * kept in registers, or compilers would load it again for each use.  `at`
 * indexes q. */
static void
step(struct emitter *e, int mr, int nv, long pixel, const char *at, int u)
{
  int i, j, by_pixel = mr >= nv;

  PRINT(e, "      {\n");
  for (j = 0; by_pixel && j < nv; j++)
    load_weight(e, nv, u, j, mr > 1);
  for (i = 0; i < mr; i++) {
    load_pixel(e, i, at, u + i * pixel, nv > 1 && !by_pixel);
    for (j = 0; by_pixel && j < nv; j++)
      PRINT(e, "        a%d_%d += q%d * w%d;\n", i, j, i, j);
  }
  for (j = 0; !by_pixel && j < nv; j++) {
    load_weight(e, nv, u, j, 0);
    for (i = 0; i < mr; i++)
      PRINT(e, "        a%d_%d += q%d * w%d;\n", i, j, i, j);
  }
  PRINT(e, "      }\n");
}

/* A vector of input channels at once: each pixel's are loaded together, and
 * a multiply-add picks the one that it needs by its lane. */
static void
lane_steps(struct emitter *e, int mr, int nv, long pixel, const char *at)
{
  int vec = e->plan->vec, i, j, u;

  PRINT(e, "      {\n");
  for (i = 0; i < mr; i++)
    PRINT(e, "        const ch_v%d q%d = ch_ld%d(q + %s%s%ld);\n", vec, i, vec,
          at, at[0] ? " + " : "", i * pixel);
  for (u = 0; u < vec; u++)
    for (j = 0; j < nv; j++) {
      PRINT(e, "        const ch_v%d w%d_%d = ch_ld%d(w + %d);\n", vec, u, j,
            vec, (u * nv + j) * vec);
      for (i = 0; i < mr; i++)
        PRINT(e, "        a%d_%d += w%d_%d * q%d[%d];\n", i, j, u, j, i, u);
    }
  PRINT(e, "      }\n");
}

static void
prefetch(struct emitter *e, int lines)
{
  int i;

  for (i = 0; i < lines; i++)
    PRINT(e, "      __builtin_prefetch(f + %d, 0, 2);\n", i * LINE);
  if (lines)
    PRINT(e, "      f += %d;\n", lines * LINE);
}

void
emit_channels(struct emitter *e, int mr, int nv, long pixel, int count,
              int lines)
{
  int u, unroll = e->plan->schedule->unroll, full = count - count % unroll;
  const char *at = full > unroll ? "c" : "";

  if (full > unroll)
    PRINT(e, "    for (long c = 0; c < %d; c += %d, w += %d) {\n", full,
          unroll, unroll * nv * e->plan->vec);
  else if (full)
    PRINT(e, "    {\n");
  if (full && e->plan->schedule->lanes)
    lane_steps(e, mr, nv, pixel, at);
  for (u = 0; full && u < unroll && !e->plan->schedule->lanes; u++)
    step(e, mr, nv, pixel, at, u);
  if (full)
    prefetch(e, lines);
  if (full == unroll)
    PRINT(e, "      w += %d;\n", unroll * nv * e->plan->vec);
  if (full)
    PRINT(e, "    }\n");
  if (full == count)
    return;
  PRINT(e, "    q += %d;\n", full);
  for (u = 0; u < count - full; u++)
    step(e, mr, nv, pixel, "", u);
  PRINT(e, "    w += %d;\n", (count - full) * nv * e->plan->vec);
}

/* All input channels of the pixel at `from`. */
static void
reduce(struct emitter *e, const struct node *n, int mr, int nv,
       const char *from, int count)
{
  const struct tensor *t = &e->plan->tensor[n->src];
  long pixel = n->stride * t->pix;
  int vec = e->plan->vec, blocks = count / vec;
  int lines = emit_prefetch_lines(e, n, nv);

  if (!t->blocked) {
    PRINT(e, "    const float *q = %s;\n", from);
    emit_channels(e, mr, nv, pixel, count, lines);
    return;
  }
  if (blocks) {
    PRINT(e, "    for (long b = 0; b < %d; b++) {\n"
          "    const float *q = %s + b * %ld;\n", blocks, from, t->vec);
    emit_channels(e, mr, nv, pixel, vec, lines);
    PRINT(e, "    }\n");
  }
  if (count % vec) {
    PRINT(e, "    const float *q = %s + %ld;\n", from, blocks * t->vec);
    emit_channels(e, mr, nv, pixel, count % vec, lines);
  }
}

static void
taps(struct emitter *e, const struct node *n, int mr, int nv)
{
  const struct tensor *t = &e->plan->tensor[n->src];

  if (n->k == 1) {
    reduce(e, n, mr, nv, "x", n->cin);
    return;
  }
  PRINT(e, "    for (long ky = 0; ky < %d; ky++) {\n"
        "    const float *xr = x + ky * %ld;\n", n->k, t->row);
  if (!t->blocked && t->pix == n->cin) { /* a row of taps is contiguous */
    reduce(e, n, mr, nv, "xr", n->k * n->cin);
  } else {
    PRINT(e, "    for (long kx = 0; kx < %d; kx++) {\n"
          "    const float *xp = xr + kx * %ld;\n", n->k, t->pix);
    reduce(e, n, mr, nv, "xp", n->cin);
    PRINT(e, "    }\n");
  }
  PRINT(e, "    }\n");
}

/* Vector j of pixel i. */
static void
store(struct emitter *e, const struct node *n, int i, int j, int partial)
{
  struct at at = { i, j, 0, 0 };
  char name[24], over[24];

  __builtin_snprintf(name, sizeof name, "a%d_%d", i, j);
  __builtin_snprintf(over, sizeof over, "o[%d]", i);
  if (n->flat)
    at.pixel = 0, at.pixels = over;
  emit_store(e, n, name, at, partial);
}

static void
micro(struct emitter *e, int index, int mr, int nv, int partial)
{
  const struct node *n = &e->plan->node[index];
  int i, j, vec = e->plan->vec;
  unsigned long long h;

  if (!emit_once(e, index, MICRO, mr, nv * 2 + partial))
    return;
  emit_share(e);
  PRINT(e, "(const float *x, float *y, const float *w");
  emit_added_params(e, n);
  emit_quantum_param(e, n);
  PRINT(e, "%s%s)\n{\n", emit_prefetches(e, n) ? ", const float *f" : "",
        n->flat ? ", const short *o" : "");
  for (j = 0; j < nv; j++) {
    PRINT(e, "  ch_v%d a0_%d = ch_ld%d(w + %d)", vec, j, vec, j * vec);
    for (i = 1; i < mr; i++)
      PRINT(e, ", a%d_%d = a0_%d", i, j, j);
    PRINT(e, ";\n");
  }
  PRINT(e, "  w += %d;\n  {\n", nv * vec);
  taps(e, n, mr, nv);
  PRINT(e, "  }\n");
  for (i = 0; i < mr; i++)
    for (j = 0; j < nv; j++)
      store(e, n, i, j, partial && j == nv - 1);
  PRINT(e, "}\n");
  h = emit_shared(e);
  PRINT(e, "#define %s_n%d_%dx%d%s ch_k%016llx\n", e->symbol, index, mr,
        nv, partial ? "p" : "", h);
}

/* The call of a micro-kernel for pixels of one size and groups of another. */
static void
call(struct emitter *e, int index, int mr, int nv, int partial)
{
  const struct node *n = &e->plan->node[index];
  int i;

  PRINT(e, "%s_n%d_%dx%d%s(x, y, w", e->symbol, index, mr, nv,
        partial ? "p" : "");
  for (i = 0; i < n->adds; i++)
    PRINT(e, ", r%d", i);
  PRINT(e, "%s%s%s);\n", emit_quantum(e, n) ? ", qs" : "",
        emit_prefetches(e, n) ? ", f" : "", n->flat ? ", o" : "");
}

void
emit_choose(struct emitter *e, int index, int mr, struct parts g, int partial)
{
  int last = g.big == g.count ? g.size : g.size - 1;

  if (partial && g.count > 1)
    PRINT(e, "    if (g == %d)\n      ", g.count - 1);
  if (partial) {
    call(e, index, mr, last, 1);
    if (g.count == 1)
      return;
    PRINT(e, "    else\n  ");
  }
  if (g.big == g.count || (partial && g.big == g.count - 1)) {
    PRINT(e, "    ");
    call(e, index, mr, g.size, 0);
    return;
  }
  PRINT(e, "    if (g < %d)\n      ", g.big);
  call(e, index, mr, g.size, 0);
  PRINT(e, "    else\n      ");
  call(e, index, mr, g.size - 1, 0);
}

void
emit_micros(struct emitter *e, int index, int mr, struct parts g, int partial)
{
  int last = g.big == g.count ? g.size : g.size - 1;

  if (partial)
    micro(e, index, mr, last, 1);
  if (g.big - (partial && g.big == g.count) > 0)
    micro(e, index, mr, g.size, 0);
  if (g.count - g.big - (partial && g.big < g.count) > 0)
    micro(e, index, mr, g.size - 1, 0);
}
