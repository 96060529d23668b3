/* SPDX-License-Identifier: Apache-2.0 */
/*
 * classify [-w WEIGHTS] [-l LABELS] [-s] FILE...
 *
 * Classes of images: IDX (as MNIST has it), the binary batches of CIFAR-10
 * and CIFAR-100, PGM and PPM, or just the bytes of one image of the model's
 * shape, height x width x channels.  Prints a line for each image: file,
 * number, class, probability; where labels are known (CIFAR, or -l with an
 * IDX file of labels) the true class too, and the accuracy at the end.  -s
 * prints the accuracy only.  Exit status: 0, 1 on failure, 2 on wrong use.
 *
 * Pixels go through the same steps as in training: the middle square, the
 * triangle filter where the size is another, grey or colour, bytes, then
 * (v / 255 - mean) / std.
 */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "model.h"
#include "net.h"

#define PIXELS (MODEL_SIZE * MODEL_SIZE)
#define VALUES (PIXELS * MODEL_CHANNELS)
#define LIMIT ((size_t)1 << 31) /* bytes of a file */
#define MAX_SIDE 65500

/* Images within the bytes of a file. */
struct set {
  const char *path;
  unsigned char *data;
  size_t bytes, n, head, record; /* image i begins at head + i record */
  int h, w, c;
  int planes;                    /* channel by channel, as CIFAR has it */
  int label_at;                  /* of a record, from its image's start */
  const unsigned char *label;    /* or all of them together */
};

static int
complain(const char *path, const char *what)
{
  fprintf(stderr, "classify: %s: %s\n", path, what);
  return -1;
}

static unsigned char *
read_file(const char *path, size_t *bytes)
{
  FILE *f = fopen(path, "rb");
  unsigned char *data = NULL, *more;
  size_t room = 0, size = 0, got = 1;

  while (f && got > 0 && size < LIMIT) {
    if (size == room) {
      room = room ? 2 * room : 65536;
      more = realloc(data, room);
      if (more == NULL)
        break;
      data = more;
    }
    got = fread(data + size, 1, room - size, f);
    size += got;
  }
  if (f == NULL || ferror(f) || got > 0) {
    complain(path, f == NULL || ferror(f) ? "cannot be read" : "too large");
    free(data);
    data = NULL;
  }
  if (f)
    fclose(f);
  *bytes = size;
  return data;
}

static unsigned long
big_endian(const unsigned char *p)
{
  return (unsigned long)p[0] << 24 | (unsigned long)p[1] << 16 |
         (unsigned long)p[2] << 8 | p[3];
}

static int
open_idx(struct set *s)
{
  s->n = big_endian(s->data + 4);
  s->head = 16;
  s->c = 1;
  if (s->bytes < 16 || big_endian(s->data + 8) > MAX_SIDE ||
      big_endian(s->data + 12) > MAX_SIDE)
    return complain(s->path, "damaged head of an IDX file");
  s->h = (int)big_endian(s->data + 8);
  s->w = (int)big_endian(s->data + 12);
  s->record = (size_t)s->h * (size_t)s->w;
  if (s->record == 0 || s->n != (s->bytes - 16) / s->record ||
      (s->bytes - 16) % s->record != 0)
    return complain(s->path, "its size is not what its head says");
  return 0;
}

/* Labels: one byte, or the coarse and the fine one. */
static int
open_cifar(struct set *s, size_t labels)
{
  s->head = labels;
  s->record = labels + 3072;
  s->n = s->bytes / s->record;
  s->h = s->w = 32;
  s->c = 3;
  s->planes = 1;
  s->label_at = -1;
  return 0;
}

/* One number of a PNM head; comments run from # to the end of the line. */
static int
pnm_number(const struct set *s, size_t *at)
{
  int v = 0, digits = 0;

  while (*at < s->bytes && (isspace(s->data[*at]) || s->data[*at] == '#'))
    if (s->data[(*at)++] == '#')
      while (*at < s->bytes && s->data[*at] != '\n')
        ++*at;
  while (*at < s->bytes && isdigit(s->data[*at]) && digits++ < 6)
    v = 10 * v + (s->data[(*at)++] - '0');
  return digits > 0 && digits < 6 ? v : -1;
}

static int
open_pnm(struct set *s)
{
  size_t at = 2;
  int most;

  s->n = 1;
  s->c = s->data[1] == '6' ? 3 : 1;
  s->w = pnm_number(s, &at);
  s->h = pnm_number(s, &at);
  most = pnm_number(s, &at);
  if (s->w < 1 || s->h < 1 || s->w > MAX_SIDE || s->h > MAX_SIDE ||
      most != 255)
    return complain(s->path, "only binary PGM and PPM of 255 levels are read");
  s->head = at + 1;
  s->record = (size_t)s->w * (size_t)s->h * (size_t)s->c;
  return s->head <= s->bytes && s->bytes - s->head >= s->record
           ? 0 : complain(s->path, "cut off");
}

