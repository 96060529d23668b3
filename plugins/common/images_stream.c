/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Batches ahead of the trainer.  Batch b of an epoch is made whole by one
 * thread, into slot b % slots, and taken in order; so what is in it does not
 * depend on the threads.  A slot is free once the batch before the one that
 * is being used was given back.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "augment.h"
#include "images_parts.h"
#include "seed.h"

struct slot {
  long made;         /* number of the batch that is ready; -1: none */
  long rows;         /* -1: failed */
  float share;
  float *x;
  int32_t *label, *other;
  uint32_t *index;
};

struct images_stream {
  struct images *images;
  struct images_stream_config config;
  size_t slots, batches;
  struct slot *slot;
  uint32_t *order;
  uint32_t epoch;
  pthread_mutex_t lock;
  pthread_cond_t changed;
  pthread_t *thread;
  int threads, ending;
  size_t working;    /* threads that make a batch */
  size_t next;       /* the batch that a thread makes next */
  size_t taken;      /* the batch that the trainer takes next */
};

static void
make(struct images_stream *s, size_t batch, struct slot *slot, float *scratch)
{
  const struct images_stream_config *c = &s->config;
  struct images *im = s->images;
  size_t first = batch * c->batch, n = im->count[c->part] - first;
  size_t size = images_bytes(im);

  n = n < c->batch ? n : c->batch;
  slot->rows = images_fetch(im, c->part, n, s->order + first, slot->x,
                            slot->label, slot->index);
  slot->share = 1;
  for (long i = 0; c->augment && i < slot->rows; i++)
    augment_image(c->augment, c->seed, s->epoch, slot->index[i], im->size,
                  im->size, im->channels, slot->x + (size_t)i * size, scratch);
  if (slot->rows < 0)
    return;
  if (c->augment && c->augment->mixup > 0)
    slot->share = augment_mixup(c->augment, c->seed, s->epoch,
                                (uint32_t)batch, (size_t)slot->rows, size,
                                slot->x, slot->label, slot->other);
  else
    memcpy(slot->other, slot->label, n * sizeof *slot->other);
}

/* With the lock held: may a thread begin batch s->next? */
static int
may_begin(const struct images_stream *s)
{
  size_t oldest = s->taken > 0 ? s->taken - 1 : 0; /* still being used */

  return s->next < s->batches && s->next < oldest + s->slots;
}

static void *
work(void *ptr)
{
  struct images_stream *s = ptr;
  float *scratch = malloc(images_bytes(s->images) * sizeof *scratch);

  pthread_mutex_lock(&s->lock);
  while (!s->ending) {
    size_t batch = s->next;
    struct slot *slot = &s->slot[batch % s->slots];
    if (!may_begin(s)) {
      pthread_cond_wait(&s->changed, &s->lock);
      continue;
    }
    s->next++;
    s->working++;
    slot->made = -1;
    pthread_mutex_unlock(&s->lock);
    slot->rows = -1;
    if (scratch)
      make(s, batch, slot, scratch);
    else
      IMAGES_LOG(s->images, ERROR, "out of memory");
    pthread_mutex_lock(&s->lock);
    slot->made = (long)batch;
    s->working--;
    pthread_cond_broadcast(&s->changed);
  }
  pthread_mutex_unlock(&s->lock);
  free(scratch);
  return NULL;
}

size_t
images_stream_batches(const struct images_stream *s)
{
  return s->batches;
}

/* Fisher and Yates, by seed and epoch. */
static void
shuffle(struct images_stream *s)
{
  size_t n = s->images->count[s->config.part];
  uint64_t state = seed_of(s->config.seed ^ UINT64_C(0x6f72646572), s->epoch,
                           n);

  for (size_t i = 0; i < n; i++)
    s->order[i] = (uint32_t)i;
  for (size_t i = n; s->config.shuffle && i > 1; i--) {
    size_t k = seed_below(&state, (uint32_t)i);
    uint32_t swap = s->order[k];
    s->order[k] = s->order[i - 1];
    s->order[i - 1] = swap;
  }
}

