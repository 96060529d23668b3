/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which cost model screens candidates best?  Offline, on the trials that a
 * latency table holds for the space of an INI file: for each workload, some
 * of its policies are shown to the model together with the rows of similar
 * blocks, and the model ranks the rest.
 *
 *   bench/costmodel FILE.ini [TABLE]
 *
 * Reported per model and number of own rows shown: mean Spearman correlation
 * with the measured order, and the regret of measuring the 4 policies that
 * the model likes best (their best latency over the true best), geometric
 * mean over workloads; random choice beside it.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef HAVE_XGBOOST
#include <xgboost/c_api.h>
#endif
#include "log.h"
#include "mem.h"
#include "tune.h"

#define LEAST 12  /* policies a workload must have */
#define PICKS 4

struct sample {
  uint64_t group;
  size_t owner;
  double x[COSTMODEL_FEATURES], y;
};

struct data { size_t n, room, features; struct sample *row; };

struct model {
  const char *name;
  /* Predict test rows from training rows, of which the first `own` are the
   * workload's own. */
  void (*predict)(const struct data *, size_t n, const size_t train[],
                  size_t own, size_t m, const size_t test[], double out[]);
};

/* ---- models ------------------------------------------------------------ */

static void
predict_gp(const struct data *d, size_t n, const size_t train[], size_t own,
           size_t m, const size_t test[], double out[])
{
  struct costmodel *gp = costmodel_new();

  for (size_t i = n; i-- > 0;) /* the newest rows are used first */
    costmodel_add(gp, 1, i < own ? 1 : 2, d->features, d->row[train[i]].x,
                  d->row[train[i]].y);
  if (costmodel_fit(gp, 1, 1) < 0)
    memset(out, 0, m * sizeof *out);
  else
    for (size_t i = 0; i < m; i++) {
      double sd;
      costmodel_predict(gp, d->row[test[i]].x, &out[i], &sd);
    }
  costmodel_free(gp);
}

static void
predict_random(const struct data *d, size_t n, const size_t train[],
               size_t own, size_t m, const size_t test[], double out[])
{
  struct rng rng = rng_seed(n ? train[0] : 0);

  (void)d, (void)own, (void)test;
  for (size_t i = 0; i < m; i++)
    out[i] = rng_real(&rng);
}

#ifdef HAVE_XGBOOST
static DMatrixHandle
matrix(const struct data *d, size_t n, const size_t row[])
{
  float *x = mem_array(float, n * d->features);
  DMatrixHandle m = NULL;

  for (size_t i = 0; i < n; i++)
    for (size_t f = 0; f < d->features; f++)
      x[i * d->features + f] = (float)d->row[row[i]].x[f];
  XGDMatrixCreateFromMat(x, n, d->features, NAN, &m);
  free(x);
  return m;
}

/* Settings as in Ansor (max_depth 10, eta 0.2, gamma 0.001). */
static void
predict_xgboost(const struct data *d, size_t n, const size_t train[],
                size_t own, size_t m, const size_t test[], double out[])
{
  static const char *const setting[][2] = {
    { "max_depth", "6" }, { "eta", "0.2" }, { "gamma", "0.001" },
    { "min_child_weight", "0" }, { "nthread", "1" }, { "verbosity", "0" },
    { "objective", "reg:squarederror" },
  };
  DMatrixHandle fit = matrix(d, n, train), ask = matrix(d, m, test);
  float *y = mem_array(float, n);
  const float *p;
  bst_ulong size;
  BoosterHandle booster;

  (void)own;
  for (size_t i = 0; i < n; i++)
    y[i] = (float)d->row[train[i]].y;
  XGDMatrixSetFloatInfo(fit, "label", y, n);
  XGBoosterCreate(&fit, 1, &booster);
  for (size_t i = 0; i < sizeof setting / sizeof *setting; i++)
    XGBoosterSetParam(booster, setting[i][0], setting[i][1]);
  for (int round = 0; round < 60; round++)
    XGBoosterUpdateOneIter(booster, round, fit);
  if (XGBoosterPredict(booster, ask, 0, 0, 0, &size, &p) == 0)
    for (size_t i = 0; i < m; i++)
      out[i] = p[i];
  XGBoosterFree(booster);
  XGDMatrixFree(fit);
  XGDMatrixFree(ask);
  free(y);
}
#endif

/* ---- data -------------------------------------------------------------- */

static void
take_workload(struct tuner *t, size_t w, struct data *d)
{
  struct session *s = t->session;
  struct tuned *b = &t->tuned[w];
  double base = schedule_default(&b->schedule);
  int32_t *choice;

  if (!isfinite(base) || b->schedule.count < LEAST || tuned_open(t, w) < 0)
    return;
  choice = mem_array(int32_t, b->space->knobs);
  for (size_t i = 0; i < b->schedule.count; i++) {
    const struct tried *tried = &b->schedule.tried[i];
    struct sample *row;
    int n;
    if (tried->outcome != CHANAS_MEASURED ||
        space_parse(b->space, tried->policy, choice) < 0)
      continue;
    if (d->n == d->room) {
      d->room = d->room ? 2 * d->room : 1024;
      d->row = mem_grow(d->row, d->room, sizeof *d->row);
    }
    row = &d->row[d->n];
    *row = (struct sample){ .group = b->group, .owner = w,
                            .y = log(tried->latency / base) };
    n = s->backend->backend.features(
      s->self, b->schedule.workload, (struct chanas_point){ b->space, choice },
      row->x, COSTMODEL_FEATURES);
    if (n > 0) {
      d->features = (size_t)n;
      d->n++;
    }
  }
  free(choice);
}

