/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sections of a space file that say what layers are: [op NAME],
 * [stage NAME].  A key that has no meaning for the kind of block at hand is
 * an unknown key.
 */
#include "family.h"
#include <stdlib.h>
#include <string.h>
#include "mem.h"

#define KERNEL_MOST 63
#define LAYERS_MOST 64

static const char *const kind_names[] = {
  [RULE_CONV] = "conv", [RULE_MBCONV] = "mbconv", [RULE_STEM] = "stem",
  [RULE_IDENTITY] = "identity", [RULE_AVGPOOL] = "avgpool",
  [RULE_REDUCE] = "reduce", [RULE_SKIP] = "skip", [RULE_NONE] = "none", NULL
};
const char *const act_words[] = {
  [CHANAS_ACT_NONE] = "none", [CHANAS_ACT_RELU] = "relu",
  [CHANAS_ACT_RELU6] = "relu6", [CHANAS_ACT_HSWISH] = "hswish",
  [CHANAS_ACT_HSIGMOID] = "hsigmoid", [CHANAS_ACT_SWISH] = "swish", NULL
};
const char *const yes_words[] = { "no", "yes", NULL };
static const char *const order_names[] = { "post", "pre", NULL };
static const char *const per_names[] = { "layer", "stage", NULL };
const char *const scale_words[] = {
  [SCALE_WIDTH] = "width", [SCALE_GROW] = "grow", [SCALE_NONE] = "none", NULL
};

/* Keys in use per kind of block, for "did you mean". */
static const char *const op_known[] = {
  "block", "kernel", "expand", "se", "act", "order", "norm", "bias",
  "residual", "dtype", NULL
};
static const char *const stage_known[] = {
  "block", "op", "cell", "out", "depth", "stride", "scale", "per", "kernel",
  "expand", "se", "act", "order", "norm", "bias", "residual", "dtype", "conv",
  "conv-kernel", "conv-act", NULL
};

static int
kernels_fit(const struct source *in, int32_t kind, const struct setting *set)
{
  for (size_t i = 0; kind != RULE_AVGPOOL && i < set->values; i++)
    if (set->value[i] % 2 == 0)
      return source_error(in, set->line, "kernel = %s; only odd kernels keep "
                          "the size of the image", set->text[i]);
  return 0;
}

