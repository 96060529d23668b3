/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Candidates of a block, and blocks of a network, have many inner kernels in
 * common.  A kernel is printed here first and then goes out under a name that
 * is the hash of its text, guarded, so that a translation unit holds it once.
 */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include "emit.h"

int
emit_draft(struct emitter *e, const char *fmt, ...)
{
  va_list list;
  int need;

  va_start(list, fmt);
  need = vsnprintf(e->draft + e->size, e->room - e->size, fmt, list);
  va_end(list);
  if (need < 0)
    return -1;
  if ((size_t)need >= e->room - e->size) {
    size_t room = 2 * (e->size + (size_t)need) + 4096;
    char *more = realloc(e->draft, room);
    if (more == NULL)
      return -1;
    e->draft = more;
    e->room = room;
    va_start(list, fmt);
    vsnprintf(e->draft + e->size, room - e->size, fmt, list);
    va_end(list);
  }
  e->size += (size_t)need;
  return 0;
}

void
emit_share(struct emitter *e)
{
  e->drafting = 1;
  e->size = 0;
}

/* FNV-1a, 64 bits (Fowler, Noll and Vo). */
static unsigned long long
hash(const char *text, size_t size)
{
  uint64_t h = 0xcbf29ce484222325;
  size_t i;

  for (i = 0; i < size; i++)
    h = (h ^ (unsigned char)text[i]) * 0x100000001b3;
  return h;
}

unsigned long long
emit_shared(struct emitter *e)
{
  unsigned long long h = hash(e->draft, e->size);

  e->drafting = 0;
  if (!e->failed)
    PRINT(e, "#ifndef CH_K%016llx\n#define CH_K%016llx\n"
          "CH_KERNEL void ch_k%016llx%s#endif\n", h, h, h, e->draft);
  return h;
}
