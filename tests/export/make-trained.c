/* SPDX-License-Identifier: Apache-2.0 */
/*
 * make-trained SPACE.ini CODE DIR IMAGES SIDE
 *
 * Weights for a network and images that it classifies, for tests of export:
 * DIR/weights, DIR/images.bin (CIFAR-10's layout, if SIDE is 32) and
 * DIR/images.idx with DIR/labels.idx (grey, SIDE x SIDE).  The label of an
 * image is what core/reference.c makes of it, through plugins/common/images.c
 * where the side is another than the network's.  So whoever applies the same
 * normalisation and the same network gets 100 %.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "file.h"
#include "mem.h"
#include "plugins/common/images.h"
#include "reference.h"
#include "rng.h"
#include "weights.h"
#include "whole.h"

#define CLASSES 10

static const float mean[] = { 0.49f, 0.48f, 0.45f };
static const float deviation[] = { 0.25f, 0.24f, 0.26f };

struct net {
  struct chanas_network *net;
  struct chanas_program program;
  struct weights *weights;
  size_t inputs;
  int side, channels;
};

static struct weights *
make_weights(const struct chanas_network *net)
{
  struct weights *w = weights_new(net, 0);

  for (size_t b = 0; b < w->blocks; b++) {
    struct chanas_workload *load = workload_parse(w->block[b].key);
    reference_weights(load, 100 + b, w->block[b].value);
    workload_free(load);
  }
  w->crop = 1;
  w->classes = CLASSES;
  w->class_name = mem_array(char *, CLASSES);
  for (int i = 0; i < CLASSES; i++)
    w->class_name[i] = mem_print("thing \"%d\"?", i);
  memcpy(w->mean, mean, sizeof mean);
  memcpy(w->std, deviation, sizeof deviation);
  w->accuracy[0] = w->accuracy[1] = w->accuracy[2] = 100;
  return w;
}

static void
open_net(struct net *n, const char *space, const char *code)
{
  struct family *family = family_read(space);
  int32_t choice[256];

  if (family == NULL || network_parse_code(family, code, choice) < 0 ||
      (n->net = network_build(family, choice)) == NULL)
    exit(1);
  n->weights = make_weights(n->net);
  n->program = whole_program(&(struct session){ .family = family }, n->net);
  for (size_t i = 0; i < n->net->blocks; i++)
    ((struct chanas_step *)n->program.step)[i].weights =
      n->weights->block[i].value;
  n->side = n->program.step[0].workload->op[0].h;
  n->channels = n->program.step[0].workload->op[0].cin;
  n->inputs = n->program.elements[0];
  n->weights->resolution = n->side;
  n->weights->channels = n->channels;
}

/* Smooth blobs, unlike noise, differ in what a network sees. */
static void
draw(struct rng *r, int side, int channels, uint8_t *out)
{
  float v[3] = { 0 }, slope[3][4];

  for (int c = 0; c < channels; c++)
    for (int k = 0; k < 4; k++)
      slope[c][k] = rng_float(r);
  for (int i = 0; i < side * side; i++)
    for (int c = 0; c < channels; c++) {
      float y = (float)(i / side) / (float)side - 0.5f;
      float x = (float)(i % side) / (float)side - 0.5f;
      v[c] = 128 + 150 * (slope[c][0] * x + slope[c][1] * y +
                          4 * slope[c][2] * x * y) + 30 * rng_float(r)
             + 60 * slope[c][3];
      *out++ = v[c] < 0 ? 0 : v[c] > 255 ? 255 : (uint8_t)v[c];
    }
}

/* The class of every image; the last biases are moved so that each class is
 * as likely as the others. */
static void
label(struct net *n, struct images *im, int count, uint8_t *labels)
{
  struct weights_block *last = &n->weights->block[n->weights->blocks - 1];
  float *bias = last->value + last->n - CLASSES, *x;
  float *y = mem_array(float, (size_t)count * CLASSES), sum[CLASSES] = { 0 };

  x = mem_array(float, n->inputs);
  for (int i = 0; i < count; i++) {
    uint32_t index = (uint32_t)i;
    int32_t none;
    images_fetch(im, IMAGES_TRAIN, 1, &index, x, &none, NULL);
    reference_program(&n->program, x, y + i * CLASSES);
    for (int c = 0; c < CLASSES; c++)
      sum[c] += y[i * CLASSES + c] / (float)count;
  }
  for (int c = 0; c < CLASSES; c++)
    bias[c] -= sum[c];
  for (int i = 0; i < count; i++) {
    int best = 0;
    for (int c = 0; c < CLASSES; c++)
      if (y[i * CLASSES + c] - sum[c] > y[i * CLASSES + best] - sum[best])
        best = c;
    labels[i] = (uint8_t)best;
  }
  free(x);
  free(y);
}

