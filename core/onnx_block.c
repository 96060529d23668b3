/* SPDX-License-Identifier: Apache-2.0 */
/* The nodes of one block, operator by operator. */
#include "onnx_block.h"

static struct value
hsigmoid(struct graph *g, struct value in)
{
  onnx_attribute_float(g, "alpha", 1.0f / 6);
  onnx_attribute_float(g, "beta", 0.5f);
  return onnx_unary(g, "HardSigmoid", in);
}

static struct value
activated(struct graph *g, int act, struct value in)
{
  static const float bounds[] = { 0, 6 };
  struct value low, high, out;

  switch (act) {
  case CHANAS_ACT_RELU: return onnx_unary(g, "Relu", in);
  case CHANAS_ACT_RELU6:
    low = onnx_parameters(g, &bounds[0], 0, 1, 1, 1, 1);
    high = onnx_parameters(g, &bounds[1], 0, 1, 1, 1, 1);
    out = onnx_new_value(g, in.flat);
    onnx_node(g, "Clip", in.name, low.name, high.name, out.name);
    return out;
  case CHANAS_ACT_HSWISH: return onnx_unary(g, "HardSwish", in);
  case CHANAS_ACT_HSIGMOID: return hsigmoid(g, in);
  case CHANAS_ACT_SWISH:
    return onnx_binary(g, "Mul", in, onnx_unary(g, "Sigmoid", in));
  default: return in;
  }
}

static void
window(struct graph *g, const struct chanas_op *op)
{
  onnx_attribute_ints(g, "kernel_shape", 2, (int32_t[]){ op->k, op->k });
  onnx_attribute_ints(g, "strides", 2, (int32_t[]){ op->stride, op->stride });
  onnx_attribute_ints(g, "pads", 4,
                      (int32_t[]){ op->pad, op->pad, op->pad, op->pad });
}

static struct value
conv(struct graph *g, const struct chanas_op *op, struct value in,
     const float *w)
{
  int64_t cin = op->kind == CHANAS_DWCONV ? 1 : op->cin;
  size_t n = (size_t)op->cout * (size_t)cin * (size_t)op->k * (size_t)op->k;
  struct value kernel = onnx_parameters(g, w, 4, op->cout, cin, op->k, op->k);
  struct value bias = { "", 0 }, out;

  if (op->bias)
    bias = onnx_parameters(g, w + n, 1, op->cout, 1, 1, 1);
  window(g, op);
  onnx_attribute_int(g, "group", op->kind == CHANAS_DWCONV ? op->cin : 1);
  out = onnx_new_value(g, 0);
  onnx_node(g, "Conv", in.name, kernel.name, op->bias ? bias.name : NULL,
            out.name);
  return out;
}

/* A 1 x 1 convolution of a mean. */
static struct value
gate_layer(struct graph *g, struct value in, const float *w, const float *b,
           int64_t from, int64_t to)
{
  struct value kernel = onnx_parameters(g, w, 4, to, from, 1, 1);
  struct value bias = onnx_parameters(g, b, 1, to, 1, 1, 1);
  struct value out = onnx_new_value(g, 0);

  onnx_node(g, "Conv", in.name, kernel.name, bias.name, out.name);
  return out;
}

static struct value
squeeze_excite(struct graph *g, const struct chanas_op *op, struct value in,
               const float *w)
{
  size_t n = (size_t)op->squeeze * (size_t)op->cin;
  const float *b1 = w + n, *w2 = b1 + op->squeeze, *b2 = w2 + n;
  struct value v = onnx_unary(g, "GlobalAveragePool", in);

  v = onnx_unary(g, "Relu", gate_layer(g, v, w, b1, op->cin, op->squeeze));
  v = hsigmoid(g, gate_layer(g, v, w2, b2, op->squeeze, op->cin));
  return onnx_binary(g, "Mul", in, v);
}

struct value
onnx_flatten(struct graph *g, struct value in)
{
  struct value out;

  if (in.flat)
    return in;
  onnx_attribute_int(g, "axis", 1);
  out = onnx_unary(g, "Flatten", in);
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
  out = onnx_binary(g, "Unsqueeze", in, onnx_integers(g, axes, 2));
  out.flat = 0;
  return out;
}

static struct value
linear(struct graph *g, const struct chanas_op *op, struct value in,
       const float *w)
{
  struct value flat = onnx_flatten(g, in), out;
  struct value matrix = onnx_parameters(g, w, 2, op->cout, op->cin, 1, 1);
  struct value bias = { "", 1 };

  if (op->bias)
    bias = onnx_parameters(g, w + (size_t)op->cout * (size_t)op->cin, 1,
                           op->cout, 1, 1, 1);
  onnx_attribute_int(g, "transB", 1);
  out = onnx_new_value(g, 1);
  onnx_node(g, "Gemm", flat.name, matrix.name, op->bias ? bias.name : NULL,
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
  case CHANAS_ADD: out = onnx_binary(g, "Add", in, in2); break;
  case CHANAS_AVGPOOL:
    window(g, op);
    onnx_attribute_int(g, "count_include_pad", 0);
    out = onnx_unary(g, "AveragePool", in);
    break;
  case CHANAS_GLOBALPOOL: out = onnx_unary(g, "GlobalAveragePool", in); break;
  case CHANAS_LINEAR: out = linear(g, op, in, w); break;
  }
  return activated(g, op->act, out);
}

struct value
onnx_block(struct graph *g, const struct chanas_workload *w, struct value in,
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

struct value
onnx_zeroes(struct graph *g, const struct chanas_op *op)
{
  static const int64_t first[] = { 0 };
  static const float zero[] = { 0 };
  const int64_t rest[] = { op->cin, op->h, op->w };
  struct value shape = onnx_new_value(g, 0), batch = onnx_new_value(g, 0);
  struct value extent = onnx_integers(g, rest, 3), value;

  onnx_node(g, "Shape", "input", NULL, NULL, shape.name);
  onnx_node(g, "Gather", shape.name, onnx_integers(g, first, 1).name, NULL,
            batch.name);
  onnx_attribute_int(g, "axis", 0);
  shape = onnx_binary(g, "Concat", batch, extent);
  value = onnx_parameters(g, zero, 4, 1, 1, 1, 1);
  return onnx_binary(g, "Expand", value, shape);
}
