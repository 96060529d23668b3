/* SPDX-License-Identifier: Apache-2.0 */
/*
 * REINFORCE (Williams 1992): points are drawn from a learned policy and the
 * policy moves towards those whose reward beats a baseline.
 *
 * The advantage of a point comes from its rank among the latest points, all
 * judged by the preference that the point was drawn with, so neither the
 * scale of the goals nor a few very bad points matter.  It grows with a power
 * of the rank, because the best point counts and not the average one
 * (risk-seeking policy gradient, Petersen et al. 2021, section 3.2).
 *
 * With several goals a point is learned from a second time, as if drawn with
 * the preference that it suits best (hindsight, Andrychowicz et al. 2017); of
 * a warm start, points that this instance did not draw, only so, in random
 * order.  A drawn point that is known already is learned from at once, which
 * costs nothing, and drawn again.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "policy.h"
#include "reward.h"

#define TRIES 60 /* draws for one point, ever more uniform */
#define WARM 16  /* windows of a warm start that are learned from */

struct rl {
  struct history history;
  struct policy policy;
  struct reward reward;
  size_t samples;     /* of one update */
  size_t window;      /* points that ranks are taken among */
  double rate, entropy, risk;
  double *preference; /* per row of the history, preferences of them each */
  size_t room;
  size_t *latest, told; /* ring of told rows; how many ever */
  size_t gathered;    /* samples in the gradient */
  size_t episodes;
  double *wish;       /* preference of the present draw */
  int32_t *draft;
};

static void
rl_close(void *self)
{
  struct rl *r = self;

  policy_close(&r->policy);
  reward_close(&r->reward);
  history_close(&r->history);
  free(r->preference);
  free(r->latest);
  free(r->wish);
  free(r->draft);
  free(r);
}

static int
set_up(struct rl *r, const struct chanas_host *host,
       const struct chanas_space *space, size_t goals,
       const struct chanas_goal *goal)
{
  r->samples = (size_t)host->get_int(host->ctx, "samples");
  r->window = (size_t)host->get_int(host->ctx, "window");
  r->rate = host->get_real(host->ctx, "rate");
  r->entropy = host->get_real(host->ctx, "entropy");
  r->risk = host->get_real(host->ctx, "risk");
  r->latest = calloc(r->window, sizeof *r->latest);
  r->wish = calloc(goals + 1, sizeof *r->wish);
  r->draft = calloc(host->knobs(space) + 1, sizeof *r->draft);
  if (!r->latest || !r->wish || !r->draft) {
    host->log(host->ctx, CHANAS_ERROR, "no memory");
    return -1;
  }
  if (history_open(&r->history, host, space, goals, goal) ||
      reward_open(&r->reward, &r->history,
                  host->get_real(host->ctx, "exponent")))
    return -1;
  return policy_open(&r->policy, &r->history,
                     r->reward.aims > 1 ? r->reward.aims - 1 : 0);
}

static int
rl_open(const struct chanas_host *host, const struct chanas_space *space,
        size_t goals, const struct chanas_goal *goal, void **self)
{
  struct rl *r = calloc(1, sizeof *r);

  if (!r) {
    host->log(host->ctx, CHANAS_ERROR, "no memory");
    return -1;
  }
  if (set_up(r, host, space, goals, goal)) {
    rl_close(r);
    return -1;
  }
  *self = r;
  return 0;
}

/* ---- learning ---------------------------------------------------------- */

/* (risk + 1) u^risk - 1 for the share u of the latest that are worse: its
 * mean is 0, so the baseline is in it. */
static double
advantage(const struct rl *r, size_t row, const double *preference)
{
  size_t n = r->told < r->window ? r->told : r->window, i;
  double own = reward_log(&r->reward, row, preference), other, worse = 0;

  for (i = 0; i < n; i++) {
    other = reward_log(&r->reward, r->latest[i], preference);
    worse += own > other ? 1 : own == other ? 0.5 : 0;
  }
  return n ? (r->risk + 1) * pow(worse / (double)n, r->risk) - 1 : 0;
}

static void
learn(struct rl *r, size_t row, const double *preference)
{
  policy_learn(&r->policy, preference, history_row(&r->history, row),
               advantage(r, row, preference), r->entropy);
  if (++r->gathered < r->samples)
    return;
  policy_step(&r->policy, r->gathered, r->rate);
  r->gathered = 0;
}

