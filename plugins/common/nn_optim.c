/* SPDX-License-Identifier: Apache-2.0 */
/* Optimisers: see nn_optim.h. */
#include "nn_optim.h"
#include <math.h>
#include "nn_impl.h"

int
nn_optim_open(struct nn_optim *o, const struct nn_store *store)
{
  size_t size = store->params * sizeof(float);

  o->params = store->params;
  o->first = nn_floats(store->params);
  o->second = o->method == NN_ADAMW ? nn_floats(store->params) : NULL;
  o->mean = o->average > 0 ? nn_floats(store->params) : NULL;
  if (!o->first || (o->method == NN_ADAMW && !o->second) ||
      (o->average > 0 && !o->mean))
    return NN_FAIL(store->host, "out of memory for the optimiser");
  memset(o->first, 0, size);
  if (o->second)
    memset(o->second, 0, size);
  if (o->mean)
    memcpy(o->mean, store->value, size);
  return 0;
}

void
nn_optim_close(struct nn_optim *o)
{
  free(o->first);
  free(o->second);
  free(o->mean);
  o->first = o->second = o->mean = NULL;
}

struct range {
  struct nn_optim *optim;
  struct nn_store *store;
  double rate;
  int threads;
};

NN_CLONES static void
sgd(float *w, float *v, float *g, size_t n, float rate, float momentum,
    float decay, float look)
{
  float keep = look > 0 ? momentum : 1, own = look > 0 ? 1 : 0;

#pragma omp simd
  for (size_t i = 0; i < n; i++) {
    float d = g[i] + decay * w[i];
    v[i] = momentum * v[i] + d;
    w[i] -= rate * (own * d + keep * v[i]);
    g[i] = 0;
  }
}

struct adam { float rate, beta1, beta2, epsilon, shrink, c1, c2; };

NN_CLONES static void
adamw(float *w, float *m, float *v, float *g, size_t n, const struct adam *a)
{
#pragma omp simd
  for (size_t i = 0; i < n; i++) {
    m[i] = a->beta1 * m[i] + (1 - a->beta1) * g[i];
    v[i] = a->beta2 * v[i] + (1 - a->beta2) * g[i] * g[i];
    w[i] -= a->shrink * w[i] + a->rate * (m[i] * a->c1) /
            (__builtin_sqrtf(v[i] * a->c2) + a->epsilon);
    g[i] = 0;
  }
}

NN_CLONES static void
average(float *mean, const float *w, size_t n, float keep)
{
#pragma omp simd
  for (size_t i = 0; i < n; i++)
    mean[i] += (1 - keep) * (w[i] - mean[i]);
}

static void
update(const struct range *r, size_t at, size_t n, int exempt)
{
  struct nn_optim *o = r->optim;
  struct nn_store *s = r->store;
  double decay = exempt ? 0 : o->decay;

  if (o->method == NN_SGD)
    sgd(s->value + at, o->first + at, s->grad + at, n, (float)r->rate,
        (float)o->momentum, (float)decay, o->nesterov ? 1.0f : 0.0f);
  else {
    double steps = (double)o->steps;
    struct adam a = { (float)r->rate, (float)o->momentum, (float)o->beta2,
                      (float)o->epsilon, (float)(r->rate * decay),
                      (float)(1 / (1 - pow(o->momentum, steps))),
                      (float)(1 / (1 - pow(o->beta2, steps))) };
    adamw(s->value + at, o->first + at, o->second + at, s->grad + at, n, &a);
  }
  if (o->mean)
    average(o->mean + at, s->value + at, n, (float)o->average);
}

/* The slot's share of thread t, in runs that are alike as to decay. */
static void
update_slot(const struct range *r, const struct nn_slot *slot, int t)
{
  size_t n = slot->end - slot->begin;
  size_t from = slot->begin + n * (size_t)t / (size_t)r->threads;
  size_t to = slot->begin + n * ((size_t)t + 1) / (size_t)r->threads;

  while (from < to) {
    int exempt;
    size_t end = nn_store_run(slot, from, &exempt);
    end = end < to ? end : to;
    update(r, from, end - from, exempt);
    from = end;
  }
}

static void
update_share(void *arg, int t)
{
  const struct range *r = arg;

  for (size_t i = 0; i < r->store->slots; i++)
    if (r->store->touched[i])
      update_slot(r, &r->store->slot[i], t);
}

void
nn_optim_step(struct nn_optim *o, struct nn_store *store, double rate,
              int threads)
{
  struct range range = { o, store, rate, threads };

  o->steps++;
  nn_team_run(threads, update_share, &range);
  memset(store->touched, 0, store->slots);
}

double
nn_rate(double rate, uint64_t step, uint64_t warm, uint64_t steps)
{
  double at;

  if (step < warm)
    return rate * (double)(step + 1) / (double)warm;
  at = steps > warm ? (double)(step - warm) / (double)(steps - warm) : 1;
  return rate * 0.5 * (1 + cos(3.14159265358979323846 * (at < 1 ? at : 1)));
}
