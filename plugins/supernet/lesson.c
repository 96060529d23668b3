/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One network trained by itself, from scratch or from what it inherits, and
 * handed out: parameters of each block with normalisation folded, ranges of
 * its tensors, accuracy on every part.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "supernet.h"

#define RANGE_IMAGES 1024

struct taught {
  struct nn_store store;
  struct nn_graph *graph;
  size_t blocks;
  float **value, **range;
};

void
lesson_free(struct supernet *net)
{
  struct taught *t = net->taught;

  if (t == NULL)
    return;
  for (size_t b = 0; b < t->blocks; b++) {
    if (t->value)
      free(t->value[b]);
    if (t->range)
      free(t->range[b]);
  }
  free(t->value);
  free(t->range);
  nn_graph_free(t->graph);
  nn_store_free(&t->store);
  free(t);
  net->taught = NULL;
}

/* The network's own parameters: new ones, or what it inherits. */
static int
begin(struct supernet *net, struct taught *t,
      const struct chanas_network *network, int scratch)
{
  struct nn_graph *own;
  int status;

  if (nn_store_add(&t->store, net->host, network) < 0 ||
      nn_store_seal(&t->store, net->seed) < 0)
    return -1;
  t->graph = nn_graph_make(&t->store, net->host, network);
  if (t->graph == NULL || scratch)
    return t->graph ? 0 : -1;
  own = nn_graph_make(&net->store, net->host, network);
  if (own == NULL)
    return -1;
  status = nn_copy(&net->store, own, &t->store, t->graph);
  nn_graph_free(own);
  return status;
}

static int
study(struct supernet *net, struct taught *t,
      const struct chanas_network *network, int scratch)
{
  const struct chanas_host *host = net->host;
  const struct recipe *recipe = scratch ? &net->recipe : &net->lesson;
  const char *code = host->code(network);
  struct course c = { .net = net, .store = &t->store, .recipe = recipe,
                      .only = host->origin(network).choice };
  char path[4096], name[96];
  int status;

  c.identity = hash_of(net->identity, code, strlen(code));
  c.identity = hash_of(c.identity, &scratch, sizeof scratch);
  c.identity = hash_of(c.identity, &recipe->epochs, sizeof recipe->epochs);
  c.identity = hash_of(c.identity, &recipe->rate, sizeof recipe->rate);
  if (!scratch && net->distill) {
    c.identity = hash_of(c.identity, "distill", sizeof "distill");
    c.teacher = &net->store;
  }
  snprintf(path, sizeof path, "%s/network-%016" PRIx64 ".ckpt", net->folder,
           c.identity);
  snprintf(name, sizeof name, "%s %.40s", scratch ? "training" :
           "fine-tuning", code);
  c.path = path;
  c.name = name;
  status = course_run(&c);
  course_free(&c);
  return status;
}

/* ---- ranges */

/* max |x|, at least what is there already */
static void
widen(float *range, const float *x, size_t n)
{
  for (size_t i = 0; i < n; i++)
    if (fabsf(x[i]) > *range)
      *range = fabsf(x[i]);
}

/* Tensor 0 of a block is what its first op reads, tensor i + 1 what op i
 * writes; the last op's is no operand. */
static void
widen_all(struct taught *t, const struct nn_engine *engine,
          const struct nn_graph *g, const struct chanas_host *host,
          const struct chanas_network *network, size_t n)
{
  for (size_t i = 0; i < g->nodes; i++) {
    const struct nn_node *o = &g->node[i];
    float *range = o->block == NN_NO_BLOCK ? NULL : t->range[o->block];
    if (range == NULL)
      continue;
    if (o->op == 0)
      widen(&range[0], nn_tensor(engine, o->src), n * g->elements[o->src]);
    if (o->op + 1 < host->block(network, o->block)->ops)
      widen(&range[o->op + 1], nn_tensor(engine, o->dst),
            n * g->elements[o->dst]);
  }
}

static int
range_batches(struct supernet *net, struct taught *t,
              const struct nn_graph *g, const struct chanas_network *network,
              struct images_stream *stream)
{
  struct images_batch images;
  struct batch b = { 0 };
  size_t done = 0;
  int status = 1;

