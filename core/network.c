/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Points made concrete.  Nothing is computed here that a layer seen before
 * needs again: a network is put together from remembered layers.
 */
#include "network.h"
#include <stdlib.h>
#include <string.h>
#include "family.h"
#include "log.h"
#include "mem.h"

struct assembly {
  struct family *family;
  struct chanas_network *net;
  const int32_t *choice; /* canonical */
  int32_t h, c;          /* of the current tensor, */
  int32_t tensor;        /* which is this one */
};

static int32_t
add_tensor(struct assembly *a, int32_t h, int32_t c)
{
  a->net->elements[a->net->tensors] = (size_t)a->family->batch * (size_t)h *
                                      (size_t)h * (size_t)c;
  return (int32_t)a->net->tensors++;
}

/* dst < 0: a new tensor of the result's shape, c channels. */
static void
add_block(struct assembly *a, const struct built *built, const char *name,
          const char *choice, int32_t src, int32_t dst, int32_t c)
{
  struct chanas_network *net = a->net;

  net->params += built->params;
  net->macs += built->macs;
  if (built->workload == NO_BLOCK)
    return;
  if (dst < 0)
    dst = a->tensor = add_tensor(a, built->h, c);
  net->block[net->blocks++] = (struct block){
    .workload = built->workload, .role = built->role, .name = name,
    .choice = choice, .src = src, .dst = dst, .params = built->params,
    .macs = built->macs };
}

static uint32_t
own_choice(const struct stage *stage, size_t l, const int32_t *choice)
{
  uint32_t own = 0, unit = 1;

  for (int i = 0; i < ATTRS; i++) {
    if (stage->set[i].values == 0)
      continue;
    if (stage->knob[l][i] >= 0)
      own += unit * (uint32_t)choice[stage->knob[l][i]];
    unit *= (uint32_t)stage->set[i].values;
  }
  return own;
}

/* Name of the op that layer l was given, "" if its stage has no ops. */
static const char *
op_choice(const struct assembly *a, const struct stage *stage, size_t l)
{
  const struct setting *set = &stage->set[ATTR_OP];

  if (set->values == 0)
    return "";
  return a->family->op[chosen(set, stage->knob[l][ATTR_OP], a->choice)].name;
}

static int
add_layers(struct assembly *a, const struct stage *stage, int32_t cout,
           int64_t width)
{
  size_t depth = (size_t)chosen(&stage->depth, stage->depth_knob, a->choice);
  int32_t stride = (int32_t)chosen(&stage->stride, stage->stride_knob,
                                   a->choice);

  for (size_t l = 0; l < depth; l++) {
    struct layer layer = {
      .slot = (uint32_t)(stage->slot + l),
      .own = own_choice(stage, l, a->choice),
      .width = layer_width(stage, width),
      .shape = { a->h, a->c, cout, l ? 1 : stride } };
    const struct built *built = slot_build(a->family, stage, &layer);
    if (built == NULL)
      return -1;
    add_block(a, built, stage->label[l], op_choice(a, stage, l), a->tensor, -1,
              cout);
    a->h = built->h;
    a->c = cout;
  }
  return 0;
}

/* One repetition: node 0 is the current tensor, the last node the next. */
static int
add_cell(struct assembly *a, const struct stage *stage, char *const *label)
{
  const struct cell *cell = &a->family->cell[stage->cell];
  int32_t first = (int32_t)a->net->tensors - 1, input = a->tensor;
  int32_t written = 0;

  for (int32_t n = 1; n < cell->nodes; n++)
    add_tensor(a, a->h, a->c);
  for (size_t e = 0; e < cell->edges; e++) {
    const struct edge *edge = &cell->edge[e];
    struct layer layer = {
      .slot = SLOT_EDGE + (uint32_t)chosen(&edge->op, edge->knob, a->choice),
      .accumulate = written == edge->to,
      .shape = { a->h, a->c, a->c, 1 } };
    const struct built *built = slot_build(a->family, stage, &layer);
    if (built == NULL)
      return -1;
    add_block(a, built, label[e],
              a->family->op[chosen(&edge->op, edge->knob, a->choice)].name,
              edge->from ? first + edge->from : input, first + edge->to,
              a->c);
    if (built->workload != NO_BLOCK)
      written = edge->to;
  }
  a->tensor = first + cell->nodes - 1;
  return 0;
}

static int
add_cells(struct assembly *a, const struct stage *stage)
{
  size_t depth = (size_t)chosen(&stage->depth, stage->depth_knob, a->choice);
  size_t edges = a->family->cell[stage->cell].edges;

  for (size_t i = 0; i < depth; i++)
    if (add_cell(a, stage, stage->label + i * edges) < 0)
      return -1;
  return 0;
}

static int
assemble(struct assembly *a)
{
  struct family *family = a->family;
  int64_t width = chosen(&family->width, family->width_knob, a->choice);
  struct layer head = { .slot = SLOT_HEAD, .width = (int32_t)width };
  const struct built *built;

  a->h = (int32_t)chosen(&family->resolution, family->resolution_knob,
                         a->choice);
  a->c = family->input_channels;
  a->tensor = add_tensor(a, a->h, a->c);
  for (size_t s = 0; s < family->stages; s++) {
    const struct stage *stage = &family->stage[s];
    int32_t cout = family_scaled(family, chosen(&stage->out, stage->out_knob,
                                                a->choice),
                                 stage->scale, width);
    if ((stage->cell < 0 ? add_layers(a, stage, cout, width) :
                           add_cells(a, stage)) < 0)
      return -1;
  }
  head.shape = (struct shape){ .h = a->h, .cin = a->c };
  if (family->head.dtype_knob >= 0)
    head.own = (uint32_t)a->choice[family->head.dtype_knob];
  built = slot_build(family, NULL, &head);
  if (built == NULL)
    return -1;
  add_block(a, built, "head", "", a->tensor, -1, family->classes);
  a->net->output = a->tensor;
  return 0;
}

static struct chanas_network *
new_network(const struct family *family, const int32_t *choice)
{
  struct chanas_network *net = mem_new(struct chanas_network);
  struct chanas_text code = { 0 };
  size_t knobs = family->space->knobs;

  net->family = family;
  net->choice = mem_array(int32_t, knobs + 1);
  memcpy(net->choice, choice, knobs * sizeof *choice);
  space_canon(family->space, net->choice);
  code_print(family, net->choice, &code);
  net->code = code.data;
  net->block = mem_array(struct block, family->most_blocks);
  net->elements = mem_array(size_t, family->most_tensors);
  return net;
}

struct chanas_network *
network_build(struct family *family, const int32_t *choice)
{
  struct assembly a = { .family = family };

  if (!space_valid(family->space, choice)) {
    log_error("%s: a point outside of the space", family->name);
    return NULL;
  }
  a.net = new_network(family, choice);
  a.choice = a.net->choice;
  if (assemble(&a) == 0)
    return a.net;
  network_free(a.net);
  return NULL;
}

void
network_free(struct chanas_network *net)
{
  if (net == NULL)
    return;
  free(net->choice);
  free(net->code);
  free(net->block);
  free(net->elements);
  free(net);
}
