/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nodes that work on one vector per image: fully connected layers and
 * squeeze-and-excitation (Hu et al., CVPR 2018, with the hard sigmoid of
 * MobileNetV3).
 */
#include <cblas.h>
#include "nn_act.h"

static struct nn_piece
piece_of(const struct nn_call *call, int t)
{
  return nn_piece(call->n, nn_engine_threads(call->engine), t);
}

/* y[n][out] = x[n][in] W^T + bias */
static void
affine(int32_t n, int32_t in, int32_t out, const float *x, const float *w,
       const float *bias, float *y)
{
  for (int32_t i = 0; i < n; i++)
    if (bias)
      memcpy(y + (size_t)i * (size_t)out, bias, (size_t)out * sizeof *y);
    else
      memset(y + (size_t)i * (size_t)out, 0, (size_t)out * sizeof *y);
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, n, out, in, 1, x, in,
              w, in, 1, y, out);
}

/* Its gradients: dw and dbias are set, dx set or added to. */
static void
affine_grad(int32_t n, int32_t in, int32_t out, const float *x,
            const float *w, const float *dy, float *dw, float *dbias,
            float *dx, int add)
{
  cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, out, in, n, 1, dy,
              out, x, in, 0, dw, in);
  if (dbias)
    memset(dbias, 0, (size_t)out * sizeof *dbias);
  for (int32_t i = 0; dbias && i < n; i++)
    for (int32_t j = 0; j < out; j++)
      dbias[j] += dy[(size_t)i * (size_t)out + (size_t)j];
  if (dx)
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, n, in, out, 1, dy,
                out, w, in, add ? 1.0f : 0.0f, dx, in);
}

/* ---- fully connected */

static void
linear_forward(void *arg, int t)
{
  struct nn_call *call = arg;
  const struct nn_node *o = call->node;
  struct nn_piece p = piece_of(call, t);
  size_t in = (size_t)p.from * (size_t)o->cin;
  size_t out = (size_t)p.from * (size_t)o->cout;
  size_t n = (size_t)(p.to - p.from) * (size_t)o->cout;

  affine(p.to - p.from, o->cin, o->cout, call->x + in, call->weight,
         call->slot->bias ? call->weight + (size_t)o->cout * (size_t)o->cin
                          : NULL, call->pre + out);
  for (size_t i = 0; o->act != CHANAS_ACT_NONE && i < n; i++)
    call->y[out + i] = nn_act(o->act, call->pre[out + i]);
}

static void
linear_backward(void *arg, int t)
{
  struct nn_call *call = arg;
  const struct nn_node *o = call->node;
  struct nn_piece p = piece_of(call, t);
  size_t in = (size_t)p.from * (size_t)o->cin;
  size_t out = (size_t)p.from * (size_t)o->cout;
  size_t n = (size_t)(p.to - p.from) * (size_t)o->cout;
  float *d = nn_scratch(call->engine, t, n), *dw;
  const float *dy = call->dy + out;

  dw = call->dweight + (size_t)t * call->dsize;
  if (o->act != CHANAS_ACT_NONE) {
    for (size_t i = 0; i < n; i++)
      d[i] = dy[i] * nn_act_slope(o->act, call->pre[out + i]);
    dy = d;
  }
  affine_grad(p.to - p.from, o->cin, o->cout, call->x + in, call->weight, dy,
              dw, call->slot->bias ? dw + (size_t)o->cout * (size_t)o->cin
                                   : NULL,
              call->dx ? call->dx + in : NULL, call->add);
}

void
nn_linear_forward(struct nn_call *call)
{
  nn_team_run(nn_engine_threads(call->engine), linear_forward, call);
}

void
nn_linear_backward(struct nn_call *call)
{
  nn_team_run(nn_engine_threads(call->engine), linear_backward, call);
}

/* ---- squeeze and excite.  Kept in pre: mean[n][c], hidden[n][s],
 * gate[n][c] before the hard sigmoid. */

size_t
nn_se_kept(const struct nn_node *o)
{
  return 2 * (size_t)o->cin + (size_t)o->squeeze;
}

struct se { float *mean, *hidden, *gate; const float *w1, *b1, *w2, *b2; };

static struct se
se_of(const struct nn_call *call, int32_t from)
{
  const struct nn_node *o = call->node;
  size_t c = (size_t)o->cin, s = (size_t)o->squeeze, n = (size_t)call->n;
  struct se e;

  e.mean = call->pre + (size_t)from * c;
  e.hidden = call->pre + n * c + (size_t)from * s;
  e.gate = call->pre + n * (c + s) + (size_t)from * c;
  e.w1 = call->weight;
  e.b1 = e.w1 + s * c;
  e.w2 = e.b1 + s;
  e.b2 = e.w2 + c * s;
  return e;
}

/* sum[c] = share * sum over pixels of x[c] (* x2[c]) */
NN_CLONES static void
pixel_sum(const float *x, const float *x2, int32_t pixels, int32_t c,
          float share, float *sum)
{
  memset(sum, 0, (size_t)c * sizeof *sum);
  for (int32_t p = 0; p < pixels; p++, x += c) {
    if (x2 == NULL) {
#pragma omp simd
      for (int32_t i = 0; i < c; i++)
        sum[i] += x[i] * share;
      continue;
    }
#pragma omp simd
    for (int32_t i = 0; i < c; i++)
      sum[i] += x[i] * x2[i];
    x2 += c;
  }
}

