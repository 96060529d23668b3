/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A network by oneDNN: bench/peers and bench/layers compile this against the
 * library of a Python wheel; it is no part of chanas.
 *
 *   onednn GRAPH WEIGHTS INPUT OUTPUT SECONDS TYPE [LAYOUT]...
 *
 * GRAPH has one operator a line (peers_onednn.py writes it), WEIGHTS its
 * parameters, INPUT and OUTPUT are dense NCHW, all float32.  TYPE is f32 or
 * bf16.  LAYOUT is any (each primitive takes what it likes best, reorders
 * where neighbours disagree), nhwc or blocked (nChw16c); each is timed, the
 * best one is reported: "LAYOUT MEDIAN-MS LEAST-MS VERSION".  Activations and
 * residual additions are post-operations.  Tensors that do not live at the
 * same time share memory, which is in huge pages where the system gives them.
 */
#include <oneapi/dnnl/dnnl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define MOST 512 /* operators, tensors */
#define HUGE ((size_t)2 << 20)
#define TRY(call) check(call, #call)

enum kind { CONV, LINEAR, GLOBALPOOL, AVGPOOL, ADD, MUL, ACT, KINDS };
enum act { NONE, RELU, RELU6, HSWISH, HSIGMOID, SIGMOID };

struct op {
  enum kind kind;
  int out, in, in2, act, sum; /* in2: residual, second operand or -1 */
  dnnl_dim_t oc, k, s, p, group;
  const float *w, *b; /* b may be NULL */
};

struct tensor {
  dnnl_dim_t dims[4];
  int known, dims_used; /* 2 after a linear layer, else 4 */
  int last; /* the last operator that reads it */
  dnnl_memory_desc_t md;
  dnnl_memory_t memory;
  int buffer;
};

struct step {
  dnnl_primitive_t primitive;
  int args;
  dnnl_exec_arg_t arg[6];
};

static struct op ops[MOST];
static struct tensor tensors[MOST];
static struct step steps[4 * MOST];
static struct { char *at; size_t size; int busy; } buffers[4 * MOST];
static int n_ops, n_tensors, n_steps, n_buffers, output;
static dnnl_engine_t engine;
static dnnl_stream_t stream;
static dnnl_data_type_t type = dnnl_f32;
static const char *layout;

static void
check(dnnl_status_t status, const char *call)
{
  if (status == dnnl_success)
    return;
  fprintf(stderr, "onednn: status %d of %s\n", (int)status, call);
  exit(1);
}

static void *
huge(size_t size)
{
  void *at = aligned_alloc(HUGE, (size + HUGE) / HUGE * HUGE);

  if (at == NULL)
    exit(1);
  madvise(at, (size + HUGE) / HUGE * HUGE, MADV_HUGEPAGE);
  memset(at, 0, size);
  return at;
}

static float *
read_floats(const char *path)
{
  FILE *f = fopen(path, "rb");
  long size;
  float *data;

  if (f == NULL || fseek(f, 0, SEEK_END) || (size = ftell(f)) < 0) {
    perror(path);
    exit(1);
  }
  rewind(f);
  data = huge((size_t)size + 1);
  if (fread(data, 1, (size_t)size, f) != (size_t)size)
    exit(1);
  fclose(f);
  return data;
}

/* ---- the graph */

static void
read_graph(const char *path, const float *w)
{
  static const char *const names[] = { "conv", "linear", "globalpool",
                                       "avgpool", "add", "mul", "act" };
  FILE *f = fopen(path, "r");
  char word[16];
  dnnl_dim_t *d = tensors[0].dims;
  int bias, ic;

  if (!f || fscanf(f, "in %ld %ld %ld %ld", &d[0], &d[1], &d[2], &d[3]) != 4)
    exit(1);
  for (struct op *op = ops; fscanf(f, "%15s", word) == 1; op++, n_ops++) {
    if (n_ops == MOST ||
        fscanf(f, "%d %d %d %ld %d %ld %ld %ld %ld %d %d %d", &op->out,
               &op->in, &op->in2, &op->oc, &ic, &op->k, &op->s, &op->p,
               &op->group, &op->act, &op->sum, &bias) != 12)
      exit(1);
    while (op->kind < KINDS && strcmp(word, names[op->kind]))
      op->kind++;
    if (op->kind <= LINEAR) {
      op->w = w;
      w += op->oc * ic / op->group * op->k * op->k;
      op->b = bias ? w : NULL;
      w += bias ? op->oc : 0;
    }
    tensors[op->in].last = n_ops;
    if (op->in2 >= 0)
      tensors[op->in2].last = n_ops;
    output = op->out;
    n_tensors = output + 1;
  }
  tensors[output].last = MOST;
  fclose(f);
}