static void
shuffle(const struct history *h, size_t n, size_t *row)
{
  size_t i, other, swap;

  for (i = n; i > 1; i--) {
    other = history_below(h, i);
    swap = row[i - 1];
    row[i - 1] = row[other];
    row[other] = swap;
  }
}

static void
learn_told(struct rl *r)
{
  size_t n, i, asked = 0, *row = history_take(&r->history, &n);

  while (asked < n && r->history.record[row[asked]].asked)
    asked++;
  shuffle(&r->history, n - asked, row + asked);
  for (i = 0; i < n; i++) {
    reward_note(&r->reward, row[i]);
    r->latest[r->told++ % r->window] = row[i];
  }
  for (i = 0; i < n && i < asked + WARM * r->window; i++) {
    if (i < asked)
      learn(r, row[i], r->preference + row[i] * r->policy.preferences);
    if (i >= asked || r->policy.preferences > 0) {
      reward_wish(&r->reward, row[i], r->wish);
      learn(r, row[i], r->wish);
    }
  }
}

/* ---- drawing ----------------------------------------------------------- */

/* Preferences of successive episodes spread evenly over -1..1 (additive
 * recurrence, Roberts 2018), the same ones for any seed. */
static void
next_wish(struct rl *r)
{
  size_t i;
  double at;

  r->episodes++;
  for (i = 0; i < r->policy.preferences; i++) {
    at = (double)r->episodes * pow(0.6180339887498949, (double)(i + 1));
    r->wish[i] = 2 * (at - floor(at)) - 1;
  }
}

static int
keep_wish(struct rl *r)
{
  size_t width = r->policy.preferences, row = r->history.count - 1;
  size_t room = r->room ? 2 * r->room : 128;
  void *p;

  while (room <= row)
    room *= 2;
  if (row >= r->room) {
    p = realloc(r->preference, room * (width + 1) * sizeof *r->preference);
    if (!p)
      return -1;
    r->preference = p;
    r->room = room;
  }
  memcpy(r->preference + row * width, r->wish, width * sizeof *r->wish);
  return 1;
}

/* 1 a new point was added, 0 none is left, -1. */
static int
propose(struct rl *r)
{
  struct history *h = &r->history;
  int got = 0;
  size_t try;
  long known;

  next_wish(r);
  for (try = 0; try < TRIES && got == 0; try++) {
    double uniform = try < TRIES / 3 ? 0 : (double)try / TRIES;
    policy_sample(&r->policy, r->wish, uniform, r->draft);
    known = history_find(h, r->draft);
    if (known < 0)
      got = history_add(h, r->draft);
    else if (try == 0 && h->record[known].told)
      learn(r, (size_t)known, r->wish);
  }
  if (got == 0) {
    got = history_unseen(h, r->draft);
    if (got > 0)
      got = history_add(h, r->draft);
  }
  return got > 0 ? keep_wish(r) : got;
}

static int
rl_ask(void *self, size_t max, struct chanas_point out[])
{
  struct rl *r = self;
  size_t first = r->history.count;
  int got = 1;

  learn_told(r);
  while (r->history.count - first < max && got > 0)
    got = propose(r);
  return got < 0 ? -1 : history_answer(&r->history, first, out);
}

static int
rl_tell(void *self, size_t n, const struct chanas_trial trial[])
{
  struct rl *r = self;

  return history_tell(&r->history, n, trial);
}

static const struct chanas_param params[] = {
  { "rate", "real", "0.1", "0..10", "learning rate of Adam" },
  { "samples", "int", "4", "1..10000", "points of one update" },
  { "entropy", "real", "0.05", "0..10", "weight of the entropy bonus" },
  { "risk", "real", "4", "1..100",
    "power of the rank: 1 weighs all alike, more looks at the best" },
  { "window", "int", "64", "1..100000",
    "latest points that a reward is ranked among" },
  { "exponent", "real", "-0.3", "-100..0",
    "w of the reward acc * (lat / T)^w beyond T" },
  { NULL, NULL, NULL, NULL, NULL },
};

static const struct chanas_strategy strategy = {
  .struct_size = sizeof(struct chanas_strategy),
  .open = rl_open,
  .ask = rl_ask,
  .tell = rl_tell,
  .close = rl_close,
};

static const struct chanas_plugin plugin = {
  CHANAS_PLUGIN_HEAD,
  .name = "rl",
  .version = "1",
  .summary = "REINFORCE with a learned softmax for each knob",
  .params = params,
  .strategy = &strategy,
};

CHANAS_REGISTER_PLUGIN(plugin)
