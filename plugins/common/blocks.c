/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Register blocks: mr pixels times nv vectors of accumulators, the smaller
 * of both once more for the operand that is kept, and one for the operand
 * that is streamed, must fit the registers.  Blocks are ranked by an
 * estimate that knows how the extents split into equal parts.
 */
#include "blocks.h"

#define OVERHEAD 12 /* cycles per tile: bias, epilogue, address arithmetic */

int
blocks_feed_depthwise(const struct chanas_workload *w, int op)
{
  uint32_t i;

  for (i = 0; i < w->ops; i++)
    if (w->op[i].kind == CHANAS_DWCONV && w->op[i].src == op + 1)
      return 1;
  return 0;
}

struct shape
blocks_shape(const struct chanas_workload *w, int index, int vec)
{
  const struct chanas_op *op = &w->op[index];
  struct shape s = { 1, w->batch, div_up(op->cout, vec), op->cin, 1,
                     0 };

  if (op->kind == CHANAS_LINEAR)
    return s;
  if (op->kind == CHANAS_SE) {
    s.vectors = div_up(op->squeeze, vec);
    return s;
  }
  s.steps = op->cin * op->k * op->k;
  if (op->k > 1 || op->stride > 1 || blocks_feed_depthwise(w, index)) {
    s.runs = w->batch * op->oh;
    s.length = op->ow;
  } else {
    s.length = w->batch * op->oh * op->ow;
  }
  return s;
}

/* Issue slots for each vector of weights.  Panels that L1 does not keep were
 * measured to take 2.8 cycles a vector (docs/bench/x86.md). */
static double
weight_cost(struct shape s, int nv)
{
  return s.near && s.steps * nv > s.near ? 5 : 2.5;
}

static double
tile_cost(struct shape s, int mr, int nv)
{
  double issue = mr * nv > mr + nv ? mr * nv : mr + nv;

  if (issue < 8)
    issue = 8; /* latency */
  if (issue < weight_cost(s, nv) * nv)
    issue = weight_cost(s, nv) * nv;
  return issue * 0.5 * s.steps + OVERHEAD;
}

double
blocks_cost(struct shape s, int mr, int nv)
{
  struct parts p = parts_of(s.length, mr), g = parts_of(s.vectors, nv);
  int i, j;
  double sum = 0;

  for (i = 0; i < 2; i++)
    for (j = 0; j < 2; j++)
      sum += (double)(i ? p.count - p.big : p.big)
             * (j ? g.count - g.big : g.big)
             * tile_cost(s, p.size - i, g.size - j);
  if (s.threads > 1) /* all wait for the one with the most groups */
    sum *= (double)div_up(g.count, s.threads) * s.threads / g.count;
  return s.runs * sum;
}

static int
same(struct shape s, struct register_block a, struct register_block b)
{
  return parts_of(s.length, a.mr).size == parts_of(s.length, b.mr).size
         && parts_of(s.vectors, a.nv).size == parts_of(s.vectors, b.nv).size;
}

/* Insert by cost; a block that gives the same parts is no new one. */
static int
insert(struct shape s, struct register_block block, int count,
       struct register_block out[])
{
  double cost = blocks_cost(s, block.mr, block.nv);
  int i, at = count;

  for (i = 0; i < count; i++)
    if (same(s, block, out[i]))
      return count;
  while (at > 0 && blocks_cost(s, out[at - 1].mr, out[at - 1].nv) > cost)
    at--;
  if (at == BLOCKS_MAX)
    return count;
  if (count < BLOCKS_MAX)
    count++;
  for (i = count - 1; i > at; i--)
    out[i] = out[i - 1];
  out[at] = block;
  return count;
}

int
blocks_list(struct shape s, int registers, int lanes,
            struct register_block out[BLOCKS_MAX])
{
  int mr, nv, count = 0;

  for (nv = 1; nv < registers && nv <= s.vectors; nv++)
    for (mr = 1; mr < registers && mr <= s.length; mr++)
      if (mr * nv + (mr < nv || lanes ? mr : nv) + 1 <= registers)
        count = insert(s, (struct register_block){ mr, nv }, count, out);
  return count;
}

int
blocks_tiles(struct shape s, struct register_block out[BLOCKS_MAX])
{
  static const struct register_block all[] = {
    { 32, 2 }, { 16, 3 }, { 48, 1 }, { 32, 1 }, { 16, 2 }, { 16, 1 },
  };
  size_t i;
  int j, count = 0;

  for (i = 0; i < sizeof all / sizeof *all; i++) {
    for (j = 0; j < count; j++)
      if (same(s, all[i], out[j]))
        break;
    if (j == count && all[i].nv <= s.vectors)
      out[count++] = all[i];
  }
  return count;
}
