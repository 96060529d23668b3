/* SPDX-License-Identifier: Apache-2.0 */
/* chanas estimate: what the run's estimator says of some networks. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cmd.h"
#include "estimator.h"
#include "log.h"
#include "mem.h"
#include "proc.h"
#include "progress.h"
#include "rng.h"

#define AT_ONCE 8  /* networks between two looks at the clock */
#define PATIENCE 64 /* draws for each network that is still missing */

struct estimation {
  struct config *config;
  struct session session;
  struct estimator estimator;
  size_t networks;
  struct chanas_network **network;
  struct chanas_estimate *estimate;
};

static int
has(const struct estimation *e, const char *code)
{
  for (size_t i = 0; i < e->networks; i++)
    if (strcmp(e->network[i]->code, code) == 0)
      return 1;
  return 0;
}

/* Adds the network, or frees one that is there already. */
static void
add(struct estimation *e, struct chanas_network *network)
{
  if (has(e, network->code))
    network_free(network);
  else
    e->network[e->networks++] = network;
}

static int
add_code(struct estimation *e, const char *code)
{
  struct family *family = e->session.family;
  int32_t *choice = mem_array(int32_t, family_space(family)->knobs + 1);
  struct chanas_network *network = NULL;

  if (network_parse_code(family, code, choice) == 0)
    network = network_build(family, choice);
  free(choice);
  if (network == NULL)
    return EXIT_USAGE;
  add(e, network);
  return EXIT_DONE;
}

/* Distinct networks, each choice uniform; the same ones for the same seed.
 * A space that has no more ends it early. */
static int
add_random(struct estimation *e, size_t wanted)
{
  const struct chanas_space *space = family_space(e->session.family);
  struct rng root = rng_seed(e->config->seed);
  struct rng rng = rng_split(&root, "estimate");
  int32_t *choice = mem_array(int32_t, space->knobs + 1);
  size_t tries = PATIENCE * wanted;

  while (e->networks < wanted && tries-- > 0) {
    struct chanas_network *network;
    space_random(space, &rng, choice);
    network = network_build(e->session.family, choice);
    if (network)
      add(e, network);
  }
  free(choice);
  if (e->networks < wanted)
    log_warn("only %zu networks of %zu: the space seems to have no more",
             e->networks, wanted);
  return e->networks ? EXIT_DONE : EXIT_FAILED;
}

static int
choose(const struct options *o, struct estimation *e)
{
  size_t room = o->random > 0 ? (size_t)o->random : 1;

  e->network = mem_array(struct chanas_network *, room);
  e->estimate = mem_array(struct chanas_estimate, room);
  if (o->code)
    return add_code(e, o->code);
  if (o->random > 0)
    return add_random(e, (size_t)o->random);
  log_error("which networks?  Give --code or --random");
  return EXIT_USAGE;
}

static int
estimate(struct estimation *e)
{
  size_t done = 0;
  int status = 0;

  progress_begin("estimating", (double)e->networks);
  while (done < e->networks && status == 0) {
    size_t n = e->networks - done < AT_ONCE ? e->networks - done : AT_ONCE;
    status = estimator_run(&e->estimator, 0, n, e->network + done,
                           e->estimate + done);
    done += n;
    progress_update((double)done, NULL);
  }
  progress_end();
  return status < 0 ? EXIT_FAILED :
         status > 0 ? 128 + proc_stop_signal() : EXIT_DONE;
}

static void
print_csv(const struct estimation *e)
{
  printf("code,accuracy,std,macs,params\n");
  for (size_t i = 0; i < e->networks; i++)
    printf("%s,%.6g,%.4g,%.0f,%.0f\n", e->network[i]->code,
           e->estimate[i].mean, e->estimate[i].stddev,
           e->network[i]->macs, e->network[i]->params);
}

static void
print_json(const struct estimation *e)
{
  json_t *list = json_array();

  for (size_t i = 0; i < e->networks; i++)
    json_array_append_new(list, json_pack(
      "{s:s, s:f, s:f, s:f, s:f}", "code", e->network[i]->code, "accuracy",
      e->estimate[i].mean, "std", e->estimate[i].stddev, "macs",
      e->network[i]->macs, "params", e->network[i]->params));
  json_dumpf(list, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
  putchar('\n');
  json_decref(list);
}

static int
run(const struct options *o, struct estimation *e)
{
  int code = estimator_open(&e->estimator, &e->session);

  if (code == EXIT_DONE && e->estimator.plugin == NULL) {
    log_error("%s names no estimator; see [estimator] plugin", o->operand[0]);
    code = EXIT_USAGE;
  }
  if (code == EXIT_DONE)
    code = choose(o, e);
  if (code == EXIT_DONE)
    code = estimator_prepare(&e->estimator);
  if (code == EXIT_DONE && proc_stopping())
    code = 128 + proc_stop_signal();
  if (code == EXIT_DONE)
    code = estimate(e);
  if (code == EXIT_DONE)
    (o->json ? print_json : print_csv)(e);
  return code;
}

int
cmd_estimate(const struct options *o)
{
  struct estimation e = { 0 };
  int code = cmd_open(o, o->operand[0], &e.config, &e.session);

  if (code)
    return code;
  code = run(o, &e);
  estimator_close(&e.estimator);
  for (size_t i = 0; i < e.networks; i++)
    network_free(e.network[i]);
  free(e.network);
  free(e.estimate);
  cmd_close(e.config, &e.session);
  return code;
}
