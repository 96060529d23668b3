/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Points of the space that training asks for.  The shared parameters are
 * sized by the largest network and those that differ from it in one knob,
 * which together use every operator at its largest.
 */
#include <stdlib.h>
#include <string.h>
#include "supernet.h"

static int32_t
extreme(const struct supernet *net, size_t knob, int sign)
{
  const struct chanas_host *host = net->host;
  size_t best = 0, n = host->choices(net->space, knob);

  for (size_t i = 1; i < n; i++)
    if (sign * host->knob_value(net->space, knob, i) >
        sign * host->knob_value(net->space, knob, best))
      best = i;
  return (int32_t)best;
}

static int
enter(struct supernet *net, const int32_t *choice)
{
  struct chanas_network *network = net->host->network(net->host->ctx, choice);
  int status;

  if (network == NULL)
    return -1;
  status = nn_store_add(&net->store, net->host, network);
  net->host->discard(network);
  return status;
}

static int
enter_all(struct supernet *net)
{
  int32_t *choice = malloc((net->knobs + 1) * sizeof *choice);
  int status = choice ? enter(net, net->largest) : -1;

  for (size_t k = 0; k < net->knobs && status == 0; k++) {
    memcpy(choice, net->largest, net->knobs * sizeof *choice);
    for (size_t i = 0; i < net->host->choices(net->space, k) && status == 0;
         i++) {
      choice[k] = (int32_t)i;
      status = enter(net, choice);
    }
  }
  free(choice);
  return status;
}

int
sample_open(struct supernet *net)
{
  const struct chanas_host *host = net->host;
  size_t size = (net->knobs + 1) * sizeof *net->largest;

  net->largest = host->alloc(host->ctx, size);
  net->smallest = host->alloc(host->ctx, size);
  if (!net->largest || !net->smallest)
    return FAIL(host, "out of memory");
  for (size_t k = 0; k < net->knobs; k++) {
    net->largest[k] = extreme(net, k, 1);
    net->smallest[k] = extreme(net, k, -1);
  }
  return enter_all(net) < 0 ? -1 : nn_store_seal(&net->store, net->seed);
}

/* Knobs are named after what they choose: k, d, e (kernel, depth, expansion)
 * and others, which are always free. */
static int
free_in(const char *knob, int phase)
{
  switch (*knob) {
  case 'k':
    return phase >= 1;
  case 'd':
    return phase >= 2;
  case 'e':
    return phase >= 3 || strncmp(knob, "edge", 4) == 0;
  default:
    return phase >= 1;
  }
}

void
sample_draw(const struct supernet *net, struct nn_rng *rng, int phase,
            int32_t *choice)
{
  for (size_t k = 0; k < net->knobs; k++) {
    size_t i = nn_rng_below(rng, net->host->choices(net->space, k));
    choice[k] = free_in(net->host->knob_name(net->space, k), phase) ?
                (int32_t)i : net->largest[k];
  }
}

struct nn_graph *
sample_graph(struct supernet *net, struct nn_store *store,
             const int32_t *choice)
{
  struct chanas_network *network = net->host->network(net->host->ctx, choice);
  struct nn_graph *graph;

  if (network == NULL)
    return NULL;
  graph = nn_graph_make(store, net->host, network);
  net->host->discard(network);
  return graph;
}
