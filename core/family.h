/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of a family, shared by the files that make one up:
 *
 *   family.c  reading, life and death     family_setting.c  lists in the file
 *   family_layer.c  [op], [stage]          family_head.c   [head]
 *   family_cell.c   [cell]
 *   family_knobs.c  lists as knobs         family_block.c  layers as operators
 *   family_slot.c   layers as workloads    family_walk.c   every layer there is
 *   family_usage.c  who uses it            family_code.c   short names
 *   network.c       points as nets
 *
 * Shape of a stage's input is (h, c): images are square.  Everything below
 * depends on the choices made before only through it.
 */
#ifndef CORE_FAMILY_H
#define CORE_FAMILY_H
#include "network.h"
#include "family_setting.h"

#define CHANNELS_MOST 65536 /* that a key may ask for */

/* Attributes of a layer that may be knobs. */
enum attr { ATTR_OP, ATTR_KERNEL, ATTR_EXPAND, ATTR_SE, ATTR_ACT, ATTR_DTYPE,
            ATTRS };

enum rule_kind {
  RULE_CONV, RULE_MBCONV, RULE_STEM, RULE_IDENTITY, RULE_AVGPOOL,
  RULE_REDUCE, RULE_SKIP, RULE_NONE,
};

#define NO_DTYPE (-1)
#define NO_ACT (-1)

/* How one layer is made: an [op], or a stage with its attributes chosen. */
struct rule {
  int32_t kind, kernel, expand /* thousandths */, se, act;
  int32_t pre;      /* activation before the convolution */
  int32_t norm;     /* batch normalisation behind it */
  int32_t bias;     /* without normalisation */
  int32_t residual; /* where the shapes allow */
  int32_t dtype;    /* or NO_DTYPE: the family's */
  int32_t conv;     /* channels of a stem's convolution, */
  int32_t conv_kernel, conv_act; /* NO_ACT: act */
};

struct op_section {
  char *name;
  struct rule rule;
};

/* A DAG of nodes 0 .. nodes-1; edge e leads from one to a later one. */
struct cell {
  char *name;
  int line;
  int32_t nodes;
  size_t edges;
  struct edge { int32_t from, to; struct setting op; long knob; } *edge;
};

struct stage {
  char *name;
  int line;
  struct rule rule;
  struct setting set[ATTRS]; /* op: indices of the family's ops */
  struct setting depth, stride, out;
  int32_t scale;             /* out by the width: enum scale */
  long cell;                 /* or -1 */
  int32_t per_stage;         /* one knob for all layers */
  size_t layers;             /* at the greatest depth */
  size_t slot;               /* of the first layer */
  long depth_knob, stride_knob, out_knob; /* -1: one value only */
  long (*knob)[ATTRS];       /* of each layer; -1: one value only */
  char **label;              /* "3.2"; of a cell: per repetition and edge */
};

enum scale { SCALE_WIDTH, SCALE_GROW, SCALE_NONE };

struct head {
  int line;
  int32_t conv, conv_scale, norm, act;
  int32_t features, features_scale, features_act, features_bias;
  int32_t bias_macs; /* the classifier's bias counts as work */
  struct setting dtype; /* empty: the family's */
  long dtype_knob;
};

struct code; /* template of short names */
struct slots; /* memo of built layers */

struct family {
  char *path, *name;
  struct chanas_space *space;
  int32_t input_channels, divisor, classes;
  struct setting resolution, width;
  long resolution_knob, width_knob;
  size_t ops, cells, stages;
  struct op_section *op;
  struct cell *cell;
  struct stage *stage;
  struct head head;
  struct code *code;
  struct workload_set workloads;
  struct slots *slots;
  int batch, dtype;
  size_t most_blocks, most_tensors;
};

/* One value of a setting: that of the knob's choice, else the only one. */
static inline int64_t
chosen(const struct setting *set, long knob, const int32_t *choice)
{
  return set->value[knob < 0 ? 0 : choice[knob]];
}

/* ---- family_layer.c, family_cell.c, family_head.c: sections */
int layer_read_op(struct family *, struct source *);
int layer_read_cell(struct family *, struct source *);
int layer_read_stage(struct family *, struct source *);
int layer_read_head(struct family *, struct source *);
int layer_read_dtype(struct source *, struct setting *);
/* Ops that are declared so far. */
int layer_read_ops(const struct family *, struct source *, const char *key,
                   struct setting *);
/* The NAME of "[stage NAME]", the caller's; -1 if knobs cannot have it. */
int layer_read_name(const struct source *, char **name);
/* What these keys may be; each ends in NULL. */
extern const char *const act_words[], *const yes_words[], *const scale_words[];

/* ---- family_knobs.c: every list of several values becomes a knob */
int knobs_declare(struct family *);

/* ---- channels */
int32_t family_divisible(const struct family *, double channels);
int32_t family_scaled(const struct family *, int64_t channels, int scale,
                      int64_t width);

/* ---- family_block.c: one layer as operators */
struct draft {
  struct workload_builder builder;
  const char *role;
  double params, macs;
};
struct shape { int32_t h, cin, cout, stride; };

/* 1: drafted; 0: the layer is no block at all; -1: impossible, logged. */
int draft_layer(struct draft *, const struct family *, const struct rule *,
                const struct shape *);
int draft_edge(struct draft *, const struct family *, const struct rule *,
               const struct shape *);
int draft_head(struct draft *, const struct family *, const struct shape *,
               int64_t width, uint32_t own);

/* ---- family_slot.c: one layer as a workload */
#define NO_BLOCK ((size_t)-1)
struct layer {   /* what identifies a built layer; has no padding */
  uint32_t slot; /* stage.slot + layer, or one of the two below plus ... */
  uint32_t own;  /* choice of the layer's own attributes, mixed radix */
  int32_t accumulate, width;
  struct shape shape;
};
/* Its width: 0 unless it has channels that out does not tell. */
static inline int32_t
layer_width(const struct stage *stage, int64_t width)
{
  return stage->rule.kind == RULE_STEM ? (int32_t)width : 0;
}
#define SLOT_EDGE 0x40000000u /* ... the index of the op */
#define SLOT_HEAD 0x80000000u

struct built {
  struct layer layer;
  size_t workload; /* or NO_BLOCK */
  const char *role;
  double params, macs;
  int32_t h;       /* of the result */
};

/* Rule of a stage's layer with its own attributes chosen. */
struct rule layer_rule(const struct family *, const struct stage *,
                       uint32_t own);
uint32_t stage_owns(const struct stage *); /* how many such choices */
uint32_t head_owns(const struct head *);   /* each is a dtype */
/* NULL only for layers that the walk at the start did not see. */
const struct built *slot_build(struct family *, const struct stage *,
                               const struct layer *);
/* NULL if it was not built yet. */
const struct built *slot_find(const struct family *, const struct layer *);
/* As slot_build without remembering: -1 if impossible; h of the result. */
int slot_try(const struct family *, const struct stage *,
             const struct layer *, int32_t *h);
void slots_clear(struct family *);

/* ---- family_walk.c */
/* Calls visit for every layer that some network has, in order of first use;
 * stage is NULL for the head.  -1 if visit gives that, or if a layer is
 * impossible (logged). */
int family_walk(const struct family *, int64_t resolution, int64_t width,
                int (*visit)(void *, const struct stage *,
                             const struct layer *), void *);

/* ---- family_code.c */
int code_read(struct family *, struct source *, const char *text, int line);
void code_print(const struct family *, const int32_t *choice,
                struct chanas_text *);
void code_free(struct code *);
#endif