  images_stream_start(stream, 0, 0);
  while (done < RANGE_IMAGES && (status = images_next(stream, &images)) > 0) {
    const float *x;
    b.n = (int32_t)images.n;
    b.x = images.x;
    b.small_size = 0;
    x = batch_at(net, &b, g->resolution);
    if (x == NULL || nn_forward(net->engine, &t->store,
                                (struct nn_graph *)g, NN_KEEP, b.n, x)
        == NULL)
      status = -1;
    if (status < 0)
      break;
    widen_all(t, net->engine, g, net->host, network, images.n);
    done += images.n;
  }
  batch_free(&b);
  return status < 0 ? -1 : 0;
}

static int
find_ranges(struct supernet *net, struct taught *t,
            const struct chanas_network *network)
{
  struct images_stream_config config = { .part = IMAGES_TRAIN, .batch = 64,
                                         .shuffle = 1, .threads = 1,
                                         .seed = net->seed };
  struct nn_graph *g = nn_graph_plain(&t->store, net->host, network);
  struct images_stream *stream;
  int status = -1;

  if (g == NULL)
    return -1;
  memcpy(g->moment, t->graph->moment, g->stats * sizeof *g->moment);
  stream = images_stream_open(net->images, &config);
  if (stream) {
    status = range_batches(net, t, g, network, stream);
    images_stream_close(stream);
  }
  nn_graph_free(g);
  return status;
}

/* ---- handing out */

static int
make_room(struct supernet *net, struct taught *t,
          const struct chanas_network *network, int ranges)
{
  const struct chanas_host *host = net->host;

  t->blocks = host->blocks(network);
  t->value = calloc(t->blocks + 1, sizeof *t->value);
  t->range = calloc(t->blocks + 1, sizeof *t->range);
  for (size_t b = 0; t->value && t->range && b < t->blocks; b++) {
    const struct chanas_workload *work = host->block(network, b);
    t->value[b] = calloc(work->weights + 1, sizeof(float));
    if (ranges)
      t->range[b] = calloc(work->ops + 1, sizeof(float));
    if (t->value[b] == NULL || (ranges && t->range[b] == NULL))
      return FAIL(host, "out of memory");
  }
  return t->value && t->range ? 0 : FAIL(host, "out of memory");
}

static int
examine(struct supernet *net, struct taught *t, double accuracy[3])
{
  static const enum images_part part[3] = { IMAGES_TRAIN, IMAGES_VALID,
                                            IMAGES_TEST };

  if (score_calibrate(net, &t->store, t->graph) < 0)
    return -1;
  for (int i = 0; i < 3; i++) {
    accuracy[i] = NAN;
    if (net->images->count[part[i]] > 0 &&
        score_part(net, &t->store, t->graph, part[i],
                   i == 0 ? net->validate : 0, &accuracy[i]) < 0)
      return -1;
  }
  return 0;
}

static int
hand_out(struct supernet *net, struct taught *t,
         const struct chanas_network *network, int ranges,
         struct chanas_trained *out)
{
  if (make_room(net, t, network, ranges) < 0 ||
      examine(net, t, out->accuracy) < 0)
    return -1;
  for (size_t b = 0; b < t->blocks; b++)
    if (nn_fold(&t->store, t->graph, net->host, network, b,
                t->value[b]) < 0)
      return -1;
  if (ranges && find_ranges(net, t, network) < 0)
    return -1;
  out->resolution = t->graph->resolution;
  out->channels = net->images->channels;
  out->mean = net->images->mean;
  out->std = net->images->std;
  out->classes = net->images->classes;
  out->class_name = (const char *const *)net->images->class_name;
  out->blocks = t->blocks;
  out->value = (const float *const *)t->value;
  out->range = ranges ? (const float *const *)t->range : NULL;
  return 0;
}

int
lesson_train(struct supernet *net, const struct chanas_network *network,
             const struct chanas_lesson *lesson, struct chanas_trained *out)
{
  int status;

  lesson_free(net);
  net->taught = calloc(1, sizeof *net->taught);
  if (net->taught == NULL)
    return FAIL(net->host, "out of memory");
  status = begin(net, net->taught, network, lesson->scratch);
  if (status == 0)
    status = study(net, net->taught, network, lesson->scratch);
  return status ? status : hand_out(net, net->taught, network,
                                    lesson->ranges, out);
}
