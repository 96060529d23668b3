/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Workloads to try: every kind of operator and of block at sizes that are
 * even, odd, tiny, not square, and channels around the widths of vectors.
 */
#include "check.h"
#include "log.h"

static const char *const keys[] = {
  /* dense convolutions */
  "f32/n1/i14x14x96/conv:k1,s1,p0,o64,relu6,b,x0",
  "f32/n1/i7x5x13/conv:k1,s1,p0,o21,none,x0",
  "f32/n2/i6x6x16/conv:k1,s2,p0,o24,relu,b,x0",
  "f32/n1/i33x31x3/conv:k3,s2,p1,o32,hswish,b,x0",
  "f32/n1/i12x12x17/conv:k3,s1,p1,o9,swish,b,x0",
  "f32/n1/i9x131x5/conv:k5,s2,p2,o9,relu,b,x0",
  "f32/n2/i9x11x8/conv:k5,s2,p2,o16,none,b,x0",
  "f32/n1/i16x15x4/conv:k7,s4,p3,o5,hsigmoid,b,x0",
  "f32/n1/i10x10x6/conv:k2,s2,p0,o7,relu,b,x0",
  "f32/n1/i5x5x3/conv:k4,s3,p2,o1,none,x0",
  "f32/n1/i8x8x16/conv:k3,s1,p1,o16,none,b,x0/acc",
  "f32/n1/i1x1x40/conv:k1,s1,p0,o17,relu,b,x0",
  "f32/n2/i6x10x17/conv:k3,s1,p1,o45,relu,b,x0",
  "f32/n1/i8x6x32/conv:k3,s1,p0,o24,none,b,x0/conv:k3,s1,p2,o32,none,b,x1/"
    "add:hswish,x2,0/acc",
  /* depthwise */
  "f32/n1/i14x14x32/dw:k3,s1,p1,relu6,b,x0",
  "f32/n1/i13x9x19/dw:k3,s2,p1,relu,b,x0",
  "f32/n2/i11x7x24/dw:k5,s1,p2,hswish,b,x0",
  "f32/n1/i9x17x5/dw:k7,s3,p3,none,x0",
  "f32/n1/i8x8x8/dw:k3,s1,p0,none,b,x0",
  "f32/n1/i6x6x11/dw:k2,s1,p1,relu,b,x0/acc",
  "f32/n1/i4x4x16/dw:k1,s2,p0,swish,b,x0",
  /* inverted residuals */
  "f32/n1/i14x14x16/conv:k1,s1,p0,o96,relu6,b,x0/"
    "dw:k3,s1,p1,relu6,b,x1/conv:k1,s1,p0,o16,none,b,x2/add:none,x3,0",
  "f32/n1/i28x28x24/conv:k1,s1,p0,o72,relu6,b,x0/"
    "dw:k5,s2,p2,relu6,b,x1/conv:k1,s1,p0,o40,none,b,x2",
  "f32/n1/i15x9x10/conv:k1,s1,p0,o30,hswish,b,x0/"
    "dw:k3,s1,p1,hswish,b,x1/se:q8,x2/conv:k1,s1,p0,o10,none,b,x3/"
    "add:none,x4,0",
  "f32/n2/i7x7x20/conv:k1,s1,p0,o33,relu,b,x0/dw:k5,s1,p2,relu,b,x1/"
    "se:q5,x2/conv:k1,s1,p0,o12,none,b,x3",
  "f32/n1/i16x16x32/dw:k3,s1,p1,relu6,b,x0/conv:k1,s1,p0,o16,none,b,x1",
  "f32/n1/i72x116x16/dw:k3,s1,p1,relu6,b,x0/conv:k1,s1,p0,o8,none,b,x1",
  "f32/n2/i9x10x13/dw:k3,s2,p1,relu,b,x0/conv:k1,s1,p0,o7,none,b,x1",
  "f32/n1/i13x13x8/conv:k1,s1,p0,o24,relu,b,x0/dw:k7,s1,p3,relu,b,x1/"
    "conv:k1,s1,p0,o8,none,b,x2/add:relu,x0,3/acc",
  "f32/n1/i9x9x6/conv:k1,s1,p0,o14,relu,x0/dw:k3,s1,p1,relu,x1/"
    "conv:k1,s1,p0,o6,none,x2/add:none,x3,0/dw:k3,s1,p1,none,b,x4",
  "f32/n1/i20x20x16/conv:k1,s1,p0,o64,relu6,b,x0/dw:k3,s4,p1,relu6,b,x1/"
    "conv:k1,s1,p0,o24,none,b,x2",
  /* stems and what is behind them */
  "f32/n1/i33x31x3/conv:k3,s2,p1,o32,relu6,b,x0/dw:k3,s1,p1,relu6,b,x1/"
    "conv:k1,s1,p0,o16,none,b,x2",
  "f32/n1/i212x214x3/conv:k3,s2,p1,o8,hswish,b,x0/dw:k3,s1,p1,relu,b,x1/"
    "conv:k1,s1,p0,o8,none,b,x2/add:none,x3,1",
  "f32/n2/i21x75x5/conv:k5,s2,p2,o19,relu,b,x0/dw:k5,s1,p2,relu,b,x1/"
    "conv:k1,s1,p0,o19,none,b,x2/add:none,x3,1",
  "f32/n1/i25x40x3/conv:k3,s2,p1,o24,hswish,b,x0/dw:k3,s1,p1,relu,b,x1/"
    "se:q8,x2/conv:k1,s1,p0,o24,none,b,x3/add:none,x4,1",
  "f32/n1/i29x61x4/conv:k3,s2,p1,o20,relu,b,x0/dw:k3,s2,p1,relu,b,x1/"
    "se:q5,x2/conv:k1,s1,p0,o12,none,b,x3",
  "f32/n2/i12x66x16/conv:k3,s1,p1,o32,relu,b,x0/dw:k3,s1,p1,relu,b,x1/"
    "conv:k1,s1,p0,o32,none,b,x2/add:relu,x1,3/add:none,x4,1/acc",
  "f32/n2/i9x20x7/conv:k3,s3,p0,o18,relu,x0/dw:k2,s1,p1,relu,x1/"
    "conv:k1,s1,p0,o5,none,x2/acc",
  "f32/n1/i24x9x17/conv:k1,s2,p0,o21,relu,b,x0/dw:k1,s1,p0,swish,b,x1/"
    "conv:k1,s1,p0,o21,none,b,x2/add:none,x1,3",
  /* half precision between tiles: vectors in odd number, short rows */
  "f32/n1/i9x7x16/conv:k1,s1,p0,o48,relu6,b,x0/dw:k5,s1,p2,relu6,b,x1/"
    "conv:k1,s1,p0,o24,none,b,x2",
  "f32/n2/i14x14x40/conv:k1,s1,p0,o200,relu6,b,x0/dw:k3,s2,p1,relu6,x1/"
    "conv:k1,s1,p0,o40,none,b,x2",
  "f32/n1/i16x16x16/conv:k1,s1,p0,o8,relu6,b,x0/dw:k3,s1,p1,relu6,b,x1/"
    "conv:k1,s1,p0,o16,none,b,x2",
  "f32/n1/i14x14x33/conv:k5,s1,p2,o8,relu6,b,x0/"
    "conv:k1,s1,p0,o130,hswish,b,x1/dw:k1,s1,p0,hswish,b,x2/"
    "conv:k1,s1,p0,o8,none,b,x3/add:none,x4,1/"
    "conv:k1,s1,p0,o24,relu6,b,x5/dw:k1,s3,p0,relu6,b,x6/"
    "conv:k1,s1,p0,o8,relu,b,x7",
  "f32/n8/i12x3x20/conv:k3,s2,p1,o8,relu6,b,x0/"
    "conv:k1,s1,p0,o96,relu6,b,x1/dw:k1,s1,p0,relu6,b,x2/se:q8,x3/"
    "conv:k1,s1,p0,o8,relu,b,x4/add:none,x5,1/"
    "conv:k1,s1,p0,o96,relu6,b,x6/dw:k7,s1,p3,relu6,b,x7/"
    "conv:k1,s1,p0,o8,none,b,x8/add:none,x9,6",
  /* a tall map of short rows */
  "f32/n1/i16000x1x4/conv:k1,s1,p0,o4,relu,x0/dw:k3,s1,p1,relu,x1",
  /* channels in unequal slices */
  "f32/n1/i7x7x20/conv:k1,s1,p0,o200,hswish,b,x0/dw:k3,s1,p1,relu,b,x1/"
    "conv:k1,s1,p0,o20,none,b,x2/add:none,x3,0",
  "f32/n1/i8x9x12/conv:k1,s1,p0,o200,hswish,b,x0/dw:k5,s2,p2,hsigmoid,b,x1/"
    "se:q11,x2/conv:k1,s1,p0,o33,none,b,x3/act:relu,x4",
  "f32/n1/i7x7x200/conv:k1,s1,p0,o200,relu,b,x0/dw:k3,s1,p1,relu,b,x1/"
    "se:q8,x2/add:none,x3,0/conv:k1,s1,p0,o40,none,b,x4",
  /* kernels wider than x */
  "f32/n1/i4x4x3/conv:k5,s1,p2,o8,relu,b,x0",
  "f32/n1/i4x4x3/conv:k5,s1,p2,o8,relu,b,x0/dw:k3,s1,p1,relu,b,x1/"
    "conv:k1,s1,p0,o8,none,b,x2",
  /* squeeze and excite, pooling, heads */
  "f32/n2/i6x5x18/se:q7,x0",
  "f32/n1/i5x6x9/se:q3,x0/se:q6,x1/conv:k1,s1,p0,o30,hswish,b,x2/"
    "dw:k2,s1,p1,relu,x3/globalpool:x4/globalpool:x5",
  "f32/n1/i6x5x18/se:q7,x0/conv:k3,s1,p1,o12,none,b,x1",
  "f32/n1/i7x7x20/dw:k5,s1,p2,relu,b,x0/se:q5,x1/"
    "conv:k3,s2,p1,o12,relu,b,x2",
  "f32/n1/i9x9x16/avgpool:k3,s1,p1,x0",
  "f32/n2/i8x7x11/avgpool:k2,s2,p0,x0",
  "f32/n1/i7x9x10/avgpool:k5,s3,p2,x0/acc",
  "f32/n2/i7x7x37/globalpool:x0",
  "f32/n1/i8x8x24/globalpool:x0",
  "f32/n1/i1x1x64/linear:o10,none,b,x0",
  "f32/n3/i1x1x37/linear:o33,relu,b,x0",
  "f32/n1/i5x5x48/conv:k1,s1,p0,o160,hswish,b,x0/globalpool:x1/"
  "linear:o100,none,b,x2",
  "f32/n1/i7x7x40/conv:k1,s1,p0,o96,hswish,b,x0/globalpool:x1/"
    "linear:o100,hswish,b,x2/linear:o10,none,b,x3",
  /* elementwise, and graphs */
  "f32/n1/i7x7x9/conv:k3,s1,p1,o9,relu,b,x0/conv:k3,s1,p1,o17,relu,b,x1/"
    "conv:k3,s1,p1,o25,relu,b,x2/conv:k3,s1,p1,o33,relu,b,x3/"
    "conv:k3,s1,p1,o13,relu,b,x4/conv:k3,s1,p1,o21,relu,b,x5/"
    "conv:k3,s1,p1,o29,relu,b,x6/conv:k3,s1,p1,o37,relu,b,x7/"
    "conv:k3,s1,p1,o17,relu,b,x8/conv:k3,s1,p1,o25,relu,b,x9/"
    "conv:k3,s1,p1,o33,relu,b,x10/conv:k3,s1,p1,o41,relu,b,x11/"
    "conv:k3,s1,p1,o21,relu,b,x12/conv:k3,s1,p1,o29,relu,b,x13/"
    "conv:k3,s1,p1,o37,relu,b,x14/conv:k3,s1,p1,o45,relu,b,x15",
  "f32/n1/i11x15x4/avgpool:k6,s3,p2,x0/conv:k4,s1,p0,o6,hswish,b,x1/"
    "avgpool:k1,s2,p0,x2/conv:k1,s1,p0,o6,relu6,x3/dw:k1,s2,p0,relu,x4",
  "f32/n1/i5x7x9/act:hswish,x0",
  "f32/n1/i4x4x3/act:none,x0/acc",
  "f32/n1/i6x6x12/add:relu,x0,0",
  "f32/n1/i8x8x16/act:relu,x0/conv:k3,s1,p1,o16,none,b,x1",
  "f32/n1/i8x8x16/act:relu,x0/conv:k3,s2,p1,o32,none,b,x1/act:relu,x2/"
    "conv:k3,s1,p1,o32,none,b,x3/avgpool:k2,s2,p0,x0/"
    "conv:k1,s1,p0,o32,none,x5/add:none,x4,6",
  "f32/n1/i10x9x11/act:relu,x0/conv:k3,s1,p1,o11,none,b,x1/act:relu,x0/"
    "conv:k1,s1,p0,o11,none,b,x3/add:none,x2,4/avgpool:k3,s1,p1,x0/"
    "add:none,x5,6/add:none,x7,0/act:swish,x8",
};