static void
infer_shape(const struct op *op)
{
  const dnnl_dim_t *x = tensors[op->in].dims;
  dnnl_dim_t *y = tensors[op->out].dims;

  memcpy(y, x, 4 * sizeof *y);
  if (op->kind == CONV || op->kind == AVGPOOL)
    for (int i = 2; i < 4; i++)
      y[i] = (x[i] + 2 * op->p - op->k) / op->s + 1;
  if (op->kind == CONV || op->kind == LINEAR)
    y[1] = op->oc;
  if (op->kind == GLOBALPOOL || op->kind == LINEAR)
    y[2] = y[3] = 1;
}

/* ---- descriptions */

static dnnl_memory_desc_t
describe(int dims, const dnnl_dim_t *d, dnnl_data_type_t t,
         dnnl_format_tag_t tag)
{
  dnnl_memory_desc_t md;

  TRY(dnnl_memory_desc_create_with_tag(&md, dims, d, t, tag));
  return md;
}

static dnnl_format_tag_t
wanted(void)
{
  return !strcmp(layout, "nhwc")      ? dnnl_nhwc
         : !strcmp(layout, "blocked") ? dnnl_nChw16c
                                      : dnnl_format_tag_any;
}

/* With `any`, pooling and the like keep what they are given. */
static dnnl_memory_desc_t
source(const struct op *op)
{
  const struct tensor *t = &tensors[op->in];

  if (op->kind <= LINEAR && t->known == 1 && wanted() == dnnl_format_tag_any)
    return describe(t->dims_used, t->dims, type, dnnl_format_tag_any);
  return t->md;
}

static dnnl_memory_desc_t
result(const struct op *op)
{
  const struct tensor *t = &tensors[op->out];

  return op->sum ? tensors[op->in2].md : describe(4, t->dims, type, wanted());
}

/* Algorithm, alpha and beta of each activation. */
static const struct { dnnl_alg_kind_t kind; float a, b; } eltwise[] = {
  [NONE] = { dnnl_eltwise_linear, 1, 0 },
  [RELU] = { dnnl_eltwise_relu, 0, 0 },
  [RELU6] = { dnnl_eltwise_clip, 0, 6 },
  [HSWISH] = { dnnl_eltwise_hardswish, 1.f / 6, .5f },
  [HSIGMOID] = { dnnl_eltwise_hardsigmoid, 1.f / 6, .5f },
  [SIGMOID] = { dnnl_eltwise_logistic, 0, 0 },
};

static dnnl_primitive_attr_t
attributes(const struct op *op)
{
  dnnl_primitive_attr_t attr;
  dnnl_post_ops_t post;

  TRY(dnnl_primitive_attr_create(&attr));
  TRY(dnnl_post_ops_create(&post));
  if (op->sum)
    TRY(dnnl_post_ops_append_sum(post, 1, 0, dnnl_data_type_undef));
  else if (op->kind == CONV && op->in2 >= 0)
    TRY(dnnl_post_ops_append_binary(post, dnnl_binary_add,
                                    tensors[op->in2].md));
  if (op->act != NONE && op->kind != ACT)
    TRY(dnnl_post_ops_append_eltwise(post, eltwise[op->act].kind,
                                     eltwise[op->act].a, eltwise[op->act].b));
  TRY(dnnl_primitive_attr_set_post_ops(attr, post));
  dnnl_post_ops_destroy(post);
  return attr;
}

static int
weight_dims(const struct op *op)
{
  return op->kind == CONV ? op->group == 1 ? 4 : 5
                          : tensors[op->in].dims_used;
}

