/* SPDX-License-Identifier: Apache-2.0 */
/* One network with random parameters: see untrained.h. */
#include "untrained.h"
#include <stdlib.h>
#include <unistd.h>

int
measure_open(struct measure *m, int threads)
{
  long cpus = sysconf(_SC_NPROCESSORS_ONLN);

  m->engine = nn_engine_open(m->host, threads ? threads : (int)cpus);
  return m->engine ? 0 : -1;
}

void
measure_close(struct measure *m)
{
  nn_engine_close(m->engine);
}

void
untrained_close(struct untrained *s)
{
  nn_graph_free(s->graph);
  nn_store_free(&s->store);
  free(s->x);
}

int
untrained_open(struct untrained *s, struct measure *m,
               const struct chanas_network *net, int32_t images)
{
  *s = (struct untrained){ 0 };
  if (nn_store_add(&s->store, m->host, net) < 0 ||
      nn_store_seal(&s->store, m->seed) < 0 ||
      (s->graph = nn_graph_make(&s->store, m->host, net)) == NULL)
    return -1;
  s->x = malloc((size_t)images * s->graph->elements[0] * sizeof *s->x);
  return s->x ? 0 : MEASURE_FAIL(m->host, "out of memory");
}

void
untrained_noise(float *x, size_t n, struct nn_rng *rng)
{
  for (size_t i = 0; i < n; i++)
    x[i] = (float)nn_rng_normal(rng);
}
