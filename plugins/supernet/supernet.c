/* SPDX-License-Identifier: Apache-2.0 */
/* The supernet estimator: its section read, trained when first needed. */
#include "supernet.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef _OPENMP
#include <omp.h>
#endif

static int
integer(const struct chanas_host *host, const char *key)
{
  return (int)host->get_int(host->ctx, key);
}

static double
real(const struct chanas_host *host, const char *key)
{
  return host->get_real(host->ctx, key);
}

static int
threads_of(const struct chanas_host *host)
{
  int threads = integer(host, "threads");

#ifdef _OPENMP
  if (threads == 0)
    threads = omp_get_num_procs();
#endif
  return threads > 0 ? threads : 1;
}

/* ---- images as the space wants them */

static int
open_images(struct supernet *net)
{
  const struct chanas_host *host = net->host;
  struct chanas_network *network = host->network(host->ctx, net->largest);
  struct images_config config;
  const struct chanas_op *first, *last;
  const struct chanas_workload *head;

  if (network == NULL || images_configure(host, &config) < 0)
    return -1;
  first = host->block(network, 0)->op;
  head = host->block(network, host->blocks(network) - 1);
  last = &head->op[head->ops - 1];
  if (config.size && config.size != first->h)
    return FAIL(host, "resolution = %d, but the largest network of the space "
                "takes %d; leave the key out", config.size, first->h);
  config.size = first->h;
  config.channels = first->cin;
  config.seed = net->seed;
  net->images = images_open(&config);
  if (net->images && net->images->classes != last->cout)
    (void)FAIL(host, "the images have %d classes, the space %d; set classes "
               "in the space file", net->images->classes, last->cout);
  host->discard(network);
  return net->images && net->images->classes == last->cout ? 0 : -1;
}

static void
read_augment(struct supernet *net, struct augment *augment)
{
  const struct chanas_host *host = net->host;

  *augment = (struct augment){ .pad = integer(host, "pad"),
                               .flip = integer(host, "flip"),
                               .cutout = integer(host, "cutout"),
                               .mixup = real(host, "mixup") };
  for (int c = 0; c < net->images->channels && c < 3; c++)
    augment->fill[c] = -net->images->mean[c] / net->images->std[c];
}

static void
read_recipe(struct supernet *net)
{
  const struct chanas_host *host = net->host;
  struct recipe *r = &net->recipe;

  *r = (struct recipe){
    .epochs = real(host, "epochs"), .warmup = real(host, "warmup"),
    .rate = real(host, "rate"), .smoothing = real(host, "smoothing"),
    .batch = integer(host, "batch"),
    .optim = { .momentum = real(host, "momentum"), .beta2 = 0.999,
               .epsilon = 1e-8, .nesterov = integer(host, "nesterov"),
               .decay = real(host, "decay"),
               .average = real(host, "average") } };
  if (strcmp(host->get(host->ctx, "optimiser"), "adamw") == 0)
    r->optim.method = NN_ADAMW;
  read_augment(net, &r->augment);
  net->lesson = *r;
  net->lesson.epochs = real(host, "finetune-epochs");
  net->lesson.rate = real(host, "finetune-rate");
  net->lesson.warmup = 0;
  net->distill = integer(host, "finetune-distill");
}

static void
read_way(struct supernet *net)
{
  const char *way = net->host->get(net->host->ctx, "method");

  net->way = strcmp(way, "spos") == 0 ? WAY_SPOS :
             strcmp(way, "sandwich") == 0 ? WAY_SANDWICH : WAY_SHRINKING;
  net->samples = integer(net->host, "samples");
  net->gap = real(net->host, "gap");
  net->calibrate = (size_t)integer(net->host, "calibrate");
  net->refit = integer(net->host, "refit");
  net->naswot = real(net->host, "naswot");
  net->validate = (size_t)integer(net->host, "validate");
  net->predictor_samples = (size_t)integer(net->host, "predictor");
  net->every = real(net->host, "checkpoint");
}

/* ---- what the trained parameters depend on */

static uint64_t
hash_text(uint64_t hash, const char *text)
{
  return hash_of(hash, text, strlen(text) + 1);
}

/* Keys that change what is trained, not where or how it is looked at. */
static const char *const trained_by[] = {
  "data", "kind", "crop", "mean", "std", "validation", "broken", "classes",
  "method", "samples", "epochs", "batch", "optimiser", "rate", "warmup",
  "momentum", "nesterov", "decay", "smoothing", "average", "pad", "flip",
  "cutout", "mixup", "seed", NULL
};
static const char *const scored_by[] = { "calibrate", "refit", "validate",
                                         NULL };

