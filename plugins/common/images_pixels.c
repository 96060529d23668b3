/* SPDX-License-Identifier: Apache-2.0 */
/* Pixels of a set: normalisation by their mean and deviation, fetching. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "images_parts.h"

#define SAMPLE 4096 /* images of a folder that mean and std are taken from */

/* Bytes of image i of a part: where they are kept, or decoded into room;
 * NULL: broken and left out (*status 0), or to be refused (-1). */
static const uint8_t *
pixels(struct images *im, enum images_part part, uint32_t i, uint8_t *room,
       int *status)
{
  const struct images_set *set = im->set;
  const struct images_source *s = &set->source[set->from[part]];
  uint32_t at = set->index[part][i];
  char reason[IMAGES_REASON];

  *status = 0;
  if (s->pixel)
    return s->pixel + at * images_bytes(im);
  if (images_decode(s->name[at], im->size, im->channels, set->config.crop,
                    room, reason) == 0)
    return room;
  *status = images_broken(im, s->name[at], reason);
  return NULL;
}

struct moments { struct images *im; size_t step; uint64_t *sum; };

/* Sums and sums of squares of one image of the sample. */
static int
add_moments(void *arg, size_t i)
{
  struct moments *m = arg;
  struct images *im = m->im;
  size_t n = images_bytes(im);
  uint8_t *room = malloc(n);
  uint64_t sum[6] = { 0 };
  int status;
  const uint8_t *p = room ? pixels(im, IMAGES_TRAIN, (uint32_t)(i * m->step),
                                   room, &status) : NULL;

  if (room == NULL)
    return IMAGES_FAIL(im, "out of memory");
  for (size_t k = 0; p && k < n; k++) {
    size_t c = k % (size_t)im->channels;
    sum[2 * c] += p[k];
    sum[2 * c + 1] += (uint64_t)p[k] * p[k];
  }
  free(room);
  for (int c = 0; c < 6; c++)
    __atomic_fetch_add(&m->sum[c], sum[c], __ATOMIC_RELAXED);
  if (p)
    __atomic_fetch_add(&m->sum[6], 1, __ATOMIC_RELAXED);
  return p ? 0 : status;
}

static int
measure(struct images *im)
{
  const struct images_set *set = im->set;
  size_t n = im->count[IMAGES_TRAIN];
  uint64_t sum[7] = { 0 };
  struct moments m = { im, 1, sum };

  if (set->source[IMAGES_TRAIN].pixel == NULL && n > SAMPLE) {
    m.step = n / SAMPLE;
    n = SAMPLE;
  }
  if (images_work(set->config.threads, n, add_moments, &m) < 0)
    return -1;
  if (sum[6] == 0)
    return IMAGES_FAIL(im, "%s: no image can be read", set->path);
  for (int c = 0; c < im->channels; c++) {
    double pixel = (double)sum[6] * im->size * im->size * 255;
    double mean = (double)sum[2 * c] / pixel;
    double square = (double)sum[2 * c + 1] / pixel / 255;
    im->mean[c] = (float)mean;
    im->std[c] = (float)fmax(sqrt(fmax(square - mean * mean, 0)), 1e-3);
  }
  return 0;
}

int
images_normalise(struct images *im)
{
  const struct images_config *config = &im->set->config;

  if (config->normalised && config->normalised != im->channels)
    return IMAGES_FAIL(im, "mean and std are given for %d channels, but the "
                       "images have %d", config->normalised, im->channels);
  memcpy(im->mean, config->mean, sizeof im->mean);
  memcpy(im->std, config->std, sizeof im->std);
  if (!config->normalised && measure(im) < 0)
    return -1;
  for (int c = 0; c < im->channels; c++) {
    if (!(im->std[c] > 0) || !isfinite(im->std[c]) || !isfinite(im->mean[c]))
      return IMAGES_FAIL(im, "mean and std of channel %d must be finite, std "
                         "above 0", c);
    for (int v = 0; v < 256; v++)
      im->set->table[c][v] = ((float)v / 255 - im->mean[c]) / im->std[c];
  }
  return 0;
}

long
images_fetch(struct images *im, enum images_part part, size_t n,
             const uint32_t index[], float *x, int32_t *label, uint32_t *kept)
{
  const struct images_set *set = im->set;
  const int32_t *all = set->source[set->from[part]].label;
  size_t bytes = images_bytes(im), c = (size_t)im->channels;
  uint8_t *room = malloc(bytes);
  long rows = 0;

  if (room == NULL)
    return IMAGES_FAIL(im, "out of memory");
  for (size_t i = 0; i < n && rows >= 0; i++) {
    int status;
    const uint8_t *p = pixels(im, part, index[i], room, &status);
    if (p == NULL) {
      rows = status < 0 ? -1 : rows;
      continue;
    }
    for (size_t k = 0; k < bytes; k++)
      x[(size_t)rows * bytes + k] = set->table[k % c][p[k]];
    label[rows] = all[set->index[part][index[i]]];
    if (kept)
      kept[rows] = index[i];
    rows++;
  }
  free(room);
  return rows;
}
