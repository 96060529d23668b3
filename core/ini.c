/* SPDX-License-Identifier: Apache-2.0 */
/* INI documents in memory; ini_parse.c makes them of text. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include "ini_parts.h"
#include "log.h"
#include "mem.h"

/* Length of the UTF-8 sequence at p, 0 if it is none or a control. */
static size_t
sequence(const unsigned char *p, size_t left)
{
  size_t n = *p < 0x80 ? 1 : *p < 0xc2 ? 0 : *p < 0xe0 ? 2 : *p < 0xf0 ? 3 :
             *p < 0xf5 ? 4 : 0;

  if (n == 0 || n > left || (n == 1 && *p != '\t' && iscntrl(*p)))
    return 0;
  for (size_t i = 1; i < n; i++)
    if ((p[i] & 0xc0) != 0x80)
      return 0;
  if ((*p == 0xe0 && p[1] < 0xa0) || (*p == 0xed && p[1] > 0x9f) ||
      (*p == 0xf0 && p[1] < 0x90) || (*p == 0xf4 && p[1] > 0x8f))
    return 0;
  return n;
}

size_t
ini_bad_byte(const char *text, size_t size)
{
  const unsigned char *p = (const unsigned char *)text;

  for (size_t i = 0, n; i < size; i += n)
    if ((n = sequence(p + i, size - i)) == 0)
      return i + 1;
  return 0;
}

struct ini *
ini_new(const char *name)
{
  struct ini *ini = mem_new(struct ini);

  ini->path = mem_string(name);
  return ini;
}

struct ini_section *
ini_add_section(struct ini *ini, const char *name, size_t size, int line)
{
  struct ini_section *section;

  ini->section = mem_grow(ini->section, ini->sections + 1,
                          sizeof *ini->section);
  section = &ini->section[ini->sections++];
  *section = (struct ini_section){ .line = line };
  section->name = mem_print("%.*s", (int)size, name);
  return section;
}

struct ini_entry *
ini_add_entry(struct ini_section *section, const char *key, const char *value,
              int line)
{
  struct ini_entry *entry;

  section->entry = mem_grow(section->entry, section->entries + 1,
                            sizeof *section->entry);
  entry = &section->entry[section->entries++];
  *entry = (struct ini_entry){ .line = line };
  entry->key = mem_string(key);
  entry->value = mem_string(value);
  return entry;
}

void
ini_free(struct ini *ini)
{
  if (ini == NULL)
    return;
  for (size_t i = 0; i < ini->sections; i++) {
    struct ini_section *section = &ini->section[i];
    for (size_t j = 0; j < section->entries; j++) {
      free(section->entry[j].key);
      free(section->entry[j].value);
    }
    free(section->entry);
    free(section->name);
  }
  free(ini->section);
  free(ini->path);
  free(ini);
}

struct ini_section *
ini_find(const struct ini *ini, const char *name)
{
  for (size_t i = 0; i < ini->sections; i++)
    if (strcmp(ini->section[i].name, name) == 0)
      return &ini->section[i];
  return NULL;
}

struct ini_entry *
ini_entry(const struct ini_section *section, const char *key)
{
  for (size_t i = 0; i < section->entries; i++)
    if (strcmp(section->entry[i].key, key) == 0)
      return &section->entry[i];
  return NULL;
}

int
ini_set(struct ini *ini, const char *name, const char *key, const char *value)
{
  struct ini_section *section = ini_find(ini, name);
  struct ini_entry *entry;
  size_t bad;

  if (*name == '\0' || *key == '\0' || strlen(name) > INI_NAME_LIMIT ||
      strlen(key) > INI_NAME_LIMIT) {
    log_error("'%s.%s': name and key must have 1 to %d characters", name, key,
              INI_NAME_LIMIT);
    return -1;
  }
  bad = ini_bad_byte(value, strlen(value));
  if (bad) {
    log_error("override of %s: byte 0x%02x in column %zu is no text",
              ini->path, (unsigned char)value[bad - 1], bad);
    return -1;
  }
  if (ini_bad_byte(name, strlen(name)) || ini_bad_byte(key, strlen(key))) {
    log_error("override of %s: name and key must be text", ini->path);
    return -1;
  }
  if (section == NULL)
    section = ini_add_section(ini, name, strlen(name), 0);
  entry = ini_entry(section, key);
  if (entry == NULL) {
    ini_add_entry(section, key, value, 0);
    return 0;
  }
  free(entry->value);
  entry->value = mem_string(value);
  entry->line = 0;
  return 0;
}
