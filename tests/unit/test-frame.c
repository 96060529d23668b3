/* SPDX-License-Identifier: Apache-2.0 */
/* Frames: what was packed comes back; nothing else does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "frame.h"
#include "rng.h"

static void
sample(struct chanas_text *out)
{
  struct chanas_text payload = {0};
  frame_put(&payload, "job", "measure");
  frame_put(&payload, "step", "0 1 k0 f32/n1/a");
  frame_put(&payload, "jobs", "%d", 3);
  frame_put(&payload, "step", "1 2 k1 f32/n1/b");
  frame_put(&payload, "detail", "two\nlines");
  frame_put(&payload, "empty", "%s", "");
  frame_put_body(&payload, "raw\0job x\n", 10);
  frame_pack(&payload, out);
  text_free(&payload);
}

static void
round_trip(void **state)
{
  struct chanas_text wire = {0}, payload = {0}, value = {0};
  size_t used = 0, size = 0, at = 0;
  (void)state;
  sample(&wire);
  text_append(&wire, "next", 4);
  assert_int_equal(frame_unpack(wire.data, wire.size, &payload, &used), 1);
  assert_int_equal(used, wire.size - 4);
  assert_string_equal(frame_field(&payload, "job", &value), "measure");
  assert_string_equal(frame_field(&payload, "jobs", &value), "3");
  assert_string_equal(frame_field(&payload, "detail", &value), "two lines");
  assert_string_equal(frame_field(&payload, "empty", &value), "");
  assert_null(frame_field(&payload, "jo", &value));
  assert_null(frame_field(&payload, "raw", &value));
  assert_string_equal(frame_next(&payload, "step", &at, &value),
                      "0 1 k0 f32/n1/a");
  assert_string_equal(frame_next(&payload, "step", &at, &value),
                      "1 2 k1 f32/n1/b");
  assert_null(frame_next(&payload, "step", &at, &value));
  assert_memory_equal(frame_body(&payload, &size), "raw\0job x\n", 10);
  assert_int_equal(size, 10);
  text_free(&value);
  text_free(&payload);
  text_free(&wire);
}

static void
without_text_or_body(void **state)
{
  struct chanas_text wire = {0}, payload = {0}, value = {0};
  size_t used, size;
  (void)state;
  frame_pack(&payload, &wire);
  assert_int_equal(wire.size, FRAME_HEAD);
  assert_int_equal(frame_unpack(wire.data, wire.size, &payload, &used), 1);
  assert_null(frame_body(&payload, &size));
  assert_null(frame_field(&payload, "job", &value));
  frame_put_body(&payload, "", 0);
  assert_non_null(frame_body(&payload, &size));
  assert_int_equal(size, 0);
  text_free(&payload);
  text_append(&payload, "job run", 7); /* no newline at the end */
  assert_string_equal(frame_field(&payload, "job", &value), "run");
  assert_null(frame_body(&payload, &size));
  text_free(&value);
  text_free(&payload);
  text_free(&wire);
}

static int
unpack(const struct chanas_text *wire, size_t size)
{
  struct chanas_text payload = {0};
  size_t used;
  char *copy = malloc(size ? size : 1); /* exact, for ASan */
  memcpy(copy, wire->data, size);
  int r = frame_unpack(copy, size, &payload, &used);
  free(copy);
  text_free(&payload);
  return r;
}

static void
truncated_is_incomplete(void **state)
{
  struct chanas_text wire = {0};
  (void)state;
  sample(&wire);
  for (size_t n = 0; n < wire.size; n++)
    assert_int_equal(unpack(&wire, n), 0);
  assert_int_equal(unpack(&wire, wire.size), 1);
  text_free(&wire);
}

static void
no_flipped_bit_passes(void **state)
{
  struct chanas_text wire = {0};
  (void)state;
  sample(&wire);
  for (size_t i = 0; i < wire.size * 8; i++) {
    wire.data[i / 8] ^= (char)(1 << i % 8);
    assert_int_not_equal(unpack(&wire, wire.size), 1);
    wire.data[i / 8] ^= (char)(1 << i % 8);
  }
  assert_int_equal(unpack(&wire, wire.size), 1);
  text_free(&wire);
}

static void
garbage_is_refused(void **state)
{
  struct chanas_text wire = {0};
  struct rng r = rng_seed(5);
  (void)state;
  text_append(&wire, "CHNT", 4);
  assert_int_equal(unpack(&wire, 1), 0);
  assert_int_equal(unpack(&wire, 4), -1);
  text_free(&wire);
  text_append(&wire, "CHNS\1\0\0\x10", 8); /* one byte over FRAME_LIMIT */
  assert_int_equal(unpack(&wire, 8), -1);
  wire.data[4] = 0;
  assert_int_equal(unpack(&wire, 8), 0);
  text_free(&wire);
  for (int i = 0; i < 20000; i++) {
    unsigned char noise[64];
    size_t n = rng_below(&r, sizeof noise);
    for (size_t k = 0; k < n; k++)
      noise[k] = (unsigned char)rng_next(&r);
    if (i % 2 && n >= 8)
      memcpy(noise, "CHNS\x10\0\0\0", 8);
    wire.size = 0;
    text_append(&wire, noise, n);
    assert_int_not_equal(unpack(&wire, n), 1);
  }
  text_free(&wire);
}

/* Whatever a sound frame holds, looking into it stays inside it. */
static void
odd_payloads_are_safe(void **state)
{
  static const char piece[] = "\n\n key  step job\0=x";
  struct rng r = rng_seed(6);
  struct chanas_text payload = {0}, value = {0};
  (void)state;
  for (int i = 0; i < 20000; i++) {
    size_t size = 0, at = 0, n = rng_below(&r, 24);
    payload.size = 0;
    for (size_t k = 0; k < n; k++)
      text_append(&payload, piece + rng_below(&r, sizeof piece), 1);
    if (n) { /* exact */
      char *exact = malloc(n);
      memcpy(exact, payload.data, n);
      struct chanas_text t = {exact, n, n};
      while (frame_next(&t, "key", &at, &value))
        assert_true(at <= n + 1);
      const char *body = frame_body(&t, &size);
      assert_true(!body || (size_t)(body - exact) + size == n);
      free(exact);
    }
  }
  text_free(&value);
  text_free(&payload);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(round_trip),
    cmocka_unit_test(without_text_or_body),
    cmocka_unit_test(truncated_is_incomplete),
    cmocka_unit_test(no_flipped_bit_passes),
    cmocka_unit_test(garbage_is_refused),
    cmocka_unit_test(odd_payloads_are_safe),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
