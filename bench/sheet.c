/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of whole spaces, from CSV files. */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include "arena.h"
#include "log.h"
#include "mem.h"

char *
data_path(const char *name)
{
  const char *folder = getenv("CHANAS_DATA");

  if (folder == NULL || *folder == '\0') {
    log_error("%s: set CHANAS_DATA to the folder where it lies", name);
    return NULL;
  }
  return mem_print("%s/%s", folder, name);
}

void
sheet_free(struct sheet *s)
{
  if (s == NULL)
    return;
  free(s->code);
  free(s->value);
  free(s);
}

/* Splits a line at commas, in place; returns the number of fields. */
static size_t
split(char *line, char **field, size_t max)
{
  size_t n = 0;

  line[strcspn(line, "\r\n")] = '\0';
  for (char *next = line; next && n < max; n++)
    field[n] = strsep(&next, ",");
  return n;
}

/* Field numbers of the code and of the columns. */
static int
find_fields(const char *path, char *line, const char *code, size_t columns,
            const char *const column[], size_t *place)
{
  char *field[64];
  size_t fields = split(line, field, 64);

  for (size_t c = 0; c <= columns; c++) {
    const char *name = c ? column[c - 1] : code;
    place[c] = 0;
    while (place[c] < fields && strcmp(field[place[c]], name) != 0)
      place[c]++;
    if (place[c] == fields) {
      log_error("%s:1: no column '%s'", path, name);
      return -1;
    }
  }
  return 0;
}

static int
read_row(struct sheet *s, char *line, const size_t *place)
{
  char *field[64], *end;
  size_t fields = split(line, field, 64), row = s->rows;
  const char *code;

  for (size_t c = 0; c <= s->columns; c++)
    if (place[c] >= fields)
      return -1;
  code = field[place[0]];
  if (row == 0)
    s->digits = strlen(code);
  if (s->digits == 0 || strlen(code) != s->digits)
    return -1;
  s->code = mem_grow(s->code, (row + 1) * s->digits, sizeof *s->code);
  s->value = mem_grow(s->value, (row + 1) * s->columns, sizeof *s->value);
  for (size_t k = 0; k < s->digits; k++) {
    if (!isdigit((unsigned char)code[k]))
      return -1;
    s->code[row * s->digits + k] = code[k] - '0';
    if ((size_t)(code[k] - '0') >= s->choices)
      s->choices = (size_t)(code[k] - '0') + 1;
  }
  for (size_t c = 0; c < s->columns; c++) {
    s->value[row * s->columns + c] = strtod(field[place[c + 1]], &end);
    if (*end || end == field[place[c + 1]])
      return -1;
  }
  s->rows++;
  return 0;
}

size_t
place_of(const struct sheet *s, const int32_t *code)
{
  size_t place = 0;

  for (size_t k = 0; k < s->digits; k++)
    place = place * s->choices + (size_t)code[k];
  return place;
}

/* Puts every row where its code says; -1 unless each place gets one. */
static int
order_rows(struct sheet *s)
{
  double *value = mem_array(double, s->rows * s->columns);
  char *seen = mem_array(char, s->rows);
  size_t bytes = s->columns * sizeof *value, good = 0;

  for (size_t i = 0; i < s->rows; i++) {
    size_t place = place_of(s, s->code + i * s->digits);
    if (place >= s->rows || seen[place]++)
      break;
    memcpy(value + place * s->columns, s->value + i * s->columns, bytes);
    good++;
  }
  for (size_t i = 0; i < s->rows; i++)
    for (size_t k = s->digits, rest = i; k-- > 0; rest /= s->choices)
      s->code[i * s->digits + k] = (int32_t)(rest % s->choices);
  free(s->value);
  s->value = value;
  free(seen);
  return good == s->rows &&
         pow((double)s->choices, (double)s->digits) == (double)s->rows ? 0 : -1;
}

struct sheet *
sheet_read(const char *path, const char *code, size_t columns,
           const char *const column[])
{
  struct sheet *s = mem_new(struct sheet);
  gzFile file = gzopen(path, "rb");
  size_t place[16];
  char line[4096];
  int bad = 0;

  s->columns = columns;
  if (file == NULL || gzgets(file, line, sizeof line) == NULL) {
    log_error("%s: cannot be read", path);
    bad = 1;
  } else
    bad = find_fields(path, line, code, columns, column, place);
  while (!bad && gzgets(file, line, sizeof line))
    if ((bad = read_row(s, line, place)))
      log_error("%s:%zu: wrong row", path, s->rows + 2);
  if (!bad && (s->rows == 0 || order_rows(s))) {
    log_error("%s: not every code is there once", path);
    bad = 1;
  }
  if (file)
    gzclose(file);
  if (!bad)
    return s;
  sheet_free(s);
  return NULL;
}
