/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One plugin instance as the core sees it.  Its values are parsed once, at
 * host_open, so that get() and its like cannot fail for a declared key;
 * whatever it is given lives until host_close.  alloc, random, data, store
 * and fetch may be called from several threads.
 */
#include <stdlib.h>
#include <string.h>
#include "file.h"
#include "host_access.h"
#include "host_parts.h"
#include "log.h"
#include "mem.h"
#include "pool.h"
#include "proc.h"
#include "progress.h"
#include "store.h"

/* A block given to the plugin; its bytes follow, aligned for anything. */
struct block_head {
  _Alignas(max_align_t) struct block_head *next;
};

static int thread_count;
static char *store_base;

void
host_threads(int threads)
{
  thread_count = threads;
}

void
host_store_folder(const char *folder)
{
  free(store_base);
  store_base = folder ? mem_string(folder) : NULL;
}

/* ---- services ---- */

static void
host_log(void *ctx, enum chanas_level level, const char *fmt, ...)
{
  struct host *host = ctx;
  va_list list;

  va_start(list, fmt);
  log_vmessage(host->plugin->head.name, level, fmt, list);
  va_end(list);
}

static const struct parameter *
find_parameter(struct host *host, const char *key)
{
  const struct chanas_param *param = host->plugin->head.params;

  for (size_t i = 0; param && param[i].key; i++)
    if (strcmp(param[i].key, key) == 0)
      return &host->parameter[i];
  log_error("plugin %s asks for the parameter '%s', which it does not "
            "declare; add it to its params", host->plugin->head.name, key);
  return NULL;
}

static const char *
host_get(void *ctx, const char *key)
{
  const struct parameter *parameter = find_parameter(ctx, key);

  return parameter ? parameter->text : NULL;
}

static int64_t
host_get_int(void *ctx, const char *key)
{
  const struct parameter *parameter = find_parameter(ctx, key);

  return parameter ? parameter->value.integer : 0;
}

static double
host_get_real(void *ctx, const char *key)
{
  const struct parameter *parameter = find_parameter(ctx, key);

  return parameter ? parameter->value.real : 0;
}

static void *
host_alloc(void *ctx, size_t size)
{
  struct host *host = ctx;
  struct block_head *block;

  if (size > SIZE_MAX - sizeof *block)
    return NULL;
  block = calloc(1, sizeof *block + size);
  if (block == NULL)
    return NULL;
  pthread_mutex_lock(&host->lock);
  block->next = host->blocks;
  host->blocks = block;
  pthread_mutex_unlock(&host->lock);
  return block + 1;
}

static uint64_t
host_random(void *ctx)
{
  struct host *host = ctx;
  uint64_t bits;

  pthread_mutex_lock(&host->lock);
  bits = rng_next(&host->stream);
  pthread_mutex_unlock(&host->lock);
  return bits;
}

static int
host_parallel(void *ctx, size_t n, void (*fn)(void *arg, size_t i), void *arg)
{
  (void)ctx;
  pool_run(thread_count > 0 ? thread_count : pool_cpus(), n, fn, arg);
  return 0;
}

static int
host_stopping(void *ctx)
{
  (void)ctx;
  return proc_stopping();
}

static int
host_store(void *ctx, const char *key, const void *data, size_t size)
{
  struct host *host = ctx;

  return store_put(store_base, host->plugin->head.name, key, data, size);
}

/* A copy that the instance owns, terminated with a zero byte. */
static void *
keep(struct host *host, const void *data, size_t size)
{
  char *copy = host_alloc(host, size + 1);

  if (copy && size)
    memcpy(copy, data, size);
  return copy;
}

static int
host_fetch(void *ctx, const char *key, const void **data, size_t *size)
{
  struct host *host = ctx;
  struct chanas_text text = { 0 };
  int status = store_get(store_base, host->plugin->head.name, key, &text);

  if (status == 0) {
    *data = keep(host, text.data, text.size);
    *size = text.size;
    if (*data == NULL)
      status = -1;
  }
  text_free(&text);
  return status;
}