/* Names become parts of knobs' names. */
int
layer_read_name(const struct source *in, char **name)
{
  static const char good[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                             "abcdefghijklmnopqrstuvwxyz0123456789_-";
  const char *blank = strchr(in->section->name, ' ');

  *name = mem_string(blank ? blank + 1 : "");
  if (**name && (*name)[strspn(*name, good)] == '\0')
    return 0;
  return source_error(in, 0, "[%s]; after the blank, give a name of letters, "
                      "digits, _ and -", in->section->name);
}

int
layer_read_dtype(struct source *in, struct setting *set)
{
  const char *words[CHANAS_TF32 + 2] = { NULL };

  for (int i = CHANAS_F32; i <= CHANAS_TF32; i++)
    words[i] = dtype_name(i);
  return setting_names(in, "dtype", words, set);
}

/* Kinds that end with a depthwise convolution and a projection. */
static int
is_separable(int32_t kind)
{
  return kind == RULE_MBCONV || kind == RULE_STEM;
}

/* The lists of a block's attributes; what its kind lacks stays empty. */
static int
read_attributes(struct source *in, int32_t kind, struct setting set[ATTRS])
{
  int acts = is_separable(kind) || kind == RULE_REDUCE;
  int windowed = acts || kind == RULE_CONV || kind == RULE_AVGPOOL;

  if (windowed && (source_need(in, "kernel", "3") < 0 ||
                   setting_ints(in, "kernel", 1, KERNEL_MOST,
                                &set[ATTR_KERNEL]) < 0 ||
                   kernels_fit(in, kind, &set[ATTR_KERNEL]) < 0))
    return -1;
  if (kind == RULE_MBCONV &&
      (source_need(in, "expand", "6") < 0 ||
       setting_reals(in, "expand", 0.125, 64, &set[ATTR_EXPAND]) < 0))
    return -1;
  if (is_separable(kind) && setting_ints(in, "se", 0, 64, &set[ATTR_SE]) < 0)
    return -1;
  if (acts && source_need(in, "act", "relu") < 0)
    return -1;
  if (kind != RULE_AVGPOOL && kind != RULE_SKIP && kind != RULE_NONE &&
      layer_read_dtype(in, &set[ATTR_DTYPE]) < 0)
    return -1;
  return acts || kind == RULE_CONV
           ? setting_names(in, "act", act_words, &set[ATTR_ACT]) : 0;
}

/* The convolution that a stem begins with. */
static int
read_stem(struct source *in, struct rule *rule)
{
  rule->conv_kernel = 3;
  rule->conv_act = NO_ACT;
  if (source_need(in, "conv", "32") < 0 ||
      setting_int(in, "conv", 1, CHANNELS_MOST, &rule->conv) < 0 ||
      setting_int(in, "conv-kernel", 1, KERNEL_MOST, &rule->conv_kernel) < 0)
    return -1;
  if (rule->conv_kernel % 2 == 0)
    return source_error(in, ini_entry(in->section, "conv-kernel")->line,
                        "conv-kernel = %d; only odd kernels keep the size of "
                        "the image", rule->conv_kernel);
  return setting_name(in, "conv-act", act_words, &rule->conv_act);
}

/* What no list can vary. */
static int
read_rule(struct source *in, struct rule *rule)
{
  rule->norm = rule->residual = 1;
  rule->dtype = NO_DTYPE;
  rule->kernel = 1;
  rule->expand = SETTING_UNIT;
  if (is_separable(rule->kind) &&
      setting_name(in, "residual", yes_words, &rule->residual) < 0)
    return -1;
  if (rule->kind == RULE_STEM)
    return read_stem(in, rule);
  if (rule->kind != RULE_CONV)
    return 0;
  if (setting_name(in, "order", order_names, &rule->pre) < 0 ||
      setting_name(in, "norm", yes_words, &rule->norm) < 0)
    return -1;
  return rule->norm ? 0 : setting_name(in, "bias", yes_words, &rule->bias);
}

/* Attributes that are not lists go into the rule. */
static void
fix_attributes(struct rule *rule, const struct setting set[ATTRS])
{
  int32_t *field[ATTRS] = { NULL, &rule->kernel, &rule->expand, &rule->se,
                            &rule->act, &rule->dtype };

  for (int a = ATTR_KERNEL; a < ATTRS; a++)
    if (set[a].values)
      *field[a] = (int32_t)set[a].value[0];
}

int
layer_read_op(struct family *family, struct source *in)
{
  struct op_section *op;
  struct setting set[ATTRS] = { { 0 } };
  int status;

  family->op = mem_grow(family->op, family->ops + 1, sizeof *op);
  op = &family->op[family->ops++];
  *op = (struct op_section){ .name = NULL };
  if (layer_read_name(in, &op->name) < 0 ||
      source_need(in, "block", "mbconv") < 0 ||
      setting_name(in, "block", kind_names, &op->rule.kind) < 0)
    return -1;
  if (op->rule.kind == RULE_STEM)
    return source_error(in, ini_entry(in->section, "block")->line, "a stem "
                        "is a stage of its own: [stage NAME] block = stem");
  status = read_attributes(in, op->rule.kind, set);
  if (status == 0)
    status = read_rule(in, &op->rule);
  for (int a = 0; a < ATTRS && status == 0; a++)
    if (set[a].values > 1)
      status = source_error(in, set[a].line, "an op takes one value a key; "
                            "declare an [op] for each");
  fix_attributes(&op->rule, set);
  for (int a = 0; a < ATTRS; a++)
    setting_free(&set[a]);
  return status < 0 ? -1 : source_check(in, op_known);
}

/* Names of the ops declared so far, NULL-terminated; free it. */
static const char **
op_list(const struct family *family)
{
  const char **names = mem_array(const char *, family->ops + 1);

  for (size_t i = 0; i < family->ops; i++)
    names[i] = family->op[i].name;
  return names;
}

int
layer_read_ops(const struct family *family, struct source *in,
               const char *key, struct setting *set)
{
  const char **names = op_list(family);
  int status = setting_names(in, key, names, set);

  free(names);
  return status;
}

/* ---- stages ------------------------------------------------------------- */

static int
read_stage_cell(const struct family *family, struct source *in,
                struct stage *stage)
{
  const char **names = mem_array(const char *, family->cells + 1);
  int32_t cell = 0;
  int status;

  for (size_t i = 0; i < family->cells; i++)
    names[i] = family->cell[i].name;
  status = setting_name(in, "cell", names, &cell);
  free(names);
  stage->cell = cell;
  return status;
}

static int
check_stage_op(const struct source *in, int line, int32_t kind,
               const char *name)
{
  if (kind != RULE_SKIP && kind != RULE_NONE)
    return 0;
  return source_error(in, line, "%s is for the edges of a cell; for a layer "
                      "that does nothing use block = identity", name);
}

/* A dtype belongs to the stage or to its ops. */
static int
check_dtype(const struct source *in, const struct stage *stage,
            const struct op_section *op)
{
  if (stage->set[ATTR_DTYPE].values == 0 || op->rule.dtype == NO_DTYPE)
    return 0;
  return source_error(in, stage->set[ATTR_DTYPE].line, "[%s] and its [op %s] "
                      "both have a dtype; remove one", in->section->name,
                      op->name);
}

static int
read_stage_ops(const struct family *family, struct source *in,
               struct stage *stage)
{
  struct setting *set = &stage->set[ATTR_OP];

  if (layer_read_ops(family, in, "op", set) < 0 ||
      layer_read_dtype(in, &stage->set[ATTR_DTYPE]) < 0)
    return -1;
  for (size_t i = 0; i < set->values; i++) {
    const struct op_section *op = &family->op[set->value[i]];
    if (check_stage_op(in, set->line, op->rule.kind, set->text[i]) < 0 ||
        check_dtype(in, stage, op) < 0)
      return -1;
  }
  return 0;
}

static int
read_stage_block(struct source *in, struct stage *stage)
{
  int line = ini_entry(in->section, "block")->line;

  if (setting_name(in, "block", kind_names, &stage->rule.kind) < 0 ||
      check_stage_op(in, line, stage->rule.kind,
                     kind_names[stage->rule.kind]) < 0 ||
      read_attributes(in, stage->rule.kind, stage->set) < 0 ||
      read_rule(in, &stage->rule) < 0)
    return -1;
  fix_attributes(&stage->rule, stage->set);
  return 0;
}

/* What the stage is made of: exactly one of block, op, cell. */
static int
read_content(struct family *family, struct source *in, struct stage *stage)
{
  int block = ini_entry(in->section, "block") != NULL;
  int op = ini_entry(in->section, "op") != NULL;
  int cell = ini_entry(in->section, "cell") != NULL;

  if (block + op + cell != 1)
    return source_error(in, 0, "[%s] needs exactly one of block, op and cell",
                        in->section->name);
  return cell ? read_stage_cell(family, in, stage) :
         op ? read_stage_ops(family, in, stage) : read_stage_block(in, stage);
}

static void
set_one(struct setting *set)
{
  set->value = mem_array(int64_t, 1);
  set->text = mem_array(char *, 1);
  set->text[0] = mem_string("1");
  set->value[0] = 1;
  set->values = 1;
}

/* A list that defaults to the single value 1. */
static int
read_count(struct source *in, const char *key, int64_t most,
           struct setting *set)
{
  if (setting_ints(in, key, 1, most, set) < 0)
    return -1;
  if (set->values == 0)
    set_one(set);
  return 0;
}

int
layer_read_stage(struct family *family, struct source *in)
{
  struct stage *stage;

  family->stage = mem_grow(family->stage, family->stages + 1, sizeof *stage);
  stage = &family->stage[family->stages++];
  *stage = (struct stage){ .cell = -1, .line = in->section->line,
                           .depth_knob = -1, .stride_knob = -1,
                           .out_knob = -1 };
  if (layer_read_name(in, &stage->name) < 0 ||
      read_content(family, in, stage) < 0 ||
      source_need(in, "out", "16") < 0 ||
      setting_ints(in, "out", 1, CHANNELS_MOST, &stage->out) < 0 ||
      setting_name(in, "scale", scale_words, &stage->scale) < 0)
    return -1;
  if (stage->rule.kind == RULE_STEM)
    set_one(&stage->depth);
  else if (read_count(in, "depth", LAYERS_MOST, &stage->depth) < 0)
    return -1;
  if (stage->cell >= 0)
    set_one(&stage->stride);
  else if (read_count(in, "stride", 16, &stage->stride) < 0 ||
           setting_name(in, "per", per_names, &stage->per_stage) < 0)
    return -1;
  return source_check(in, stage_known);
}
