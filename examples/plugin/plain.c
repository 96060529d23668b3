/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A backend: portable C for any CPU with a C compiler, one thread, no
 * intrinsics.  Its policy space has one knob, how many output channels of a
 * dense operator are accumulated together; everything that a backend must
 * do is here, and no more.
 *
 * What always holds: one kernel is void SYMBOL(const float *x, const float
 * *weights, float *y) over the whole batch; weights are used as they come.
 */
#define _GNU_SOURCE
#include <chanas/plugin.h>
#include <dlfcn.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

/* ---- pure half: policy space and source --------------------------------- */

struct plain {
  const struct chanas_host *host;
};

static int
plain_open(const struct chanas_host *host, const struct chanas_device *device,
           void **self)
{
  struct plain *p = host->alloc(host->ctx, sizeof *p);
  (void)device; /* C is the same everywhere */
  if (!p) {
    host->log(host->ctx, CHANAS_ERROR, "no memory");
    return -1;
  }
  p->host = host;
  *self = p;
  return 0;
}

static int
plain_space(void *self, const struct chanas_workload *w,
            struct chanas_space *out)
{
  static const int64_t tiles[] = { 1, 2, 4, 8 };
  struct plain *p = self;
  if (w->dtype != CHANAS_F32) {
    p->host->log(p->host->ctx, CHANAS_ERROR, "only f32, not %s", w->key);
    return -1;
  }
  return p->host->knob(out, "tile", 4, tiles);
}

static int
plain_initial(void *self, const struct chanas_workload *w,
              const struct chanas_space *space, int32_t *choice)
{
  struct plain *p = self;
  (void)w;
  memset(choice, 0, p->host->knobs(space) * sizeof *choice);
  return 0;
}

/* A tile wider than the widest dense operator is the same as that width. */
static int
plain_legal(void *self, const struct chanas_workload *w,
            struct chanas_point point)
{
  struct plain *p = self;
  int64_t tile = p->host->value(point, "tile"), widest = 1;
  for (uint32_t i = 0; i < w->ops; i++)
    if ((w->op[i].kind == CHANAS_CONV || w->op[i].kind == CHANAS_LINEAR) &&
        w->op[i].cout > widest)
      widest = w->op[i].cout;
  return tile <= widest;
}

static int
plain_features(void *self, const struct chanas_workload *w,
               struct chanas_point point, double *out, size_t max)
{
  struct plain *p = self;
  double all[] = { log(w->flops + 1), log(w->bytes + 1), (double)w->ops,
                   (double)p->host->value(point, "tile") };
  size_t n = sizeof all / sizeof *all;
  n = n < max ? n : max;
  memcpy(out, all, n * sizeof *all);
  return (int)n;
}

/* Once per translation unit; the kernels call these with constants, and the
 * compiler makes loops of known extents of them. */