void
images_stream_start(struct images_stream *s, uint32_t epoch, size_t first)
{
  pthread_mutex_lock(&s->lock);
  s->next = s->batches; /* nobody begins */
  while (s->working > 0)
    pthread_cond_wait(&s->changed, &s->lock);
  s->epoch = epoch;
  shuffle(s);
  for (size_t i = 0; i < s->slots; i++)
    s->slot[i].made = -1;
  s->next = s->taken = first;
  pthread_cond_broadcast(&s->changed);
  pthread_mutex_unlock(&s->lock);
}

int
images_next(struct images_stream *s, struct images_batch *out)
{
  size_t batch = s->taken;
  struct slot *slot = &s->slot[batch % s->slots];

  if (batch >= s->batches)
    return 0;
  pthread_mutex_lock(&s->lock);
  while (slot->made != (long)batch)
    pthread_cond_wait(&s->changed, &s->lock);
  s->taken++; /* gives back the batch before */
  pthread_cond_broadcast(&s->changed);
  pthread_mutex_unlock(&s->lock);
  if (slot->rows < 0)
    return -1;
  *out = (struct images_batch){
    .n = (size_t)slot->rows, .x = slot->x, .label = slot->label,
    .other = slot->other, .share = slot->share, .index = slot->index };
  return 1;
}

void
images_stream_close(struct images_stream *s)
{
  if (s == NULL)
    return;
  pthread_mutex_lock(&s->lock);
  s->ending = 1;
  pthread_cond_broadcast(&s->changed);
  pthread_mutex_unlock(&s->lock);
  while (s->threads > 0)
    pthread_join(s->thread[--s->threads], NULL);
  pthread_cond_destroy(&s->changed);
  pthread_mutex_destroy(&s->lock);
  for (size_t i = 0; s->slot && i < s->slots; i++) {
    free(s->slot[i].x);
    free(s->slot[i].label);
    free(s->slot[i].other);
    free(s->slot[i].index);
  }
  free(s->slot);
  free(s->order);
  free(s->thread);
  free(s);
}

static int
make_slots(struct images_stream *s)
{
  size_t rows = s->config.batch, size = images_bytes(s->images);

  s->slot = calloc(s->slots, sizeof *s->slot);
  s->order = calloc(s->images->count[s->config.part] + 1, sizeof *s->order);
  s->thread = calloc((size_t)s->config.threads, sizeof *s->thread);
  for (size_t i = 0; s->slot && i < s->slots; i++) {
    struct slot *slot = &s->slot[i];
    slot->made = -1;
    slot->x = calloc(rows * size, sizeof *slot->x);
    slot->label = calloc(rows, sizeof *slot->label);
    slot->other = calloc(rows, sizeof *slot->other);
    slot->index = calloc(rows, sizeof *slot->index);
    if (!slot->x || !slot->label || !slot->other || !slot->index)
      return -1;
  }
  return s->slot && s->order && s->thread ? 0 : -1;
}

struct images_stream *
images_stream_open(struct images *im, const struct images_stream_config *c)
{
  struct images_stream *s = calloc(1, sizeof *s);
  size_t n = im->count[c->part];

  if (s == NULL) {
    IMAGES_LOG(im, ERROR, "out of memory");
    return NULL;
  }
  s->images = im;
  s->config = *c;
  if (s->config.threads < 1)
    s->config.threads = 1;
  s->slots = 1 + (c->ahead ? c->ahead : 2 * (size_t)s->config.threads);
  s->batches = c->drop_last ? n / c->batch : (n + c->batch - 1) / c->batch;
  s->next = s->taken = s->batches; /* until the first start */
  pthread_mutex_init(&s->lock, NULL);
  pthread_cond_init(&s->changed, NULL);
  if (make_slots(s) < 0)
    IMAGES_LOG(im, ERROR, "out of memory for %zu batches of %zu", s->slots,
               c->batch);
  else
    while (s->threads < s->config.threads &&
           pthread_create(&s->thread[s->threads], NULL, work, s) == 0)
      s->threads++;
  if (s->threads > 0)
    return s;
  if (s->thread)
    IMAGES_LOG(im, ERROR, "no thread can be started");
  images_stream_close(s);
  return NULL;
}
