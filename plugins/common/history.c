/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The points of one search: a table that grows, a hash over it, and the two
 * ways to a point not in it (enumeration and sampling).
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "history.h"

#define TRIES 128   /* samples before the rest of the space is listed */
#define SPARES 4096 /* points of the rest that are listed at a time */

static int
no_memory(const struct history *h)
{
  h->host->log(h->host->ctx, CHANAS_ERROR, "no memory for %zu points",
               h->count);
  return -1;
}

int
history_open(struct history *h, const struct chanas_host *host,
             const struct chanas_space *space, size_t goals,
             const struct chanas_goal *goal)
{
  size_t i;

  memset(h, 0, sizeof *h);
  h->host = host;
  h->space = space;
  h->knobs = host->knobs(space);
  h->goals = goals;
  h->slots = 256;
  h->slot = calloc(h->slots, sizeof *h->slot);
  h->cursor = calloc(h->knobs + 1, sizeof *h->cursor);
  h->scratch = calloc(h->knobs + 1, sizeof *h->scratch);
  h->sense = calloc(goals + 1, sizeof *h->sense);
  if (!h->slot || !h->cursor || !h->scratch || !h->sense)
    return no_memory(h);
  for (i = 0; i < goals; i++)
    h->sense[i] = goal[i].sense;
  return 0;
}

void
history_close(struct history *h)
{
  free(h->choice);
  free(h->cost);
  free(h->record);
  free(h->slot);
  free(h->fresh);
  free(h->cursor);
  free(h->spare);
  free(h->scratch);
  free(h->sense);
  memset(h, 0, sizeof *h);
}

/* ---- the table --------------------------------------------------------- */

const int32_t *
history_row(const struct history *h, size_t i)
{
  return h->choice + i * h->knobs;
}

const double *
history_cost(const struct history *h, size_t i)
{
  return h->cost + i * h->goals;
}

void
history_canon(const struct history *h, int32_t *choice)
{
  struct chanas_point p = { h->space, choice };
  size_t k;

  /* A knob depends on earlier ones only, so one pass settles them all. */
  for (k = 0; k < h->knobs; k++)
    if (!h->host->active(p, k))
      choice[k] = 0;
}

static uint64_t
hash(const struct history *h, const int32_t *choice)
{
  uint64_t x = UINT64_C(0x9e3779b97f4a7c15);
  size_t k;

  for (k = 0; k < h->knobs; k++) {
    x = (x ^ (uint32_t)choice[k]) * UINT64_C(0xbf58476d1ce4e5b9);
    x ^= x >> 29;
  }
  return x;
}

/* The slot of a point, or the empty one where it belongs. */
static size_t
find_slot(const struct history *h, const int32_t *choice)
{
  size_t s = hash(h, choice) & (h->slots - 1);

  while (h->slot[s] && memcmp(history_row(h, h->slot[s] - 1), choice,
                              h->knobs * sizeof *choice))
    s = (s + 1) & (h->slots - 1);
  return s;
}

long
history_find(const struct history *h, const int32_t *choice)
{
  return (long)h->slot[find_slot(h, choice)] - 1;
}

static int
grow_slots(struct history *h)
{
  size_t i, *old = h->slot;

  h->slot = calloc(h->slots * 2, sizeof *h->slot);
  if (!h->slot) {
    h->slot = old;
    return no_memory(h);
  }
  free(old);
  h->slots *= 2;
  for (i = 0; i < h->count; i++)
    h->slot[find_slot(h, history_row(h, i))] = i + 1;
  return 0;
}

static int
grow_rows(struct history *h)
{
  size_t room = h->room ? 2 * h->room : 128;
  void *p;

  if (!(p = realloc(h->choice, room * (h->knobs + 1) * sizeof *h->choice)))
    return no_memory(h);
  h->choice = p;
  if (!(p = realloc(h->cost, room * (h->goals + 1) * sizeof *h->cost)))
    return no_memory(h);
  h->cost = p;
  if (!(p = realloc(h->record, room * sizeof *h->record)))
    return no_memory(h);
  h->record = p;
  h->room = room;
  return 0;
}

static long
append(struct history *h, const int32_t *choice)
{
  size_t i = h->count;

  if (2 * (i + 1) > h->slots && grow_slots(h))
    return -1;
  if (i == h->room && grow_rows(h))
    return -1;
  memcpy(h->choice + i * h->knobs, choice, h->knobs * sizeof *choice);
  memset(&h->record[i], 0, sizeof h->record[i]);
  h->slot[find_slot(h, choice)] = i + 1;
  h->count++;
  return (long)i;
}

int
history_add(struct history *h, const int32_t *choice)
{
  long i;

  if (history_find(h, choice) >= 0)
    return 0;
  i = append(h, choice);
  if (i < 0)
    return -1;
  h->record[i].asked = 1;
  return 1;
}

int
history_answer(const struct history *h, size_t first,
               struct chanas_point out[])
{
  size_t i;

  for (i = first; i < h->count; i++)
    out[i - first] = (struct chanas_point){ h->space, history_row(h, i) };
  return (int)(h->count - first);
}

/* ---- tells ------------------------------------------------------------- */

static int
push_fresh(struct history *h, size_t i)
{
  size_t room = h->fresh_room ? 2 * h->fresh_room : 128;
  void *p;

  if (h->record[i].pending)
    return 0;
  if (h->fresh_count == h->fresh_room) {
    if (!(p = realloc(h->fresh, room * sizeof *h->fresh)))
      return no_memory(h);
    h->fresh = p;
    h->fresh_room = room;
  }
  h->record[i].pending = 1;
  h->fresh[h->fresh_count++] = i;
  return 0;
}

