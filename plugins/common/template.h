/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Texts with {placeholders}, taken apart once and filled in often, and the
 * bounded text that they are filled into.
 */
#ifndef COMMON_TEMPLATE_H
#define COMMON_TEMPLATE_H
#include <stddef.h>
#include <stdint.h>

#define TEMPLATE_MAX_PARTS 64
#define FILLED_MAX 2048

struct template_part {
  const char *literal;     /* not terminated; NULL for a placeholder */
  size_t size;
  int field;               /* what the resolver said */
};

struct template {
  size_t parts;
  struct template_part part[TEMPLATE_MAX_PARTS];
};

/* The text is borrowed for the template's life.  field() turns the name of a
 * placeholder into a number from 0 up, or -1 if it knows none such.  NULL,
 * or what is wrong, in error. */
const char *template_parse(struct template *, const char *text,
                           int (*field)(void *arg, const char *name),
                           void *arg, char *error, size_t size);

struct filled {
  size_t size;
  int longer;              /* it did not fit */
  char text[FILLED_MAX];   /* terminated */
};

void filled_start(struct filled *);
void filled_text(struct filled *, const char *text, size_t size);
void filled_int(struct filled *, int64_t value);
#endif