static const char prelude[] =
  "#ifndef PLAIN_PRELUDE\n"
  "#define PLAIN_PRELUDE\n"
  "#include <math.h>\n"
  "#define INLINE static inline __attribute__((always_inline, unused))\n"
  "INLINE float act(int a, float v)\n"
  "{\n"
  "  float r = fminf(fmaxf(v, 0), 6), s = fminf(fmaxf(v + 3, 0), 6) / 6;\n"
  "  return a == 1 ? fmaxf(v, 0) : a == 2 ? r : a == 3 ? v * s : a == 4 ? s\n"
  "    : a == 5 ? v / (1 + expf(-v)) : v;\n"
  "}\n"
  "INLINE void conv(const float *x, const float *w, float *y, int ci, int h,\n"
  "  int wd, int co, int oh, int ow, int k, int s, int p, int bias, int a,\n"
  "  int tile)\n"
  "{\n"
  "  const float *b = w + (long)co * ci * k * k;\n"
  "  for (int i = 0; i < oh * ow; i++)\n"
  "    for (int o = 0; o < co; o += tile) {\n"
  "      float sum[8] = {0};\n"
  "      int n = co - o < tile ? co - o : tile;\n"
  "      for (int ky = 0; ky < k; ky++)\n"
  "        for (int kx = 0; kx < k; kx++) {\n"
  "          int iy = i / ow * s - p + ky, ix = i % ow * s - p + kx;\n"
  "          if (iy < 0 || iy >= h || ix < 0 || ix >= wd)\n"
  "            continue;\n"
  "          const float *v = x + ((long)iy * wd + ix) * ci;\n"
  "          for (int c = 0; c < ci; c++)\n"
  "            for (int j = 0; j < n; j++)\n"
  "              sum[j] += v[c] * w[(((long)(o + j) * ci + c) * k + ky) * k\n"
  "                                 + kx];\n"
  "        }\n"
  "      for (int j = 0; j < n; j++)\n"
  "        y[(long)i * co + o + j] = act(a, sum[j] + (bias ? b[o + j] : 0));\n"
  "    }\n"
  "}\n"
  "/* Depthwise with weights, average without. */\n"
  "INLINE void window(const float *x, const float *w, float *y, int c, int h,\n"
  "  int wd, int oh, int ow, int k, int s, int p, int bias, int a)\n"
  "{\n"
  "  for (int i = 0; i < oh * ow; i++)\n"
  "    for (int j = 0; j < c; j++) {\n"
  "      float sum = 0, n = 0;\n"
  "      for (int ky = 0; ky < k; ky++)\n"
  "        for (int kx = 0; kx < k; kx++) {\n"
  "          int iy = i / ow * s - p + ky, ix = i % ow * s - p + kx;\n"
  "          if (iy < 0 || iy >= h || ix < 0 || ix >= wd)\n"
  "            continue;\n"
  "          sum += x[((long)iy * wd + ix) * c + j] *\n"
  "            (w ? w[((long)j * k + ky) * k + kx] : 1);\n"
  "          n++;\n"
  "        }\n"
  "      sum = w ? sum + (bias ? w[(long)c * k * k + j] : 0) : sum / n;\n"
  "      y[(long)i * c + j] = act(a, sum);\n"
  "    }\n"
  "}\n"
  "INLINE void mean(const float *x, float *y, int n, int c, int a)\n"
  "{\n"
  "  for (int j = 0; j < c; j++) {\n"
  "    float sum = 0;\n"
  "    for (int i = 0; i < n; i++)\n"
  "      sum += x[(long)i * c + j];\n"
  "    y[j] = act(a, sum / n);\n"
  "  }\n"
  "}\n"
  "INLINE void excite(const float *x, const float *w, float *y, int n, int c,\n"
  "  int q, int a)\n"
  "{\n"
  "  float m[c], r[q], g[c];\n"
  "  long qc = (long)q * c;\n"
  "  mean(x, m, n, c, 0);\n"
  "  conv(m, w, r, c, 1, 1, q, 1, 1, 1, 1, 0, 1, 1, 1);\n"
  "  conv(r, w + qc + q, g, q, 1, 1, c, 1, 1, 1, 1, 0, 1, 4, 1);\n"
  "  for (long i = 0; i < (long)n * c; i++)\n"
  "    y[i] = act(a, x[i] * g[i % c]);\n"
  "}\n"
  "#endif\n";

static size_t
op_weights(const struct chanas_op *op)
{
  size_t taps = (size_t)op->k * (size_t)op->k, cin = (size_t)op->cin;
  size_t cout = (size_t)op->cout, bias = op->bias ? cout : 0;
  switch (op->kind) {
  case CHANAS_CONV: return cout * cin * taps + bias;
  case CHANAS_DWCONV: return cin * taps + bias;
  case CHANAS_LINEAR: return cout * cin + bias;
  case CHANAS_SE:
    return 2 * (size_t)op->squeeze * cin + (size_t)op->squeeze + cin;
  default: return 0;
  }
}

/* Tensor i of the block, as the kernel names it. */
static void
tensor(const struct plain *p, const struct chanas_workload *w, int i,
       struct chanas_text *out)
{
  if (i == 0)
    p->host->print(out, "(x + n * %zu)", w->inputs / (size_t)w->batch);
  else
    p->host->print(out, "t%d", i);
}

