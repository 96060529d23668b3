/* SPDX-License-Identifier: Apache-2.0 */
/* Sets of images in IDX and CIFAR files: what comes back is what was
 * written, and damage is named. */
#include <math.h>
#include "images_kit.h"

#define SIDE 5
#define TRAIN 40
#define TEST 7

static void
big_endian(uint8_t *to, uint32_t v)
{
  for (int i = 0; i < 4; i++)
    to[i] = (uint8_t)(v >> (24 - 8 * i));
}

static uint8_t
idx_pixel(size_t image, size_t at)
{
  return (uint8_t)(image * 31 + at * 7 + at * at);
}

static void
put_idx(const char *part, const char *ending, uint32_t n)
{
  uint8_t image[16 + TRAIN * SIDE * SIDE], label[8 + TRAIN];
  char name[64];

  big_endian(image, 0x803);
  big_endian(image + 4, n);
  big_endian(image + 8, SIDE);
  big_endian(image + 12, SIDE);
  big_endian(label, 0x801);
  big_endian(label + 4, n);
  for (size_t i = 0; i < n; i++) {
    label[8 + i] = (uint8_t)(i % 4);
    for (size_t k = 0; k < SIDE * SIDE; k++)
      image[16 + i * SIDE * SIDE + k] = idx_pixel(i, k);
  }
  snprintf(name, sizeof name, "%s-images-idx3-ubyte%s", part, ending);
  kit_put(name, image, 16 + n * SIDE * SIDE);
  snprintf(name, sizeof name, "%s-labels-idx1-ubyte%s", part, ending);
  kit_put(name, label, 8 + n);
}

static void
make_idx(const char *ending)
{
  kit_clear(0);
  put_idx("train", ending, TRAIN);
  put_idx("t10k", ending, TEST);
}

static void
test_idx(void **state)
{
  static const char *const endings[] = { "", ".gz" };

  (void)state;
  for (int e = 0; e < 2; e++) {
    struct images_config config = kit_config();
    uint32_t index[] = { 3, 0, 6 };
    float x[3 * SIDE * SIDE];
    int32_t label[3];
    struct images *im;
    make_idx(endings[e]);
    config.mean[0] = 0.25f;
    config.std[0] = 0.5f;
    im = images_open(&config);
    assert_non_null(im);
    assert_string_equal(im->kind, "idx");
    assert_int_equal(im->count[IMAGES_TRAIN], TRAIN);
    assert_int_equal(im->count[IMAGES_VALID], 0);
    assert_int_equal(im->count[IMAGES_TEST], TEST);
    assert_int_equal(im->size, SIDE);
    assert_int_equal(im->channels, 1);
    assert_int_equal(im->classes, 4);
    assert_string_equal(im->class_name[3], "3");
    assert_int_equal(images_fetch(im, IMAGES_TEST, 3, index, x, label, NULL),
                     3);
    for (size_t i = 0; i < 3; i++) {
      assert_int_equal(label[i], index[i] % 4);
      for (size_t k = 0; k < SIDE * SIDE; k++) {
        float want = (idx_pixel(index[i], k) / 255.0f - 0.25f) / 0.5f;
        assert_true(fabsf(x[i * SIDE * SIDE + k] - want) < 1e-6f);
      }
    }
    images_close(im);
  }
}

/* Overwrites a byte of a plain file. */
static void
spoil(const char *name, long at, int byte)
{
  FILE *file = fopen(kit_path(name), "r+b");

  assert_non_null(file);
  assert_int_equal(fseek(file, at, SEEK_SET), 0);
  assert_int_equal(fputc(byte, file), byte);
  assert_int_equal(fclose(file), 0);
}

static void
cut_off(const char *name, size_t left)
{
  assert_int_equal(truncate(kit_path(name), (off_t)left), 0);
}

#define IMAGES "train-images-idx3-ubyte"
#define LABELS "train-labels-idx1-ubyte"

