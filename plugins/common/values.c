/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers by name: see values.h.  Means by Welford's recurrence. */
#include "values.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct value_entry *
slot(const struct values *values, const char *name)
{
  uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a */

  for (const char *at = name; *at; at++)
    hash = (hash ^ (unsigned char)*at) * UINT64_C(0x100000001b3);
  for (size_t i = hash; ; i++) {
    struct value_entry *entry = &values->entry[i & (values->room - 1)];
    if (entry->name == NULL || strcmp(entry->name, name) == 0)
      return entry;
  }
}

static int
grow(struct values *values)
{
  struct values wider = { values->names, values->rows,
                          values->room ? 2 * values->room : 1024, NULL };

  wider.entry = calloc(wider.room, sizeof *wider.entry);
  if (wider.entry == NULL)
    return -1;
  for (size_t i = 0; i < values->room; i++)
    if (values->entry[i].name)
      *slot(&wider, values->entry[i].name) = values->entry[i];
  free(values->entry);
  *values = wider;
  return 0;
}

int
values_add(struct values *values, const char *name, double mean,
           double stddev)
{
  struct value_entry *entry;
  double before;

  if (2 * (values->names + 1) > values->room && grow(values) < 0)
    return -1;
  entry = slot(values, name);
  if (entry->name == NULL) {
    if (!(entry->name = strdup(name)))
      return -1;
    values->names++;
  }
  before = mean - entry->mean;
  entry->mean += before / (double)++entry->rows;
  entry->spread += before * (mean - entry->mean);
  entry->inner += stddev * stddev;
  values->rows++;
  return 0;
}

int
values_get(const struct values *values, const char *name,
           struct chanas_estimate *out)
{
  const struct value_entry *entry;

  if (values->room == 0)
    return 0;
  entry = slot(values, name);
  if (entry->name == NULL)
    return 0;
  out->mean = entry->mean;
  out->stddev = sqrt((entry->spread + entry->inner) / (double)entry->rows);
  return 1;
}

void
values_free(struct values *values)
{
  for (size_t i = 0; i < values->room; i++)
    free(values->entry[i].name);
  free(values->entry);
  *values = (struct values){ 0 };
}
