/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The front's JSON names the network's knobs and the policy of every block;
 * kernels are emitted anew from these, so the folder is made from data, never
 * from stored source.  Weights are random until a network was trained.
 */
#include "export.h"
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "file.h"
#include "log.h"
#include "mem.h"
#include "reference.h"
#include "results.h"
#include "whole.h"

static json_t *
load_member(const char *run, long rank)
{
  char *path = file_join(run, "front.json");
  json_error_t error;
  json_t *front = json_load_file(path, JSON_REJECT_DUPLICATES, &error), *m;

  if (front == NULL) {
    log_error("%s: %s; has the search ended?", path, error.text);
    free(path);
    return NULL;
  }
  m = json_incref(json_array_get(json_object_get(front, "front"),
                                 (size_t)rank - 1));
  if (m == NULL)
    log_error("%s: the front has %zu members, no rank %ld", path,
              json_array_size(json_object_get(front, "front")), rank);
  json_decref(front);
  free(path);
  return m;
}

static int
choice_of(const struct chanas_space *space, const json_t *member,
          int32_t *choice)
{
  const json_t *knobs = json_object_get(member, "knobs");

  for (size_t k = 0; k < space->knobs; k++) {
    const struct knob *knob = &space->knob[k];
    const json_t *value = json_object_get(knobs, knob->name);
    size_t i = 0;
    if (json_is_null(value)) {
      choice[k] = 0;
      continue;
    }
    for (; i < knob->choices; i++)
      if (knob->label && json_is_string(value)
          ? strcmp(knob->label[i], json_string_value(value)) == 0
          : json_is_integer(value) &&
            json_integer_value(value) == knob->value[i])
        break;
    if (i == knob->choices) {
      log_error("front.json: knob %s has no such choice in this space",
                knob->name);
      return -1;
    }
    choice[k] = (int32_t)i;
  }
  return 0;
}

static char **
policies_of(const struct chanas_network *net, const json_t *member)
{
  const json_t *list = json_object_get(member, "schedules");
  char **policy = mem_array(char *, net->blocks + 1);

  for (size_t b = 0; b < net->blocks; b++) {
    const char *text = json_string_value(
      json_object_get(json_array_get(list, b), "policy"));
    if (text == NULL) {
      log_error("front.json: block %s of %s has no policy",
                net->block[b].name, net->code);
      schedules_free(policy, net);
      return NULL;
    }
    policy[b] = mem_string(text);
  }
  return policy;
}

/* Random parameters for every step; the program owns them. */
static void
add_weights(struct chanas_program *p, struct chanas_text *out)
{
  struct chanas_step *step = (struct chanas_step *)p->step;

  for (size_t i = 0; i < p->steps; i++) {
    size_t n = step[i].workload->weights;
    float *w = mem_array(float, n);
    reference_weights(step[i].workload, i + 1, w);
    text_append(out, w, n * sizeof *w);
    step[i].weights = w;
  }
}

static void
add_golden(const struct chanas_program *p, struct chanas_text *out)
{
  size_t in = p->elements[0], result = p->elements[p->output];
  float *x = mem_array(float, in), *y = mem_array(float, result);
  struct rng rng = rng_seed(1);

  for (size_t i = 0; i < in; i++)
    x[i] = rng_float(&rng);
  reference_program(p, x, y);
  text_append(out, x, in * sizeof *x);
  text_append(out, y, result * sizeof *y);
  free(x);
  free(y);
}

static int
write_files(const char *dir, const struct chanas_files *files)
{
  int status = file_make_dirs(dir);

  for (size_t i = 0; i < files->count && status == 0; i++) {
    char *path = file_join(dir, files->file[i]->name);
    status = file_write(path, text_string(&files->file[i]->text),
                        files->file[i]->text.size);
    free(path);
  }
  return status;
}

static int
export_program(struct session *s, const struct chanas_network *net,
               char **policy, const char *dir)
{
  struct chanas_program program = whole_program(s, net);
  struct chanas_files files = { 0 };
  char *name = mem_print("kernels%s", s->backend->backend.suffix);
  int code = EXIT_FAILED;

  if (!CHANAS_HAS(&s->backend->backend, deploy)) {
    log_error("backend %s cannot export", s->backend->head.name);
    code = EXIT_UNAVAILABLE;
  } else if (whole_emit(s, net, policy, files_get(&files, name)) == 0) {
    add_weights(&program, files_get(&files, "weights.bin"));
    add_golden(&program, files_get(&files, "golden.bin"));
    if (s->backend->backend.deploy(s->self, &program, &files) == 0 &&
        write_files(dir, &files) == 0)
      code = EXIT_DONE;
  }
  for (size_t i = 0; i < program.steps; i++)
    free((float *)program.step[i].weights);
  whole_program_free(&program);
  files_free(&files);
  free(name);
  return code;
}

static int
export_member(struct session *s, const json_t *member, const char *dir)
{
  const struct chanas_space *space = family_space(s->family);
  int32_t *choice = mem_array(int32_t, space->knobs + 1);
  struct chanas_network *net = NULL;
  char **policy = NULL;
  int code = EXIT_CORRUPT;

  if (!s->measures) {
    log_error("backend %s replays latencies: it has no kernels to export",
              s->backend->head.name);
    code = EXIT_UNAVAILABLE;
  } else if (choice_of(space, member, choice) == 0)
    net = network_build(s->family, choice);
  if (net)
    policy = policies_of(net, member);
  if (policy)
    code = export_program(s, net, policy, dir);
  if (net)
    schedules_free(policy, net);
  network_free(net);
  free(choice);
  return code;
}

int
export_network(const char *run, long rank, const char *dir)
{
  struct run_state state;
  struct config *config;
  struct session s;
  json_t *member;
  int code;

  if (run_state_read(run, &state) < 0)
    return EXIT_CORRUPT;
  member = load_member(run, rank);
  config = member ? run_state_config(run, &state) : NULL;
  code = config ? session_open(&s, config, *state.table ? state.table
                                                        : NULL)
                : EXIT_CORRUPT;
  if (code == EXIT_DONE) {
    code = export_member(&s, member, dir);
    session_close(&s);
  }
  config_free(config);
  run_state_free(&state);
  json_decref(member);
  return code;
}
