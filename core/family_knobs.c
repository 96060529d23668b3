/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Knobs of a family, in this order: resolution, width; the edges of each
 * cell that is used; then stage by stage s (stride), w (channels), d (depth),
 * and op, k, e, se, act, p (precision) of each layer; the head's p.  Names
 * carry the stage and the layer: d3, k3.2, and with per = stage k3; phead.
 */
#include "family.h"
#include <stdlib.h>
#include "mem.h"

static const char *const letter[ATTRS] = { "op", "k", "e", "se", "act", "p" };

static int
fractional(const struct setting *set)
{
  for (size_t i = 0; i < set->values; i++)
    if (set->value[i] % SETTING_UNIT)
      return 1;
  return 0;
}

/* -1 stays in *knob where the list has one value. */
static int
declare(struct family *family, char *name, const struct setting *set,
        int64_t unit, int labels, long *knob)
{
  int64_t value[SETTING_MAX];

  *knob = -1;
  if (set->values > 1) {
    for (size_t i = 0; i < set->values; i++)
      value[i] = set->value[i] / unit;
    *knob = space_add(family->space, name, set->values, value,
                      labels ? (const char *const *)set->text : NULL);
  }
  free(name);
  return set->values > 1 && *knob < 0 ? -1 : 0;
}

/* Whole numbers as they are, else thousandths under their text. */
static int
declare_real(struct family *family, char *name, const struct setting *set,
             long *knob)
{
  int parts = fractional(set);

  return declare(family, name, set, parts ? 1 : SETTING_UNIT, parts, knob);
}

/* Names as labels over 0, 1, 2, ... in the order of the list. */
static int
declare_names(struct family *family, char *name, const struct setting *set,
              long *knob)
{
  int64_t position[SETTING_MAX];
  struct setting numbered = *set;

  for (size_t i = 0; i < set->values; i++)
    position[i] = (int64_t)i;
  numbered.value = position;
  return declare(family, name, &numbered, 1, 1, knob);
}

/* The choices of the depth knob with which layer l is there. */
static uint64_t
depth_mask(const struct stage *stage, size_t l)
{
  uint64_t mask = 0;

  for (size_t i = 0; i < stage->depth.values; i++)
    if ((size_t)stage->depth.value[i] > l)
      mask |= UINT64_C(1) << i;
  return mask;
}

static int
declare_attribute(struct family *family, struct stage *stage, size_t l, int a)
{
  const struct setting *set = &stage->set[a];
  long *knob = &stage->knob[l][a];
  char *name;

  if (stage->per_stage && l > 0) {
    *knob = stage->knob[0][a];
    return 0;
  }
  name = stage->per_stage ? mem_print("%s%s", letter[a], stage->name) :
         mem_print("%s%s.%zu", letter[a], stage->name, l + 1);
  if (a == ATTR_EXPAND) {
    if (declare_real(family, name, set, knob) < 0)
      return -1;
  } else if (a == ATTR_OP) {
    if (declare_names(family, name, set, knob) < 0)
      return -1;
  } else if (declare(family, name, set, 1, a == ATTR_ACT || a == ATTR_DTYPE,
                     knob) < 0)
    return -1;
  if (*knob >= 0 && stage->depth_knob >= 0 && !stage->per_stage)
    return space_depend(family->space, (size_t)*knob,
                        (size_t)stage->depth_knob, depth_mask(stage, l));
  return 0;
}

static int
declare_stage(struct family *family, struct stage *stage)
{
  if (declare(family, mem_print("s%s", stage->name), &stage->stride, 1, 0,
              &stage->stride_knob) < 0 ||
      declare(family, mem_print("w%s", stage->name), &stage->out, 1, 0,
              &stage->out_knob) < 0 ||
      declare(family, mem_print("d%s", stage->name), &stage->depth, 1, 0,
              &stage->depth_knob) < 0)
    return -1;
  stage->knob = mem_alloc(stage->layers, sizeof *stage->knob);
  for (size_t l = 0; l < stage->layers; l++)
    for (int a = 0; a < ATTRS; a++)
      if (declare_attribute(family, stage, l, a) < 0)
        return -1;
  return 0;
}

static int
declare_cell(struct family *family, struct cell *cell)
{
  for (size_t e = 0; e < cell->edges; e++) {
    struct edge *edge = &cell->edge[e];
    char *name = mem_print("%s%sedge%d.%d", family->cells > 1 ? cell->name : "",
                           family->cells > 1 ? "." : "", edge->to, edge->from);
    if (declare_names(family, name, &edge->op, &edge->knob) < 0)
      return -1;
  }
  return 0;
}

int
knobs_declare(struct family *family)
{
  if (declare(family, mem_string("resolution"), &family->resolution, 1, 0,
              &family->resolution_knob) < 0 ||
      declare_real(family, mem_string("width"), &family->width,
                   &family->width_knob) < 0)
    return -1;
  for (size_t i = 0; i < family->cells; i++)
    if (declare_cell(family, &family->cell[i]) < 0)
      return -1;
  for (size_t i = 0; i < family->stages; i++)
    if (declare_stage(family, &family->stage[i]) < 0)
      return -1;
  return declare(family, mem_string("phead"), &family->head.dtype, 1, 1,
                 &family->head.dtype_knob);
}
