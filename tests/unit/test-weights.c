/* SPDX-License-Identifier: Apache-2.0 */
/* Weight files: what is written comes back, and nothing else is believed. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "capture.h"
#include "file.h"
#include "mem.h"
#include "weights.h"

static char path[] = "/tmp/chanas-weights-XXXXXX";
static struct family *family;
static struct chanas_network *net;

static struct family *
read_family(void)
{
  char *file = file_join(getenv("CHANAS_ETC"), "spaces/nas-bench-macro.ini");
  struct family *f = family_read(file);

  free(file);
  return f;
}

static int
set_up(void **state)
{
  int32_t choice[64];
  int fd = mkstemp(path);

  (void)state;
  family = read_family();
  if (fd < 0 || close(fd) < 0 || family == NULL ||
      network_parse_code(family, "00120012", choice) < 0)
    return -1;
  net = network_build(family, choice);
  return net ? 0 : -1;
}

static int
tear_down(void **state)
{
  (void)state;
  network_free(net);
  family_free(family);
  return unlink(path);
}

static struct weights *
make(int ranges)
{
  struct weights *w = weights_new(net, ranges);

  w->resolution = 32;
  w->channels = 3;
  for (int i = 0; i < 3; i++) {
    w->mean[i] = 0.1f * (float)i;
    w->std[i] = 0.25f;
  }
  w->accuracy[0] = 99.5;
  w->accuracy[1] = NAN;
  w->accuracy[2] = 91.25;
  w->classes = 10;
  w->class_name = mem_array(char *, 10);
  for (int i = 0; i < 10; i++)
    w->class_name[i] = mem_print("class %d", i);
  for (size_t b = 0; b < w->blocks; b++) {
    for (size_t i = 0; i < w->block[b].n; i++)
      w->block[b].value[i] = (float)(b + 1) / (float)(i + 1);
    for (size_t i = 0; i < w->block[b].ranges; i++)
      w->block[b].range[i] = (float)(b + i);
  }
  return w;
}

static void
test_round_trip(void **state)
{
  (void)state;
  for (int ranges = 0; ranges < 2; ranges++) {
    struct weights *w = make(ranges), *r;
    assert_int_equal(weights_write(w, path), 0);
    r = weights_read(path);
    assert_non_null(r);
    assert_string_equal(r->code, "00120012");
    assert_string_equal(r->space, w->space);
    assert_int_equal(r->resolution, 32);
    assert_memory_equal(r->mean, w->mean, sizeof w->mean);
    assert_memory_equal(r->std, w->std, sizeof w->std);
    assert_true(r->accuracy[0] == 99.5 && isnan(r->accuracy[1]));
    assert_string_equal(r->class_name[9], "class 9");
    assert_int_equal(r->blocks, net->blocks);
    for (size_t b = 0; b < r->blocks; b++) {
      assert_string_equal(r->block[b].key, w->block[b].key);
      assert_int_equal(r->block[b].n, w->block[b].n);
      assert_memory_equal(r->block[b].value, w->block[b].value,
                          w->block[b].n * sizeof(float));
      assert_int_equal(r->block[b].ranges, w->block[b].ranges);
      assert_memory_equal(r->block[b].range, w->block[b].range,
                          w->block[b].ranges * sizeof(float));
    }
    assert_int_equal(weights_match(r, net, path), 0);
    weights_free(w);
    weights_free(r);
  }
}

/* Other dtypes and batches take the same file; I8 needs the ranges. */
static void
test_other_dtype(void **state)
{
  struct weights *plain = make(0), *ranged = make(1);
  int32_t choice[64];

  (void)state;
  for (int dtype = 0; dtype < 2; dtype++) {
    struct family *f = read_family();
    struct chanas_network *other;
    struct capture capture;
    assert_int_equal(family_target(f, 2, dtype ? CHANAS_I8 : CHANAS_BF16), 0);
    assert_int_equal(network_parse_code(f, "00120012", choice), 0);
    other = network_build(f, choice);
    assert_int_equal(weights_match(plain, other, "x"), 0);
    for (size_t b = 0; b < other->blocks; b++) {
      const struct chanas_workload *load =
        family_workloads(f)->item[other->block[b].workload];
      float *out = mem_array(float, load->weights + 1);
      assert_int_equal(weights_fill(ranged, b, load, out), 0);
      assert_memory_equal(out, ranged->block[b].value,
                          ranged->block[b].n * sizeof *out);
      if (dtype && load->ops > 1)
        assert_true(out[load->weights - 1] == (float)(b + load->ops - 1));
      capture_begin(&capture);
      int status = weights_fill(plain, b, load, out);
      assert_int_equal(*capture_end(&capture) == '\0', status == 0);
      assert_int_equal(status, dtype ? -1 : 0);
      if (dtype)
        assert_non_null(strstr(capture.text, "have no ranges"));
      free(out);
    }
    network_free(other);
    family_free(f);
  }
  weights_free(plain);
  weights_free(ranged);
}

