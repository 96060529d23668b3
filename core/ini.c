/* SPDX-License-Identifier: Apache-2.0 */
/*
 * INI documents, parsed by inih (built with its defaults, as Debian's is).
 *
 * inih cuts over-long lines and names silently, reports no empty section,
 * gives no line numbers and goes on after an error.  So every line is checked
 * here, in the reader that feeds it, and inih only ever sees lines that are
 * sound; the first that is not ends the parse.
 */
#include "ini.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <ini.h>
#include "file.h"
#include "log.h"
#include "mem.h"
#include "text.h"

#define FILE_LIMIT (1u << 20)
#define NAME_LIMIT 49 /* inih's MAX_NAME and MAX_SECTION, less the zero */

struct feed {
  struct ini *ini;
  const char *text, *end;
  int line;
  int failed, continues;
};

#define FAIL(feed, ...) fail((feed), mem_print(__VA_ARGS__))

static int
fail(struct feed *feed, char *message)
{
  if (feed->line)
    log_error("%s:%d: %s", feed->ini->path, feed->line, message);
  else
    log_error("override of %s: %s", feed->ini->path, message);
  free(message);
  feed->failed = 1;
  return -1;
}

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

static int
check_bytes(struct feed *feed, const char *line, size_t size)
{
  const unsigned char *p = (const unsigned char *)line;

  for (size_t i = 0, n; i < size; i += n)
    if ((n = sequence(p + i, size - i)) == 0)
      return FAIL(feed, "byte 0x%02x in column %zu is no text; "
                  "save the file as UTF-8 without control characters",
                  p[i], i + 1);
  return 0;
}

/* Size of a line without comment and trailing blanks. */
static size_t
content(const char *line, size_t size)
{
  size_t first = 0;

  while (first < size && isspace((unsigned char)line[first]))
    first++;
  if (first < size && (line[first] == ';' || line[first] == '#'))
    return 0;
  for (size_t i = first + 1; i < size; i++)
    if (line[i] == ';' && isspace((unsigned char)line[i - 1]))
      size = i;
  while (size > 0 && isspace((unsigned char)line[size - 1]))
    size--;
  return size;
}

static struct ini_section *
add_section(struct ini *ini, const char *name, size_t size, int line)
{
  struct ini_section *section;

  ini->section = mem_grow(ini->section, ini->sections + 1,
                          sizeof *ini->section);
  section = &ini->section[ini->sections++];
  *section = (struct ini_section){ .line = line };
  section->name = mem_print("%.*s", (int)size, name);
  return section;
}

