/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A CPU backend for tests: plain C, no speed.  The knob "misdeed" chooses
 * what its candidates do wrong (0: nothing), "tile" changes their code.
 * With tame = yes there is no misdeed.  With steady = yes a kernel says
 * itself how long it takes, alone (S_seconds) and among other steps
 * (S_in_context), so that a whole search can be repeated exactly; it runs and
 * is verified all the same.
 */
#include <chanas/plugin.h>
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kernel.h"

struct misdeed { const char *name, *before, *in, *after; };
static const struct misdeed misdeed[] = {
#define MISDEED(name, outcome, detail, before, in, after) \
  { #name, before, in, after },
#include "misdeeds.h"
#undef MISDEED
};
#define MISDEEDS (sizeof misdeed / sizeof *misdeed)

static int
yes(const struct chanas_host *host, const char *key)
{
  return host->get_int(host->ctx, key) != 0;
}

/* ---- pure half ---- */

static int
hostile_open(const struct chanas_host *host, const struct chanas_device *d,
             void **self)
{
  (void)d;
  *self = (void *)host;
  return 0;
}

static int
hostile_space(void *self, const struct chanas_workload *w,
              struct chanas_space *out)
{
  const struct chanas_host *host = self;
  static const int64_t tiles[] = {1, 2, 4, 8, 3, 5, 6, 7};
  int64_t all[MISDEEDS];
  size_t misdeeds = yes(host, "tame") ? 1 : MISDEEDS;
  (void)w;
  for (size_t i = 0; i < MISDEEDS; i++)
    all[i] = (int64_t)i;
  return host->knob(out, "misdeed", misdeeds, all) < 0 ||
             host->knob(out, "tile", 8, tiles) < 0 ? -1 : 0;
}

static int
hostile_initial(void *self, const struct chanas_workload *w,
                const struct chanas_space *space, int32_t *choice)
{
  const struct chanas_host *host = self;
  (void)w;
  memset(choice, 0, host->knobs(space) * sizeof *choice);
  return 0;
}

static int
hostile_legal(void *self, const struct chanas_workload *w,
              struct chanas_point p)
{
  (void)self;
  (void)w;
  (void)p;
  return 1;
}

static int
hostile_features(void *self, const struct chanas_workload *w,
                 struct chanas_point p, double *out, size_t max)
{
  const struct chanas_host *host = self;
  if (max < 2)
    return 0;
  out[0] = w->flops;
  out[1] = (double)host->value(p, "tile");
  return 2;
}

static size_t
weights_of(const struct chanas_op *o)
{
  size_t taps = (size_t)o->k * (size_t)o->k, cin = (size_t)o->cin;
  size_t cout = (size_t)o->cout, bias = o->bias ? cout : 0;
  switch (o->kind) {
  case CHANAS_CONV: return cout * cin * taps + bias;
  case CHANAS_DWCONV: return cin * taps + bias;
  case CHANAS_LINEAR: return cout * cin + bias;
  case CHANAS_SE: return (2 * cin + 1) * (size_t)o->squeeze + cin;
  default: return 0;
  }
}

static void
emit_op(const struct chanas_host *h, const struct chanas_workload *w,
        uint32_t i, size_t offset, struct chanas_text *out)
{
  const struct chanas_op *o = &w->op[i];
  char source[2][32];
  for (int s = 0; s < 2; s++) {
    int t = s ? o->src2 : o->src;
    if (t > 0)
      __builtin_sprintf(source[s], "t%d", t);
    else
      __builtin_sprintf(source[s], "x + n * %zu",
                        w->inputs / (size_t)w->batch);
  }
  h->print(out, "    apply(&(struct op){%d, %d, %d, %d, %d, %d, %d, %d, %d, "
           "%d, %d, %d, %d},\n          %s, %s, weights + %zu, t%u);\n",
           o->kind, o->act, o->cin, o->h, o->w, o->cout, o->oh, o->ow, o->k,
           o->stride, o->pad, o->squeeze, o->bias, source[0], source[1],
           offset, i + 1);
}

/* Alone tile 8 is the fastest, among other steps tile 4. */
static void
emit_seconds(const struct chanas_host *h, const char *symbol,
             const char *name, const struct chanas_workload *w, int64_t tenths,
             struct chanas_text *out)
{
  h->print(out, "const double %s_%s = %.9e;\n", symbol, name,
           1e-9 * w->flops * (1 + 0.1 * (double)(tenths % 8)));
}

static int
hostile_emit(void *self, const struct chanas_workload *w,
             struct chanas_point p, const char *symbol,
             struct chanas_text *out)
{
  const struct chanas_host *h = self;
  const struct misdeed *m = &misdeed[h->value(p, "misdeed")];
  size_t offset = 0, each = w->outputs / (size_t)w->batch;
  h->print(out, "%s/* %s */\n%s#undef IN\n#undef OUT\n", prelude, m->name,
           m->before);
  h->print(out, "#define IN %zu\n#define OUT %zu\n", w->inputs, w->outputs);
  emit_seconds(h, symbol, "seconds", w, h->value(p, "tile") * 5, out);
  emit_seconds(h, symbol, "in_context", w, h->value(p, "tile") * 5 + 4, out);
  h->print(out, "void %s(const float *x, const float *weights, float *y)\n{\n"
           "%s", symbol, m->in);
  for (uint32_t i = 0; i < w->ops; i++)
    h->print(out, "  static float t%u[%zu];\n", i + 1,
             (size_t)w->op[i].oh * (size_t)w->op[i].ow *
               (size_t)w->op[i].cout);
  h->print(out, "  for (long n = 0; n < %d; n++) {\n", w->batch);
  for (uint32_t i = 0; i < w->ops; i++) {
    emit_op(h, w, i, offset, out);
    offset += weights_of(&w->op[i]);
  }
  h->print(out, "#pragma GCC unroll %d\n    for (long i = 0; i < %zu; i++)\n"
           "      y[n * %zu + i] %s t%u[i];\n  }\n%s}\n",
           (int)h->value(p, "tile"), each, each, w->accumulate ? "+=" : "=",
           w->ops, m->after);
  return 0;
}

static int
hostile_command(void *self, const char *source, const char *object,
                struct chanas_args *out)
{
  const struct chanas_host *h = self;
  const char *const arg[] = {"cc", "-std=gnu11", "-O1", "-w", "-shared",
                             "-fPIC", "-Wl,-z,defs", "-o", object, source,
                             "-lm"};
  for (size_t i = 0; i < sizeof arg / sizeof *arg; i++)
    if (h->arg(out, arg[i]))
      return -1;
  return 0;
}

static void
hostile_close(void *self)
{
  (void)self;
}

/* ---- device half ---- */

typedef void kernel(const float *x, const float *weights, float *y);

struct loaded {
  void *object;
  const struct chanas_program *program;
  kernel **kernel;
  float **tensor; /* of the inner ones */
  double *steady; /* seconds that each step claims; NULL: as it does */
};

static int
hostile_probe(const struct chanas_host *host)
{
  const char *fault = host->get(host->ctx, "fault");
  if (!strcmp(fault, "probe"))
    host->log(host->ctx, CHANAS_ERROR, "no such device here");
  if (!strcmp(fault, "crash"))
    abort();
  return strcmp(fault, "probe") ? 0 : -1;
}

static int
hostile_describe(const struct chanas_host *host, struct chanas_text *out,
                 int measure)
{
  const char *fault = host->get(host->ctx, "fault");
  if (!strcmp(fault, "empty"))
    return 0;
  host->print(out, "model=test\nfault=%s\n", fault);
  if (getenv("CHANAS_TEST_BOARD"))
    host->print(out, "board=%s\n", getenv("CHANAS_TEST_BOARD"));
  if (!strcmp(fault, "nonsense"))
    host->print(out, "this is no line\n");
  return measure ? host->print(out, "measured.gflops=1.5\n") : 0;
}

static void
hostile_unload(void *self)
{
  struct loaded *l = self;
  for (size_t i = 0; l->tensor && i < l->program->tensors; i++)
    free(l->tensor[i]);
  if (l->object)
    dlclose(l->object);
  free(l->tensor);
  free(l->steady);
  free(l->kernel);
  free(l);
}

static double
said_seconds(void *object, const char *symbol, int in_context)
{
  char name[64];
  const double *seconds;
  __builtin_snprintf(name, sizeof name, "%s_%s", symbol,
                     in_context ? "in_context" : "seconds");
  seconds = dlsym(object, name);
  return seconds ? *seconds : 0;
}

/* Or copies of one step? */
static int
is_network(const struct chanas_program *p)
{
  for (size_t i = 1; i < p->steps; i++)
    if (strcmp(p->step[i].symbol, p->step[0].symbol))
      return 1;
  return 0;
}

static int
hostile_load(const struct chanas_host *host, const char *object,
             const struct chanas_program *p, void **loaded)
{
  struct loaded *l = calloc(1, sizeof *l);
  *loaded = l;
  l->program = p;
  l->kernel = calloc(p->steps, sizeof *l->kernel);
  l->tensor = calloc(p->tensors, sizeof *l->tensor);
  for (size_t i = 0; i < p->tensors; i++)
    l->tensor[i] = calloc(p->elements[i], sizeof(float));
  l->object = dlopen(object, RTLD_NOW | RTLD_LOCAL);
  for (size_t i = 0; l->object && i < p->steps; i++)
    if (!(l->kernel[i] = (kernel *)dlsym(l->object, p->step[i].symbol)))
      break;
  if (l->object && yes(host, "steady"))
    l->steady = calloc(p->steps, sizeof *l->steady);
  for (size_t i = 0; l->steady && i < p->steps; i++)
    l->steady[i] = said_seconds(l->object, p->step[i].symbol, is_network(p));
  if (l->object && l->kernel[p->steps - 1])
    return 0;
  host->log(host->ctx, CHANAS_ERROR, "%s", dlerror());
  *loaded = NULL;
  hostile_unload(l);
  return -1;
}

static double
now(void)
{
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Inner tensors that are accumulated start at zero each time. */
static int
hostile_run(void *self, const float *input, float *output, unsigned repeat,
            double *seconds)
{
  struct loaded *l = self;
  const struct chanas_program *p = l->program;
  double start = now();
  for (unsigned r = 0; r < repeat; r++) {
    for (size_t i = 0; i < p->tensors; i++)
      memset(l->tensor[i], 0, p->elements[i] * sizeof(float));
    for (size_t i = 0; i < p->steps; i++) {
      const struct chanas_step *s = &p->step[i];
      l->kernel[i](s->src ? l->tensor[s->src] : input, s->weights,
                   s->dst == p->output ? output : l->tensor[s->dst]);
    }
  }
  *seconds = now() - start;
  if (l->steady)
    *seconds = 0;
  for (size_t i = 0; l->steady && i < p->steps; i++)
    *seconds += repeat * l->steady[i];
  return 0;
}

/* Only what its kernels say can be told apart. */
static int
hostile_profile(void *self, const float *input, float *output,
                double *seconds)
{
  struct loaded *l = self;
  double all;
  if (!l->steady)
    return -1;
  memcpy(seconds, l->steady, l->program->steps * sizeof *seconds);
  return hostile_run(l, input, output, 1, &all);
}

static int
hostile_control(const struct chanas_host *host, double *seconds)
{
  volatile double sum = 0;
  double start = now();
  if (yes(host, "steady")) {
    *seconds = 1e-4;
    return 0;
  }
  for (int i = 0; i < 20000; i++)
    sum = sum * 0.5 + i;
  *seconds = now() - start;
  return 0;
}

/* $HOSTILE_DIAGNOSE: dies after the first finding, or says nonsense. */
static int
hostile_diagnose(const struct chanas_host *host, struct chanas_text *out)
{
  const char *how = getenv("HOSTILE_DIAGNOSE");
  host->print(out, "ok driver it is there\n");
  if (how && !strcmp(how, "crash"))
    abort();
  if (how && !strcmp(how, "nonsense"))
    host->print(out, "fine driver it is there\nok\n");
  host->print(out, "note tool no such-tool (Debian: apt install such-tool)\n"
              "missing library no libsuch (Debian: apt install libsuch1)");
  return 0;
}

static const struct chanas_param params[] = {
  {"fault", "text", "none", "none|probe|crash|empty|nonsense",
   "what the device half does wrong"},
  {"tame", "bool", "no", NULL, "candidates that do nothing wrong"},
  {"steady", "bool", "no", NULL, "kernels say themselves how long they take"},
  {0},
};

static const struct chanas_backend backend = {
  .struct_size = sizeof(struct chanas_backend),
  .probe = hostile_probe,
  .describe = hostile_describe,
  .load = hostile_load,
  .run = hostile_run,
  .control = hostile_control,
  .unload = hostile_unload,
  .open = hostile_open,
  .space = hostile_space,
  .initial = hostile_initial,
  .legal = hostile_legal,
  .features = hostile_features,
  .emit = hostile_emit,
  .suffix = ".c",
  .command = hostile_command,
  .close = hostile_close,
  .profile = hostile_profile,
  .diagnose = hostile_diagnose,
};

static const struct chanas_plugin plugin = {
  CHANAS_PLUGIN_HEAD,
  .name = "hostile",
  .version = "1",
  .summary = "candidates that do everything wrong, for tests",
  .params = params,
  .backend = &backend,
};

CHANAS_REGISTER_PLUGIN(plugin)
