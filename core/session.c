/* SPDX-License-Identifier: Apache-2.0 */
/* Opening, in the order in which each part needs the former: plugin, device,
 * pure half, family, compiler, table. */
#include "session.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "file.h"
#include "log.h"
#include "mem.h"
#include "workload.h"

static int
open_backend(struct session *s)
{
  struct config *c = s->config;
  struct rng stream = rng_split(&s->rng, "backend");

  s->backend = registry_get(PLUGIN_BACKEND, c->backend);
  if (s->backend == NULL)
    return EXIT_UNAVAILABLE;
  s->backend_host = host_open(s->backend, c->ini,
                              ini_find(c->ini, "backend"),
                              config_keys("backend"), &stream);
  if (s->backend_host == NULL)
    return EXIT_USAGE;
  s->measures = CHANAS_HAS(&s->backend->backend, emit);
  return EXIT_DONE;
}

/* The backend's own keys, for its other half in the runner. */
static char *
settings_text(const struct session *s)
{
  const struct chanas_host *host = host_services(s->backend_host);
  const struct chanas_param *p = s->backend->head.params;
  struct chanas_text text = { 0 };

  text_append(&text, "", 0);
  for (; p && p->key; p++) {
    const char *value = host->get(host->ctx, p->key);
    if (value)
      text_print(&text, "%s=%s\n", p->key, value);
  }
  return text.data;
}

/* {runners} in a command is the folder of the installed chanas-runner, below
 * which those for boards lie.  NULL: no command is given. */
static char *
runner_command(const struct config *c)
{
  static const char mark[] = "{runners}";
  const char *at = strstr(c->runner, mark);
  char *folder, *command;

  if (*c->runner == '\0')
    return NULL;
  if (at == NULL)
    return mem_string(c->runner);
  folder = file_dirname(measure_runner());
  command = mem_print("%.*s%s%s", (int)(at - c->runner), c->runner, folder,
                      at + strlen(mark));
  free(folder);
  return command;
}

static int
open_measure(struct session *s)
{
  struct config *c = s->config;
  char *settings = settings_text(s), *runner = runner_command(c);
  struct measure_config config = {
    .backend = s->backend,
    .settings = settings,
    .runner = runner,
    .deadline = c->deadline,
    .round = c->measure_round,
    .rounds = (int)c->measure_rounds,
    .memory = (uint64_t)c->memory << 20,
    .cold = (uint64_t)c->cold << 20,
    .seed = 1,
    .threads = (int)c->threads,
    .heartbeat = c->heartbeat,
    .reconnect = c->reconnect,
  };

  s->measure = measure_open(&config);
  free(settings);
  free(runner);
  return s->measure ? EXIT_DONE : EXIT_UNAVAILABLE;
}

static struct chanas_device *
device_of_file(const struct config *c)
{
  char *path = file_find_etc(c->folder, c->device_file);
  struct chanas_text text = { 0 };
  struct chanas_device *device = NULL;

  if (path == NULL)
    log_error("device description %s not found", c->device_file);
  else if (file_read(path, 1 << 20, &text) == 0)
    device = device_parse(text_string(&text));
  text_free(&text);
  free(path);
  return device;
}

/* A file says which device is meant; what runs in its place, and whether that
 * can do all that the file promises, only the runner knows. */
static int
meet_device(struct chanas_device *meant, const struct chanas_device *there)
{
  const char *kind = device_trait(there, "kind");

  for (size_t i = 0; i < meant->count; i++) {
    const char *key = meant->key[i];
    if (strncmp(key, "isa.", 4) == 0 && strcmp(meant->value[i], "1") == 0
        && strcmp(device_trait(there, key), "0") == 0) {
      log_error("the device's description has %s=1, but what the runner runs "
                "on has not; give another description, or another runner",
                key);
      return -1;
    }
  }
  if (*kind)
    device_set(meant, "kind", kind);
  return 0;
}

static struct chanas_device *
described_device(struct session *s)
{
  struct chanas_device *meant, *there;
  int bad;

  if (*s->config->device_file == '\0')
    return measure_describe(s->measure, 0);
  meant = device_of_file(s->config);
  there = meant ? measure_describe(s->measure, 0) : NULL;
  bad = there == NULL || meet_device(meant, there) < 0;
  device_free(there);
  if (!bad)
    return meant;
  device_free(meant);
  return NULL;
}

static const char *
compiler_name(const struct config *c)
{
  const char *name = getenv("CHANAS_CC");

  if (name && *name)
    return name;
  return *c->compiler ? c->compiler : "cc";
}

static int
open_device(struct session *s, char fingerprint[17])
{
  struct config *c = s->config;
  char *threads;

  if (!s->measures && *c->device_file)
    s->device = device_of_file(c);
  else if (!s->measures)
    s->device = device_parse("kind=replayed\n");
  else
    s->device = described_device(s);
  if (s->device == NULL)
    return EXIT_UNAVAILABLE;
  if (s->measures && strcmp(device_kind(s->device), "measured") != 0)
    log_warn("latencies are %s, not those of a device",
             device_kind(s->device));
  if (!s->measures && *c->device_file)
    device_set(s->device, "kind", "estimated");
  memcpy(fingerprint, s->device->fingerprint, 17);
  if (s->measures) /* only CPUs have cores */
    measure_at_once(s->measure, atoi(device_trait(s->device, "cores")));
  threads = mem_print("%lld", c->threads);
  device_set(s->device, "threads", threads);
  device_set(s->device, "compiler", compiler_name(c));
  free(threads);
  if (s->backend->backend.open(host_services(s->backend_host), s->device,
                               &s->self) < 0) {
    log_error("backend %s could not open device %s", s->backend->head.name,
              fingerprint);
    return EXIT_UNAVAILABLE;
  }
  return EXIT_DONE;
}

