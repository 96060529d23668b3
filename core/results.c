/* SPDX-License-Identifier: Apache-2.0 */
/* The files of a run; see results.h.  Layouts are in chanas(1). */
#include "results.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "context.h"
#include "file.h"
#include "log.h"
#include "mem.h"
#include "outcome.h"
#include "report.h"


static json_t *
number(double value)
{
  return isfinite(value) ? json_real(value) : json_null();
}

static json_t *
knobs_of(const struct chanas_space *space, const int32_t *choice)
{
  json_t *knobs = json_object();

  for (size_t k = 0; k < space->knobs; k++) {
    const struct knob *knob = &space->knob[k];
    json_t *value = !space_active(space, choice, k) ? json_null()
                    : knob->label ? json_string(knob->label[choice[k]])
                    : json_integer(knob->value[choice[k]]);
    json_object_set_new(knobs, knob->name, value);
  }
  return knobs;
}

static json_t *
schedules_of(const struct search *r, const struct chanas_network *net)
{
  const struct workload_set *set = family_workloads(r->session->family);
  char **policy = context_schedules(&r->tuner, net, r->finishing);
  json_t *list = json_array();

  for (size_t b = 0; b < net->blocks; b++) {
    size_t w = net->block[b].workload;
    json_array_append_new(list, json_pack(
      "{s:s, s:s, s:s, s:s?, s:o, s:o}", "block", net->block[b].name,
      "role", net->block[b].role, "workload", set->item[w]->key,
      "policy", policy ? policy[b] : NULL, "latency_ms",
      number(1e3 * tuner_latency(&r->tuner, w)), "default_ms",
      number(1e3 * tuner_default(&r->tuner, w))));
  }
  schedules_free(policy, net);
  return list;
}

static json_t *
member(const struct search *r, size_t rank)
{
  struct session *s = r->session;
  const struct entry *e = &r->archive.entry[r->front[rank]];
  struct chanas_network *net = network_build(s->family, e->choice);
  json_t *m = json_pack(
    "{s:I, s:s, s:f, s:o, s:o, s:o, s:o, s:f, s:f, s:o}", "rank",
    (json_int_t)rank + 1, "code", net->code, "accuracy", e->accuracy,
    "latency_ms", number(1e3 * e->latency), "latency_sum_ms",
    number(1e3 * e->sum), "latency_measured_ms",
    e->measured > 0 ? number(1e3 * e->measured) : json_null(),
    "latency_ci_ms", e->measured > 0 ? number(1e3 * e->ci) : json_null(),
    "macs", e->macs, "params", e->params, "knobs",
    knobs_of(family_space(s->family), e->choice));

  if (r->archive.rounding)
    json_object_set_new(m, "rounding", json_real(e->rounding));
  if (s->measures)
    json_object_set_new(m, "schedules", schedules_of(r, net));
  network_free(net);
  return m;
}

json_t *
results_front(const struct search *r)
{
  json_t *front = json_array();

  for (size_t i = 0; i < r->fronts; i++)
    json_array_append_new(front, member(r, i));
  return json_pack("{s:i, s:s, s:s, s:o}", "version", 1, "space",
                   family_name(r->session->family), "latencies",
                   device_kind(r->session->device), "front", front);
}

static json_t *
trials_json(const struct search *r)
{
  json_t *trials = json_object();

  for (int o = 0; o < OUTCOMES; o++)
    json_object_set_new(trials, outcome_name((enum chanas_outcome)o),
                        json_integer((json_int_t)r->tuner.outcomes[o]));
  json_object_set_new(trials, "in the table",
                      json_integer((json_int_t)r->tuner.spent));
  return trials;
}

static json_t *
device_json(const struct chanas_device *device)
{
  json_t *object = json_object();

  for (size_t i = 0; i < device->count; i++)
    json_object_set_new(object, device->key[i],
                        json_string(device->value[i]));
  return object;
}

json_t *
results_run(const struct search *r, const char *table_path)
{
  const struct session *s = r->session;
  const struct correction *c = &r->archive.correction;
  char *text = config_text(s->config);
  json_t *run = json_pack(
    "{s:i, s:s, s:I, s:s?, s:I, s:s, s:s, s:o, s:o, s:I, s:I, s:b}",
    "version", 1, "chanas", PACKAGE_VERSION, "seed",
    (json_int_t)s->config->seed, "table", table_path, "run",
    (json_int_t)s->run, "backend", s->backend->head.name, "config", text,
    "device", device_json(s->device), "trials", trials_json(r), "blocks",
    (json_int_t)r->blocks, "evaluations", (json_int_t)r->archive.count,
    "interrupted", r->interrupted);

  if (s->build)
    json_object_set_new(run, "compiler",
                        json_string(build_compiler_version(s->build)));
  json_object_set_new(run, "correction", json_pack(
    "{s:I, s:f, s:f, s:f, s:o, s:o}", "networks", (json_int_t)c->count,
    "scale", c->term[0], "per_block_ms", 1e3 * c->term[1],
    "per_million_params_ms", 1e9 * c->term[2], "median_error",
    number(correction_error(c)), "median_error_of_sum",
    number(correction_raw_error(c))));
  json_object_set_new(run, "seconds", json_pack(
    "{s:f, s:f, s:f}", "tuning", r->seconds_tuning, "search",
    r->seconds_search, "whole_networks", r->seconds_whole));
  free(text);
  return run;
}

static void
csv_knob(const struct chanas_space *space, const int32_t *choice, size_t k,
         struct chanas_text *out)
{
  const struct knob *knob = &space->knob[k];

