/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A supernet: one set of shared parameters that every network of a space
 * cuts its own from, trained on images, and the networks' accuracies by it.
 *
 *   sample.c      which networks        course.c      training, step by step
 *   batch.c       images and targets    checkpoint.c  to go on after any end
 *   score.c       accuracy of one       lesson.c      one network by itself
 *   head.c        a last layer for one  predictor.c   accuracies of all others
 *   scores.c      those already known   prior.c       what NASWOT adds
 */
#ifndef PLUGINS_SUPERNET_H
#define PLUGINS_SUPERNET_H
#include <chanas/plugin.h>
#include "augment.h"
#include "images.h"
#include "nn.h"
#include "nn_optim.h"
#include "nn_rng.h"

#define FAIL(host, ...) \
  ((host)->log((host)->ctx, CHANAS_ERROR, __VA_ARGS__), -1)

/* How sub-networks are trained together. */
enum way {
  WAY_SPOS,      /* one uniform path a step: Guo et al., ECCV 2020, sec. 3 */
  WAY_SANDWICH,  /* largest, smallest, random ones; these learn from the
                    largest: Yu et al., BigNAS, ECCV 2020, sec. 3.1 */
  WAY_SHRINKING, /* the largest, then smaller kernels, depths, widths; these
                    learn from the largest as it was: Cai et al., ICLR 2020 */
};

/* How parameters are trained, whatever of. */
struct recipe {
  double epochs, warmup, rate, smoothing;
  int32_t batch;
  struct augment augment;
  struct nn_optim optim; /* its numbers */
};

struct score {
  double validation, training;
  double prior;            /* by NASWOT, if asked */
  int asked;
};

struct known {             /* scores.c: an open hash of scored networks */
  struct entry { uint64_t code; struct score score; } *entry;
  size_t count, room;
  char *path;
};

struct predictor;
struct prior;

struct supernet {
  const struct chanas_host *host;
  const struct chanas_space *space;
  size_t knobs;
  struct images *images;
  struct nn_store store;
  struct nn_engine *engine;
  int threads;
  uint64_t seed;
  enum way way;
  int samples;             /* random networks a step */
  struct recipe recipe, lesson;
  int distill;             /* a lesson is also learnt from the largest */
  double gap;              /* weight of the generalisation gap */
  size_t calibrate, validate; /* images */
  int refit;               /* folds, or 0 */
  double naswot;           /* weight of NASWOT, or 0 */
  struct prior *prior;     /* or NULL */
  int32_t *largest, *smallest;
  char *folder;
  uint64_t identity;       /* of everything that the result depends on */
  int trained;
  double every;            /* seconds between checkpoints */
  struct known known;
  struct predictor *predictor; /* or NULL */
  size_t predictor_samples;
  struct taught *taught;   /* of the last train() */
};

/* ---- sample.c */
/* largest, smallest; the store filled and sealed.  -1, logged. */
int sample_open(struct supernet *);
/* A uniform point; in progressive shrinking, knobs that are not yet free
 * stay at the largest.  phase 0..3: nothing, kernels, depths, all free. */
void sample_draw(const struct supernet *, struct nn_rng *, int phase,
                 int32_t *choice);
struct nn_graph *sample_graph(struct supernet *, struct nn_store *,
                              const int32_t *choice);

/* ---- batch.c: images at a resolution, and what they should become */
struct batch {
  int32_t n, classes;
  const float *x;          /* at the set's resolution */
  float *target;           /* n x classes: labels, smoothed and mixed */
  float *small;            /* resized */
  size_t small_room;
  int32_t small_size;      /* resolution of what is in small; 0: nothing */
};
int batch_take(struct supernet *, struct batch *,
               const struct images_batch *, double smoothing);
/* The batch at the graph's resolution; NULL, logged. */
const float *batch_at(struct supernet *, struct batch *, int32_t resolution);
void batch_free(struct batch *);

/* ---- course.c: the training of a store */
struct course {
  struct supernet *net;
  struct nn_store *store;
  const struct recipe *recipe;
  struct nn_optim optim;
  const char *path;        /* of the checkpoint */
  const char *name;        /* for messages */
  uint64_t identity;
  const int32_t *only;     /* one network's choice, or NULL: the supernet */
  struct nn_store *teacher; /* or NULL; see frozen */
  float *frozen;           /* values of the teacher of WAY_SHRINKING */
  uint64_t step, steps, per_epoch;
  double loss;             /* running mean */
};
/* To the end, from the checkpoint where there is one.  0; 1: stopped, with a
 * checkpoint; -1, logged. */
int course_run(struct course *);
void course_free(struct course *);

/* ---- checkpoint.c */
int checkpoint_write(const struct course *);
/* 1: read; 0: there is none; -1, logged: it is of something else. */
int checkpoint_read(struct course *);
uint64_t hash_of(uint64_t hash, const void *data, size_t size);
#define HASH_BEGIN UINT64_C(14695981039346656037)
/* A whole file or none. */
int file_replace(const struct chanas_host *, const char *path,
                 const void *const part[], const size_t size[], size_t parts);

/* ---- score.c */
/* Statistics of normalisation for this network into graph->moment. */
int score_calibrate(struct supernet *, struct nn_store *, struct nn_graph *);
/* Percent right of the first `limit` images of a part (0: all). */
int score_part(struct supernet *, struct nn_store *, struct nn_graph *,
               enum images_part, size_t limit, double *percent);
/* Of one network by the supernet; -1, logged; 1: stopped. */
int score_network(struct supernet *, const struct chanas_network *,
                  struct score *);
/* Network i of those that are drawn to be scored, and its score; 0, and the
 * caller discards the network; 1: stopped; -1, logged. */
int score_drawn(struct supernet *, uint64_t i, struct chanas_network **,
                struct score *);
/* Validation less the weighted gap. */
double score_inherited(const struct supernet *, const struct score *);
/* What is reported: that, or its mean with the prior's. */
double score_value(const struct supernet *, const struct score *);

/* ---- prior.c */
/* The scores of networks of the space, to compare others with.  0; 1:
 * stopped; -1, logged. */
int prior_open(struct supernet *);
/* NASWOT of one network; NAN if it has none, which is worse than any. */
double prior_score(struct supernet *, const struct chanas_network *);
/* The same as an accuracy, percent. */
double prior_accuracy(const struct prior *, double score);
void prior_close(struct prior *);

/* ---- scores.c */
int scores_open(struct supernet *);
const struct score *scores_find(const struct supernet *, const char *code);
int scores_add(struct supernet *, const char *code, const struct score *);
void scores_close(struct supernet *);

/* ---- predictor.c */
/* Sample, score, fit, report.  0; 1: stopped; -1, logged. */
int predictor_open(struct supernet *, size_t samples);
int predictor_estimate(struct supernet *, const struct chanas_network *,
                       struct chanas_estimate *);
void predictor_close(struct predictor *);

/* ---- lesson.c */
int lesson_train(struct supernet *, const struct chanas_network *,
                 const struct chanas_lesson *, struct chanas_trained *);
void lesson_free(struct supernet *);
#endif