static uint64_t
hash_keys(const struct supernet *net, uint64_t hash, const char *const key[])
{
  for (size_t i = 0; key[i]; i++) {
    hash = hash_text(hash, key[i]);
    hash = hash_text(hash, net->host->get(net->host->ctx, key[i]));
  }
  return hash;
}

static uint64_t
identify(const struct supernet *net)
{
  uint64_t hash = hash_keys(net, HASH_BEGIN, trained_by);

  for (size_t i = 0; i < net->store.slots; i++) {
    const struct nn_slot *s = &net->store.slot[i];
    const int32_t size[] = { s->kind, s->cin, s->cout, s->k, s->squeeze,
                             s->norm, s->bias, s->kernels };
    hash = hash_text(hash, s->key);
    hash = hash_of(hash, size, sizeof size);
    hash = hash_of(hash, s->kernel, (size_t)s->kernels * sizeof *s->kernel);
  }
  hash = hash_of(hash, net->images->count, sizeof net->images->count);
  return hash_of(hash, &net->images->size, sizeof net->images->size);
}

/* ---- life */

static int
supernet_open(const struct chanas_host *host,
              const struct chanas_space *space, void **self)
{
  struct supernet *net = host->alloc(host->ctx, sizeof *net);

  if (net == NULL)
    return FAIL(host, "out of memory");
  *self = net;
  net->host = host;
  net->space = space;
  net->knobs = host->knobs(space);
  net->seed = (uint64_t)host->get_int(host->ctx, "seed");
  net->threads = threads_of(host);
  read_way(net);
  if (net->predictor_samples > 0 && net->predictor_samples < 10)
    return FAIL(host, "predictor = %zu is too few to fit anything to; give 0 "
                "or at least 10", net->predictor_samples);
  if (net->refit == 1)
    return FAIL(host, "refit = 1 leaves no images to fit to; give 0 or at "
                "least 2");
  if (sample_open(net) < 0 || open_images(net) < 0)
    return -1;
  read_recipe(net);
  net->engine = nn_engine_open(host, net->threads);
  if (net->engine == NULL)
    return -1;
  net->identity = identify(net);
  return 0;
}

static int
train_supernet(struct supernet *net)
{
  char path[4096];
  struct course c = { .net = net, .store = &net->store,
                      .recipe = &net->recipe, .identity = net->identity,
                      .name = "training the supernet", .path = path };
  int status;

  snprintf(path, sizeof path, "%s/supernet-%016" PRIx64 ".ckpt", net->folder,
           net->identity);
  status = course_run(&c);
  if (status == 0)
    net->host->log(net->host->ctx, CHANAS_INFO, "supernet of %zu parameters, "
                   "%.0f MiB of memory: %s", net->store.params,
                   (double)(nn_engine_bytes(net->engine) +
                            net->images->resident) / 1048576, path);
  course_free(&c);
  return status;
}

static int
supernet_prepare(void *self, const char *folder)
{
  struct supernet *net = self;
  int status;

  if (net->trained)
    return 0;
  net->folder = net->host->alloc(net->host->ctx, strlen(folder) + 1);
  if (net->folder == NULL)
    return FAIL(net->host, "out of memory");
  strcpy(net->folder, folder);
  if ((status = train_supernet(net)) != 0)
    return status;
  net->identity = hash_keys(net, net->identity, scored_by);
  net->identity = hash_text(net->identity, "statistics as in training");
  net->identity = hash_of(net->identity, &(int){ net->gap > 0 },
                          sizeof(int));
  if (scores_open(net) < 0)
    return -1;
  net->trained = 1;
  if (net->naswot > 0 && (status = prior_open(net)) != 0)
    return status;
  return net->predictor_samples ?
         predictor_open(net, net->predictor_samples) : 0;
}

static int
ready(const struct supernet *net)
{
  return net->trained ? 0 :
    FAIL(net->host, "the supernet was not trained: prepare() must come "
         "first");
}

static int
supernet_refine(void *self, size_t n,
                const struct chanas_network *const network[],
                struct chanas_estimate out[])
{
  struct supernet *net = self;

  if (ready(net) < 0)
    return -1;
  for (size_t i = 0; i < n; i++) {
    struct score score;
    int status = score_network(net, network[i], &score);
    size_t images = net->images->count[IMAGES_VALID];
    double p;
    if (status)
      return status;
    if (net->validate && net->validate < images)
      images = net->validate;
    p = score.validation / 100;
    out[i] = (struct chanas_estimate){
      score_value(net, &score),
      100 * sqrt(p * (1 - p) / (images ? (double)images : 1)) };
  }
  return 0;
}

