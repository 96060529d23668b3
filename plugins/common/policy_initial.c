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

/* Fuse where the widest inner tensor does not stay in a quarter of the L2; in
 * larger tiles where many weights are read again for each tile.  Several
 * threads would also fetch each other's part of that tensor: there it pays as
 * long as the rows at their seams, computed twice, are few. */
int64_t
policy_fuse(const struct target *x, const struct chanas_workload *w)
{
  const struct chanas_op *op = policy_depthwise(w);
  int together;

  if (op == NULL)
    return 0;
  together = x->threads > 1
             && op->h * w->batch >= 7 * x->threads * (op->k / 2);
  if (!together && (16.0 * w->batch * op->cin * op->h * op->w < (double)x->l2
                    || (w->batch > 1 && 8 * w->weights > (size_t)x->l2)))
    return 0; /* or images share weights, op by op, that a chain reads anew */
  return 16 * w->weights > (size_t)x->l2 ? 4 : 2;
}

/* Rows of the thread that has most of them, in tiles of so many. */
static int64_t
busiest(const struct target *x, const struct chanas_workload *w, int64_t rows)
{
  int64_t oh = policy_depthwise(w)->oh;
  int64_t tiles = w->batch * ((oh + rows - 1) / rows);
  int64_t most = (tiles + x->threads - 1) / x->threads * rows;

  return most < oh * w->batch ? most : oh * w->batch;
}

/* Tiles of a chain by slices: the project's weights are read for each. */
static int64_t
slice_rows(const struct chanas_workload *w)
{
  const struct chanas_op *op = policy_depthwise(w);
  uint32_t next = (uint32_t)(op - w->op) + 1;

  return op->oh == 7 && next < w->ops && w->op[next].kind == CHANAS_CONV ? 7
                                                                         : 4;
}

/* Index of the deepest fusion in tiles of so many rows, or of the most below;
 * 0: there is none. */
static int32_t
choose_slice(const struct target *x, const struct chanas_space *space,
             size_t knob, int64_t rows)
{
  size_t i, best = 0, n = x->host->choices(space, knob);
  int64_t most = 0;

  for (i = 1; i < n; i++) {
    int64_t value = x->host->knob_value(space, knob, i);
    if (value % 100 <= rows && value > most)
      best = i, most = value;
  }
  return (int32_t)best;
}

/* Slices of channels pay as long as maps are small: rows at the seams of
 * pixels weigh more there, and so do tensors that threads would exchange. */
static int
by_slices(const struct target *x, const struct chanas_workload *w,
          const struct chanas_space *space)
{
  const struct chanas_op *op = policy_depthwise(w);
  long split = x->host->find_knob(space, "split");
  long fuse = x->host->find_knob(space, "fuse");

  if (split < 0 || fuse < 0 || op == NULL
      || (double)w->batch * op->oh * op->ow > 128.0 * x->threads)
    return 0;
  return choose(x, space, (size_t)split, SPLIT_SLICES) > 0
         && choose_slice(x, space, (size_t)fuse, slice_rows(w)) > 0;
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

/* Index of the fuse value for tiles of about so many rows, the deepest fusion
 * first: these, unless others divide the work more evenly. */
static int32_t
choose_rows(const struct target *x, const struct chanas_workload *w,
            const struct chanas_space *space, size_t knob, int64_t rows)
{
  size_t i, best = 0, n = x->host->choices(space, knob);
  int64_t least = 0;

  for (i = 1; rows && i < n; i++) {
    int64_t here = x->host->knob_value(space, knob, i) % 100;
    int64_t most = busiest(x, w, here) * 2 - (here == rows);
    if (best == 0 || most < least)
      best = i, least = most;
  }
  return (int32_t)best;
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

/* Factors of squeeze and excite go into the weights that follow where these
 * are fewer than what they would else be multiplied into. */
static int64_t
default_scale(const struct chanas_workload *w)
{
  uint32_t i;

  for (i = 0; i + 1 < w->ops; i++)
    if (w->op[i].kind == CHANAS_SE)
      return w->op[i + 1].cout < w->op[i].oh * w->op[i].ow;
  return 1;
}

/* What each of these knobs wants depends on the choices of others, and there
 * are blocks of several convolutions where they do not agree: then without. */
static void
mend(void *self, const struct chanas_workload *w,
     const struct chanas_space *space, int32_t *choice)
{
  const struct target *x = self;
  static const char *const doubtful[] = { "halves", "split", "fuse" };
  struct chanas_point point = { space, choice };
  size_t i;
  long knob;

  for (i = 0; i < sizeof doubtful / sizeof *doubtful; i++) {
    if (policy_legal(self, w, point))
      return;
    knob = x->host->find_knob(space, doubtful[i]);
    if (knob >= 0)
      choice[knob] = choose(x, space, (size_t)knob, 0);
  }
}

int
policy_initial(void *self, const struct chanas_workload *w,
               const struct chanas_space *space, int32_t *choice)
{
  const struct target *x = self;
  int slices = by_slices(x, w, space);
  size_t i;

  for (i = 0; i < x->host->knobs(space); i++) {
    const char *name = x->host->knob_name(space, i);
    choice[i] = 0;
    if (!strcmp(name, "fuse") && slices)
      choice[i] = choose_slice(x, space, i, slice_rows(w));
    else if (!strcmp(name, "fuse"))
      choice[i] = choose_rows(x, w, space, i, policy_fuse(x, w));
    else if (!strcmp(name, "images"))
      choice[i] = slices ? 0 : choose(x, space, i, policy_images(x, w));
    else if (!strcmp(name, "scale"))
      choice[i] = choose(x, space, i, default_scale(w));
    else if (!strcmp(name, "columns"))
      choice[i] = default_columns(x, space, i);
    else if (!strcmp(name, "chunk"))
      choice[i] = choose(x, space, i, policy_chunks(x, w));
    else if (!strcmp(name, "order"))
      choice[i] = choose(x, space, i, default_order(w));
    else if (!strcmp(name, "split"))
      choice[i] = choose(x, space, i, slices ? SPLIT_SLICES
                                      : policy_by_channels(x, w));
  }
  mend(self, w, space, choice);
  return 0;
}

