/* SPDX-License-Identifier: Apache-2.0 */
/* Of a text of many candidates only one is compiled. */
#include "gpu_select.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "gpu_manifest.h"

static int
wanted(const char *line, const struct chanas_program *p)
{
  char name[GPU_NAME];
  size_t i;

  if (sscanf(line, "step %127s", name) != 1)
    return 1;
  for (i = 0; i < p->steps; i++)
    if (!strcmp(name, p->step[i].symbol))
      return 1;
  return 0;
}

char *
gpu_select(const char *text, const struct chanas_program *p)
{
  char *out = malloc(strlen(text) + 1), *to = out;
  const char *from = text, *at;

  if (out == NULL)
    return NULL;
  for (at = gpu_manifest_next(text); at; at = gpu_manifest_next(at)) {
    const char *end;
    if (wanted(at, p))
      continue;
    memcpy(to, from, (size_t)(at - from));
    to += at - from;
    *to++ = '\n';
    end = strstr(at, "\n" GPU_MARK "end ");
    if (end == NULL)
      break;
    at = from = end + 1 + strlen(GPU_MARK);
    from = strchr(at, '\n') ? strchr(at, '\n') : at + strlen(at);
  }
  strcpy(to, at == NULL ? from : "");
  return out;
}