static void
test_mismatch(void **state)
{
  struct weights *w = make(0);
  struct capture capture;

  (void)state;
  free(w->code);
  w->code = mem_string("00120010");
  capture_begin(&capture);
  assert_int_equal(weights_match(w, net, "file"), -1);
  assert_non_null(strstr(capture_end(&capture), "file: has the weights of "
                         "00120010"));
  free(w->code);
  w->code = mem_string(net->code);
  w->block[3].key[strlen(w->block[3].key) - 1]++;
  capture_begin(&capture);
  assert_int_equal(weights_match(w, net, "file"), -1);
  assert_non_null(strstr(capture_end(&capture), "file: block 3 is"));
  w->block[3].key[strlen(w->block[3].key) - 1]--;
  weights_free(w);
}

/* Refused with one line that names the file. */
static void
refused(const char *said)
{
  struct capture capture;
  struct weights *w;

  capture_begin(&capture);
  w = weights_read(path);
  capture_end(&capture);
  assert_null(w);
  assert_non_null(strstr(capture.text, path));
  if (strstr(capture.text, said) == NULL)
    fail_msg("'%s' is not in: %s", said, capture.text);
  assert_ptr_equal(strchr(capture.text, '\n'), strrchr(capture.text, '\n'));
}

static uint64_t
sum_of(const char *data, size_t size)
{
  return hash_bytes(HASH_START, data, size);
}

static void
put(const char *data, size_t size)
{
  FILE *file = fopen(path, "wb");

  assert_non_null(file);
  assert_int_equal(fwrite(data, 1, size, file), size);
  assert_int_equal(fclose(file), 0);
}

/* Every cut and a flipped bit in any place are found. */
static void
test_damage(void **state)
{
  struct weights *w = make(0);
  struct chanas_text file = { 0 };

  (void)state;
  assert_int_equal(weights_write(w, path), 0);
  assert_int_equal(file_read(path, SIZE_MAX, &file), 0);
  for (size_t size = 0; size < file.size;
       size += size < 200 ? 1 : file.size / 97) {
    put(file.data, size);
    refused(size < 8 ? "no weight file" : "");
  }
  for (size_t at = 0; at < file.size; at += at < 200 ? 1 : file.size / 97) {
    file.data[at] ^= 4;
    put(file.data, file.size);
    refused(at < 8 ? "no weight file" : at < 12 ? "version" :
            at < 20 ? "cut off or added to" : "checksum is wrong");
    file.data[at] ^= 4;
  }
  text_free(&file);
  weights_free(w);
}

/* With a right checksum it must still be sound. */
static void
test_hostile(void **state)
{
  static const struct { size_t at; int bytes; uint64_t value;
                        const char *said; } hit[] = {
    { 20, 4, 0xffffffff, "count" },     /* length of the space's name */
    { 24, 1, '\n', "control" },
    { 0, 4, 0, "input has no extent" }, /* at: after the code, see below */
    { 4, 4, 5, "count" },
    { 8, 4, 0x40000000, "crop" },
    { 12, 4, 0x7f800000, "finite" },
    { 24, 4, 0, "deviation" },
    { 36, 8, 0x4070000000000000, "accuracy" },
    { 60, 4, 0xffffff, "count" },
  };
  struct weights *w = make(0);
  struct chanas_text file = { 0 };

  (void)state;
  assert_int_equal(weights_write(w, path), 0);
  for (size_t i = 0; i < sizeof hit / sizeof *hit; i++) {
    size_t base = i < 2 ? 0 : 20 + 4 + strlen(w->space) + 4 + 8;
    uint64_t sum;
    text_free(&file);
    assert_int_equal(weights_write(w, path), 0);
    assert_int_equal(file_read(path, SIZE_MAX, &file), 0);
    for (int k = 0; k < hit[i].bytes; k++)
      file.data[base + hit[i].at + (size_t)k] =
        (char)(hit[i].value >> (8 * k));
    sum = sum_of(file.data, file.size - 8);
    for (int k = 0; k < 8; k++)
      file.data[file.size - 8 + (size_t)k] = (char)(sum >> (8 * k));
    put(file.data, file.size);
    refused(hit[i].said);
  }
  text_free(&file);
  w->block[1].n--;
  weights_write(w, path);
  refused("do not fit its key");
  w->block[1].n++;
  w->block[0].value[0] = NAN;
  weights_write(w, path);
  refused("not finite");
  weights_free(w);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_round_trip),
    cmocka_unit_test(test_other_dtype),
    cmocka_unit_test(test_mismatch),
    cmocka_unit_test(test_damage),
    cmocka_unit_test(test_hostile),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
