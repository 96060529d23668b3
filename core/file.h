/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files: read whole, written whole or not at all, found where the user
 * expects them.
 */
#ifndef CORE_FILE_H
#define CORE_FILE_H
#include <stddef.h>
#include "text.h"

/* Whole content, terminated with a zero byte beyond size; -1 and a log line. */
int file_read(const char *path, size_t limit, struct chanas_text *out);
/* Temporary file beside path, fsync, rename, fsync of the folder. */
int file_write(const char *path, const void *data, size_t size);
int file_make_dirs(const char *path); /* mkdir -p */
/* name absolute or found below base (folder of the INI, may be NULL), then
 * $CHANAS_DATA, then the installed data folder; NULL if absent (no log).
 * Free it. */
char *file_find_data(const char *base, const char *name);
/* The same for space and device files: base, $CHANAS_ETC, installed. */
char *file_find_etc(const char *base, const char *name);
/* XDG_DATA_HOME/chanas/name etc.; free it; NULL without a home. */
char *file_xdg_data(const char *name);
char *file_xdg_cache(const char *name);
char *file_join(const char *dir, const char *name); /* free it */
char *file_dirname(const char *path);               /* free it */
#endif