void
host_print_looked(struct chanas_text *out, const char *base, const char *name)
{
  const char *data = getenv("CHANAS_DATA");

  if (*name != '/')
    text_print(out, " (looked in %s%s$CHANAS_DATA%s%s and the installed data "
               "folder)", base ? base : "", base ? ", " : "",
               data && *data ? " = " : ", which is not set,",
               data && *data ? data : "");
  text_print(out, "; DATA in chanas.ini(5) says where to get it");
}

/* Notes a name; 1 if it was noted before. */
static int
noted(struct host *host, const char *name)
{
  const char *data = text_string(&host->missing);

  for (size_t at = 0; at < host->missing.size; at += strlen(data + at) + 1)
    if (strcmp(data + at, name) == 0)
      return 1;
  text_append(&host->missing, name, strlen(name) + 1);
  return 0;
}

static const char *
host_data(void *ctx, const char *name)
{
  struct host *host = ctx;
  char *path = file_find_data(host->base, name), *kept = NULL;
  struct chanas_text looked = { 0 };

  if (path) {
    kept = keep(host, path, strlen(path));
    free(path);
    return kept;
  }
  pthread_mutex_lock(&host->lock);
  if (!noted(host, name)) {
    host_print_looked(&looked, host->base, name);
    log_error("plugin %s: there is no data file '%s'%s",
              host->plugin->head.name, name, text_string(&looked));
    text_free(&looked);
  }
  pthread_mutex_unlock(&host->lock);
  return NULL;
}

static struct chanas_network *
host_network(void *ctx, const int32_t *choice)
{
  struct host *host = ctx;

  if (host->networks.build)
    return host->networks.build(host->networks.family, choice);
  log_error("plugin %s asks for a network, but only estimators are given any",
            host->plugin->head.name);
  return NULL;
}

static void
host_progress(void *ctx, const char *what, double done, double total,
              const char *note)
{
  struct host *host = ctx;

  if (host->phase && (what == NULL || strcmp(what, host->phase) != 0)) {
    progress_end();
    free(host->phase);
    host->phase = NULL;
  }
  if (what == NULL)
    return;
  if (host->phase == NULL) {
    host->phase = mem_string(what);
    progress_begin(host->phase, total);
  }
  progress_update(done, note);
}

/* What a plugin that may make no network can have none of to free. */
static void
discard_nothing(struct chanas_network *net)
{
  (void)net;
}

void
host_networks(struct host *host, struct host_networks networks)
{
  host->networks = networks;
  host->services.discard = networks.discard;
}

/* ---- open and close ---- */

static void
fill_services(struct host *host)
{
  host->services = (struct chanas_host){
    .struct_size = sizeof host->services,
    .api_version = CHANAS_API_VERSION,
    .ctx = host,
    .log = host_log,
    .get = host_get,
    .get_int = host_get_int,
    .get_real = host_get_real,
    .alloc = host_alloc,
    .random = host_random,
    .parallel = host_parallel,
    .stopping = host_stopping,
    .store = host_store,
    .fetch = host_fetch,
    .data = host_data,
    .network = host_network,
    .progress = host_progress,
    .discard = discard_nothing,
  };
  host_access(&host->services);
}

struct host *
host_open(const struct plugin *plugin, const struct ini *ini,
          struct ini_section *section, const char *const ignore[],
          const struct rng *stream)
{
  struct host *host = mem_new(struct host);
  struct rng seed = stream ? *stream : rng_seed(0);

  host->plugin = plugin;
  host->stream = rng_split(&seed, plugin->head.name);
  host->base = ini && ini->path ? file_dirname(ini->path) : NULL;
  pthread_mutex_init(&host->lock, NULL);
  fill_services(host);
  if (host_read_section(host, ini, section, ignore) < 0) {
    host_close(host);
    return NULL;
  }
  return host;
}

const struct chanas_host *
host_services(struct host *host)
{
  return &host->services;
}

void
host_close(struct host *host)
{
  const struct chanas_param *param;

  if (host == NULL)
    return;
  host_progress(host, NULL, 0, 0, NULL);
  param = host->plugin->head.params;
  for (size_t i = 0; host->parameter && param && param[i].key; i++)
    free(host->parameter[i].text);
  while (host->blocks) {
    struct block_head *next = host->blocks->next;
    free(host->blocks);
    host->blocks = next;
  }
  free(host->parameter);
  free(host->base);
  text_free(&host->missing);
  pthread_mutex_destroy(&host->lock);
  free(host);
}