static void
test_idx_damage(void **state)
{
  struct images_config config = kit_config();

  (void)state;
  make_idx("");
  spoil(IMAGES, 3, 1);
  kit_refused(&config, IMAGES ": begins with 0x00000801, not with 0x00000803");
  make_idx("");
  cut_off(IMAGES, kit_size(IMAGES) - 1);
  kit_refused(&config, IMAGES ": 1 bytes short");
  make_idx("");
  cut_off(IMAGES, 7);
  kit_refused(&config, IMAGES ": 9 bytes short");
  make_idx("");
  cut_off(LABELS, 0);
  kit_refused(&config, LABELS ": 8 bytes short");
  make_idx("");
  spoil(IMAGES, 16 + TRAIN * SIDE * SIDE, 0);
  kit_refused(&config, IMAGES ": longer than its head says");
  make_idx("");
  spoil(LABELS, 7, TRAIN - 1);
  kit_refused(&config, LABELS ": 39 labels for 40 images");
  make_idx("");
  spoil("t10k-labels-idx1-ubyte", 8 + 2, 4);
  kit_refused(&config, "t10k-labels-idx1-ubyte: label 4 of image 2");
  make_idx("");
  spoil(IMAGES, 15, SIDE + 1);
  kit_refused(&config, IMAGES ": 40 images of 5 x 6");
  make_idx("");
  spoil(IMAGES, 4, 0xff); /* four thousand million images */
  kit_refused(&config, "than the 1024 MiB that memory allows");
  make_idx("");
  assert_int_equal(unlink(kit_path(LABELS)), 0);
  kit_refused(&config, "no train-labels-idx1-ubyte, plain or .gz");
  make_idx(".gz");
  cut_off(IMAGES ".gz", kit_size(IMAGES ".gz") - 9);
  kit_refused(&config, IMAGES ".gz: ");
  make_idx(".gz"); /* checksum */
  spoil(IMAGES ".gz", (long)kit_size(IMAGES ".gz") - 6, 0x55);
  kit_refused(&config, IMAGES ".gz: damaged or cut off");
}

static void
test_configuration(void **state)
{
  struct images_config config = kit_config();

  (void)state;
  make_idx("");
  config.classes = "a,b,c";
  kit_refused(&config, "there are 4 classes, but fewer names: 'c'");
  config.classes = "a,b,c,d,e";
  kit_refused(&config, "there are 4 classes, but more names");
  config.classes = NULL;
  config.channels = 2;
  kit_refused(&config, "channels 2: must be 1 or 3");
  config.channels = 0;
  config.kind = "cifar";
  kit_refused(&config, "kind cifar: must be auto, idx");
  config.kind = NULL;
  config.normalised = 3;
  kit_refused(&config, "mean and std are given for 3 channels");
  config.normalised = 1;
  config.std[0] = 0;
  kit_refused(&config, "std above 0");
  kit_clear(0);
  kit_refused(&config, "nor a folder train lies there");
  config.path = "/nowhere/at/all";
  kit_refused(&config, "/nowhere/at/all: No such file or directory");
}

/* Mean and deviation of what fetch gives are 0 and 1 when measured. */
static void
test_normalisation(void **state)
{
  struct images_config config = kit_config();
  float x[TRAIN * SIDE * SIDE];
  uint32_t index[TRAIN];
  int32_t label[TRAIN];
  double sum = 0, square = 0, n = TRAIN * SIDE * SIDE;
  struct images *im;

  (void)state;
  make_idx("");
  config.normalised = 0;
  im = images_open(&config);
  assert_non_null(im);
  for (uint32_t i = 0; i < TRAIN; i++)
    index[i] = i;
  images_fetch(im, IMAGES_TRAIN, TRAIN, index, x, label, NULL);
  for (size_t i = 0; i < TRAIN * SIDE * SIDE; i++) {
    sum += (double)x[i];
    square += (double)x[i] * (double)x[i];
  }
  assert_true(fabs(sum / n) < 1e-5);
  assert_true(fabs(square / n - 1) < 1e-4);
  images_close(im);
}

