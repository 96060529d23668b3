/* SPDX-License-Identifier: Apache-2.0 */
/* CSV tables: quoting, gzip, damage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <zlib.h>
#include "plugins/common/csv.h"

static char path[] = "/tmp/chanas-csv-XXXXXX";

static int
make_file(void **state)
{
  int fd = mkstemp(path);

  (void)state;
  return fd < 0 ? -1 : close(fd);
}

static int
remove_file(void **state)
{
  (void)state;
  return unlink(path);
}

static void
put(const char *text, size_t size)
{
  FILE *file = fopen(path, "wb");

  assert_non_null(file);
  assert_int_equal(fwrite(text, 1, size, file), size);
  assert_int_equal(fclose(file), 0);
}

static void
test_rows(void **state)
{
  static const char text[] = "\xef\xbb\xbf" "a,\"b,c\",d\r\n"
    "1,\"x\"\"y\",\r\n\r\n2.5,\"two\nlines\",7\n-3,,\"\"\n"
    "4, q ,12345678901234567890";
  char error[CSV_ERROR];
  struct csv *csv;
  double real;
  long long integer;

  (void)state;
  put(text, sizeof text - 1);
  csv = csv_open(path, error, sizeof error);
  assert_non_null(csv);
  assert_int_equal(csv->columns, 3);
  assert_int_equal(csv_column(csv, "a"), 0);
  assert_int_equal(csv_column(csv, "b,c"), 1);
  assert_int_equal(csv_column(csv, "d"), 2);
  assert_int_equal(csv_column(csv, "e"), -1);
  assert_non_null(strstr(csv->error, "no column 'e'"));
  assert_int_equal(csv_next(csv), 1);
  assert_string_equal(csv_text(csv, 1), "x\"y");
  assert_string_equal(csv_text(csv, 2), "");
  assert_int_equal(csv_real(csv, 2, &real), -1);
  assert_int_equal(csv_int(csv, 0, &integer), 0);
  assert_int_equal(integer, 1);
  assert_int_equal(csv_next(csv), 1);
  assert_int_equal(csv->line, 4);
  assert_string_equal(csv_text(csv, 1), "two\nlines");
  assert_int_equal(csv_real(csv, 0, &real), 0);
  assert_true(real == 2.5);
  assert_int_equal(csv_int(csv, 0, &integer), -1);
  assert_non_null(strstr(csv->error, ":4: '2.5' in column 'a'"));
  assert_int_equal(csv_next(csv), 1);
  assert_int_equal(csv->line, 6);
  assert_string_equal(csv_text(csv, 1), "");
  assert_int_equal(csv_next(csv), 1);
  assert_string_equal(csv_text(csv, 1), " q ");
  assert_int_equal(csv_int(csv, 2, &integer), -1);
  assert_int_equal(csv_next(csv), 0);
  assert_int_equal(csv_next(csv), 0);
  csv_close(csv);
}

/* rows: how many come before the damage; -1: the header is bad. */
static const struct { const char *text; int rows; const char *what; } bad[] = {
  { "", -1, ":1: no header row" },
  { "a,b,a\n", -1, ":1: column 'a' twice" },
  { "a,,b\n", -1, ":1: column 2 has no name" },
  { "a,b\n1\n", 0, ":2: 1 fields, the header names 2" },
  { "a,b\n1,2\n1,2,3\n", 1, ":3: 3 fields, the header names 2" },
  { "a,b\n1,\"2\n", 0, ":2: quote never closed" },
  { "a,b\n1,\"2\"x\n", 0, ":2: text after a closing quote" },
};

static void
test_bad(void **state)
{
  (void)state;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    char error[CSV_ERROR] = "";
    struct csv *csv;
    int rows = 0, status = -1;
    put(bad[i].text, strlen(bad[i].text));
    csv = csv_open(path, error, sizeof error);
    if (csv) {
      while ((status = csv_next(csv)) > 0)
        rows++;
      snprintf(error, sizeof error, "%s", csv->error);
    }
    if (status == 0 || (csv ? rows : -1) != bad[i].rows ||
        strncmp(error, path, strlen(path)) != 0 ||
        strncmp(error + strlen(path), bad[i].what, strlen(bad[i].what)) != 0)
      fail_msg("case %zu: %d rows, %s", i, rows, error);
    csv_close(csv);
  }
}

static void
test_bytes(void **state)
{
  char error[CSV_ERROR];
  size_t size = 3u << 20;
  char *text = malloc(size);

  (void)state;
  put("a,b\0\n", 5);
  assert_null(csv_open(path, error, sizeof error));
  assert_non_null(strstr(error, ":1: zero byte"));
  memset(text, ',', size);
  put(text, size);
  assert_null(csv_open(path, error, sizeof error));
  assert_non_null(strstr(error, "columns"));
  memset(text, 'x', size);
  put(text, size);
  assert_null(csv_open(path, error, sizeof error));
  assert_non_null(strstr(error, "row over"));
  free(text);
  assert_null(csv_open("/nonexistent.csv", error, sizeof error));
  assert_string_equal(error, "/nonexistent.csv: No such file or directory");
}

/* Whole: every row.  Cut anywhere or with a flipped bit: never all rows
 * without a complaint. */
static void
test_gzip(void **state)
{
  char error[CSV_ERROR], packed[65536];
  gzFile out = gzopen(path, "wb");
  struct csv *csv;
  FILE *file;
  size_t size;
  int rows = 0;

  (void)state;
  gzputs(out, "n,square\n");
  for (int i = 0; i < 2000; i++)
    gzprintf(out, "%d,%d\n", i, i * i);
  gzclose(out);
  csv = csv_open(path, error, sizeof error);
  assert_non_null(csv);
  for (long long a, b; csv_next(csv) > 0; rows++) {
    assert_int_equal(csv_int(csv, 0, &a) | csv_int(csv, 1, &b), 0);
    assert_true(b == a * a && a == rows);
  }
  assert_int_equal(rows, 2000);
  csv_close(csv);
  file = fopen(path, "rb");
  size = fread(packed, 1, sizeof packed, file);
  fclose(file);
  for (size_t cut = size - 1; cut > 20; cut -= cut / 7 + 1) {
    int status = -1;
    put(packed, cut);
    csv = csv_open(path, error, sizeof error);
    while (csv && (status = csv_next(csv)) > 0)
      ;
    assert_int_equal(status, -1);
    csv_close(csv);
  }
  packed[size / 2] ^= 1;
  put(packed, size);
  csv = csv_open(path, error, sizeof error);
  if (csv) {
    int status;
    while ((status = csv_next(csv)) > 0)
      ;
    assert_int_equal(status, -1);
  }
  csv_close(csv);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_rows),
    cmocka_unit_test(test_bad),
    cmocka_unit_test(test_bytes),
    cmocka_unit_test(test_gzip),
  };
  return cmocka_run_group_tests(tests, make_file, remove_file);
}
