/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Candidates: every promise of the pure half is checked while they are made,
 * then all of a batch are compiled as one translation unit, warnings as
 * errors.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "check.h"
#include "file.h"
#include "mem.h"
#include "proc.h"

#define MAX_FEATURES 256

static const struct chanas_backend *
backend(const struct batch *b)
{
  return &b->target->plugin->backend;
}

static void
check_features(struct batch *b, const struct chanas_workload *w,
               struct chanas_point point)
{
  double value[MAX_FEATURES];
  int i, n;

  if (!backend(b)->features)
    return;
  n = backend(b)->features(b->target->self, w, point, value, MAX_FEATURES);
  if (n <= 0 || (b->target->features && n != b->target->features))
    check_fail(w->key, "%d features after %d", n, b->target->features);
  b->target->features = n;
  for (i = 0; i < n; i++)
    if (!isfinite(value[i]))
      check_fail(w->key, "feature %d is %g", i, value[i]);
}

/* print, parse, and print again. */
static char *
check_text(const struct chanas_workload *w, const struct chanas_space *space,
           const int32_t *choice)
{
  struct chanas_text text = { 0 };
  int32_t *back = mem_array(int32_t, space->knobs);
  char *result;

  space_print(space, choice, &text);
  result = mem_string(text_string(&text));
  if (space_parse(space, result, back)
      || memcmp(back, choice, space->knobs * sizeof *back))
    check_fail(w->key, "the policy %s does not read back", result);
  text_free(&text);
  free(back);
  return result;
}

static char *
emit(struct batch *b, const struct chanas_workload *w,
     struct chanas_point point, const char *symbol, const char *policy)
{
  struct chanas_text one = { 0 }, two = { 0 };
  char *result = NULL;

  if (backend(b)->emit(b->target->self, w, point, symbol, &one)
      || backend(b)->emit(b->target->self, w, point, symbol, &two))
    check_fail(w->key, "emit failed for the legal policy %s", policy);
  else if (strcmp(text_string(&one), text_string(&two)))
    check_fail(w->key, "two emissions differ: %s", policy);
  else
    result = mem_string(text_string(&one));
  text_free(&one);
  text_free(&two);
  return result;
}

static void
add(struct batch *b, const struct chanas_workload *w,
    const struct chanas_space *space, const int32_t *choice)
{
  struct chanas_point point = { space, choice };
  struct candidate c = { .workload = w };

  check_features(b, w, point);
  snprintf(c.symbol, sizeof c.symbol, "k%zu", check_candidates++);
  c.policy = check_text(w, space, choice);
  c.source = emit(b, w, point, c.symbol, c.policy);
  if (!c.source) {
    free(c.policy);
    return;
  }
  if (b->count == b->room) {
    b->room = b->room * 2 + 8;
    b->candidate = mem_grow(b->candidate, b->room, sizeof *b->candidate);
  }
  b->candidate[b->count++] = c;
}

static int
legal(struct batch *b, const struct chanas_workload *w,
      const struct chanas_space *space, const int32_t *choice)
{
  struct chanas_point point = { space, choice };

  return backend(b)->legal(b->target->self, w, point);
}

void
batch_add(struct batch *b, const struct chanas_workload *w, int policies,
          struct rng *rng)
{
  struct chanas_space *space = space_new();
  int32_t *choice = NULL;
  int i;

  if (backend(b)->space(b->target->self, w, space) || space->knobs < 1) {
    check_fail(w->key, "no policy space");
    space_free(space);
    return;
  }
  choice = mem_array(int32_t, space->knobs);
  if (backend(b)->initial(b->target->self, w, space, choice)
      || !space_valid(space, choice) || !legal(b, w, space, choice))
    check_fail(w->key, "the default policy is not legal");
  else
    add(b, w, space, choice);
  for (i = 0; i < policies; i++) {
    space_random(space, rng, choice);
    if (legal(b, w, space, choice))
      add(b, w, space, choice);
  }
  free(choice);
  space_free(space);
}

static void
compiler(const struct batch *b, const char *source, struct chanas_args *out)
{
  struct chanas_args own = { 0 };
  const char *cc = getenv("CHANAS_CC");
  size_t i;

  if (backend(b)->command(b->target->self, source, b->object, &own))
    check_fail(source, "no compiler command");
  for (i = 0; i < own.count; i++) {
    args_add(out, i == 0 && cc && *cc ? cc : own.arg[i]);
    if (i == 0) {
      args_add(out, "-Wall");
      args_add(out, "-Wextra");
      args_add(out, "-Werror");
    }
  }
  args_free(&own);
}

int
batch_build(struct batch *b, const char *folder)
{
  struct chanas_text text = { 0 };
  struct chanas_args args = { 0 };
  struct proc_limits limits = { .seconds = 300 };
  struct proc_result result;
  char *source;
  size_t i;
  int bad;

  if (b->count == 0)
    return 0;
  for (i = 0; i < b->count; i++)
    text_append(&text, b->candidate[i].source,
                strlen(b->candidate[i].source));
  source = mem_print("%s/%s%s", folder, b->candidate[0].symbol,
                     backend(b)->suffix);
  b->object = mem_print("%s/%s.so", folder, b->candidate[0].symbol);
  bad = file_write(source, text.data, text.size);
  compiler(b, source, &args);
  proc_run(&args, NULL, NULL, 0, &limits, &result);
  bad |= result.end != PROC_EXITED || result.code != 0;
  if (bad)
    check_fail(b->candidate[0].workload->key, "%s does not compile:\n%.1500s",
               source, text_string(&result.err));
  else
    remove(source);
  proc_result_free(&result);
  args_free(&args);
  text_free(&text);
  free(source);
  return bad ? -1 : 0;
}

void
batch_clear(struct batch *b)
{
  size_t i;

  for (i = 0; i < b->count; i++) {
    free(b->candidate[i].policy);
    free(b->candidate[i].source);
  }
  if (b->object)
    remove(b->object);
  free(b->object);
  free(b->candidate);
  b->count = b->room = 0;
  b->candidate = NULL;
  b->object = NULL;
}