static dnnl_primitive_desc_t
describe_dense(const struct op *op, dnnl_memory_desc_t x,
               dnnl_memory_desc_t y, dnnl_primitive_attr_t attr)
{
  const dnnl_dim_t ic = tensors[op->in].dims[1], k = op->k;
  const dnnl_dim_t grouped[] = { op->group, op->oc / op->group,
                                 ic / op->group, k, k };
  const dnnl_dim_t s[] = { op->s, op->s }, p[] = { op->p, op->p };
  const dnnl_dim_t dilation[] = { 0, 0 };
  dnnl_memory_desc_t b = op->b ? describe(1, &op->oc, dnnl_f32, dnnl_x) : NULL;
  int plain = op->group == 1;
  dnnl_memory_desc_t w = describe(weight_dims(op), grouped + plain, type,
                                  dnnl_format_tag_any);
  dnnl_primitive_desc_t pd;

  if (op->kind == LINEAR)
    TRY(dnnl_inner_product_forward_primitive_desc_create(
      &pd, engine, dnnl_forward_inference, x, w, b,
      describe(2, tensors[op->out].dims, type, dnnl_format_tag_any), attr));
  else
    TRY(dnnl_convolution_forward_primitive_desc_create(
      &pd, engine, dnnl_forward_inference, dnnl_convolution_auto, x, w, b, y,
      s, dilation, p, p, attr));
  return pd;
}

static dnnl_primitive_desc_t
describe_pool(const struct op *op, dnnl_memory_desc_t x, dnnl_memory_desc_t y,
              dnnl_primitive_attr_t attr)
{
  const dnnl_dim_t *d = tensors[op->in].dims;
  int whole = op->kind == GLOBALPOOL;
  const dnnl_dim_t k[] = { whole ? d[2] : op->k, whole ? d[3] : op->k };
  const dnnl_dim_t s[] = { op->s, op->s }, p[] = { op->p, op->p };
  const dnnl_dim_t dilation[] = { 0, 0 };
  dnnl_primitive_desc_t pd;

  TRY(dnnl_pooling_forward_primitive_desc_create(
    &pd, engine, dnnl_forward_inference,
    dnnl_pooling_avg_exclude_padding, x, y, s, k, dilation, p, p, attr));
  return pd;
}

static dnnl_primitive_desc_t
describe_op(const struct op *op)
{
  dnnl_memory_desc_t x = source(op), y = result(op);
  dnnl_primitive_attr_t attr = attributes(op);
  dnnl_primitive_desc_t pd;

  switch (op->kind) {
  case CONV: case LINEAR:
    pd = describe_dense(op, x, y, attr);
    break;
  case GLOBALPOOL: case AVGPOOL:
    pd = describe_pool(op, x, y, attr);
    break;
  case ADD: case MUL:
    TRY(dnnl_binary_primitive_desc_create(
      &pd, engine, op->kind == ADD ? dnnl_binary_add : dnnl_binary_mul, x,
      tensors[op->in2].md, y, attr));
    break;
  default:
    TRY(dnnl_eltwise_forward_primitive_desc_create(
      &pd, engine, dnnl_forward_inference, eltwise[op->act].kind, x, y,
      eltwise[op->act].a, eltwise[op->act].b, attr));
  }
  dnnl_primitive_attr_destroy(attr);
  return pd;
}

/* ---- memory and steps */

static int
take_buffer(size_t size)
{
  int best = -1;

  for (int i = 0; i < n_buffers; i++)
    if (!buffers[i].busy && buffers[i].size >= size &&
        (best < 0 || buffers[i].size < buffers[best].size))
      best = i;
  if (best < 0) {
    best = n_buffers++;
    buffers[best].size = size;
    buffers[best].at = huge(size);
  }
  buffers[best].busy = 1;
  return best;
}

static dnnl_memory_t
memory_at(const_dnnl_memory_desc_t md, void *at)
{
  dnnl_memory_t m;

  TRY(dnnl_memory_create(&m, md, engine, at));
  return m;
}

static struct step *
add_step(const_dnnl_primitive_desc_t pd)
{
  struct step *s = &steps[n_steps++];

  TRY(dnnl_primitive_create(&s->primitive, pd));
  s->args = 0;
  return s;
}

static void
add_arg(struct step *s, int which, dnnl_memory_t m)
{
  s->arg[s->args++] = (dnnl_exec_arg_t){ which, m };
}

static void
run_step(const struct step *s)
{
  TRY(dnnl_primitive_execute(s->primitive, stream, s->args, s->arg));
}

