/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Accuracy from a table: a CSV with one row per network, such as the tabular
 * benchmarks publish.  A row's name is the text of one or more columns, a
 * network's name comes from a template; they must be equal.  Rows of one name
 * are averaged.  What the table does not hold is no estimate: NaN, or an
 * error where the user wants that.
 */
#include <fnmatch.h>
#include <math.h>
#include <string.h>
#include "csv.h"
#include "template.h"
#include "values.h"

#define MAX_COLUMNS 64
#define FIELD_CODE 0 /* {code}; a knob glob is its index below, plus 1 */
#define MAX_GLOBS 64
#define LOG(self, level, ...) \
  ((self)->host->log((self)->host->ctx, CHANAS_##level, __VA_ARGS__))

/* The knobs of one placeholder, in the order the space declares them. */
struct glob {
  size_t knobs;
  size_t *knob;
};

struct table {
  const struct chanas_host *host;
  const struct chanas_space *space;
  const char *path;
  struct values values;
  struct template key;
  size_t globs;
  struct glob glob[MAX_GLOBS];
  double scale;
  int strict;
  size_t missed;
};

/* ---- the file ----------------------------------------------------------- */

struct columns {
  size_t keys;
  long key[MAX_COLUMNS], accuracy, stddev; /* stddev -1: none */
};

static int
fail(struct table *self, const struct csv *csv)
{
  LOG(self, ERROR, "%s", csv->error);
  return -1;
}

/* "d ks e" to column indices. */
static int
find_keys(struct table *self, struct csv *csv, struct columns *columns)
{
  const char *at = self->host->get(self->host->ctx, "columns");

  for (at += strspn(at, " \t"); *at; at += strspn(at, " \t")) {
    char name[256];
    size_t size = strcspn(at, " \t");
    if (columns->keys == MAX_COLUMNS || size >= sizeof name) {
      LOG(self, ERROR, "columns: more than %d, or a name that is longer than "
          "%zu", MAX_COLUMNS, sizeof name - 1);
      return -1;
    }
    memcpy(name, at, size);
    name[size] = '\0';
    columns->key[columns->keys] = csv_column(csv, name);
    if (columns->key[columns->keys++] < 0)
      return fail(self, csv);
    at += size;
  }
  if (columns->keys == 0)
    LOG(self, ERROR, "columns: empty; name the columns that identify a "
        "network");
  return columns->keys ? 0 : -1;
}

static int
find_columns(struct table *self, struct csv *csv, struct columns *columns)
{
  const struct chanas_host *host = self->host;
  const char *stddev = host->get(host->ctx, "stddev");

  *columns = (struct columns){ .stddev = -1 };
  if (find_keys(self, csv, columns) < 0)
    return -1;
  columns->accuracy = csv_column(csv, host->get(host->ctx, "accuracy"));
  if (columns->accuracy < 0 ||
      (*stddev && (columns->stddev = csv_column(csv, stddev)) < 0))
    return fail(self, csv);
  return 0;
}

static int
read_row(struct table *self, struct csv *csv, const struct columns *columns)
{
  struct filled name;
  double mean, stddev = 0;

  filled_start(&name);
  for (size_t i = 0; i < columns->keys; i++) {
    const char *text = csv_text(csv, columns->key[i]);
    filled_text(&name, " ", i > 0);
    filled_text(&name, text, strlen(text));
  }
  if (csv_real(csv, columns->accuracy, &mean) < 0 ||
      (columns->stddev >= 0 && csv_real(csv, columns->stddev, &stddev) < 0))
    return fail(self, csv);
  mean *= self->scale;
  stddev *= self->scale;
  if (name.longer || !(mean >= 0 && mean <= 100) || !(stddev >= 0)) {
    LOG(self, ERROR, "%s:%lu: %s; correct the row%s", self->path, csv->line,
        name.longer ? "the name is too long" : stddev < 0 ?
        "a negative deviation" : "the accuracy is not within 0 and 100 %",
        name.longer || stddev < 0 ? "" : " or set scale");
    return -1;
  }
  if (values_add(&self->values, name.text, mean, stddev) == 0)
    return 0;
  LOG(self, ERROR, "%s: out of memory at line %lu", self->path, csv->line);
  return -1;
}

static int
read_rows(struct table *self, struct csv *csv)
{
  struct columns columns;
  int more;

  if (find_columns(self, csv, &columns) < 0)
    return -1;
  while ((more = csv_next(csv)) > 0)
    if (read_row(self, csv, &columns) < 0)
      return -1;
  if (more < 0)
    return fail(self, csv);
  if (self->values.rows == 0) {
    LOG(self, ERROR, "%s: no rows below the header", self->path);
    return -1;
  }
  return 0;
}

static int
read_table(struct table *self)
{
  char error[CSV_ERROR];
  struct csv *csv = csv_open(self->path, error, sizeof error);
  int status;

  if (csv == NULL) {
    LOG(self, ERROR, "%s", error);
    return -1;
  }
  status = read_rows(self, csv);
  csv_close(csv);
  if (status == 0 && self->values.rows > self->values.names)
    LOG(self, INFO, "%s: %zu rows of %zu networks; rows of the same network "
        "are averaged", self->path, self->values.rows, self->values.names);
  return status;
}

/* ---- a network's name --------------------------------------------------- */

static int
name_field(void *arg, const char *name)
{
  struct table *self = arg;
  const struct chanas_host *host = self->host;
  size_t n = host->knobs(self->space);
  struct glob *glob = &self->glob[self->globs];

  if (strcmp(name, "code") == 0)
    return FIELD_CODE;
  if (self->globs == MAX_GLOBS)
    return -1;
  glob->knob = host->alloc(host->ctx, (n + 1) * sizeof *glob->knob);
  for (size_t k = 0; glob->knob && k < n; k++)
    if (fnmatch(name, host->knob_name(self->space, k), 0) == 0)
      glob->knob[glob->knobs++] = k;
  return glob->knobs ? (int)++self->globs : -1;
}

/* One value after the other; a knob without effect is a 0. */
static void
fill_knobs(const struct table *self, const struct glob *glob,
           struct chanas_point point, struct filled *name)
{
  const struct chanas_host *host = self->host;

  for (size_t i = 0; i < glob->knobs; i++) {
    size_t k = glob->knob[i];
    filled_int(name, host->active(point, k) ?
               host->knob_value(point.space, k, (size_t)point.choice[k]) : 0);
  }
}

static void
fill_name(const struct table *self, const struct chanas_network *net,
          struct filled *name)
{
  filled_start(name);
  for (size_t i = 0; i < self->key.parts; i++) {
    const struct template_part *part = &self->key.part[i];
    if (part->literal) {
      filled_text(name, part->literal, part->size);
    } else if (part->field == FIELD_CODE) {
      const char *code = self->host->code(net);
      filled_text(name, code, strlen(code));
    } else {
      fill_knobs(self, &self->glob[part->field - 1], self->host->origin(net),
                 name);
    }
  }
}

/* ---- the plugin --------------------------------------------------------- */

static int
table_open(const struct chanas_host *host, const struct chanas_space *space,
           void **out)
{
  struct table *self = host->alloc(host->ctx, sizeof *self);
  char error[200];
  const char *why;

  if (self == NULL)
    return -1;
  self->host = host;
  self->space = space;
  self->scale = host->get_real(host->ctx, "scale");
  self->strict = strcmp(host->get(host->ctx, "missing"), "error") == 0;
  self->path = host->data(host->ctx, host->get(host->ctx, "file"));
  if (self->path == NULL)
    return -1;
  why = template_parse(&self->key, host->get(host->ctx, "key"), name_field,
                       self, error, sizeof error);
  if (why) {
    LOG(self, ERROR, "key: %s; a placeholder is {code} or the name of a knob "
        "of the space, * and ? allowed", why);
    return -1;
  }
  if (read_table(self) < 0) {
    values_free(&self->values);
    return -1;
  }
  *out = self;
  return 0;
}

static int
miss(struct table *self, const struct chanas_network *net, const char *name)
{
  if (self->strict || self->missed == 0)
    self->host->log(self->host->ctx, self->strict ? CHANAS_ERROR :
                    CHANAS_WARN, "%s: no row '%s' for network %s%s",
                    self->path, name, self->host->code(net), self->strict ?
                    "; missing = skip passes such networks over" :
                    "; it and others like it have no estimate");
  self->missed++;
  return self->strict ? -1 : 0;
}

static int
table_estimate(void *ptr, size_t n, const struct chanas_network *const net[],
               struct chanas_estimate out[])
{
  struct table *self = ptr;
  struct filled name;

  for (size_t i = 0; i < n; i++) {
    fill_name(self, net[i], &name);
    if (!name.longer && values_get(&self->values, name.text, &out[i]))
      continue;
    out[i] = (struct chanas_estimate){ NAN, 0 };
    if (miss(self, net[i], name.text) < 0)
      return -1;
  }
  return 0;
}

static void
table_close(void *ptr)
{
  struct table *self = ptr;

  if (self->missed > 1)
    LOG(self, WARN, "%s: %zu times a network had no row", self->path,
        self->missed);
  values_free(&self->values);
}

static const struct chanas_param params[] = {
  { "file", "file", NULL, NULL, "CSV with a header row, plain or gzipped" },
  { "columns", "text", "arch", NULL,
    "columns that identify a network, blanks between them" },
  { "key", "text", "{code}", NULL,
    "a network's value of these columns: {code} or {KNOB}; {k*} is every "
    "knob that matches, one value after the other, 0 where it has no effect" },
  { "accuracy", "text", "accuracy", NULL, "column of the accuracy" },
  { "stddev", "text", "", NULL, "column of its standard deviation" },
  { "scale", "real", "1", "0.000001..1000000",
    "what makes percent of the column: 100 where it holds fractions" },
  { "missing", "text", "skip", "skip|error",
    "a network without a row is an invalid trial, or ends the search" },
  { 0 },
};

static const struct chanas_estimator estimator = {
  .struct_size = sizeof estimator,
  .open = table_open,
  .estimate = table_estimate,
  .close = table_close,
};

static const struct chanas_plugin plugin = {
  CHANAS_PLUGIN_HEAD,
  .name = "table",
  .version = "0.1.0",
  .summary = "accuracy from a CSV of networks",
  .params = params,
  .estimator = &estimator,
};

CHANAS_REGISTER_PLUGIN(plugin)
