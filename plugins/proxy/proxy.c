/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scores of untrained networks, in seconds: what they say of accuracy is
 * their order, not their value, so each is mapped to 0..100 by a logistic
 * curve over the scores of random networks of the space.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "zero_cost.h"

struct proxy {
  const struct chanas_host *host;
  const struct chanas_space *space;
  struct measure measure;
  double (*score)(struct measure *, const struct chanas_network *);
  double centre, width; /* of the scores of random networks */
};

#define SAMPLES 32

static const struct { const char *name;
  double (*score)(struct measure *, const struct chanas_network *); }
kinds[] = {
  { "synflow", measure_synflow }, { "naswot", measure_naswot },
  { "zen", measure_zen }, { "params", measure_params },
  { "macs", measure_macs },
};

/* A random network of the space, scored; NAN if it has no score. */
static double
sample(struct proxy *self, uint64_t i)
{
  const struct chanas_host *host = self->host;
  size_t knobs = host->knobs(self->space);
  struct nn_rng rng = nn_rng_at(self->measure.seed, 1, i);
  int32_t *choice = malloc((knobs + 1) * sizeof *choice);
  struct chanas_network *net;
  double score = NAN;

  if (choice == NULL)
    return NAN;
  for (size_t k = 0; k < knobs; k++)
    choice[k] = (int32_t)nn_rng_below(&rng, host->choices(self->space, k));
  net = host->network(host->ctx, choice);
  free(choice);
  if (net) {
    score = self->score(&self->measure, net);
    host->discard(net);
  }
  return score;
}

static int
find_scale(struct proxy *self)
{
  double sum = 0, square = 0;
  int n = 0;

  for (uint64_t i = 0; i < SAMPLES; i++) {
    double score = sample(self, i);
    if (!isfinite(score))
      continue;
    sum += score;
    square += score * score;
    n++;
  }
  if (n == 0)
    return MEASURE_FAIL(self->host, "no network of the space has a score");
  self->centre = sum / n;
  square = square / n - self->centre * self->centre;
  self->width = square > 0 ? sqrt(square) : 1;
  return 0;
}

static int
proxy_open(const struct chanas_host *host, const struct chanas_space *space,
           void **out)
{
  struct proxy *self = host->alloc(host->ctx, sizeof *self);
  const char *kind = host->get(host->ctx, "score");

  if (self == NULL)
    return MEASURE_FAIL(host, "out of memory");
  *out = self;
  self->host = host;
  self->space = space;
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
    if (strcmp(kinds[i].name, kind) == 0)
      self->score = kinds[i].score;
  self->measure = (struct measure){
    .host = host, .seed = (uint64_t)host->get_int(host->ctx, "seed"),
    .batch = (int32_t)host->get_int(host->ctx, "batch"),
    .repeats = (int)host->get_int(host->ctx, "repeats") };
  if (measure_open(&self->measure,
                   (int)host->get_int(host->ctx, "threads")) < 0)
    return -1;
  return find_scale(self);
}

static int
proxy_estimate(void *ptr, size_t n, const struct chanas_network *const net[],
               struct chanas_estimate out[])
{
  struct proxy *self = ptr;

  for (size_t i = 0; i < n; i++) {
    double score = self->score(&self->measure, net[i]);
    out[i].mean = 100 / (1 + exp(-(score - self->centre) / self->width));
    out[i].stddev = 0;
  }
  return 0;
}

static void
proxy_close(void *ptr)
{
  struct proxy *self = ptr;

  measure_close(&self->measure);
}

static const struct chanas_param params[] = {
  { "score", "text", "zen", "synflow|naswot|zen|params|macs",
    "what networks are compared by" },
  { "batch", "int", "32", "2..1024", "images of noise a network is given" },
  { "repeats", "int", "4", "1..64", "draws of parameters that are averaged" },
  { "threads", "int", "0", "0..64", "0: one a CPU" },
  { "seed", "int", "1", "0..", "of parameters and noise" },
  { 0 },
};

static const struct chanas_estimator estimator = {
  .struct_size = sizeof estimator,
  .open = proxy_open,
  .estimate = proxy_estimate,
  .close = proxy_close,
};

static const struct chanas_plugin plugin = {
  CHANAS_PLUGIN_HEAD,
  .name = "proxy",
  .version = "0.1.0",
  .summary = "scores of untrained networks: synflow, NASWOT, Zen, counts",
  .params = params,
  .estimator = &estimator,
};

CHANAS_REGISTER_PLUGIN(plugin)
