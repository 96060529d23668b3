/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A backend that measures nothing: the latency of a block is read from a CSV,
 * so that a search for a device can run, and be repeated exactly, without
 * the device.  Each role of a block has a template that makes the table's
 * key from the block's shapes; a block that the table holds in pieces is the
 * sum of several keys.  Where the table knows more than a block does (the
 * input resolution, say), `match` pairs a column with a knob of the space.
 * After open nothing is written, so any number of threads may ask.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "csv.h"
#include "shape.h"
#include "template.h"
#include "values.h"

#define MAX_TERMS 16
#define MAX_MATCHES 8
#define FAIL(host, ...) \
  ((host)->log((host)->ctx, CHANAS_ERROR, __VA_ARGS__), -1)

static const char *const roles[] = {
  "stem", "conv", "mbconv", "edge", "reduce", "head",
};
#define ROLES (sizeof roles / sizeof *roles)

/* terms 0 and free 0: the user gave no template */
struct rule {
  size_t terms;
  int free; /* the block costs nothing */
  struct template term[MAX_TERMS];
};

struct match { char *column, *knob; };

struct replay {
  const struct chanas_host *host;
  const char *path;
  struct values values;
  double unit; /* seconds */
  size_t matches;
  struct match match[MAX_MATCHES];
  struct rule rule[ROLES];
};

/* ---- parameters --------------------------------------------------------- */

static double
unit_seconds(const char *name)
{
  return strcmp(name, "s") == 0 ? 1 : strcmp(name, "ms") == 0 ? 1e-3 :
    strcmp(name, "us") == 0 ? 1e-6 : 1e-9;
}

static int
block_field(void *arg, const char *name)
{
  (void)arg;
  return shape_field(name);
}

static char *
copy(const struct chanas_host *host, const char *text, size_t size)
{
  char *to = host->alloc(host->ctx, size + 1);

  return to ? memcpy(to, text, size) : NULL;
}

/* The piece of the text up to a '+' that stands alone, without blanks around
 * it: at the end of the text or before it there is none. */
static char *
next_term(const struct chanas_host *host, const char **text)
{
  const char *from = *text + strspn(*text, " \t"), *end = from;
  size_t size;

  while (*end && !(*end == '+' && (end == from || end[-1] == ' ') &&
                   (end[1] == ' ' || end[1] == '\0')))
    end++;
  *text = *end ? end + 1 : NULL;
  for (size = (size_t)(end - from); size > 0; size--)
    if (!strchr(" \t", from[size - 1]))
      break;
  return copy(host, from, size);
}

static int
read_rule(struct replay *self, const char *role, struct rule *rule)
{
  const struct chanas_host *host = self->host;
  const char *text = host->get(host->ctx, role), *why;
  char error[200];

  if (*text == '\0' || (rule->free = strcmp(text, "none") == 0))
    return 0;
  while (text) {
    char *term = next_term(host, &text);
    if (term == NULL)
      return FAIL(host, "out of memory");
    if (*term == '\0' || rule->terms == MAX_TERMS)
      return FAIL(host, "%s: %s; it is KEY or KEY + KEY ...", role,
                  *term ? "too many keys" : "an empty key");
    why = template_parse(&rule->term[rule->terms++], term, block_field, NULL,
                         error, sizeof error);
    if (why)
      return FAIL(host, "%s: %s; chanas-replay(7) lists the "
                  "placeholders", role, why);
  }
  return 0;
}

/* "resolution=resolution": COLUMN=KNOB. */
static int
read_matches(struct replay *self)
{
  const struct chanas_host *host = self->host;
  const char *at = host->get(host->ctx, "match");

  for (at += strspn(at, " \t"); *at; at += strspn(at, " \t")) {
    struct match *match = &self->match[self->matches];
    size_t size = strcspn(at, " \t"), left = strcspn(at, "= \t");
    if (left == 0 || left + 1 >= size || self->matches++ == MAX_MATCHES)
      return FAIL(host, "match: '%s' must be at most %d of COLUMN=KNOB", at,
                  MAX_MATCHES);
    match->column = copy(host, at, left);
    match->knob = copy(host, at + left + 1, size - left - 1);
    if (match->column == NULL || match->knob == NULL)
      return FAIL(host, "out of memory");
    at += size;
  }
  return 0;
}

/* ---- the file ----------------------------------------------------------- */

