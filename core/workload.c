/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Workload builder: a list of ops whose extents follow from their sources.
 *
 * Every op in a builder is legal: its extents are positive, no tensor of it
 * (batch included) and no parameter array has 2^31 elements or more.  So the
 * sums over at most WORKLOAD_MAX_OPS ops fit in 64 bits.
 */
#include "workload.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "log.h"
#include "mem.h"
#include "workload_key.h"

#define ELEMENTS_LIMIT INT64_C(0x7fffffff)
#define KERNEL_LIMIT 255

static const char *const op_names[] = {
  [CHANAS_CONV] = "conv", [CHANAS_DWCONV] = "dw", [CHANAS_SE] = "se",
  [CHANAS_ADD] = "add", [CHANAS_AVGPOOL] = "avgpool",
  [CHANAS_GLOBALPOOL] = "globalpool", [CHANAS_LINEAR] = "linear",
  [CHANAS_ACT] = "act",
};
static const char *const act_names[] = {
  [CHANAS_ACT_NONE] = "none", [CHANAS_ACT_RELU] = "relu",
  [CHANAS_ACT_RELU6] = "relu6", [CHANAS_ACT_HSWISH] = "hswish",
  [CHANAS_ACT_HSIGMOID] = "hsigmoid", [CHANAS_ACT_SWISH] = "swish",
};
static const char *const dtype_names[] = {
  [CHANAS_F32] = "f32", [CHANAS_BF16] = "bf16", [CHANAS_I8] = "i8",
  [CHANAS_F16] = "f16", [CHANAS_TF32] = "tf32",
};
#define COUNT(array) ((int)(sizeof (array) / sizeof *(array)))

static const char *
name_of(const char *const names[], int count, int i)
{
  return i >= 0 && i < count ? names[i] : "unknown";
}

const char *
op_name(int kind)
{
  return name_of(op_names, COUNT(op_names), kind);
}

const char *
act_name(int act)
{
  return name_of(act_names, COUNT(act_names), act);
}

const char *
dtype_name(int dtype)
{
  return name_of(dtype_names, COUNT(dtype_names), dtype);
}

int
dtype_parse(const char *name)
{
  for (int i = 0; i < COUNT(dtype_names); i++)
    if (strcmp(name, dtype_names[i]) == 0)
      return i;
  return -1;
}

int
act_parse(const char *name)
{
  for (int i = 0; i < COUNT(act_names); i++)
    if (strcmp(name, act_names[i]) == 0)
      return i;
  return -1;
}

static size_t
product(int64_t a, int64_t b)
{
  return (size_t)a * (size_t)b;
}

size_t
op_weights(const struct chanas_op *op)
{
  size_t bias = op->bias ? (size_t)op->cout : 0;

  switch (op->kind) {
  case CHANAS_CONV:
    return product(op->cin, op->cout) * product(op->k, op->k) + bias;
  case CHANAS_DWCONV:
    return product(op->cin, 1) * product(op->k, op->k) + bias;
  case CHANAS_SE:
    return 2 * product(op->cin, op->squeeze) + (size_t)op->squeeze +
           (size_t)op->cin;
  case CHANAS_LINEAR:
    return product(op->cin, op->cout) + bias;
  default:
    return 0;
  }
}

double
op_macs(const struct chanas_op *op)
{
  double positions = (double)op->oh * op->ow, taps = (double)op->k * op->k;

  switch (op->kind) {
  case CHANAS_CONV:
    return positions * op->cout * op->cin * taps;
  case CHANAS_DWCONV:
    return positions * op->cout * taps;
  case CHANAS_SE:
    return 2.0 * op->cin * op->squeeze;
  case CHANAS_LINEAR:
    return (double)op->cin * op->cout;
  default:
    return 0;
  }
}

int
op_has_products(const struct chanas_op *op)
{
  return op->kind == CHANAS_CONV || op->kind == CHANAS_DWCONV ||
         op->kind == CHANAS_LINEAR;
}

void
workload_begin(struct workload_builder *b, int dtype, int batch, int h, int w,
               int c)
{
  *b = (struct workload_builder){ .dtype = dtype, .batch = batch, .h = h,
                                  .w = w, .c = c };
}

/* a * b * c, or beyond ELEMENTS_LIMIT; operands are positive. */
static int64_t
volume(int64_t a, int64_t b, int64_t c)
{
  if (a > ELEMENTS_LIMIT / b || a * b > ELEMENTS_LIMIT / c)
    return ELEMENTS_LIMIT + 1;
  return a * b * c;
}

static int
tensor_fits(const struct workload_builder *b, int64_t h, int64_t w, int64_t c)
{
  if (h < 1 || w < 1 || c < 1 || b->batch < 1)
    return 0;
  return volume(volume(h, w, c), b->batch, 1) <= ELEMENTS_LIMIT;
}

