/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CSV reader.  The fields of a row lie behind each other in one buffer, each
 * terminated by a zero; start[i] is the offset of field i, so the buffer may
 * move while it grows.
 */
#include "csv.h"
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define ROW_LIMIT (1u << 20)
#define COLUMN_LIMIT 4096

struct csv_reader {
  gzFile file;
  char *path;
  unsigned long line; /* of the next character */
  char *row;
  size_t size, room;
  size_t fields, *start;
};

#define FAIL(csv, line, ...) \
  (explain((csv), (line)), detail((csv), __VA_ARGS__))

static void
explain(struct csv *csv, unsigned long line)
{
  snprintf(csv->error, CSV_ERROR, "%s:%lu: ", csv->in->path, line);
}

static int __attribute__((format(printf, 2, 3)))
detail(struct csv *csv, const char *fmt, ...)
{
  size_t size = strlen(csv->error);
  va_list list;

  va_start(list, fmt);
  vsnprintf(csv->error + size, CSV_ERROR - size, fmt, list);
  va_end(list);
  return -1;
}

static int
put(struct csv *csv, int c)
{
  struct csv_reader *in = csv->in;

  if (in->size == in->room) {
    size_t room = in->room ? in->room * 2 : 256;
    char *row = room <= ROW_LIMIT ? realloc(in->row, room) : NULL;
    if (row == NULL)
      return FAIL(csv, csv->line, "row over %u bytes; is a quote missing?",
                  ROW_LIMIT);
    in->row = row;
    in->room = room;
  }
  in->row[in->size++] = (char)c;
  return 0;
}

static int
begin_field(struct csv *csv)
{
  struct csv_reader *in = csv->in;

  if (in->fields == COLUMN_LIMIT)
    return FAIL(csv, csv->line, "more than %d columns; is this a CSV file?",
                COLUMN_LIMIT);
  in->start[in->fields++] = in->size;
  return 0;
}

/* The text after an opening quote, up to and with the closing one. */
static int
read_quoted(struct csv *csv)
{
  struct csv_reader *in = csv->in;
  int c;

  while ((c = gzgetc(in->file)) != -1) {
    if (c == '"' && (c = gzgetc(in->file)) != '"') {
      if (c != -1)
        gzungetc(c, in->file);
      return 0;
    }
    if (c == '\n')
      in->line++;
    if (c == '\0')
      return FAIL(csv, in->line, "zero byte; this is no text");
    if (put(csv, c) < 0)
      return -1;
  }
  return FAIL(csv, csv->line, "quote never closed; add the closing \"");
}

/* Reads one field; *last tells what ended it: ',', '\n' or -1. */
static int
read_field(struct csv *csv, int *last)
{
  struct csv_reader *in = csv->in;
  int c, quoted = 0;
  size_t begin = in->size;

  if (begin_field(csv) < 0)
    return -1;
  while ((c = gzgetc(in->file)) != -1 && c != ',' && c != '\n') {
    if (c == '"' && in->size == begin && !quoted) {
      quoted = 1;
      if (read_quoted(csv) < 0)
        return -1;
    } else if (c == '\0')
      return FAIL(csv, in->line, "zero byte; this is no text");
    else if (quoted && c != '\r')
      return FAIL(csv, in->line, "text after a closing quote; "
                  "double the quotes inside a field");
    else if (put(csv, c) < 0)
      return -1;
  }
  if (c != ',' && !quoted && in->size > begin && in->row[in->size - 1] == '\r')
    in->size--;
  in->line += c == '\n';
  *last = c;
  return put(csv, '\0');
}

static int
check_stream(struct csv *csv)
{
  int code;
  const char *message = gzerror(csv->in->file, &code);

  if (code == Z_OK || code == Z_STREAM_END)
    return 0;
  return FAIL(csv, csv->in->line, "%s; the file is damaged or cut short",
              code == Z_ERRNO ? strerror(errno) : message);
}

/* 1: a row of any length is in the buffer; 0: end. */
static int
read_row(struct csv *csv)
{
  struct csv_reader *in = csv->in;
  int last = -1;

  do {
    csv->line = in->line;
    in->size = in->fields = 0;
    do
      if (read_field(csv, &last) < 0)
        return -1;
    while (last == ',');
    if (last == -1 && check_stream(csv) < 0)
      return -1;
  } while (last == '\n' && in->fields == 1 && in->row[0] == '\0');
  return last != -1 || in->fields > 1 || in->row[0] != '\0';
}