struct columns { long key, mean, stddev, match[MAX_MATCHES]; };

static int
find_columns(struct replay *self, struct csv *csv, struct columns *columns)
{
  const struct chanas_host *host = self->host;
  const char *stddev = host->get(host->ctx, "stddev");

  columns->stddev = -1;
  if ((columns->key = csv_column(csv, host->get(host->ctx, "key"))) < 0 ||
      (columns->mean = csv_column(csv, host->get(host->ctx, "mean"))) < 0 ||
      (*stddev && (columns->stddev = csv_column(csv, stddev)) < 0))
    return FAIL(host, "%s", csv->error);
  for (size_t i = 0; i < self->matches; i++)
    if ((columns->match[i] = csv_column(csv, self->match[i].column)) < 0)
      return FAIL(host, "%s", csv->error);
  return 0;
}

/* A row counts under its key alone and under the key with what it must
 * match: "KEY" and "KEY column=value ...". */
static int
add_row(struct replay *self, struct csv *csv, const struct columns *columns,
        double mean, double stddev)
{
  const char *key = csv_text(csv, columns->key);
  struct filled name;

  filled_start(&name);
  filled_text(&name, key, strlen(key));
  if (values_add(&self->values, name.text, mean, stddev) < 0)
    return FAIL(self->host, "%s: out of memory", self->path);
  for (size_t i = 0; i < self->matches; i++) {
    long long value;
    if (csv_int(csv, columns->match[i], &value) < 0)
      return FAIL(self->host, "%s", csv->error);
    filled_text(&name, " ", 1);
    filled_text(&name, self->match[i].knob, strlen(self->match[i].knob));
    filled_text(&name, "=", 1);
    filled_int(&name, value);
  }
  if (name.longer)
    return FAIL(self->host, "%s:%lu: the key is longer than %d characters",
                self->path, csv->line, FILLED_MAX);
  if (self->matches && values_add(&self->values, name.text, mean, stddev) < 0)
    return FAIL(self->host, "%s: out of memory", self->path);
  return 0;
}

static int
read_rows(struct replay *self, struct csv *csv)
{
  struct columns columns;
  int more;

  if (find_columns(self, csv, &columns) < 0)
    return -1;
  while ((more = csv_next(csv)) > 0) {
    double mean, stddev = 0;
    if (csv_real(csv, columns.mean, &mean) < 0 ||
        (columns.stddev >= 0 && csv_real(csv, columns.stddev, &stddev) < 0))
      return FAIL(self->host, "%s", csv->error);
    if (mean < 0 || stddev < 0)
      return FAIL(self->host, "%s:%lu: a negative latency or deviation; "
                  "correct the row", self->path, csv->line);
    if (add_row(self, csv, &columns, mean * self->unit,
                stddev * self->unit) < 0)
      return -1;
  }
  if (more < 0)
    return FAIL(self->host, "%s", csv->error);
  return self->values.rows ? 0 :
    FAIL(self->host, "%s: no rows below the header", self->path);
}

static int
read_file(struct replay *self)
{
  char error[CSV_ERROR];
  struct csv *csv = csv_open(self->path, error, sizeof error);
  int status;

  if (csv == NULL)
    return FAIL(self->host, "%s", error);
  status = read_rows(self, csv);
  csv_close(csv);
  return status;
}

/* ---- a block ------------------------------------------------------------ */

static int
fill_key(struct replay *self, const char *role, const struct template *term,
         const struct chanas_workload *workload, struct filled *key)
{
  filled_start(key);
  for (size_t i = 0; i < term->parts; i++) {
    const struct template_part *part = &term->part[i];
    int64_t value;
    if (part->literal) {
      filled_text(key, part->literal, part->size);
      continue;
    }
    if ((value = shape_value(workload, part->field)) < 0)
      return FAIL(self->host, "%s: placeholder %zu of '%.200s...' says nothing "
                  "about the block %s; correct the template", role, i + 1,
                  key->text, workload->key);
    filled_int(key, value);
  }
  return 0;
}

static int
fill_matches(struct replay *self, struct chanas_point network,
             struct filled *key)
{
  const struct chanas_host *host = self->host;

  for (size_t i = 0; network.space && i < self->matches; i++) {
    const char *knob = self->match[i].knob;
    if (host->find_knob(network.space, knob) < 0)
      return FAIL(host, "match: the space has no knob '%s'", knob);
    filled_text(key, " ", 1);
    filled_text(key, knob, strlen(knob));
    filled_text(key, "=", 1);
    filled_int(key, host->value(network, knob));
  }
  return 0;
}

