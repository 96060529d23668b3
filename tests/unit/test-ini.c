/* SPDX-License-Identifier: Apache-2.0 */
/* INI documents: what is read, and that all else is refused by line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "ini.h"
#include "mem.h"
#include "capture.h"

static void
test_document(void **state)
{
  struct ini *ini = ini_parse_text("t.ini",
    "\xef\xbb\xbf; comment\r\n"
    "[a b]\r\n"
    "x = 1 2 ; inline\r\n"
    "  3 4 ; inline\n"
    "\n"
    "# comment\n"
    "\t5\n"
    "y = p;q\n"
    "empty =\n"
    "[c]\n"
    "[d]\n"
    "z=\xc3\xa4 = 1");
  struct ini_section *a;

  (void)state;
  assert_non_null(ini);
  assert_int_equal(ini->sections, 3);
  a = ini_find(ini, "a b");
  assert_non_null(a);
  assert_int_equal(a->line, 2);
  assert_int_equal(a->entries, 3);
  assert_string_equal(ini_get(a, "x"), "1 2 3 4 5");
  assert_int_equal(ini_entry(a, "x")->line, 3);
  assert_string_equal(ini_get(a, "y"), "p;q");
  assert_int_equal(ini_entry(a, "y")->line, 8);
  assert_string_equal(ini_get(a, "empty"), "");
  assert_null(ini_get(a, "z"));
  assert_int_equal(ini_find(ini, "c")->entries, 0);
  assert_int_equal(ini_find(ini, "c")->line, 10);
  assert_string_equal(ini_get(ini_find(ini, "d"), "z"), "\xc3\xa4 = 1");
  assert_int_equal(ini_check_used(ini, a, NULL), 0);
  ini_free(ini);
}

#define S50 "12345678901234567890123456789012345678901234567890"

static const struct bad { const char *text; int line; const char *what; }
bad[] = {
  { "[a]\nx\n", 2, "no '='" },
  { "[a]\nx: 1\n", 2, "no '='" },
  { "x = 1\n", 1, "before the first section" },
  { "[a]\n = 1\n", 2, "continues nothing" },
  { "[a]\n= 1\n", 2, "key of 0" },
  { "[a\n", 1, "without ']'" },
  { "[]\n", 1, "name of 0" },
  { "[a] x\n", 1, "after ']'" },
  { "[ a]\n", 1, "beside a bracket" },
  { "[a]\nx = 1\n[b]\n[a]\n", 4, "began in line 1" },
  { "[a]\nx = 1\ny = 2\nx = 3\n", 4, "stands in line 2" },
  { "[a]\nx = 1\n  y = 2\n", 3, "column 1" },
  { "[a]\n  y\n", 2, "continues nothing" },
  { "[a]\nx = 1\n [b]\n", 3, "continues nothing" },
  { "[a]\nx = \x01\n", 2, "byte 0x01 in column 5" },
  { "[a]\nx = \xff\n", 2, "byte 0xff" },
  { "[a]\nx = \xc0\xaf\n", 2, "byte 0xc0" },
  { "[a]\nx = \xed\xa0\x80\n", 2, "byte 0xed" },
  { "[a]\nx = \xe2\x82\n", 2, "byte 0xe2" },
  { "[a]\nx = 1\ry = 2\n", 2, "byte 0x0d" },
  { "[" S50 "]\n", 1, "name of 50" },
  { "[a]\n" S50 " = 1\n", 2, "key of 50" },
  { "[a]\nx = " S50 S50 S50 S50 "\n", 2, "indented line" },
  { "[a]\nx = 1\n  " S50 S50 S50 S50 "\n", 3, "indented line" },
};

static void
test_refused(void **state)
{
  (void)state;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    struct capture c;
    char *place = mem_print("bad.ini:%d: ", bad[i].line);
    struct ini *ini;
    capture_begin(&c);
    ini = ini_parse_text("bad.ini", bad[i].text);
    capture_end(&c);
    if (ini || !strstr(c.text, place) || !strstr(c.text, bad[i].what) ||
        strchr(c.text, '\n') != c.text + strlen(c.text) - 1)
      fail_msg("case %zu: %s", i, c.text);
    free(place);
  }
}

/* The longest line that fits is handed over whole. */
static void
test_longest(void **state)
{
  char text[400], value[200];
  struct ini *ini;

  (void)state;
  memset(value, 'v', 193);
  value[193] = '\0';
  snprintf(text, sizeof text, "[a]\nx = %s\nx2 = 1\n", value);
  ini = ini_parse_text("t.ini", text);
  assert_non_null(ini);
  assert_string_equal(ini_get(ini_find(ini, "a"), "x"), value);
  ini_free(ini);
}

