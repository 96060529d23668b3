/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many networks of a family use a block, exactly and without building
 * them: networks are tallied apart by whether they use it.  Tallies of
 * independent choices multiply, tallies of alternatives add; all terms are
 * positive, so nothing cancels however large the space.
 *
 * Stages depend on each other only through the shape between them, so one
 * pass over the stages carries a tally for each shape.  The knobs of a cell
 * are shared by all stages that repeat it; a state therefore remembers with
 * which (op, accumulate) the cell would have made the block, and the cell's
 * own choices are tallied at the end, node by node.
 */
#include <stdlib.h>
#include <string.h>
#include "family.h"
#include "mem.h"

struct tally { double without, with; };

static struct tally
both(struct tally a, struct tally b)
{
  return (struct tally){ a.without * b.without,
                         a.with * (b.without + b.with) + a.without * b.with };
}

static struct tally
either(struct tally a, struct tally b)
{
  return (struct tally){ a.without + b.without, a.with + b.with };
}

static struct tally
one(int used)
{
  return used ? (struct tally){ 0, 1 } : (struct tally){ 1, 0 };
}

struct state {
  int32_t h, c;
  uint64_t hits; /* bit of cell, op, accumulate */
  struct tally tally;
};
struct states { size_t count; struct state *item; };

struct question {
  struct family *family;
  int64_t resolution, width;
  size_t workload;
};

static void
add_state(struct states *set, struct state state)
{
  for (size_t i = 0; i < set->count; i++) {
    struct state *old = &set->item[i];
    if (old->h == state.h && old->c == state.c && old->hits == state.hits) {
      old->tally = either(old->tally, state.tally);
      return;
    }
  }
  set->item = mem_grow(set->item, set->count + 1, sizeof *set->item);
  set->item[set->count++] = state;
}

/* ---- chains of layers ---- */

static int
layer_is(const struct question *q, const struct stage *stage,
         struct layer *layer, size_t l, int32_t *h)
{
  const struct built *built;

  layer->slot = (uint32_t)(stage->slot + l);
  layer->width = layer_width(stage, q->width);
  built = slot_build(q->family, stage, layer);
  *h = built->h;
  return built->workload == q->workload;
}

/* Layers below depth, each on its own. */
static struct tally
tally_each(const struct question *q, const struct stage *stage,
           struct shape *shape, size_t depth)
{
  struct tally all = one(0);
  uint32_t owns = stage_owns(stage);

  for (size_t l = 0; l < depth; l++) {
    struct layer layer = { .shape = *shape };
    struct tally here = { 0, 0 };
    int32_t h = 0;
    for (layer.own = 0; layer.own < owns; layer.own++)
      here = either(here, one(layer_is(q, stage, &layer, l, &h)));
    all = both(all, here);
    *shape = (struct shape){ h, shape->cout, shape->cout, 1 };
  }
  return all;
}

/* Layers below depth that share their choices. */
static struct tally
tally_shared(const struct question *q, const struct stage *stage,
             struct shape *shape, size_t depth)
{
  struct tally all = { 0, 0 };
  struct shape start = *shape;

  for (uint32_t own = 0; own < stage_owns(stage); own++) {
    int used = 0;
    *shape = start;
    for (size_t l = 0; l < depth; l++) {
      struct layer layer = { .own = own, .shape = *shape };
      int32_t h;
      used |= layer_is(q, stage, &layer, l, &h);
      *shape = (struct shape){ h, shape->cout, shape->cout, 1 };
    }
    all = either(all, one(used));
  }
  return all;
}

static void
pass_layers(const struct question *q, const struct stage *stage,
            const struct state *state, struct shape start,
            struct states *next)
{
  struct tally all = { 0, 0 };
  struct shape shape = start;

  for (size_t d = 0; d < stage->depth.values; d++) {
    size_t depth = (size_t)stage->depth.value[d];
    shape = start;
    all = either(all, (stage->per_stage ? tally_shared : tally_each)
                      (q, stage, &shape, depth));
  }
  add_state(next, (struct state){ shape.h, shape.cin, state->hits,
                                  both(state->tally, all) });
}

/* ---- cells ---- */

static uint64_t
hit_bit(const struct family *family, size_t cell, size_t op, int accumulate)
{
  return UINT64_C(1) << (2 * (cell * family->ops + op) + (size_t)accumulate);
}

/* The (op, accumulate) that would make the block at this shape. */
static uint64_t
cell_hits(const struct question *q, size_t cell, const struct shape *shape)
{
  const struct family *family = q->family;
  uint64_t hits = 0;

  for (size_t op = 0; op < family->ops; op++)
    for (int acc = 0; acc <= 1; acc++) {
      struct layer layer = { .slot = SLOT_EDGE + (uint32_t)op,
                             .accumulate = acc, .shape = *shape };
      const struct built *built = slot_find(family, &layer);
      if (built && built->workload == q->workload)
        hits |= hit_bit(family, cell, op, acc);
    }
  return hits;
}

static void
pass_cell(const struct question *q, const struct stage *stage,
          const struct state *state, struct shape shape, struct states *next)
{
  uint64_t hits = cell_hits(q, (size_t)stage->cell, &shape);
  struct tally depths = { (double)stage->depth.values, 0 };

  add_state(next, (struct state){ shape.h, shape.cout, state->hits | hits,
                                  both(state->tally, depths) });
}

