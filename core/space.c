/* SPDX-License-Identifier: Apache-2.0 */
/* Spaces and points.  A parent always has a smaller index than its child, so
 * one pass in order settles which knobs are active. */
#include "space.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "log.h"
#include "mem.h"

struct chanas_space *
space_new(void)
{
  return mem_new(struct chanas_space);
}

void
space_free(struct chanas_space *space)
{
  if (space == NULL)
    return;
  for (size_t k = 0; k < space->knobs; k++) {
    struct knob *knob = &space->knob[k];
    for (size_t i = 0; knob->label && i < knob->choices; i++)
      free(knob->label[i]);
    free(knob->label);
    free(knob->value);
    free(knob->name);
  }
  free(space->knob);
  free(space);
}

static int
good_name(const char *name)
{
  if (*name == '\0')
    return 0;
  for (; *name; name++)
    if (!isalnum((unsigned char)*name) && strchr("_.-", *name) == NULL)
      return 0;
  return 1;
}

long
space_add(struct chanas_space *space, const char *name, size_t n,
          const int64_t *values, const char *const *labels)
{
  struct knob *knob;

  if (!good_name(name) || n == 0 || space_find(space, name) >= 0) {
    log_error("knob '%s': %s", name, n == 0 ? "no values" :
              good_name(name) ? "declared twice" : "bad name");
    return -1;
  }
  space->knob = mem_grow(space->knob, space->knobs + 1, sizeof *knob);
  knob = &space->knob[space->knobs];
  *knob = (struct knob){ .name = mem_string(name), .choices = n,
                         .value = mem_array(int64_t, n), .parent = -1 };
  memcpy(knob->value, values, n * sizeof *values);
  if (labels) {
    knob->label = mem_array(char *, n);
    for (size_t i = 0; i < n; i++)
      knob->label[i] = mem_string(labels[i]);
  }
  return (long)space->knobs++;
}

int
space_depend(struct chanas_space *space, size_t k, size_t parent,
             uint64_t mask)
{
  if (parent >= k || k >= space->knobs || space->knob[parent].choices > 64) {
    log_error("knob %zu cannot depend on knob %zu", k, parent);
    return -1;
  }
  space->knob[k].parent = (long)parent;
  space->knob[k].mask = mask;
  return 0;
}

long
space_find(const struct chanas_space *space, const char *name)
{
  for (size_t k = 0; k < space->knobs; k++)
    if (strcmp(space->knob[k].name, name) == 0)
      return (long)k;
  return -1;
}

int64_t
space_value(const struct chanas_space *space, const int32_t *choice,
            const char *name, int64_t otherwise)
{
  long k = space_find(space, name);

  return k < 0 ? otherwise : space->knob[k].value[choice[k]];
}

int
space_active(const struct chanas_space *space, const int32_t *choice, size_t k)
{
  while (space->knob[k].parent >= 0) {
    size_t parent = (size_t)space->knob[k].parent;
    if (!(space->knob[k].mask >> choice[parent] & 1))
      return 0;
    k = parent;
  }
  return 1;
}

void
space_canon(const struct chanas_space *space, int32_t *choice)
{
  for (size_t k = 0; k < space->knobs; k++)
    if (!space_active(space, choice, k))
      choice[k] = 0;
}

int
space_valid(const struct chanas_space *space, const int32_t *choice)
{
  for (size_t k = 0; k < space->knobs; k++)
    if (choice[k] < 0 || (size_t)choice[k] >= space->knob[k].choices)
      return 0;
  return 1;
}

/* Points of knob k and of all that depend on it. */
static double
subtree_size(const struct chanas_space *space, size_t k)
{
  const struct knob *knob = &space->knob[k];
  double total = 0;

  for (size_t i = 0; i < knob->choices; i++) {
    double product = 1;
    for (size_t c = k + 1; c < space->knobs; c++)
      if (space->knob[c].parent == (long)k && space->knob[c].mask >> i & 1)
        product *= subtree_size(space, c);
    total += product;
  }
  return total;
}

double
space_size(const struct chanas_space *space)
{
  double size = 1;

  for (size_t k = 0; k < space->knobs; k++)
    if (space->knob[k].parent < 0)
      size *= subtree_size(space, k);
  return size;
}

uint64_t
space_hash(const struct chanas_space *space, const int32_t *choice)
{
  uint64_t hash = HASH_START;

  for (size_t k = 0; k < space->knobs; k++) {
    int32_t c = space_active(space, choice, k) ? choice[k] : 0;
    hash = hash_bytes(hash, &c, sizeof c);
  }
  return hash;
}

void
space_random(const struct chanas_space *space, struct rng *rng,
             int32_t *choice)
{
  for (size_t k = 0; k < space->knobs; k++)
    choice[k] = (int32_t)rng_below(rng, space->knob[k].choices);
  space_canon(space, choice);
}

void
space_print(const struct chanas_space *space, const int32_t *choice,
            struct chanas_text *out)
{
  for (size_t k = 0; k < space->knobs; k++) {
    const struct knob *knob = &space->knob[k];
    text_print(out, "%s%s=", k ? "," : "", knob->name);
    if (knob->label)
      text_print(out, "%s", knob->label[choice[k]]);
    else
      text_print(out, "%lld", (long long)knob->value[choice[k]]);
  }
}

static int
parse_choice(const struct knob *knob, const char *text, size_t size,
             int32_t *choice)
{
  char number[32];

  for (size_t i = 0; i < knob->choices; i++) {
    const char *want = number;
    if (knob->label)
      want = knob->label[i];
    else
      snprintf(number, sizeof number, "%lld", (long long)knob->value[i]);
    if (strlen(want) == size && memcmp(want, text, size) == 0) {
      *choice = (int32_t)i;
      return 0;
    }
  }
  return -1;
}

int
space_parse(const struct chanas_space *space, const char *text,
            int32_t *choice)
{
  for (size_t k = 0; k < space->knobs; k++) {
    const struct knob *knob = &space->knob[k];
    size_t name = strlen(knob->name), size;
    if (strncmp(text, knob->name, name) != 0 || text[name] != '=')
      return -1;
    text += name + 1;
    size = strcspn(text, ",");
    if (parse_choice(knob, text, size, &choice[k]) < 0)
      return -1;
    text += size;
    if (*text == ',')
      text++;
    else if (k + 1 < space->knobs)
      return -1;
  }
  return *text ? -1 : 0;
}
