/* SPDX-License-Identifier: Apache-2.0 */
/*
 * INI documents, parsed by inih (built with its defaults, as Debian's is).
 *
 * inih cuts over-long lines and names silently, reports no empty section,
 * gives no line numbers and goes on after an error.  So every line is checked
 * here, in the reader that feeds it, and inih only ever sees lines that are
 * sound; the first that is not ends the parse.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <ini.h>
#include "file.h"
#include "ini_parts.h"
#include "log.h"
#include "mem.h"
#include "text.h"

#define FILE_LIMIT (1u << 20)

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
  log_error("%s:%d: %s", feed->ini->path, feed->line, message);
  free(message);
  feed->failed = 1;
  return -1;
}

static int
check_bytes(struct feed *feed, const char *line, size_t size)
{
  size_t bad = ini_bad_byte(line, size);

  if (bad)
    return FAIL(feed, "byte 0x%02x in column %zu is no text; "
                "save the file as UTF-8 without control characters",
                (unsigned char)line[bad - 1], bad);
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
  char name[INI_NAME_LIMIT + 1];

  if (end == NULL)
    return FAIL(feed, "section without ']'; write [NAME]");
  if (end != line + size - 1)
    return FAIL(feed, "text after ']'; put it on a line of its own");
  if (length == 0 || length > INI_NAME_LIMIT)
    return FAIL(feed, "section name of %zu characters; "
                "use 1 to %d", length, INI_NAME_LIMIT);
  if (isspace((unsigned char)line[1]) || isspace((unsigned char)end[-1]))
    return FAIL(feed, "blank beside a bracket; write [NAME]");
  memcpy(name, line + 1, length);
  name[length] = '\0';
  old = ini_find(feed->ini, name);
  if (old)
    return FAIL(feed, "section [%s] again; it began in line %d, "
                "put its keys there", name, old->line);
  ini_add_section(feed->ini, name, length, feed->line);
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
  char key[INI_NAME_LIMIT + 1];
  int assigned;
  size_t length = key_size(line, size, &assigned);

  if (section == NULL)
    return FAIL(feed, "text before the first section; "
                "start with a line [NAME]");
  if (!assigned)
    return FAIL(feed, "no '='; write key = value, or indent the line "
                "if it continues the one before");
  if (length == 0 || length > INI_NAME_LIMIT)
    return FAIL(feed, "key of %zu characters; use 1 to %d", length,
                INI_NAME_LIMIT);
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
    ini_add_entry(section, key, value, feed->line);
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
  struct ini *ini = ini_new(name);
  struct feed feed = { .ini = ini, .text = text, .end = text + size };
  int status;

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
