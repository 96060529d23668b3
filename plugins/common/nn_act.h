/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Activations and their derivatives, written so that loops over them
 * vectorise: no branch that does not become a blend, no call.
 */
#ifndef PLUGINS_COMMON_NN_ACT_H
#define PLUGINS_COMMON_NN_ACT_H
#include "nn_impl.h"

NN_INLINE float
nn_clip(float x, float low, float high)
{
  x = x > low ? x : low;
  return x < high ? x : high;
}

/* exp(x) to about 2 ulp on the range where float has it. */
NN_INLINE float
nn_exp(float x)
{
  float k, r, p;
  union { int32_t i; float f; } two;

  x = nn_clip(x, -87.0f, 88.0f);
  k = x * 1.44269504f;
  two.i = (int32_t)(k + (k < 0 ? -0.5f : 0.5f));
  k = (float)two.i;
  r = x - k * 0.693359375f + k * 2.12194440e-4f;
  p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  two.i = (two.i + 127) << 23;
  return (p * r * r + r + 1.0f) * two.f;
}

NN_INLINE float
nn_sigmoid(float x)
{
  return 1.0f / (1.0f + nn_exp(-x));
}

NN_INLINE float
nn_act(int act, float x)
{
  switch (act) {
  case CHANAS_ACT_RELU:
    return x > 0 ? x : 0;
  case CHANAS_ACT_RELU6:
    return nn_clip(x, 0, 6);
  case CHANAS_ACT_HSWISH:
    return x * nn_clip(x + 3, 0, 6) * (1.0f / 6);
  case CHANAS_ACT_HSIGMOID:
    return nn_clip(x + 3, 0, 6) * (1.0f / 6);
  case CHANAS_ACT_SWISH:
    return x * nn_sigmoid(x);
  default:
    return x;
  }
}

/* d act / d x; at a kink, what PyTorch takes. */
NN_INLINE float
nn_act_slope(int act, float x)
{
  float s, in = x > -3 ? 1.0f : 0.0f;

  switch (act) {
  case CHANAS_ACT_RELU:
    return x > 0 ? 1.0f : 0.0f;
  case CHANAS_ACT_RELU6:
    s = x > 0 ? 1.0f : 0.0f;
    return x < 6 ? s : 0.0f;
  case CHANAS_ACT_HSWISH:
    s = in * (x * (1.0f / 3) + 0.5f);
    return x < 3 ? s : 1.0f;
  case CHANAS_ACT_HSIGMOID:
    return x < 3 ? in * (1.0f / 6) : 0.0f;
  case CHANAS_ACT_SWISH:
    s = nn_sigmoid(x);
    return s * (1 + x * (1 - s));
  default:
    return 1.0f;
  }
}

/* BODY(act) with a constant act, so that the loop inside is one blend. */
#define NN_EACH_ACT(act, BODY)                                              \
  switch (act) {                                                            \
  case CHANAS_ACT_RELU: BODY(CHANAS_ACT_RELU); break;                       \
  case CHANAS_ACT_RELU6: BODY(CHANAS_ACT_RELU6); break;                     \
  case CHANAS_ACT_HSWISH: BODY(CHANAS_ACT_HSWISH); break;                   \
  case CHANAS_ACT_HSIGMOID: BODY(CHANAS_ACT_HSIGMOID); break;               \
  case CHANAS_ACT_SWISH: BODY(CHANAS_ACT_SWISH); break;                     \
  default: BODY(CHANAS_ACT_NONE); break;                                    \
  }
#endif
