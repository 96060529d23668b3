/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Accuracy of one network with inherited parameters.  The statistics of
 * normalisation are taken anew for every network: those of a supernet fit
 * none of its networks (Guo et al., ECCV 2020, section 3.4).  They are those
 * of images changed as in training, since that is what the parameters were
 * fitted to; borders of black alone change variances a lot.
 */
#include <stdlib.h>
#include "head.h"
#include "supernet.h"

#define AT_ONCE 256 /* images */
#define PICK 0x7069636b /* "pick" */

/* What is done with each batch of a part. */
struct sweep {
  struct supernet *net;
  struct nn_store *store;
  struct nn_graph *graph;
  enum nn_mode mode;
  size_t images, right, batches;
  struct head *head; /* or NULL */
};

static int
one_batch(struct sweep *s, struct batch *b, const struct images_batch *from)
{
  struct supernet *net = s->net;
  const float *x, *y;

  b->n = (int32_t)from->n;
  b->x = from->x;
  b->small_size = 0;
  x = batch_at(net, b, s->graph->resolution);
  y = x ? nn_forward(net->engine, s->store, s->graph, s->mode, b->n, x)
        : NULL;
  if (y == NULL)
    return -1;
  s->right += nn_correct(b->n, s->graph->classes, y, from->label);
  if (s->head && head_take(s->head, from->n,
                           nn_tensor(net->engine, s->head->tensor),
                           from->label) < 0)
    return -1;
  s->images += from->n;
  s->batches++;
  return 0;
}

/* At most limit images of a part, always the same ones; 0: all. */
static int
sweep(struct sweep *s, enum images_part part, size_t limit)
{
  struct supernet *net = s->net;
  struct images_stream_config config = {
    .part = part, .batch = AT_ONCE, .shuffle = 1, .threads = 1,
    .seed = net->seed ^ 0x5c0e,
    .augment = s->mode == NN_STATS ? &net->recipe.augment : NULL };
  struct images_stream *stream = images_stream_open(net->images, &config);
  struct images_batch images;
  struct batch batch = { 0 };
  int status = 1;

  if (stream == NULL)
    return -1;
  images_stream_start(stream, 0, 0);
  while (status > 0 && (limit == 0 || s->images < limit)) {
    status = images_next(stream, &images);
    if (status > 0 && limit && s->images + images.n > limit)
      images.n = limit - s->images;
    if (status > 0 && one_batch(s, &batch, &images) < 0)
      status = -1;
  }
  images_stream_close(stream);
  batch_free(&batch);
  return status < 0 ? -1 : 0;
}

int
score_calibrate(struct supernet *net, struct nn_store *store,
                struct nn_graph *graph)
{
  struct sweep s = { net, store, graph, NN_STATS, 0, 0, 0, NULL };
  int status;

  nn_moments_begin(graph);
  status = sweep(&s, IMAGES_TRAIN, net->calibrate);
  if (status == 0 && s.batches > 0)
    nn_moments_end(graph, s.batches);
  return status;
}

int
score_part(struct supernet *net, struct nn_store *store,
           struct nn_graph *graph, enum images_part part, size_t limit,
           double *percent)
{
  struct sweep s = { net, store, graph, NN_EVAL, 0, 0, 0, NULL };

  if (sweep(&s, part, limit) < 0)
    return -1;
  *percent = s.images ? 100.0 * (double)s.right / (double)s.images : 0;
  return 0;
}

/* The same with a last layer of the network's own. */
static int
refit_part(struct supernet *net, struct nn_graph *graph,
           enum images_part part, double *percent)
{
  struct head head;
  struct sweep s = { net, &net->store, graph, NN_EVAL, 0, 0, 0, &head };
  int status = head_open(&head, net->host, graph, net->refit);

  if (status == 0)
    status = sweep(&s, part, net->validate);
  if (status == 0)
    status = head_right(&head, &s.right);
  head_close(&head);
  *percent = s.images ? 100.0 * (double)s.right / (double)s.images : 0;
  return status;
}

static int
inherited(struct supernet *net, struct nn_graph *graph,
          enum images_part part, double *percent)
{
  return net->refit ? refit_part(net, graph, part, percent) :
    score_part(net, &net->store, graph, part, net->validate, percent);
}

static int
by_supernet(struct supernet *net, const struct chanas_network *network,
            struct score *score)
{
  struct nn_graph *g = nn_graph_make(&net->store, net->host, network);
  int status;

  if (g == NULL)
    return -1;
  *score = (struct score){ 0 };
  status = score_calibrate(net, &net->store, g);
  if (status == 0)
    status = inherited(net, g, IMAGES_VALID, &score->validation);
  if (status == 0 && net->gap > 0)
    status = inherited(net, g, IMAGES_TRAIN, &score->training);
  nn_graph_free(g);
  return status;
}

int
score_network(struct supernet *net, const struct chanas_network *network,
              struct score *score)
{
  const struct chanas_host *host = net->host;
  const struct score *known = scores_find(net, host->code(network));
  int ask = net->naswot > 0;

  if (known) {
    *score = *known;
    if (known->asked || !ask)
      return 0;
  }
  if (host->stopping(host->ctx))
    return 1;
  if (!known && by_supernet(net, network, score) < 0)
    return -1;
  if (ask) {
    score->prior = prior_score(net, network);
    score->asked = 1;
  }
  return scores_add(net, host->code(network), score);
}

int
score_drawn(struct supernet *net, uint64_t i, struct chanas_network **out,
            struct score *score)
{
  const struct chanas_host *host = net->host;
  struct nn_rng rng = nn_rng_at(net->seed, PICK, i);
  int32_t *choice = malloc((net->knobs + 1) * sizeof *choice);
  struct chanas_network *network;
  int status;

  if (choice == NULL)
    return FAIL(host, "out of memory");
  sample_draw(net, &rng, 3, choice);
  network = host->network(host->ctx, choice);
  free(choice);
  if (network == NULL)
    return -1;
  status = score_network(net, network, score);
  if (status == 0)
    *out = network;
  else
    host->discard(network);
  return status;
}

double
score_inherited(const struct supernet *net, const struct score *score)
{
  double gap = score->training - score->validation;
  double value = score->validation - net->gap * (gap > 0 ? gap : 0);

  return value > 0 ? value : 0;
}

double
score_value(const struct supernet *net, const struct score *score)
{
  double value = score_inherited(net, score);

  if (net->prior == NULL)
    return value;
  return (value + net->naswot * prior_accuracy(net->prior, score->prior)) /
         (1 + net->naswot);
}
