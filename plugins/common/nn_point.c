/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nodes without parameters: activation, addition, pooling.  Pieces are whole
 * images, so that no two threads write one element.
 */
#include "nn_act.h"

static struct nn_piece
piece_of(const struct nn_call *call, int t)
{
  return nn_piece(call->n, nn_engine_threads(call->engine), t);
}

static size_t
size_out(const struct nn_node *o)
{
  return (size_t)o->oh * (size_t)o->ow * (size_t)o->cout;
}

static size_t
size_in(const struct nn_node *o)
{
  return (size_t)o->h * (size_t)o->w * (size_t)o->cin;
}

/* ---- y = act(x + x2), x2 NULL for the activation alone */

NN_CLONES static void
add_act(const float *x, const float *x2, size_t n, int act, float *y)
{
#define ACT(A)                                              \
  if (x2)                                                   \
    _Pragma("omp simd") for (size_t i = 0; i < n; i++)      \
      y[i] = nn_act(A, x[i] + x2[i]);                       \
  else                                                      \
    _Pragma("omp simd") for (size_t i = 0; i < n; i++)      \
      y[i] = nn_act(A, x[i]);
  NN_EACH_ACT(act, ACT)
#undef ACT
}

/* dx = (or +=) dy * act'(x + x2) */
NN_CLONES static void
add_act_grad(const float *x, const float *x2, const float *dy, size_t n,
             int act, int add, float *dx)
{
  float keep = add ? 1 : 0;

  if (!add)
    memset(dx, 0, n * sizeof *dx);
#define GRAD(A)                                                          \
  if (x2)                                                                \
    _Pragma("omp simd") for (size_t i = 0; i < n; i++)                   \
      dx[i] = keep * dx[i] + dy[i] * nn_act_slope(A, x[i] + x2[i]);      \
  else                                                                   \
    _Pragma("omp simd") for (size_t i = 0; i < n; i++)                   \
      dx[i] = keep * dx[i] + dy[i] * nn_act_slope(A, x[i]);
  NN_EACH_ACT(act, GRAD)
#undef GRAD
}

static void
point_forward(void *arg, int t)
{
  struct nn_call *call = arg;
  struct nn_piece p = piece_of(call, t);
  size_t size = size_out(call->node), at = (size_t)p.from * size;

  add_act(call->x + at, call->x2 ? call->x2 + at : NULL,
          (size_t)(p.to - p.from) * size, call->node->act, call->y + at);
}

static void
point_backward(void *arg, int t)
{
  struct nn_call *call = arg;
  struct nn_piece p = piece_of(call, t);
  size_t size = size_out(call->node), at = (size_t)p.from * size;
  size_t n = (size_t)(p.to - p.from) * size;
  const float *x = call->x + at, *x2 = call->x2 ? call->x2 + at : NULL;

  if (call->dx)
    add_act_grad(x, x2, call->dy + at, n, call->node->act, call->add,
                 call->dx + at);
  if (call->dx2)
    add_act_grad(x, x2, call->dy + at, n, call->node->act, call->add2,
                 call->dx2 + at);
}

void
nn_act_forward(struct nn_call *call)
{
  nn_team_run(nn_engine_threads(call->engine), point_forward, call);
}

void
nn_act_backward(struct nn_call *call)
{
  nn_team_run(nn_engine_threads(call->engine), point_backward, call);
}

void
nn_add_forward(struct nn_call *call)
{
  nn_act_forward(call);
}

void
nn_add_backward(struct nn_call *call)
{
  nn_act_backward(call);
}

/* ---- k x k average, padding not counted */

struct window { int32_t y0, y1, x0, x1; float share; };

static struct window
window_of(const struct nn_node *o, int32_t y, int32_t x)
{
  struct window w = { y * o->stride - o->pad, 0, x * o->stride - o->pad, 0,
                      0 };

  w.y1 = w.y0 + o->k < o->h ? w.y0 + o->k : o->h;
  w.x1 = w.x0 + o->k < o->w ? w.x0 + o->k : o->w;
  w.y0 = w.y0 > 0 ? w.y0 : 0;
  w.x0 = w.x0 > 0 ? w.x0 : 0;
  w.share = 1.0f / (float)((w.y1 - w.y0) * (w.x1 - w.x0));
  return w;
}

