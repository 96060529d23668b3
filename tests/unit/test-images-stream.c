/* SPDX-License-Identifier: Apache-2.0 */
/* Batches ahead of a trainer, and what augmentation does to them. */
#include <math.h>
#include "images_kit.h"
#include "plugins/common/augment.h"

#define N 103
#define BATCH 10

static struct images *images;

/* CIFAR files with N training images; red tells the image, green the row,
 * blue the column. */
static int
set_up(void **state)
{
  struct images_config config = kit_config();
  size_t record = 3073;
  uint8_t *data = malloc(N * record);

  if (kit_begin(state) < 0 || data == NULL)
    return -1;
  for (size_t i = 0; i < N; i++) {
    data[i * record] = (uint8_t)(i % 10);
    memset(data + i * record + 1, (int)i, 1024);
    for (size_t k = 0; k < 1024; k++) {
      data[i * record + 1025 + k] = (uint8_t)(k / 32 + 100);
      data[i * record + 2049 + k] = (uint8_t)(k % 32 + 100);
    }
  }
  kit_put("data_batch_1.bin", data, N * record - 60 * record);
  kit_put("data_batch_2.bin", data + 43 * record, 15 * record);
  kit_put("data_batch_3.bin", data + 58 * record, 15 * record);
  kit_put("data_batch_4.bin", data + 73 * record, 15 * record);
  kit_put("data_batch_5.bin", data + 88 * record, 15 * record);
  kit_put("test_batch.bin", data, 3 * record);
  free(data);
  config.normalised = 3;
  images = images_open(&config);
  return images == NULL || images->count[IMAGES_TRAIN] != N ? -1 : 0;
}

static int
tear_down(void **state)
{
  images_close(images);
  return kit_end(state);
}

static uint64_t
mix(uint64_t hash, const void *data, size_t size)
{
  const uint8_t *p = data;

  for (size_t i = 0; i < size; i++)
    hash = (hash ^ p[i]) * UINT64_C(0x100000001b3);
  return hash;
}

/* Every byte of an epoch from a batch on, in one number. */
static uint64_t
epoch_hash(struct images_stream *s, uint32_t epoch, size_t first,
           size_t *rows)
{
  struct images_batch b;
  uint64_t hash = 1;

  *rows = 0;
  images_stream_start(s, epoch, first);
  while (images_next(s, &b) == 1) {
    hash = mix(hash, b.x, b.n * 3072 * sizeof *b.x);
    hash = mix(hash, b.label, b.n * sizeof *b.label);
    hash = mix(hash, b.other, b.n * sizeof *b.other);
    hash = mix(hash, b.index, b.n * sizeof *b.index);
    hash = mix(hash, &b.share, sizeof b.share);
    *rows += b.n;
  }
  return hash;
}

/* Equal for any number of threads and slots; resumed in the middle too. */
static void
test_threads(void **state)
{
  static const struct augment augment = { .pad = 4, .flip = 1, .cutout = 8,
                                          .mixup = 0.2 };
  uint64_t want = 0, other = 0, tail = 0;

  (void)state;
  for (int threads = 1; threads <= 5; threads += 2) {
    struct images_stream_config config = {
      .part = IMAGES_TRAIN, .batch = BATCH, .shuffle = 1, .threads = threads,
      .ahead = threads == 3 ? 1 : 0, .seed = 7, .augment = &augment };
    struct images_stream *s = images_stream_open(images, &config);
    size_t rows;
    assert_non_null(s);
    assert_int_equal(images_stream_batches(s), 11);
    uint64_t hash = epoch_hash(s, 5, 0, &rows);
    assert_int_equal(rows, N);
    uint64_t next = epoch_hash(s, 6, 0, &rows);
    uint64_t from = epoch_hash(s, 5, 8, &rows);
    assert_int_equal(rows, N - 80);
    if (threads == 1) {
      want = hash;
      other = next;
      tail = from;
    }
    assert_true(hash == want && next == other && from == tail);
    assert_true(hash != next);
    /* begun and left */
    images_stream_start(s, 5, 0);
    struct images_batch b;
    assert_int_equal(images_next(s, &b), 1);
    images_stream_start(s, 5, 10);
    assert_int_equal(images_next(s, &b), 1);
    assert_int_equal(b.n, 3);
    assert_int_equal(images_next(s, &b), 0);
    assert_int_equal(images_next(s, &b), 0);
    images_stream_close(s);
  }
}

/* Every image once an epoch, with its own label. */
static void
test_order(void **state)
{
  struct images_stream_config config = { .part = IMAGES_TRAIN, .batch = BATCH,
                                         .shuffle = 1, .drop_last = 1,
                                         .threads = 2 };
  struct images_stream *s = images_stream_open(images, &config);
  struct images_batch b;
  int seen[N] = { 0 }, moved = 0;
  size_t at = 0;

  (void)state;
  assert_non_null(s);
  assert_int_equal(images_next(s, &b), 0); /* not begun */
  images_stream_start(s, 0, 0);
  while (images_next(s, &b) == 1) {
    assert_int_equal(b.n, BATCH);
    assert_true(b.share == 1);
    for (size_t i = 0; i < b.n; i++, at++) {
      assert_int_equal(lrintf(b.x[i * 3072] * 255), b.index[i]);
      assert_int_equal(b.label[i], b.index[i] % 10);
      assert_int_equal(b.other[i], b.label[i]);
      seen[b.index[i]]++;
      moved += b.index[i] != at;
    }
  }
  assert_int_equal(at, 100);
  assert_true(moved > 80);
  for (int i = 0; i < N; i++)
    assert_true(seen[i] <= 1);
  images_stream_close(s);
  config.shuffle = config.drop_last = 0;
  s = images_stream_open(images, &config);
  images_stream_start(s, 3, 0);
  for (at = 0; images_next(s, &b) == 1; )
    for (size_t i = 0; i < b.n; i++)
      assert_int_equal(b.index[i], at++);
  assert_int_equal(at, N);
  images_stream_close(s);
}