/* y = (or +=) x * a + b, per channel; b may be NULL. */
NN_CLONES static void
pixel_scale(const float *x, int32_t pixels, int32_t c, const float *a,
            const float *b, int add, float *y)
{
  for (int32_t p = 0; p < pixels; p++, x += c, y += c)
    for (int32_t i = 0; i < c; i++)
      y[i] = (add ? y[i] : 0) + x[i] * a[i] + (b ? b[i] : 0);
}

static void
se_forward(void *arg, int t)
{
  struct nn_call *call = arg;
  const struct nn_node *o = call->node;
  struct nn_piece p = piece_of(call, t);
  struct se e = se_of(call, p.from);
  size_t c = (size_t)o->cin, m = (size_t)(p.to - p.from);
  size_t image = (size_t)o->h * (size_t)o->w * c;
  float *gate = nn_scratch(call->engine, t, c);

  for (size_t i = 0; i < m; i++)
    pixel_sum(call->x + ((size_t)p.from + i) * image, NULL, o->h * o->w,
              o->cin, 1.0f / (float)(o->h * o->w), e.mean + i * c);
  affine((int32_t)m, o->cin, o->squeeze, e.mean, e.w1, e.b1, e.hidden);
  for (size_t i = 0; i < m * (size_t)o->squeeze; i++)
    e.hidden[i] = e.hidden[i] > 0 ? e.hidden[i] : 0;
  affine((int32_t)m, o->squeeze, o->cin, e.hidden, e.w2, e.b2, e.gate);
  for (size_t i = 0; i < m; i++) {
    size_t at = ((size_t)p.from + i) * image;
    for (size_t j = 0; j < c; j++)
      gate[j] = nn_act(CHANAS_ACT_HSIGMOID, e.gate[i * c + j]);
    pixel_scale(call->x + at, o->h * o->w, o->cin, gate, NULL, 0,
                call->y + at);
  }
}

/* From dy to the gradient of the gate before its hard sigmoid. */
static void
gate_gradient(const struct nn_call *call, struct nn_piece p,
              const struct se *e, float *dgate)
{
  const struct nn_node *o = call->node;
  size_t c = (size_t)o->cin, image = (size_t)o->h * (size_t)o->w * c;

  for (int32_t i = 0; i < p.to - p.from; i++) {
    size_t at = (size_t)(p.from + i) * image;
    float *d = dgate + (size_t)i * c;
    pixel_sum(call->dy + at, call->x + at, o->h * o->w, o->cin, 1, d);
    for (size_t j = 0; j < c; j++)
      d[j] *= nn_act_slope(CHANAS_ACT_HSIGMOID, e->gate[(size_t)i * c + j]);
  }
}

static void
se_input(const struct nn_call *call, struct nn_piece p, const struct se *e,
         float *dmean, float *gate)
{
  const struct nn_node *o = call->node;
  size_t c = (size_t)o->cin, image = (size_t)o->h * (size_t)o->w * c;

  for (int32_t i = 0; i < p.to - p.from; i++) {
    size_t at = (size_t)(p.from + i) * image;
    float *d = dmean + (size_t)i * c;
    for (size_t j = 0; j < c; j++) {
      gate[j] = nn_act(CHANAS_ACT_HSIGMOID, e->gate[(size_t)i * c + j]);
      d[j] /= (float)(o->h * o->w);
    }
    pixel_scale(call->dy + at, o->h * o->w, o->cin, gate, d, call->add,
                call->dx + at);
  }
}

static void
se_backward(void *arg, int t)
{
  struct nn_call *call = arg;
  const struct nn_node *o = call->node;
  struct nn_piece p = piece_of(call, t);
  struct se e = se_of(call, p.from);
  int32_t m = p.to - p.from;
  size_t c = (size_t)o->cin, s = (size_t)o->squeeze, n = (size_t)m;
  float *dgate = nn_scratch(call->engine, t, n * (2 * c + s) + c);
  float *dmean = dgate + n * c, *dhidden = dmean + n * c;
  float *dw1 = call->dweight + (size_t)t * call->dsize, *db1 = dw1 + s * c;
  float *dw2 = db1 + s, *db2 = dw2 + c * s;

  gate_gradient(call, p, &e, dgate);
  affine_grad(m, o->squeeze, o->cin, e.hidden, e.w2, dgate, dw2, db2,
              dhidden, 0);
  for (size_t i = 0; i < n * s; i++)
    dhidden[i] = e.hidden[i] > 0 ? dhidden[i] : 0;
  affine_grad(m, o->cin, o->squeeze, e.mean, e.w1, dhidden, dw1, db1, dmean,
              0);
  if (call->dx)
    se_input(call, p, &e, dmean, dhidden + n * s);
}

void
nn_se_forward(struct nn_call *call)
{
  nn_team_run(nn_engine_threads(call->engine), se_forward, call);
}

void
nn_se_backward(struct nn_call *call)
{
  nn_team_run(nn_engine_threads(call->engine), se_backward, call);
}