NN_CLONES static void
axpy(float *to, const float *from, float a, int32_t c)
{
#pragma omp simd
  for (int32_t i = 0; i < c; i++)
    to[i] += a * from[i];
}

/* One image: forward from x to y, or (gradient) from y to x. */
static void
pool_image(const struct nn_node *o, const float *from, float *to,
           int gradient)
{
  size_t c = (size_t)o->cin;

  for (int32_t y = 0; y < o->oh; y++)
    for (int32_t x = 0; x < o->ow; x++) {
      struct window w = window_of(o, y, x);
      size_t out = (size_t)(y * o->ow + x) * c;
      for (int32_t i = w.y0; i < w.y1; i++)
        for (int32_t j = w.x0; j < w.x1; j++) {
          size_t in = (size_t)(i * o->w + j) * c;
          axpy(to + (gradient ? in : out), from + (gradient ? out : in),
               w.share, o->cin);
        }
    }
}

static void
pool_forward(void *arg, int t)
{
  struct nn_call *call = arg;
  const struct nn_node *o = call->node;
  struct nn_piece p = piece_of(call, t);

  for (int32_t n = p.from; n < p.to; n++) {
    float *y = call->y + (size_t)n * size_out(o);
    memset(y, 0, size_out(o) * sizeof *y);
    pool_image(o, call->x + (size_t)n * size_in(o), y, 0);
    if (o->act != CHANAS_ACT_NONE)
      add_act(y, NULL, size_out(o), o->act, y);
  }
}

static void
pool_backward(void *arg, int t)
{
  struct nn_call *call = arg;
  const struct nn_node *o = call->node;
  struct nn_piece p = piece_of(call, t);

  for (int32_t n = p.from; call->dx && n < p.to; n++) {
    float *dx = call->dx + (size_t)n * size_in(o);
    if (!call->add)
      memset(dx, 0, size_in(o) * sizeof *dx);
    pool_image(o, call->dy + (size_t)n * size_out(o), dx, 1);
  }
}

void
nn_pool_forward(struct nn_call *call)
{
  nn_team_run(nn_engine_threads(call->engine), pool_forward, call);
}

void
nn_pool_backward(struct nn_call *call)
{
  nn_team_run(nn_engine_threads(call->engine), pool_backward, call);
}

/* ---- mean over h, w */

static void
global_forward(void *arg, int t)
{
  struct nn_call *call = arg;
  const struct nn_node *o = call->node;
  struct nn_piece p = piece_of(call, t);
  int32_t pixels = o->h * o->w;

  for (int32_t n = p.from; n < p.to; n++) {
    const float *x = call->x + (size_t)n * size_in(o);
    float *y = call->y + (size_t)n * (size_t)o->cin;
    memset(y, 0, (size_t)o->cin * sizeof *y);
    for (int32_t i = 0; i < pixels; i++)
      axpy(y, x + (size_t)i * (size_t)o->cin, 1.0f / (float)pixels, o->cin);
  }
}

static void
global_backward(void *arg, int t)
{
  struct nn_call *call = arg;
  const struct nn_node *o = call->node;
  struct nn_piece p = piece_of(call, t);
  int32_t pixels = o->h * o->w;

  for (int32_t n = p.from; call->dx && n < p.to; n++) {
    float *dx = call->dx + (size_t)n * size_in(o);
    if (!call->add)
      memset(dx, 0, size_in(o) * sizeof *dx);
    for (int32_t i = 0; i < pixels; i++)
      axpy(dx + (size_t)i * (size_t)o->cin,
           call->dy + (size_t)n * (size_t)o->cin, 1.0f / (float)pixels,
           o->cin);
  }
}

void
nn_global_forward(struct nn_call *call)
{
  nn_team_run(nn_engine_threads(call->engine), global_forward, call);
}

void
nn_global_backward(struct nn_call *call)
{
  nn_team_run(nn_engine_threads(call->engine), global_backward, call);
}
