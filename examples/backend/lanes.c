/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A backend made from nothing, the one of docs/backend-howto.md: C with the
 * vector extension of GCC and clang, and OpenMP.  This file is its pure half:
 * the policy space, what is legal, and the source of a kernel, as a function
 * of the device's description alone.
 */
#include "lanes.h"
#include <math.h>
#include <string.h>

struct lanes {
  const struct chanas_host *host;
  int threads;
};

static int
lanes_open(const struct chanas_host *host, const struct chanas_device *device,
           void **self)
{
  struct lanes *l = host->alloc(host->ctx, sizeof *l);

  if (!l)
    return -1;
  l->host = host;
  l->threads = (int)host->limit(device, "threads");
  *self = l;
  return 0;
}

static void
lanes_close(void *self)
{
  (void)self; /* from host->alloc */
}

/* ---- policies ---- */

static int
lanes_space(void *self, const struct chanas_workload *w,
            struct chanas_space *out)
{
  static const int64_t lanes[] = { 4, 8, 16 }, parallel[] = { 1, 0 };
  struct lanes *l = self;

  if (w->dtype != CHANAS_F32) {
    l->host->log(l->host->ctx, CHANAS_ERROR, "no %.*s kernels, only f32",
                 (int)strcspn(w->key, "/"), w->key);
    return -1;
  }
  return l->host->knob(out, "lanes", 3, lanes) ||
         l->host->knob(out, "parallel", l->threads > 1 ? 2 : 1,
                       l->threads > 1 ? parallel : parallel + 1);
}

static int
lanes_initial(void *self, const struct chanas_workload *w,
              const struct chanas_space *space, int32_t *choice)
{
  struct lanes *l = self;

  (void)w;
  memset(choice, 0, l->host->knobs(space) * sizeof *choice);
  return 0;
}

/* Not more idle lanes than busy ones, in the widest dense operator. */
static int
lanes_legal(void *self, const struct chanas_workload *w,
            struct chanas_point point)
{
  struct lanes *l = self;
  int64_t lanes = l->host->value(point, "lanes"), widest = 3;

  for (uint32_t i = 0; i < w->ops; i++)
    if ((w->op[i].kind == CHANAS_CONV || w->op[i].kind == CHANAS_LINEAR ||
         w->op[i].kind == CHANAS_SE) && w->op[i].cout > widest)
      widest = w->op[i].cout;
  return lanes < 2 * widest;
}

static int
lanes_features(void *self, const struct chanas_workload *w,
               struct chanas_point point, double *out, size_t max)
{
  struct lanes *l = self;
  double all[] = { log(w->flops + 1), log(w->bytes + 1), (double)w->ops,
                   (double)l->host->value(point, "lanes"),
                   (double)l->host->value(point, "parallel") };
  size_t n = sizeof all / sizeof *all;

  n = n < max ? n : max;
  memcpy(out, all, n * sizeof *all);
  return (int)n;
}

/* ---- source ---- */

/* What one emission needs to know; offsets are into the weights, as they
 * come and packed. */
struct emission {
  const struct chanas_host *host;
  const struct chanas_workload *w;
  struct chanas_text *out;
  int lanes, team;
  long from, to;
};

#define PRINT(e, ...) (e)->host->print((e)->out, __VA_ARGS__)

static long
dense_size(const struct emission *e, long cin, long cout, long taps)
{
  long room = (cout + e->lanes - 1) / e->lanes * e->lanes;

  return room * taps * cin + room;
}

/* Pack one dense operator and step over it, on both sides. */
static void
pack_dense(struct emission *e, int cin, int cout, int taps, int bias)
{
  PRINT(e, "  pack%d(from + %ld, to + %ld, %d, %d, %d, %d);\n", e->lanes,
        e->from, e->to, cin, cout, taps, bias);
  e->from += (long)cin * cout * taps + (bias ? cout : 0);
  e->to += dense_size(e, cin, cout, taps);
}

