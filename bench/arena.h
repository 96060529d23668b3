/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table of all points of a space as the place where strategies compete:
 * a strategy is loaded, opened and driven as the product does it, but its
 * trials are looked up.  Points are named by codes of one digit per knob.
 */
#ifndef BENCH_ARENA_H
#define BENCH_ARENA_H
#include <stddef.h>
#include <stdint.h>
#include <chanas/plugin.h>

/* A CSV: one code column, and the numeric columns asked for. */
struct sheet {
  size_t rows, digits, choices, columns;
  int32_t *code;  /* rows of digits */
  double *value;  /* rows of columns */
};
/* Plain or gzip.  Every code exactly once, or NULL (logged).  Rows come in
 * lexicographic order of the codes. */
struct sheet *sheet_read(const char *path, const char *code, size_t columns,
                         const char *const column[]);
void sheet_free(struct sheet *);
size_t place_of(const struct sheet *, const int32_t *code); /* its row */
/* Under $CHANAS_DATA; NULL, logged, if that is not set.  Free it. */
char *data_path(const char *name);

struct arena {
  const struct sheet *sheet;
  size_t goals;
  struct chanas_goal goal[4];
  size_t column[4]; /* of the sheet, for each goal */
  double limit;     /* on the last column; NAN if none */
};

struct contest {
  const char *strategy;
  const char **set; /* "key=value" of the strategy's own section */
  size_t sets;
  size_t budget, batch, rounds;
};

/* One search; the rows looked up, in order.  Returns how many, -1. */
long arena_search(const struct arena *, const struct contest *, uint64_t seed,
                  size_t *row);

/* fn for each seed first..first+n-1 in forked processes, as many as there
 * are CPUs; each fills its `width` numbers of out.  -1 if any failed. */
int each_seed(uint64_t first, size_t n, size_t width,
              int (*fn)(void *arg, uint64_t seed, double *out), void *arg,
              double *out);

struct moments { double mean, sd, error, least; };
/* Of column c of n rows of width numbers; error is that of the mean. */
struct moments moments_of(const double *row, size_t n, size_t width, size_t c);
double seconds_now(void);
#endif
