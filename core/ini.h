/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An INI file as a document: sections and entries in file order, each with
 * its line, parsed by inih.  Nothing is handed out unless the whole file is
 * sound: over-long lines and names, duplicate keys, duplicate sections,
 * bytes outside printable ASCII/UTF-8 and syntax errors are refused with
 * file, line and remedy (inih itself cuts over-long text silently).
 */
#ifndef CORE_INI_H
#define CORE_INI_H
#include <stddef.h>

struct ini_entry { char *key, *value; int line; int used; };
struct ini_section {
  char *name;   /* "stage stem" */
  int line;
  size_t entries;
  struct ini_entry *entry;
};
struct ini {
  char *path;   /* for messages */
  size_t sections;
  struct ini_section *section;
};

/* NULL and a log line when the file is missing or not sound.  A value may
 * continue on indented lines, which are joined with one space. */
struct ini *ini_read(const char *path);
struct ini *ini_parse_text(const char *name, const char *text);
/* Without any section, for ini_set() to fill. */
struct ini *ini_new(const char *name);
void ini_free(struct ini *);
struct ini_section *ini_find(const struct ini *, const char *section);
struct ini_entry *ini_entry(const struct ini_section *, const char *key);
/* Value, marked as used; NULL if absent. */
const char *ini_get(struct ini_section *, const char *key);
/* Override or add ("--set section.key=value"). line 0 marks such values. */
int ini_set(struct ini *, const char *section, const char *key,
            const char *value);
/* -1 and one log line for the first entry never used ("unknown key"),
 * with the nearest key of known[] (NULL-terminated, may be NULL) as a hint. */
int ini_check_used(const struct ini *, const struct ini_section *,
                   const char *const known[]);
/* Numbers with full checking: -1 and a log line naming file, line, key. */
int ini_int(const struct ini *, const struct ini_section *,
            const struct ini_entry *, long long low, long long high,
            long long *out);
int ini_real(const struct ini *, const struct ini_section *,
             const struct ini_entry *, double low, double high, double *out);
#endif
