/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policies: how many images of a batch go through a block together.  All of
 * them read each weight once, but their inner tensors leave the L2 on the way
 * from one op to the next; few of them do the opposite.
 */
#include "policy.h"

/* Of a byte of weights: those that are fetched ahead cost less than one that
 * is waited for, those of linear layers, with one pixel an image, more. */
#define AHEAD 0.25
#define LINEAR 1.5

/* Bytes of an image's result, with what a depthwise reader has around it. */
static double
result(const struct chanas_workload *w, uint32_t op)
{
  const struct chanas_op *o = &w->op[op];
  int halo = 0;

  if (op + 1 < w->ops && w->op[op + 1].kind == CHANAS_DWCONV)
    halo = 2 * w->op[op + 1].pad;
  return 4.0 * o->cout * (o->oh + halo) * (o->ow + halo);
}

/* Bytes that an image has between ops, at most. */
static double
inner(const struct chanas_workload *w)
{
  double most = 0;
  uint32_t i;

  for (i = 0; i + 1 < w->ops; i++) {
    double here = result(w, i) + (i + 2 < w->ops ? result(w, i + 1) : 0);
    most = here > most ? here : most;
  }
  return most;
}

/* Bytes of weights that are read each time, as far as they are waited for. */
static double
weights(const struct chanas_workload *w)
{
  double sum = 0;
  uint32_t i;

  for (i = 0; i < w->ops; i++) {
    const struct chanas_op *o = &w->op[i];
    if (o->kind == CHANAS_SE)
      sum += LINEAR * 2 * o->cin * o->squeeze;
    else if (o->kind == CHANAS_LINEAR)
      sum += LINEAR * o->cin * o->cout;
    else if (o->kind == CHANAS_CONV)
      sum += AHEAD * o->cin * o->cout * o->k * o->k;
  }
  return 4 * sum;
}

/* Bytes from beyond the L2. */
static double
traffic(const struct target *x, const struct chanas_workload *w, int images)
{
  double each = inner(w), room = 0.5 * (double)x->l2 * x->threads;
  double left = images * each > room ? 1 - room / (images * each) : 0;

  return weights(w) * w->batch / images + 2 * each * w->batch * left;
}

int
policy_images(const struct target *x, const struct chanas_workload *w)
{
  double least = 0.8 * traffic(x, w, w->batch);
  int images, best = 0;

  if (w->ops == 1 || policy_fuse(x, w))
    return 0;
  for (images = w->batch / 2; images >= x->threads; images /= 2)
    if (w->batch % images == 0 && images % x->threads == 0
        && traffic(x, w, images) < least) {
      best = images;
      least = traffic(x, w, images);
    }
  return best;
}