/* Crop and flip move the image as a whole; the border is filled. */
static void
test_crop(void **state)
{
  enum { H = 9, W = 9 };
  const struct augment a = { .pad = 2, .flip = 1, .fill = { -1, -2 } };
  float image[H * W * 2], scratch[H * W * 2];
  int offsets = 0, mirrored = 0;

  (void)state;
  for (uint32_t index = 0; index < 400; index++) {
    for (int i = 0; i < H * W; i++) {
      image[2 * i] = (float)(i / W);
      image[2 * i + 1] = (float)(i % W);
    }
    augment_image(&a, 1, 2, index, H, W, 2, image, scratch);
    /* The middle is always inside. */
    const float *mid = image + 2 * (4 * W + 4);
    int dy = (int)mid[0] - 4, mirror = mid[1] > mid[3];
    int dx = (int)mid[1] - 4;
    assert_true(dy >= -2 && dy <= 2 && dx >= -2 && dx <= 2);
    for (int i = 0; i < H * W; i++) {
      int sy = i / W + dy, x = i % W;
      int sx = (mirror ? W - 1 - x : x) + dx;
      int inside = sy >= 0 && sy < H && sx >= 0 && sx < W;
      assert_true(image[2 * i] == (inside ? (float)sy : -1));
      assert_true(image[2 * i + 1] == (inside ? (float)sx : -2));
    }
    offsets |= 1 << (dy + 2) | 32 << (dx + 2);
    mirrored += mirror;
  }
  assert_int_equal(offsets, 1023); /* each offset occurs */
  assert_in_range(mirrored, 150, 250);
}

static void
test_cutout(void **state)
{
  enum { SIDE = 12 };
  const struct augment a = { .cutout = 4 };
  float image[SIDE * SIDE], scratch[SIDE * SIDE];
  int least = SIDE * SIDE, most = 0;

  (void)state;
  for (uint32_t index = 0; index < 300; index++) {
    int zero = 0;
    for (int i = 0; i < SIDE * SIDE; i++)
      image[i] = 1;
    augment_image(&a, 1, 2, index, SIDE, SIDE, 1, image, scratch);
    for (int i = 0; i < SIDE * SIDE; i++)
      zero += image[i] == 0;
    least = zero < least ? zero : least;
    most = zero > most ? zero : most;
  }
  assert_int_equal(most, 16);
  assert_in_range(least, 4, 8); /* at a corner */
}

/* Beta(a, a) folded at 1/2: for a = 1 it is uniform in [1/2, 1]. */
static void
test_mixup(void **state)
{
  struct augment a = { .mixup = 1 };
  double sum = 0, least = 1;

  (void)state;
  for (uint32_t batch = 0; batch < 2000; batch++) {
    float x[] = { 1, 2, 5, 6, 3, 4 };
    int32_t label[] = { 7, 8, 9 }, other[3];
    float s = augment_mixup(&a, 3, 1, batch, 3, 2, x, label, other);
    assert_true(s >= 0.5f && s <= 1);
    assert_true(fabsf(x[0] - (s * 1 + (1 - s) * 3)) < 1e-6f);
    assert_true(fabsf(x[5] - (s * 4 + (1 - s) * 2)) < 1e-6f);
    assert_true(x[2] == 5 && x[3] == 6);
    assert_true(other[0] == 9 && other[1] == 8 && other[2] == 7);
    sum += (double)s;
    least = fmin(least, (double)s);
  }
  assert_true(fabs(sum / 2000 - 0.75) < 0.015);
  assert_true(least < 0.51);
  sum = 0; /* small alpha: mostly one of the two */
  a.mixup = 0.2;
  for (uint32_t batch = 0; batch < 2000; batch++) {
    float x[2] = { 0 };
    int32_t label[2] = { 0 }, other[2];
    sum += (double)augment_mixup(&a, 3, 1, batch, 2, 1, x, label, other);
  }
  /* E|b - 1/2| of Beta(a, a) is B(a, a)^-1 4^-a / a; here 0.40 */
  assert_true(fabs(sum / 2000 - 0.9) < 0.02);
}

/* Resampling keeps a flat image flat and a ramp's mean. */
static void
test_resize(void **state)
{
  float flat[7 * 5], ramp[12 * 12], out[16 * 16], down[4 * 4];

  (void)state;
  for (int i = 0; i < 35; i++)
    flat[i] = 0.7f;
  assert_int_equal(images_resize(flat, 7, 5, 1, out, 16, 16), 0);
  for (int i = 0; i < 256; i++)
    assert_true(fabsf(out[i] - 0.7f) < 1e-6f);
  for (int i = 0; i < 144; i++)
    ramp[i] = (float)(i % 12);
  assert_int_equal(images_resize(ramp, 12, 12, 1, down, 4, 4), 0);
  assert_true(fabsf(down[1] - 4) < 1e-4f && fabsf(down[2] - 7) < 1e-4f);
  assert_true(fabsf(down[5] - down[13]) < 1e-5f);
  assert_int_equal(images_resize(ramp, 12, 12, 1, out, 12, 12), 0);
  assert_memory_equal(ramp, out, sizeof ramp);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_threads),
    cmocka_unit_test(test_order),
    cmocka_unit_test(test_crop),
    cmocka_unit_test(test_cutout),
    cmocka_unit_test(test_mixup),
    cmocka_unit_test(test_resize),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
