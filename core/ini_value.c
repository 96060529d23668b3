/* SPDX-License-Identifier: Apache-2.0 */
/* Values of an INI document: lookups that are remembered, so that unknown
 * keys can be told, and numbers with full checking. */
#include "ini.h"
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "log.h"
#include "near.h"

/* Where an entry stands: "file:line", or how it was overridden. */
struct place { char text[300]; };

static struct place
place(const struct ini *ini, const struct ini_entry *entry)
{
  struct place p;

  if (entry->line == 0)
    snprintf(p.text, sizeof p.text, "override of %.200s", ini->path);
  else
    snprintf(p.text, sizeof p.text, "%.250s:%d", ini->path, entry->line);
  return p;
}

const char *
ini_get(struct ini_section *section, const char *key)
{
  struct ini_entry *entry = ini_entry(section, key);

  if (entry == NULL)
    return NULL;
  entry->used = 1;
  return entry->value;
}

int
ini_check_used(const struct ini *ini, const struct ini_section *section,
               const char *const known[])
{
  for (size_t i = 0; i < section->entries; i++) {
    const struct ini_entry *entry = &section->entry[i];
    const char *near;
    if (entry->used)
      continue;
    near = near_name(entry->key, known);
    log_error("%s: unknown key '%s' in [%s]; %s%s%s", place(ini, entry).text,
              entry->key, section->name,
              near ? "did you mean '" : "remove it", near ? near : "",
              near ? "'?" : "");
    return -1;
  }
  return 0;
}

int
ini_int(const struct ini *ini, const struct ini_section *section,
        const struct ini_entry *entry, long long low, long long high,
        long long *out)
{
  char *end;

  errno = 0;
  *out = strtoll(entry->value, &end, 10);
  if (*entry->value && *end == '\0' && errno == 0 && *out >= low &&
      *out <= high)
    return 0;
  log_error("%s: %s = %s in [%s]; give an integer from %lld to %lld",
            place(ini, entry).text, entry->key, entry->value, section->name,
            low, high);
  return -1;
}

int
ini_real(const struct ini *ini, const struct ini_section *section,
         const struct ini_entry *entry, double low, double high, double *out)
{
  char *end;

  *out = strtod(entry->value, &end);
  if (*entry->value && *end == '\0' && isfinite(*out) && *out >= low &&
      *out <= high)
    return 0;
  log_error("%s: %s = %s in [%s]; give a number from %g to %g",
            place(ini, entry).text, entry->key, entry->value, section->name,
            low, high);
  return -1;
}
