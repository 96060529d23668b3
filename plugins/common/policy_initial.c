/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policies, the default: what is sane without measuring.
 */
#include <string.h>
#include "policy.h"

/* Index of a knob's value, or of its first one. */
static int32_t
choose(const struct target *x, const struct chanas_space *space, size_t knob,
       int64_t value)
{
  size_t i;

  for (i = 0; i < x->host->choices(space, knob); i++)
    if (x->host->knob_value(space, knob, i) == value)
      return (int32_t)i;
  return 0;
}

/* Fuse where the widest inner tensor does not stay in half the L2; in larger
 * tiles where many weights are read again for each tile. */
static int64_t
default_fuse(const struct target *x, const struct chanas_workload *w)
{
  double bytes = 0;
  uint32_t i;

  for (i = 0; i < w->ops; i++) {
    const struct chanas_op *op = &w->op[i];
    double here = 4.0 * op->cin * op->h * op->w;
    if (op->kind == CHANAS_DWCONV && here > bytes)
      bytes = here;
  }
  if (bytes * 2 < (double)x->l2)
    return 0;
  return 16 * w->weights > (size_t)x->l2 ? 4 : 2;
}

/* The widest step up to 8 columns. */
static int32_t
default_columns(const struct target *x, const struct chanas_space *space,
                size_t knob)
{
  size_t i, n = x->host->choices(space, knob);

  for (i = 0; i + 1 < n && x->host->knob_value(space, knob, i) > 8; i++)
    continue;
  return (int32_t)i;
}

/* Index of the fuse value with so many rows, the deepest fusion first. */
static int32_t
choose_rows(const struct target *x, const struct chanas_space *space,
            size_t knob, int64_t rows)
{
  size_t i, n = x->host->choices(space, knob);

  for (i = 1; rows && i < n; i++)
    if (x->host->knob_value(space, knob, i) % 100 == rows)
      return (int32_t)i;
  return rows && n > 1;
}

/* Pixels, unless there are too few of them to go round. */
static int64_t
default_split(const struct target *x, const struct chanas_workload *w)
{
  const struct chanas_op *op = &w->op[w->ops - 1];

  return w->batch * op->oh * op->ow < 48 * x->threads;
}

/* What is streamed again for each group or tile should be the smaller one:
 * input or weights of the largest dense op. */
static int64_t
default_order(const struct chanas_workload *w)
{
  double most = 0;
  int64_t order = 0;
  uint32_t i;

  for (i = 0; i < w->ops; i++) {
    const struct chanas_op *op = &w->op[i];
    double weights = (double)op->cin * op->cout * op->k * op->k;
    if (op->kind != CHANAS_CONV || weights * op->oh * op->ow <= most)
      continue;
    most = weights * op->oh * op->ow;
    order = weights < (double)op->cin * op->h * op->w;
  }
  return order;
}

int
policy_initial(void *self, const struct chanas_workload *w,
               const struct chanas_space *space, int32_t *choice)
{
  const struct target *x = self;
  size_t i;

  for (i = 0; i < x->host->knobs(space); i++) {
    const char *name = x->host->knob_name(space, i);
    choice[i] = 0;
    if (!strcmp(name, "fuse"))
      choice[i] = choose_rows(x, space, i, default_fuse(x, w));
    else if (!strcmp(name, "columns"))
      choice[i] = default_columns(x, space, i);
    else if (!strcmp(name, "order"))
      choice[i] = choose(x, space, i, default_order(w));
    else if (!strcmp(name, "split"))
      choice[i] = choose(x, space, i, default_split(x, w));
  }
  return 0;
}

