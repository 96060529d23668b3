/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Subspace choice, as in CHaNAS (LCTES 2021): the sub-spaces are the pairs
 * of input resolution and width multiplier; of each, lambda random networks
 * are drawn and their latencies (known from pre-scheduling) compared; the
 * sub-space of the lowest mean is searched.  Where a latency limit is set,
 * it is the sub-space whose mean is highest among those with at least half
 * of the samples within the limit: the largest networks that fit, the
 * criterion of MCUNet (Lin et al. 2020, section 3.1); lowest mean if none.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "log.h"
#include "mem.h"
#include "search.h"

struct axis { long knob; size_t choices; };

static struct axis
axis_of(const struct chanas_space *space, const char *name)
{
  long k = space_find(space, name);

  return (struct axis){ k, k < 0 ? 1 : space->knob[k].choices };
}

static double
latency_limit(const struct config *c)
{
  for (size_t g = 0; g < c->goals; g++)
    if (strcmp(c->goal[g].name, "latency") == 0 &&
        isfinite(c->goal[g].limit))
      return c->goal[g].limit;
  return INFINITY;
}

static double
sum_of(const struct search *r, const struct chanas_network *net)
{
  double sum = 0;

  for (size_t b = 0; b < net->blocks; b++)
    sum += tuner_latency(&r->tuner, net->block[b].workload);
  return sum;
}

struct sample { double mean, fits; };

static int
draw(struct search *r, struct axis a, size_t i, struct axis b, size_t j,
     size_t samples, struct sample *out)
{
  struct session *s = r->session;
  const struct chanas_space *space = family_space(s->family);
  int32_t *choice = mem_array(int32_t, space->knobs);
  struct rng rng = rng_split(&s->rng, "subspace");
  double limit = latency_limit(s->config);

  *out = (struct sample){ 0, 0 };
  for (size_t n = 0; n < samples; n++) {
    struct chanas_network *net;
    double latency;
    space_random(space, &rng, choice);
    if (a.knob >= 0)
      choice[a.knob] = (int32_t)i;
    if (b.knob >= 0)
      choice[b.knob] = (int32_t)j;
    net = network_build(s->family, choice);
    if (net == NULL)
      break;
    latency = sum_of(r, net);
    network_free(net);
    out->mean += latency / (double)samples;
    out->fits += (latency <= limit) / (double)samples;
  }
  free(choice);
  return 0;
}

static int
better(const struct sample *x, const struct sample *y, int limited)
{
  int fits_x = limited && x->fits >= 0.5, fits_y = limited && y->fits >= 0.5;

  if (fits_x != fits_y)
    return fits_x;
  return fits_x ? x->mean > y->mean : x->mean < y->mean;
}

static void
pin(struct search *r, struct axis a, size_t choice)
{
  if (a.knob >= 0)
    r->pinned[a.knob] = (int32_t)choice;
}

int
search_choose_subspace(struct search *r, size_t samples)
{
  const struct chanas_space *space = family_space(r->session->family);
  struct axis a = axis_of(space, "resolution"), b = axis_of(space, "width");
  int limited = isfinite(latency_limit(r->session->config));
  struct sample best = { INFINITY, 0 };
  size_t at_a = 0, at_b = 0;

  if (!r->session->measures || a.choices * b.choices < 2) {
    log_warn("subspace choice needs measured blocks and a knob 'resolution' "
             "or 'width'; it is left out");
    return 0;
  }
  for (size_t i = 0; i < a.choices; i++)
    for (size_t j = 0; j < b.choices; j++) {
      struct sample s;
      draw(r, a, i, b, j, samples, &s);
      log_debug("subspace %zu, %zu: mean %.3f ms, %.0f %% within the limit",
                i, j, 1e3 * s.mean, 100 * s.fits);
      if (!isfinite(best.mean) || better(&s, &best, limited)) {
        best = s;
        at_a = i;
        at_b = j;
      }
    }
  r->pinned = mem_array(int32_t, space->knobs);
  memset(r->pinned, -1, space->knobs * sizeof *r->pinned);
  pin(r, a, at_a);
  pin(r, b, at_b);
  log_info("subspace chosen: %s%s%.0lld%s%.0lld, mean latency %.3f ms",
           a.knob >= 0 ? "resolution " : "", "",
           a.knob >= 0 ? (long long)space->knob[a.knob].value[at_a] : 0LL,
           b.knob >= 0 ? ", width choice " : "",
           b.knob >= 0 ? (long long)at_b + 1 : 0LL, 1e3 * best.mean);
  return 0;
}