/* A step that copies `from` as `md` says. */
static struct step *
add_reorder(dnnl_memory_t from, dnnl_memory_t to)
{
  const_dnnl_memory_desc_t a, b;
  dnnl_primitive_desc_t pd;
  struct step *s;

  TRY(dnnl_memory_get_memory_desc(from, &a));
  TRY(dnnl_memory_get_memory_desc(to, &b));
  TRY(dnnl_reorder_primitive_desc_create(&pd, a, engine, b, engine, NULL));
  s = add_step(pd);
  add_arg(s, DNNL_ARG_FROM, from);
  add_arg(s, DNNL_ARG_TO, to);
  return s;
}

/* Parameters as the primitive wants them, done once, in the place after the
 * last step. */
static dnnl_memory_t
prepare(const float *data, int dims, const dnnl_dim_t *d,
        dnnl_format_tag_t tag, const_dnnl_memory_desc_t want)
{
  dnnl_memory_t from = memory_at(describe(dims, d, dnnl_f32, tag),
                                 (void *)data);
  dnnl_memory_t to = memory_at(want, huge(dnnl_memory_desc_get_size(want)));

  run_step(add_reorder(from, to));
  TRY(dnnl_stream_wait(stream));
  n_steps--;
  return to;
}

static void
add_weights(struct step *s, const struct op *op, dnnl_primitive_desc_t pd)
{
  const dnnl_dim_t ic = tensors[op->in].dims[1], k = op->k;
  const dnnl_dim_t grouped[] = { op->group, op->oc / op->group,
                                 ic / op->group, k, k };
  int plain = op->group == 1, dims = weight_dims(op);

  add_arg(s, DNNL_ARG_WEIGHTS,
          prepare(op->w, dims, grouped + plain,
                  dims == 5 ? dnnl_goihw : dims == 4 ? dnnl_oihw : dnnl_oi,
                  dnnl_primitive_desc_query_md(pd, dnnl_query_weights_md, 0)));
  if (op->b)
    add_arg(s, DNNL_ARG_BIAS,
            prepare(op->b, 1, &op->oc, dnnl_x,
                    dnnl_primitive_desc_query_md(pd, dnnl_query_weights_md,
                                                 1)));
}

/* The source as the primitive wants it; what it was given is a copy then. */
static dnnl_memory_t
fitting(const struct op *op, dnnl_primitive_desc_t pd, int *copy)
{
  const_dnnl_memory_desc_t want =
    dnnl_primitive_desc_query_md(pd, dnnl_query_src_md, 0);
  struct tensor *t = &tensors[op->in];
  dnnl_memory_t to;

  *copy = -1;
  if (dnnl_memory_desc_equal(want, t->md))
    return t->memory;
  *copy = take_buffer(dnnl_memory_desc_get_size(want));
  to = memory_at(want, buffers[*copy].at);
  add_reorder(t->memory, to);
  return to;
}

static void
release(int at, const struct op *op, int copy)
{
  if (copy >= 0)
    buffers[copy].busy = 0;
  if (tensors[op->in].last == at)
    buffers[tensors[op->in].buffer].busy = 0;
  if (op->in2 >= 0 && tensors[op->in2].last == at && !op->sum)
    buffers[tensors[op->in2].buffer].busy = 0;
}

static void
make_op(int at)
{
  const struct op *op = &ops[at];
  struct tensor *y = &tensors[op->out];
  dnnl_primitive_desc_t pd;
  dnnl_memory_t x;
  struct step *s;
  int copy;

  infer_shape(op);
  pd = describe_op(op);
  x = fitting(op, pd, &copy);
  TRY(dnnl_memory_desc_clone(
    &y->md, dnnl_primitive_desc_query_md(pd, dnnl_query_dst_md, 0)));
  y->known = 1;
  y->dims_used = op->kind == LINEAR || tensors[op->in].dims_used == 2 ? 2 : 4;
  y->buffer = op->sum ? tensors[op->in2].buffer
                      : take_buffer(dnnl_memory_desc_get_size(y->md));
  y->memory = memory_at(y->md, buffers[y->buffer].at);
  s = add_step(pd);
  add_arg(s, op->kind == ADD || op->kind == MUL ? DNNL_ARG_SRC_0
                                                : DNNL_ARG_SRC, x);
  add_arg(s, DNNL_ARG_DST, y->memory);
  if (op->kind == ADD || op->kind == MUL)
    add_arg(s, DNNL_ARG_SRC_1, tensors[op->in2].memory);
  else if (op->in2 >= 0 && !op->sum)
    add_arg(s, DNNL_ARG_ATTR_MULTIPLE_POST_OP(0) | DNNL_ARG_SRC_1,
            tensors[op->in2].memory);
  if (op->kind <= LINEAR)
    add_weights(s, op, pd);
  release(at, op, copy);
}

