/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory of one program, in as few and as large pages as the system gives:
 * weights are read once per inference, and with 4 KiB pages each of them
 * costs a walk of the page table.
 */
#ifndef COMMON_REGION_H
#define COMMON_REGION_H
#include <stddef.h>

struct region { /* a zeroed one is empty */
  struct region_part *part; /* the newest first */
  char *at, *end;           /* what it has left */
};

/* Zeroed memory aligned to KERNEL_ALIGN, or NULL (errno is set).  It lasts
 * until region_free(). */
void *region_take(struct region *, size_t bytes);
void region_free(struct region *);
#endif