/* ---- scores ------------------------------------------------------------ */

static double
spearman(size_t n, const double *a, const double *b)
{
  double sum = 0, k = (double)n;

  for (size_t i = 0; i < n; i++) {
    double ra = 0, rb = 0;
    for (size_t j = 0; j < n; j++) {
      ra += (a[j] < a[i]) + 0.5 * (a[j] == a[i]);
      rb += (b[j] < b[i]) + 0.5 * (b[j] == b[i]);
    }
    sum += (ra - rb) * (ra - rb);
  }
  return 1 - 6 * sum / (k * (k * k - 1));
}

/* log of (best of the PICKS liked most, or shown) over the true best. */
static double
regret(const struct data *d, size_t own, const size_t train[], size_t m,
       const size_t test[], const double *predicted)
{
  double best = INFINITY, truth = INFINITY;
  char *used = mem_array(char, m);

  for (size_t i = 0; i < own; i++)
    best = fmin(best, d->row[train[i]].y);
  for (size_t i = 0; i < m; i++)
    truth = fmin(truth, d->row[test[i]].y);
  truth = fmin(truth, best);
  for (int pick = 0; pick < PICKS; pick++) {
    size_t at = m;
    for (size_t i = 0; i < m; i++)
      if (!used[i] && (at == m || predicted[i] < predicted[at]))
        at = i;
    if (at < m) {
      used[at] = 1;
      best = fmin(best, d->row[test[at]].y);
    }
  }
  free(used);
  return best - truth;
}

struct score { double rank, regret; size_t n; };

/* One workload: rows [from, to) are its own. */
static void
try_workload(const struct data *d, size_t from, size_t to, size_t shown,
             const struct model *model, struct score *score)
{
  size_t own = to - from, n = 0, m = 0;
  size_t *order = mem_array(size_t, own), *train, *test;
  double *predicted = mem_array(double, own), *y = mem_array(double, own);
  struct rng rng = rng_seed(from);

  train = mem_array(size_t, d->n);
  test = mem_array(size_t, own);
  for (size_t i = 0; i < own; i++) {
    size_t j = rng_below(&rng, i + 1);
    order[i] = order[j];
    order[j] = from + i;
  }
  for (size_t i = 0; i < own; i++)
    if (i < shown)
      train[n++] = order[i];
    else
      test[m++] = order[i];
  for (size_t i = 0; i < d->n; i++)
    if (d->row[i].group == d->row[from].group && (i < from || i >= to))
      train[n++] = i;
  model->predict(d, n, train, shown, m, test, predicted);
  for (size_t i = 0; i < m; i++)
    y[i] = d->row[test[i]].y;
  score->rank += spearman(m, predicted, y);
  score->regret += regret(d, shown, train, m, test, predicted);
  score->n++;
  free(order), free(train), free(test), free(predicted), free(y);
}

static void
compare(const struct data *d)
{
  static const struct model models[] = {
    { "gp", predict_gp },
#ifdef HAVE_XGBOOST
    { "xgboost", predict_xgboost },
#endif
    { "random", predict_random },
  };

  printf("| model | own rows shown | Spearman | regret of best of %d |\n"
         "|---|---|---|---|\n", PICKS);
  for (size_t k = 0; k < sizeof models / sizeof *models; k++)
    for (size_t shown = 1; shown <= 8; shown = shown == 1 ? 4 : 2 * shown) {
      struct score score = { 0, 0, 0 };
      for (size_t from = 0, to; from < d->n; from = to) {
        for (to = from; to < d->n && d->row[to].owner == d->row[from].owner;)
          to++;
        if (to - from >= LEAST)
          try_workload(d, from, to, shown, &models[k], &score);
      }
      printf("| %s | %zu | %.3f | %.4f |\n", models[k].name, shown,
             score.rank / (double)score.n,
             exp(score.regret / (double)score.n));
    }
}

int
main(int argc, char **argv)
{
  struct config *config;
  struct session s;
  struct tuner t;
  struct data d = { 0 };
  size_t blocks;

  if (argc < 2) {
    fprintf(stderr, "usage: costmodel FILE.ini [TABLE]\n");
    return 2;
  }
  config = config_read(argv[1], NULL);
  if (config == NULL ||
      session_open(&s, config, argc > 2 ? argv[2] : NULL) != 0)
    return 1;
  free(family_blocks(s.family, &blocks));
  s.watermark = table_last_trial(s.table);
  if (tuner_open(&t, &s) != 0)
    return 1;
  for (size_t w = 0; w < t.count; w++)
    take_workload(&t, w, &d);
  printf("%zu policies of the space's %zu blocks, %zu features\n\n", d.n,
         t.count, d.features);
  compare(&d);
  free(d.row);
  tuner_close(&t);
  session_close(&s);
  config_free(config);
  registry_close();
  return 0;
}
