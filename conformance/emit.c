/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From policies to objects.  Every candidate is emitted three times, by two
 * open halves, from whichever thread comes first: all of it must be equal.
 * Then the batch is compiled together, and what fails together alone.
 */
#include <stdlib.h>
#include <string.h>
#include "check.h"
#include "mem.h"
#include "pool.h"
#include "proc.h"

#define PER_UNIT 32

struct emission {
  const struct chanas_backend *backend;
  struct batch *batch;
};

static void
emit_one(void *arg, size_t i)
{
  const struct emission *e = arg;
  struct candidate *d = &e->batch->candidate[i];
  struct chanas_point p = { d->space, d->choice };
  struct chanas_text text[3] = { { 0 }, { 0 }, { 0 } };
  int failed = 0, differ = 0;

  for (int k = 0; k < 3 && !failed; k++) {
    failed = e->backend->emit(e->batch->target->self[k % 2], d->workload, p,
                              d->symbol, &text[k]);
    differ |= !failed && (text[k].size != text[0].size
                          || memcmp(text_string(&text[k]),
                                    text_string(&text[0]), text[0].size));
  }
  if (failed)
    d->wrong = mem_string("emit() fails, though legal() allows the policy");
  else if (differ)
    d->wrong = mem_string("emit() gives two texts for equal input");
  else
    d->source = mem_string(text_string(&text[0]));
  for (int k = 0; k < 3; k++)
    text_free(&text[k]);
}

/* Those that have a source, compiled; the others keep an empty unit. */
static void
build_all(struct check *c, struct batch *b, struct build_unit *unit)
{
  struct build_unit *some = mem_array(struct build_unit, b->count);
  size_t *whose = mem_array(size_t, b->count), n = 0;

  for (size_t i = 0; i < b->count; i++)
    if (b->candidate[i].source) {
      some[n] = (struct build_unit){ .symbol = b->candidate[i].symbol,
                                     .source = b->candidate[i].source };
      whose[n++] = i;
    }
  build_units(b->target->build, n, some, PER_UNIT);
  for (size_t i = 0; i < n; i++) {
    unit[whose[i]] = some[i];
    c->built += some[i].object != NULL;
  }
  free(whose);
  free(some);
}

struct build_unit *
emit_batch(struct check *c, struct batch *b)
{
  struct emission e = { &c->plugin->backend, b };
  struct build_unit *unit = mem_array(struct build_unit, b->count);

  pool_run(pool_cpus() > 1 ? pool_cpus() : 2, b->count, emit_one, &e);
  build_all(c, b, unit);
  for (size_t i = 0; i < b->count; i++) {
    const struct candidate *d = &b->candidate[i];
    if (d->wrong)
      verdict_fail(c, b->target, d->workload->key, d->policy, "%s", d->wrong);
    else if (!unit[i].object && !proc_stopping())
      verdict_fail(c, b->target, d->workload->key, d->policy,
                   "legal, and does not compile: %s", unit[i].error);
  }
  return unit;
}
