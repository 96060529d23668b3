/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Families: from a space file to something that networks can be built from.
 * What family_parse returns is sound: every point of its space is a network.
 */
#include "family.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "log.h"
#include "mem.h"

#define STAGES_MOST 128
#define RESOLUTION_MOST 8192
#define LAYERS_MOST 1000000 /* that differ in shape or choice */

static const char *const space_known[] = {
  "name", "input-channels", "resolution", "width", "divisor", "classes",
  "code", NULL
};

/* Nearest multiple of the divisor, but not below 90 %: Howard et al. 2017
 * (MobileNet), as all networks of that descent round. */
int32_t
family_divisible(const struct family *family, double channels)
{
  double d = family->divisor, n = floor((channels + d / 2) / d) * d;

  if (n < d)
    n = d;
  if (n < 0.9 * channels)
    n += d;
  return n < INT32_MAX ? (int32_t)n : INT32_MAX;
}

int32_t
family_scaled(const struct family *family, int64_t channels, int scale,
              int64_t width)
{
  if (scale == SCALE_NONE || width == SETTING_UNIT ||
      (scale == SCALE_GROW && width < SETTING_UNIT))
    return (int32_t)channels;
  return family_divisible(family, (double)channels * (double)width /
                          SETTING_UNIT);
}

static int
read_width(struct family *family, struct source *in)
{
  struct setting *set = &family->width;

  if (setting_reals(in, "width", 0.05, 16, set) < 0)
    return -1;
  if (set->values == 0) {
    set->value = mem_array(int64_t, 1);
    set->text = mem_array(char *, 1);
    set->text[0] = mem_string("1.0");
    set->value[0] = SETTING_UNIT;
    set->values = 1;
  }
  return 0;
}

static int
read_name(struct family *family, struct source *in)
{
  const char *name = ini_get(in->section, "name");

  if (source_need(in, "name", "my-space") < 0)
    return -1;
  if (*name == '\0' || strpbrk(name, " /,\t\"'"))
    return source_error(in, ini_entry(in->section, "name")->line,
                        "name = %s; use letters, digits, _ . and -", name);
  family->name = mem_string(name);
  return 0;
}

/* All but the code, which names knobs that are not there yet. */
static int
read_space(struct family *family, struct source *in)
{
  family->divisor = 8;
  if (read_name(family, in) < 0 ||
      source_need(in, "resolution", "224") < 0 ||
      setting_ints(in, "resolution", 1, RESOLUTION_MOST,
                   &family->resolution) < 0 ||
      read_width(family, in) < 0 ||
      source_need(in, "input-channels", "3") < 0 ||
      setting_int(in, "input-channels", 1, 65536,
                  &family->input_channels) < 0 ||
      source_need(in, "classes", "1000") < 0 ||
      setting_int(in, "classes", 1, 1000000, &family->classes) < 0 ||
      setting_int(in, "divisor", 1, 256, &family->divisor) < 0)
    return -1;
  ini_get(in->section, "code");
  return source_check(in, space_known);
}

static int
starts(const char *name, const char *kind)
{
  size_t n = strlen(kind);

  return strncmp(name, kind, n) == 0 && (name[n] == ' ' || name[n] == '\0');
}

static int
read_section(struct family *family, struct source *in)
{
  const char *name = in->section->name;

  if (strcmp(name, "space") == 0)
    return 0;
  if (family->head.line)
    return source_error(in, 0, "[%s] after [head]; the head comes last", name);
  if (strcmp(name, "head") == 0)
    return layer_read_head(family, in);
  if (starts(name, "op"))
    return layer_read_op(family, in);
  if (starts(name, "cell"))
    return layer_read_cell(family, in);
  if (!starts(name, "stage"))
    return source_error(in, 0, "[%s]; a space file has [space], [op NAME], "
                        "[cell NAME], [stage NAME] and [head]", name);
  if (family->stages == STAGES_MOST)
    return source_error(in, 0, "more than %d stages", STAGES_MOST);
  return layer_read_stage(family, in);
}

/* A cell has a bit for each op (see family_usage.c), and a use. */
static int
check_cells(const struct family *family)
{
  for (size_t c = 0; c < family->cells; c++) {
    int used = 0;
    for (size_t s = 0; s < family->stages; s++)
      used |= family->stage[s].cell == (long)c;
    if (used && family->cells * family->ops <= 32)
      continue;
    log_error("%s:%d: [cell %s] %s", family->path, family->cell[c].line,
              family->cell[c].name,
              used ? "is one too many: cells times ops must not exceed 32" :
              "is used by no stage; remove it, or add a [stage] with "
              "cell = its name");
    return -1;
  }
  return 0;
}

static int
read_sections(struct family *family, const struct ini *ini)
{
  struct source in = { .ini = ini, .section = ini_find(ini, "space") };

  if (in.section == NULL) {
    log_error("%s:1: no section [space]; add it with name, resolution, "
              "input-channels and classes", ini->path);
    return -1;
  }
  if (read_space(family, &in) < 0)
    return -1;
  for (size_t i = 0; i < ini->sections; i++) {
    in.section = &ini->section[i];
    if (read_section(family, &in) < 0)
      return -1;
  }
  if (family->stages && family->head.line)
    return check_cells(family);
  return source_error(&in, 0, "the file ends without a %s; add one",
                      family->head.line ? "[stage NAME]" : "[head]");
}

