/* SPDX-License-Identifier: Apache-2.0 */
/* What the system says of the processor. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cpu.h"

/* The first word of a file about a cache of the first CPU. */
static int
cache_word(int index, const char *name, char word[32])
{
  char path[96];
  FILE *f;
  int good;

  snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu0/cache/index%d/%s",
           index, name);
  f = fopen(path, "r");
  if (f == NULL)
    return 0;
  good = fscanf(f, "%31s", word) == 1;
  fclose(f);
  return good;
}

/* As the kernel knows it: the C library's sysconf() counts the shared L3 of
 * some CPUs wrongly. */
long
cpu_cache(int level)
{
  char word[32];
  int i;

  for (i = 0; cache_word(i, "level", word); i++) {
    if (atoi(word) != level || !cache_word(i, "type", word)
        || word[0] == 'I' || !cache_word(i, "size", word))
      continue;
    return atol(word) << (strchr(word, 'M') ? 20 : strchr(word, 'K') ? 10 : 0);
  }
  return 0;
}
