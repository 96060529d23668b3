/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A space: named finite knobs.  A point: one choice index per knob.  The same
 * type serves architectures and schedules.
 *
 * A knob may depend on an earlier one (its parent): it is active only while
 * the parent is active and the parent's choice is in `mask`.  Inactive knobs
 * have no effect; the canonical form of a point has choice 0 there.
 */
#ifndef CORE_SPACE_H
#define CORE_SPACE_H
#include <stddef.h>
#include <stdint.h>
#include <chanas/plugin.h>
#include "rng.h"
#include "text.h"

struct knob {
  char *name;
  size_t choices;
  int64_t *value;
  char **label;   /* NULL: print the value */
  long parent;    /* index of an earlier knob or -1 */
  uint64_t mask;  /* bit i: active while the parent's choice is i */
};

struct chanas_space {
  size_t knobs;
  struct knob *knob;
};

struct chanas_space *space_new(void);
void space_free(struct chanas_space *);
/* Append a knob; values are copied.  -1 (logged): no values, a name twice,
 * more than 64 choices for a parent, a name with other characters than
 * [A-Za-z0-9_.-].  Returns its index. */
long space_add(struct chanas_space *, const char *name, size_t n,
               const int64_t *values, const char *const *labels);
/* labels may be NULL.  Let the knob depend on an earlier one. */
int space_depend(struct chanas_space *, size_t knob, size_t parent,
                 uint64_t mask);
long space_find(const struct chanas_space *, const char *name);
int64_t space_value(const struct chanas_space *, const int32_t *choice,
                    const char *name, int64_t otherwise);
int space_active(const struct chanas_space *, const int32_t *choice, size_t k);
void space_canon(const struct chanas_space *, int32_t *choice);
int space_valid(const struct chanas_space *, const int32_t *choice);
double space_size(const struct chanas_space *); /* canonical points */
uint64_t space_hash(const struct chanas_space *, const int32_t *choice);
void space_random(const struct chanas_space *, struct rng *, int32_t *choice);
/* "a=1,b=relu": every knob, in order; and back (every knob must be there). */
void space_print(const struct chanas_space *, const int32_t *choice,
                 struct chanas_text *);
int space_parse(const struct chanas_space *, const char *text,
                int32_t *choice);
#endif
