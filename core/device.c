/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Device descriptions.  The fingerprint does not depend on the order of the
 * lines, nor on blank lines and comments ('#').
 */
#include "device.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "mem.h"
#include "rng.h"
#include "text.h"

#define MEASURED "measured."

static long
find(const struct chanas_device *d, const char *key)
{
  for (size_t i = 0; i < d->count; i++)
    if (!strcmp(d->key[i], key))
      return (long)i;
  return -1;
}

static int
by_text(const void *a, const void *b)
{
  return strcmp(*(char *const *)a, *(char *const *)b);
}

static void
take_fingerprint(struct chanas_device *d)
{
  char **line = mem_array(char *, d->count + 1);
  size_t n = 0;
  uint64_t hash = HASH_START;
  for (size_t i = 0; i < d->count; i++)
    if (strncmp(d->key[i], MEASURED, strlen(MEASURED)))
      line[n++] = mem_print("%s=%s\n", d->key[i], d->value[i]);
  qsort(line, n, sizeof *line, by_text);
  for (size_t i = 0; i < n; i++) {
    hash = hash_bytes(hash, line[i], strlen(line[i]));
    free(line[i]);
  }
  free(line);
  snprintf(d->fingerprint, sizeof d->fingerprint, "%016" PRIx64, hash);
}

static void
put(struct chanas_device *d, const char *key, const char *value)
{
  long i = find(d, key);
  if (i >= 0) {
    free(d->value[i]);
    d->value[i] = mem_string(value);
    return;
  }
  d->key = mem_grow(d->key, d->count + 1, sizeof *d->key);
  d->value = mem_grow(d->value, d->count + 1, sizeof *d->value);
  d->key[d->count] = mem_string(key);
  d->value[d->count++] = mem_string(value);
}

static char *
trim(char *s)
{
  s += strspn(s, " \t\r");
  for (size_t n = strlen(s); n && strchr(" \t\r", s[n - 1]); n--)
    s[n - 1] = '\0';
  return s;
}

/* What is wrong with one line, NULL if nothing. */
static const char *
parse_line(struct chanas_device *d, char *line)
{
  char *equals = strchr(line, '='), *key;
  if (!equals)
    return "not of the form key=value";
  *equals = '\0';
  key = trim(line);
  if (!*key || key[strspn(key, "abcdefghijklmnopqrstuvwxyz0123456789_.-"
                               "ABCDEFGHIJKLMNOPQRSTUVWXYZ")])
    return "a key is made of letters, digits, '_', '.' and '-'";
  if (find(d, key) >= 0)
    return "this key was there before";
  put(d, key, trim(equals + 1));
  return NULL;
}

struct chanas_device *
device_parse(const char *text)
{
  struct chanas_device *d = mem_new(struct chanas_device);
  char *copy = mem_string(text), *rest = copy, *line;
  const char *wrong = NULL;
  int number = 0;
  while (!wrong && (line = strsep(&rest, "\n"))) {
    number++;
    line = trim(line);
    if (*line && *line != '#' && (wrong = parse_line(d, line)))
      log_error("device description, line %d: '%s': %s", number, line, wrong);
  }
  free(copy);
  if (!wrong && !d->count) {
    wrong = "empty";
    log_error("device description: it is empty");
  }
  if (!wrong) {
    take_fingerprint(d);
    return d;
  }
  device_free(d);
  return NULL;
}

void
device_free(struct chanas_device *d)
{
  if (!d)
    return;
  for (size_t i = 0; i < d->count; i++) {
    free(d->key[i]);
    free(d->value[i]);
  }
  free(d->key);
  free(d->value);
  free(d);
}

const char *
device_trait(const struct chanas_device *d, const char *key)
{
  long i = find(d, key);
  return i < 0 ? "" : d->value[i];
}

int64_t
device_limit(const struct chanas_device *d, const char *key)
{
  const char *value = device_trait(d, key);
  char *end;
  errno = 0;
  long long number = strtoll(value, &end, 10);
  return errno || end == value || *end ? 0 : number;
}

double
device_real(const struct chanas_device *d, const char *key)
{
  const char *value = device_trait(d, key);
  char *end;
  double number = strtod(value, &end);
  return end == value || *end ? 0 : number;
}

const char *
device_kind(const struct chanas_device *d)
{
  const char *kind = device_trait(d, "kind");
  return *kind ? kind : "measured";
}

void
device_set(struct chanas_device *d, const char *key, const char *value)
{
  put(d, key, value);
  take_fingerprint(d);
}

char *
device_text(const struct chanas_device *d)
{
  struct chanas_text t = {0};
  text_append(&t, "", 0);
  for (size_t i = 0; i < d->count; i++)
    text_print(&t, "%s=%s\n", d->key[i], d->value[i]);
  return t.data;
}
