/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Accuracy from a multilayer perceptron: y = W x + b, activation, layer by
 * layer (the last one without activation), read from a raw float file; the
 * once-for-all predictor (Cai et al., ICLR 2020) is such a file.
 *
 * A network's estimate must not depend on which others are in the batch nor
 * on the number of threads, or a resumed search would part from an unbroken
 * one.  No BLAS promises that bit by bit, so the sums are taken in double
 * and the result is rounded to GRID, far above the error of the sums.
 */
#include <cblas.h>
#include <endian.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include "onehot.h"

#define MAX_LAYERS 64
#define MAX_UNITS 65536
#define MAX_WEIGHTS ((size_t)1 << 28)
#define GRID 1e-5 /* percent */
#define FAIL(host, ...) \
  ((host)->log((host)->ctx, CHANAS_ERROR, __VA_ARGS__), -1)

struct mlp {
  const struct chanas_host *host;
  struct onehot code;
  size_t layers, widest, rows;
  size_t units[MAX_LAYERS];
  double *weight;     /* per layer: W row by row, then b */
  double *from, *to;  /* rows x widest each */
  double (*activation)(double);
  double scale, offset, stddev;
  size_t outside;     /* estimates that were no percentage */
};

static double relu(double x) { return x > 0 ? x : 0; }
static double relu6(double x) { return fmin(relu(x), 6); }
static double hswish(double x) { return x * relu6(x + 3) / 6; }
static double sigmoid(double x) { return 1 / (1 + exp(-x)); }
static double swish(double x) { return x * sigmoid(x); }

static const struct { const char *name; double (*f)(double); } activation[] = {
  { "relu", relu }, { "relu6", relu6 }, { "hswish", hswish },
  { "sigmoid", sigmoid }, { "swish", swish }, { "tanh", tanh },
};

/* "128 400 400 1" */
static int
parse_layers(struct mlp *self, const char *text)
{
  const struct chanas_host *host = self->host;

  for (const char *at = text; *(at += strspn(at, " \t\n,")); ) {
    char *end;
    errno = 0;
    long units = strtol(at, &end, 10);
    if (end == at || errno || units < 1 || units > MAX_UNITS ||
        (*end && !strchr(" \t\n,", *end)))
      return FAIL(host, "layers: '%s' must be numbers between 1 and %d", at,
                  MAX_UNITS);
    if (self->layers == MAX_LAYERS)
      return FAIL(host, "layers: more than %d", MAX_LAYERS);
    self->units[self->layers++] = (size_t)units;
    if ((size_t)units > self->widest)
      self->widest = (size_t)units;
    at = end;
  }
  if (self->layers < 2)
    return FAIL(host, "layers: at least input and output are needed, such as "
                "128 400 400 1");
  if (self->units[self->layers - 1] != 1)
    return FAIL(host, "layers: the last is %zu, but an estimator has one "
                "output", self->units[self->layers - 1]);
  if (self->units[0] != self->code.width)
    return FAIL(host, "layers begins with %zu inputs, but onehot makes %zu",
                self->units[0], self->code.width);
  return 0;
}

static size_t
count_weights(const struct mlp *self)
{
  size_t n = 0;

  for (size_t l = 1; l < self->layers && n <= MAX_WEIGHTS; l++)
    n += self->units[l] * (self->units[l - 1] + 1);
  return n;
}

/* Exactly n floats from a plain or gzipped stream. */
static int
read_floats(const struct chanas_host *host, const char *path, gzFile in,
            double *to, size_t n)
{
  size_t i = 0;
  int got, code;

  for (;;) {
    uint32_t word[4096];
    got = gzread(in, word, sizeof word);
    if (got < 0 || (gzerror(in, &code), code != Z_OK))
      return FAIL(host, "%s: damaged or cut off: %s; fetch the file again",
                  path, gzerror(in, &code));
    if (got == 0)
      break;
    if (i + (size_t)got / 4 > n)
      return FAIL(host, "%s: more than the %zu float32 values (%zu bytes) "
                  "that layers asks for", path, n, 4 * n);
    if (got % 4)
      return FAIL(host, "%s: not a whole number of float32 values", path);
    for (int k = 0; k < got / 4; k++, i++) {
      uint32_t bits = le32toh(word[k]);
      float value;
      memcpy(&value, &bits, sizeof value);
      if (!isfinite(value))
        return FAIL(host, "%s: value %zu is not a finite number; is this a "
                    "raw little-endian float32 file?", path, i);
      to[i] = value;
    }
  }
  return i == n ? 0 : FAIL(host, "%s: %zu float32 values, but layers asks for "
                           "%zu (%zu bytes)", path, i, n, 4 * n);
}

static int
read_weights(struct mlp *self)
{
  const struct chanas_host *host = self->host;
  const char *path = host->data(host->ctx, host->get(host->ctx, "weights"));
  size_t n = count_weights(self);
  gzFile in;
  int status;

  if (path == NULL)
    return -1;
  if (n > MAX_WEIGHTS)
    return FAIL(host, "layers: more than %zu weights", MAX_WEIGHTS);
  if (!(self->weight = host->alloc(host->ctx, n * sizeof *self->weight)))
    return FAIL(host, "out of memory for %zu weights", n);
  if (!(in = gzopen(path, "rbe")))
    return FAIL(host, "%s: %s", path, strerror(errno));
  status = read_floats(host, path, in, self->weight, n);
  gzclose(in);
  return status;
}

