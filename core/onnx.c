/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ONNX models: field numbers are those of onnx.proto, IR version 8.
 *
 * A value is named t0, t1, ... in the order in which it comes to be.  Values
 * have four axes, but results of Gemm, which have two; `flat` says which.
 */
#include "onnx.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "file.h"
#include "log.h"
#include "mem.h"
#include "onnx_wire.h"
#include "weights.h"

#define IR_VERSION 8
#define OPSET 17
#define NAME 24

enum { TYPE_FLOAT = 1, TYPE_INT64 = 7 };            /* TensorProto.DataType */
enum { ATTR_FLOAT = 1, ATTR_INT = 2, ATTR_INTS = 7 }; /* AttributeProto.Type */

struct value { char name[NAME]; int flat; };

struct graph {
  struct chanas_text nodes, initializers;
  struct chanas_text attributes; /* of the node that is being made */
  unsigned values, constants;
};

/* ---- attributes, nodes, initializers ------------------------------------- */

static void
attribute(struct graph *g, const char *name, int type,
          struct chanas_text *value)
{
  struct chanas_text a = { 0 };

  wire_string(&a, 1, name);
  text_append(&a, text_string(value), value->size);
  text_free(value);
  wire_int(&a, 20, type);
  wire_message(&g->attributes, 5, &a);
}

static void
attribute_float(struct graph *g, const char *name, float v)
{
  struct chanas_text value = { 0 };

  wire_float(&value, 2, v);
  attribute(g, name, ATTR_FLOAT, &value);
}

static void
attribute_int(struct graph *g, const char *name, int64_t v)
{
  struct chanas_text value = { 0 };

  wire_int(&value, 3, v);
  attribute(g, name, ATTR_INT, &value);
}

static void
attribute_ints(struct graph *g, const char *name, size_t n, const int32_t *v)
{
  struct chanas_text value = { 0 };

  for (size_t i = 0; i < n; i++)
    wire_int(&value, 8, v[i]);
  attribute(g, name, ATTR_INTS, &value);
}

static struct value
new_value(struct graph *g, int flat)
{
  struct value v = { .flat = flat };

  snprintf(v.name, sizeof v.name, "t%u", g->values++);
  return v;
}

/* A node with the attributes collected so far; inputs may be NULL. */
static void
node(struct graph *g, const char *type, const char *a, const char *b,
     const char *c, const char *out)
{
  const char *in[] = { a, b, c };
  struct chanas_text n = { 0 };

  for (int i = 0; i < 3; i++)
    if (in[i])
      wire_string(&n, 1, in[i]);
  wire_string(&n, 2, out);
  wire_string(&n, 3, out);
  wire_string(&n, 4, type);
  text_append(&n, text_string(&g->attributes), g->attributes.size);
  text_free(&g->attributes);
  wire_message(&g->nodes, 1, &n);
}

static struct value
unary(struct graph *g, const char *type, struct value in)
{
  struct value out = new_value(g, in.flat);

  node(g, type, in.name, NULL, NULL, out.name);
  return out;
}

static struct value
binary(struct graph *g, const char *type, struct value a, struct value b)
{
  struct value out = new_value(g, a.flat);

  node(g, type, a.name, b.name, NULL, out.name);
  return out;
}

static void
tensor(struct graph *g, const char *name, int type, int axes,
       const int64_t *extent, const void *data, size_t bytes)
{
  struct chanas_text t = { 0 };

  for (int i = 0; i < axes; i++)
    wire_int(&t, 1, extent[i]);
  wire_int(&t, 2, type);
  wire_string(&t, 8, name);
  wire_bytes(&t, 9, data, bytes);
  wire_message(&g->initializers, 5, &t);
}

/* Little-endian floats, whatever the machine. */
static struct value
parameters(struct graph *g, const float *v, int axes, int64_t a, int64_t b,
           int64_t c, int64_t d)
{
  const int64_t extent[] = { a, b, c, d };
  struct chanas_text raw = { 0 };
  struct value out = { .flat = 0 };
  size_t n = 1;

  for (int i = 0; i < axes; i++)
    n *= (size_t)extent[i];
  for (size_t i = 0; i < n; i++) {
    uint32_t bits;
    unsigned char byte[4];
    memcpy(&bits, &v[i], sizeof bits);
    for (int k = 0; k < 4; k++)
      byte[k] = (unsigned char)(bits >> (8 * k));
    text_append(&raw, byte, 4);
  }
  snprintf(out.name, sizeof out.name, "w%u", g->constants++);
  tensor(g, out.name, TYPE_FLOAT, axes, extent, text_string(&raw), raw.size);
  text_free(&raw);
  return out;
}

