/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Layers as sequences of operators, with parameters and multiply-adds as the
 * literature counts them: batch normalisation is two parameters a channel
 * and no work, though a kernel sees it as a bias; pooling is free.
 */
#include "family.h"

/* The three kinds of weights a convolution comes with. */
enum after { AFTER_NOTHING, AFTER_BIAS, AFTER_NORM };

static int
count(struct draft *d, int tensor, int norm)
{
  const struct chanas_op *op;

  if (tensor < 0)
    return -1;
  op = &d->builder.op[tensor - 1];
  d->params += (double)op_weights(op) + (norm ? op->cout : 0);
  d->macs += op_macs(op);
  return tensor;
}

static int
conv(struct draft *d, int src, int32_t cout, int32_t k, int32_t stride,
     int act, enum after after)
{
  if (src < 0)
    return -1;
  return count(d, workload_conv(&d->builder, src, cout, k, stride, k / 2, act,
                                after != AFTER_NOTHING), after == AFTER_NORM);
}

static int
depthwise(struct draft *d, int src, int32_t k, int32_t stride, int act)
{
  if (src < 0)
    return -1;
  return count(d, workload_dwconv(&d->builder, src, k, stride, k / 2, act, 1),
               1);
}

/* Batch normalisation that follows no convolution: scale and shift. */
static int
normalise(struct draft *d, int src, int act)
{
  int t = workload_dwconv(&d->builder, src, 1, 1, 0, act, 1);

  if (t > 0)
    d->params += 2.0 * d->builder.op[t - 1].cout;
  return t;
}

static int
linear(struct draft *d, int src, int32_t cout, int act, int bias)
{
  if (src < 0)
    return -1;
  return count(d, workload_linear(&d->builder, src, cout, act, bias), 0);
}

static enum after
after_conv(const struct rule *r)
{
  return r->norm ? AFTER_NORM : r->bias ? AFTER_BIAS : AFTER_NOTHING;
}

static int
draft_conv(struct draft *d, const struct rule *r, const struct shape *s)
{
  int src = 0;

  d->role = "conv";
  if (r->pre && r->act != CHANAS_ACT_NONE)
    src = workload_act(&d->builder, 0, r->act);
  return conv(d, src, s->cout, r->kernel, s->stride,
              r->pre ? CHANAS_ACT_NONE : r->act, after_conv(r));
}

/* Depthwise, [SE,] 1x1 projection. */
static int
separable(struct draft *d, const struct family *family, const struct rule *r,
          int src, int32_t stride, int32_t cout)
{
  int t = depthwise(d, src, r->kernel, stride, r->act);

  if (r->se && t > 0)
    t = count(d, workload_se(&d->builder, t,
                             family_divisible(family, d->builder.op[t - 1].cout
                                              / r->se)), 0);
  return conv(d, t, cout, 1, 1, CHANAS_ACT_NONE, AFTER_NORM);
}

/* MobileNetV2/V3, OFA: [1x1 expansion,] and that. */
static int
draft_mbconv(struct draft *d, const struct family *family,
             const struct rule *r, const struct shape *s)
{
  int32_t mid = family_divisible(family, (double)s->cin * r->expand /
                                 SETTING_UNIT);
  int t = 0;

  d->role = "mbconv";
  if (r->expand != SETTING_UNIT)
    t = conv(d, 0, mid, 1, 1, r->act, AFTER_NORM);
  t = separable(d, family, r, t, s->stride, s->cout);
  if (t > 0 && r->residual && s->stride == 1 && s->cin == s->cout)
    t = workload_add(&d->builder, t, 0, CHANAS_ACT_NONE);
  return t;
}

/* The same networks' first two layers: the image is small, what the first one
 * makes of it is not, so nobody should have to store that. */
static int
draft_stem(struct draft *d, const struct family *family, const struct rule *r,
           const struct shape *s)
{
  int first, t;

  d->role = "stem";
  first = conv(d, 0, r->conv, r->conv_kernel, s->stride,
               r->conv_act == NO_ACT ? r->act : r->conv_act, AFTER_NORM);
  t = separable(d, family, r, first, 1, s->cout);
  if (t > 0 && r->residual && r->conv == s->cout)
    t = workload_add(&d->builder, t, first, CHANAS_ACT_NONE);
  return t;
}