  if (!space_active(space, choice, k))
    text_print(out, ",");
  else if (knob->label)
    text_print(out, ",%s", knob->label[choice[k]]);
  else
    text_print(out, ",%lld", (long long)knob->value[choice[k]]);
}

/* A column where it is a goal. */
static void
csv_rounding(const struct search *r, const struct entry *e,
             struct chanas_text *out)
{
  if (r->archive.rounding)
    text_print(out, ",%.6g", e->rounding);
}

static void
front_csv(const struct search *r, struct chanas_text *out)
{
  const struct chanas_space *space = family_space(r->session->family);

  text_print(out, "rank,accuracy,latency_ms,latency_measured_ms,"
             "latency_ci_ms,macs,params%s",
             r->archive.rounding ? ",rounding" : "");
  for (size_t k = 0; k < space->knobs; k++)
    text_print(out, ",%s", space->knob[k].name);
  text_print(out, "\n");
  for (size_t i = 0; i < r->fronts; i++) {
    const struct entry *e = &r->archive.entry[r->front[i]];
    text_print(out, "%zu,%.6g,%.6g,", i + 1, e->accuracy, 1e3 * e->latency);
    if (e->measured > 0)
      text_print(out, "%.6g,%.3g", 1e3 * e->measured, 1e3 * e->ci);
    else
      text_print(out, ",");
    text_print(out, ",%.0f,%.0f", e->macs, e->params);
    csv_rounding(r, e, out);
    for (size_t k = 0; k < space->knobs; k++)
      csv_knob(space, e->choice, k, out);
    text_print(out, "\n");
  }
}

/* Every network with a valid accuracy, feasible or not. */
static void
networks_csv(const struct search *r, struct chanas_text *out)
{
  text_print(out, "code,accuracy,latency,macs,params%s\n",
             r->archive.rounding ? ",rounding" : "");
  for (size_t i = 0; i < r->archive.count; i++) {
    const struct entry *e = &r->archive.entry[i];
    struct chanas_network *net;
    if (e->outcome != CHANAS_MEASURED)
      continue;
    net = network_build(r->session->family, e->choice);
    text_print(out, "%s,%.6g,%.6g,%.0f,%.0f", net->code, e->accuracy,
               1e3 * e->latency, e->macs, e->params);
    csv_rounding(r, e, out);
    text_print(out, "\n");
    network_free(net);
  }
}

static int
put(const char *dir, const char *name, const char *data, size_t size)
{
  char *path = file_join(dir, name);
  int status = file_write(path, data, size);

  free(path);
  return status;
}

static int
put_json(const char *dir, const char *name, json_t *json)
{
  char *text = json_dumps(json, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
  int status = text ? put(dir, name, text, strlen(text)) : -1;

  if (text == NULL)
    log_error("%s: cannot be written as JSON", name);
  free(text);
  json_decref(json);
  return status;
}

int
results_write(const struct search *r, const char *dir, const char *table_path)
{
  struct chanas_text csv = { 0 }, report = { 0 };
  int status;

  if (file_make_dirs(dir) < 0)
    return -1;
  front_csv(r, &csv);
  report_search(r, &report);
  status = put(dir, "front.csv", csv.data, csv.size) |
           put_json(dir, "front.json", results_front(r)) |
           put_json(dir, "run.json", results_run(r, table_path)) |
           put(dir, "report.txt", report.data, report.size);
  text_free(&csv);
  text_free(&report);
  if (r->session->config->all_networks) {
    networks_csv(r, &csv);
    status |= put(dir, "networks.csv", csv.data, csv.size);
    text_free(&csv);
  }
  return status;
}

int
run_state_write(const char *dir, const struct run_state *state)
{
  if (file_make_dirs(dir) < 0)
    return -1;
  return put_json(dir, "run.state", json_pack(
    "{s:i, s:s, s:s, s:s, s:I}", "version", 1, "config", state->config,
    "folder", state->folder, "table", state->table, "run",
    (json_int_t)state->run));
}

int
run_state_read(const char *dir, struct run_state *state)
{
  char *path = file_join(dir, "run.state");
  const char *config, *folder, *table;
  json_int_t run;
  int version;
  json_error_t error;
  json_t *json = json_load_file(path, JSON_REJECT_DUPLICATES, &error);

  *state = (struct run_state){ 0 };
  if (json == NULL)
    log_error("%s: %s; is %s the output folder of a search?", path,
              error.text, dir);
  else if (json_unpack_ex(json, &error, 0, "{s:i, s:s, s:s, s:s, s:I}",
                          "version", &version, "config", &config, "folder",
                          &folder, "table", &table, "run", &run) < 0 ||
           version != 1) {
    log_error("%s: %s", path, *error.text ? error.text
                                          : "of another version of chanas");
    json_decref(json);
    json = NULL;
  }
  free(path);
  if (json == NULL)
    return -1;
  *state = (struct run_state){ mem_string(config), mem_string(folder),
                               mem_string(table), (int64_t)run };
  json_decref(json);
  return 0;
}

void
run_state_free(struct run_state *state)
{
  free(state->config);
  free(state->folder);
  free(state->table);
  *state = (struct run_state){ 0 };
}

struct config *
run_state_config(const char *dir, const struct run_state *state)
{
  char *path = file_join(dir, "run.ini");
  struct config *config = NULL;

  if (file_write(path, state->config, strlen(state->config)) == 0)
    config = config_read(path, NULL);
  if (config) { /* names in it are relative to the INI that was given */
    free(config->folder);
    config->folder = mem_string(state->folder);
    free(config->ini->path);
    config->ini->path = file_join(state->folder, "run.ini");
  }
  free(path);
  return config;
}