static void
pack_op(struct emission *e, const struct chanas_op *op)
{
  int taps = op->k * op->k;

  switch (op->kind) {
  case CHANAS_CONV: pack_dense(e, op->cin, op->cout, taps, op->bias); break;
  case CHANAS_LINEAR: pack_dense(e, op->cin, op->cout, 1, op->bias); break;
  case CHANAS_SE:
    pack_dense(e, op->cin, op->squeeze, 1, 1);
    pack_dense(e, op->squeeze, op->cin, 1, 1);
    break;
  case CHANAS_DWCONV:
    PRINT(e, "  pack_dw(from + %ld, to + %ld, %d, %d, %d);\n", e->from, e->to,
          op->cin, taps, op->bias);
    e->from += (long)op->cin * taps + (op->bias ? op->cin : 0);
    e->to += (long)op->cin * taps + op->cin;
    break;
  default: break;
  }
}

/* Tensor i of the block, as the kernel names it. */
static const char *
tensor(const struct emission *e, int i, char name[48])
{
  if (i == 0)
    __builtin_sprintf(name, "(x + n * %zu)",
                      e->w->inputs / (size_t)e->w->batch);
  else
    __builtin_sprintf(name, "t%d", i);
  return name;
}

static void
dense(struct emission *e, const struct chanas_op *op, const char *src,
      const char *dst, int kernel)
{
  PRINT(e, "    conv%d(%s, w + %ld, %s, %d, %d, %d, %d, %d, %d, %d, %d, %d, "
        "%d, %d);\n", e->lanes, src, e->to, dst, op->cin, op->h, op->w,
        op->cout, op->oh, op->ow, kernel, op->stride, op->pad, op->act,
        e->team);
  e->to += dense_size(e, op->cin, op->cout, (long)kernel * kernel);
}

/* Two small dense operators between a mean and a product. */
static void
excite(struct emission *e, const struct chanas_op *op, const char *src, int i)
{
  struct chanas_op down = { .cin = op->cin, .cout = op->squeeze, .h = 1,
                            .w = 1, .oh = 1, .ow = 1, .stride = 1,
                            .act = CHANAS_ACT_RELU };
  struct chanas_op up = down;

  up.cin = op->squeeze;
  up.cout = op->cin;
  up.act = CHANAS_ACT_HSIGMOID;
  PRINT(e, "    mean(%s, m%d, %d, %d, 0);\n", src, i, op->h * op->w, op->cin);
  char m[16], q[16], g[16];
  __builtin_sprintf(m, "m%d", i);
  __builtin_sprintf(q, "q%d", i);
  __builtin_sprintf(g, "g%d", i);
  dense(e, &down, m, q, 1);
  dense(e, &up, q, g, 1);
  PRINT(e, "    for (long j = 0; j < %d; j++)\n"
        "      t%d[j] = act(%d, %s[j] * g%d[j %% %d]);\n",
        op->h * op->w * op->cin, i, op->act, src, i, op->cin);
}

static void
call_window(struct emission *e, const struct chanas_op *op, const char *src,
            int i)
{
  char weights[32] = "0";

  if (op->kind == CHANAS_DWCONV)
    __builtin_sprintf(weights, "w + %ld", e->to);
  PRINT(e, "    window(%s, %s, t%d, %d, %d, %d, %d, %d, %d, %d, %d, %d, %d);\n",
        src, weights, i, op->cin, op->h, op->w, op->oh, op->ow, op->k,
        op->stride, op->pad, op->act, e->team);
  if (op->kind == CHANAS_DWCONV)
    e->to += (long)op->cin * op->k * op->k + op->cin;
}

static void
call_op(struct emission *e, uint32_t at)
{
  const struct chanas_op *op = &e->w->op[at];
  char src[48], src2[48], dst[16];
  int i = (int)at + 1;

  tensor(e, op->src, src);
  __builtin_sprintf(dst, "t%d", i);
  switch (op->kind) {
  case CHANAS_CONV: dense(e, op, src, dst, op->k); break;
  case CHANAS_LINEAR: {
    struct chanas_op flat = *op;
    flat.h = flat.w = flat.oh = flat.ow = flat.stride = 1;
    flat.pad = 0;
    dense(e, &flat, src, dst, 1);
    break;
  }
  case CHANAS_SE: excite(e, op, src, i); break;
  case CHANAS_DWCONV:
  case CHANAS_AVGPOOL: call_window(e, op, src, i); break;
  case CHANAS_GLOBALPOOL:
    PRINT(e, "    mean(%s, %s, %d, %d, %d);\n", src, dst, op->h * op->w,
          op->cin, op->act);
    break;
  default: /* ADD, ACT */
    PRINT(e, "    for (long j = 0; j < %d; j++)\n      %s[j] = act(%d, %s[j]"
          "%s%s%s);\n", op->h * op->w * op->cin, dst, op->act, src,
          op->kind == CHANAS_ADD ? " + " : "",
          op->kind == CHANAS_ADD ? tensor(e, op->src2, src2) : "",
          op->kind == CHANAS_ADD ? "[j]" : "");
  }
}

