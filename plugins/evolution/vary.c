/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Children: uniform crossover of two parents, or one parent as it is, then
 * mutation knob by knob.  A knob that is active in the child but in neither
 * parent has no value to inherit and is drawn.
 */
#include <string.h>
#include "evolution.h"

static size_t
parent(const struct evolution *e)
{
  size_t i = e->aging ? aging_parent(e) : nsga2_parent(e);

  return e->member[i];
}

static int32_t
inherit(const struct evolution *e, size_t k, const int32_t *a,
        const int32_t *b)
{
  const struct history *h = &e->history;
  struct chanas_point p = { h->space, a }, q = { h->space, b };
  int from_a = h->host->active(p, k), from_b = a != b && h->host->active(q, k);

  if (from_a && from_b)
    return history_below(h, 2) ? a[k] : b[k];
  if (from_a || from_b)
    return from_a ? a[k] : b[k];
  return (int32_t)history_below(h, h->host->choices(h->space, k));
}

static size_t
count_active(const struct history *h, const int32_t *choice)
{
  struct chanas_point p = { h->space, choice };
  size_t k, n = 0;

  for (k = 0; k < h->knobs; k++)
    n += h->host->active(p, k) && h->host->choices(h->space, k) > 1;
  return n;
}

/* With one parent at least one knob changes: the one counted by `forced`. */
void
vary_child(struct evolution *e, size_t try)
{
  struct history *h = &e->history;
  struct chanas_point child = { h->space, e->draft };
  const int32_t *a = history_row(h, parent(e)), *b = a;
  size_t k, active = count_active(h, a), forced = SIZE_MAX, seen = 0;
  double rate;

  if (history_real(h) < e->crossover)
    b = history_row(h, parent(e));
  if (active > 0 && a == b)
    forced = history_below(h, active);
  rate = e->mutation * (1 + 0.1 * (double)try) - (a == b);
  rate = active > 0 && rate > 0 ? rate / (double)active : 0;
  memset(e->draft, 0, h->knobs * sizeof *e->draft);
  for (k = 0; k < h->knobs; k++) {
    if (!h->host->active(child, k))
      continue;
    e->draft[k] = inherit(e, k, a, b);
    if (h->host->choices(h->space, k) < 2)
      continue;
    if (seen++ == forced || history_real(h) < rate)
      e->draft[k] = history_other(h, k, e->draft[k]);
  }
}
