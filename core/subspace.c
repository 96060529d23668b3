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
    int status;
    space_random(space, &rng, choice);
    if (a.knob >= 0)
      choice[a.knob] = (int32_t)i;
    if (b.knob >= 0)
      choice[b.knob] = (int32_t)j;
    net = network_build(s->family, choice);
    status = net ? archive_sum(&r->archive, net, &latency) : -1;
    network_free(net);
    if (status < 0) {
      free(choice);
      return -1;
    }
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

static void
announce(const struct chanas_space *space, struct axis a, size_t i,
         struct axis b, size_t j, double mean)
{
  struct chanas_text text = { 0 };

  if (a.knob >= 0)
    text_print(&text, "resolution %lld, ",
               (long long)space->knob[a.knob].value[i]);
  if (b.knob >= 0 && space->knob[b.knob].label)
    text_print(&text, "width %s, ", space->knob[b.knob].label[j]);
  else if (b.knob >= 0)
    text_print(&text, "width %lld, ",
               (long long)space->knob[b.knob].value[j]);
  log_info("subspace: %smean latency %.3f ms", text.data, 1e3 * mean);
  text_free(&text);
}

int
search_choose_subspace(struct search *r, size_t samples)
{
  const struct chanas_space *space = family_space(r->session->family);
  struct axis a = axis_of(space, "resolution"), b = axis_of(space, "width");
  int limited = isfinite(latency_limit(r->session->config));
  struct sample best = { INFINITY, 0 };
  size_t at_a = 0, at_b = 0;

  if (a.choices * b.choices < 2) {
    log_warn("subspace choice needs a knob 'resolution' or 'width'; it is "
             "left out");
    return 0;
  }
  for (size_t i = 0; i < a.choices; i++)
    for (size_t j = 0; j < b.choices; j++) {
      struct sample s;
      if (draw(r, a, i, b, j, samples, &s) < 0)
        return -1;
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
  announce(space, a, at_a, b, at_b, best.mean);
  return 0;
}
