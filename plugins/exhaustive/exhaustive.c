/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every point once, in lexicographic order of the choices, the last knob
 * fastest.  Points told beforehand are left out: they are known.
 */
#include <stdlib.h>
#include "history.h"

struct exhaustive {
  struct history history;
  int32_t *draft;
};

static void
exhaustive_close(void *self)
{
  struct exhaustive *e = self;

  history_close(&e->history);
  free(e->draft);
  free(e);
}

/* Counting stops at the limit, so a huge space is refused at once. */
static int
within_limit(struct exhaustive *e)
{
  const struct chanas_host *host = e->history.host;
  int64_t limit = host->get_int(host->ctx, "limit"), size = 1;

  while (size <= limit && history_step(&e->history, e->draft))
    size++;
  if (size <= limit)
    return 1;
  host->log(host->ctx, CHANAS_ERROR, "the space has more points than limit = "
            "%lld: raise limit, or take another strategy", (long long)limit);
  return 0;
}

static int
exhaustive_open(const struct chanas_host *host,
                const struct chanas_space *space, size_t goals,
                const struct chanas_goal *goal, void **self)
{
  struct exhaustive *e = calloc(1, sizeof *e);

  if (e)
    e->draft = calloc(host->knobs(space) + 1, sizeof *e->draft);
  if (!e || !e->draft) {
    host->log(host->ctx, CHANAS_ERROR, "no memory");
    free(e);
    return -1;
  }
  if (history_open(&e->history, host, space, goals, goal) ||
      !within_limit(e)) {
    exhaustive_close(e);
    return -1;
  }
  *self = e;
  return 0;
}

static int
exhaustive_ask(void *self, size_t max, struct chanas_point out[])
{
  struct exhaustive *e = self;
  size_t first = e->history.count;

  while (e->history.count - first < max &&
         history_next(&e->history, e->draft))
    if (history_add(&e->history, e->draft) < 0)
      return -1;
  return history_answer(&e->history, first, out);
}

static int
exhaustive_tell(void *self, size_t n, const struct chanas_trial trial[])
{
  struct exhaustive *e = self;
  size_t taken;

  if (history_tell(&e->history, n, trial))
    return -1;
  history_take(&e->history, &taken);
  return 0;
}

static const struct chanas_param params[] = {
  { "limit", "int", "1000000", "1..1000000000",
    "largest number of points that is gone through" },
  { NULL, NULL, NULL, NULL, NULL },
};

static const struct chanas_strategy strategy = {
  .struct_size = sizeof(struct chanas_strategy),
  .open = exhaustive_open,
  .ask = exhaustive_ask,
  .tell = exhaustive_tell,
  .close = exhaustive_close,
};

static const struct chanas_plugin plugin = {
  CHANAS_PLUGIN_HEAD,
  .name = "exhaustive",
  .version = "1",
  .summary = "every point of a small space, once",
  .params = params,
  .strategy = &strategy,
};

CHANAS_REGISTER_PLUGIN(plugin)