static void
declare(struct emission *e, uint32_t at)
{
  const struct chanas_op *op = &e->w->op[at];

  PRINT(e, "  static float t%u[%d];\n", at + 1, op->oh * op->ow * op->cout);
  if (op->kind == CHANAS_SE)
    PRINT(e, "  static float m%u[%d], q%u[%d], g%u[%d];\n", at + 1, op->cin,
          at + 1, op->squeeze, at + 1, op->cin);
}

static int
lanes_emit(void *self, const struct chanas_workload *w,
           struct chanas_point point, const char *symbol,
           struct chanas_text *out)
{
  struct lanes *l = self;
  size_t each = w->outputs / (size_t)w->batch;
  struct emission e = { .host = l->host, .w = w, .out = out,
                        .lanes = (int)l->host->value(point, "lanes") };

  e.team = l->host->value(point, "parallel") ? l->threads : 1;
  PRINT(&e, "%s/* %s */\nvoid %s_pack(const float *from, float *to);\n"
        "void %s_pack(const float *from, float *to)\n{\n"
        "  (void)from;\n  (void)to;\n", lanes_prelude, w->key, symbol, symbol);
  for (uint32_t i = 0; i < w->ops; i++)
    pack_op(&e, &w->op[i]);
  PRINT(&e, "}\nunsigned long %s_floats(void);\n"
        "unsigned long %s_floats(void)\n{\n  return %ld;\n}\n"
        "void %s(const float *x, const float *w, float *y);\n"
        "void %s(const float *x, const float *w, float *y)\n{\n", symbol,
        symbol, e.to, symbol, symbol);
  for (uint32_t i = 0; i < w->ops; i++)
    declare(&e, i);
  PRINT(&e, "  (void)w;\n  for (long n = 0; n < %d; n++) {\n", w->batch);
  e.to = 0;
  for (uint32_t i = 0; i < w->ops; i++)
    call_op(&e, i);
  return PRINT(&e, "    for (long j = 0; j < %zu; j++)\n"
               "      y[n * %zu + j] %s t%u[j];\n  }\n}\n", each, each,
               w->accumulate ? "+=" : "=", w->ops);
}

static int
lanes_command(void *self, const char *source, const char *object,
              struct chanas_args *out)
{
  struct lanes *l = self;
  const char *const args[] = { "cc", "-std=gnu11", "-O2", "-fopenmp",
                               "-shared", "-fPIC", "-Wl,-z,defs", "-o",
                               object, source, "-lm" };

  for (size_t i = 0; i < sizeof args / sizeof *args; i++)
    if (l->host->arg(out, args[i]))
      return -1;
  return 0;
}

static const struct chanas_backend backend = {
  .struct_size = sizeof(struct chanas_backend),
  .probe = run_probe,
  .describe = run_describe,
  .load = run_load,
  .run = run_run,
  .control = run_control,
  .unload = run_unload,
  .open = lanes_open,
  .space = lanes_space,
  .initial = lanes_initial,
  .legal = lanes_legal,
  .features = lanes_features,
  .emit = lanes_emit,
  .suffix = ".c",
  .command = lanes_command,
  .close = lanes_close,
  .diagnose = run_diagnose,
};

static const struct chanas_plugin plugin = {
  CHANAS_PLUGIN_HEAD,
  .name = "lanes",
  .version = "1",
  .summary = "C with vectors and OpenMP for any CPU (an example)",
  .backend = &backend,
};

CHANAS_REGISTER_PLUGIN(plugin)
