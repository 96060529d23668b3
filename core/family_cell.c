/* SPDX-License-Identifier: Apache-2.0 */
/* Sections of a space file that say what cells are: [cell NAME]. */
#include "family.h"
#include <stdlib.h>
#include "mem.h"

#define NODES_MOST 16

static const char *const cell_known[] = { "nodes", "edge", NULL };

static int
check_edge(const struct family *family, const struct source *in,
           const struct setting *set)
{
  for (size_t i = 0; i < set->values; i++) {
    int32_t kind = family->op[set->value[i]].rule.kind;
    if (kind == RULE_IDENTITY || kind == RULE_REDUCE)
      return source_error(in, set->line, "op %s cannot be an edge; for a copy "
                          "use block = skip", set->text[i]);
    if (kind == RULE_AVGPOOL && family->op[set->value[i]].rule.kernel % 2 == 0)
      return source_error(in, set->line, "op %s: an edge keeps the size, so "
                          "its kernel must be odd", set->text[i]);
  }
  return 0;
}

/* Every pair of nodes, to = 1, 2, ... and from below it. */
static int
read_edges(struct family *family, struct source *in, struct cell *cell)
{
  cell->edge = mem_array(struct edge,
                         (size_t)(cell->nodes * (cell->nodes - 1) / 2));
  for (int32_t to = 1; to < cell->nodes; to++)
    for (int32_t from = 0; from < to; from++) {
      struct edge *edge = &cell->edge[cell->edges++];
      char *own = mem_print("edge%d.%d", to, from);
      const char *key = ini_entry(in->section, own) ? own : "edge";
      int status;
      edge->to = to;
      edge->from = from;
      edge->knob = -1;
      status = source_need(in, key, "skip conv");
      if (status == 0)
        status = layer_read_ops(family, in, key, &edge->op);
      if (status == 0)
        status = check_edge(family, in, &edge->op);
      free(own);
      if (status < 0)
        return -1;
    }
  return 0;
}

int
layer_read_cell(struct family *family, struct source *in)
{
  struct cell *cell;

  family->cell = mem_grow(family->cell, family->cells + 1, sizeof *cell);
  cell = &family->cell[family->cells++];
  *cell = (struct cell){ .line = in->section->line };
  if (layer_read_name(in, &cell->name) < 0 ||
      source_need(in, "nodes", "4") < 0 ||
      setting_int(in, "nodes", 2, NODES_MOST, &cell->nodes) < 0 ||
      read_edges(family, in, cell) < 0)
    return -1;
  return source_check(in, cell_known);
}
