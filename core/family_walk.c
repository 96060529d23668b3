/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every layer that some network of a family has, at one resolution and
 * width.  A stage is met with each shape that the choices before it (stride,
 * channels) can lead to; shapes are kept in order of first arrival.
 */
#include "family.h"
#include <stdlib.h>
#include <string.h>
#include "log.h"
#include "mem.h"

struct shapes { size_t count; struct shape *item; };

struct walk {
  const struct family *family;
  int64_t width;
  int (*visit)(void *, const struct stage *, const struct layer *);
  void *arg;
};

static void
add_shape(struct shapes *set, int32_t h, int32_t c)
{
  for (size_t i = 0; i < set->count; i++)
    if (set->item[i].h == h && set->item[i].cin == c)
      return;
  set->item = mem_grow(set->item, set->count + 1, sizeof *set->item);
  set->item[set->count++] = (struct shape){ .h = h, .cin = c };
}

/* The builder has said why, where it was its fault. */
static int
impossible(const struct walk *walk, const struct stage *stage,
           const struct shape *shape, const char *why)
{
  log_error("%s:%d: [%s%s] cannot follow: its input is %dx%dx%d; %s",
            walk->family->path, stage ? stage->line : walk->family->head.line,
            stage ? "stage " : "head", stage ? stage->name : "", shape->h,
            shape->h, shape->cin, why);
  return -1;
}

/* Each own choice of one layer; *h becomes that of its result. */
static int
walk_layer(struct walk *walk, const struct stage *stage, struct layer *layer,
           int32_t *h)
{
  uint32_t owns = stage_owns(stage);

  for (layer->own = 0; layer->own < owns; layer->own++) {
    int32_t result;
    if (slot_try(walk->family, stage, layer, &result) < 0)
      return impossible(walk, stage, &layer->shape, "change kernel, stride "
                        "or out, or raise the resolution");
    if (layer->own > 0 && result != *h)
      return impossible(walk, stage, &layer->shape, "its choices give images "
                        "of different size");
    *h = result;
    if (walk->visit(walk->arg, stage, layer) < 0)
      return -1;
  }
  return 0;
}

static int
walk_layers(struct walk *walk, const struct stage *stage, struct shape shape,
            struct shapes *next)
{
  struct layer layer = { .shape = shape,
                         .width = layer_width(stage, walk->width) };

  for (size_t l = 0; l < stage->layers; l++) {
    layer.slot = (uint32_t)(stage->slot + l);
    int32_t h = 0;
    if (walk_layer(walk, stage, &layer, &h) < 0)
      return -1;
    if (l > 0 && h != layer.shape.h)
      return impossible(walk, stage, &layer.shape, "a layer after the first "
                        "changes the size; use depth = 1");
    layer.shape.h = h;
    layer.shape.cin = layer.shape.cout;
    layer.shape.stride = 1;
  }
  add_shape(next, layer.shape.h, layer.shape.cout);
  return 0;
}

/* Does an edge before e lead to the same node? */
static int
may_accumulate(const struct cell *cell, size_t e)
{
  return e > 0 && cell->edge[e - 1].to == cell->edge[e].to;
}

/* Must one?  Not if each of them can be left out. */
static int
must_accumulate(const struct family *family, const struct cell *cell,
                size_t e)
{
  while (may_accumulate(cell, e)) {
    const struct setting *set = &cell->edge[--e].op;
    size_t none = 0;
    for (size_t i = 0; i < set->values; i++)
      none += family->op[set->value[i]].rule.kind == RULE_NONE;
    if (none == 0)
      return 1;
  }
  return 0;
}

static int
walk_edge(struct walk *walk, const struct stage *stage, size_t e,
          struct layer *layer)
{
  const struct cell *cell = &walk->family->cell[stage->cell];
  const struct setting *set = &cell->edge[e].op;

  for (int acc = must_accumulate(walk->family, cell, e);
       acc <= may_accumulate(cell, e); acc++)
    for (size_t i = 0; i < set->values; i++) {
      int32_t h;
      layer->slot = SLOT_EDGE + (uint32_t)set->value[i];
      layer->accumulate = acc;
      if (slot_try(walk->family, stage, layer, &h) < 0)
        return impossible(walk, stage, &layer->shape, "an edge has no room");
      if (walk->visit(walk->arg, stage, layer) < 0)
        return -1;
    }
  return 0;
}

static int
walk_cell(struct walk *walk, const struct stage *stage, struct shape shape,
          struct shapes *next)
{
  const struct cell *cell = &walk->family->cell[stage->cell];
  struct layer layer = { .shape = shape };

  if (shape.cin != shape.cout)
    return impossible(walk, stage, &shape, "a cell keeps its channels: set "
                      "out to them, or put a stage before it");
  for (size_t e = 0; e < cell->edges; e++)
    if (walk_edge(walk, stage, e, &layer) < 0)
      return -1;
  add_shape(next, shape.h, shape.cout);
  return 0;
}

static int
walk_stage(struct walk *walk, const struct stage *stage,
           const struct shapes *now, struct shapes *next)
{
  for (size_t i = 0; i < now->count; i++)
    for (size_t o = 0; o < stage->out.values; o++)
      for (size_t s = 0; s < stage->stride.values; s++) {
        struct shape shape = now->item[i];
        shape.cout = family_scaled(walk->family, stage->out.value[o],
                                   stage->scale, walk->width);
        shape.stride = (int32_t)stage->stride.value[s];
        if ((stage->cell < 0 ? walk_layers : walk_cell)(walk, stage, shape,
                                                        next) < 0)
          return -1;
      }
  return 0;
}

static int
walk_head(struct walk *walk, const struct shapes *now)
{
  for (size_t i = 0; i < now->count; i++) {
    struct layer layer = { .slot = SLOT_HEAD, .width = (int32_t)walk->width,
                           .shape = now->item[i] };
    int32_t h;
    if (slot_try(walk->family, NULL, &layer, &h) < 0)
      return impossible(walk, NULL, &layer.shape, "make conv or features "
                        "smaller");
    for (; layer.own < head_owns(&walk->family->head); layer.own++)
      if (walk->visit(walk->arg, NULL, &layer) < 0)
        return -1;
  }
  return 0;
}

int
family_walk(const struct family *family, int64_t resolution, int64_t width,
            int (*visit)(void *, const struct stage *, const struct layer *),
            void *arg)
{
  struct walk walk = { .family = family, .width = width, .visit = visit,
                       .arg = arg };
  struct shapes now = { 0 }, next = { 0 };
  int status = 0;

  add_shape(&now, (int32_t)resolution, family->input_channels);
  for (size_t s = 0; s < family->stages && status == 0; s++) {
    next.count = 0;
    next.item = NULL;
    status = walk_stage(&walk, &family->stage[s], &now, &next);
    free(now.item);
    now = next;
  }
  if (status == 0)
    status = walk_head(&walk, &now);
  free(now.item);
  return status;
}