static void
emit_op(const struct plain *p, const struct chanas_workload *w, uint32_t i,
        size_t offset, int tile, struct chanas_text *out)
{
  const struct chanas_op *op = &w->op[i];
  int (*print)(struct chanas_text *, const char *, ...) = p->host->print;
  static const char *const call[] = {
    "conv", "window", "excite", 0, "window", "mean", "conv", 0 };
  int pixels = op->h * op->w;

  if (call[op->kind]) {
    print(out, "    %s(", call[op->kind]);
    tensor(p, w, op->src, out);
    if (op->kind == CHANAS_AVGPOOL)
      print(out, ", 0");
    else if (op->kind != CHANAS_GLOBALPOOL)
      print(out, ", w + %zu", offset);
    print(out, ", t%u", i + 1);
  }
  switch (op->kind) {
  case CHANAS_CONV:
    print(out, ", %d, %d, %d, %d, %d, %d, %d, %d, %d, %d, %d, %d);\n",
          op->cin, op->h, op->w, op->cout, op->oh, op->ow, op->k, op->stride,
          op->pad, op->bias, op->act, tile);
    break;
  case CHANAS_LINEAR:
    print(out, ", %d, 1, 1, %d, 1, 1, 1, 1, 0, %d, %d, %d);\n", op->cin,
          op->cout, op->bias, op->act, tile);
    break;
  case CHANAS_DWCONV:
  case CHANAS_AVGPOOL:
    print(out, ", %d, %d, %d, %d, %d, %d, %d, %d, %d, %d);\n", op->cin, op->h,
          op->w, op->oh, op->ow, op->k, op->stride, op->pad, op->bias,
          op->act);
    break;
  case CHANAS_SE:
    print(out, ", %d, %d, %d, %d);\n", pixels, op->cin, op->squeeze, op->act);
    break;
  case CHANAS_GLOBALPOOL:
    print(out, ", %d, %d, %d);\n", pixels, op->cin, op->act);
    break;
  default: /* ADD, ACT */
    print(out, "    for (long i = 0; i < %d; i++)\n      t%u[i] = act(%d, ",
          pixels * op->cin, i + 1, op->act);
    tensor(p, w, op->src, out);
    print(out, "[i]");
    if (op->kind == CHANAS_ADD) {
      print(out, " + ");
      tensor(p, w, op->src2, out);
      print(out, "[i]");
    }
    print(out, ");\n");
  }
}

static int
plain_emit(void *self, const struct chanas_workload *w,
           struct chanas_point point, const char *symbol,
           struct chanas_text *out)
{
  struct plain *p = self;
  int (*print)(struct chanas_text *, const char *, ...) = p->host->print;
  int tile = (int)p->host->value(point, "tile");
  size_t offset = 0, result = w->outputs / (size_t)w->batch;

  print(out, "%s/* %s tile=%d */\n", prelude, w->key, tile);
  print(out, "void %s(const float *x, const float *w, float *y)\n{\n",
        symbol);
  for (uint32_t i = 0; i < w->ops; i++)
    print(out, "  static float t%u[%zu];\n", i + 1,
          (size_t)w->op[i].oh * (size_t)w->op[i].ow * (size_t)w->op[i].cout);
  print(out, "  (void)w;\n  for (long n = 0; n < %d; n++) {\n", w->batch);
  for (uint32_t i = 0; i < w->ops; i++) {
    emit_op(p, w, i, offset, tile, out);
    offset += op_weights(&w->op[i]);
  }
  print(out, "    for (long i = 0; i < %zu; i++)\n"
        "      y[n * %zu + i] %s t%u[i];\n  }\n}\n", result, result,
        w->accumulate ? "+=" : "=", w->ops);
  return 0;
}

static int
plain_command(void *self, const char *source, const char *object,
              struct chanas_args *out)
{
  struct plain *p = self;
  const char *const args[] = { "cc", "-std=gnu11", "-O2", "-shared", "-fPIC",
                               "-o", object, source, "-lm" };
  for (size_t i = 0; i < sizeof args / sizeof *args; i++)
    if (p->host->arg(out, args[i]))
      return -1;
  return 0;
}

static void
plain_close(void *self)
{
  (void)self; /* from host->alloc */
}

/* ---- device half: only in chanas-runner --------------------------------- */

typedef void kernel_fn(const float *x, const float *weights, float *y);

struct loaded {
  void *object;
  size_t steps, tensors;
  const struct chanas_program *program;
  kernel_fn **kernel;
  float **tensor;
  char *fresh; /* tensor starts at zero: its first writer accumulates */
};

static int
plain_probe(const struct chanas_host *host)
{
  (void)host;
  return 0;
}

static int
plain_describe(const struct chanas_host *host, struct chanas_text *out,
               int measure)
{
  struct utsname name;
  (void)measure; /* no ceilings: this backend is no measure of anything */
  if (uname(&name))
    return -1;
  return host->print(out, "machine=%s\ncompiler=%s\n", name.machine,
                     __VERSION__);
}

