/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An estimator: accuracy that saturates with the work of a network,
 *
 *   accuracy = ceiling - loss * (reference / macs) ^ exponent
 *
 * a power law fitted by eye; good for trying a search out, and to see what
 * an estimator has to do.
 */
#include <chanas/plugin.h>
#include <math.h>

struct saturate {
  const struct chanas_host *host;
  double ceiling, loss, reference, exponent, stddev;
};

static int
saturate_open(const struct chanas_host *host, const struct chanas_space *space,
              void **self)
{
  struct saturate *s = host->alloc(host->ctx, sizeof *s);
  (void)space; /* any space will do */
  if (!s) {
    host->log(host->ctx, CHANAS_ERROR, "no memory");
    return -1;
  }
  s->host = host;
  s->ceiling = host->get_real(host->ctx, "ceiling");
  s->loss = host->get_real(host->ctx, "loss");
  s->reference = host->get_real(host->ctx, "reference") * 1e6;
  s->exponent = host->get_real(host->ctx, "exponent");
  s->stddev = host->get_real(host->ctx, "stddev");
  *self = s;
  return 0;
}

static int
saturate_estimate(void *self, size_t n,
                  const struct chanas_network *const net[],
                  struct chanas_estimate out[])
{
  const struct saturate *s = self;
  for (size_t i = 0; i < n; i++) {
    double macs = s->host->macs(net[i]);
    double lost = s->loss * pow(s->reference / fmax(macs, 1), s->exponent);
    out[i].mean = fmax(0, s->ceiling - lost);
    out[i].stddev = s->stddev;
  }
  return 0;
}

static void
saturate_close(void *self)
{
  (void)self; /* from host->alloc */
}

static const struct chanas_param params[] = {
  { "ceiling", "real", "80", "0..100", "accuracy of an endless network, %" },
  { "loss", "real", "10", "0..100", "what the reference network lacks, %" },
  { "reference", "real", "100", "0.001..1000000", "its MACs, in millions" },
  { "exponent", "real", "0.5", "0..10", "how fast the loss falls with MACs" },
  { "stddev", "real", "1", "0..100", "of the estimate, %" },
  { 0 },
};

static const struct chanas_estimator estimator = {
  .struct_size = sizeof(struct chanas_estimator),
  .open = saturate_open,
  .estimate = saturate_estimate,
  .close = saturate_close,
};

static const struct chanas_plugin plugin = {
  CHANAS_PLUGIN_HEAD,
  .name = "saturate",
  .version = "1",
  .summary = "accuracy as a power law of the MACs (an example)",
  .params = params,
  .estimator = &estimator,
};

CHANAS_REGISTER_PLUGIN(plugin)