/* Another size and three channels: flat images stay flat, and sums stay. */
static void
test_other_size(void **state)
{
  struct images_config config = kit_config();
  uint32_t index = 1;
  float x[8 * 8 * 3], was[SIDE * SIDE];
  int32_t label;
  double sum = 0, old = 0;
  struct images *im;

  (void)state;
  make_idx("");
  im = images_open(&config);
  assert_non_null(im);
  images_fetch(im, IMAGES_TRAIN, 1, &index, was, &label, NULL);
  images_close(im);
  config.size = 8;
  config.channels = config.normalised = 3;
  im = images_open(&config);
  assert_non_null(im);
  assert_int_equal(im->size, 8);
  assert_int_equal(images_fetch(im, IMAGES_TRAIN, 1, &index, x, &label, NULL),
                   1);
  for (int i = 0; i < 64; i++) {
    assert_true(x[3 * i] == x[3 * i + 1] && x[3 * i] == x[3 * i + 2]);
    sum += (double)x[3 * i] / 64;
  }
  for (int i = 0; i < SIDE * SIDE; i++)
    old += (double)was[i] / (SIDE * SIDE);
  assert_true(fabs(sum - old) < 0.06);
  assert_int_equal(label, 1);
  images_close(im);
}

/* ---- CIFAR --------------------------------------------------------------- */

static uint8_t
cifar_pixel(size_t image, size_t at, size_t channel)
{
  return (uint8_t)(image * 13 + at * 3 + channel * 101 + at / 32);
}

static void
put_cifar(const char *name, size_t first, size_t n, int labels)
{
  size_t record = (size_t)labels + 3072;
  uint8_t *data = malloc(n * record);

  assert_non_null(data);
  for (size_t i = 0; i < n; i++) {
    uint8_t *to = data + i * record;
    for (int l = 0; l < labels; l++)
      *to++ = (uint8_t)((first + i) % (l == labels - 1 ? 10 : 20));
    for (size_t k = 0; k < 3072; k++)
      to[k] = cifar_pixel(first + i, k % 1024, k / 1024);
  }
  kit_put(name, data, n * record);
  free(data);
}

static void
make_cifar(const char *ending)
{
  char name[64];

  kit_clear(0);
  for (size_t i = 0; i < 5; i++) {
    snprintf(name, sizeof name, "data_batch_%zu.bin%s", i + 1, ending);
    put_cifar(name, 10 * i, 10, 1);
  }
  snprintf(name, sizeof name, "test_batch.bin%s", ending);
  put_cifar(name, 50, 6, 1);
}

static void
expect_cifar(struct images *im, enum images_part part, uint32_t index,
             size_t image)
{
  float x[3072];
  int32_t label;

  assert_int_equal(images_fetch(im, part, 1, &index, x, &label, NULL), 1);
  assert_int_equal(label, image % 10);
  for (size_t i = 0; i < 1024; i++)
    for (size_t c = 0; c < 3; c++)
      assert_true(fabsf(x[3 * i + c] - cifar_pixel(image, i, c) / 255.0f)
                  < 1e-6f);
}

static void
test_cifar(void **state)
{
  static const char *const endings[] = { "", ".gz" };
  struct images_config config = kit_config();

  (void)state;
  config.normalised = 3;
  for (int e = 0; e < 2; e++) {
    struct images *im;
    make_cifar(endings[e]);
    im = images_open(&config);
    assert_non_null(im);
    assert_string_equal(im->kind, "cifar10");
    assert_int_equal(im->count[IMAGES_TRAIN], 50);
    assert_int_equal(im->count[IMAGES_TEST], 6);
    assert_string_equal(im->class_name[9], "truck");
    expect_cifar(im, IMAGES_TRAIN, 37, 37);
    expect_cifar(im, IMAGES_TEST, 5, 55);
    images_close(im);
  }
  kit_clear(0);
  put_cifar("train.bin", 0, 30, 2);
  put_cifar("test.bin", 30, 10, 2);
  struct images *im = images_open(&config);
  assert_non_null(im);
  assert_int_equal(im->classes, 100);
  expect_cifar(im, IMAGES_TEST, 3, 33);
  images_close(im);
}

