/* SPDX-License-Identifier: Apache-2.0 */
/* Life of an estimator plugin: see estimator.h. */
#include "estimator.h"
#include <stdlib.h>
#include "file.h"
#include "log.h"
#include "mem.h"
#include "proc.h"

int
estimator_open(struct estimator *e, struct session *s)
{
  const struct config *c = s->config;
  struct rng stream = rng_split(&s->rng, "estimator");

  *e = (struct estimator){ 0 };
  if (*c->estimator == '\0')
    return EXIT_DONE;
  e->plugin = registry_get(PLUGIN_ESTIMATOR, c->estimator);
  if (e->plugin == NULL)
    return EXIT_UNAVAILABLE;
  e->host = host_open(e->plugin, c->ini, ini_find(c->ini, "estimator"),
                      config_keys("estimator"), &stream);
  if (e->host == NULL)
    return EXIT_USAGE;
  host_networks(e->host, (struct host_networks){ s->family, network_build,
                                                 network_free });
  if (*c->estimator_folder)
    e->folder = file_join(c->folder, c->estimator_folder);
  if (e->plugin->estimator.open(host_services(e->host),
                                family_space(s->family), &e->self) < 0) {
    log_error("estimator %s could not start", e->plugin->head.name);
    return EXIT_FAILED;
  }
  return EXIT_DONE;
}

int
estimator_folder(struct estimator *e)
{
  char *name;

  if (e->folder == NULL) {
    name = mem_print("estimator-%s", e->plugin->head.name);
    e->folder = file_xdg_data(name);
    free(name);
  }
  if (e->folder == NULL) {
    log_error("no home folder for the checkpoints of estimator %s; set "
              "[estimator] folder", e->plugin->head.name);
    return EXIT_FAILED;
  }
  return file_make_dirs(e->folder) < 0 ? EXIT_FAILED : EXIT_DONE;
}

int
estimator_prepare(struct estimator *e)
{
  int status;

  if (e->plugin == NULL || !CHANAS_HAS(&e->plugin->estimator, prepare))
    return EXIT_DONE;
  if (estimator_folder(e) != EXIT_DONE)
    return EXIT_FAILED;
  status = e->plugin->estimator.prepare(e->self, e->folder);
  if (status >= 0)
    return EXIT_DONE;
  log_error("estimator %s could not be prepared", e->plugin->head.name);
  return EXIT_FAILED;
}

int
estimator_run(struct estimator *e, int exact, size_t n,
              struct chanas_network *const net[],
              struct chanas_estimate out[])
{
  const struct chanas_estimator *plugin = &e->plugin->estimator;
  int status;

  exact = exact && CHANAS_HAS(plugin, refine);
  status = (exact ? plugin->refine : plugin->estimate)(
    e->self, n, (const struct chanas_network *const *)net, out);
  if (status > 0 && proc_stopping())
    return 1;
  if (status == 0)
    return 0;
  log_error("estimator %s failed", e->plugin->head.name);
  return -1;
}

void
estimator_close(struct estimator *e)
{
  if (e->self)
    e->plugin->estimator.close(e->self);
  if (e->host)
    host_close(e->host);
  free(e->folder);
  *e = (struct estimator){ 0 };
}