static int
refuse(const struct chanas_op *op, const char *why)
{
  log_error("no %s from %dx%dx%d to %dx%dx%d, kernel %d, stride %d: %s",
            op_name(op->kind), op->h, op->w, op->cin, op->oh, op->ow,
            op->cout, op->k, op->stride, why);
  return -1;
}

/* Extents of tensor t; 0 if there is no such tensor yet. */
static int
tensor(const struct workload_builder *b, int t, int32_t *h, int32_t *w,
       int32_t *c)
{
  if (t < 0 || (uint32_t)t > b->ops)
    return 0;
  *h = t ? b->op[t - 1].oh : b->h;
  *w = t ? b->op[t - 1].ow : b->w;
  *c = t ? b->op[t - 1].cout : b->c;
  return 1;
}

static int
weights_fit(const struct chanas_op *op)
{
  int64_t taps = (int64_t)op->k * op->k;

  switch (op->kind) {
  case CHANAS_CONV:
    return volume(op->cin, op->cout, taps) <= ELEMENTS_LIMIT;
  case CHANAS_DWCONV:
    return volume(op->cin, taps, 1) <= ELEMENTS_LIMIT;
  case CHANAS_SE:
    return volume(op->cin, op->squeeze, 2) <= ELEMENTS_LIMIT;
  case CHANAS_LINEAR:
    return volume(op->cin, op->cout, 1) <= ELEMENTS_LIMIT;
  default:
    return 1;
  }
}

/* Source and its extents; every other field is the caller's. */
static int
begin_op(const struct workload_builder *b, struct chanas_op *op)
{
  if (b->ops == WORKLOAD_MAX_OPS)
    return refuse(op, "a block holds at most 32 ops");
  if (!tensor_fits(b, b->h, b->w, b->c))
    return refuse(op, "the block's input is empty or beyond 2^31 elements");
  if (!tensor(b, op->src, &op->h, &op->w, &op->cin))
    return refuse(op, "it reads a tensor that is not there");
  op->oh = op->h;
  op->ow = op->w;
  if (op->cout == 0)
    op->cout = op->cin;
  return 0;
}

static int
finish_op(struct workload_builder *b, const struct chanas_op *op)
{
  if (!tensor_fits(b, op->oh, op->ow, op->cout))
    return refuse(op, "the result is empty or beyond 2^31 elements");
  if (!weights_fit(op))
    return refuse(op, "beyond 2^31 parameters");
  if (act_parse(act_name(op->act)) < 0)
    return refuse(op, "no such activation");
  b->op[b->ops++] = *op;
  return (int)b->ops;
}

/* An op with a window: extents of its result. */
static int
slide(struct workload_builder *b, struct chanas_op *op)
{
  int64_t h, w;

  if (begin_op(b, op) < 0)
    return -1;
  if (op->cout < 1 || op->k < 1 || op->k > KERNEL_LIMIT || op->stride < 1 ||
      op->stride > KERNEL_LIMIT || op->pad < 0 || op->pad >= op->k)
    return refuse(op, "a kernel and a stride from 1 to 255, a padding below "
                  "the kernel and some output channels are needed");
  h = (int64_t)op->h + 2 * op->pad - op->k;
  w = (int64_t)op->w + 2 * op->pad - op->k;
  if (h < 0 || w < 0)
    return refuse(op, "the kernel is larger than the padded input");
  if (h / op->stride >= ELEMENTS_LIMIT || w / op->stride >= ELEMENTS_LIMIT)
    return refuse(op, "the result is beyond 2^31 elements");
  op->oh = (int32_t)(h / op->stride + 1);
  op->ow = (int32_t)(w / op->stride + 1);
  return finish_op(b, op);
}

int
workload_conv(struct workload_builder *b, int src, int cout, int k, int stride,
              int pad, int act, int bias)
{
  struct chanas_op op = { .kind = CHANAS_CONV, .act = act, .src = src,
                          .src2 = -1, .cout = cout > 0 ? cout : -1, .k = k,
                          .stride = stride, .pad = pad, .bias = !!bias };

  return slide(b, &op);
}

int
workload_dwconv(struct workload_builder *b, int src, int k, int stride,
                int pad, int act, int bias)
{
  struct chanas_op op = { .kind = CHANAS_DWCONV, .act = act, .src = src,
                          .src2 = -1, .k = k, .stride = stride, .pad = pad,
                          .bias = !!bias };

  return slide(b, &op);
}

int
workload_avgpool(struct workload_builder *b, int src, int k, int stride,
                 int pad)
{
  struct chanas_op op = { .kind = CHANAS_AVGPOOL, .src = src, .src2 = -1,
                          .k = k, .stride = stride, .pad = pad };

  return slide(b, &op);
}