const char *
sample_key(size_t i)
{
  return i < sizeof keys / sizeof *keys ? keys[i] : NULL;
}

static int
pick(struct rng *r, int from, int to)
{
  return from + (int)rng_below(r, (size_t)(to - from + 1));
}

/* Channels of a tensor whose maps are h x w, or 0. */
static int
channels(const struct workload_builder *b, int tensor, int h, int w)
{
  const struct chanas_op *op = tensor ? &b->op[tensor - 1] : NULL;

  if ((op ? op->oh : b->h) != h || (op ? op->ow : b->w) != w)
    return 0;
  return op ? op->cout : b->c;
}

/* Join the last tensor with the latest other one that has maps of its size:
 * as it is, or after a convolution of a branch of its own. */
static void
random_join(struct workload_builder *b, struct rng *r, int h, int w, int c)
{
  int last = (int)b->ops, other = last - 1, act = pick(r, 0, 2);

  while (other >= 0 && !channels(b, other, h, w))
    other--;
  if (other >= 0 && (channels(b, other, h, w) != c || pick(r, 0, 1)))
    other = workload_conv(b, other, c, h > 2 && w > 2 ? 3 : 1, 1,
                          h > 2 && w > 2 ? 1 : 0, pick(r, 0, 5), 1);
  workload_add(b, last, other < 0 ? last : other, act);
}

