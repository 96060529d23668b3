/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Products of narrow elements on vector registers, one step through the
 * channels: one instruction adds the products of the two or four elements of
 * a float to each sum.  A step is a vector of such floats of each pixel.
 * Halves are multiplied and added one by one, two vectors of sums in one
 * register.
 */
#include "emit.h"
#include "narrow.h"

/* What meets weights of zero at the end of a kernel row is left out where
 * that is no lane of a register that is loaded anyway. */
int
emit_dot_rest(const struct emitter *e, const struct node *n)
{
  int elements = n->k * narrow_elements(e->plan, &e->plan->tensor[n->src]);
  int vec = e->plan->vec;

  return e->plan->schedule->dot == DOT_SPREAD
         ? div_up(elements % (vec * n->per), n->per) : 0;
}

static long
pixel(const struct emitter *e, const struct node *n, int i)
{
  return i * n->stride * e->plan->tensor[n->src].pix;
}

static void
load_weights(struct emitter *e, int u, int j)
{
  int vec = e->plan->vec;

  PRINT(e, "      const ch_d%d w%d_%d = ch_ldd%d(w + %d);\n", vec, u, j, vec,
        (j * vec + u) * vec);
}

/* Pixels' elements are picked four at a time, by the lane. */
static void
by_lanes(struct emitter *e, const struct node *n, int m, int v)
{
  int i, j, u, vec = e->plan->vec;

  for (i = 0; i < m; i++)
    PRINT(e, "      const ch_d%d q%d = ch_ldd%d(q + %ld);\n", vec, i, vec,
          pixel(e, n, i));
  for (u = 0; u < vec; u++)
    for (j = 0; j < v; j++) {
      load_weights(e, u, j);
      for (i = 0; i < m; i++)
        PRINT(e, "      CH_DOT%d(a%d_%d, w%d_%d, q%d, %d);\n", vec, i, j, u,
              j, i, u);
    }
}

static void
spread(struct emitter *e, const struct node *n, int u, int i)
{
  int vec = e->plan->vec;

  PRINT(e, "      const ch_d%d q%d_%d = CH_SPREAD%d_%s(q + %ld);\n", vec, u, i,
        vec, n->per == 2 ? "BF16" : "I8", pixel(e, n, i) + u);
}

/* A pixel's elements are loaded into all lanes.  The fewer, vectors of weights
 * or pixels, stay in registers; the others come one after another. */
static void
by_loads(struct emitter *e, const struct node *n, int m, int v, int lanes)
{
  int u, k, l, few = m < v ? m : v, many = m < v ? v : m;

  for (u = 0; u < lanes; u++) {
    for (k = 0; k < few; k++)
      m < v ? spread(e, n, u, k) : load_weights(e, u, k);
    for (l = 0; l < many; l++) {
      m < v ? load_weights(e, u, l) : spread(e, n, u, l);
      for (k = 0; k < few; k++) {
        int i = m < v ? k : l, j = m < v ? l : k;
        PRINT(e, "      CH_DOT%d_%s(a%d_%d, q%d_%d, w%d_%d);\n", e->plan->vec,
              n->per == 2 ? "BF16" : "I8", i, j, u, i, u, j);
      }
    }
  }
}

/* The channels of a step are picked one at a time, by the lane. */
static void
by_halves(struct emitter *e, const struct node *n, int m, int v)
{
  int i, j, u, lanes = 2 * e->plan->vec;

  for (i = 0; i < m; i++)
    PRINT(e, "      const ch_h8 q%d = ch_ldh8(q + %ld);\n", i,
          pixel(e, n, i));
  for (u = 0; u < lanes; u++)
    for (j = 0; j < v; j += 2) {
      int wide = j + 1 < v ? 8 : 4;
      PRINT(e, "      const ch_h%d w%d_%d = ch_ldh%d(w + %d);\n", wide, u, j,
            wide, (u * v + j) * 2);
      for (i = 0; i < m; i++)
        PRINT(e, "      CH_HALF%d(a%d_%d, w%d_%d, q%d, %d);\n", wide, i, j, u,
              j, i, u);
    }
}

void
emit_dot(struct emitter *e, const struct node *n, int m, int v, int lanes)
{
  if (e->plan->workload->dtype == CHANAS_F16)
    by_halves(e, n, m, v);
  else if (e->plan->schedule->dot == DOT_LANES)
    by_lanes(e, n, m, v);
  else
    by_loads(e, n, m, v, lanes);
}