static struct value
integers(struct graph *g, const int64_t *v, int64_t n)
{
  unsigned char raw[8 * 4];
  struct value out = { .flat = 0 };

  for (int64_t i = 0; i < n; i++)
    for (int k = 0; k < 8; k++)
      raw[8 * i + k] = (unsigned char)((uint64_t)v[i] >> (8 * k));
  snprintf(out.name, sizeof out.name, "w%u", g->constants++);
  tensor(g, out.name, TYPE_INT64, 1, &n, raw, 8 * (size_t)n);
  return out;
}

/* ---- operators ----------------------------------------------------------- */

static struct value
hsigmoid(struct graph *g, struct value in)
{
  attribute_float(g, "alpha", 1.0f / 6);
  attribute_float(g, "beta", 0.5f);
  return unary(g, "HardSigmoid", in);
}

static struct value
activated(struct graph *g, int act, struct value in)
{
  static const float bounds[] = { 0, 6 };
  struct value low, high, out;

  switch (act) {
  case CHANAS_ACT_RELU: return unary(g, "Relu", in);
  case CHANAS_ACT_RELU6:
    low = parameters(g, &bounds[0], 0, 1, 1, 1, 1);
    high = parameters(g, &bounds[1], 0, 1, 1, 1, 1);
    out = new_value(g, in.flat);
    node(g, "Clip", in.name, low.name, high.name, out.name);
    return out;
  case CHANAS_ACT_HSWISH: return unary(g, "HardSwish", in);
  case CHANAS_ACT_HSIGMOID: return hsigmoid(g, in);
  case CHANAS_ACT_SWISH: return binary(g, "Mul", in, unary(g, "Sigmoid", in));
  default: return in;
  }
}

static void
window(struct graph *g, const struct chanas_op *op)
{
  attribute_ints(g, "kernel_shape", 2, (int32_t[]){ op->k, op->k });
  attribute_ints(g, "strides", 2, (int32_t[]){ op->stride, op->stride });
  attribute_ints(g, "pads", 4,
                 (int32_t[]){ op->pad, op->pad, op->pad, op->pad });
}

static struct value
conv(struct graph *g, const struct chanas_op *op, struct value in,
     const float *w)
{
  int64_t cin = op->kind == CHANAS_DWCONV ? 1 : op->cin;
  size_t n = (size_t)op->cout * (size_t)cin * (size_t)op->k * (size_t)op->k;
  struct value kernel = parameters(g, w, 4, op->cout, cin, op->k, op->k);
  struct value bias = { "", 0 }, out;

  if (op->bias)
    bias = parameters(g, w + n, 1, op->cout, 1, 1, 1);
  window(g, op);
  attribute_int(g, "group", op->kind == CHANAS_DWCONV ? op->cin : 1);
  out = new_value(g, 0);
  node(g, "Conv", in.name, kernel.name, op->bias ? bias.name : NULL, out.name);
  return out;
}

/* A 1 x 1 convolution of a mean. */
static struct value
gate_layer(struct graph *g, struct value in, const float *w, const float *b,
           int64_t from, int64_t to)
{
  struct value kernel = parameters(g, w, 4, to, from, 1, 1);
  struct value bias = parameters(g, b, 1, to, 1, 1, 1);
  struct value out = new_value(g, 0);

  node(g, "Conv", in.name, kernel.name, bias.name, out.name);
  return out;
}

static struct value
squeeze_excite(struct graph *g, const struct chanas_op *op, struct value in,
               const float *w)
{
  size_t n = (size_t)op->squeeze * (size_t)op->cin;
  const float *b1 = w + n, *w2 = b1 + op->squeeze, *b2 = w2 + n;
  struct value v = unary(g, "GlobalAveragePool", in);

  v = unary(g, "Relu", gate_layer(g, v, w, b1, op->cin, op->squeeze));
  v = hsigmoid(g, gate_layer(g, v, w2, b2, op->squeeze, op->cin));
  return binary(g, "Mul", in, v);
}

