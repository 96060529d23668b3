/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Resampling by a triangle filter, first along the rows, then down the
 * columns as rows come, so that a large image is never whole in memory.
 *
 * The filter of result i has its centre at x0 + (i + 1/2) side / n in the
 * source and a half-width of max(1, side / n) pixels; taps beyond the edge
 * are left out and the rest is scaled to a sum of 1.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "images_parts.h"

struct tap { int from, n; const float *weight; };

struct axis { int n; struct tap *tap; float *weight; };

struct images_scaler {
  int c, ow, oh, y;
  struct axis across, down;
  float *line;  /* one row, already resampled */
  float *out;
};

static void
axis_free(struct axis *a)
{
  free(a->tap);
  free(a->weight);
}

/* n results from the window [x0, x0 + side) of `extent` pixels. */
static int
axis_make(struct axis *a, int extent, double x0, double side, int n)
{
  double scale = side / n, reach = scale > 1 ? scale : 1;
  size_t most = 2 * (size_t)ceil(reach) + 2;
  float *w;

  a->n = n;
  a->tap = calloc((size_t)n, sizeof *a->tap);
  a->weight = w = calloc((size_t)n * most, sizeof *w);
  if (a->tap == NULL || w == NULL)
    return -1;
  for (int i = 0; i < n; i++, w += most) {
    double centre = x0 + (i + 0.5) * scale, sum = 0;
    int from = (int)floor(centre - reach + 0.5);
    int to = (int)floor(centre + reach + 0.5);
    from = from < 0 ? 0 : from;
    to = to > extent ? extent : to;
    for (int x = from; x < to; x++)
      sum += fmax(0, 1 - fabs(x + 0.5 - centre) / reach);
    for (int x = from; x < to; x++)
      w[x - from] =
        (float)(fmax(0, 1 - fabs(x + 0.5 - centre) / reach) / sum);
    a->tap[i] = (struct tap){ from, to - from, w };
  }
  return 0;
}

void
images_scaler_free(struct images_scaler *s)
{
  if (s == NULL)
    return;
  axis_free(&s->across);
  axis_free(&s->down);
  free(s->line);
  free(s->out);
  free(s);
}

struct images_scaler *
images_scaler_new(int w, int h, int c, double x0, double y0, double side_w,
                  double side_h, int ow, int oh)
{
  struct images_scaler *s = calloc(1, sizeof *s);

  if (s == NULL)
    return NULL;
  s->c = c;
  s->ow = ow;
  s->oh = oh;
  s->line = calloc((size_t)ow * (size_t)c, sizeof *s->line);
  s->out = calloc((size_t)ow * (size_t)oh * (size_t)c, sizeof *s->out);
  if (axis_make(&s->across, w, x0, side_w, ow) == 0 &&
      axis_make(&s->down, h, y0, side_h, oh) == 0 && s->line && s->out)
    return s;
  images_scaler_free(s);
  return NULL;
}

static void
across(struct images_scaler *s, const float *row)
{
  for (int i = 0; i < s->ow; i++) {
    const struct tap *t = &s->across.tap[i];
    const float *in = row + (size_t)t->from * (size_t)s->c;
    for (int c = 0; c < s->c; c++) {
      float sum = 0;
      for (int k = 0; k < t->n; k++)
        sum += t->weight[k] * in[k * s->c + c];
      s->line[i * s->c + c] = sum;
    }
  }
}

/* Does any result look at the row that comes? */
static int
wanted(const struct images_scaler *s)
{
  const struct tap *first = s->down.tap, *last = &s->down.tap[s->oh - 1];

  return s->y >= first->from && s->y < last->from + last->n;
}

void
images_scaler_row(struct images_scaler *s, const float *row)
{
  size_t n = (size_t)s->ow * (size_t)s->c;

  if (wanted(s))
    across(s, row);
  for (int i = 0; i < s->oh && wanted(s); i++) {
    const struct tap *t = &s->down.tap[i];
    if (s->y < t->from || s->y >= t->from + t->n)
      continue;
    const float weight = t->weight[s->y - t->from];
    for (size_t k = 0; k < n; k++)
      s->out[(size_t)i * n + k] += weight * s->line[k];
  }
  s->y++;
}

const float *
images_scaler_result(const struct images_scaler *s)
{
  return s->out;
}

int
images_resize(const float *in, int h, int w, int c, float *out, int oh, int ow)
{
  struct images_scaler *s;

  if (h == oh && w == ow) {
    memcpy(out, in, (size_t)h * (size_t)w * (size_t)c * sizeof *in);
    return 0;
  }
  s = images_scaler_new(w, h, c, 0, 0, w, h, ow, oh);
  if (s == NULL)
    return -1;
  for (int y = 0; y < h; y++)
    images_scaler_row(s, in + (size_t)y * (size_t)w * (size_t)c);
  memcpy(out, s->out, (size_t)oh * (size_t)ow * (size_t)c * sizeof *out);
  images_scaler_free(s);
  return 0;
}
