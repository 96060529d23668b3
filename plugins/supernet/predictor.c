/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Accuracies of networks that were not scored: a perceptron with three
 * layers of 400 units over the one-hot code of the choices (Once-for-All,
 * section 3.4), fitted to networks that the supernet scored.  A fifth of
 * them is held out; what it says of these is reported.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "onehot.h"
#include "rank.h"
#include "supernet.h"

#define UNITS 400
#define LAYERS 4
#define EPOCHS 300
#define BATCH 32
#define MIX 0x6d6978    /* "mix" */

struct predictor {
  struct onehot code;
  struct nn_store store;
  struct nn_graph graph;
  struct nn_node node[LAYERS];
  size_t elements[LAYERS + 1];
  struct nn_engine *engine;
  size_t n, held;          /* samples; of them held out, the last ones */
  float *x;                /* n x width */
  double *y;               /* n, percent */
  double mean, scale, error;
  double *row;
};

/* ---- the network, out of nodes of the engine */

static int
make_layer(struct predictor *p, const struct chanas_host *host, int l)
{
  int32_t in = l ? UNITS : (int32_t)p->code.width;
  int32_t out = l + 1 < LAYERS ? UNITS : 1;
  struct nn_slot *slot = &p->store.slot[l];

  p->node[l] = (struct nn_node){
    .kind = CHANAS_LINEAR, .src = l, .dst = l + 1, .src2 = -1, .res = -1,
    .act = l + 1 < LAYERS ? CHANAS_ACT_RELU : CHANAS_ACT_NONE, .slot = l,
    .cin = in, .cout = out, .h = 1, .w = 1, .oh = 1, .ow = 1, .k = 1,
    .stride = 1 };
  *slot = (struct nn_slot){ .kind = CHANAS_LINEAR, .bias = 1, .cin = in,
                            .cout = out, .k = 1, .kernels = 1,
                            .kernel = { 1 }, .key = malloc(8) };
  if (slot->key == NULL)
    return FAIL(host, "out of memory");
  snprintf(slot->key, 8, "mlp%d", l);
  p->elements[l] = (size_t)in;
  p->elements[l + 1] = (size_t)out;
  return 0;
}

static int
make_network(struct predictor *p, struct supernet *net)
{
  const struct chanas_host *host = net->host;

  p->store = (struct nn_store){ .host = host, .slots = LAYERS };
  p->store.slot = calloc(LAYERS, sizeof *p->store.slot);
  if (p->store.slot == NULL)
    return FAIL(host, "out of memory");
  for (int l = 0; l < LAYERS; l++)
    if (make_layer(p, host, l) < 0)
      return -1;
  p->graph = (struct nn_graph){ .nodes = LAYERS, .tensors = LAYERS + 1,
                                .node = p->node, .elements = p->elements,
                                .output = LAYERS, .classes = 1,
                                .resolution = 1,
                                .channels = (int32_t)p->code.width };
  p->engine = nn_engine_open(host, net->threads);
  return p->engine ? nn_store_seal(&p->store, net->seed) : -1;
}

/* ---- samples */

static void
print_knob(FILE *out, const struct supernet *net, size_t k)
{
  const struct chanas_host *host = net->host;

  fprintf(out, " %s:", host->knob_name(net->space, k));
  for (size_t i = 0; i < host->choices(net->space, k); i++)
    fprintf(out, "%s%lld", i ? "," : "",
            (long long)host->knob_value(net->space, k, i));
}

/* All values of every knob. */
static int
open_code(struct predictor *p, struct supernet *net)
{
  const struct chanas_host *host = net->host;
  size_t room = 256;
  char *text;
  FILE *out;
  int status;

  for (size_t k = 0; k < net->knobs; k++)
    room += 128 + 24 * host->choices(net->space, k);
  text = malloc(room);
  out = text ? fmemopen(text, room, "w") : NULL;
  for (size_t k = 0; out && k < net->knobs; k++)
    print_knob(out, net, k);
  if (out)
    fclose(out);
  status = out ? onehot_open(&p->code, host, net->space, text)
               : FAIL(host, "out of memory");
  free(text);
  return status;
}

static void
encode(struct predictor *p, const struct chanas_host *host,
       const struct chanas_network *network, float *x)
{
  onehot_encode(&p->code, host, host->origin(network), p->row);
  for (size_t i = 0; i < p->code.width; i++)
    x[i] = (float)p->row[i];
}

/* Sample i.  1: stopped. */
static int
take_sample(struct predictor *p, struct supernet *net, size_t i)
{
  const struct chanas_host *host = net->host;
  struct chanas_network *network;
  struct score score;
  int status = score_drawn(net, i, &network, &score);

  if (status)
    return status;
  encode(p, host, network, p->x + i * p->code.width);
  p->y[i] = score_value(net, &score);
  host->discard(network);
  return 0;
}

static int
take_samples(struct predictor *p, struct supernet *net)
{
  const struct chanas_host *host = net->host;
  int status = 0;

  p->x = malloc(p->n * p->code.width * sizeof *p->x);
  p->y = malloc(p->n * sizeof *p->y);
  if (!p->x || !p->y)
    return FAIL(host, "out of memory");
  for (size_t i = 0; i < p->n && status == 0; i++) {
    host->progress(host->ctx, "scoring networks", (double)i, (double)p->n,
                   NULL);
    status = take_sample(p, net, i);
  }
  host->progress(host->ctx, NULL, 0, 0, NULL);
  return status;
}

