/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An ONNX graph while it is made: values, attributes, nodes, initializers.
 *
 * A value is named t0, t1, ... in the order in which it comes to be, a
 * constant w0, w1, ...  Values have four axes, but results of Gemm, which
 * have two; `flat` says which.
 */
#ifndef CORE_ONNX_NODE_H
#define CORE_ONNX_NODE_H
#include <stdint.h>
#include "text.h"

#define ONNX_NAME 24

enum { ONNX_FLOAT = 1, ONNX_INT64 = 7 };            /* TensorProto.DataType */

struct value { char name[ONNX_NAME]; int flat; };

/* Nodes and initializers are kept as fields of a GraphProto, one after the
 * other, which onnx.c puts into the graph as they are. */
struct graph {
  struct chanas_text nodes, initializers;
  struct chanas_text attributes; /* of the node that is being made */
  unsigned values, constants;
};

/* Attributes of the node that comes next. */
void onnx_attribute_float(struct graph *, const char *name, float);
void onnx_attribute_int(struct graph *, const char *name, int64_t);
void onnx_attribute_ints(struct graph *, const char *name, size_t n,
                         const int32_t *);

struct value onnx_new_value(struct graph *, int flat);
/* A node with the attributes collected so far; inputs may be NULL. */
void onnx_node(struct graph *, const char *type, const char *a, const char *b,
               const char *c, const char *out);
/* The same with a new value as its result, flat as the (first) input is. */
struct value onnx_unary(struct graph *, const char *type, struct value);
struct value onnx_binary(struct graph *, const char *type, struct value,
                         struct value);

/* Constants: as many floats as the extents a, b, c, d of the first `axes`
 * axes give; n integers, at most 4. */
struct value onnx_parameters(struct graph *, const float *, int axes,
                             int64_t a, int64_t b, int64_t c, int64_t d);
struct value onnx_integers(struct graph *, const int64_t *, int64_t n);
#endif
