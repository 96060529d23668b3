/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parameters of one node out of those of its slot, and its gradient back
 * into them.  A depthwise kernel of a smaller size is the centre of the next
 * larger one, transformed by a learned matrix that starts as identity
 * (Once-for-All, section 3.3); a dense kernel is the centre alone.
 */
#include <cblas.h>
#include "nn_impl.h"

size_t
nn_used(const struct nn_node *o)
{
  size_t c = (size_t)o->cin, k2 = (size_t)o->k * (size_t)o->k;
  size_t out = (size_t)o->cout, s = (size_t)o->squeeze;

  switch (o->kind) {
  case CHANAS_CONV:
    return out * k2 * c;
  case CHANAS_DWCONV:
    return k2 * c;
  case CHANAS_LINEAR:
    return out * (c + 1);
  case CHANAS_SE:
    return 2 * s * c + s + c;
  default:
    return 0;
  }
}

int
nn_in_place(const struct nn_node *o, const struct nn_slot *slot)
{
  if (o->kind == CHANAS_CONV && slot->k == 1)
    return 1;
  return o->cin == slot->cin && o->cout == slot->cout && o->k == slot->k &&
         o->squeeze == slot->squeeze;
}

/* rows x cols of a matrix with ld columns; back: add to it instead. */
static float *
matrix(float *all, size_t rows, size_t cols, size_t ld, float *own, int back)
{
  for (size_t r = 0; r < rows; r++, own += cols)
    if (back)
      for (size_t i = 0; i < cols; i++)
        all[r * ld + i] += own[i];
    else
      memcpy(own, all + r * ld, cols * sizeof *own);
  return own;
}

/* The centre k x k of K x K places of c numbers each, ld apart. */
static float *
centre(float *all, size_t big, size_t k, size_t c, size_t ld, float *own,
       int back)
{
  size_t margin = (big - k) / 2;

  for (size_t y = 0; y < k; y++)
    own = matrix(all + ((y + margin) * big + margin) * ld, k, c, ld, own,
                 back);
  return own;
}

static void
dense(float *all, const struct nn_slot *slot, const struct nn_node *o,
      float *own, int back)
{
  size_t big = (size_t)slot->k, ld = (size_t)slot->cin;

  for (int32_t i = 0; i < o->cout; i++)
    own = centre(all + (size_t)i * big * big * ld, big, (size_t)o->k,
                 (size_t)o->cin, ld, own, back);
}

static void
vectors(float *base, const struct nn_slot *slot, const struct nn_node *o,
        float *own, int back)
{
  size_t c = (size_t)o->cin, s = (size_t)o->squeeze, out = (size_t)o->cout;

  own = matrix(base + slot->weight, o->kind == CHANAS_SE ? s : out, c,
               (size_t)slot->cin, own, back);
  if (o->kind == CHANAS_LINEAR) {
    if (slot->bias)
      matrix(base + slot->shift, 1, out, out, own, back);
    return;
  }
  own = matrix(base + slot->scale, 1, s, s, own, back);
  own = matrix(base + slot->second, c, s, (size_t)slot->squeeze, own, back);
  matrix(base + slot->shift, 1, c, c, own, back);
}

/* Sizes down to k: how many steps. */
static int
steps_to(const struct nn_slot *slot, int32_t k)
{
  int i = 0;

  while (i < slot->kernels - 1 && slot->kernel[i] > k)
    i++;
  return i;
}

/* crop[i]: the centre taken before transformation i; its end in out. */
static void
depthwise(const struct nn_store *store, const struct nn_slot *slot,
          const struct nn_node *o, float *crops, float *out)
{
  size_t c = (size_t)o->cin, big = (size_t)slot->k;
  int steps = steps_to(slot, o->k);
  float *from = store->value + slot->weight;
  size_t ld = (size_t)slot->cin;

  if (steps == 0)
    centre(from, big, (size_t)o->k, c, ld, out, 0);
  for (int i = 0; i < steps; i++) {
    size_t k = (size_t)slot->kernel[i + 1], taps = k * k;
    float *to = i + 1 < steps ? crops + taps * c : out;
    centre(from, big, k, c, ld, crops, 0);
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)taps, (int)c,
                (int)taps, 1, store->value + slot->transform[i], (int)taps,
                crops, (int)c, 0, to, (int)c);
    crops = to + taps * c;
    from = to;
    big = k;
    ld = c;
  }
}

/* Where crop i and its transformed successor lie in the scratch. */
static float *
crop_at(const struct nn_slot *slot, size_t c, float *crops, int i)
{
  for (int j = 0; j < i; j++)
    crops += 2 * (size_t)(slot->kernel[j + 1] * slot->kernel[j + 1]) * c;
  return crops;
}

/* Back through the transformations; scratch: crops, then two gradients. */
static void
depthwise_back(struct nn_store *store, const struct nn_slot *slot,
               const struct nn_node *o, const float *d, float *scratch)
{
  size_t c = (size_t)o->cin, most = (size_t)(slot->k * slot->k) * c;
  int steps = steps_to(slot, o->k);
  float *grad = scratch + 2 * NN_KERNELS * most, *next = grad + most;
  float *last = next + most;

  memcpy(grad, d, (size_t)(o->k * o->k) * c * sizeof *grad);
  if (steps)
    depthwise(store, slot, o, scratch, last);
  for (int i = steps - 1; i >= 0; i--) {
    size_t k = (size_t)slot->kernel[i + 1], taps = k * k;
    size_t big = (size_t)slot->kernel[i];
    float *crop = crop_at(slot, c, scratch, i);
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)taps,
                (int)taps, (int)c, 1, grad, (int)c, crop, (int)c, 1,
                store->grad + slot->transform[i], (int)taps);
    cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, (int)taps, (int)c,
                (int)taps, 1, store->value + slot->transform[i], (int)taps,
                grad, (int)c, 0, next, (int)c);
    if (i == 0) {
      centre(store->grad + slot->weight, big, k, c, (size_t)slot->cin, next,
             1);
      return;
    }
    memset(grad, 0, big * big * c * sizeof *grad);
    centre(grad, big, k, c, c, next, 1);
  }
  centre(store->grad + slot->weight, (size_t)slot->k, (size_t)o->k, c,
         (size_t)slot->cin, grad, 1);
}

void
nn_slice(const struct nn_store *store, const struct nn_node *o, float *out,
         float *scratch)
{
  const struct nn_slot *slot = &store->slot[o->slot];

  if (o->kind == CHANAS_CONV)
    dense(store->value + slot->weight, slot, o, out, 0);
  else if (o->kind == CHANAS_DWCONV)
    depthwise(store, slot, o, scratch, out);
  else
    vectors(store->value, slot, o, out, 0);
}

void
nn_scatter(struct nn_store *store, const struct nn_node *o, const float *d,
           float *scratch)
{
  const struct nn_slot *slot = &store->slot[o->slot];

  store->touched[o->slot] = 1;
  if (o->kind == CHANAS_CONV)
    dense(store->grad + slot->weight, slot, o, (float *)d, 1);
  else if (o->kind == CHANAS_DWCONV)
    depthwise_back(store, slot, o, d, scratch);
  else
    vectors(store->grad, slot, o, (float *)d, 1);
}