static void
test_values(void **state)
{
  struct ini *ini = ini_parse_text("t.ini", "[a]\ni = 7\nr = 2.5e1\n"
                                   "bad = 7x\nbig = 99999999999999999999\n");
  struct ini_section *a = ini_find(ini, "a");
  const char *const known[] = { "bead", "other", NULL };
  struct capture c;
  long long i;
  double r;

  (void)state;
  assert_int_equal(ini_int(ini, a, ini_entry(a, "i"), 0, 7, &i), 0);
  assert_int_equal(i, 7);
  assert_int_equal(ini_real(ini, a, ini_entry(a, "r"), 0, 100, &r), 0);
  assert_true(r == 25);
  capture_begin(&c);
  assert_int_equal(ini_int(ini, a, ini_entry(a, "i"), 8, 9, &i), -1);
  assert_int_equal(ini_int(ini, a, ini_entry(a, "bad"), 0, 9, &i), -1);
  assert_int_equal(ini_int(ini, a, ini_entry(a, "big"), 0, INT64_MAX, &i), -1);
  assert_int_equal(ini_real(ini, a, ini_entry(a, "bad"), 0, 9, &r), -1);
  ini_get(a, "i");
  ini_get(a, "r");
  assert_int_equal(ini_check_used(ini, a, known), -1);
  capture_end(&c);
  assert_non_null(strstr(c.text, "t.ini:2: i = 7 in [a]"));
  assert_non_null(strstr(c.text, "t.ini:4: unknown key 'bad' in [a]; "
                         "did you mean 'bead'?"));
  ini_free(ini);
}

static void
test_set(void **state)
{
  struct ini *ini = ini_parse_text("t.ini", "[a]\nx = 1\n");
  struct capture c;

  (void)state;
  assert_int_equal(ini_set(ini, "a", "x", "2"), 0);
  assert_int_equal(ini_set(ini, "a", "y", "3"), 0);
  assert_int_equal(ini_set(ini, "b", "z", "4"), 0);
  capture_begin(&c);
  assert_int_equal(ini_set(ini, "b", "z", "4\n"), -1);
  assert_int_equal(ini_set(ini, "b", "", "4"), -1);
  capture_end(&c);
  assert_string_equal(ini_get(ini_find(ini, "a"), "x"), "2");
  assert_string_equal(ini_get(ini_find(ini, "a"), "y"), "3");
  assert_string_equal(ini_get(ini_find(ini, "b"), "z"), "4");
  assert_int_equal(ini_entry(ini_find(ini, "a"), "x")->line, 0);
  ini_free(ini);
}

static void
test_missing(void **state)
{
  struct capture c;

  (void)state;
  capture_begin(&c);
  assert_null(ini_read("/nonexistent/x.ini"));
  capture_end(&c);
  assert_non_null(strstr(c.text, "/nonexistent/x.ini: No such file"));
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_document),
    cmocka_unit_test(test_refused),
    cmocka_unit_test(test_longest),
    cmocka_unit_test(test_values),
    cmocka_unit_test(test_set),
    cmocka_unit_test(test_missing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
