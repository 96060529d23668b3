/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers by name, from a table whose names may repeat: a name stands for
 * the mean of its rows, its deviation for what lies within and between them.
 * Read-only once filled, then safe for any number of threads.
 */
#ifndef COMMON_VALUES_H
#define COMMON_VALUES_H
#include <stddef.h>
#include <chanas/plugin.h>

struct value_entry {
  char *name;
  size_t rows;
  double mean, spread, inner; /* running sums of squares over the rows */
};

struct values { /* a zeroed one is empty */
  size_t names, rows, room;
  struct value_entry *entry; /* open addressing; room is a power of two */
};

int values_add(struct values *, const char *name, double mean,
               double stddev); /* -1: out of memory */
int values_get(const struct values *, const char *name,
               struct chanas_estimate *); /* 0 if it is not there, else 1 */
void values_free(struct values *);
#endif
