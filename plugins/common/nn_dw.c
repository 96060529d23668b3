/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Depthwise convolutions.  Sixteen channels of an image are copied into a
 * plane with a border of zeroes, which lies in the first cache and makes
 * every inner loop free of conditions; kernels are vectors over the sixteen.
 * Weights come and go as W[ky][kx][c].
 */
#include "nn_act.h"

#if defined __GNUC__ && !defined __clang__
#pragma GCC diagnostic ignored "-Wpsabi"
#endif
typedef float lanes __attribute__((vector_size(64), aligned(4), may_alias));

#define KMAX 63
#define STRIP 4 /* neighbouring results at once */

/* Sizes of the padded planes.  The input's has room on the right for a
 * strip that goes past the last result. */
struct planes { int32_t ih, iw, gh, gw; size_t in, grad; };

static struct planes
planes_of(const struct nn_node *o)
{
  struct planes p;

  p.ih = (o->oh - 1) * o->stride + o->k;
  p.iw = (o->ow + STRIP - 1) * o->stride + o->k;
  if (p.ih < o->h + o->pad)
    p.ih = o->h + o->pad;
  if (p.iw < o->w + o->pad)
    p.iw = o->w + o->pad;
  /* gradients: k - 1 zeroes around, and the strip on the right */
  p.gh = o->oh + 2 * (o->k - 1) + 1;
  p.gw = o->ow + 2 * (o->k - 1) + STRIP + 1;
  p.in = (size_t)p.ih * (size_t)p.iw * NN_LANES;
  p.grad = (size_t)p.gh * (size_t)p.gw * NN_LANES;
  return p;
}

#define CHAIN (5 * NN_LANES) /* coefficients of normalisation's gradient */

static size_t
groups_of(const struct nn_node *o)
{
  return ((size_t)o->cin + NN_LANES - 1) / NN_LANES;
}

size_t
nn_dw_scratch(const struct nn_node *o)
{
  struct planes p = planes_of(o);
  size_t taps = (size_t)o->k * (size_t)o->k * NN_LANES;

  return p.in + p.grad + (1 + groups_of(o)) * taps + CHAIN;
}

/* ---- to and from planes */

static void
take_plane(const float *x, int32_t h, int32_t w, int32_t c, int32_t m,
           int32_t pad, int32_t pw, float *plane)
{
  for (int32_t y = 0; y < h; y++) {
    const float *from = x + (size_t)y * (size_t)w * (size_t)c;
    float *to = plane + ((size_t)(y + pad) * (size_t)pw + (size_t)pad) *
                NN_LANES;
    if (m == NN_LANES)
      for (int32_t i = 0; i < w; i++, to += NN_LANES, from += c)
        memcpy(to, from, NN_LANES * sizeof *to);
    else
      for (int32_t i = 0; i < w; i++, to += NN_LANES, from += c)
        memcpy(to, from, (size_t)m * sizeof *to);
  }
}

/* Weights of m channels, zero beyond; flipped for gradients. */
static void
take_weights(const float *w, int32_t k, int32_t c, int32_t m, int flip,
             float *out)
{
  int32_t taps = k * k;

  memset(out, 0, (size_t)taps * NN_LANES * sizeof *out);
  for (int32_t i = 0; i < taps; i++)
    memcpy(out + (size_t)(flip ? taps - 1 - i : i) * NN_LANES,
           w + (size_t)i * (size_t)c, (size_t)m * sizeof *out);
}

NN_INLINE void
give(float *to, const lanes *v, int32_t m, int add)
{
  const float *from = (const float *)v;

  if (m == NN_LANES && add)
    *(lanes *)to += *v;
  else if (m == NN_LANES)
    *(lanes *)to = *v;
  else
    for (int32_t i = 0; i < m; i++)
      to[i] = (add ? to[i] : 0) + from[i];
}

/* ---- correlation of a plane with k x k taps */

struct out { float *y; int32_t h, w, c, m; int add; lanes *sum, *square; };

NN_INLINE void
correlate(const float *plane, int32_t pw, const float *taps, int k,
          int stride, struct out *out)
{
  lanes sum = { 0 }, square = { 0 };

  for (int32_t y = 0; y < out->h; y++)
    for (int32_t x = 0; x < out->w; x += STRIP) {
      lanes acc[STRIP] = { { 0 } };
      int32_t left = out->w - x < STRIP ? out->w - x : STRIP;
      for (int i = 0; i < k; i++) {
        const float *row = plane + ((size_t)(y * stride + i) * (size_t)pw +
                                    (size_t)(x * stride)) * NN_LANES;
        NN_UNROLL
        for (int j = 0; j < k; j++) {
          lanes w = *(const lanes *)(taps + (i * k + j) * NN_LANES);
          NN_UNROLL
          for (int s = 0; s < STRIP; s++)
            acc[s] += *(const lanes *)(row + (s * stride + j) * NN_LANES) * w;
        }
      }
      for (int32_t s = 0; s < left; s++) {
        give(out->y + (size_t)(y * out->w + x + s) * (size_t)out->c, &acc[s],
             out->m, out->add);
        sum += acc[s];
        square += acc[s] * acc[s];
      }
    }
  *out->sum = sum;
  *out->square = square;
}

