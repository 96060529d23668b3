/* SPDX-License-Identifier: Apache-2.0 */
/* Folders of 2,000 JPEG and PNG files of every kind, good and bad: pixels
 * and labels are right, the bad ones are named, memory stays bounded. */
#include <math.h>
#include <sys/resource.h>
#include "images_files.h"

#define FILES 2000
#define CLASSES 4
#define EVERY 25 /* of so many files one is bad */
#define SIZE 24

enum { CUT_JPEG, CUT_PNG, NO_IMAGE, EMPTY, DAMAGED, HUGE_PNG, BADS };

static int colourless[FILES]; /* by its number */

static void
file_name(int i, char *name, size_t size)
{
  snprintf(name, size, "train/c%d/%05d.%s", i % CLASSES, i,
           i % 3 ? "jpg" : "png"); /* names say nothing */
}

static int
is_bad(int i)
{
  return i % EVERY == 7;
}

static void
cut_to(const char *name, double share)
{
  assert_int_equal(truncate(kit_path(name),
                            (off_t)((double)kit_size(name) * share)), 0);
}

/* A PNG of 60000 x 60000 pixels that says so in 33 bytes. */
static void
put_huge(const char *name)
{
  unsigned char head[33] = "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\xea\x60\0\0\xea"
                           "\x60\x08\x02\0\0\0";
  uint32_t sum = (uint32_t)crc32(0, head + 12, 17);

  for (int i = 0; i < 4; i++)
    head[29 + i] = (unsigned char)(sum >> (24 - 8 * i));
  kit_put(name, head, sizeof head);
}

static void
put_bad(const char *name, int bad, int w, int h)
{
  FILE *file;

  switch (bad) {
  case CUT_JPEG: put_image(name, 0, w, h, 0); cut_to(name, 0.6); break;
  case CUT_PNG: put_image(name, 4, w, h, 0); cut_to(name, 0.7); break;
  case NO_IMAGE: kit_put(name, "GIF89a, or so it says", 21); break;
  case EMPTY: kit_put(name, "", 0); break;
  case HUGE_PNG: put_huge(name); break;
  default:
    put_image(name, 4, w, h, 0);
    file = fopen(kit_path(name), "r+b");
    assert_non_null(file);
    fseek(file, (long)kit_size(name) / 2, SEEK_SET);
    fputs("damage", file);
    assert_int_equal(fclose(file), 0);
  }
}

static int
set_up(void **state)
{
  char name[64];

  if (kit_begin(state) < 0 || mkdir(kit_path("train"), 0700) < 0)
    return -1;
  for (int c = 0; c < CLASSES; c++) {
    snprintf(name, sizeof name, "train/c%d", c);
    if (mkdir(kit_path(name), 0700) < 0)
      return -1;
  }
  for (int i = 0; i < FILES; i++) {
    int w = 17 + i * 7 % 90, h = 16 + i * 11 % 80;
    file_name(i, name, sizeof name);
    if (is_bad(i))
      put_bad(name, i / EVERY % BADS, w + 30, h + 30);
    else
      colourless[i] = put_image(name, i % IMAGE_KINDS, w, h, i % CLASSES);
  }
  return 0;
}

static struct images_config
config_of(enum images_broken broken)
{
  struct images_config config = kit_config();

  config.normalised = 3;
  config.size = SIZE;
  config.crop = 1;
  config.broken = broken;
  return config;
}

/* Is this image what put_image made of the class?  JPEG is lossy. */
static void
expect(const float *x, int class, int grey, int w, int h)
{
  double side = w < h ? w : h;

  for (int i = 0; i < SIZE * SIZE; i++) {
    double y = ((h - side) / 2 + (i / SIZE + 0.5) * side / SIZE) / h;
    double z = ((w - side) / 2 + (i % SIZE + 0.5) * side / SIZE) / w;
    for (int c = 0; c < 3; c++) {
      double want = file_value(class, y, z, grey ? 1 : c);
      if (!(fabs((double)x[3 * i + c] - want) < 0.06))
        fail_msg("%d x %d, pixel %d.%d: %g, not %g", w, h, i, c,
                 (double)x[3 * i + c], want);
    }
  }
}

/* Row by row against what was made: label, pixels, and none that is bad. */
static void
expect_all(struct images *im, size_t step)
{
  static float x[SIZE * SIZE * 3];
  size_t at = 0;

  for (int class = 0; class < CLASSES; class++)
    for (int i = class; i < FILES; i += CLASSES) {
      uint32_t index = (uint32_t)at;
      int32_t label;
      if (is_bad(i))
        continue;
      if (at++ % step)
        continue;
      assert_int_equal(images_fetch(im, IMAGES_TRAIN, 1, &index, x, &label,
                                    NULL), 1);
      assert_int_equal(label, class);
      expect(x, class, colourless[i], 17 + i * 7 % 90, 16 + i * 11 % 80);
    }
  assert_int_equal(im->count[IMAGES_TRAIN], at);
}

