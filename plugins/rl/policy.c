/* SPDX-License-Identifier: Apache-2.0 */
/* Softmax per knob, its gradient, Adam. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "policy.h"

#define BETA1 0.9
#define BETA2 0.999

int
policy_open(struct policy *p, const struct history *h, size_t preferences)
{
  size_t k, most = 1, n, weights;

  memset(p, 0, sizeof *p);
  p->history = h;
  p->preferences = preferences;
  p->offset = calloc(h->knobs + 1, sizeof *p->offset);
  for (k = 0; p->offset && k < h->knobs; k++) {
    n = h->host->choices(h->space, k);
    p->offset[k] = p->logits;
    p->logits += n;
    most = n > most ? n : most;
  }
  weights = (p->logits + 1) * (1 + preferences);
  p->weight = calloc(weights, sizeof *p->weight);
  p->gradient = calloc(weights, sizeof *p->gradient);
  p->first = calloc(weights, sizeof *p->first);
  p->second = calloc(weights, sizeof *p->second);
  p->chance = calloc(most, sizeof *p->chance);
  if (p->offset && p->weight && p->gradient && p->first && p->second &&
      p->chance)
    return 0;
  h->host->log(h->host->ctx, CHANAS_ERROR, "no memory for %zu logits",
               p->logits);
  return -1;
}

void
policy_close(struct policy *p)
{
  free(p->offset);
  free(p->weight);
  free(p->gradient);
  free(p->first);
  free(p->second);
  free(p->chance);
  memset(p, 0, sizeof *p);
}

/* Chances of the choices of one knob into p->chance; returns how many. */
static size_t
softmax(const struct policy *p, const double *preference, size_t knob)
{
  const struct history *h = p->history;
  size_t n = h->host->choices(h->space, knob), width = 1 + p->preferences;
  const double *w = p->weight + p->offset[knob] * width;
  double most = -INFINITY, sum = 0;
  size_t i, q;

  for (i = 0; i < n; i++, w += width) {
    p->chance[i] = w[0];
    for (q = 0; q < p->preferences; q++)
      p->chance[i] += preference[q] * w[1 + q];
    most = fmax(most, p->chance[i]);
  }
  for (i = 0; i < n; i++)
    sum += p->chance[i] = exp(p->chance[i] - most);
  for (i = 0; i < n; i++)
    p->chance[i] /= sum;
  return n;
}

static int32_t
draw(const struct policy *p, const double *preference, size_t knob)
{
  size_t n = softmax(p, preference, knob), i;
  double at = history_real(p->history);

  for (i = 0; i + 1 < n && at >= p->chance[i]; i++)
    at -= p->chance[i];
  return (int32_t)i;
}

void
policy_sample(const struct policy *p, const double *preference,
              double uniform, int32_t *choice)
{
  const struct history *h = p->history;
  struct chanas_point point = { h->space, choice };
  size_t k;

  memset(choice, 0, h->knobs * sizeof *choice);
  for (k = 0; k < h->knobs; k++) {
    if (!h->host->active(point, k))
      continue;
    if (uniform > 0 && history_real(h) < uniform)
      choice[k] = (int32_t)history_below(h, h->host->choices(h->space, k));
    else
      choice[k] = draw(p, preference, k);
  }
}

/* d log chance[c] / d logit[i] = (i == c) - chance[i];
 * d entropy / d logit[i] = -chance[i] * (log chance[i] + entropy). */
static void
learn_knob(struct policy *p, const double *preference, size_t knob,
           size_t chosen, double advantage, double bonus)
{
  size_t n = softmax(p, preference, knob), width = 1 + p->preferences, i, q;
  double *g = p->gradient + p->offset[knob] * width, entropy = 0, slope;

  for (i = 0; i < n; i++)
    if (p->chance[i] > 0)
      entropy -= p->chance[i] * log(p->chance[i]);
  for (i = 0; i < n; i++, g += width) {
    slope = advantage * ((i == chosen) - p->chance[i]);
    if (p->chance[i] > 0)
      slope -= bonus * p->chance[i] * (log(p->chance[i]) + entropy);
    g[0] += slope;
    for (q = 0; q < p->preferences; q++)
      g[1 + q] += slope * preference[q];
  }
}

void
policy_learn(struct policy *p, const double *preference,
             const int32_t *choice, double advantage, double bonus)
{
  const struct history *h = p->history;
  struct chanas_point point = { h->space, choice };
  size_t k;

  for (k = 0; k < h->knobs; k++)
    if (h->host->active(point, k))
      learn_knob(p, preference, k, (size_t)choice[k], advantage, bonus);
}

void
policy_step(struct policy *p, size_t n, double rate)
{
  size_t i, weights = p->logits * (1 + p->preferences);
  double c1, c2, g;

  p->steps++;
  c1 = 1 - pow(BETA1, p->steps);
  c2 = 1 - pow(BETA2, p->steps);
  for (i = 0; i < weights; i++) {
    g = p->gradient[i] / (double)n;
    p->first[i] = BETA1 * p->first[i] + (1 - BETA1) * g;
    p->second[i] = BETA2 * p->second[i] + (1 - BETA2) * g * g;
    p->weight[i] += rate * (p->first[i] / c1) /
                    (sqrt(p->second[i] / c2) + 1e-8);
    p->gradient[i] = 0;
  }
}