/* NAS-Bench-Macro: nothing, or a 1x1 convolution where the shape changes. */
static int
draft_identity(struct draft *d, const struct shape *s)
{
  d->role = "conv";
  if (s->stride == 1 && s->cin == s->cout)
    return 0;
  return conv(d, 0, s->cout, 1, s->stride, CHANAS_ACT_NONE, AFTER_NORM);
}

/* NAS-Bench-201's residual block: two pre-activation convolutions; the
 * shortcut is average-pooled and widened as needed. */
static int
draft_reduce(struct draft *d, const struct rule *r, const struct shape *s)
{
  int t, side = 0;

  d->role = "reduce";
  t = workload_act(&d->builder, 0, r->act);
  t = conv(d, t, s->cout, r->kernel, s->stride, r->act, AFTER_NORM);
  t = conv(d, t, s->cout, r->kernel, 1, CHANAS_ACT_NONE, AFTER_NORM);
  if (s->stride > 1) {
    side = workload_avgpool(&d->builder, 0, s->stride, s->stride, 0);
    side = conv(d, side, s->cout, 1, 1, CHANAS_ACT_NONE, AFTER_NOTHING);
  } else if (s->cin != s->cout) {
    side = workload_act(&d->builder, 0, r->act);
    side = conv(d, side, s->cout, 1, 1, CHANAS_ACT_NONE, AFTER_NORM);
  }
  if (t < 0 || side < 0)
    return -1;
  return workload_add(&d->builder, t, side, CHANAS_ACT_NONE);
}

/* In the family's dtype, until take_dtype() knows what there is to round. */
static void
begin(struct draft *d, const struct family *family, const struct shape *s)
{
  *d = (struct draft){ .role = "" };
  workload_begin(&d->builder, family->dtype, family->batch, s->h, s->h,
                 s->cin);
}

/* Without products a dtype changes nothing: such layers keep the family's, so
 * that equal ones are one workload. */
static void
take_dtype(struct draft *d, int32_t dtype)
{
  for (uint32_t i = 0; dtype != NO_DTYPE && i < d->builder.ops; i++)
    if (op_has_products(&d->builder.op[i]))
      d->builder.dtype = dtype;
}

int
draft_layer(struct draft *d, const struct family *family,
            const struct rule *r, const struct shape *s)
{
  int t = -1;

  begin(d, family, s);
  switch (r->kind) {
  case RULE_CONV:
    t = draft_conv(d, r, s);
    break;
  case RULE_MBCONV:
    t = draft_mbconv(d, family, r, s);
    break;
  case RULE_STEM:
    t = draft_stem(d, family, r, s);
    break;
  case RULE_IDENTITY:
    t = draft_identity(d, s);
    break;
  case RULE_REDUCE:
    t = draft_reduce(d, r, s);
    break;
  case RULE_AVGPOOL:
    d->role = "pool";
    t = workload_avgpool(&d->builder, 0, r->kernel, s->stride,
                         r->kernel % 2 ? r->kernel / 2 : 0);
    break;
  case RULE_SKIP:
    t = workload_act(&d->builder, 0, CHANAS_ACT_NONE);
    break;
  case RULE_NONE:
    t = 0;
    break;
  }
  take_dtype(d, r->dtype);
  return t < 0 ? -1 : t > 0;
}

int
draft_edge(struct draft *d, const struct family *family, const struct rule *r,
           const struct shape *s)
{
  int status = draft_layer(d, family, r, s);

  d->role = "edge";
  return status;
}

int
draft_head(struct draft *d, const struct family *family,
           const struct shape *s, int64_t width, uint32_t own)
{
  const struct head *head = &family->head;
  int t = 0;

  begin(d, family, s);
  d->role = "head";
  if (head->conv)
    t = conv(d, 0, family_scaled(family, head->conv, head->conv_scale, width),
             1, 1, head->act, head->norm ? AFTER_NORM : AFTER_NOTHING);
  else if (head->norm)
    t = normalise(d, 0, head->act);
  else if (head->act != CHANAS_ACT_NONE)
    t = workload_act(&d->builder, 0, head->act);
  if (t >= 0)
    t = workload_globalpool(&d->builder, t);
  if (head->features)
    t = linear(d, t, family_scaled(family, head->features,
                                   head->features_scale, width),
               head->features_act, head->features_bias);
  if (head->bias_macs)
    d->macs += family->classes;
  t = linear(d, t, family->classes, CHANAS_ACT_NONE, 1);
  if (head->dtype.values)
    take_dtype(d, (int32_t)head->dtype.value[own]);
  return t < 0 ? -1 : 1;
}
