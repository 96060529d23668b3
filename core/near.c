/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Edit distance with adjacent transpositions (Damerau 1964, the restricted
 * form), over names of at most NEAR_MAX characters; longer ones are never
 * near anything.
 */
#include "near.h"
#include <stddef.h>
#include <string.h>
#include <strings.h>

#define NEAR_MAX 64

static size_t
least(size_t a, size_t b)
{
  return a < b ? a : b;
}

static size_t
distance(const char *a, const char *b)
{
  size_t n = strlen(a), m = strlen(b), d[3][NEAR_MAX + 1];
  if (n > NEAR_MAX || m > NEAR_MAX)
    return NEAR_MAX;
  for (size_t j = 0; j <= m; j++)
    d[0][j] = j;
  for (size_t i = 1; i <= n; i++) {
    size_t *row = d[i % 3], *up = d[(i - 1) % 3], *up2 = d[(i + 1) % 3];
    row[0] = i;
    for (size_t j = 1; j <= m; j++) {
      row[j] = least(least(up[j] + 1, row[j - 1] + 1),
                     up[j - 1] + (a[i - 1] != b[j - 1]));
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = least(row[j], up2[j - 2] + 1);
    }
  }
  return d[n % 3][m];
}

const char *
near_name(const char *name, const char *const list[])
{
  const char *best = NULL;
  size_t limit = strlen(name) / 3 + 1, smallest = limit + 1;
  for (size_t i = 0; list && list[i]; i++) {
    size_t d = strcasecmp(name, list[i]) ? distance(name, list[i]) : 0;
    if (d < smallest && d < strlen(list[i])) {
      smallest = d;
      best = list[i];
    }
  }
  return best;
}
