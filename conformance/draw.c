/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policies of a workload, and every promise of the pure half that can be
 * checked before there is a source: spaces and legality are functions of
 * their arguments alone, policies are text and back, features are numbers.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "check.h"
#include "log.h"
#include "mem.h"

#define MAX_FEATURES 1024
#define TRIES 60 /* random points for each legal one that is wanted */

static const struct chanas_backend *
backend(const struct check *c)
{
  return &c->plugin->backend;
}

/* ---- spaces ---- */

/* Name, values and dependence of every knob. */
static char *
space_text(const struct chanas_space *s)
{
  struct chanas_text text = { 0 };

  for (size_t k = 0; k < s->knobs; k++) {
    text_print(&text, "%s %ld %llx:", s->knob[k].name, s->knob[k].parent,
               (unsigned long long)s->knob[k].mask);
    for (size_t i = 0; i < s->knob[k].choices; i++)
      text_print(&text, " %lld", (long long)s->knob[k].value[i]);
    text_print(&text, "\n");
  }
  text_append(&text, "", 0);
  return text.data;
}

/* From both halves; NULL, counted. */
static struct chanas_space *
make_space(struct check *c, const struct target *t,
           const struct chanas_workload *w)
{
  struct chanas_space *s[2] = { space_new(), space_new() };
  char *text[2] = { NULL, NULL };
  int good = 1;

  for (int i = 0; i < 2; i++) {
    good &= !backend(c)->space(t->self[i], w, s[i]) && s[i]->knobs > 0;
    text[i] = space_text(s[i]);
  }
  if (!good)
    verdict_fail(c, t, w->key, NULL, "there is no policy space");
  else if (strcmp(text[0], text[1]))
    verdict_fail(c, t, w->key, NULL, "two policy spaces differ");
  free(text[0]);
  free(text[1]);
  space_free(s[1]);
  if (good)
    return s[0];
  space_free(s[0]);
  return NULL;
}

/* What space() prints on standard error while it refuses. */
static int
refusal(struct check *c, const struct chanas_workload *w, char *said,
        size_t size)
{
  struct chanas_space *space = space_new();
  int file = memfd_create("said", MFD_CLOEXEC), saved = dup(STDERR_FILENO);
  ssize_t n = 0;
  int status;

  fflush(stderr);
  if (file >= 0)
    dup2(file, STDERR_FILENO);
  status = backend(c)->space(c->target[0].self[0], w, space);
  fflush(stderr);
  dup2(saved, STDERR_FILENO);
  close(saved);
  if (file >= 0) {
    n = pread(file, said, size - 1, 0);
    close(file);
  }
  said[n > 0 ? n : 0] = '\0';
  space_free(space);
  return status;
}

/* All kinds of workloads of a type are taken, or none is. */
int
draw_accepts(struct check *c, int dtype)
{
  const char *name = dtype_name(dtype);
  char *key = mem_print("%s/n1/i8x8x16/conv:k1,s1,p0,o16,none,b,x0", name);
  struct chanas_workload *w = workload_parse(key);
  char said[1000];
  int refused = refusal(c, w, said, sizeof said);

  if (refused && (!strstr(said, name) || !strchr(said, '\n')))
    verdict_fail(c, NULL, key, NULL, "space() refuses %s without a line that "
                 "says so, but: %s", name, *said ? said : "nothing");
  workload_free(w);
  free(key);
  return !refused;
}

/* ---- points ---- */

static int
is_legal(struct check *c, const struct target *t,
         const struct chanas_workload *w, const struct chanas_space *space,
         const int32_t *choice)
{
  struct chanas_point p = { space, choice };
  int legal = backend(c)->legal(t->self[0], w, p);
  int again = backend(c)->legal(t->self[1], w, p);

  if (legal != again || (legal != 0 && legal != 1))
    verdict_fail(c, t, w->key, NULL, "legal() says %d, then %d", legal, again);
  return legal && again;
}

static void
check_features(struct check *c, const struct target *t,
               const struct candidate *d)
{
  struct chanas_point p = { d->space, d->choice };
  double value[2][MAX_FEATURES];
  int n[2];

  if (!CHANAS_HAS(backend(c), features))
    return;
  for (int i = 0; i < 2; i++)
    n[i] = backend(c)->features(t->self[i], d->workload, p, value[i],
                                MAX_FEATURES);
  if (n[0] <= 0 || n[0] > MAX_FEATURES || n[0] != n[1]
      || (c->features && n[0] != c->features)) {
    verdict_fail(c, t, d->workload->key, d->policy,
                 "features() gives %d and %d numbers, where it gave %d", n[0],
                 n[1], c->features);
    return;
  }
  c->features = n[0];
  for (int i = 0; i < n[0]; i++)
    if (!isfinite(value[0][i]) || value[0][i] != value[1][i])
      verdict_fail(c, t, d->workload->key, d->policy,
                   "feature %d is %g, then %g", i, value[0][i], value[1][i]);
}

