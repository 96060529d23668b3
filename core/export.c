/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The front's JSON names the network's knobs and the policy of every block;
 * kernels are emitted anew from these, so the folder is made from data, never
 * from stored source.
 */
#include "export.h"
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "file.h"
#include "log.h"
#include "mem.h"
#include "member.h"
#include "onnx.h"
#include "results.h"
#include "weights.h"
#include "whole.h"

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

/* The weights must be of this network and of its input. */
static int
check_weights(const struct weights *w, const struct chanas_network *net,
              const char *path)
{
  const struct workload_set *set =
    family_workloads((struct family *)net->family);
  const struct chanas_workload *first = set->item[net->block[0].workload];
  const struct chanas_workload *last =
    set->item[net->block[net->blocks - 1].workload];

  if (weights_match(w, net, path) < 0)
    return -1;
  if (first->op[0].h == w->resolution && first->op[0].w == w->resolution &&
      first->op[0].cin == w->channels &&
      last->outputs == (size_t)last->batch * (size_t)w->classes)
    return 0;
  log_error("%s: is for %d x %d x %d and %d classes, the network for %d x %d "
            "x %d and %zu", path, w->resolution, w->resolution, w->channels,
            w->classes, first->op[0].h, first->op[0].w, first->op[0].cin,
            last->outputs / (size_t)last->batch);
  return -1;
}

static int
export_folder(struct session *s, const struct chanas_network *net,
              const json_t *member, float **parameters,
              const struct weights *w, const char *dir)
{
  char **policy;
  int code = EXIT_CORRUPT;

  if (!s->measures) {
    log_error("backend %s replays latencies: it has no kernels to export",
              s->backend->head.name);
    return EXIT_UNAVAILABLE;
  }
  policy = policies_of(net, member);
  if (policy) {
    code = export_program(s, net, policy, parameters, w, dir);
    schedules_free(policy, net);
  }
  return code;
}

static int
export_member(struct session *s, const json_t *member,
              const struct export_request *r, const struct weights *w)
{
  const struct chanas_space *space = family_space(s->family);
  int32_t *choice = mem_array(int32_t, space->knobs + 1);
  struct chanas_network *net = NULL;
  float **parameters = NULL;
  int code = EXIT_CORRUPT;

  if (member_choice(space, member, choice) == 0)
    net = network_build(s->family, choice);
  if (net && (w == NULL || check_weights(w, net, r->weights) == 0))
    parameters = export_parameters(net, w);
  if (parameters) {
    code = r->dir ? export_folder(s, net, member, parameters, w, r->dir)
                  : EXIT_DONE;
    if (code == EXIT_DONE && r->onnx &&
        onnx_write(net, parameters, w, r->onnx) < 0)
      code = EXIT_FAILED;
    export_parameters_free(parameters, net);
  }
  network_free(net);
  free(choice);
  return code;
}

static int
export_from_run(const struct export_request *r, const struct weights *w)
{
  struct run_state state;
  struct config *config;
  struct session s;
  json_t *member;
  int code;

  if (run_state_read(r->run, &state) < 0)
    return EXIT_CORRUPT;
  member = member_load(r->run, r->rank);
  config = member ? run_state_config(r->run, &state) : NULL;
  code = config ? session_open(&s, config, *state.table ? state.table
                                                        : NULL)
                : EXIT_CORRUPT;
  if (code == EXIT_DONE) {
    code = export_member(&s, member, r, w);
    session_close(&s);
  }
  config_free(config);
  run_state_free(&state);
  json_decref(member);
  return code;
}

int
export_network(const struct export_request *r)
{
  struct weights *w = NULL;
  int code = EXIT_CORRUPT;

  if (r->weights == NULL || (w = weights_read(r->weights)) != NULL)
    code = export_from_run(r, w);
  weights_free(w);
  return code;
}