/* One more operator on the last tensor. */
static void
random_op(struct workload_builder *b, struct rng *r)
{
  int src = (int)b->ops;
  const struct chanas_op *op = src ? &b->op[src - 1] : NULL;
  int h = op ? op->oh : b->h, w = op ? op->ow : b->w, side = h < w ? h : w;
  int k = pick(r, 1, 7), stride = pick(r, 1, 3), pad = pick(r, 0, k / 2), act;

  act = pick(r, CHANAS_ACT_NONE, CHANAS_ACT_SWISH);
  k = k > side + 2 * pad ? side + 2 * pad : k; /* also wider than the image */
  switch (pick(r, 0, 9)) {
  case 0: workload_se(b, src, pick(r, 1, 12)); break;
  case 1: workload_avgpool(b, src, side < k ? side : k, stride,
                           side < k ? side / 2 : pad); break;
  case 2: workload_act(b, src, act); break;
  case 3:
  case 4: workload_dwconv(b, src, k, stride, pad, act, pick(r, 0, 1)); break;
  case 5:
  case 6: random_join(b, r, h, w, op ? op->cout : b->c); break;
  case 7: workload_conv(b, src, pick(r, 1, 40), k, stride, pad, act, 1); break;
  default: workload_conv(b, src, pick(r, 1, 70), 1, 1, 0, act, pick(r, 0, 1));
  }
}

struct chanas_workload *
sample_random(struct rng *r, int dtype)
{
  struct workload_builder b;
  int n = pick(r, 1, 8);

  workload_begin(&b, dtype, pick(r, 1, 2), pick(r, 1, 20),
                 pick(r, 1, 20), pick(r, 1, 40));
  b.accumulate = pick(r, 0, 3) == 0;
  while (n-- > 0)
    random_op(&b, r);
  return workload_end(&b);
}
