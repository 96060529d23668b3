/* SPDX-License-Identifier: Apache-2.0 */
/* Crop, flip, cutout, mixup. */
#include "augment.h"
#include <math.h>
#include <string.h>
#include "seed.h"

/* out(y, x) = in(y + dy, x + dx), mirrored if flip, fill outside. */
static void
shift(const float *in, int h, int w, int c, int dy, int dx, int flip,
      const float *fill, float *out)
{
  for (int y = 0; y < h; y++)
    for (int x = 0; x < w; x++, out += c) {
      int sy = y + dy, sx = (flip ? w - 1 - x : x) + dx;
      int inside = sy >= 0 && sy < h && sx >= 0 && sx < w;
      const float *from = inside ? in + ((size_t)sy * (size_t)w +
                                         (size_t)sx) * (size_t)c : fill;
      for (int k = 0; k < c; k++)
        out[k] = from[k];
    }
}

static int
within(int v, int low, int high)
{
  return v < low ? low : v > high ? high : v;
}

static void
cut(float *image, int h, int w, int c, int cy, int cx, int side)
{
  int y0 = within(cy - side / 2, 0, h), x0 = within(cx - side / 2, 0, w);
  int y1 = within(cy - side / 2 + side, 0, h);
  int x1 = within(cx - side / 2 + side, 0, w);

  for (int y = y0; y < y1; y++)
    memset(image + ((size_t)y * (size_t)w + (size_t)x0) * (size_t)c, 0,
           (size_t)(x1 - x0) * (size_t)c * sizeof *image);
}

void
augment_image(const struct augment *a, uint64_t seed, uint32_t epoch,
              uint32_t index, int h, int w, int c, float *image,
              float *scratch)
{
  uint64_t state = seed_of(seed, epoch, index);
  uint32_t range = 2 * (uint32_t)a->pad + 1;
  int dy = (int)seed_below(&state, range) - a->pad;
  int dx = (int)seed_below(&state, range) - a->pad;
  int mirror = a->flip && seed_next(&state) >> 63;
  int cy = (int)seed_below(&state, (uint32_t)h);
  int cx = (int)seed_below(&state, (uint32_t)w);

  if (dy || dx || mirror) {
    size_t size = (size_t)h * (size_t)w * (size_t)c * sizeof *image;
    memcpy(scratch, image, size);
    shift(scratch, h, w, c, dy, dx, mirror, a->fill, image);
  }
  if (a->cutout > 0)
    cut(image, h, w, c, cy, cx, a->cutout);
}

/* Standard normal (Box and Muller 1958). */
static double
normal(uint64_t *state)
{
  double r = sqrt(-2 * log(1 - seed_real(state)));

  return r * cos(2 * 3.14159265358979323846 * seed_real(state));
}

/* log of Gamma(shape, 1) (Marsaglia and Tsang 2000; below 1 with the factor
 * U^(1/shape), in logarithms because that vanishes for small shapes). */
static double
log_gamma_draw(uint64_t *state, double shape)
{
  double d = (shape < 1 ? shape + 1 : shape) - 1.0 / 3, c = 1 / sqrt(9 * d);
  double low = shape < 1 ? log(1 - seed_real(state)) / shape : 0;

  for (;;) {
    double x = normal(state), v = pow(1 + c * x, 3), u = 1 - seed_real(state);
    if (1 + c * x > 0 && log(u) < x * x / 2 + d - d * v + d * log(v))
      return log(d * v) + low;
  }
}

static double
beta_draw(uint64_t *state, double alpha)
{
  double a = log_gamma_draw(state, alpha), b = log_gamma_draw(state, alpha);

  return 1 / (1 + exp(b - a));
}

float
augment_mixup(const struct augment *a, uint64_t seed, uint32_t epoch,
              uint32_t batch, size_t n, size_t size, float *x,
              const int32_t *label, int32_t *other)
{
  uint64_t state = seed_of(seed ^ UINT64_C(0x6d69787570), epoch, batch);
  double share = a->mixup > 0 ? beta_draw(&state, a->mixup) : 1;
  float s = (float)(share < 0.5 ? 1 - share : share);

  for (size_t i = 0; i < n; i++)
    other[i] = label[n - 1 - i];
  for (size_t i = 0; i < n / 2 && s < 1; i++) {
    float *p = x + i * size, *q = x + (n - 1 - i) * size;
    for (size_t k = 0; k < size; k++) {
      float v = p[k], w = q[k];
      p[k] = s * v + (1 - s) * w;
      q[k] = s * w + (1 - s) * v;
    }
  }
  return s;
}
