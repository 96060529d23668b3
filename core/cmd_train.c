/* SPDX-License-Identifier: Apache-2.0 */
/* chanas train: one network, trained by the run's estimator, to a file. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "cmd.h"
#include "estimator.h"
#include "log.h"
#include "mem.h"
#include "member.h"
#include "proc.h"
#include "results.h"
#include "weights.h"

/* What is trained, and by whom. */
struct training {
  struct config *config;
  struct session session;
  struct chanas_network *net;
  struct estimator estimator;
};

static int
is_folder(const char *path)
{
  struct stat s;

  return stat(path, &s) == 0 && S_ISDIR(s.st_mode);
}

/* Configuration and session of a run's folder. */
static int
open_run(const struct options *o, struct training *t)
{
  struct run_state state;
  int code = EXIT_CORRUPT;

  if (run_state_read(o->operand[0], &state) < 0)
    return code;
  t->config = run_state_config(o->operand[0], &state);
  if (t->config)
    code = session_open(&t->session, t->config,
                        *state.table ? state.table : NULL);
  run_state_free(&state);
  return code;
}

/* The network of --code, else of the front's member. */
static int
find_network(const struct options *o, struct training *t, int run)
{
  struct family *family = t->session.family;
  int32_t *choice = mem_array(int32_t, family_space(family)->knobs + 1);
  json_t *member = NULL;
  int status = -1;

  if (o->code)
    status = network_parse_code(family, o->code, choice);
  else if (run && (member = member_load(o->operand[0], o->rank)) != NULL)
    status = member_choice(family_space(family), member, choice);
  else if (!run)
    log_error("which network?  Give --code, or the folder of a search");
  if (status == 0)
    t->net = network_build(family, choice);
  json_decref(member);
  free(choice);
  return t->net ? EXIT_DONE : EXIT_USAGE;
}

static int
open_training(const struct options *o, struct training *t)
{
  int run = is_folder(o->operand[0]), code;

  if (o->output == NULL) {
    log_error("say with -o which weight file to write");
    return EXIT_USAGE;
  }
  if (run && o->sets) {
    log_error("--set is for an INI file; a run has its settings");
    return EXIT_USAGE;
  }
  code = run ? open_run(o, t) : cmd_open(o, o->operand[0], &t->config,
                                         &t->session);
  if (code == EXIT_DONE)
    code = find_network(o, t, run);
  return code;
}

static void
close_training(struct training *t)
{
  estimator_close(&t->estimator);
  network_free(t->net);
  session_close(&t->session);
  config_free(t->config);
}

static struct weights *
weights_of(const struct chanas_network *net,
           const struct chanas_trained *trained)
{
  struct weights *w = weights_new(net, trained->range != NULL);

  w->resolution = trained->resolution;
  w->channels = trained->channels;
  for (int32_t c = 0; c < trained->channels && c < 4; c++) {
    w->mean[c] = trained->mean[c];
    w->std[c] = trained->std[c];
  }
  memcpy(w->accuracy, trained->accuracy, sizeof w->accuracy);
  w->classes = trained->classes;
  w->class_name = mem_array(char *, (size_t)trained->classes);
  for (int32_t i = 0; i < trained->classes; i++)
    w->class_name[i] = mem_string(trained->class_name[i]);
  for (size_t b = 0; b < w->blocks; b++) {
    struct weights_block *block = &w->block[b];
    memcpy(block->value, trained->value[b], block->n * sizeof(float));
    if (block->ranges)
      memcpy(block->range, trained->range[b],
             block->ranges * sizeof(float));
  }
  return w;
}

static void
print_accuracy(const char *code, const double accuracy[3], const char *path)
{
  static const char *const part[] = { "training", "validation", "test" };

  printf("network     %s\n", code);
  for (int i = 0; i < 3; i++)
    if (isfinite(accuracy[i]))
      printf("%-11s %.2f %%\n", part[i], accuracy[i]);
  printf("weights     %s\n", path);
}

static int
train(const struct options *o, struct training *t)
{
  const struct chanas_estimator *plugin = &t->estimator.plugin->estimator;
  struct chanas_lesson lesson = { sizeof lesson, o->scratch, o->ranges,
                                  t->estimator.folder };
  struct chanas_trained trained = { .struct_size = sizeof trained };
  int status = plugin->train(t->estimator.self, t->net, &lesson, &trained);
  struct weights *w;

  if (status > 0 && proc_stopping()) {
    log_info("stopped; the same command goes on from here");
    return 128 + proc_stop_signal();
  }
  if (status != 0 || trained.blocks != t->net->blocks) {
    log_error("network %s could not be trained", t->net->code);
    return EXIT_FAILED;
  }
  w = weights_of(t->net, &trained);
  status = weights_write(w, o->output);
  weights_free(w);
  if (status < 0)
    return EXIT_FAILED;
  print_accuracy(t->net->code, trained.accuracy, o->output);
  return EXIT_DONE;
}

static int
run(const struct options *o, struct training *t)
{
  int code = estimator_open(&t->estimator, &t->session);

  if (code)
    return code;
  if (t->estimator.plugin == NULL ||
      !CHANAS_HAS(&t->estimator.plugin->estimator, train)) {
    log_error("estimator %s trains no networks; [estimator] plugin = "
              "supernet does", t->estimator.plugin ?
              t->estimator.plugin->head.name : "(none)");
    return EXIT_UNAVAILABLE;
  }
  code = o->scratch ? estimator_folder(&t->estimator)
                    : estimator_prepare(&t->estimator);
  if (code)
    return code;
  if (proc_stopping()) {
    log_info("stopped; the same command goes on from here");
    return 128 + proc_stop_signal();
  }
  return train(o, t);
}

int
cmd_train(const struct options *o)
{
  struct training t = { 0 };
  int code = open_training(o, &t);

  if (code == EXIT_DONE)
    code = run(o, &t);
  close_training(&t);
  return code;
}
