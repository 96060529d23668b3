/* SPDX-License-Identifier: Apache-2.0 */
/* Device descriptions and their fingerprints. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "device.h"
#include "log.h"

static struct chanas_device *
parse(const char *text)
{
  struct chanas_device *d = device_parse(text);
  assert_non_null(d);
  return d;
}

static void
reads_values(void **state)
{
  struct chanas_device *d = parse("# a board\nname = Some CPU, 3 GHz \n\n"
                                  "cores=12\r\nl2=0x10\nmeasured.gflops=1.5e2\n"
                                  "odd=12 apples\nempty=\n");
  (void)state;
  assert_string_equal(device_trait(d, "name"), "Some CPU, 3 GHz");
  assert_int_equal(device_limit(d, "cores"), 12);
  assert_int_equal(device_limit(d, "l2"), 0);
  assert_int_equal(device_limit(d, "odd"), 0);
  assert_int_equal(device_limit(d, "absent"), 0);
  assert_true(device_real(d, "measured.gflops") == 150);
  assert_true(device_real(d, "odd") == 0);
  assert_string_equal(device_trait(d, "empty"), "");
  assert_string_equal(device_trait(d, "absent"), "");
  device_free(d);
}

static void
refuses(void **state)
{
  (void)state;
  log_level = CHANAS_ERROR;
  assert_null(device_parse(""));
  assert_null(device_parse("# nothing\n\n"));
  assert_null(device_parse("cores 12\n"));
  assert_null(device_parse("=12\n"));
  assert_null(device_parse("two words=12\n"));
  assert_null(device_parse("a=1\nb=2\na=1\n"));
}

static void
fingerprint_is_of_what_is_stable(void **state)
{
  struct chanas_device *a = parse("x=1\ny=2\nmeasured.z=3\n");
  struct chanas_device *b = parse("y = 2\n# note\nx=1\nmeasured.z=4\n");
  struct chanas_device *c = parse("x=12\ny=\nmeasured.z=3\n");
  (void)state;
  assert_int_equal(strlen(a->fingerprint), 16);
  assert_string_equal(a->fingerprint, b->fingerprint);
  assert_string_not_equal(a->fingerprint, c->fingerprint);
  device_set(a, "measured.z", "9");
  assert_string_equal(a->fingerprint, b->fingerprint);
  device_set(a, "y", "3");
  assert_string_not_equal(a->fingerprint, b->fingerprint);
  device_set(a, "y", "2");
  assert_string_equal(a->fingerprint, b->fingerprint);
  device_set(a, "w", "0");
  assert_string_not_equal(a->fingerprint, b->fingerprint);
  assert_string_equal(device_kind(b), "measured");
  device_set(b, "kind", "emulated");
  assert_string_equal(device_kind(b), "emulated");
  device_free(a);
  device_free(b);
  device_free(c);
}

static void
prints_what_it_parses(void **state)
{
  static const char text[] = "x=1\nname=A B\nmeasured.z=3\n";
  struct chanas_device *d = parse(text);
  char *out = device_text(d);
  (void)state;
  assert_string_equal(out, text);
  free(out);
  device_free(d);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(reads_values),
    cmocka_unit_test(refuses),
    cmocka_unit_test(fingerprint_is_of_what_is_stable),
    cmocka_unit_test(prints_what_it_parses),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