static struct ini_entry *
add_entry(struct ini_section *section, const char *key, const char *value,
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

static struct ini_section *
last_section(const struct ini *ini)
{
  return ini->sections ? &ini->section[ini->sections - 1] : NULL;
}

static int
take_section(struct feed *feed, const char *line, size_t size)
{
  const char *end = memchr(line, ']', size);
  size_t length = end ? (size_t)(end - line) - 1 : 0;
  struct ini_section *old;
  char name[NAME_LIMIT + 1];

  if (end == NULL)
    return FAIL(feed, "section without ']'; write [NAME]");
  if (end != line + size - 1)
    return FAIL(feed, "text after ']'; put it on a line of its own");
  if (length == 0 || length > NAME_LIMIT)
    return FAIL(feed, "section name of %zu characters; "
                "use 1 to %d", length, NAME_LIMIT);
  if (isspace((unsigned char)line[1]) || isspace((unsigned char)end[-1]))
    return FAIL(feed, "blank beside a bracket; write [NAME]");
  memcpy(name, line + 1, length);
  name[length] = '\0';
  old = ini_find(feed->ini, name);
  if (old)
    return FAIL(feed, "section [%s] again; it began in line %d, "
                "put its keys there", name, old->line);
  add_section(feed->ini, name, length, feed->line);
  return 0;
}

/* Characters before the '=' of "key = value"; 0 if there is none. */
static size_t
key_size(const char *line, size_t size, int *assigned)
{
  size_t at = 0;

  while (at < size && line[at] != '=' && line[at] != ':')
    at++;
  *assigned = at < size && line[at] == '=';
  while (at > 0 && isspace((unsigned char)line[at - 1]))
    at--;
  return at;
}

static int
take_key(struct feed *feed, const char *line, size_t size)
{
  struct ini_section *section = last_section(feed->ini);
  struct ini_entry *old;
  char key[NAME_LIMIT + 1];
  int assigned;
  size_t length = key_size(line, size, &assigned);

  if (section == NULL)
    return FAIL(feed, "text before the first section; "
                "start with a line [NAME]");
  if (!assigned)
    return FAIL(feed, "no '='; write key = value, or indent the line "
                "if it continues the one before");
  if (length == 0 || length > NAME_LIMIT)
    return FAIL(feed, "key of %zu characters; use 1 to %d", length,
                NAME_LIMIT);
  memcpy(key, line, length);
  key[length] = '\0';
  old = ini_entry(section, key);
  if (old)
    return FAIL(feed, "key '%s' again in [%s]; it stands in line %d, "
                "remove one", key, section->name, old->line);
  return 0;
}

static int
take_continuation(struct feed *feed, const char *line, size_t size)
{
  struct ini_section *section = last_section(feed->ini);
  int assigned;
  size_t first = 0, length;

  while (isspace((unsigned char)line[first]))
    first++;
  length = key_size(line + first, size - first, &assigned);
  if (section == NULL || section->entries == 0 || line[first] == '[')
    return FAIL(feed, "indented line continues nothing; "
                "start it in column 1");
  for (size_t i = 0; i < length && assigned; i++)
    if (isspace((unsigned char)line[first + i]))
      assigned = 0;
  if (assigned)
    return FAIL(feed, "indented '%.*s =' would continue '%s'; "
                "start keys in column 1", (int)length, line + first,
                section->entry[section->entries - 1].key);
  return 0;
}

static int
take_line(struct feed *feed, const char *line, size_t size, size_t limit)
{
  if (size > limit)
    return FAIL(feed, "line of %zu characters, at most %zu fit; "
                "continue it on an indented line", size, limit);
  feed->continues = isspace((unsigned char)line[0]);
  return feed->continues ? take_continuation(feed, line, size) :
         line[0] == '[' ? take_section(feed, line, size) :
         take_key(feed, line, size);
}

/* inih's reader, with the contract of fgets. */
static char *
read_line(char *buffer, int room, void *stream)
{
  struct feed *feed = stream;
  const char *line = feed->text, *end;
  size_t size;

  if (feed->failed || line == feed->end)
    return NULL;
  end = memchr(line, '\n', (size_t)(feed->end - line));
  size = (size_t)((end ? end : feed->end) - line);
  feed->text = end ? end + 1 : feed->end;
  feed->line++;
  if (size > 0 && line[size - 1] == '\r')
    size--;
  if (check_bytes(feed, line, size) < 0)
    return NULL;
  size = content(line, size);
  if (size > 0 && take_line(feed, line, size, (size_t)room - 3) < 0)
    return NULL;
  memcpy(buffer, line, size);
  memcpy(buffer + size, "\n", 2);
  return buffer;
}

static int
take_value(void *user, const char *name, const char *key, const char *value)
{
  struct feed *feed = user;
  struct ini_section *section = last_section(feed->ini);
  struct ini_entry *entry;
  char *joined;

  if (strcmp(section->name, name) != 0) {
    FAIL(feed, "inih reads section [%s]; remove odd characters", name);
    return 0;
  }
  if (!feed->continues) {
    add_entry(section, key, value, feed->line);
    return 1;
  }
  entry = &section->entry[section->entries - 1];
  joined = mem_print("%s%s%s", entry->value, *entry->value ? " " : "", value);
  free(entry->value);
  entry->value = joined;
  return 1;
}

static struct ini *
parse(const char *name, const char *text, size_t size)
{
  struct ini *ini = mem_new(struct ini);
  struct feed feed = { .ini = ini, .text = text, .end = text + size };
  int status;

  ini->path = mem_string(name);
  if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
    feed.text += 3;
  status = ini_parse_stream(read_line, &feed, take_value, &feed);
  if (status != 0 && !feed.failed)
    FAIL(&feed, "inih refuses the file (%d); check the lines above", status);
  if (feed.failed) {
    ini_free(ini);
    return NULL;
  }
  return ini;
}

struct ini *
ini_parse_text(const char *name, const char *text)
{
  return parse(name, text, strlen(text));
}

struct ini *
ini_read(const char *path)
{
  struct chanas_text text = { 0 };
  struct ini *ini;

  if (file_read(path, FILE_LIMIT, &text) < 0)
    return NULL;
  ini = parse(path, text.data, text.size);
  text_free(&text);
  return ini;
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
  struct feed feed = { .ini = ini };

  if (*name == '\0' || *key == '\0' || strlen(name) > NAME_LIMIT ||
      strlen(key) > NAME_LIMIT) {
    log_error("'%s.%s': name and key must have 1 to %d characters", name, key,
              NAME_LIMIT);
    return -1;
  }
  if (check_bytes(&feed, name, strlen(name)) < 0 ||
      check_bytes(&feed, key, strlen(key)) < 0 ||
      check_bytes(&feed, value, strlen(value)) < 0)
    return -1;
  if (section == NULL)
    section = add_section(ini, name, strlen(name), 0);
  entry = ini_entry(section, key);
  if (entry == NULL) {
    add_entry(section, key, value, 0);
    return 0;
  }
  free(entry->value);
  entry->value = mem_string(value);
  entry->line = 0;
  return 0;
}