static void
run(void)
{
  for (int i = 0; i < n_steps; i++)
    run_step(&steps[i]);
  TRY(dnnl_stream_wait(stream));
}

/* The input lies as the layout asked for says; NCHW is turned once. */
static void
make(const float *input)
{
  struct tensor *x = &tensors[0];
  dnnl_memory_t given = memory_at(
    describe(4, x->dims, dnnl_f32, dnnl_nchw), (void *)input);

  n_steps = n_buffers = 0;
  x->md = describe(4, x->dims, type, dnnl_nhwc);
  x->known = 2; /* a graph's input stays in its layout */
  x->dims_used = 4;
  x->buffer = take_buffer(dnnl_memory_desc_get_size(x->md));
  x->memory = memory_at(x->md, buffers[x->buffer].at);
  x->last = MOST;
  run_step(add_reorder(given, x->memory));
  TRY(dnnl_stream_wait(stream));
  n_steps = 0;
  for (int i = 0; i < n_ops; i++)
    make_op(i);
}

static void
write_output(const char *path)
{
  const struct tensor *y = &tensors[output];
  size_t n = (size_t)(y->dims[0] * y->dims[1] * y->dims[2] * y->dims[3]);
  float *dense = huge(n * sizeof *dense);
  int flat = y->dims_used == 2;
  FILE *f = fopen(path, "wb");

  run_step(add_reorder(y->memory, memory_at(
    describe(flat ? 2 : 4, y->dims, dnnl_f32, flat ? dnnl_nc : dnnl_nchw),
    dense)));
  TRY(dnnl_stream_wait(stream));
  n_steps--;
  if (!f || fwrite(dense, sizeof *dense, n, f) != n || fclose(f)) {
    perror(path);
    exit(1);
  }
}

/* ---- time */

static double
now(void)
{
  struct timespec t;

  clock_gettime(CLOCK_MONOTONIC, &t);
  return 1e3 * (double)t.tv_sec + 1e-6 * (double)t.tv_nsec;
}

static int
order(const void *a, const void *b)
{
  const double x = *(const double *)a, y = *(const double *)b;

  return (x > y) - (x < y);
}

/* Median and least of runs that take so many milliseconds together. */
static double
measure(double budget, double *least)
{
  enum { ROOM = 1 << 20 };
  static double t[ROOM];
  double begun = now();
  int n = 0;

  for (int i = 0; i < 5; i++)
    run();
  begun = now();
  while (n < ROOM && (n < 5 || now() - begun < budget)) {
    double from = now();
    run();
    t[n++] = now() - from;
  }
  qsort(t, (size_t)n, sizeof *t, order);
  *least = t[0];
  return t[n / 2];
}

int
main(int argc, char **argv)
{
  double best = 0, best_least = 0, least, ms;
  const char *winner = NULL;
  float *input;

  if (argc < 8) {
    fprintf(stderr, "usage: onednn GRAPH WEIGHTS INPUT OUTPUT SECONDS TYPE "
            "LAYOUT...\n");
    return 2;
  }
  read_graph(argv[1], read_floats(argv[2]));
  input = read_floats(argv[3]);
  type = strcmp(argv[6], "bf16") ? dnnl_f32 : dnnl_bf16;
  TRY(dnnl_engine_create(&engine, dnnl_cpu, 0));
  TRY(dnnl_stream_create(&stream, engine, dnnl_stream_default_flags));
  for (int i = 7; i < argc; i++) {
    layout = argv[i];
    make(input);
    ms = measure(1e3 * atof(argv[5]), &least);
    write_output(argv[4]);
    if (winner == NULL || ms < best)
      winner = layout, best = ms, best_least = least;
  }
  printf("%s %.6f %.6f %d.%d.%d\n", winner, best, best_least,
         dnnl_version()->major, dnnl_version()->minor,
         dnnl_version()->patch);
  return 0;
}