static struct value
flatten(struct graph *g, struct value in)
{
  struct value out;

  if (in.flat)
    return in;
  attribute_int(g, "axis", 1);
  out = unary(g, "Flatten", in);
  out.flat = 1;
  return out;
}

/* Back to four axes. */
static struct value
spatial(struct graph *g, struct value in)
{
  static const int64_t axes[] = { 2, 3 };
  struct value out;

  if (!in.flat)
    return in;
  out = binary(g, "Unsqueeze", in, integers(g, axes, 2));
  out.flat = 0;
  return out;
}

static struct value
linear(struct graph *g, const struct chanas_op *op, struct value in,
       const float *w)
{
  struct value flat = flatten(g, in), out;
  struct value matrix = parameters(g, w, 2, op->cout, op->cin, 1, 1);
  struct value bias = { "", 1 };

  if (op->bias)
    bias = parameters(g, w + (size_t)op->cout * (size_t)op->cin, 1, op->cout,
                      1, 1, 1);
  attribute_int(g, "transB", 1);
  out = new_value(g, 1);
  node(g, "Gemm", flat.name, matrix.name, op->bias ? bias.name : NULL,
       out.name);
  return out;
}

static struct value
operation(struct graph *g, const struct chanas_op *op, struct value in,
          struct value in2, const float *w)
{
  struct value out = in;

  if (op->kind != CHANAS_LINEAR && op->kind != CHANAS_ACT) {
    in = spatial(g, in);
    in2 = op->kind == CHANAS_ADD ? spatial(g, in2) : in2;
  }
  switch (op->kind) {
  case CHANAS_CONV:
  case CHANAS_DWCONV: out = conv(g, op, in, w); break;
  case CHANAS_SE: out = squeeze_excite(g, op, in, w); break;
  case CHANAS_ADD: out = binary(g, "Add", in, in2); break;
  case CHANAS_AVGPOOL:
    window(g, op);
    attribute_int(g, "count_include_pad", 0);
    out = unary(g, "AveragePool", in);
    break;
  case CHANAS_GLOBALPOOL: out = unary(g, "GlobalAveragePool", in); break;
  case CHANAS_LINEAR: out = linear(g, op, in, w); break;
  }
  return activated(g, op->act, out);
}

static struct value
block(struct graph *g, const struct chanas_workload *w, struct value in,
      const float *weights)
{
  struct value t[WORKLOAD_MAX_OPS + 1] = { in };

  for (uint32_t i = 0; i < w->ops; i++) {
    const struct chanas_op *op = &w->op[i];
    t[i + 1] = operation(g, op, t[op->src],
                         t[op->kind == CHANAS_ADD ? op->src2 : op->src],
                         weights);
    weights += op_weights(op);
  }
  return t[w->ops];
}

/* All zeroes, batch x c x h x w, for a tensor that no block writes. */
static struct value
zeroes(struct graph *g, const struct chanas_op *op)
{
  static const int64_t first[] = { 0 };
  static const float zero[] = { 0 };
  const int64_t rest[] = { op->cin, op->h, op->w };
  struct value shape = new_value(g, 0), batch = new_value(g, 0);
  struct value extent = integers(g, rest, 3), value;

  node(g, "Shape", "input", NULL, NULL, shape.name);
  node(g, "Gather", shape.name, integers(g, first, 1).name, NULL, batch.name);
  attribute_int(g, "axis", 0);
  shape = binary(g, "Concat", batch, extent);
  value = parameters(g, zero, 4, 1, 1, 1, 1);
  return binary(g, "Expand", value, shape);
}

/* ---- the whole ----------------------------------------------------------- */

static const struct chanas_workload *
workload_of(const struct chanas_network *net, size_t b)
{
  return family_workloads((struct family *)net->family)
    ->item[net->block[b].workload];
}