NN_CLONES static void
correlate_any(const float *plane, int32_t pw, const float *taps, int k,
              int stride, struct out *out)
{
  if (k == 3 && stride == 1)
    correlate(plane, pw, taps, 3, 1, out);
  else if (k == 5 && stride == 1)
    correlate(plane, pw, taps, 5, 1, out);
  else if (k == 7 && stride == 1)
    correlate(plane, pw, taps, 7, 1, out);
  else if (k == 3 && stride == 2)
    correlate(plane, pw, taps, 3, 2, out);
  else if (k == 5 && stride == 2)
    correlate(plane, pw, taps, 5, 2, out);
  else
    correlate(plane, pw, taps, k, stride, out);
}

static void
forward_image(struct nn_call *call, int32_t n, int32_t c0, float *plane,
              float *taps, double *sums)
{
  const struct nn_node *o = call->node;
  struct planes p = planes_of(o);
  int32_t c = o->cin, m = c - c0 < NN_LANES ? c - c0 : NN_LANES;
  size_t in = (size_t)o->h * (size_t)o->w * (size_t)c;
  size_t to = (size_t)o->oh * (size_t)o->ow * (size_t)c;
  float stat[2 * NN_LANES];
  struct out out = { call->pre + (size_t)n * to + c0, o->oh, o->ow, c, m, 0,
                     (lanes *)stat, (lanes *)(stat + NN_LANES) };

  take_plane(call->x + (size_t)n * in + c0, o->h, o->w, c, m, o->pad, p.iw,
             plane);
  correlate_any(plane, p.iw, taps, o->k, o->stride, &out);
  for (int32_t i = 0; sums && i < m; i++) {
    sums[c0 + i] += stat[i];
    sums[c + c0 + i] += stat[NN_LANES + i];
  }
}

static void
forward(void *arg, int t)
{
  struct nn_call *call = arg;
  const struct nn_node *o = call->node;
  struct nn_piece piece = nn_piece(call->n,
                                   nn_engine_threads(call->engine), t);
  struct planes p = planes_of(o);
  float *plane = nn_scratch(call->engine, t, nn_dw_scratch(o));
  float *taps = plane + p.in + p.grad;
  double *sums = call->sums ? call->sums + (size_t)t * 2 * (size_t)o->cout
                            : NULL;

  memset(plane, 0, p.in * sizeof *plane);
  for (int32_t n = piece.from; n < piece.to; n++)
    for (int32_t c = 0; c < o->cin; c += NN_LANES) {
      int32_t m = o->cin - c < NN_LANES ? o->cin - c : NN_LANES;
      take_weights(call->weight + c, o->k, o->cin, m, 0, taps);
      if (m < NN_LANES)
        memset(plane, 0, p.in * sizeof *plane);
      forward_image(call, n, c, plane, taps, sums);
    }
}

void
nn_dw_forward(struct nn_call *call)
{
  nn_team_run(nn_engine_threads(call->engine), forward, call);
}

/* ---- backward */

#define CHAIN_ROW(A)                                                        \
  for (int32_t x = 0; x < w; x++, pre += c, dy += c, to += NN_LANES) {      \
    _Pragma("omp simd")                                                     \
    for (int32_t i = 0; i < m; i++)                                         \
      to[i] = k[2 * NN_LANES + i] *                                         \
              (dy[i] * nn_act_slope(A, pre[i] * k[i] + k[NN_LANES + i])) +  \
              k[3 * NN_LANES + i] * pre[i] + k[4 * NN_LANES + i];           \
  }

/* One row of the result's gradient; k: s, t, a, b, c of sixteen channels. */
NN_CLONES static void
chain_row(int act, const float *k, const float *pre, const float *dy,
          int32_t w, int32_t c, int32_t m, float *to)
{
  if (m == NN_LANES) {
    m = NN_LANES;
    NN_EACH_ACT(act, CHAIN_ROW)
  } else {
    NN_EACH_ACT(act, CHAIN_ROW)
  }
}

