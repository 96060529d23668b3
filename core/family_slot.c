/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Layers as workloads, remembered: a layer is drafted and its key printed
 * once, whatever number of networks have it.  Open addressing over the bytes
 * of struct layer; a free place has slot 0xffffffff.
 */
#include "family.h"
#include <stdlib.h>
#include <string.h>
#include "mem.h"
#include "rng.h"

#define FREE_SLOT 0xffffffffu

struct slots {
  size_t count, room; /* room is a power of two, or 0 */
  struct built *item;
};

uint32_t
stage_owns(const struct stage *stage)
{
  uint32_t n = 1;

  for (int a = 0; a < ATTRS; a++)
    if (stage->set[a].values)
      n *= (uint32_t)stage->set[a].values;
  return n;
}

uint32_t
head_owns(const struct head *head)
{
  return head->dtype.values ? (uint32_t)head->dtype.values : 1;
}

struct rule
layer_rule(const struct family *family, const struct stage *stage,
           uint32_t own)
{
  struct rule rule = stage->rule;
  int32_t *field[ATTRS] = { NULL, &rule.kernel, &rule.expand, &rule.se,
                            &rule.act, &rule.dtype };

  for (int a = 0; a < ATTRS; a++) {
    const struct setting *set = &stage->set[a];
    if (set->values == 0)
      continue;
    if (a == ATTR_OP)
      rule = family->op[set->value[own % set->values]].rule;
    else
      *field[a] = (int32_t)set->value[own % set->values];
    own /= (uint32_t)set->values;
  }
  return rule;
}

/* As draft_layer, for any kind of layer. */
static int
draft(struct draft *d, const struct family *family, const struct stage *stage,
      const struct layer *layer)
{
  struct rule rule;
  int status;

  if (layer->slot >= SLOT_HEAD)
    status = draft_head(d, family, &layer->shape, layer->width, layer->own);
  else if (layer->slot >= SLOT_EDGE)
    status = draft_edge(d, family,
                        &family->op[layer->slot - SLOT_EDGE].rule,
                        &layer->shape);
  else {
    rule = layer_rule(family, stage, layer->own);
    if (rule.kind == RULE_STEM)
      rule.conv = family_scaled(family, rule.conv, stage->scale,
                                layer->width);
    status = draft_layer(d, family, &rule, &layer->shape);
    if (layer->slot == 0 && rule.kind == RULE_CONV)
      d->role = "stem";
  }
  d->builder.accumulate = layer->accumulate;
  return status;
}

int
slot_try(const struct family *family, const struct stage *stage,
         const struct layer *layer, int32_t *h)
{
  struct draft d;
  int status = draft(&d, family, stage, layer);

  if (status < 0)
    return -1;
  *h = status ? d.builder.op[d.builder.ops - 1].oh : layer->shape.h;
  return d.builder.ops == 0 || status == 0 ||
         d.builder.op[d.builder.ops - 1].cout == layer->shape.cout ||
         layer->slot >= SLOT_HEAD ? 0 : -1;
}

static struct built *
find(const struct slots *slots, const struct layer *layer)
{
  size_t i = hash_bytes(HASH_START, layer, sizeof *layer) & (slots->room - 1);

  while (slots->item[i].layer.slot != FREE_SLOT &&
         memcmp(&slots->item[i].layer, layer, sizeof *layer) != 0)
    i = (i + 1) & (slots->room - 1);
  return &slots->item[i];
}

static void
grow(struct slots *slots)
{
  struct slots old = *slots;

  slots->room = old.room ? old.room * 2 : 1024;
  slots->item = mem_array(struct built, slots->room);
  for (size_t i = 0; i < slots->room; i++)
    slots->item[i].layer.slot = FREE_SLOT;
  for (size_t i = 0; i < old.room; i++)
    if (old.item[i].layer.slot != FREE_SLOT)
      *find(slots, &old.item[i].layer) = old.item[i];
  free(old.item);
}

const struct built *
slot_find(const struct family *family, const struct layer *layer)
{
  const struct built *place;

  if (family->slots == NULL)
    return NULL;
  place = find(family->slots, layer);
  return place->layer.slot == FREE_SLOT ? NULL : place;
}

static int
fill(struct family *family, const struct stage *stage,
     const struct layer *layer, struct built *out)
{
  struct draft d;
  int status = draft(&d, family, stage, layer);

  if (status < 0)
    return -1;
  *out = (struct built){ .layer = *layer, .workload = NO_BLOCK,
                         .role = d.role, .params = d.params, .macs = d.macs,
                         .h = layer->shape.h };
  if (status > 0) {
    struct chanas_workload *work = workload_end(&d.builder);
    if (work == NULL)
      return -1;
    out->h = work->op[work->ops - 1].oh;
    out->workload = workload_intern(&family->workloads, work);
  }
  return 0;
}

const struct built *
slot_build(struct family *family, const struct stage *stage,
           const struct layer *layer)
{
  struct slots *slots = family->slots;
  struct built *place, made;

  if (slots == NULL)
    slots = family->slots = mem_new(struct slots);
  if (slots->room < 2 * (slots->count + 1))
    grow(slots);
  place = find(slots, layer);
  if (place->layer.slot != FREE_SLOT)
    return place;
  if (fill(family, stage, layer, &made) < 0)
    return NULL;
  *place = made;
  slots->count++;
  return place;
}

void
slots_clear(struct family *family)
{
  if (family->slots)
    free(family->slots->item);
  free(family->slots);
  family->slots = NULL;
}
