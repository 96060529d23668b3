/* SPDX-License-Identifier: Apache-2.0 */
/* Batches of images: targets from labels, and smaller resolutions. */
#include <stdlib.h>
#include <string.h>
#include "supernet.h"

/* Label smoothing: Szegedy et al., CVPR 2016, section 7. */
static void
fill_target(struct batch *b, const struct images_batch *from,
            double smoothing)
{
  float rest = (float)(smoothing / b->classes);
  float hit = (float)(1 - smoothing);

  for (int32_t i = 0; i < b->n; i++) {
    float *t = b->target + (size_t)i * (size_t)b->classes;
    for (int32_t c = 0; c < b->classes; c++)
      t[c] = rest;
    t[from->label[i]] += hit * from->share;
    if (from->share < 1)
      t[from->other[i]] += hit * (1 - from->share);
  }
}

int
batch_take(struct supernet *net, struct batch *b,
           const struct images_batch *from, double smoothing)
{
  size_t need = from->n * (size_t)net->images->classes;

  if (b->target == NULL || (size_t)b->n < from->n) {
    free(b->target);
    b->target = malloc((need + 1) * sizeof *b->target);
    if (b->target == NULL)
      return FAIL(net->host, "out of memory");
  }
  b->n = (int32_t)from->n;
  b->classes = net->images->classes;
  b->x = from->x;
  b->small_size = 0;
  fill_target(b, from, smoothing);
  return 0;
}

struct resize { const float *from; float *to; int32_t n, h, oh, c; int bad; };

static void
resize_one(void *arg, size_t i)
{
  struct resize *r = arg;
  size_t in = (size_t)r->h * (size_t)r->h * (size_t)r->c;
  size_t out = (size_t)r->oh * (size_t)r->oh * (size_t)r->c;

  if (images_resize(r->from + i * in, r->h, r->h, r->c, r->to + i * out,
                    r->oh, r->oh) < 0)
    r->bad = 1;
}

const float *
batch_at(struct supernet *net, struct batch *b, int32_t resolution)
{
  const struct chanas_host *host = net->host;
  int32_t c = net->images->channels;
  size_t need = (size_t)b->n * (size_t)resolution * (size_t)resolution *
                (size_t)c;
  struct resize r = { b->x, NULL, b->n, net->images->size, resolution, c, 0 };

  if (resolution == net->images->size)
    return b->x;
  if (resolution == b->small_size)
    return b->small;
  if (need > b->small_room) {
    free(b->small);
    b->small = malloc(need * sizeof *b->small);
    b->small_room = b->small ? need : 0;
  }
  r.to = b->small;
  if (b->small && host->parallel(host->ctx, (size_t)b->n, resize_one,
                                 &r) == 0 && !r.bad) {
    b->small_size = resolution;
    return b->small;
  }
  (void)FAIL(host, "out of memory for %d images of %d x %d", b->n, resolution,
       resolution);
  return NULL;
}

void
batch_free(struct batch *b)
{
  free(b->target);
  free(b->small);
  *b = (struct batch){ 0 };
}
