/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Printing C: how much memory a kernel wants, and the function that reorders
 * its parameters.
 */
#include "emit.h"
#include "narrow.h"

/* A bias, or none. */
static void
bias(struct emitter *e, const struct node *n, int slice)
{
  int have = n->bias >= 0 && (slice == 0 || n->full == 0);

  if (have)
    PRINT(e, "w + %ld", n->bias + (long)slice * n->cout);
  else
    PRINT(e, "0");
}

/* Weights of a convolution on tiles. */
static void
pack_tiles(struct emitter *e, const struct node *n, struct parts g)
{
  const struct plan *plan = e->plan;

  PRINT(e, "  ch_pack_%s(w + %ld, ",
        plan->workload->dtype == CHANAS_F16 ? "half" : "tiles", n->weights);
  bias(e, n, 0);
  PRINT(e, ", p + %zu, %d, %d, %d, %d, %d, %d, %d, %d, %d, ", n->packed,
        n->cout, n->cin, n->k, narrow_elements(plan, &plan->tensor[n->src]),
        node_steps(plan, n), n->per, g.count, g.size, g.big);
  if (plan->workload->dtype == CHANAS_F16)
    PRINT(e, "0);\n");
  else if (n->per == 4)
    PRINT(e, "w[%ld], %d);\n", n->range,
          plan->schedule->dot == DOT_SPREAD ? EMIT_SIGNS : 0);
  else
    PRINT(e, "0, 0);\n");
}

/* Of a depthwise convolution of halves. */
static void
pack_halves(struct emitter *e, const struct node *n)
{
  const struct tensor *dst = &e->plan->tensor[n->dst];

  PRINT(e, "  ch_pack_halves(w + %ld, ", n->weights);
  bias(e, n, 0);
  PRINT(e, ", p + %zu, %d, %d, ", n->packed, n->cout, n->k * n->k);
  if (dst->per == 4)
    PRINT(e, "p[%zu]);\n", dst->quantum);
  else
    PRINT(e, "1);\n");
}

/* Any others; by slices one of these: its output channels, or of the project
 * (full) its input channels, with the bias in the first. */
static void
pack_vectors(struct emitter *e, const struct node *n, int slice)
{
  int dw = n->kind == NODE_DW, vectors = div_up(n->cout, e->plan->vec);
  struct parts g = parts_of(vectors, dw ? 1 : n->block.nv);
  int cin = dw ? 1 : n->cin, first = n->full ? 0 : slice * n->cout;
  int left = n->mid ? n->mid - first : n->cout;

  PRINT(e, "  ch_pack%s(w + %ld, ", n->winograd ? "_winograd" : "",
        n->weights + (long)first * cin * n->k * n->k);
  bias(e, n, slice);
  PRINT(e, ", p + %zu, %d, %d, ", n->packed + (size_t)slice * n->slice,
        left < n->cout ? left : n->cout, cin);
  if (!n->winograd)
    PRINT(e, "%d, %d, %d, ", n->full ? slice * cin : 0,
          n->full ? n->full : cin, n->k * n->k);
  PRINT(e, "%d, %d, %d, %d);\n", e->plan->vec, g.count, g.size, g.big);
}

static void
pack_node(struct emitter *e, const struct node *n)
{
  int i = 0;

  if (n->per) {
    pack_tiles(e, n, parts_of(div_up(n->cout, e->plan->vec), n->block.nv));
    return;
  }
  if (n->half) {
    pack_halves(e, n);
    return;
  }
  do
    pack_vectors(e, n, i);
  while (++i < n->slices);
  if (node_zeroes(n))
    PRINT(e, "  ch_zero(p + %zu, %zu);\n", n->zeroes, node_zeroes(n));
}

void
emit_pack(struct emitter *e)
{
  const struct plan *plan = e->plan;
  int i;

  PRINT(e, "CH_OWN size_t %s_packed(void) { return %zu; }\n", e->symbol,
        plan->packed);
  PRINT(e, "CH_OWN size_t %s_scratch(void) { return %zu; }\n", e->symbol,
        plan->scratch);
  PRINT(e, "CH_OWN void %s_pack(const float *w, float *p)\n{\n"
        "  (void)w, (void)p;\n", e->symbol);
  if (plan->schedule->per && plan->schedule->dot == DOT_NONE)
    PRINT(e, "  ch_tiles_allow();\n");
  for (i = 0; i < plan->tensors; i++)
    if (plan->tensor[i].per == 4)
      PRINT(e, "  ch_quantum(p + %zu, w[%ld]);\n", plan->tensor[i].quantum,
            plan->tensor[i].range);
  for (i = 0; i < plan->nodes; i++)
    if (plan->node[i].weights >= 0)
      pack_node(e, &plan->node[i]);
  PRINT(e, "}\n");
}
