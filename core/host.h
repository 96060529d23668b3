/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The services of one plugin instance: struct chanas_host filled for it,
 * its INI section checked against the plugin's params, its memory, its
 * random stream, its store.
 */
#ifndef CORE_HOST_H
#define CORE_HOST_H
#include <chanas/plugin.h>
#include "ini.h"
#include "registry.h"
#include "rng.h"

struct host; /* opaque */

/* Section and ini may be NULL (all defaults).  ignore[] names keys of the
 * section that are the core's own (NULL-terminated).  Bad values, unknown
 * keys, a missing data file: NULL, logged with file and line.  The ini is
 * borrowed till close.  The instance's stream is split off by the plugin's
 * name, so whoever opens a plugin twice (a tuner per block) gives two
 * streams; NULL is the stream of seed 0. */
struct host *host_open(const struct plugin *, const struct ini *,
                       struct ini_section *, const char *const ignore[],
                       const struct rng *stream);
const struct chanas_host *host_services(struct host *);
/* How host->network makes networks: of a family, which is borrowed.  (The
 * runner has hosts too, and no networks.) */
struct family;
struct host_networks {
  struct family *family;
  struct chanas_network *(*build)(struct family *, const int32_t *choice);
  void (*discard)(struct chanas_network *);
};
void host_networks(struct host *, struct host_networks);
void host_close(struct host *); /* frees everything alloc() gave */

/* How many threads host->parallel may use (default: online CPUs). */
void host_threads(int threads);
/* Folder of the persistent store; default XDG cache. */
void host_store_folder(const char *);
#endif
