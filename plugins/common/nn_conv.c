/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dense convolutions as matrix products over panels of pixels: a 1x1
 * convolution reads its input where it lies, others gather a panel first.
 * The gradient of the convolution's result is made per panel too, and never
 * stored whole.
 */
#include <cblas.h>
#include "nn_impl.h"

static int
direct(const struct nn_node *o)
{
  return o->k == 1 && o->stride == 1 && o->pad == 0;
}

static size_t
columns(const struct nn_node *o)
{
  return (size_t)o->k * (size_t)o->k * (size_t)o->cin;
}

/* Two panels of gathered pixels, one of gradients. */
size_t
nn_conv_scratch(const struct nn_node *o)
{
  return NN_PANEL * (2 * columns(o) + (size_t)o->cout);
}

/* Where pixel r of the batch's result begins in its image; y, x of it. */
struct spot { const float *image; int32_t y, x; };

static struct spot
spot_of(const struct nn_node *o, const float *x, size_t r)
{
  size_t pixels = (size_t)o->oh * (size_t)o->ow, image = r / pixels;
  size_t size = (size_t)o->h * (size_t)o->w * (size_t)o->cin;
  int32_t p = (int32_t)(r % pixels);

  return (struct spot){ x + image * size, p / o->ow * o->stride - o->pad,
                        p % o->ow * o->stride - o->pad };
}

static int
inside(const struct nn_node *o, int32_t y, int32_t x)
{
  return y >= 0 && y < o->h && x >= 0 && x < o->w;
}

static void
gather(const struct nn_node *o, const float *x, size_t r0, size_t rows,
       float *col)
{
  size_t c = (size_t)o->cin;

  for (size_t r = r0; r < r0 + rows; r++) {
    struct spot s = spot_of(o, x, r);
    for (int32_t i = 0; i < o->k; i++)
      for (int32_t j = 0; j < o->k; j++, col += c)
        if (inside(o, s.y + i, s.x + j))
          memcpy(col, s.image + (size_t)((s.y + i) * o->w + s.x + j) * c,
                 c * sizeof *col);
        else
          memset(col, 0, c * sizeof *col);
  }
}

NN_CLONES static void
add_row(float *to, const float *from, int32_t c)
{
#pragma omp simd
  for (int32_t i = 0; i < c; i++)
    to[i] += from[i];
}

static void
scatter(const struct nn_node *o, float *dx, size_t r0, size_t rows,
        const float *col)
{
  size_t c = (size_t)o->cin;

  for (size_t r = r0; r < r0 + rows; r++) {
    struct spot s = spot_of(o, dx, r);
    for (int32_t i = 0; i < o->k; i++)
      for (int32_t j = 0; j < o->k; j++, col += c)
        if (inside(o, s.y + i, s.x + j))
          add_row(dx + (s.image - dx) +
                  (size_t)((s.y + i) * o->w + s.x + j) * c, col, o->cin);
  }
}

/* The piece of thread t in pixels of the result. */
struct rows { size_t from, to; };

static struct rows
rows_of(const struct nn_call *call, int t)
{
  struct nn_piece piece = nn_piece(call->n,
                                   nn_engine_threads(call->engine), t);
  size_t pixels = (size_t)call->node->oh * (size_t)call->node->ow;

  return (struct rows){ (size_t)piece.from * pixels,
                        (size_t)piece.to * pixels };
}

static void
forward(void *arg, int t)
{
  struct nn_call *call = arg;
  const struct nn_node *o = call->node;
  struct rows rows = rows_of(call, t);
  float *col = nn_scratch(call->engine, t, nn_conv_scratch(o));
  size_t k = columns(o), cout = (size_t)o->cout, m;

  for (size_t r = rows.from; r < rows.to; r += m) {
    const float *x = call->x + r * k;
    float *pre = call->pre + r * cout;
    m = rows.to - r < NN_PANEL ? rows.to - r : NN_PANEL;
    if (!direct(o)) {
      gather(o, call->x, r, m, col);
      x = col;
    }
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)m, o->cout,
                (int)k, 1, x, (int)k, call->weight, call->ld, 0, pre,
                o->cout);
    if (call->sums)
      nn_norm_sums(pre, m, o->cout, call->sums + (size_t)t * 2 * cout);
  }
}

void
nn_conv_forward(struct nn_call *call)
{
  nn_team_run(nn_engine_threads(call->engine), forward, call);
}

/* The gradient of rows r .. r + m of the convolution's result. */
static const float *
gradient(const struct nn_call *call, size_t r, size_t m, float *out)
{
  size_t at = r * (size_t)call->node->cout;

  if (call->chain.s == NULL)
    return call->dy + at;
  nn_chain_rows(&call->chain, call->pre + at, call->dy + at, m,
                call->node->cout, out);
  return out;
}

static void
input_gradient(const struct nn_call *call, size_t r, size_t m,
               const float *d, float *col)
{
  const struct nn_node *o = call->node;
  size_t k = columns(o);
  int add = direct(o) && call->add;
  float *to = direct(o) ? call->dx + r * k : col;

  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)m, (int)k,
              o->cout, 1, d, o->cout, call->weight, call->ld,
              add ? 1.0f : 0.0f, to, (int)k);
  if (!direct(o))
    scatter(o, call->dx, r, m, col);
}

static void
clear_piece(const struct nn_call *call, int t)
{
  const struct nn_node *o = call->node;
  struct nn_piece piece = nn_piece(call->n,
                                   nn_engine_threads(call->engine), t);
  size_t size = (size_t)o->h * (size_t)o->w * (size_t)o->cin;

  memset(call->dx + (size_t)piece.from * size, 0,
         (size_t)(piece.to - piece.from) * size * sizeof(float));
}

static void
backward(void *arg, int t)
{
  struct nn_call *call = arg;
  const struct nn_node *o = call->node;
  struct rows rows = rows_of(call, t);
  size_t k = columns(o), m;
  float *col = nn_scratch(call->engine, t, nn_conv_scratch(o));
  float *dcol = col + NN_PANEL * k, *d = dcol + NN_PANEL * k;
  float *dweight = call->dweight + (size_t)t * call->dsize;

  if (call->dx && !direct(o) && !call->add)
    clear_piece(call, t);
  memset(dweight, 0, call->dsize * sizeof *dweight);
  for (size_t r = rows.from; r < rows.to; r += m) {
    const float *x = call->x + r * k, *dy;
    m = rows.to - r < NN_PANEL ? rows.to - r : NN_PANEL;
    dy = gradient(call, r, m, d);
    if (!direct(o)) {
      gather(o, call->x, r, m, col);
      x = col;
    }
    cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, o->cout, (int)k,
                (int)m, 1, dy, o->cout, x, (int)k, 1, dweight, (int)k);
    if (call->dx)
      input_gradient(call, r, m, dy, dcol);
  }
}

void
nn_conv_backward(struct nn_call *call)
{
  nn_team_run(nn_engine_threads(call->engine), backward, call);
}