int
workload_se(struct workload_builder *b, int src, int squeeze)
{
  struct chanas_op op = { .kind = CHANAS_SE, .src = src, .src2 = -1,
                          .squeeze = squeeze, .bias = 1 };

  if (begin_op(b, &op) < 0)
    return -1;
  if (squeeze < 1)
    return refuse(&op, "it needs a squeeze of at least one channel");
  return finish_op(b, &op);
}

int
workload_add(struct workload_builder *b, int src, int src2, int act)
{
  struct chanas_op op = { .kind = CHANAS_ADD, .act = act, .src = src,
                          .src2 = src2 };
  int32_t h, w, c;

  if (begin_op(b, &op) < 0)
    return -1;
  if (!tensor(b, src2, &h, &w, &c))
    return refuse(&op, "it reads a tensor that is not there");
  if (h != op.h || w != op.w || c != op.cin)
    return refuse(&op, "its sources differ in shape");
  return finish_op(b, &op);
}

int
workload_globalpool(struct workload_builder *b, int src)
{
  struct chanas_op op = { .kind = CHANAS_GLOBALPOOL, .src = src, .src2 = -1 };

  if (begin_op(b, &op) < 0)
    return -1;
  op.oh = op.ow = 1;
  return finish_op(b, &op);
}

int
workload_linear(struct workload_builder *b, int src, int cout, int act,
                int bias)
{
  struct chanas_op op = { .kind = CHANAS_LINEAR, .act = act, .src = src,
                          .src2 = -1, .cout = cout > 0 ? cout : -1,
                          .bias = !!bias };

  if (begin_op(b, &op) < 0)
    return -1;
  if (op.h != 1 || op.w != 1)
    return refuse(&op, "it reads 1x1 only; pool first");
  return finish_op(b, &op);
}

int
workload_act(struct workload_builder *b, int src, int act)
{
  struct chanas_op op = { .kind = CHANAS_ACT, .act = act, .src = src,
                          .src2 = -1 };

  return begin_op(b, &op) < 0 ? -1 : finish_op(b, &op);
}

/* Every tensor but the last must be read by some op. */
static int
check_use(const struct workload_builder *b)
{
  uint64_t read = 0;

  for (uint32_t i = 0; i < b->ops; i++) {
    read |= UINT64_C(1) << b->op[i].src;
    if (b->op[i].src2 >= 0)
      read |= UINT64_C(1) << b->op[i].src2;
  }
  if (b->ops > 0 && read == (UINT64_C(1) << b->ops) - 1)
    return 0;
  log_error("workload: %s", b->ops ? "a tensor that no op reads" : "no op");
  return -1;
}

static int
check_target(const struct workload_builder *b)
{
  if (b->dtype >= 0 && b->dtype < COUNT(dtype_names) && b->batch >= 1)
    return 0;
  log_error("workload: dtype %d, batch %d", b->dtype, b->batch);
  return -1;
}

static void
count_traffic(struct chanas_workload *work)
{
  static const double size[] = { [CHANAS_F32] = 4, [CHANAS_BF16] = 2,
                                 [CHANAS_I8] = 1, [CHANAS_F16] = 2,
                                 [CHANAS_TF32] = 4 };
  double macs = 0;

  for (uint32_t i = 0; i < work->ops; i++) {
    work->weights += op_weights(&work->op[i]);
    macs += op_macs(&work->op[i]);
  }
  if (work->dtype == CHANAS_I8)
    work->weights += work->ops;
  work->flops = 2 * macs * work->batch;
  work->bytes = 4.0 * (double)work->inputs +
                4.0 * (double)work->outputs * (work->accumulate ? 2 : 1) +
                size[work->dtype] * (double)work->weights;
}

struct chanas_workload *
workload_end(const struct workload_builder *b)
{
  struct chanas_workload *work;
  struct chanas_text key = { 0 };
  struct chanas_op *op;
  const struct chanas_op *last;

  if (check_target(b) < 0 || check_use(b) < 0)
    return NULL;
  last = &b->op[b->ops - 1];
  op = mem_array(struct chanas_op, b->ops);
  memcpy(op, b->op, b->ops * sizeof *op);
  workload_print_key(b, &key);
  work = mem_new(struct chanas_workload);
  *work = (struct chanas_workload){
    .struct_size = sizeof *work, .key = key.data, .dtype = b->dtype,
    .batch = b->batch, .accumulate = !!b->accumulate, .ops = b->ops, .op = op,
    .inputs = product(product(b->h, b->w), b->c) * (size_t)b->batch,
    .outputs = product(product(last->oh, last->ow), last->cout) *
               (size_t)b->batch };
  count_traffic(work);
  return work;
}

void
workload_free(struct chanas_workload *work)
{
  if (work == NULL)
    return;
  free((char *)work->key);
  free((struct chanas_op *)work->op);
  free(work);
}