/* ---- what is derived ---------------------------------------------------- */

static char *
stage_label(const struct family *family, const struct stage *stage, size_t i)
{
  const struct cell *cell;
  const struct edge *edge;

  if (stage->cell < 0)
    return mem_print("%s.%zu", stage->name, i + 1);
  cell = &family->cell[stage->cell];
  edge = &cell->edge[i % cell->edges];
  return mem_print("%s.%zu.%d<%d", stage->name, i / cell->edges + 1, edge->to,
                   edge->from);
}

/* Numbers of slots, display names, room for the largest network. */
static void
lay_out(struct family *family)
{
  size_t slot = 0;

  family->most_blocks = 1;
  family->most_tensors = 2;
  for (size_t s = 0; s < family->stages; s++) {
    struct stage *stage = &family->stage[s];
    size_t depth = 0, blocks, tensors;
    for (size_t i = 0; i < stage->depth.values; i++)
      if ((size_t)stage->depth.value[i] > depth)
        depth = (size_t)stage->depth.value[i];
    blocks = tensors = stage->layers = depth;
    if (stage->cell >= 0) {
      blocks *= family->cell[stage->cell].edges;
      tensors *= (size_t)family->cell[stage->cell].nodes - 1;
    }
    stage->slot = slot;
    slot += depth;
    stage->label = mem_array(char *, blocks + 1);
    for (size_t i = 0; i < blocks; i++)
      stage->label[i] = stage_label(family, stage, i);
    family->most_blocks += blocks;
    family->most_tensors += tensors;
  }
}

struct visits { const struct family *family; size_t count; };

static int
visit(void *arg, const struct stage *stage, const struct layer *layer)
{
  struct visits *visits = arg;

  (void)layer;
  if (++visits->count <= LAYERS_MOST)
    return 0;
  log_error("%s:%d: over %d different layers; list fewer values",
            visits->family->path, stage ? stage->line :
            visits->family->head.line, LAYERS_MOST);
  return -1;
}

static int
check_shapes(const struct family *family)
{
  struct visits visits = { .family = family };

  for (size_t r = 0; r < family->resolution.values; r++)
    for (size_t w = 0; w < family->width.values; w++)
      if (family_walk(family, family->resolution.value[r],
                      family->width.value[w], visit, &visits) < 0)
        return -1;
  return 0;
}

static int
finish(struct family *family, const struct ini *ini)
{
  struct source in = { .ini = ini, .section = ini_find(ini, "space") };
  const struct ini_entry *code = ini_entry(in.section, "code");

  lay_out(family);
  if (knobs_declare(family) < 0 || check_shapes(family) < 0)
    return -1;
  return code_read(family, &in, code ? code->value : NULL,
                   code ? code->line : 0);
}

struct family *
family_parse(const struct ini *ini)
{
  struct family *family = mem_new(struct family);

  family->path = mem_string(ini->path);
  family->space = space_new();
  family->batch = 1;
  family->dtype = CHANAS_F32;
  if (read_sections(family, ini) == 0 && finish(family, ini) == 0)
    return family;
  family_free(family);
  return NULL;
}

struct family *
family_read(const char *path)
{
  struct ini *ini = ini_read(path);
  struct family *family = ini ? family_parse(ini) : NULL;

  ini_free(ini);
  return family;
}

static void
free_stage(struct stage *stage)
{
  for (int a = 0; a < ATTRS; a++)
    setting_free(&stage->set[a]);
  setting_free(&stage->depth);
  setting_free(&stage->stride);
  setting_free(&stage->out);
  for (size_t i = 0; stage->label && stage->label[i]; i++)
    free(stage->label[i]);
  free(stage->label);
  free(stage->knob);
  free(stage->name);
}

static void
free_cell(struct cell *cell)
{
  for (size_t e = 0; e < cell->edges; e++)
    setting_free(&cell->edge[e].op);
  free(cell->edge);
  free(cell->name);
}

void
family_free(struct family *family)
{
  if (family == NULL)
    return;
  for (size_t i = 0; i < family->ops; i++)
    free(family->op[i].name);
  for (size_t i = 0; i < family->cells; i++)
    free_cell(&family->cell[i]);
  for (size_t i = 0; i < family->stages; i++)
    free_stage(&family->stage[i]);
  setting_free(&family->resolution);
  setting_free(&family->width);
  setting_free(&family->head.dtype);
  slots_clear(family);
  code_free(family->code);
  workload_set_free(&family->workloads);
  space_free(family->space);
  free(family->op);
  free(family->cell);
  free(family->stage);
  free(family->name);
  free(family->path);
  free(family);
}

int
family_target(struct family *family, int batch, int dtype)
{
  int old = family->batch;

  if (family->batch == batch && family->dtype == dtype)
    return 0;
  family->batch = batch;
  if (check_shapes(family) < 0) {
    family->batch = old;
    return -1;
  }
  family->dtype = dtype;
  slots_clear(family);
  return 0;
}
