/* SPDX-License-Identifier: Apache-2.0 */
/* Cross-entropy against probabilities, and how many are right. */
#include <math.h>
#include "nn.h"

void
nn_softmax(int32_t n, int32_t classes, const float *logits, float *out)
{
  for (int32_t i = 0; i < n; i++, logits += classes, out += classes) {
    float most = logits[0];
    double sum = 0;
    for (int32_t c = 1; c < classes; c++)
      most = logits[c] > most ? logits[c] : most;
    for (int32_t c = 0; c < classes; c++)
      sum += exp((double)logits[c] - (double)most);
    for (int32_t c = 0; c < classes; c++)
      out[c] = (float)(exp((double)logits[c] - (double)most) / sum);
  }
}

/* One image: its loss; p is overwritten by the gradient. */
static double
loss_of(int32_t classes, const float *logits, const float *target,
        float *gradient, float scale)
{
  double most = logits[0], sum = 0, loss = 0, mass = 0;

  for (int32_t c = 1; c < classes; c++)
    most = logits[c] > most ? logits[c] : most;
  for (int32_t c = 0; c < classes; c++) {
    sum += exp(logits[c] - most);
    mass += target[c];
  }
  for (int32_t c = 0; c < classes; c++) {
    double log_p = logits[c] - most - log(sum);
    if (target[c] > 0)
      loss -= target[c] * log_p;
    if (gradient)
      gradient[c] = (float)((exp(log_p) * mass - target[c]) * scale);
  }
  return loss;
}

double
nn_loss(int32_t n, int32_t classes, const float *logits, const float *target,
        float scale, float *gradient)
{
  double loss = 0;

  for (int32_t i = 0; i < n; i++) {
    size_t at = (size_t)i * (size_t)classes;
    loss += loss_of(classes, logits + at, target + at,
                    gradient ? gradient + at : NULL, scale / (float)n);
  }
  return loss * scale / n;
}

size_t
nn_correct(int32_t n, int32_t classes, const float *logits,
           const int32_t *label)
{
  size_t right = 0;

  for (int32_t i = 0; i < n; i++, logits += classes) {
    int32_t best = 0;
    for (int32_t c = 1; c < classes; c++)
      if (logits[c] > logits[best])
        best = c;
    right += best == label[i];
  }
  return right;
}
