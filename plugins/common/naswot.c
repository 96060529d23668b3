/* SPDX-License-Identifier: Apache-2.0 */
/* Mellor et al., Neural Architecture Search without Training, ICML 2021. */
#include "naswot.h"
#include <lapacke.h>
#include <math.h>
#include <stdlib.h>

static int
rectifies(int act)
{
  return act != CHANAS_ACT_NONE && act != CHANAS_ACT_HSIGMOID;
}

/* K[i][j] += units of this node on which images i and j agree. */
static void
add_agreements(double *k, int32_t n, const float *y, size_t size)
{
  for (int32_t i = 0; i < n; i++)
    for (int32_t j = 0; j <= i; j++) {
      const float *a = y + (size_t)i * size, *b = y + (size_t)j * size;
      size_t same = 0;
      for (size_t u = 0; u < size; u++)
        same += (a[u] > 0) == (b[u] > 0);
      k[i * n + j] += (double)same;
      if (i != j)
        k[j * n + i] += (double)same;
    }
}

/* log |det K| by its LU factors. */
static double
log_det(double *k, int32_t n)
{
  lapack_int *pivot = malloc((size_t)n * sizeof *pivot);
  double sum = NAN;

  if (pivot && LAPACKE_dgetrf(LAPACK_ROW_MAJOR, n, n, k, n, pivot) == 0) {
    sum = 0;
    for (int32_t i = 0; i < n; i++)
      sum += log(fabs(k[i * n + i]));
  }
  free(pivot);
  return sum;
}

double
measure_naswot(struct measure *m, const struct chanas_network *net)
{
  struct nn_rng rng = nn_rng_at(m->seed, 2, 0);
  struct untrained s;
  int32_t n = m->batch;
  double *k = calloc((size_t)n * (size_t)n, sizeof *k), score = NAN;

  if (k && untrained_open(&s, m, net, n) == 0) {
    untrained_noise(s.x, (size_t)n * s.graph->elements[0], &rng);
    if (nn_forward(m->engine, &s.store, s.graph, NN_TRAIN, n, s.x)) {
      for (size_t i = 0; i < s.graph->nodes; i++) {
        const struct nn_node *o = &s.graph->node[i];
        if (rectifies(o->act))
          add_agreements(k, n, nn_tensor(m->engine, o->dst),
                         s.graph->elements[o->dst]);
      }
      score = log_det(k, n);
    }
  }
  if (k)
    untrained_close(&s);
  free(k);
  return score;
}
