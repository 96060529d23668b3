/* SPDX-License-Identifier: Apache-2.0 */
/* A last layer fitted to one network: head.h. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "head.h"

enum { CIN = 7, WIDTH = CIN + 1, CLASSES = 3, IMAGES = 1000, FOLDS = 5 };
#define RIDGE 300 /* that of head.c */

struct fixture {
  struct chanas_host host;
  struct nn_node node[2];
  struct nn_graph graph;
  struct head head;
  float x[IMAGES][CIN];
  int32_t label[IMAGES];
  int errors;
};

static void
count_error(void *ctx, enum chanas_level level, const char *fmt, ...)
{
  struct fixture *f = ctx;

  (void)fmt;
  f->errors += level == CHANAS_ERROR;
}

static double
uniform(uint32_t *state)
{
  *state = *state * 1664525u + 1013904223u;
  return *state / 4294967296.0;
}

/* Feature l of an image with label l is larger by `shift`. */
static void
set_up(struct fixture *f, double shift)
{
  uint32_t state = 5;

  memset(f, 0, sizeof *f);
  f->host = (struct chanas_host){ .struct_size = sizeof f->host, .ctx = f,
                                  .log = count_error };
  f->node[1] = (struct nn_node){ .kind = CHANAS_LINEAR, .src = 4,
                                 .cin = CIN, .cout = CLASSES };
  f->graph = (struct nn_graph){ .nodes = 2, .node = f->node,
                                .classes = CLASSES };
  for (int i = 0; i < IMAGES; i++) {
    f->label[i] = (int32_t)(3 * uniform(&state));
    for (int j = 0; j < CIN; j++)
      f->x[i][j] = (float)(uniform(&state) + shift * (j == f->label[i]));
  }
}

/* All images, in batches of 300. */
static int
right_of(struct fixture *f, size_t *right)
{
  int status = head_open(&f->head, &f->host, &f->graph, FOLDS);

  for (size_t i = 0; i < IMAGES && status == 0; i += 300)
    status = head_take(&f->head, i + 300 < IMAGES ? 300 : IMAGES - i,
                       f->x[i], f->label + i);
  if (status == 0)
    status = head_right(&f->head, right);
  head_close(&f->head);
  return status;
}

/* ---- the same in double precision, fold by fold from nothing */

static double
feature(const struct fixture *f, int i, int j)
{
  return j < CIN ? (double)f->x[i][j] : 1;
}

/* a is symmetric and positive definite; x: b, then the solution. */
static void
eliminate(double a[WIDTH][WIDTH], double x[WIDTH])
{
  for (int k = 0; k < WIDTH; k++)
    for (int i = 0; i < WIDTH; i++)
      if (i != k) {
        double factor = a[i][k] / a[k][k];
        for (int j = k; j < WIDTH; j++)
          a[i][j] -= factor * a[k][j];
        x[i] -= factor * x[k];
      }
  for (int k = 0; k < WIDTH; k++)
    x[k] /= a[k][k];
}

/* Weights of class c from all images but those from..to-1. */
static void
naive_fit(const struct fixture *f, int from, int to, int c, double w[WIDTH])
{
  double a[WIDTH][WIDTH] = { { 0 } }, trace = 0;

  memset(w, 0, WIDTH * sizeof *w);
  for (int i = 0; i < IMAGES; i++)
    for (int j = 0; j < WIDTH && (i < from || i >= to); j++) {
      for (int k = 0; k < WIDTH; k++)
        a[j][k] += feature(f, i, j) * feature(f, i, k);
      w[j] += feature(f, i, j) * ((f->label[i] == c) - 1.0 / CLASSES);
    }
  for (int j = 0; j < CIN; j++)
    trace += a[j][j];
  for (int j = 0; j < CIN; j++)
    a[j][j] += RIDGE * trace / a[CIN][CIN] / CIN;
  eliminate(a, w);
}

static size_t
naive_right(const struct fixture *f)
{
  size_t right = 0;

  for (int fold = 0; fold < FOLDS; fold++) {
    int from = IMAGES * fold / FOLDS, to = IMAGES * (fold + 1) / FOLDS;
    double w[CLASSES][WIDTH];
    for (int c = 0; c < CLASSES; c++)
      naive_fit(f, from, to, c, w[c]);
    for (int i = from; i < to; i++) {
      double y[CLASSES] = { 0 };
      int best = 0;
      for (int c = 0; c < CLASSES; c++) {
        for (int j = 0; j < WIDTH; j++)
          y[c] += w[c][j] * feature(f, i, j);
        best = y[c] > y[best] ? c : best;
      }
      right += best == f->label[i];
    }
  }
  return right;
}

/* ---- tests */

static void
test_equals_naive(void **state)
{
  static const double shift[] = { 0, 0.2, 0.5, 3 };
  struct fixture f;
  size_t right, want;

  (void)state;
  for (size_t i = 0; i < sizeof shift / sizeof *shift; i++) {
    set_up(&f, shift[i]);
    assert_int_equal(right_of(&f, &right), 0);
    want = naive_right(&f);
    /* One image may lie on a border, where roundings decide. */
    assert_true(right + 1 >= want && right <= want + 1);
  }
  assert_int_equal(right, IMAGES);
}

/* Labels that nothing tells: with each image among those that its layer was
 * fitted to, more than chance would be right. */
static void
test_no_leak(void **state)
{
  struct fixture f;
  size_t right;

  (void)state;
  set_up(&f, 0);
  assert_int_equal(right_of(&f, &right), 0);
  assert_true(right < IMAGES * 38 / 100);
}

static void
test_refuses(void **state)
{
  struct fixture f;
  size_t right;

  (void)state;
  set_up(&f, 1);
  f.x[7][1] = NAN;
  assert_int_equal(right_of(&f, &right), -1);
  assert_int_equal(f.errors, 1);
  f.node[1].kind = CHANAS_CONV;
  assert_int_equal(right_of(&f, &right), -1);
  assert_int_equal(f.errors, 2);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_equals_naive),
    cmocka_unit_test(test_no_leak),
    cmocka_unit_test(test_refuses),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