static int
open_set(struct set *s, const char *path)
{
  size_t length = strlen(path);
  int bin = length > 4 && strcmp(path + length - 4, ".bin") == 0;

  memset(s, 0, sizeof *s);
  s->path = path;
  s->data = read_file(path, &s->bytes);
  if (s->data == NULL)
    return -1;
  if (s->bytes > 8 && big_endian(s->data) == 0x803)
    return open_idx(s);
  if (s->bytes > 2 && s->data[0] == 'P' &&
      (s->data[1] == '5' || s->data[1] == '6'))
    return open_pnm(s);
  if (bin && s->bytes >= 3074 && s->bytes % 3074 == 0 && MODEL_CLASSES == 100)
    return open_cifar(s, 2);
  if (bin && s->bytes >= 3073 && s->bytes % 3073 == 0)
    return open_cifar(s, 1);
  if (s->bytes > 2 && s->data[0] == 0x1f && s->data[1] == 0x8b)
    return complain(path, "is compressed; unpack it with gunzip first");
  s->n = 1;
  s->h = s->w = MODEL_SIZE;
  s->c = MODEL_CHANNELS;
  s->record = VALUES;
  return s->bytes == VALUES ? 0 : complain(path,
    "neither IDX, CIFAR (.bin), PGM or PPM nor the bytes of one image");
}

/* The labels of an IDX file for the images of a set. */
static int
open_labels(struct set *s, const char *path, unsigned char **data)
{
  size_t bytes;

  *data = read_file(path, &bytes);
  if (*data == NULL)
    return -1;
  if (bytes < 8 || big_endian(*data) != 0x801)
    return complain(path, "is no IDX file of labels");
  if (big_endian(*data + 4) != s->n || bytes - 8 != s->n)
    return complain(path, "has not one label for each image");
  s->label = *data + 8;
  return 0;
}

/* -1 where it is not known. */
static int
label_of(const struct set *s, size_t i)
{
  if (s->label)
    return s->label[i];
  return s->label_at ? s->data[s->head + i * s->record - 1] : -1;
}

/* ---- one image ----------------------------------------------------------- */

/* Pixel (y, x) in the model's channels. */
static void
pixel(const struct set *s, const unsigned char *p, int y, int x, float *out)
{
  size_t at = (size_t)y * (size_t)s->w + (size_t)x, step = 1;
  int c;

  if (s->planes)
    step = (size_t)s->h * (size_t)s->w;
  else
    at *= (size_t)s->c;
  for (c = 0; c < MODEL_CHANNELS; c++)
    if (s->c == MODEL_CHANNELS)
      out[c] = p[at + (size_t)c * step];
    else if (s->c == 1)
      out[c] = p[at];
    else
      out[c] = 0.299f * p[at] + 0.587f * p[at + step]
               + 0.114f * p[at + 2 * step];
}

/* Weight of source pixel x for result i of the window [x0, x0 + side). */
static double
filter(int i, int x, double x0, double side)
{
  double scale = side / MODEL_SIZE, reach = scale > 1 ? scale : 1;
  double away = fabs(x + 0.5 - (x0 + (i + 0.5) * scale)) / reach;

  return away < 1 ? 1 - away : 0;
}

struct taps { int from, to; double sum; };

static struct taps
taps(int i, int extent, double x0, double side)
{
  double scale = side / MODEL_SIZE, reach = scale > 1 ? scale : 1;
  double centre = x0 + (i + 0.5) * scale;
  struct taps t = { (int)floor(centre - reach + 0.5),
                    (int)floor(centre + reach + 0.5), 0 };
  int x;

  t.from = t.from < 0 ? 0 : t.from;
  t.to = t.to > extent ? extent : t.to;
  for (x = t.from; x < t.to; x++)
    t.sum += filter(i, x, x0, side);
  return t;
}

/* One row of the source, resampled. */
static void
across(const struct set *s, const unsigned char *p, int y, double x0,
       double side, float *line)
{
  float v[MODEL_CHANNELS];
  int i, x, c;

  memset(line, 0, MODEL_SIZE * MODEL_CHANNELS * sizeof *line);
  for (i = 0; i < MODEL_SIZE; i++) {
    struct taps t = taps(i, s->w, x0, side);
    for (x = t.from; x < t.to; x++) {
      float weight = (float)(filter(i, x, x0, side) / t.sum);
      pixel(s, p, y, x, v);
      for (c = 0; c < MODEL_CHANNELS; c++)
        line[i * MODEL_CHANNELS + c] += weight * v[c];
    }
  }
}

