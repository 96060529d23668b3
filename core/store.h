/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small persistent store: FOLDER/OWNER/KEY, one file a value, written
 * whole or not at all.  The key, with odd characters as %XX, is the file's
 * name, so different keys never meet.
 */
#ifndef CORE_STORE_H
#define CORE_STORE_H
#include "text.h"

#define STORE_LIMIT (64u << 20) /* bytes of one value */

/* folder NULL: the XDG cache.  -1 and a log line where it cannot be. */
int store_put(const char *folder, const char *owner, const char *key,
              const void *data, size_t size);
/* -1 without a log line if the value is absent. */
int store_get(const char *folder, const char *owner, const char *key,
              struct chanas_text *out);
#endif