static int
open_family(struct session *s)
{
  struct config *c = s->config;
  char *path;

  if (*c->space_file == '\0') {
    log_error("[space] file is missing: name a space file, see "
              "chanas.ini(5)");
    return EXIT_USAGE;
  }
  path = file_find_etc(c->folder, c->space_file);
  if (path == NULL) {
    log_error("space file %s not found (beside the INI, in $CHANAS_ETC, "
              "installed)", c->space_file);
    return EXIT_USAGE;
  }
  s->family = family_read(path);
  free(path);
  if (s->family == NULL)
    return EXIT_USAGE;
  return family_target(s->family, (int)c->batch, dtype_parse(c->dtype)) < 0 ?
         EXIT_USAGE : EXIT_DONE;
}

/* Latencies that were taken in another way are another target's. */
static char *
version_text(const struct session *s)
{
  const char *version = s->backend->head.version;

  return s->measures && s->config->cold > 0
           ? mem_print("%s, %lld MiB cold", version, s->config->cold)
           : mem_string(version);
}

static int
open_table(struct session *s, const char *path, const char *fingerprint)
{
  char *fallback = path ? NULL : table_default_path(), *description, *version;
  struct table_target target;
  int code = EXIT_FAILED;

  if (path == NULL && fallback == NULL) {
    log_error("no home folder for the latency table; name one with --table");
    return EXIT_USAGE;
  }
  s->table = table_open(path ? path : fallback, 0, &code);
  free(fallback);
  if (s->table == NULL)
    return code;
  description = device_text(s->device);
  version = version_text(s);
  target = (struct table_target){
    .device = fingerprint, .description = description,
    .backend = s->backend->head.name, .version = version,
    .compiler = build_compiler_version(s->build),
    .threads = (int)s->config->threads,
  };
  s->target = table_target(s->table, &target);
  free(description);
  free(version);
  return s->target < 0 ? EXIT_FAILED : EXIT_DONE;
}

static int
open_parts(struct session *s, const char *table_path)
{
  char fingerprint[17];
  int code = open_backend(s);

  if (code == 0)
    code = open_family(s);
  if (code == 0 && s->measures)
    code = open_measure(s);
  if (code == 0)
    code = open_device(s, fingerprint);
  if (code || !s->measures)
    return code;
  s->build = build_open(s->backend, s->self, s->config->compiler,
                        (int)sysconf(_SC_NPROCESSORS_ONLN));
  if (s->build == NULL)
    return EXIT_UNAVAILABLE;
  return open_table(s, table_path, fingerprint);
}

int
session_open(struct session *s, struct config *config, const char *table_path)
{
  int code;

  *s = (struct session){ .config = config,
                         .rng = rng_seed((uint64_t)config->seed) };
  code = open_parts(s, table_path);
  if (code)
    session_close(s);
  return code;
}

void
session_close(struct session *s)
{
  if (s->table)
    table_close(s->table);
  if (s->build)
    build_close(s->build);
  if (s->self)
    s->backend->backend.close(s->self);
  if (s->measure)
    measure_close(s->measure);
  if (s->backend_host)
    host_close(s->backend_host);
  device_free(s->device);
  family_free(s->family);
  *s = (struct session){ 0 };
}

int
session_replay(const struct session *s, const struct chanas_network *net,
               double *sum)
{
  const struct workload_set *set = family_workloads(s->family);
  struct chanas_point point = { family_space(s->family), net->choice };

  *sum = 0;
  for (size_t b = 0; b < net->blocks; b++) {
    struct chanas_estimate t = { 0, 0 };
    if (s->backend->backend.latency(s->self, net->block[b].role,
                                    set->item[net->block[b].workload], point,
                                    &t) < 0)
      return -1;
    *sum += t.mean;
  }
  return 0;
}

int
session_failure(const struct session *s)
{
  return s->measure && measure_gone(s->measure) ? EXIT_UNAVAILABLE
                                                : EXIT_FAILED;
}

int
session_start_run(struct session *s, int64_t resume)
{
  char *text, hash[17];

  if (!s->measures)
    return EXIT_DONE;
  text = config_text(s->config);
  snprintf(hash, sizeof hash, "%016llx",
           (unsigned long long)hash_string(text));
  free(text);
  if (resume > 0) {
    s->run = resume;
    return table_find_run(s->table, resume, hash, &s->watermark) < 0
           ? EXIT_CORRUPT : EXIT_DONE;
  }
  s->run = table_start_run(s->table, hash, &s->watermark);
  return s->run < 0 ? EXIT_FAILED : EXIT_DONE;
}