/* All choices of the edges into one node: t[1] once something wrote it. */
static void
tally_edge(const struct question *q, size_t c, const struct edge *edge,
           uint64_t hits, struct tally t[2])
{
  const struct family *family = q->family;
  struct tally next[2] = { { 0, 0 }, { 0, 0 } };

  for (size_t i = 0; i < edge->op.values; i++)
    for (int seen = 0; seen <= 1; seen++) {
      size_t op = (size_t)edge->op.value[i];
      int none = family->op[op].rule.kind == RULE_NONE;
      int used = !none && (hits & hit_bit(family, c, op, seen));
      int after = seen || !none;
      next[after] = either(next[after], both(t[seen], one(used)));
    }
  memcpy(t, next, sizeof next);
}

static struct tally
tally_cell(const struct question *q, size_t c, uint64_t hits)
{
  const struct cell *cell = &q->family->cell[c];
  struct tally all = one(0), t[2] = { { 1, 0 }, { 0, 0 } };

  for (size_t e = 0; e < cell->edges; e++) {
    tally_edge(q, c, &cell->edge[e], hits, t);
    if (e + 1 == cell->edges || cell->edge[e + 1].to != cell->edge[e].to) {
      all = both(all, either(t[0], t[1]));
      t[0] = one(0);
      t[1] = (struct tally){ 0, 0 };
    }
  }
  return all;
}

/* ---- whole networks ---- */

static void
pass_stage(const struct question *q, const struct stage *stage,
           const struct states *now, struct states *next)
{
  for (size_t i = 0; i < now->count; i++)
    for (size_t o = 0; o < stage->out.values; o++)
      for (size_t s = 0; s < stage->stride.values; s++) {
        const struct state *state = &now->item[i];
        int32_t cout = family_scaled(q->family, stage->out.value[o],
                                     stage->scale, q->width);
        struct shape shape = { state->h, state->c, cout,
                               (int32_t)stage->stride.value[s] };
        (stage->cell < 0 ? pass_layers : pass_cell)(q, stage, state, shape,
                                                    next);
      }
}

static struct tally
finish(const struct question *q, const struct states *now)
{
  struct tally all = { 0, 0 };

  for (size_t i = 0; i < now->count; i++) {
    const struct state *state = &now->item[i];
    struct layer head = { .slot = SLOT_HEAD, .width = (int32_t)q->width,
                          .shape = { .h = state->h, .cin = state->c } };
    struct tally heads = { 0, 0 }, here;
    for (; head.own < head_owns(&q->family->head); head.own++)
      heads = either(heads, one(slot_build(q->family, NULL, &head)->workload ==
                                q->workload));
    here = both(state->tally, heads);
    for (size_t c = 0; c < q->family->cells; c++)
      here = both(here, tally_cell(q, c, state->hits));
    all = either(all, here);
  }
  return all;
}

static double
count_users(const struct question *q)
{
  struct states now = { 0 };
  struct tally all;

  add_state(&now, (struct state){ (int32_t)q->resolution,
                                  q->family->input_channels, 0, one(0) });
  for (size_t s = 0; s < q->family->stages; s++) {
    struct states next = { 0 };
    pass_stage(q, &q->family->stage[s], &now, &next);
    free(now.item);
    now = next;
  }
  all = finish(q, &now);
  free(now.item);
  return all.with;
}

/* ---- all blocks ---- */

struct collection {
  struct family *family;
  size_t count, room;
  struct block_use *use;
  size_t places, *place; /* by workload: index into use + 1 */
  size_t seen, *recent;  /* workloads of one resolution and width */
  size_t round, *when;   /* by workload: the last round that met it */
};

static void
make_room(struct collection *all, size_t workload)
{
  size_t old = all->places;

  if (workload < old)
    return;
  all->places = 2 * workload + 64;
  all->place = mem_grow(all->place, all->places, sizeof *all->place);
  all->when = mem_grow(all->when, all->places, sizeof *all->when);
  all->recent = mem_grow(all->recent, all->places, sizeof *all->recent);
  memset(all->place + old, 0, (all->places - old) * sizeof *all->place);
  memset(all->when + old, 0, (all->places - old) * sizeof *all->when);
}

static int
collect(void *arg, const struct stage *stage, const struct layer *layer)
{
  struct collection *all = arg;
  const struct built *built = slot_build(all->family, stage, layer);

  if (built == NULL)
    return -1;
  if (built->workload == NO_BLOCK)
    return 0;
  make_room(all, built->workload);
  if (all->place[built->workload] == 0) {
    if (all->count == all->room) {
      all->room = all->room ? 2 * all->room : 64;
      all->use = mem_grow(all->use, all->room, sizeof *all->use);
    }
    all->use[all->count++] = (struct block_use){ built->workload, built->role,
                                                 0 };
    all->place[built->workload] = all->count;
  }
  if (all->when[built->workload] != all->round) {
    all->when[built->workload] = all->round;
    all->recent[all->seen++] = built->workload;
  }
  return 0;
}

static void
count_round(struct collection *all, int64_t resolution, int64_t width)
{
  struct question q = { .family = all->family, .resolution = resolution,
                        .width = width };

  for (size_t i = 0; i < all->seen; i++) {
    q.workload = all->recent[i];
    all->use[all->place[q.workload] - 1].networks += count_users(&q);
  }
}

struct block_use *
family_blocks(struct family *family, size_t *count)
{
  struct collection all = { .family = family };
  const struct setting *resolution = &family->resolution;
  const struct setting *width = &family->width;

  for (size_t r = 0; r < resolution->values; r++)
    for (size_t w = 0; w < width->values; w++) {
      all.round++;
      all.seen = 0;
      if (family_walk(family, resolution->value[r], width->value[w], collect,
                      &all) == 0)
        count_round(&all, resolution->value[r], width->value[w]);
    }
  free(all.place);
  free(all.when);
  free(all.recent);
  *count = all.count;
  return all.use;
}