/* Rows per pass: enough for the BLAS, few enough for the cache. */
static int
make_buffers(struct mlp *self)
{
  const struct chanas_host *host = self->host;
  size_t size;

  self->rows = ((size_t)1 << 18) / self->widest;
  if (self->rows < 16)
    self->rows = 16;
  size = self->rows * self->widest * sizeof *self->from;
  self->from = host->alloc(host->ctx, size);
  self->to = host->alloc(host->ctx, size);
  return self->from && self->to ? 0 : FAIL(host, "out of memory");
}

static int
mlp_open(const struct chanas_host *host, const struct chanas_space *space,
         void **out)
{
  struct mlp *self = host->alloc(host->ctx, sizeof *self);
  const char *name = host->get(host->ctx, "activation");

  if (self == NULL)
    return FAIL(host, "out of memory");
  *out = self;
  self->host = host;
  self->scale = host->get_real(host->ctx, "scale");
  self->offset = host->get_real(host->ctx, "offset");
  self->stddev = host->get_real(host->ctx, "stddev");
  for (size_t i = 0; i < sizeof activation / sizeof *activation; i++)
    if (strcmp(activation[i].name, name) == 0)
      self->activation = activation[i].f;
  if (onehot_open(&self->code, host, space,
                  host->get(host->ctx, "onehot")) < 0 ||
      parse_layers(self, host->get(host->ctx, "layers")) < 0)
    return -1;
  return read_weights(self) < 0 ? -1 : make_buffers(self);
}

/* One layer on `rows` rows, self->from to self->to. */
static void
forward(struct mlp *self, size_t rows, size_t in, size_t out,
        const double *weight, double (*f)(double))
{
  const double *bias = weight + in * out;

  for (size_t r = 0; r < rows; r++)
    memcpy(self->to + r * out, bias, out * sizeof *bias);
  cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)rows, (int)out,
              (int)in, 1, self->from, (int)in, weight, (int)in, 1, self->to,
              (int)out);
  if (f == relu) /* the usual one: a loop that vectorises */
    for (size_t i = 0; i < rows * out; i++)
      self->to[i] = self->to[i] > 0 ? self->to[i] : 0;
  else if (f)
    for (size_t i = 0; i < rows * out; i++)
      self->to[i] = f(self->to[i]);
}

/* To percent; what is none is not an estimate. */
static double
percent(struct mlp *self, const struct chanas_network *net, double y)
{
  const struct chanas_host *host = self->host;
  double value = round((y * self->scale + self->offset) / GRID) * GRID;

  if (value >= 0 && value <= 100)
    return value;
  if (self->outside++ == 0)
    host->log(host->ctx, CHANAS_WARN, "network %s: the predictor says %g %%, "
              "which is no accuracy; it and others like it count as invalid "
              "(check scale, offset and layers)", host->code(net), value);
  return NAN;
}

static int
mlp_estimate(void *ptr, size_t n, const struct chanas_network *const net[],
             struct chanas_estimate out[])
{
  struct mlp *self = ptr;
  const struct chanas_host *host = self->host;

  for (size_t done = 0, rows; done < n; done += rows) {
    const double *weight = self->weight;
    rows = n - done < self->rows ? n - done : self->rows;
    for (size_t r = 0; r < rows; r++)
      onehot_encode(&self->code, host, host->origin(net[done + r]),
                    self->from + r * self->code.width);
    for (size_t l = 1; l < self->layers; l++) {
      double *swap = self->from;
      size_t in = self->units[l - 1], units = self->units[l];
      forward(self, rows, in, units, weight,
              l + 1 < self->layers ? self->activation : NULL);
      self->from = self->to;
      self->to = swap;
      weight += units * (in + 1);
    }
    for (size_t r = 0; r < rows; r++)
      out[done + r] = (struct chanas_estimate){
        percent(self, net[done + r], self->from[r]), self->stddev };
  }
  return 0;
}

static void
mlp_close(void *ptr)
{
  struct mlp *self = ptr;

  if (self->outside > 1)
    self->host->log(self->host->ctx, CHANAS_WARN, "%zu networks had no "
                    "estimate between 0 and 100 %%", self->outside);
}

static const struct chanas_param params[] = {
  { "weights", "file", NULL, NULL,
    "raw little-endian float32 values, plain or gzipped: for each layer the "
    "matrix W[out][in] row by row, then the bias" },
  { "layers", "text", NULL, NULL,
    "units of each layer, input first, such as 128 400 400 400 1" },
  { "onehot", "text", NULL, NULL,
    "inputs: items GLOB:v1,v2,... ; each knob that matches takes one input "
    "per value" },
  { "activation", "text", "relu", "relu|relu6|hswish|sigmoid|swish|tanh",
    "after every layer but the last" },
  { "scale", "real", "100", NULL,
    "percent = output x scale + offset" },
  { "offset", "real", "0", NULL, "see scale" },
  { "stddev", "real", "0", "0..100",
    "known error of the predictor in percentage points" },
  { 0 },
};

static const struct chanas_estimator estimator = {
  .struct_size = sizeof estimator,
  .open = mlp_open,
  .estimate = mlp_estimate,
  .close = mlp_close,
};

static const struct chanas_plugin plugin = {
  CHANAS_PLUGIN_HEAD,
  .name = "mlp",
  .version = "0.1.0",
  .summary = "accuracy from a multilayer perceptron in a weight file",
  .params = params,
  .estimator = &estimator,
};

CHANAS_REGISTER_PLUGIN(plugin)