static int
supernet_estimate(void *self, size_t n,
                  const struct chanas_network *const network[],
                  struct chanas_estimate out[])
{
  struct supernet *net = self;

  if (net->predictor == NULL)
    return supernet_refine(self, n, network, out);
  for (size_t i = 0; i < n; i++)
    if (predictor_estimate(net, network[i], &out[i]) < 0)
      return -1;
  return 0;
}

static int
supernet_train(void *self, const struct chanas_network *network,
               const struct chanas_lesson *lesson,
               struct chanas_trained *out)
{
  struct supernet *net = self;

  if (net->folder == NULL) {
    net->folder = net->host->alloc(net->host->ctx,
                                   strlen(lesson->folder) + 1);
    if (net->folder == NULL)
      return FAIL(net->host, "out of memory");
    strcpy(net->folder, lesson->folder);
  }
  if (!lesson->scratch && ready(net) < 0)
    return -1;
  return lesson_train(net, network, lesson, out);
}

static void
supernet_close(void *self)
{
  struct supernet *net = self;

  lesson_free(net);
  predictor_close(net->predictor);
  prior_close(net->prior);
  scores_close(net);
  nn_engine_close(net->engine);
  nn_store_free(&net->store);
  if (net->images)
    images_close(net->images);
}

static const struct chanas_param params[] = {
  IMAGES_PARAMS,
  { "method", "text", "spos", "spos|sandwich|shrinking",
    "how sub-networks are trained together" },
  { "samples", "int", "2", "1..64",
    "random networks a step (sandwich and shrinking)" },
  { "epochs", "real", NULL, "0.01..100000", "passes over the images" },
  { "batch", "int", "128", "2..8192", "images a step" },
  { "optimiser", "text", "sgd", "sgd|adamw", "rule of the steps" },
  { "rate", "real", "0.1", "1e-8..100", "greatest step size; it falls as a "
    "cosine to 0" },
  { "warmup", "real", "0.5", "0..10000", "epochs in which it rises to that" },
  { "momentum", "real", "0.9", "0..0.9999", "of sgd; beta1 of adamw" },
  { "nesterov", "bool", "yes", NULL, "Nesterov's momentum" },
  { "decay", "real", "1e-4", "0..1", "of weights; normalisation and biases "
    "have none" },
  { "smoothing", "real", "0.1", "0..0.9", "of labels" },
  { "average", "real", "0", "0..0.99999", "decay of the running mean of the "
    "parameters that is used in the end; 0: the last ones are" },
  { "pad", "int", "0", "0..64", "border from which images are cropped" },
  { "flip", "bool", "no", NULL, "left and right, every other time" },
  { "cutout", "int", "0", "0..512", "side of the square that is blanked" },
  { "mixup", "real", "0", "0..10", "alpha of mixing images; 0: none" },
  { "calibrate", "int", "2048", "32..1000000", "images for the statistics of "
    "normalisation of each network" },
  { "refit", "int", "0", "0..20", "folds by which a last layer is fitted to "
    "each network that is scored; 0: the shared one is used" },
  { "validate", "int", "0", "0..10000000", "validation images a network is "
    "scored by; 0: all" },
  { "predictor", "int", "0", "0..100000", "networks that are scored to fit a "
    "predictor of all others; 0: every network is scored" },
  { "naswot", "real", "0", "0..10", "weight of NASWOT's score, as an "
    "accuracy, beside the supernet's; 0: not asked for" },
  { "gap", "real", "0", "0..10", "weight of the generalisation gap, which is "
    "taken off the accuracy" },
  { "finetune-epochs", "real", "5", "0.01..100000", "of one network by "
    "itself" },
  { "finetune-rate", "real", "0.02", "1e-8..100", "its greatest step size" },
  { "finetune-distill", "bool", "no", NULL, "half of what it learns is what "
    "the largest network answers" },
  { "checkpoint", "real", "60", "0.1..86400", "seconds between checkpoints" },
  { "threads", "int", "0", "0..64", "0: one a CPU; other numbers give other "
    "last digits" },
  { "seed", "int", "1", "0..", "of everything that is drawn" },
  { 0 },
};

static const struct chanas_estimator estimator = {
  .struct_size = sizeof estimator,
  .open = supernet_open,
  .estimate = supernet_estimate,
  .close = supernet_close,
  .prepare = supernet_prepare,
  .refine = supernet_refine,
  .train = supernet_train,
};

static const struct chanas_plugin plugin = {
  CHANAS_PLUGIN_HEAD,
  .name = "supernet",
  .version = "0.1.0",
  .summary = "accuracy from a weight-sharing supernet trained on images",
  .params = params,
  .estimator = &estimator,
};

CHANAS_REGISTER_PLUGIN(plugin)
