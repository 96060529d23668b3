/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program of several steps, with default policies: what load() and run()
 * promise of tensors that steps share, that no step writes, and that are
 * added to, the output among them.
 */
#include <stdio.h>
#include <stdlib.h>
#include "check.h"
#include "mem.h"
#include "outcome.h"

#define STEPS 6
#define TENSORS 6
#define OUTPUT 3

/* Tensor 4 is written by nobody; 5, 2 and the output are added to, 5 and the
 * output by the first step that touches them. */
static const struct { const char *key; int src, dst; } steps[STEPS] = {
  { "i12x12x3/conv:k3,s2,p1,o16,hswish,b,x0", 0, 1 },
  { "i6x6x16/conv:k1,s1,p0,o40,relu,b,x0/dw:k3,s1,p1,relu,b,x1/se:q8,x2/"
    "conv:k1,s1,p0,o16,none,b,x3", 1, 2 },
  { "i6x6x16/conv:k1,s1,p0,o16,none,b,x0/acc", 4, 2 },
  { "i6x6x16/act:relu,x0/acc", 1, 5 },
  { "i6x6x16/avgpool:k3,s1,p1,x0/acc", 5, 2 },
  { "i6x6x16/globalpool:x0/linear:o10,none,b,x1/acc", 2, OUTPUT },
};

struct whole {
  struct chanas_workload *workload[STEPS];
  struct chanas_step step[STEPS];
  char symbol[STEPS][16];
  size_t elements[TENSORS];
  struct chanas_text source;
};

static int
emit_step(const struct check *c, const struct target *t,
          const struct chanas_workload *w, const char *symbol,
          struct chanas_text *out)
{
  const struct chanas_backend *b = &c->plugin->backend;
  struct chanas_space *space = space_new();
  int32_t *choice = NULL;
  int bad = b->space(t->self[0], w, space);

  if (!bad) {
    choice = mem_array(int32_t, space->knobs);
    bad = b->initial(t->self[0], w, space, choice)
          || b->emit(t->self[0], w, (struct chanas_point){ space, choice },
                     symbol, out);
  }
  text_append(out, "\n", 1);
  free(choice);
  space_free(space);
  return bad;
}

/* The steps' workloads and one source for all of them. */
static int
whole_make(const struct check *c, const struct target *t, int dtype,
           struct whole *h)
{
  int bad = 0;

  for (int i = 0; i < STEPS; i++) {
    char *key = mem_print("%s/n1/%s", dtype_name(dtype), steps[i].key);
    struct chanas_workload *w = h->workload[i] = workload_parse(key);
    free(key);
    if (!w)
      return -1;
    snprintf(h->symbol[i], sizeof h->symbol[i], "step%d", i);
    h->step[i] = (struct chanas_step){ w, h->symbol[i], NULL, steps[i].src,
                                       steps[i].dst };
    h->elements[steps[i].src] = w->inputs;
    h->elements[steps[i].dst] = w->outputs;
    bad |= emit_step(c, t, w, h->symbol[i], &h->source);
  }
  return bad;
}

static void
try_whole(struct check *c, struct target *t, const struct whole *h,
          const char *object, const char *what)
{
  struct chanas_program p = { STEPS, TENSORS, h->step, h->elements, OUTPUT };
  struct measure_result r;

  measure_program(t->measure[0], object, &p, 1, &r);
  if (r.outcome != CHANAS_MEASURED)
    verdict_fail(c, t, what, NULL, "%s%s%s", outcome_name(r.outcome),
                 *r.detail ? ": " : "", r.detail);
  else if (CHANAS_HAS(&c->plugin->backend, control) && !(r.control > 0))
    verdict_fail(c, t, what, NULL, "control() takes no time");
}

void
whole_check(struct check *c, struct target *t, int dtype)
{
  struct whole h = { .source = { 0 } };
  struct build_unit unit = { .symbol = "step0" };
  char *what = mem_print("%s program of %d steps", dtype_name(dtype), STEPS);

  if (whole_make(c, t, dtype, &h))
    verdict_fail(c, t, what, NULL, "a default policy cannot be emitted");
  else {
    unit.source = text_string(&h.source);
    build_units(t->build, 1, &unit, 1);
    if (!unit.object)
      verdict_fail(c, t, what, NULL, "it does not compile: %s", unit.error);
    else if (t->measure)
      try_whole(c, t, &h, unit.object, what);
    build_units_free(1, &unit);
  }
  for (int i = 0; i < STEPS; i++)
    if (h.workload[i])
      workload_free(h.workload[i]);
  text_free(&h.source);
  free(what);
}