static int
read_header(struct csv *csv)
{
  struct csv_reader *in = csv->in;
  int status = read_row(csv);

  if (status <= 0)
    return status < 0 ? -1 :
           FAIL(csv, 1ul, "no header row; the first line names the columns");
  csv->column = calloc(in->fields, sizeof *csv->column);
  for (size_t i = 0; i < in->fields && csv->column; i++) {
    const char *name = in->row + in->start[i];
    if (i == 0 && strncmp(name, "\xef\xbb\xbf", 3) == 0)
      name += 3;
    if (*name == '\0')
      return FAIL(csv, csv->line, "column %zu has no name; add one", i + 1);
    for (size_t j = 0; j < i; j++)
      if (strcmp(csv->column[j], name) == 0)
        return FAIL(csv, csv->line, "column '%s' twice; rename one", name);
    csv->column[i] = strdup(name);
    if (csv->column[i] == NULL)
      return FAIL(csv, csv->line, "out of memory");
    csv->columns = i + 1;
  }
  return csv->column ? 0 : FAIL(csv, csv->line, "out of memory");
}

static struct csv *
new_csv(const char *path)
{
  struct csv *csv = calloc(1, sizeof *csv);

  if (csv == NULL)
    return NULL;
  csv->in = calloc(1, sizeof *csv->in);
  if (csv->in) {
    csv->in->line = 1;
    csv->in->path = strdup(path);
    csv->in->start = calloc(COLUMN_LIMIT, sizeof *csv->in->start);
  }
  if (csv->in && csv->in->path && csv->in->start)
    return csv;
  csv_close(csv);
  return NULL;
}

struct csv *
csv_open(const char *path, char *error, size_t size)
{
  struct csv *csv = new_csv(path);

  if (csv == NULL) {
    snprintf(error, size, "%s: out of memory", path);
    return NULL;
  }
  csv->in->file = gzopen(path, "rbe");
  if (csv->in->file == NULL)
    snprintf(csv->error, CSV_ERROR, "%s: %s", path,
             strerror(errno ? errno : ENOMEM));
  else if (read_header(csv) == 0)
    return csv;
  snprintf(error, size, "%s", csv->error);
  csv_close(csv);
  return NULL;
}

void
csv_close(struct csv *csv)
{
  if (csv == NULL)
    return;
  for (size_t i = 0; i < csv->columns; i++)
    free(csv->column[i]);
  free(csv->column);
  if (csv->in) {
    if (csv->in->file)
      gzclose(csv->in->file);
    free(csv->in->path);
    free(csv->in->row);
    free(csv->in->start);
  }
  free(csv->in);
  free(csv);
}

int
csv_next(struct csv *csv)
{
  int status = read_row(csv);

  if (status > 0 && csv->in->fields != csv->columns)
    return FAIL(csv, csv->line, "%zu fields, the header names %zu; "
                "complete the row", csv->in->fields, csv->columns);
  return status;
}

long
csv_column(struct csv *csv, const char *name)
{
  for (size_t i = 0; i < csv->columns; i++)
    if (strcmp(csv->column[i], name) == 0)
      return (long)i;
  FAIL(csv, 1ul, "no column '%s'; the first is '%s'", name, csv->column[0]);
  return -1;
}

const char *
csv_text(const struct csv *csv, long column)
{
  return csv->in->row + csv->in->start[column];
}

int
csv_real(struct csv *csv, long column, double *out)
{
  const char *text = csv_text(csv, column);
  char *end;

  *out = strtod(text, &end);
  if (*text && *end == '\0' && isfinite(*out))
    return 0;
  return FAIL(csv, csv->line, "'%s' in column '%s' is no number", text,
              csv->column[column]);
}

int
csv_int(struct csv *csv, long column, long long *out)
{
  const char *text = csv_text(csv, column);
  char *end;

  errno = 0;
  *out = strtoll(text, &end, 10);
  if (*text && *end == '\0' && errno == 0)
    return 0;
  return FAIL(csv, csv->line, "'%s' in column '%s' is no integer", text,
              csv->column[column]);
}
