/* SPDX-License-Identifier: Apache-2.0 */
/* Tables, searches in them, and many searches at once. */
#include "arena.h"
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>
#include "host.h"
#include "ini.h"
#include "log.h"
#include "mem.h"
#include "registry.h"
#include "rng.h"
#include "space.h"

/* ---- tables --------------------------------------------------------------- */

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

static size_t
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

/* ---- one search ------------------------------------------------------------- */

static struct chanas_space *
sheet_space(const struct sheet *s)
{
  struct chanas_space *space = space_new();
  int64_t value[10] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 };

  for (size_t k = 0; k < s->digits; k++) {
    char name[32];
    snprintf(name, sizeof name, "k%zu", k + 1);
    space_add(space, name, s->choices, value, NULL);
  }
  return space;
}

/* The trial of a row: objectives and how far it is beyond the limit. */
static struct chanas_trial
look_up(const struct arena *a, struct chanas_point point, size_t row,
        double *objective)
{
  const struct sheet *s = a->sheet;
  double last = s->value[row * s->columns + s->columns - 1], excess = 0;

  for (size_t g = 0; g < a->goals; g++)
    objective[g] = s->value[row * s->columns + a->column[g]];
  if (last > a->limit)
    excess = last / a->limit - 1;
  return (struct chanas_trial){ point, CHANAS_MEASURED, objective, excess };
}

static long
drive(const struct arena *a, const struct contest *c,
      const struct chanas_strategy *strategy, void *self, size_t *row)
{
  struct chanas_point *point = mem_array(struct chanas_point, c->batch);
  struct chanas_trial *trial = mem_array(struct chanas_trial, c->batch);
  double *objective = mem_array(double, c->batch * a->goals);
  size_t done = 0;
  int n = 1;

  while (done < c->budget && n > 0) {
    size_t left = c->budget - done;
    n = strategy->ask(self, left < c->batch ? left : c->batch, point);
    for (int i = 0; i < n; i++) {
      row[done] = place_of(a->sheet, point[i].choice);
      trial[i] = look_up(a, point[i], row[done++],
                         objective + (size_t)i * a->goals);
    }
    if (n > 0 && strategy->tell(self, (size_t)n, trial))
      n = -1;
  }
  free(objective);
  free(trial);
  free(point);
  return n < 0 ? -1 : (long)done;
}

/* The strategy's section, from key=value texts. */
static struct ini_section
make_section(const struct contest *c)
{
  struct ini_section section = { .name = mem_string("strategy") };

  section.entry = mem_array(struct ini_entry, c->sets);
  for (size_t i = 0; i < c->sets; i++) {
    const char *equals = strchr(c->set[i], '=');
    struct ini_entry *e = &section.entry[section.entries++];
    e->key = mem_print("%.*s", (int)(equals - c->set[i]), c->set[i]);
    e->value = mem_string(equals + 1);
  }
  return section;
}

static void
free_section(struct ini_section *section)
{
  for (size_t i = 0; i < section->entries; i++) {
    free(section->entry[i].key);
    free(section->entry[i].value);
  }
  free(section->entry);
  free(section->name);
}

long
arena_search(const struct arena *a, const struct contest *c, uint64_t seed,
             size_t *row)
{
  const struct plugin *plugin = registry_get(PLUGIN_STRATEGY, c->strategy);
  struct ini_section section = make_section(c);
  struct ini ini = { .path = (char *)"--set", .sections = 1,
                     .section = &section };
  struct rng stream = rng_seed(seed);
  struct chanas_space *space = sheet_space(a->sheet);
  struct host *host = NULL;
  void *self;
  long done = -1;

  if (plugin)
    host = host_open(plugin, &ini, &section, NULL, &stream);
  if (host && plugin->strategy.open(host_services(host), space, a->goals,
                                    a->goal, &self) == 0) {
    done = drive(a, c, &plugin->strategy, self, row);
    plugin->strategy.close(self);
  }
  if (host)
    host_close(host);
  space_free(space);
  free_section(&section);
  return done;
}

/* ---- many searches ----------------------------------------------------------- */

static int
seeds_of_one(uint64_t first, size_t n, size_t width, size_t start,
             size_t stride, int (*fn)(void *, uint64_t, double *), void *arg,
             double *out)
{
  for (size_t i = start; i < n; i += stride)
    if (fn(arg, first + i, out + i * width))
      return 1;
  return 0;
}

int
each_seed(uint64_t first, size_t n, size_t width,
          int (*fn)(void *arg, uint64_t seed, double *out), void *arg,
          double *out)
{
  long cpus = sysconf(_SC_NPROCESSORS_ONLN);
  size_t workers = cpus > 0 ? (size_t)cpus : 1, size = n * width;
  double *shared = mmap(NULL, size * sizeof *out, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  int failed = 0, status;

  if (shared == MAP_FAILED) {
    log_error("no memory for %zu results", size);
    return -1;
  }
  for (size_t w = 0; w < workers; w++) {
    pid_t pid = fork();
    if (pid == 0)
      _exit(seeds_of_one(first, n, width, w, workers, fn, arg, shared));
    failed |= pid < 0;
  }
  while (wait(&status) > 0)
    failed |= status != 0;
  memcpy(out, shared, size * sizeof *out);
  munmap(shared, size * sizeof *out);
  return failed ? -1 : 0;
}

struct moments
moments_of(const double *row, size_t n, size_t width, size_t c)
{
  struct moments m = { 0, 0, 0, INFINITY };

  for (size_t i = 0; i < n; i++) {
    m.mean += row[i * width + c] / (double)n;
    m.least = fmin(m.least, row[i * width + c]);
  }
  for (size_t i = 0; i < n && n > 1; i++)
    m.sd += pow(row[i * width + c] - m.mean, 2) / (double)(n - 1);
  m.sd = sqrt(m.sd);
  m.error = m.sd / sqrt((double)n);
  return m;
}

double
seconds_now(void)
{
  struct timespec now;

  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}
