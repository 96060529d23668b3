/* SPDX-License-Identifier: Apache-2.0 */
/* Whole networks: see whole.h. */
#include "whole.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "log.h"
#include "mem.h"
#include "progress.h"
#include "space.h"

char **
schedules_choose(const struct tuner *t, const struct chanas_network *net,
                 int best)
{
  char **policy = mem_array(char *, net->blocks + 1);

  for (size_t b = 0; b < net->blocks; b++) {
    const struct schedule *s = &t->tuned[net->block[b].workload].schedule;
    long at = best ? s->best : s->preset;
    if (at < 0) {
      log_error("block %s of network %s has no schedule that runs (%s)",
                net->block[b].name, net->code, s->workload->key);
      schedules_free(policy, net);
      return NULL;
    }
    policy[b] = mem_string(s->tried[at].policy);
  }
  return policy;
}

void
schedules_free(char **policy, const struct chanas_network *net)
{
  for (size_t b = 0; policy && b < net->blocks; b++)
    free(policy[b]);
  free(policy);
}

static const struct chanas_workload *
workload_of(const struct session *s, const struct chanas_network *net,
            size_t b)
{
  return family_workloads(s->family)->item[net->block[b].workload];
}

void
schedules_hash(const struct session *s, const struct chanas_network *net,
               char *const policy[], char out[17])
{
  uint64_t hash = HASH_START;

  for (size_t b = 0; b < net->blocks; b++) {
    const char *key = workload_of(s, net, b)->key;
    hash = hash_bytes(hash, key, strlen(key) + 1);
    hash = hash_bytes(hash, policy[b], strlen(policy[b]) + 1);
  }
  snprintf(out, 17, "%016llx", (unsigned long long)hash);
}

static int
first_of_its_workload(const struct chanas_network *net, size_t b)
{
  for (size_t i = 0; i < b; i++)
    if (net->block[i].workload == net->block[b].workload)
      return 0;
  return 1;
}

int
whole_emit_block(const struct session *s, size_t workload,
                 const char *policy, const char *symbol,
                 struct chanas_text *out)
{
  const struct chanas_workload *w =
    family_workloads(s->family)->item[workload];
  struct chanas_space *space = space_new();
  int32_t *choice = NULL;
  int status = s->backend->backend.space(s->self, w, space);

  if (status == 0) {
    choice = mem_array(int32_t, space->knobs);
    status = space_parse(space, policy, choice);
    if (status < 0)
      log_error("policy '%s' does not fit %s; was it made by another version "
                "of the backend?", policy, w->key);
  }
  if (status == 0)
    status = s->backend->backend.emit(s->self, w,
                                      (struct chanas_point){ space, choice },
                                      symbol, out);
  free(choice);
  space_free(space);
  return status;
}

int
whole_emit(const struct session *s, const struct chanas_network *net,
           char *const policy[], struct chanas_text *out)
{
  for (size_t b = 0; b < net->blocks; b++) {
    char symbol[24];
    if (!first_of_its_workload(net, b))
      continue;
    snprintf(symbol, sizeof symbol, "b%zu", net->block[b].workload);
    if (whole_emit_block(s, net->block[b].workload, policy[b], symbol,
                         out) < 0)
      return -1;
  }
  return 0;
}

struct chanas_program
whole_program(const struct session *s, const struct chanas_network *net)
{
  struct chanas_step *step = mem_array(struct chanas_step, net->blocks);

  for (size_t b = 0; b < net->blocks; b++)
    step[b] = (struct chanas_step){
      .workload = workload_of(s, net, b),
      .symbol = mem_print("b%zu", net->block[b].workload),
      .src = net->block[b].src,
      .dst = net->block[b].dst,
    };
  return (struct chanas_program){ .steps = net->blocks, .step = step,
                                  .tensors = net->tensors,
                                  .elements = net->elements,
                                  .output = net->output };
}

void
whole_program_free(struct chanas_program *p)
{
  for (size_t i = 0; i < p->steps; i++)
    free((char *)p->step[i].symbol);
  free((struct chanas_step *)p->step);
  *p = (struct chanas_program){ 0 };
}

/* Those that were built. */
static int
measure_built(const struct session *s, size_t n,
              struct chanas_network *const net[],
              const struct build_unit unit[], struct measure_result result[])
{
  struct measure_item *item = mem_array(struct measure_item, n);
  struct chanas_program *program = mem_array(struct chanas_program, n);
  size_t *owner = mem_array(size_t, n), built = 0;
  int status;

  for (size_t i = 0; i < n; i++) {
    result[i] = (struct measure_result){ .outcome = CHANAS_NOT_BUILT };
    if (unit[i].object == NULL) {
      snprintf(result[i].detail, sizeof result[i].detail, "%s",
               unit[i].error ? unit[i].error : "");
      continue;
    }
    program[built] = whole_program(s, net[i]);
    item[built] = (struct measure_item){ .object = unit[i].object, .verify = 1,
                                         .program = &program[built] };
    owner[built++] = i;
  }
  status = measure_each(s->measure, built, item, NULL, NULL);
  for (size_t k = 0; k < built; k++) {
    result[owner[k]] = item[k].result;
    whole_program_free(&program[k]);
  }
  free(item);
  free(program);
  free(owner);
  return status;
}

int
whole_measure(const struct session *s, size_t n,
              struct chanas_network *const net[], char **const policy[],
              struct measure_result result[])
{
  struct chanas_text *source = mem_array(struct chanas_text, n);
  struct build_unit *unit = mem_array(struct build_unit, n);
  int status;

  for (size_t i = 0; i < n; i++) {
    if (whole_emit(s, net[i], policy[i], &source[i]) < 0)
      text_append(&source[i], "\n#error not emitted\n", 20);
    unit[i] = (struct build_unit){ .symbol = net[i]->code,
                                   .source = text_string(&source[i]) };
  }
  build_units(s->build, n, unit, 1);
  status = measure_built(s, n, net, unit, result);
  build_units_free(n, unit);
  for (size_t i = 0; i < n; i++)
    text_free(&source[i]);
  free(source);
  free(unit);
  return status;
}
