/* SPDX-License-Identifier: Apache-2.0 */
/* One-hot encoding: see onehot.h.  Everything that can be wrong is found
 * when it is opened; encoding cannot fail. */
#include "onehot.h"
#include <ctype.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#define MAX_VALUES 256
#define MAX_ITEM 4096
#define MAX_WIDTH 65536
#define FAIL(host, ...) \
  ((host)->log((host)->ctx, CHANAS_ERROR, __VA_ARGS__), -1)

struct item {
  char text[MAX_ITEM];
  const char *glob; /* into text */
  size_t values;
  int64_t value[MAX_VALUES];
};

/* "v1,v2" after the colon.  -1, logged. */
static int
parse_values(const struct chanas_host *host, const char *text,
             struct item *item)
{
  const char *at = text;

  for (;;) {
    char *end;
    errno = 0;
    long long value = strtoll(at, &end, 10);
    if (end == at || errno || (*end && *end != ',') || isspace((uint8_t)*at))
      return FAIL(host, "onehot: '%s:%s' must be GLOB:v1,v2,... with whole "
                  "numbers", item->glob, text);
    if (item->values == MAX_VALUES)
      return FAIL(host, "onehot: '%s' lists more than %d values", item->glob,
                  MAX_VALUES);
    for (size_t i = 0; i < item->values; i++)
      if (item->value[i] == value)
        return FAIL(host, "onehot: '%s' lists %lld twice", item->glob, value);
    item->value[item->values++] = value;
    if (*end == '\0')
      return 0;
    at = end + 1;
  }
}

/* The next item of the list; 0 when there is none, -1 logged. */
static int
next_item(const struct chanas_host *host, const char **text,
          struct item *item)
{
  const char *at = *text + strspn(*text, " \t\n");
  size_t size = strcspn(at, " \t\n");
  char *colon;

  *text = at + size;
  item->values = 0;
  if (size == 0)
    return 0;
  if (size >= sizeof item->text)
    return FAIL(host, "onehot: an item is longer than %d characters",
                MAX_ITEM - 1);
  memcpy(item->text, at, size);
  item->text[size] = '\0';
  item->glob = item->text;
  if ((colon = strrchr(item->text, ':')) == NULL || colon == item->text)
    return FAIL(host, "onehot: '%s' must be GLOB:v1,v2,...", item->text);
  *colon = '\0';
  return parse_values(host, colon + 1, item) < 0 ? -1 : 1;
}

static int
add_knob(struct onehot *code, const struct chanas_host *host,
         const struct chanas_space *space, size_t k, const struct item *item)
{
  struct onehot_knob *to = &code->knob[code->knobs];
  size_t choices = host->choices(space, k);

  for (size_t i = 0; i < code->knobs; i++)
    if (code->knob[i].knob == k)
      return FAIL(host, "onehot: knob '%s' is encoded twice, by '%s' too",
                  host->knob_name(space, k), item->glob);
  to->knob = k;
  if (!(to->input = host->alloc(host->ctx, choices * sizeof *to->input)))
    return FAIL(host, "onehot: out of memory");
  for (size_t c = 0; c < choices; c++) {
    int64_t value = host->knob_value(space, k, c);
    size_t i = 0;
    while (i < item->values && item->value[i] != value)
      i++;
    if (i == item->values)
      return FAIL(host, "onehot: knob '%s' can be %lld, which '%s' does not "
                  "list: the predictor does not know this value",
                  host->knob_name(space, k), (long long)value, item->glob);
    to->input[c] = (int32_t)(code->width + i);
  }
  code->width += item->values;
  code->knobs++;
  return code->width <= MAX_WIDTH ? 0 :
    FAIL(host, "onehot: more than %d inputs", MAX_WIDTH);
}

static int
add_item(struct onehot *code, const struct chanas_host *host,
         const struct chanas_space *space, const struct item *item)
{
  size_t before = code->knobs;

  for (size_t k = 0; k < host->knobs(space); k++)
    if (fnmatch(item->glob, host->knob_name(space, k), 0) == 0 &&
        add_knob(code, host, space, k, item) < 0)
      return -1;
  return code->knobs > before ? 0 :
    FAIL(host, "onehot: no knob of the space matches '%s'", item->glob);
}

int
onehot_open(struct onehot *code, const struct chanas_host *host,
            const struct chanas_space *space, const char *text)
{
  struct item item;
  int more;

  *code = (struct onehot){ 0 };
  code->knob = host->alloc(host->ctx, (host->knobs(space) + 1) *
                           sizeof *code->knob);
  if (code->knob == NULL)
    return FAIL(host, "onehot: out of memory");
  while ((more = next_item(host, &text, &item)) > 0)
    if (add_item(code, host, space, &item) < 0)
      return -1;
  if (more == 0 && code->width == 0)
    return FAIL(host, "onehot: nothing is encoded; give GLOB:v1,v2,... items");
  return more;
}

void
onehot_encode(const struct onehot *code, const struct chanas_host *host,
              struct chanas_point point, double *out)
{
  memset(out, 0, code->width * sizeof *out);
  for (size_t i = 0; i < code->knobs; i++) {
    const struct onehot_knob *knob = &code->knob[i];
    if (host->active(point, knob->knob))
      out[knob->input[point.choice[knob->knob]]] = 1;
  }
}