static void
take_chain(const struct nn_chain *chain, int32_t c0, int32_t m, float *k)
{
  const float *const part[5] = { chain->s, chain->t, chain->a, chain->b,
                                 chain->c };

  for (int i = 0; i < 5; i++)
    memcpy(k + i * NN_LANES, part[i] + c0, (size_t)m * sizeof *k);
}

/* The gradient's plane of one image, k - 1 zeroes around it. */
static void
take_gradient(const struct nn_call *call, int32_t n, int32_t c0, int32_t m,
              const float *chain, float *plane)
{
  const struct nn_node *o = call->node;
  struct planes p = planes_of(o);
  size_t row = (size_t)o->ow * (size_t)o->cout;
  size_t at = (size_t)n * (size_t)o->oh * row + (size_t)c0;

  if (call->chain.s == NULL) {
    take_plane(call->dy + at, o->oh, o->ow, o->cout, m, o->k - 1, p.gw,
               plane);
    return;
  }
  for (int32_t y = 0; y < o->oh; y++, at += row)
    chain_row(call->chain.act, chain, call->pre + at, call->dy + at, o->ow,
              o->cout, m, plane + ((size_t)(y + o->k - 1) * (size_t)p.gw +
                                   (size_t)(o->k - 1)) * NN_LANES);
}

/* dtaps[i][j] += sum over results of gradient * input */
NN_INLINE void
correlate_taps(const float *in, int32_t iw, const float *grad, int32_t gw,
               int32_t oh, int32_t ow, int k, int stride, float *dtaps)
{
  for (int i = 0; i < k; i++) {
    lanes acc[8] = { { 0 } };
    for (int32_t y = 0; y < oh; y++) {
      const float *row = in + (size_t)(y * stride + i) * (size_t)iw *
                         NN_LANES;
      const float *d = grad + (size_t)y * (size_t)gw * NN_LANES;
      for (int32_t x = 0; x < ow; x++) {
        lanes g = *(const lanes *)(d + x * NN_LANES);
        NN_UNROLL
        for (int j = 0; j < k; j++)
          acc[j] += *(const lanes *)(row + (x * stride + j) * NN_LANES) * g;
      }
    }
    for (int j = 0; j < k; j++)
      *(lanes *)(dtaps + (i * k + j) * NN_LANES) += acc[j];
  }
}

/* Kernels wider than the accumulators: one tap at a time. */
NN_INLINE void
correlate_wide(const float *in, int32_t iw, const float *grad, int32_t gw,
               int32_t oh, int32_t ow, int k, int stride, float *dtaps)
{
  for (int i = 0; i < k * k; i++)
    for (int32_t y = 0; y < oh; y++)
      for (int32_t x = 0; x < ow; x++)
        *(lanes *)(dtaps + i * NN_LANES) +=
          *(const lanes *)(in + ((size_t)(y * stride + i / k) * (size_t)iw +
                                 (size_t)(x * stride + i % k)) * NN_LANES) *
          *(const lanes *)(grad + ((size_t)y * (size_t)gw + (size_t)x) *
                           NN_LANES);
}

NN_CLONES static void
taps_any(const float *in, int32_t iw, const float *grad, int32_t gw,
         int32_t oh, int32_t ow, int k, int stride, float *dtaps)
{
  if (k == 3)
    correlate_taps(in, iw, grad, gw, oh, ow, 3, stride, dtaps);
  else if (k == 5)
    correlate_taps(in, iw, grad, gw, oh, ow, 5, stride, dtaps);
  else if (k == 7)
    correlate_taps(in, iw, grad, gw, oh, ow, 7, stride, dtaps);
  else if (k <= 8)
    correlate_taps(in, iw, grad, gw, oh, ow, k, stride, dtaps);
  else
    correlate_wide(in, iw, grad, gw, oh, ow, k, stride, dtaps);
}

/* The input's gradient for strides above 1: of each pixel the taps that
 * reach it. */
NN_CLONES static void
spread(const struct nn_node *o, const float *grad, int32_t gw,
       const float *taps, struct out *out)
{
  int k = o->k, s = o->stride;

  for (int32_t y = 0; y < out->h; y++)
    for (int32_t x = 0; x < out->w; x++) {
      lanes acc = { 0 };
      for (int i = (y + o->pad) % s; i < k; i += s) {
        int32_t gy = (y + o->pad - i) / s;
        if (y + o->pad < i || gy >= o->oh)
          continue;
        for (int j = (x + o->pad) % s; j < k; j += s) {
          int32_t gx = (x + o->pad - j) / s;
          if (x + o->pad < j || gx >= o->ow)
            continue;
          acc += *(const lanes *)(taps + (i * k + j) * NN_LANES) *
                 *(const lanes *)(grad + ((size_t)(gy + k - 1) * (size_t)gw +
                                          (size_t)(gx + k - 1)) * NN_LANES);
        }
      }
      give(out->y + (size_t)(y * out->w + x) * (size_t)out->c, &acc, out->m,
           out->add);
    }
}

