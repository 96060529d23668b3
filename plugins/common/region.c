/* SPDX-License-Identifier: Apache-2.0 */
#include "region.h"
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include "kernel.h"

#define HUGE_PAGE ((size_t)2 << 20)
#define PART (16 * HUGE_PAGE) /* address space; pages come when used */

struct region_part {
  struct region_part *next;
  void *map;
  size_t size;
};

static void *
map(size_t bytes)
{
  void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

  return p == MAP_FAILED ? NULL : p;
}

/* A part with room for so many bytes; where address space is short, with
 * room for no more. */
static int
grow(struct region *r, size_t bytes)
{
  struct region_part *part = malloc(sizeof *part);
  size_t need = (bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
  uintptr_t start;

  if (part == NULL)
    return -1;
  part->size = (need > PART ? need : PART) + HUGE_PAGE;
  part->map = map(part->size);
  if (part->map == NULL) {
    part->size = need + HUGE_PAGE;
    part->map = map(part->size);
  }
  if (part->map == NULL) {
    free(part);
    return -1;
  }
  start = ((uintptr_t)part->map + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
  r->at = (char *)start;
  r->end = (char *)part->map + part->size;
  madvise(r->at, (size_t)(r->end - r->at) / HUGE_PAGE * HUGE_PAGE,
          MADV_HUGEPAGE); /* a wish: it may be refused */
  part->next = r->part;
  r->part = part;
  return 0;
}

void *
region_take(struct region *r, size_t bytes)
{
  void *p;

  bytes = (bytes + KERNEL_ALIGN - 1) / KERNEL_ALIGN * KERNEL_ALIGN;
  if (bytes > (size_t)(r->end - r->at) && grow(r, bytes))
    return NULL;
  p = r->at;
  r->at += bytes;
  return p;
}

void
region_free(struct region *r)
{
  while (r->part) {
    struct region_part *part = r->part;
    r->part = part->next;
    munmap(part->map, part->size);
    free(part);
  }
  *r = (struct region){ 0 };
}
