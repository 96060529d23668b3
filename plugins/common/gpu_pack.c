/* SPDX-License-Identifier: Apache-2.0 */
/* Packing: see gpu_manifest.h for the orders.  Rounding is to nearest even,
 * for TF32 to nearest and away from zero, as the hardware's conversions. */
#include "gpu_pack.h"
#include <math.h>
#include <string.h>

enum gpu_word
gpu_pack_type(const char *name)
{
  return !strcmp(name, "bf16") ? GPU_BF16 : !strcmp(name, "f16") ? GPU_F16
         : !strcmp(name, "tf32") ? GPU_TF32
         : !strcmp(name, "i8") ? GPU_I8 : GPU_COLUMNS;
}

static int
per_word(enum gpu_word type)
{
  return type == GPU_I8 ? 4 : type == GPU_TF32 ? 1 : 2;
}

static size_t
row_words(const struct gpu_pack *p)
{
  size_t products = (size_t)p->in * (size_t)p->taps;
  size_t per = 4 * (size_t)per_word(p->type);

  return (products + per - 1) / per * 4;
}

size_t
gpu_pack_words(const struct gpu_pack *p)
{
  if (p->type == GPU_COLUMNS)
    return (size_t)p->wide * (size_t)p->in * (size_t)p->taps;
  return (row_words(p) + (p->type == GPU_I8)) * (size_t)p->out;
}

static uint32_t
bits(float v)
{
  uint32_t u;

  memcpy(&u, &v, sizeof u);
  return u;
}

static uint32_t
to_bf16(float v)
{
  uint32_t u = bits(v);

  return (u + 0x7fff + (u >> 16 & 1)) >> 16;
}

/* Normal numbers by their bits, small ones by arithmetic. */
static uint32_t
to_f16(float v)
{
  uint32_t u = bits(v), sign = u >> 16 & 0x8000;
  float a = fabsf(v);

  if (!(a < 65520))
    return sign | (a > 0 ? 0x7c00 : 0x7e00);
  if (a < 0x1p-14f)
    return sign | (uint32_t)lrintf(a * 0x1p24f);
  u = (u & 0x7fffffff) - (112u << 23);
  return sign | (u + 0xfff + (u >> 13 & 1)) >> 13;
}

static uint32_t
convert(enum gpu_word type, float v, float scale)
{
  switch (type) {
  case GPU_BF16: return to_bf16(v);
  case GPU_F16: return to_f16(v);
  case GPU_TF32: return (bits(v) + 0x1000) & ~0x1fffu;
  default: return (uint32_t)lrintf(v / scale) & 255;
  }
}

/* One output's row; its scale is the largest magnitude over 127. */
static void
pack_row(const struct gpu_pack *p, const float *w, uint32_t *row,
         uint32_t *scale)
{
  int products = p->in * p->taps, per = per_word(p->type), i;
  float most = 0;

  for (i = 0; i < products; i++)
    most = fmaxf(most, fabsf(w[i]));
  most = most > 0 ? most / 127 : 1;
  for (i = 0; i < products; i++) {
    float v = w[i % p->in * p->taps + i / p->in];
    row[i / per] |= convert(p->type, v, most) << (32 / per * (i % per));
  }
  if (scale)
    memcpy(scale, &most, sizeof most);
}

static void
pack_columns(const struct gpu_pack *p, const float *w, uint32_t *to)
{
  int o, i, t;

  for (o = 0; o < p->out; o++)
    for (i = 0; i < p->in; i++)
      for (t = 0; t < p->taps; t++)
        to[((size_t)t * (size_t)p->in + (size_t)i) * (size_t)p->wide
           + (size_t)o] = bits(*w++);
}

void
gpu_pack(const struct gpu_pack *p, const float *weights, uint32_t *packed)
{
  size_t products = (size_t)p->in * (size_t)p->taps, words, o;
  const float *w = weights + p->from;
  uint32_t *to = packed + p->at;

  if (p->type == GPU_COLUMNS) {
    pack_columns(p, w, to);
    return;
  }
  words = row_words(p);
  for (o = 0; o < (size_t)p->out; o++)
    pack_row(p, w + o * products, to + o * words,
             p->type == GPU_I8 ? to + words * (size_t)p->out + o : NULL);
}
