/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Growing text, argument vectors and named files: what plugins write into.
 * A zeroed structure is an empty one; *_free leaves it empty again.
 */
#ifndef CORE_TEXT_H
#define CORE_TEXT_H
#include <stddef.h>
#include <chanas/plugin.h>

struct chanas_text { char *data; size_t size, room; }; /* data is terminated */
struct chanas_args { char **arg; size_t count; };      /* NULL-terminated */
struct chanas_files {
  size_t count;
  struct named_text { char *name; struct chanas_text text; } **file;
};

int text_print(struct chanas_text *, const char *fmt, ...)
  __attribute__((format(printf, 2, 3)));
void text_append(struct chanas_text *, const void *data, size_t size);
const char *text_string(const struct chanas_text *); /* "" when empty */
void text_free(struct chanas_text *);

int args_add(struct chanas_args *, const char *arg);
void args_free(struct chanas_args *);

struct chanas_text *files_get(struct chanas_files *, const char *name);
void files_free(struct chanas_files *);
#endif