static void
resample(const struct set *s, const unsigned char *p, float *out)
{
  double side = (s->w < s->h ? s->w : s->h) * (double)MODEL_CROP;
  double x0 = (s->w - side) / 2, y0 = (s->h - side) / 2;
  float line[MODEL_SIZE * MODEL_CHANNELS];
  int i, y, k;

  memset(out, 0, VALUES * sizeof *out);
  for (y = 0; y < s->h; y++) {
    int made = 0;
    for (i = 0; i < MODEL_SIZE; i++) {
      struct taps t = taps(i, s->h, y0, side);
      float weight = (float)(filter(i, y, y0, side) / t.sum);
      if (y < t.from || y >= t.to)
        continue;
      if (!made++)
        across(s, p, y, x0, side, line);
      for (k = 0; k < MODEL_SIZE * MODEL_CHANNELS; k++)
        out[i * MODEL_SIZE * MODEL_CHANNELS + k] += weight * line[k];
    }
  }
}

/* Image i of a set as the network wants it. */
static void
prepare(const struct set *s, size_t i, float *x)
{
  const unsigned char *p = s->data + s->head + i * s->record;
  int same = s->h == MODEL_SIZE && s->w == MODEL_SIZE
             && (MODEL_CROP == 1 || s->head == 0);
  int k;

  if (same)
    for (k = 0; k < PIXELS; k++)
      pixel(s, p, k / MODEL_SIZE, k % MODEL_SIZE, x + k * MODEL_CHANNELS);
  else
    resample(s, p, x);
  for (k = 0; k < VALUES; k++) {
    int c = k % MODEL_CHANNELS;
    float byte = x[k] + 0.5f;
    byte = byte < 0 ? 0 : byte > 255 ? 255 : (float)(int)byte;
    x[k] = (byte / 255 - model_mean[c]) / model_std[c];
  }
}

/* ---- all of them --------------------------------------------------------- */

static float input[MODEL_BATCH * VALUES], output[NET_OUTPUT];
static size_t known, right;
static int silent;

static void
report(const struct set *s, size_t i, const float *y)
{
  int label = label_of(s, i), best = 0, k;
  double sum = 0;

  for (k = 1; k < MODEL_CLASSES; k++)
    if (y[k] > y[best])
      best = k;
  for (k = 0; k < MODEL_CLASSES; k++)
    sum += exp((double)y[k] - y[best]);
  if (label >= 0) {
    known++;
    right += label == best;
  }
  if (silent)
    return;
  printf("%s %zu %s %.4f", s->path, i, model_class[best], 1 / sum);
  if (label >= 0 && label < MODEL_CLASSES)
    printf(" true %s", model_class[label]);
  printf("\n");
}

static int
classify(const struct set *s)
{
  size_t i, k;

  for (i = 0; i < s->n; i += MODEL_BATCH) {
    size_t rows = s->n - i < MODEL_BATCH ? s->n - i : MODEL_BATCH;
    for (k = 0; k < rows; k++)
      prepare(s, i + k, input + k * VALUES);
    if (net_run(input, output) != 0)
      return complain(s->path, "the network does not run");
    for (k = 0; k < rows; k++)
      report(s, i + k, output + k * MODEL_CLASSES);
  }
  return 0;
}

static int
classify_file(const char *path, const char *labels)
{
  unsigned char *data = NULL;
  struct set s;
  int status = open_set(&s, path);

  if (status == 0 && labels)
    status = open_labels(&s, labels, &data);
  if (status == 0)
    status = classify(&s);
  free(data);
  free(s.data);
  return status;
}

int
main(int argc, char **argv)
{
  const char *weights = "weights.bin", *labels = NULL;
  int i = 1, status = 0;

  for (; i < argc && argv[i][0] == '-'; i++)
    if (strcmp(argv[i], "-s") == 0)
      silent = 1;
    else if (strcmp(argv[i], "-w") == 0 && i + 1 < argc)
      weights = argv[++i];
    else if (strcmp(argv[i], "-l") == 0 && i + 1 < argc)
      labels = argv[++i];
    else
      break;
  if (i >= argc || argv[i][0] == '-' || (labels && i + 1 != argc)) {
    fprintf(stderr, "usage: classify [-w weights.bin] [-l labels] [-s] "
            "file...\n(-l belongs to one file)\n");
    return 2;
  }
  if (net_init(weights) != 0)
    return complain(weights, "cannot be read as this network's weights"), 1;
  for (; i < argc; i++)
    if (classify_file(argv[i], labels) != 0)
      status = 1;
  if (known > 0)
    printf("accuracy %.2f %% (%zu of %zu)\n",
           100 * (double)right / (double)known, right, known);
  net_free();
  return status;
}