static void
put(const char *dir, const char *name, const void *data, size_t size)
{
  char *path = file_join(dir, name);

  if (file_write(path, data, size) < 0)
    exit(1);
  free(path);
}

static void __attribute__((format(printf, 3, 4)))
say(void *ctx, enum chanas_level level, const char *fmt, ...)
{
  (void)ctx;
  (void)level;
  fprintf(stderr, "%s\n", fmt);
}

static void
put_idx(const char *dir, const char *part, const uint8_t *image, int count,
        int side, const uint8_t *labels)
{
  size_t bytes = (size_t)count * (size_t)side * (size_t)side;
  uint8_t *file = mem_array(uint8_t, 16 + bytes);
  uint8_t small[8] = { 0, 0, 8, 1, 0, 0, (uint8_t)(count >> 8),
                       (uint8_t)count };
  struct chanas_text text = { 0 };
  char name[64];

  memcpy(file, (uint8_t[]){ 0, 0, 8, 3, 0, 0, (uint8_t)(count >> 8),
                            (uint8_t)count, 0, 0, 0, (uint8_t)side, 0, 0, 0,
                            (uint8_t)side }, 16);
  memcpy(file + 16, image, bytes);
  snprintf(name, sizeof name, "%s-images-idx3-ubyte", part);
  put(dir, name, file, 16 + bytes);
  text_append(&text, small, 8);
  text_append(&text, labels, (size_t)count);
  snprintf(name, sizeof name, "%s-labels-idx1-ubyte", part);
  put(dir, name, text.data, text.size);
  text_free(&text);
  free(file);
}

static void
put_cifar(const char *dir, const uint8_t *image, int count,
          const uint8_t *labels)
{
  uint8_t *file = mem_array(uint8_t, (size_t)count * 3073);

  for (int i = 0; i < count; i++) {
    file[i * 3073] = labels[i];
    for (int k = 0; k < 3072; k++)
      file[i * 3073 + 1 + k % 3 * 1024 + k / 3] = image[i * 3072 + k];
  }
  for (int b = 1; b <= 6; b++) {
    char name[32];
    snprintf(name, sizeof name, b < 6 ? "data_batch_%d.bin"
                                      : "test_batch.bin", b);
    put(dir, name, file, (size_t)count * 3073);
  }
  free(file);
}

int
main(int argc, char **argv)
{
  int count = argc == 6 ? atoi(argv[4]) : 0;
  int side = argc == 6 ? atoi(argv[5]) : 0, grey = side != 32, classes = 0;
  struct rng rng = rng_seed(5);
  struct net net = { 0 };
  struct images_config config = { .log = say, .path = argv[3],
                                  .normalised = 3 };
  struct images *im;
  uint8_t *image, *labels, seen[CLASSES] = { 0 };

  if (count < 1 || count > 9999 || side < 1 || side > 255)
    return 2;
  open_net(&net, argv[1], argv[2]);
  image = mem_array(uint8_t, (size_t)count * (size_t)(side * side * 3));
  labels = mem_array(uint8_t, (size_t)count);
  for (int i = 0; i < count; i++)
    draw(&rng, side, grey ? 1 : 3,
         image + (size_t)i * (size_t)(side * side) * (grey ? 1 : 3));
  for (int pass = 0; pass < 2; pass++) { /* the second one with the labels */
    if (grey) {
      put_idx(argv[3], "train", image, count, side, labels);
      put_idx(argv[3], "t10k", image, count, side, labels);
    } else
      put_cifar(argv[3], image, count, labels);
    config.size = net.side;
    config.channels = net.channels;
    memcpy(config.mean, mean, sizeof config.mean);
    memcpy(config.std, deviation, sizeof config.std);
    im = pass ? NULL : images_open(&config);
    if (!pass && im == NULL)
      return 1;
    if (im)
      label(&net, im, count, labels);
    images_close(im);
  }
  for (int i = 0; i < count; i++)
    classes += !seen[labels[i]]++;
  char *path = file_join(argv[3], "weights");
  int status = weights_write(net.weights, path);
  free(path);
  printf("%d classes\n", classes);
  weights_free(net.weights);
  whole_program_free(&net.program);
  network_free(net.net);
  free(image);
  free(labels);
  return status < 0;
}