/* Blocks in their order; the result is named "output". */
static void
make_nodes(struct graph *g, const struct chanas_network *net,
           float *const weights[])
{
  struct value *t = mem_array(struct value, net->tensors + 1), last;
  char *made = mem_array(char, net->tensors + 1);

  attribute_ints(g, "perm", 4, (int32_t[]){ 0, 3, 1, 2 });
  t[0] = new_value(g, 0);
  node(g, "Transpose", "input", NULL, NULL, t[0].name);
  made[0] = 1;
  for (size_t b = 0; b < net->blocks; b++) {
    const struct chanas_workload *w = workload_of(net, b);
    size_t src = (size_t)net->block[b].src, dst = (size_t)net->block[b].dst;
    struct value result;
    if (!made[src])
      t[src] = zeroes(g, &w->op[0]);
    made[src] = 1;
    result = block(g, w, t[src], weights[b]);
    t[dst] = w->accumulate && made[dst] ? binary(g, "Add", t[dst], result)
                                        : result;
    made[dst] = 1;
  }
  last = flatten(g, t[net->output]);
  node(g, "Identity", last.name, NULL, NULL, "output");
  free(t);
  free(made);
}

/* A float value with a free batch. */
static void
value_info(struct chanas_text *graph, int field, const char *name, int axes,
           const int64_t *extent)
{
  struct chanas_text dim = { 0 }, shape = { 0 }, tensor_type = { 0 };
  struct chanas_text type = { 0 }, info = { 0 };

  wire_string(&dim, 2, "batch");
  wire_message(&shape, 1, &dim);
  for (int i = 0; i < axes; i++) {
    wire_int(&dim, 1, extent[i]);
    wire_message(&shape, 1, &dim);
  }
  wire_int(&tensor_type, 1, TYPE_FLOAT);
  wire_message(&tensor_type, 2, &shape);
  wire_message(&type, 1, &tensor_type);
  wire_string(&info, 1, name);
  wire_message(&info, 2, &type);
  wire_message(graph, field, &info);
}

static void
property(struct chanas_text *model, const char *key, const char *value)
{
  struct chanas_text entry = { 0 };

  wire_string(&entry, 1, key);
  wire_string(&entry, 2, value);
  wire_message(model, 14, &entry);
}

static void
describe(struct chanas_text *model, const struct weights *w)
{
  struct chanas_text mean = { 0 }, std = { 0 }, names = { 0 };

  for (int32_t c = 0; c < w->channels; c++) {
    text_print(&mean, "%s%.9g", c ? " " : "", (double)w->mean[c]);
    text_print(&std, "%s%.9g", c ? " " : "", (double)w->std[c]);
  }
  for (int32_t i = 0; i < w->classes; i++)
    text_print(&names, "%s%s", i ? "\n" : "", w->class_name[i]);
  property(model, "mean", text_string(&mean));
  property(model, "std", text_string(&std));
  property(model, "classes", text_string(&names));
  text_free(&mean);
  text_free(&std);
  text_free(&names);
}

static void
make_graph(struct chanas_text *out, const struct chanas_network *net,
           float *const weights[])
{
  const struct chanas_op *op = &workload_of(net, 0)->op[0];
  const struct chanas_workload *last = workload_of(net, net->blocks - 1);
  int64_t in[] = { op->h, op->w, op->cin };
  int64_t classes[] = { (int64_t)last->outputs / last->batch };
  struct graph g = { 0 };

  make_nodes(&g, net, weights);
  text_append(out, text_string(&g.nodes), g.nodes.size);
  wire_string(out, 2, net->code);
  text_append(out, text_string(&g.initializers), g.initializers.size);
  wire_string(out, 10, "Input NHWC: (pixel / 255 - mean) / std.");
  value_info(out, 11, "input", 3, in);
  value_info(out, 12, "output", 1, classes);
  text_free(&g.nodes);
  text_free(&g.initializers);
}

int
onnx_write(const struct chanas_network *net, float *const weights[],
           const struct weights *about, const char *path)
{
  struct chanas_text model = { 0 }, graph = { 0 }, opset = { 0 };
  int status = -1;

  wire_int(&model, 1, IR_VERSION);
  wire_string(&model, 2, "chanas");
  wire_string(&model, 3, PACKAGE_VERSION);
  make_graph(&graph, net, weights);
  wire_message(&model, 7, &graph);
  wire_int(&opset, 2, OPSET);
  wire_message(&model, 8, &opset);
  property(&model, "space", family_name(net->family));
  property(&model, "network", net->code);
  if (about)
    describe(&model, about);
  if (model.size > INT_MAX)
    log_error("%s: %s needs %zu bytes; an ONNX file has at most 2 GiB", path,
              net->code, model.size);
  else
    status = file_write(path, model.data, model.size);
  text_free(&model);
  return status;
}
