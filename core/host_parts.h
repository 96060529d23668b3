/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of a plugin instance (host.h), shared by the files that make one up:
 *
 *   host.c          opening and closing, the services
 *   host_section.c  the values of its section
 *   host_access.c   the services that need no instance
 */
#ifndef CORE_HOST_PARTS_H
#define CORE_HOST_PARTS_H
#include <pthread.h>
#include "host.h"
#include "param.h"

struct block_head; /* of the memory that a plugin was given, see host.c */

/* The value of a declared parameter; of a file, its full path. */
struct parameter {
  char *text; /* owned */
  struct param_value value;
};

struct host {
  struct chanas_host services;
  const struct plugin *plugin;
  char *base;                  /* folder of the INI file, or NULL */
  struct parameter *parameter; /* one for each of plugin->head.params */
  struct rng stream;
  struct block_head *blocks;
  struct host_networks networks; /* build NULL: none */
  char *phase;                 /* of which progress is shown, or NULL */
  struct chanas_text missing;  /* data names already complained about */
  pthread_mutex_t lock;        /* of stream, blocks, missing */
};

/* ---- host.c */
/* Says where a data file was looked for, in one line without the name. */
void host_print_looked(struct chanas_text *, const char *base,
                       const char *name);

/* ---- host_section.c */
/* Fills host->parameter in; -1, logged with file and line. */
int host_read_section(struct host *, const struct ini *,
                      struct ini_section *, const char *const ignore[]);
#endif
