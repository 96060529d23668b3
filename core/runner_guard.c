/* SPDX-License-Identifier: Apache-2.0 */
/*
 *   no access | canary ... data, aligned to its end ... canary | no access
 */
#include "runner.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define CANARY 0xc5
#define ALIGN 64
#define FRONT 256 /* canary bytes before the data at least */

static size_t
round_up(size_t n, size_t to)
{
  return (n + to - 1) / to * to;
}

int
guard_open(struct guard *g, size_t count)
{
  size_t page = (size_t)sysconf(_SC_PAGESIZE), bytes = count * sizeof(float);
  size_t room = round_up(bytes + FRONT, page);
  *g = (struct guard){.count = count, .size = room + 2 * page};
  void *map = mmap(NULL, g->size, PROT_NONE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (map == MAP_FAILED)
    return -1;
  g->map = map;
  if (mprotect(g->map + page, room, PROT_READ | PROT_WRITE)) {
    guard_close(g);
    return -1;
  }
  unsigned char *end = g->map + page + room;
  g->data = (float *)(end - round_up(bytes, ALIGN));
  memset(g->map + page, CANARY, (size_t)((unsigned char *)g->data -
                                         (g->map + page)));
  memset((unsigned char *)g->data + bytes, CANARY,
         (size_t)(end - (unsigned char *)g->data) - bytes);
  return 0;
}

void
guard_freeze(struct guard *g)
{
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  mprotect(g->map + page, g->size - 2 * page, PROT_READ);
}

static int
changed(const unsigned char *from, const unsigned char *to)
{
  for (; from < to; from++)
    if (*from != CANARY)
      return 1;
  return 0;
}

const char *
guard_broken(const struct guard *g)
{
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  const unsigned char *data = (const unsigned char *)g->data;
  if (changed(g->map + page, data))
    return "before the start";
  if (changed(data + g->count * sizeof(float), g->map + g->size - page))
    return "beyond the end";
  return NULL;
}

void
guard_close(struct guard *g)
{
  if (g->map)
    munmap(g->map, g->size);
  *g = (struct guard){0};
}
