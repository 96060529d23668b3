/* SPDX-License-Identifier: Apache-2.0 */
/* Zero-cost scores: see zero_cost.h. */
#include "zero_cost.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

double
measure_params(struct measure *m, const struct chanas_network *net)
{
  return log(m->host->params(net));
}

double
measure_macs(struct measure *m, const struct chanas_network *net)
{
  return log(m->host->macs(net));
}

/* ---- synflow */

/* Magnitudes, and no normalisation; what is left of every activation for
 * values that are never negative is the identity, which a rectifier is. */
static void
make_linear(struct untrained *s)
{
  for (size_t i = 0; i < s->store.params; i++)
    s->store.value[i] = fabsf(s->store.value[i]);
  for (size_t i = 0; i < s->graph->nodes; i++) {
    struct nn_node *o = &s->graph->node[i];
    o->norm = 0;
    if (o->kind != CHANAS_SE && o->act != CHANAS_ACT_NONE)
      o->act = CHANAS_ACT_RELU;
  }
}

/* Sum of |w * dR/dw| for an input of `in` and a gradient of `seed`; NAN or 0
 * if it leaves the range of float. */
static double
flow(struct measure *m, struct untrained *s, float in, float seed)
{
  size_t n = (size_t)s->graph->classes;
  float *gradient = malloc(n * sizeof *gradient);
  double sum = 0;

  for (size_t i = 0; i < s->graph->elements[0]; i++)
    s->x[i] = in;
  for (size_t i = 0; gradient && i < n; i++)
    gradient[i] = seed;
  memset(s->store.grad, 0, s->store.params * sizeof *s->store.grad);
  if (gradient == NULL ||
      nn_forward(m->engine, &s->store, s->graph, NN_TRAIN, 1, s->x) == NULL)
    sum = NAN;
  else
    nn_backward(m->engine, &s->store, s->graph, gradient, NULL);
  for (size_t i = 0; i < s->store.params; i++)
    sum += fabs((double)s->store.value[i] * s->store.grad[i]);
  free(gradient);
  return sum;
}

/* R is linear in the input, its gradient in what is sent back: both are made
 * small enough for products over many layers, and the logarithm corrected. */
double
measure_synflow(struct measure *m, const struct chanas_network *net)
{
  struct untrained s;
  double score = NAN;

  if (untrained_open(&s, m, net, 1) == 0) {
    make_linear(&s);
    for (int e = 0; e <= 36 && !isfinite(score); e += 4) {
      double in = pow(10, -e), sum = flow(m, &s, (float)in, (float)in);
      if (isfinite(sum) && sum > 0)
        score = log(sum) - 2 * log(in);
    }
  }
  untrained_close(&s);
  return score;
}

/* ---- zen */

/* The last tensor with pixels: what the global pooling reads. */
static int32_t
last_features(const struct nn_graph *g)
{
  for (size_t i = g->nodes; i-- > 0;)
    if (g->node[i].kind == CHANAS_GLOBALPOOL)
      return g->node[i].src;
  return g->output;
}

/* What every normalisation divided by: sum of log sqrt(mean variance). */
static double
deviations(const struct nn_graph *g)
{
  double sum = 0;

  for (size_t i = 0; i < g->nodes; i++) {
    const struct nn_node *o = &g->node[i];
    const float *var = g->moment + o->stat + o->cout;
    double mean = 0;
    if (!o->norm)
      continue;
    for (int32_t c = 0; c < o->cout; c++)
      mean += var[c];
    sum += 0.5 * log(mean / o->cout + 1e-12);
  }
  return sum;
}

/* The features of both halves of a batch differ by this, in the mean. */
static double
change(const float *f, size_t n)
{
  double sum = 0;

  for (size_t i = 0; i < n; i++)
    sum += fabs((double)f[i] - f[n + i]);
  return sum / (double)n;
}

static double
zen_once(struct measure *m, struct untrained *s, uint64_t repeat)
{
  struct nn_rng rng = nn_rng_at(m->seed, 3, repeat);
  int32_t features = last_features(s->graph), n = m->batch / 2;
  size_t half = (size_t)n * s->graph->elements[0];

  nn_store_init(&s->store, m->seed + repeat);
  untrained_noise(s->x, half, &rng);
  for (size_t i = 0; i < half; i++)
    s->x[half + i] = s->x[i] + 0.01f * (float)nn_rng_normal(&rng);
  nn_moments_begin(s->graph);
  if (nn_forward(m->engine, &s->store, s->graph, NN_STATS, 2 * n, s->x)
        == NULL ||
      nn_forward(m->engine, &s->store, s->graph, NN_TRAIN, 2 * n, s->x)
        == NULL)
    return NAN;
  return log(change(nn_tensor(m->engine, features),
                    (size_t)n * s->graph->elements[features]) + 1e-12) +
         deviations(s->graph);
}

double
measure_zen(struct measure *m, const struct chanas_network *net)
{
  struct untrained s;
  double sum = 0;

  if (untrained_open(&s, m, net, m->batch) < 0) {
    untrained_close(&s);
    return NAN;
  }
  for (int i = 0; i < m->repeats; i++)
    sum += zen_once(m, &s, (uint64_t)i);
  untrained_close(&s);
  return sum / m->repeats;
}