/* Printed; must read back. */
static char *
print_policy(struct check *c, const struct target *t,
             const struct chanas_workload *w, const struct chanas_space *s,
             const int32_t *choice)
{
  struct chanas_text text = { 0 };
  int32_t *back = mem_array(int32_t, s->knobs);

  space_print(s, choice, &text);
  if (space_parse(s, text_string(&text), back)
      || memcmp(back, choice, s->knobs * sizeof *back))
    verdict_fail(c, t, w->key, text_string(&text),
                 "the policy does not read back");
  free(back);
  return text.data;
}

static int
is_new(const struct batch *b, const struct chanas_space *space,
       const int32_t *choice)
{
  for (size_t i = b->count; i-- > 0 && b->candidate[i].space == space;)
    if (memcmp(b->candidate[i].choice, choice,
               space->knobs * sizeof *choice) == 0)
      return 0;
  return 1;
}

static void
add(struct check *c, struct batch *b, const struct chanas_workload *w,
    const struct chanas_space *space, const int32_t *choice)
{
  struct candidate *d;

  b->candidate = mem_grow(b->candidate, b->count + 1, sizeof *b->candidate);
  d = &b->candidate[b->count++];
  *d = (struct candidate){ .workload = w, .space = space };
  d->choice = mem_array(int32_t, space->knobs);
  memcpy(d->choice, choice, space->knobs * sizeof *choice);
  d->policy = print_policy(c, b->target, w, space, choice);
  snprintf(d->symbol, sizeof d->symbol, "k%zu", c->candidates++);
  check_features(c, b->target, d);
  c->dtype[w->dtype].candidates++;
  for (int k = 0; k < CHECK_KINDS; k++)
    for (uint32_t i = 0; i < w->ops; i++)
      if (w->op[i].kind == k) {
        c->kind[k].candidates++;
        break;
      }
}

/* ---- which ---- */

static void
add_default(struct check *c, struct batch *b, const struct chanas_workload *w,
            const struct chanas_space *space, int32_t *choice)
{
  const struct target *t = b->target;
  int32_t *again = mem_array(int32_t, space->knobs);

  if (backend(c)->initial(t->self[0], w, space, choice)
      || backend(c)->initial(t->self[1], w, space, again)
      || !space_valid(space, choice))
    verdict_fail(c, t, w->key, NULL, "there is no default policy");
  else if (memcmp(choice, again, space->knobs * sizeof *choice))
    verdict_fail(c, t, w->key, NULL, "two default policies differ");
  else if (!is_legal(c, t, w, space, choice))
    verdict_fail(c, t, w->key, NULL, "the default policy is not legal");
  else
    add(c, b, w, space, choice);
  free(again);
}

static void
add_random(struct check *c, struct batch *b, const struct chanas_workload *w,
           const struct chanas_space *space, struct rng *rng, int32_t *choice)
{
  int wanted = c->options->policies;

  for (int i = 0; i < c->options->policies * TRIES && wanted > 0; i++) {
    space_random(space, rng, choice);
    c->drawn++;
    if (!is_legal(c, b->target, w, space, choice))
      continue;
    c->legal++;
    if (!is_new(b, space, choice))
      continue;
    add(c, b, w, space, choice);
    wanted--;
  }
}

static void
add_given(struct check *c, struct batch *b, const struct chanas_workload *w,
          const struct chanas_space *space, int32_t *choice)
{
  if (space_parse(space, c->options->policy, choice))
    verdict_fail(c, b->target, w->key, c->options->policy,
                 "this is no policy of the workload");
  else if (!is_legal(c, b->target, w, space, choice))
    verdict_fail(c, b->target, w->key, c->options->policy,
                 "the policy is not legal");
  else
    add(c, b, w, space, choice);
}

void
draw_workload(struct check *c, struct batch *b,
              const struct chanas_workload *w, struct rng *rng)
{
  struct chanas_space *space = make_space(c, b->target, w);
  int32_t *choice;

  if (!space)
    return;
  b->space = mem_grow(b->space, b->spaces + 1, sizeof *b->space);
  b->space[b->spaces++] = space;
  choice = mem_array(int32_t, space->knobs);
  if (c->options->policy)
    add_given(c, b, w, space, choice);
  else {
    add_default(c, b, w, space, choice);
    add_random(c, b, w, space, rng, choice);
  }
  free(choice);
}

void
draw_clear(struct batch *b)
{
  for (size_t i = 0; i < b->count; i++) {
    free(b->candidate[i].choice);
    free(b->candidate[i].policy);
    free(b->candidate[i].source);
    free(b->candidate[i].wrong);
  }
  for (size_t i = 0; i < b->spaces; i++)
    space_free(b->space[i]);
  free(b->candidate);
  free(b->space);
  *b = (struct batch){ .target = b->target };
}
