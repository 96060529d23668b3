/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The latency table: SQLite, WAL, synchronous=FULL.  Every outcome of every
 * trial, failures too.  One transaction per table_put: what it acknowledged
 * survives kill -9.  Several processes may share a table.
 *
 * A target is device fingerprint + backend name and version + compiler
 * version + threads: latencies of different targets never mix.
 */
#ifndef CORE_TABLE_H
#define CORE_TABLE_H
#include <stdint.h>
#include <chanas/plugin.h>

struct table; /* opaque */

#define TABLE_APPLICATION_ID 0x63686e73 /* "chns" */
#define TABLE_SCHEMA 1

struct table_target {
  const char *device;      /* fingerprint */
  const char *description; /* device text, for people */
  const char *backend, *version, *compiler;
  int threads;
};

struct table_trial {
  int64_t id;              /* out */
  int64_t run;             /* 0: no run */
  const char *workload;    /* key */
  const char *policy;      /* space_print text */
  enum chanas_outcome outcome;
  double latency, ci;      /* seconds: median, half width of its 95 % CI;
                            * NaN when read unless MEASURED */
  double control;          /* seconds of the control kernel, same process;
                            * NaN: none */
  int preset;              /* 1: the backend's default policy */
  const char *detail;      /* first compiler error, signal name; may be "" */
};

struct table_network {
  int64_t run;
  const char *family, *code;
  const char *schedule;    /* hash over workload=policy pairs, hex */
  double predicted;        /* plain sum over blocks */
  double latency, ci, control;
  enum chanas_outcome outcome;
};

/* Creates it (folders too) when absent.  A newer schema, a foreign or a
 * damaged file: NULL, logged, file untouched; *code is the exit code. */
struct table *table_open(const char *path, int read_only, int *code);
void table_close(struct table *);
char *table_default_path(void); /* free it */

int64_t table_target(struct table *, const struct table_target *); /* id, -1 */
/* -1 (logged) leaves nothing of the batch. Fills in the ids. */
int table_put(struct table *, int64_t target, size_t n, struct table_trial[]);
/* Trials of one workload in order of id, ids in (after, upto]; upto 0: no
 * bound.  Stops when fn returns nonzero. */
int table_trials(struct table *, int64_t target, const char *workload,
                 int64_t after, int64_t upto,
                 int (*fn)(void *, const struct table_trial *), void *);
/* All workloads of a target in one pass, same order. */
int table_all_trials(struct table *, int64_t target, int64_t after,
                     int64_t upto,
                     int (*fn)(void *, const struct table_trial *), void *);
int64_t table_last_trial(struct table *); /* greatest id, 0 when empty */

int table_put_network(struct table *, int64_t target,
                      const struct table_network *);
/* family NULL: all of them. */
int table_networks(struct table *, int64_t target, const char *family,
                   int (*fn)(void *, const struct table_network *), void *);

/* Runs: watermark is table_last_trial at its start. */
int64_t table_start_run(struct table *, const char *config_hash,
                        int64_t *watermark);
int table_find_run(struct table *, int64_t run, const char *config_hash,
                   int64_t *watermark); /* -1, logged: other table or config */
/* Small private values of plugins and the core. */
int table_store(struct table *, const char *owner, const char *key,
                const void *data, size_t size);
int table_fetch(struct table *, const char *owner, const char *key,
                void **data, size_t *size); /* free(*data) */

/* The command's verbs. */
/* What is there for each target and workload, by target. */
struct table_entry {
  int64_t target;
  const char *device, *backend, *compiler; /* backend: name and version */
  int threads;
  const char *workload;    /* key */
  int64_t trials, failed;
  const char *kind;        /* "measured", or what the device's text says */
};
int table_list(struct table *, int (*fn)(void *, const struct table_entry *),
               void *);
int table_export_csv(struct table *, const char *path); /* "-": stdout */
int table_verify(struct table *); /* integrity_check and own invariants */
/* All or nothing; what is already here (target, workload, policy, time,
 * latency) is skipped.  How many trials came, -1. */
long table_merge(struct table *, const char *other);
#endif