static void
expect_named(void)
{
  static const char *const why[BADS] = {
    [CUT_JPEG] = "damaged JPEG: ", [CUT_PNG] = "damaged PNG: ",
    [NO_IMAGE] = "neither JPEG nor PNG", [EMPTY] = "empty",
    [DAMAGED] = "damaged PNG: ", [HUGE_PNG] = "60000 x 60000 pixels need more",
  };

  for (int i = 0; i < FILES; i++) {
    char name[64], said[128];
    file_name(i, name, sizeof name);
    snprintf(said, sizeof said, "%s: %s", name,
             is_bad(i) ? why[i / EVERY % BADS] : "");
    if ((strstr(kit_said, said) != NULL) != is_bad(i))
      fail_msg("%s is%s bad", name, is_bad(i) ? "" : " not");
  }
}

static long
resident(void)
{
  struct rusage usage;

  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss; /* KiB */
}

/* Names only, within 1 MiB: heads are read, images decoded when fetched. */
static void
test_bounded(void **state)
{
  struct images_config config = config_of(IMAGES_SKIP);
  struct images *im;
  long before = resident();

  (void)state;
  config.memory = 1 << 20; /* the pixels of all would be 3.3 MiB */
  *kit_said = '\0';
  im = images_open(&config);
  assert_non_null(im);
  assert_true(im->resident <= config.memory);
  /* cut and damaged ones have sound heads */
  assert_true(im->broken >= FILES / EVERY / 3);
  assert_true(im->broken < FILES / EVERY);
  struct images_stream_config stream = { .part = IMAGES_TRAIN, .batch = 64,
                                         .shuffle = 1, .threads = 3 };
  struct images_stream *s = images_stream_open(im, &stream);
  struct images_batch b;
  size_t rows = 0;
  images_stream_start(s, 0, 0);
  while (images_next(s, &b) == 1) {
    for (size_t i = 0; i < b.n; i++) /* red in the corner tells the class */
      assert_int_equal(b.label[i],
                       floor((b.x[i * SIZE * SIZE * 3] - 0.2) / 0.15 + 0.2));
    rows += b.n;
  }
  images_stream_close(s);
  assert_int_equal(rows, FILES - FILES / EVERY);
  assert_int_equal(im->broken, FILES / EVERY);
  expect_named();
  images_close(im);
#ifndef __SANITIZE_ADDRESS__
  /* One MiB of names, a few batches, three decoders of small images. */
  assert_true(resident() - before < 24 << 10);
#else
  (void)before;
#endif
}

/* All pixels at once. */
static void
test_kept(void **state)
{
  struct images_config config = config_of(IMAGES_SKIP);
  struct images *im;

  (void)state;
  *kit_said = '\0';
  im = images_open(&config);
  assert_non_null(im);
  assert_string_equal(im->kind, "folder");
  assert_int_equal(im->classes, CLASSES);
  assert_string_equal(im->class_name[2], "c2");
  assert_int_equal(im->broken, FILES / EVERY);
  assert_int_equal(im->count[IMAGES_TEST], 0);
  expect_named();
  expect_all(im, 1);
  images_close(im);
}

static void
test_refused(void **state)
{
  struct images_config config = config_of(IMAGES_REFUSE);

  (void)state;
  config.threads = 1;
  kit_refused(&config, "mend or remove the file, or give broken = skip");
  config.size = 0;
  kit_refused(&config, "a folder of images needs a resolution");
  config.size = SIZE;
  config.memory = 10000;
  kit_refused(&config, "memory allows");
}

/* val/ has the labels of train/; a class of its own has none. */
static void
test_parts(void **state)
{
  struct images_config config = config_of(IMAGES_SKIP);
  struct images *im;
  uint32_t index = 0;
  int32_t label;
  float x[SIZE * SIZE * 3];

  (void)state;
  assert_int_equal(mkdir(kit_path("val"), 0700), 0);
  assert_int_equal(mkdir(kit_path("val/c2"), 0700), 0);
  assert_int_equal(mkdir(kit_path("val/other"), 0700), 0);
  put_image("val/c2/a.png", 4, 30, 30, 2);
  put_image("val/other/a.png", 4, 30, 30, 2);
  kit_put("val/c2/.hidden", "x", 1);
  kit_put("val/list.txt", "x", 1);
  *kit_said = '\0';
  config.valid = 0.1;
  im = images_open(&config);
  assert_non_null(im);
  assert_non_null(strstr(kit_said, "val/other: is a class that train/ does "
                         "not have"));
  assert_non_null(strstr(kit_said, "val/list.txt: is in no class's folder"));
  assert_null(strstr(kit_said, ".hidden"));
  assert_int_equal(im->count[IMAGES_TEST], 1);
  assert_int_equal(im->count[IMAGES_VALID], 192);
  assert_int_equal(images_fetch(im, IMAGES_TEST, 1, &index, x, &label, NULL),
                   1);
  assert_int_equal(label, 2);
  images_close(im);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_bounded), /* first: the peak only grows */
    cmocka_unit_test(test_kept),
    cmocka_unit_test(test_refused),
    cmocka_unit_test(test_parts),
  };
  return cmocka_run_group_tests(tests, set_up, kit_end);
}
