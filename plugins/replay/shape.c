/* SPDX-License-Identifier: Apache-2.0 */
/* Fields of a block: see shape.h.  A field is item + 32 * (ordinal + 64 *
 * group), group 0 being the whole block. */
#include "shape.h"
#include <stdlib.h>
#include <string.h>

enum item { H, W, C, OH, OW, OC, K, S, SQUEEZE, MID, RESIDUAL, SE, HS };
enum group { BLOCK, CONV, DW, SQUEEZE_EXCITE, POOL, LINEAR, GROUPS };

#define ITEMS 32
#define ORDINALS 64

static const char *const item_name[] = {
  [H] = "h", [W] = "w", [C] = "c", [OH] = "oh", [OW] = "ow", [OC] = "oc",
  [K] = "k", [S] = "s", [SQUEEZE] = "squeeze", [MID] = "mid",
  [RESIDUAL] = "residual", [SE] = "se", [HS] = "hs",
};

static const char *const group_name[] = {
  [CONV] = "conv", [DW] = "dw", [SQUEEZE_EXCITE] = "se", [POOL] = "pool",
  [LINEAR] = "linear",
};

static const enum group group_of[] = {
  [CHANAS_CONV] = CONV, [CHANAS_DWCONV] = DW, [CHANAS_SE] = SQUEEZE_EXCITE,
  [CHANAS_AVGPOOL] = POOL, [CHANAS_GLOBALPOOL] = POOL,
  [CHANAS_LINEAR] = LINEAR, [CHANAS_ADD] = GROUPS, [CHANAS_ACT] = GROUPS,
};

static int
find_item(const char *name, enum item last)
{
  for (int i = 0; i <= (int)last; i++)
    if (strcmp(item_name[i], name) == 0)
      return i;
  return -1;
}

int
shape_field(const char *name)
{
  const char *dot = strchr(name, '.');

  if (dot == NULL) {
    int item = find_item(name, HS);
    return item == SQUEEZE ? -1 : item;
  }
  for (int g = CONV; g < GROUPS; g++) {
    size_t size = strlen(group_name[g]);
    char *end = (char *)name + size;
    long ordinal = 1;
    int item = find_item(dot + 1, SQUEEZE);
    if (strncmp(name, group_name[g], size) != 0)
      continue;
    if (end != dot)
      ordinal = strtol(name + size, &end, 10);
    if (end != dot || ordinal < 1 || ordinal >= ORDINALS || item < 0 ||
        (item == SQUEEZE && g != SQUEEZE_EXCITE))
      return -1;
    return item + ITEMS * ((int)ordinal + ORDINALS * g);
  }
  return -1;
}

static const struct chanas_op *
find_op(const struct chanas_workload *w, enum group group, int ordinal)
{
  for (uint32_t i = 0; i < w->ops; i++)
    if (group_of[w->op[i].kind] == group && --ordinal == 0)
      return &w->op[i];
  return NULL;
}

/* The convolution that gives the block its kernel and stride. */
static const struct chanas_op *
main_conv(const struct chanas_workload *w)
{
  const struct chanas_op *best = find_op(w, DW, 1);

  for (uint32_t i = 0; best == NULL && i < w->ops; i++)
    if (w->op[i].kind == CHANAS_CONV)
      best = &w->op[i];
  if (best && best->kind == CHANAS_CONV)
    for (uint32_t i = 0; i < w->ops; i++)
      if (w->op[i].kind == CHANAS_CONV && w->op[i].k > best->k)
        best = &w->op[i];
  return best;
}

static int
is_residual(const struct chanas_workload *w)
{
  const struct chanas_op *last = &w->op[w->ops - 1];

  return w->accumulate ||
    (last->kind == CHANAS_ADD && (last->src == 0 || last->src2 == 0));
}

static int
has(const struct chanas_workload *w, int kind, int act)
{
  for (uint32_t i = 0; i < w->ops; i++)
    if (w->op[i].kind == kind || w->op[i].act == act)
      return 1;
  return 0;
}

static int64_t
op_value(const struct chanas_op *op, enum item item)
{
  if (op == NULL)
    return -1;
  switch (item) {
  case H: return op->h;
  case W: return op->w;
  case C: return op->cin;
  case OH: return op->oh;
  case OW: return op->ow;
  case OC: return op->cout;
  case K: return op->k;
  case S: return op->stride;
  case SQUEEZE: return op->squeeze;
  default: return -1;
  }
}

static int64_t
block_value(const struct chanas_workload *w, enum item item)
{
  const struct chanas_op *conv = main_conv(w);

  switch (item) {
  case H: case W: case C:
    return op_value(&w->op[0], item);
  case OH: case OW: case OC:
    return op_value(&w->op[w->ops - 1], item);
  case K: case S:
    return op_value(conv, item);
  case MID:
    return conv == NULL ? -1 : conv->kind == CHANAS_DWCONV ? conv->cin :
      find_op(w, CONV, 1)->cout;
  case RESIDUAL:
    return is_residual(w);
  case SE:
    return has(w, CHANAS_SE, -1);
  case HS:
    return has(w, -1, CHANAS_ACT_HSWISH);
  default:
    return -1;
  }
}

int64_t
shape_value(const struct chanas_workload *w, int field)
{
  enum item item = (enum item)(field % ITEMS);
  int ordinal = field / ITEMS % ORDINALS;
  enum group group = (enum group)(field / ITEMS / ORDINALS);

  if (w->ops == 0)
    return -1;
  return group == BLOCK ? block_value(w, item) :
    op_value(find_op(w, group, ordinal), item);
}