static void
give_input(const struct nn_call *call, int32_t n, int32_t c0, int32_t m,
           const float *grad, const float *taps)
{
  const struct nn_node *o = call->node;
  struct planes p = planes_of(o);
  size_t size = (size_t)o->h * (size_t)o->w * (size_t)o->cin;
  float stat[2 * NN_LANES];
  struct out out = { call->dx + (size_t)n * size + c0, o->h, o->w, o->cin, m,
                     call->add, (lanes *)stat, (lanes *)(stat + NN_LANES) };
  /* the first tap of pixel 0 lies pad after the plane's own border */
  const float *from = grad + (size_t)o->pad * ((size_t)p.gw + 1) * NN_LANES;

  if (o->stride == 1)
    correlate_any(from, p.gw, taps, o->k, 1, &out);
  else
    spread(o, grad, p.gw, taps, &out);
}

/* Where a thread's scratch holds what: nn_dw_scratch() is their sum. */
struct rooms { float *in, *grad, *weight, *chain, *sums; };

static struct rooms
rooms_of(const struct nn_node *o, float *scratch)
{
  struct planes p = planes_of(o);
  struct rooms r;

  r.in = scratch;
  r.grad = r.in + p.in;
  r.weight = r.grad + p.grad;
  r.chain = r.weight + (size_t)o->k * (size_t)o->k * NN_LANES;
  r.sums = r.chain + CHAIN;
  return r;
}

/* Sixteen channels of an image; their taps' gradients are added to sums. */
static void
backward_piece(struct nn_call *call, const struct rooms *r, int32_t n,
               int32_t c0, float *sums)
{
  const struct nn_node *o = call->node;
  struct planes p = planes_of(o);
  int32_t m = o->cin - c0 < NN_LANES ? o->cin - c0 : NN_LANES;
  const float *inner = r->grad + ((size_t)(o->k - 1) * (size_t)(p.gw + 1)) *
                       NN_LANES;
  size_t size = (size_t)o->h * (size_t)o->w * (size_t)o->cin;

  if (m < NN_LANES)
    memset(r->in, 0, (p.in + p.grad) * sizeof *r->in);
  if (call->chain.s)
    take_chain(&call->chain, c0, m, r->chain);
  take_plane(call->x + (size_t)n * size + c0, o->h, o->w, o->cin, m, o->pad,
             p.iw, r->in);
  take_gradient(call, n, c0, m, r->chain, r->grad);
  taps_any(r->in, p.iw, inner, p.gw, o->oh, o->ow, o->k, o->stride, sums);
  if (call->dx) {
    take_weights(call->weight + c0, o->k, o->cin, m, o->stride == 1,
                 r->weight);
    give_input(call, n, c0, m, r->grad, r->weight);
  }
}

/* Image by image, so that one lies in the cache while its channels are gone
 * through. */
static void
backward(void *arg, int t)
{
  struct nn_call *call = arg;
  const struct nn_node *o = call->node;
  struct nn_piece piece = nn_piece(call->n,
                                   nn_engine_threads(call->engine), t);
  struct rooms r = rooms_of(o, nn_scratch(call->engine, t,
                                          nn_dw_scratch(o)));
  struct planes p = planes_of(o);
  size_t k2 = (size_t)o->k * (size_t)o->k, taps = k2 * NN_LANES;
  float *dweight = call->dweight + (size_t)t * call->dsize;

  memset(r.in, 0, (p.in + p.grad) * sizeof *r.in);
  memset(r.sums, 0, groups_of(o) * taps * sizeof *r.sums);
  for (int32_t n = piece.from; n < piece.to; n++)
    for (int32_t c = 0; c < o->cin; c += NN_LANES)
      backward_piece(call, &r, n, c, r.sums + (size_t)c * k2);
  for (int32_t c = 0; c < o->cin; c += NN_LANES) {
    size_t m = o->cin - c < NN_LANES ? (size_t)(o->cin - c) : NN_LANES;
    for (size_t i = 0; i < k2; i++)
      memcpy(dweight + i * (size_t)o->cin + c,
             r.sums + (size_t)c * k2 + i * NN_LANES, m * sizeof *dweight);
  }
}

void
nn_dw_backward(struct nn_call *call)
{
  nn_team_run(nn_engine_threads(call->engine), backward, call);
}
