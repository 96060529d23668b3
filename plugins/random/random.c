/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Uniform random search without repetition: every active knob is drawn
 * uniformly; when little of the space is left, the rest is listed and drawn
 * from, so the search ends when, and only when, every point was proposed.
 */
#include <stdlib.h>
#include "history.h"

struct random {
  struct history history;
  int32_t *draft;
};

static void
random_close(void *self)
{
  struct random *r = self;

  history_close(&r->history);
  free(r->draft);
  free(r);
}

static int
random_open(const struct chanas_host *host, const struct chanas_space *space,
            size_t goals, const struct chanas_goal *goal, void **self)
{
  struct random *r = calloc(1, sizeof *r);

  if (r)
    r->draft = calloc(host->knobs(space) + 1, sizeof *r->draft);
  if (!r || !r->draft) {
    host->log(host->ctx, CHANAS_ERROR, "no memory");
    free(r);
    return -1;
  }
  if (history_open(&r->history, host, space, goals, goal)) {
    random_close(r);
    return -1;
  }
  *self = r;
  return 0;
}

static int
random_ask(void *self, size_t max, struct chanas_point out[])
{
  struct random *r = self;
  size_t first = r->history.count;
  int got = 1;

  while (r->history.count - first < max && got > 0) {
    got = history_unseen(&r->history, r->draft);
    if (got > 0)
      got = history_add(&r->history, r->draft);
  }
  return got < 0 ? -1 : history_answer(&r->history, first, out);
}

static int
random_tell(void *self, size_t n, const struct chanas_trial trial[])
{
  struct random *r = self;
  size_t taken;

  if (history_tell(&r->history, n, trial))
    return -1;
  history_take(&r->history, &taken);
  return 0;
}

static const struct chanas_strategy strategy = {
  .struct_size = sizeof(struct chanas_strategy),
  .open = random_open,
  .ask = random_ask,
  .tell = random_tell,
  .close = random_close,
};

static const struct chanas_plugin plugin = {
  CHANAS_PLUGIN_HEAD,
  .name = "random",
  .version = "1",
  .summary = "uniform random search without repetition",
  .strategy = &strategy,
};

CHANAS_REGISTER_PLUGIN(plugin)
