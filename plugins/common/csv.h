/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables in CSV (RFC 4180: quoted fields, doubled quotes), plain or gzip,
 * with a header row.  Needs libc and zlib only, so plugins and tests compile
 * it in.  Nothing is printed: every failure leaves "file:line: what; remedy"
 * in error.
 *
 *   struct csv *csv = csv_open(path, error, sizeof error);
 *   long arch = csv_column(csv, "arch");         -1: error is set
 *   while ((n = csv_next(csv)) > 0)
 *     use csv_text(csv, arch)                    until the next csv_next
 *   if (n < 0) complain with csv->error
 *   csv_close(csv);
 */
#ifndef COMMON_CSV_H
#define COMMON_CSV_H
#include <stddef.h>

#define CSV_ERROR 512

struct csv {
  size_t columns;
  char **column;          /* names, from the header row */
  unsigned long line;     /* where the current row begins, from 1 */
  char error[CSV_ERROR];  /* of the last failure */
  struct csv_reader *in;  /* internal */
};

/* NULL, and the message in error, if the file cannot be read, is empty, or
 * names a column twice or not at all. */
struct csv *csv_open(const char *path, char *error, size_t size);
void csv_close(struct csv *);
/* 1: a row is there; 0: end; -1: damaged file or row of another length. */
int csv_next(struct csv *);
long csv_column(struct csv *, const char *name); /* -1 if there is none */
const char *csv_text(const struct csv *, long column);
/* -1 if the field is not wholly a finite number. */
int csv_real(struct csv *, long column, double *out);
int csv_int(struct csv *, long column, long long *out);
#endif