static void
plain_unload(void *self)
{
  struct loaded *l = self;
  for (size_t i = 0; l->tensor && i < l->tensors; i++)
    free(l->tensor[i]);
  if (l->object)
    dlclose(l->object);
  free(l->tensor);
  free(l->kernel);
  free(l->fresh);
  free(l);
}

static int
load_kernels(struct loaded *l, const struct chanas_host *host,
             const char *object)
{
  l->object = dlopen(object, RTLD_NOW | RTLD_LOCAL);
  if (!l->object) {
    host->log(host->ctx, CHANAS_ERROR, "%s", dlerror());
    return -1;
  }
  for (size_t i = 0; i < l->steps; i++) {
    void *symbol = dlsym(l->object, l->program->step[i].symbol);
    if (!symbol) {
      host->log(host->ctx, CHANAS_ERROR, "%s", dlerror());
      return -1;
    }
    memcpy(&l->kernel[i], &symbol, sizeof symbol);
  }
  return 0;
}

/* The host keeps the program alive until unload. */
static int
plain_load(const struct chanas_host *host, const char *object,
           const struct chanas_program *program, void **loaded)
{
  struct loaded *l = calloc(1, sizeof *l);
  if (!l)
    return -1;
  l->program = program;
  l->steps = program->steps;
  l->tensors = program->tensors;
  l->kernel = calloc(l->steps + 1, sizeof *l->kernel);
  l->tensor = calloc(l->tensors + 1, sizeof *l->tensor);
  l->fresh = calloc(l->tensors + 1, 1);
  int failed = !l->kernel || !l->tensor || !l->fresh;
  for (size_t i = 0; !failed && i < l->tensors; i++)
    failed = !(l->tensor[i] = calloc(program->elements[i] + 1, sizeof(float)));
  for (size_t i = l->steps; !failed && i-- > 0; )
    l->fresh[program->step[i].dst] =
      program->step[i].workload->accumulate && program->step[i].dst !=
      program->output;
  if (failed)
    host->log(host->ctx, CHANAS_ERROR, "no memory for the tensors");
  if (failed || load_kernels(l, host, object)) {
    plain_unload(l);
    return -1;
  }
  *loaded = l;
  return 0;
}

static double
now(void)
{
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int
plain_run(void *self, const float *input, float *output, unsigned repeat,
          double *seconds)
{
  struct loaded *l = self;
  const struct chanas_program *p = l->program;
  float *result = l->tensor[p->output];
  memcpy(l->tensor[0], input, p->elements[0] * sizeof *input);
  memcpy(result, output, p->elements[p->output] * sizeof *output);
  double start = now();
  for (unsigned r = 0; r < repeat; r++) {
    for (size_t i = 0; i < l->tensors; i++)
      if (l->fresh[i])
        memset(l->tensor[i], 0, p->elements[i] * sizeof(float));
    for (size_t i = 0; i < l->steps; i++) {
      const struct chanas_step *s = &p->step[i];
      l->kernel[i](l->tensor[s->src], s->weights, l->tensor[s->dst]);
    }
  }
  *seconds = now() - start;
  memcpy(output, result, p->elements[p->output] * sizeof *output);
  return 0;
}

static int
plain_control(const struct chanas_host *host, double *seconds)
{
  volatile double sum = 0;
  double start = now();
  (void)host;
  for (int i = 0; i < 200000; i++)
    sum = sum * 0.5 + i;
  *seconds = now() - start;
  return 0;
}

static const struct chanas_backend backend = {
  .struct_size = sizeof(struct chanas_backend),
  .probe = plain_probe,
  .describe = plain_describe,
  .load = plain_load,
  .run = plain_run,
  .control = plain_control,
  .unload = plain_unload,
  .open = plain_open,
  .space = plain_space,
  .initial = plain_initial,
  .legal = plain_legal,
  .features = plain_features,
  .emit = plain_emit,
  .suffix = ".c",
  .command = plain_command,
  .close = plain_close,
};

static const struct chanas_plugin plugin = {
  CHANAS_PLUGIN_HEAD,
  .name = "plain",
  .version = "1",
  .summary = "portable C on one thread (an example)",
  .backend = &backend,
};

CHANAS_REGISTER_PLUGIN(plugin)
