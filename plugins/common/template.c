/* SPDX-License-Identifier: Apache-2.0 */
/* Templates: see template.h. */
#include "template.h"
#include <stdio.h>
#include <string.h>

#define MAX_NAME 64

static const char *
wrong(char *error, size_t size, const char *what, const char *at)
{
  snprintf(error, size, "%s at '%.60s'", what, at);
  return error;
}

/* The part that begins at *at. */
static const char *
next_part(const char **at, struct template_part *part,
          int (*field)(void *arg, const char *name), void *arg, char *error,
          size_t size)
{
  const char *from = *at;
  char name[MAX_NAME];

  if (*from == '}')
    return wrong(error, size, "a '}' without '{'", from);
  if (*from != '{') {
    part->literal = from;
    part->size = strcspn(from, "{}");
    *at = from + part->size;
    return NULL;
  }
  part->size = strcspn(from + 1, "{}");
  if (from[1 + part->size] != '}' || part->size == 0 || part->size >= MAX_NAME)
    return wrong(error, size, "a placeholder must be {NAME}", from);
  memcpy(name, from + 1, part->size);
  name[part->size] = '\0';
  part->literal = NULL;
  part->field = field(arg, name);
  *at = from + part->size + 2;
  return part->field < 0 ? wrong(error, size, "an unknown placeholder", from) :
    NULL;
}

const char *
template_parse(struct template *to, const char *text,
               int (*field)(void *arg, const char *name), void *arg,
               char *error, size_t size)
{
  to->parts = 0;
  for (const char *at = text; *at; to->parts++) {
    const char *why;
    if (to->parts == TEMPLATE_MAX_PARTS)
      return wrong(error, size, "too many parts", at);
    why = next_part(&at, &to->part[to->parts], field, arg, error, size);
    if (why)
      return why;
  }
  return NULL;
}

void
filled_start(struct filled *filled)
{
  filled->size = 0;
  filled->longer = 0;
  filled->text[0] = '\0';
}

void
filled_text(struct filled *filled, const char *text, size_t size)
{
  if (size >= FILLED_MAX - filled->size) {
    filled->longer = 1;
    return;
  }
  memcpy(filled->text + filled->size, text, size);
  filled->size += size;
  filled->text[filled->size] = '\0';
}

void
filled_int(struct filled *filled, int64_t value)
{
  char digits[24], *at = digits + sizeof digits;
  uint64_t left = value < 0 ? -(uint64_t)value : (uint64_t)value;

  do
    *--at = (char)('0' + left % 10);
  while (left /= 10);
  if (value < 0)
    *--at = '-';
  filled_text(filled, at, (size_t)(digits + sizeof digits - at));
}