/* ---- fitting */

static const float *
answers(struct predictor *p, size_t n, const float *x, enum nn_mode mode)
{
  return nn_forward(p->engine, &p->store, &p->graph, mode, (int32_t)n, x);
}

/* Mean squared error of one batch of training samples, drawn anew. */
static int
fit_batch(struct predictor *p, struct nn_optim *optim, struct nn_rng *rng,
          size_t n, double rate)
{
  size_t width = p->code.width;
  float *x = malloc(n * width * sizeof *x), want[BATCH], d[BATCH];
  const float *y;

  if (x == NULL)
    return -1;
  for (size_t i = 0; i < n; i++) {
    size_t from = nn_rng_below(rng, p->n - p->held);
    memcpy(x + i * width, p->x + from * width, width * sizeof *x);
    want[i] = (float)((p->y[from] - p->mean) / p->scale);
  }
  y = answers(p, n, x, NN_TRAIN);
  for (size_t i = 0; y && i < n; i++)
    d[i] = 2 * (y[i] - want[i]) / (float)n;
  if (y) {
    nn_backward(p->engine, &p->store, &p->graph, d, NULL);
    nn_optim_step(optim, &p->store, rate, nn_engine_threads(p->engine));
  }
  free(x);
  return y ? 0 : -1;
}

static void
standardise(struct predictor *p)
{
  size_t n = p->n - p->held;
  double sum = 0, square = 0;

  for (size_t i = 0; i < n; i++)
    sum += p->y[i];
  p->mean = sum / (double)n;
  for (size_t i = 0; i < n; i++)
    square += (p->y[i] - p->mean) * (p->y[i] - p->mean);
  p->scale = sqrt(square / (double)n);
  p->scale = p->scale > 1e-6 ? p->scale : 1e-6;
}

static int
fit(struct predictor *p, struct supernet *net)
{
  struct nn_optim optim = { .method = NN_ADAMW, .momentum = 0.9,
                            .beta2 = 0.999, .epsilon = 1e-8,
                            .decay = 1e-2 };
  size_t n = p->n - p->held, batch = n < BATCH ? n : BATCH;
  uint64_t steps = EPOCHS * ((n + batch - 1) / batch);
  int status = nn_optim_open(&optim, &p->store);

  standardise(p);
  for (uint64_t i = 0; i < steps && status == 0; i++) {
    struct nn_rng rng = nn_rng_at(net->seed, MIX, i);
    status = fit_batch(p, &optim, &rng, batch, nn_rate(1e-3, i, 0, steps));
  }
  nn_optim_close(&optim);
  return status;
}

/* What it says of the networks that it did not see. */
static int
report(struct predictor *p, struct supernet *net)
{
  const struct chanas_host *host = net->host;
  size_t from = p->n - p->held;
  double *said = malloc((p->held + 1) * sizeof *said), square = 0;
  const float *y = answers(p, p->held, p->x + from * p->code.width, NN_EVAL);

  if (y == NULL || said == NULL) {
    free(said);
    return -1;
  }
  for (size_t i = 0; i < p->held; i++) {
    said[i] = y[i] * p->scale + p->mean;
    square += (said[i] - p->y[from + i]) * (said[i] - p->y[from + i]);
  }
  p->error = sqrt(square / (double)p->held);
  host->log(host->ctx, CHANAS_INFO, "predictor: fitted to %zu networks; of "
            "%zu others it is %.2f points off (root mean square), Spearman "
            "%.3f, Kendall %.3f", from, p->held, p->error,
            rank_spearman(said, p->y + from, p->held),
            rank_kendall(said, p->y + from, p->held));
  free(said);
  return 0;
}

int
predictor_open(struct supernet *net, size_t samples)
{
  struct predictor *p = calloc(1, sizeof *p);
  int status;

  if (p == NULL)
    return FAIL(net->host, "out of memory");
  net->predictor = p;
  p->n = samples;
  p->held = samples / 5;
  status = open_code(p, net);
  p->row = calloc(p->code.width + 1, sizeof *p->row);
  if (status == 0 && p->row == NULL)
    status = FAIL(net->host, "out of memory");
  if (status == 0)
    status = take_samples(p, net);
  if (status == 0)
    status = make_network(p, net);
  if (status == 0)
    status = fit(p, net);
  return status == 0 ? report(p, net) : status;
}

int
predictor_estimate(struct supernet *net, const struct chanas_network *network,
                   struct chanas_estimate *out)
{
  struct predictor *p = net->predictor;
  float *x = malloc((p->code.width + 1) * sizeof *x);
  const float *y = NULL;

  if (x) {
    encode(p, net->host, network, x);
    y = answers(p, 1, x, NN_EVAL);
  }
  if (y) {
    double value = *y * p->scale + p->mean;
    *out = (struct chanas_estimate){ fmin(fmax(value, 0), 100), p->error };
  }
  free(x);
  return y ? 0 : FAIL(net->host, "out of memory");
}

void
predictor_close(struct predictor *p)
{
  if (p == NULL)
    return;
  nn_engine_close(p->engine);
  nn_store_free(&p->store);
  free(p->x);
  free(p->y);
  free(p->row);
  free(p);
}
