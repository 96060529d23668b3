/* SPDX-License-Identifier: Apache-2.0 */
/* What the files about INI documents share. */
#ifndef CORE_INI_PARTS_H
#define CORE_INI_PARTS_H
#include "ini.h"

#define INI_NAME_LIMIT 49 /* inih's MAX_NAME, MAX_SECTION, less the zero */

struct ini_section *ini_add_section(struct ini *, const char *name,
                                    size_t size, int line);
struct ini_entry *ini_add_entry(struct ini_section *, const char *key,
                                const char *value, int line);
/* Column, from 1, of the first byte that is no UTF-8 text or a control
 * character other than a tab; 0 if all is text. */
size_t ini_bad_byte(const char *text, size_t size);
#endif
