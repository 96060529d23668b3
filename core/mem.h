/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that never fails: when the system has none left the process says so
 * and exits with code 1 (everything acknowledged is already in the table).
 */
#ifndef CORE_MEM_H
#define CORE_MEM_H
#include <stddef.h>

void *mem_alloc(size_t count, size_t size); /* zeroed; checked product */
void *mem_grow(void *, size_t count, size_t size); /* not zeroed beyond */
char *mem_string(const char *); /* strdup */
char *mem_print(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#define mem_new(type) ((type *)mem_alloc(1, sizeof(type)))
#define mem_array(type, n) ((type *)mem_alloc((n), sizeof(type)))
#endif
