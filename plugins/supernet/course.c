/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Training, step by step.  What a step does follows from the seed and its
 * number alone: which images, how they are changed, which networks.  So a
 * course goes on from a checkpoint as if it had not stopped.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "supernet.h"

#define DRAW 0x64726177 /* which stream of random numbers: "draw" */

struct pass {             /* of one network in one step */
  struct course *course;
  struct batch *batch;
  float *gradient, *soft; /* n x classes; soft: the teacher's answer */
  int have_soft;
};

static double
now(void)
{
  struct timespec t;

  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* One network forwards and backwards; its answers are kept as the teaching
 * of those that follow if `teach`. */
static int
learn(struct pass *p, const int32_t *choice, int teach)
{
  struct course *c = p->course;
  struct supernet *net = c->net;
  struct nn_graph *g = sample_graph(net, c->store, choice);
  const float *x = g ? batch_at(net, p->batch, g->resolution) : NULL;
  const float *y = x ? nn_forward(net->engine, c->store, g, NN_TRAIN,
                                  p->batch->n, x) : NULL;
  double loss;

  if (y == NULL) {
    nn_graph_free(g);
    return -1;
  }
  loss = nn_loss(p->batch->n, g->classes, y,
                 p->have_soft ? p->soft : p->batch->target, 1, p->gradient);
  if (teach) {
    nn_softmax(p->batch->n, g->classes, y, p->soft);
    p->have_soft = 1;
    c->loss = c->step ? 0.98 * c->loss + 0.02 * loss : loss;
  }
  nn_backward(net->engine, c->store, g, p->gradient, NULL);
  nn_graph_free(g);
  return loss == loss ? 0 :
    FAIL(net->host, "%s: the loss is no number at step %llu; lower rate",
         c->name, (unsigned long long)c->step);
}

/* The answer of a network that does not learn itself. */
static int
ask_teacher(struct pass *p, struct nn_store *store, const int32_t *choice)
{
  struct supernet *net = p->course->net;
  struct nn_graph *g = sample_graph(net, store, choice);
  const float *x = g ? batch_at(net, p->batch, g->resolution) : NULL;
  const float *y;

  if (x == NULL) {
    nn_graph_free(g);
    return -1;
  }
  y = nn_forward(net->engine, store, g, NN_STATS, p->batch->n, x);
  if (y) {
    nn_softmax(p->batch->n, g->classes, y, p->soft);
    p->have_soft = 1;
  }
  nn_graph_free(g);
  return y ? 0 : -1;
}

/* The largest network as it was when the first phase ended. */
static int
ask_frozen(struct pass *p)
{
  struct course *c = p->course;
  float *values = c->store->value;
  int status;

  c->store->value = c->frozen;
  status = ask_teacher(p, c->store, c->net->largest);
  c->store->value = values;
  return status;
}

/* Progressive shrinking gives two fifths of the steps to the largest network
 * and a fifth each to kernels, depths and widths. */
static int
phase_of(uint64_t step, uint64_t steps)
{
  double at = 5.0 * (double)step / (double)steps;

  return at < 2 ? 0 : at < 3 ? 1 : at < 4 ? 2 : 3;
}

static int
shrink(struct pass *p, struct nn_rng *rng, int32_t *choice)
{
  struct course *c = p->course;
  int phase = phase_of(c->step, c->steps);

  if (phase == 0)
    return learn(p, c->net->largest, 1);
  if (c->step > 0 && phase_of(c->step - 1, c->steps) == 0)
    memcpy(c->frozen, c->store->value, c->store->params * sizeof(float));
  if (ask_frozen(p) < 0)
    return -1;
  for (int i = 0; i < (phase == 1 ? 1 : phase == 2 ? 2 : c->net->samples);
       i++) {
    sample_draw(c->net, rng, phase, choice);
    if (learn(p, choice, 0) < 0)
      return -1;
  }
  return 0;
}

static int
sandwich(struct pass *p, struct nn_rng *rng, int32_t *choice)
{
  struct supernet *net = p->course->net;

  if (learn(p, net->largest, 1) < 0 || learn(p, net->smallest, 0) < 0)
    return -1;
  for (int i = 0; i < net->samples; i++) {
    sample_draw(net, rng, 3, choice);
    if (learn(p, choice, 0) < 0)
      return -1;
  }
  return 0;
}

/* One network by itself: half of what it is told comes from its teacher,
 * if it has one (Hinton et al., arXiv 1503.02531, section 2). */
static int
alone(struct pass *p)
{
  struct course *c = p->course;
  size_t n = (size_t)p->batch->n * (size_t)p->batch->classes;

  if (c->teacher) {
    if (ask_teacher(p, c->teacher, c->net->largest) < 0)
      return -1;
    for (size_t i = 0; i < n; i++)
      p->batch->target[i] = 0.5f * (p->batch->target[i] + p->soft[i]);
    p->have_soft = 0;
  }
  return learn(p, c->only, 1);
}

static int
step(struct pass *p)
{
  struct course *c = p->course;
  struct supernet *net = c->net;
  struct nn_rng rng = nn_rng_at(net->seed, DRAW, c->step);
  int32_t *choice = malloc((net->knobs + 1) * sizeof *choice);
  int status = -1;

  p->have_soft = 0;
  if (choice == NULL)
    return FAIL(net->host, "out of memory");
  if (c->only)
    status = alone(p);
  else if (net->way == WAY_SPOS) {
    sample_draw(net, &rng, 3, choice);
    status = learn(p, choice, 1);
  } else if (net->way == WAY_SANDWICH)
    status = sandwich(p, &rng, choice);
  else
    status = shrink(p, &rng, choice);
  free(choice);
  if (status < 0)
    return -1;
  nn_optim_step(&c->optim, c->store,
                nn_rate(c->recipe->rate, c->step,
                        (uint64_t)(c->recipe->warmup *
                                   (double)c->per_epoch), c->steps),
                net->threads);
  c->step++;
  return 0;
}

/* ---- the loop */

struct clock { double begun, saved; uint64_t from; };

static void
tell(const struct course *c, const struct clock *k)
{
  const struct chanas_host *host = c->net->host;
  double took = now() - k->begun;
  uint64_t done = c->step - k->from;
  char note[96];

  snprintf(note, sizeof note, "epoch %.1f of %.1f, loss %.3f, %.0f images/s",
           (double)c->step / (double)c->per_epoch,
           (double)c->steps / (double)c->per_epoch, c->loss,
           took > 0 ? (double)done * c->recipe->batch / took : 0);
  host->progress(host->ctx, c->name, (double)c->step, (double)c->steps, note);
}

/* A checkpoint now and then, and when the user wants to stop: 1. */
static int
pause_if_due(struct course *c, struct clock *k)
{
  const struct chanas_host *host = c->net->host;
  int stop = host->stopping(host->ctx);

  tell(c, k);
  if (!stop && now() - k->saved < c->net->every)
    return 0;
  k->saved = now();
  return checkpoint_write(c) < 0 ? -1 : stop;
}

static int
one_batch(struct course *c, struct pass *p, struct images_stream *stream)
{
  struct images_batch images;
  int status = images_next(stream, &images);

  if (status <= 0)
    return status;
  if (batch_take(c->net, p->batch, &images, c->recipe->smoothing) < 0 ||
      step(p) < 0)
    return -1;
  return 1;
}

static int
epochs(struct course *c, struct pass *p, struct images_stream *stream)
{
  struct clock k = { now(), now(), c->step };
  int status = 0;

  while (c->step < c->steps) {
    uint64_t begun = c->step;
    images_stream_start(stream, (uint32_t)(c->step / c->per_epoch),
                        c->step % c->per_epoch);
    while (c->step < c->steps && (status = one_batch(c, p, stream)) > 0)
      if ((status = pause_if_due(c, &k)) != 0)
        return status;
    if (status < 0)
      return -1;
    if (c->step == begun)
      return FAIL(c->net->host, "no batch could be read");
    /* files that broke meanwhile shorten an epoch, not the count of steps */
    if (c->step % c->per_epoch && c->step < c->steps)
      c->step += c->per_epoch - c->step % c->per_epoch;
  }
  return checkpoint_write(c);
}

static int
with_stream(struct course *c)
{
  struct supernet *net = c->net;
  struct images_stream_config config = {
    .part = IMAGES_TRAIN, .batch = (size_t)c->recipe->batch, .shuffle = 1,
    .drop_last = 1, .threads = 1, .seed = net->seed,
    .augment = &c->recipe->augment };
  struct images_stream *stream = images_stream_open(net->images, &config);
  struct batch batch = { 0 };
  size_t size = (size_t)c->recipe->batch * (size_t)net->images->classes;
  struct pass p = { c, &batch, malloc(size * sizeof *p.gradient),
                    malloc(size * sizeof *p.soft), 0 };
  int status = -1;

  if (stream && p.gradient && p.soft)
    status = epochs(c, &p, stream);
  free(p.gradient);
  free(p.soft);
  batch_free(&batch);
  if (stream)
    images_stream_close(stream);
  return status;
}

static int
begin(struct course *c)
{
  struct supernet *net = c->net;

  c->per_epoch = net->images->count[IMAGES_TRAIN] / (size_t)c->recipe->batch;
  if (c->per_epoch == 0)
    return FAIL(net->host, "batch = %d is more than the %zu training images",
                c->recipe->batch, net->images->count[IMAGES_TRAIN]);
  c->steps = (uint64_t)(c->recipe->epochs * (double)c->per_epoch + 0.5);
  c->optim = c->recipe->optim;
  if (nn_optim_open(&c->optim, c->store) < 0)
    return -1;
  if (!c->only && net->way == WAY_SHRINKING) {
    c->frozen = malloc(c->store->params * sizeof *c->frozen);
    if (c->frozen == NULL)
      return FAIL(net->host, "out of memory");
    memcpy(c->frozen, c->store->value, c->store->params * sizeof *c->frozen);
  }
  return 0;
}

int
course_run(struct course *c)
{
  int status = begin(c);

  if (status == 0 && (status = checkpoint_read(c)) >= 0)
    status = c->step < c->steps ? with_stream(c) : 0;
  c->net->host->progress(c->net->host->ctx, NULL, 0, 0, NULL);
  if (status == 0 && c->optim.mean)
    memcpy(c->store->value, c->optim.mean, c->store->params * sizeof(float));
  return status;
}

void
course_free(struct course *c)
{
  nn_optim_close(&c->optim);
  free(c->frozen);
  c->frozen = NULL;
}