static void
set_result(struct history *h, size_t i, const struct chanas_trial *t)
{
  double *cost = h->cost + i * h->goals;
  int good = t->outcome == CHANAS_MEASURED && !isnan(t->violation);
  size_t g;

  for (g = 0; good && g < h->goals; g++) {
    cost[g] = -h->sense[g] * t->objective[g];
    good = isfinite(cost[g]);
  }
  for (g = 0; !good && g < h->goals; g++)
    cost[g] = INFINITY;
  h->record[i].violation = good ? t->violation : INFINITY;
}

int
history_tell(struct history *h, size_t n, const struct chanas_trial trial[])
{
  size_t t;
  long i;

  for (t = 0; t < n; t++) {
    memcpy(h->scratch, trial[t].point.choice, h->knobs * sizeof *h->scratch);
    history_canon(h, h->scratch);
    i = history_find(h, h->scratch);
    if (i < 0)
      i = append(h, h->scratch);
    if (i < 0 || push_fresh(h, (size_t)i))
      return -1;
    set_result(h, (size_t)i, &trial[t]);
  }
  return 0;
}

int
history_order(const struct history *h, size_t i, size_t j)
{
  const int32_t *p = history_row(h, i), *q = history_row(h, j);
  size_t k;

  if (h->record[i].asked != h->record[j].asked)
    return h->record[i].asked ? -1 : 1;
  if (h->record[i].asked)
    return i < j ? -1 : i > j;
  for (k = 0; k < h->knobs; k++)
    if (p[k] != q[k])
      return p[k] < q[k] ? -1 : 1;
  return 0;
}

static int
compare_fresh(const void *a, const void *b, void *arg)
{
  return history_order(arg, *(const size_t *)a, *(const size_t *)b);
}

size_t *
history_take(struct history *h, size_t *n)
{
  size_t i;

  *n = h->fresh_count;
  if (h->fresh_count > 1)
    qsort_r(h->fresh, h->fresh_count, sizeof *h->fresh, compare_fresh, h);
  for (i = 0; i < h->fresh_count; i++) {
    h->record[h->fresh[i]].pending = 0;
    h->record[h->fresh[i]].told = 1;
  }
  h->fresh_count = 0;
  return h->fresh;
}

/* ---- ways to a new point ----------------------------------------------- */

int
history_step(const struct history *h, int32_t *choice)
{
  struct chanas_point p = { h->space, choice };
  size_t k = h->knobs;

  /* Later knobs at 0 are canonical whether active or not. */
  while (k-- > 0) {
    if (h->host->active(p, k) &&
        (size_t)choice[k] + 1 < h->host->choices(h->space, k)) {
      choice[k]++;
      return 1;
    }
    choice[k] = 0;
  }
  return 0;
}

int
history_next(struct history *h, int32_t *choice)
{
  int found = 0;

  while (!h->at_end && !found) {
    if (history_find(h, h->cursor) < 0) {
      memcpy(choice, h->cursor, h->knobs * sizeof *choice);
      found = 1;
    }
    h->at_end = !history_step(h, h->cursor);
  }
  return found;
}

static void
sample(const struct history *h, int32_t *choice)
{
  struct chanas_point p = { h->space, choice };
  size_t k;

  memset(choice, 0, h->knobs * sizeof *choice);
  for (k = 0; k < h->knobs; k++)
    if (h->host->active(p, k))
      choice[k] = (int32_t)history_below(h, h->host->choices(h->space, k));
}

static int
list_spares(struct history *h)
{
  if (!h->spare)
    h->spare = malloc(SPARES * (h->knobs + 1) * sizeof *h->spare);
  if (!h->spare)
    return no_memory(h);
  while (h->spares < SPARES &&
         history_next(h, h->spare + h->spares * h->knobs))
    h->spares++;
  return 0;
}

int
history_unseen(struct history *h, int32_t *choice)
{
  size_t i, size = h->knobs * sizeof *choice;

  for (i = 0; i < TRIES && !h->spares && !h->at_end; i++) {
    sample(h, choice);
    if (history_find(h, choice) < 0)
      return 1;
  }
  if (list_spares(h))
    return -1;
  while (h->spares) {
    i = history_below(h, h->spares);
    memcpy(choice, h->spare + i * h->knobs, size);
    h->spares--;
    memmove(h->spare + i * h->knobs, h->spare + h->spares * h->knobs, size);
    if (history_find(h, choice) < 0)
      return 1;
    if (!h->spares && list_spares(h))
      return -1;
  }
  return 0;
}

/* ---- random numbers ---------------------------------------------------- */

size_t
history_below(const struct history *h, size_t n)
{
  /* Lemire 2019, without the rejection: the bias is below n / 2^64. */
  return (size_t)(((unsigned __int128)h->host->random(h->host->ctx) * n) >> 64);
}

double
history_real(const struct history *h)
{
  return (double)(h->host->random(h->host->ctx) >> 11) * 0x1p-53;
}

int32_t
history_other(const struct history *h, size_t knob, int32_t now)
{
  size_t n = h->host->choices(h->space, knob), i;

  if (n < 2)
    return 0;
  i = history_below(h, n - 1);
  return (int32_t)(i + (i >= (size_t)now));
}