static int
add_term(struct replay *self, const char *role, const struct template *term,
         const struct chanas_workload *workload, struct chanas_point network,
         struct chanas_estimate *sum)
{
  struct chanas_estimate one;
  struct filled key;

  if (fill_key(self, role, term, workload, &key) < 0 ||
      fill_matches(self, network, &key) < 0)
    return -1;
  if (key.longer || !values_get(&self->values, key.text, &one))
    return FAIL(self->host, "%s: no row '%s' for the %s block %s; narrow the "
                "space to what the table holds, or correct %s in the INI",
                self->path, key.text, role, workload->key, role);
  sum->mean += one.mean;
  sum->stddev += one.stddev * one.stddev;
  return 0;
}

static const struct rule *
find_rule(const struct replay *self, const char *role)
{
  for (size_t i = 0; i < ROLES; i++)
    if (strcmp(roles[i], role) == 0)
      return &self->rule[i];
  return NULL;
}

static int
replay_latency(void *ptr, const char *role,
               const struct chanas_workload *workload,
               struct chanas_point network, struct chanas_estimate *seconds)
{
  struct replay *self = ptr;
  const struct rule *rule = find_rule(self, role);

  *seconds = (struct chanas_estimate){ 0, 0 };
  if (rule == NULL || (rule->terms == 0 && !rule->free))
    return FAIL(self->host, rule ? "no template for %s blocks; set %s = KEY, "
                "or none if they cost nothing, in the backend's section" :
                "blocks of the role '%s' (%s) are not known to this backend",
                role, role);
  for (size_t i = 0; i < rule->terms; i++)
    if (add_term(self, role, &rule->term[i], workload, network, seconds) < 0)
      return -1;
  seconds->stddev = sqrt(seconds->stddev);
  return 0;
}

/* ---- the plugin --------------------------------------------------------- */

static int
replay_open(const struct chanas_host *host, const struct chanas_device *device,
            void **out)
{
  struct replay *self = host->alloc(host->ctx, sizeof *self);

  (void)device;
  if (self == NULL)
    return FAIL(host, "out of memory");
  self->host = host;
  self->unit = unit_seconds(host->get(host->ctx, "unit"));
  self->path = host->data(host->ctx, host->get(host->ctx, "file"));
  if (self->path == NULL || read_matches(self) < 0)
    return -1;
  for (size_t i = 0; i < ROLES; i++)
    if (read_rule(self, roles[i], &self->rule[i]) < 0)
      return -1;
  if (read_file(self) < 0) {
    values_free(&self->values);
    return -1;
  }
  *out = self;
  return 0;
}

static void
replay_close(void *ptr)
{
  struct replay *self = ptr;

  values_free(&self->values);
}

#define ROLE_HELP "key of such a block, or KEY + KEY, or none: costs nothing"

static const struct chanas_param params[] = {
  { "file", "file", NULL, NULL, "CSV with a header row, plain or gzipped" },
  { "key", "text", "key", NULL, "column of the keys" },
  { "mean", "text", "mean", NULL, "column of the latency" },
  { "stddev", "text", "", NULL, "column of its standard deviation" },
  { "unit", "text", "ms", "s|ms|us|ns", "unit of both" },
  { "match", "text", "", NULL,
    "COLUMN=KNOB ...: rows that hold only for this value of the knob" },
  { "stem", "text", "", NULL, ROLE_HELP },
  { "conv", "text", "", NULL, ROLE_HELP },
  { "mbconv", "text", "", NULL, ROLE_HELP },
  { "edge", "text", "", NULL, ROLE_HELP },
  { "reduce", "text", "", NULL, ROLE_HELP },
  { "head", "text", "", NULL, ROLE_HELP },
  { 0 },
};

static const struct chanas_backend backend = {
  .struct_size = sizeof backend,
  .open = replay_open,
  .close = replay_close,
  .latency = replay_latency,
};

static const struct chanas_plugin plugin = {
  CHANAS_PLUGIN_HEAD,
  .name = "replay",
  .version = "0.1.0",
  .summary = "block latencies from a CSV instead of a device",
  .params = params,
  .backend = &backend,
};

CHANAS_REGISTER_PLUGIN(plugin)