/* A broken batch is left out whole: what stays keeps its labels. */
static void
test_cifar_damage(void **state)
{
  struct images_config config = kit_config();
  struct images *im;

  (void)state;
  config.normalised = 3;
  make_cifar("");
  spoil("data_batch_2.bin", 4 * 3073, 10);
  kit_refused(&config, "data_batch_2.bin: label 10 of record 4");
  cut_off("data_batch_2.bin", 9 * 3073 + 5);
  kit_refused(&config, "data_batch_2.bin: label 10");
  spoil("data_batch_2.bin", 4 * 3073, 4);
  kit_refused(&config, "data_batch_2.bin: 3068 bytes short");
  config.broken = IMAGES_SKIP;
  *kit_said = '\0';
  im = images_open(&config);
  assert_non_null(im);
  assert_non_null(strstr(kit_said, "data_batch_2.bin: 3068 bytes short"));
  assert_non_null(strstr(kit_said, "1 broken files were left out"));
  assert_int_equal(im->broken, 1);
  assert_int_equal(im->count[IMAGES_TRAIN], 40);
  expect_cifar(im, IMAGES_TRAIN, 9, 9);
  expect_cifar(im, IMAGES_TRAIN, 10, 20);
  images_close(im);
  config.memory = 50000;
  kit_refused(&config, "memory allows");
}

/* ---- parts --------------------------------------------------------------- */

static void
test_split(void **state)
{
  struct images_config config = kit_config();
  int seen[50] = { 0 };
  uint32_t first[10];
  struct images *im;

  (void)state;
  make_cifar("");
  config.normalised = 3;
  config.valid = 0.2;
  for (uint64_t seed = 0; seed < 3; seed++) {
    config.seed = seed / 2; /* 0 0 1 */
    im = images_open(&config);
    assert_non_null(im);
    assert_int_equal(im->count[IMAGES_TRAIN], 40);
    assert_int_equal(im->count[IMAGES_VALID], 10);
    memset(seen, 0, sizeof seen);
    for (uint32_t i = 0; i < 50; i++) {
      enum images_part part = i < 40 ? IMAGES_TRAIN : IMAGES_VALID;
      uint32_t index = i < 40 ? i : i - 40;
      float x[3072];
      int32_t label;
      images_fetch(im, part, 1, &index, x, &label, NULL);
      /* pixel 0 of channel 0 tells the image: 13 i mod 256 */
      size_t image = 0;
      while ((uint8_t)(image * 13) != (uint8_t)lrintf(x[0] * 255))
        image++;
      assert_true(image < 50);
      seen[image]++;
      assert_int_equal(label, image % 10);
      if (part == IMAGES_VALID && seed == 0)
        first[index] = (uint32_t)image;
      else if (part == IMAGES_VALID && seed == 1)
        assert_int_equal(first[index], image);
    }
    for (int i = 0; i < 50; i++)
      assert_int_equal(seen[i], 1);
    images_close(im);
  }
}

/* The real sets, where they are installed. */
static void
test_real(void **state)
{
  struct images_config config = kit_config();
  const char *data = getenv("CHANAS_DATA");
  char path[512];
  struct images *im;

  (void)state;
  snprintf(path, sizeof path, "%s/cifar-10", data ? data : "");
  if (data == NULL || access(path, R_OK) != 0)
    skip();
  config.path = path;
  config.normalised = 0;
  im = images_open(&config);
  assert_non_null(im);
  assert_int_equal(im->count[IMAGES_TRAIN], 50000);
  assert_int_equal(im->count[IMAGES_TEST], 10000);
  /* mean and deviation as published with the set */
  assert_true(fabs((double)im->mean[0] * 255 - 125.30691805) < 1e-4);
  assert_true(fabs((double)im->std[2] - 0.26158784) < 1e-6);
  images_close(im);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_idx),
    cmocka_unit_test(test_idx_damage),
    cmocka_unit_test(test_configuration),
    cmocka_unit_test(test_normalisation),
    cmocka_unit_test(test_other_size),
    cmocka_unit_test(test_cifar),
    cmocka_unit_test(test_cifar_damage),
    cmocka_unit_test(test_split),
    cmocka_unit_test(test_real),
  };
  return cmocka_run_group_tests(tests, kit_begin, kit_end);
}
