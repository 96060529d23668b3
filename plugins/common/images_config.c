/* SPDX-License-Identifier: Apache-2.0 */
/* The keys of IMAGES_PARAMS as a configuration. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "images.h"

/* As many numbers as there are, at most 3; how many, -1 (logged). */
static int
numbers(const struct chanas_host *host, const char *key, float out[3])
{
  const char *text = host->get(host->ctx, key), *at = text;
  int n = 0;

  for (at += strspn(at, " ,"); *at; n++) {
    char *end;
    double value = strtod(at, &end);
    if (end == at || n == 3 || !isfinite(value) ||
        (*end && !strchr(" ,", *end))) {
      host->log(host->ctx, CHANAS_ERROR, "%s = %s: must be one number for "
                "each channel, such as 0.5 0.5 0.5", key, text);
      return -1;
    }
    out[n] = (float)value;
    at = end + strspn(end, " ,");
  }
  return n;
}

int
images_configure(const struct chanas_host *host, struct images_config *c)
{
  int means, stds;

  *c = (struct images_config){ .log = host->log, .ctx = host->ctx };
  c->path = host->data(host->ctx, host->get(host->ctx, "data"));
  if (c->path == NULL)
    return -1;
  c->kind = host->get(host->ctx, "kind");
  c->size = (int32_t)host->get_int(host->ctx, "resolution");
  c->channels = (int32_t)host->get_int(host->ctx, "channels");
  c->crop = host->get_real(host->ctx, "crop");
  c->valid = host->get_real(host->ctx, "validation");
  c->broken = strcmp(host->get(host->ctx, "broken"), "skip") == 0
                ? IMAGES_SKIP : IMAGES_REFUSE;
  c->memory = (size_t)host->get_int(host->ctx, "memory") << 20;
  c->classes = host->get(host->ctx, "classes");
  means = numbers(host, "mean", c->mean);
  stds = numbers(host, "std", c->std);
  if (means < 0 || stds < 0)
    return -1;
  if (means != stds || means == 2) {
    host->log(host->ctx, CHANAS_ERROR, "mean has %d numbers, std %d: give "
              "both, one number for each channel", means, stds);
    return -1;
  }
  c->normalised = means;
  return 0;
}
