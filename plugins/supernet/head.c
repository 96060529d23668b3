/* SPDX-License-Identifier: Apache-2.0 */
/* A last layer fitted to one network. */
#include "head.h"
#include <cblas.h>
#include <lapacke.h>
#include <stdlib.h>
#include <string.h>

/* How much weights are held down: as if by so many images more, of no class,
 * with no correlation between their features. */
#define RIDGE 300.0f
#define FAIL(host, ...) \
  ((host)->log((host)->ctx, CHANAS_ERROR, __VA_ARGS__), -1)

/* Sums over images, and the layer that they make. */
struct sums {
  float *gram;  /* width x width, the lower triangle by rows */
  float *cross; /* classes x width */
};

int
head_open(struct head *h, const struct chanas_host *host,
          const struct nn_graph *graph, int folds)
{
  const struct nn_node *last = &graph->node[graph->nodes - 1];

  *h = (struct head){ .host = host, .tensor = last->src, .folds = folds,
                      .classes = graph->classes,
                      .width = (size_t)last->cin + 1 };
  return last->kind == CHANAS_LINEAR ? 0 :
    FAIL(host, "refit: the last layer of these networks is not a linear one; "
         "leave the key out");
}

static int
grow(struct head *h, size_t images)
{
  size_t room = images > 2 * h->room ? images : 2 * h->room;
  float *row = realloc(h->row, room * h->width * sizeof *row);
  int32_t *label;

  if (row == NULL)
    return FAIL(h->host, "out of memory");
  h->row = row;
  label = realloc(h->label, room * sizeof *label);
  if (label == NULL)
    return FAIL(h->host, "out of memory");
  h->label = label;
  h->room = room;
  return 0;
}

int
head_take(struct head *h, size_t n, const float *features,
          const int32_t *label)
{
  size_t cin = h->width - 1;

  if (h->images + n > h->room && grow(h, h->images + n) < 0)
    return -1;
  for (size_t i = 0; i < n; i++) {
    float *row = h->row + (h->images + i) * h->width;
    memcpy(row, features + i * cin, cin * sizeof *row);
    row[cin] = 1;
  }
  memcpy(h->label + h->images, label, n * sizeof *label);
  h->images += n;
  return 0;
}

static void
sums_free(struct sums *s)
{
  free(s->gram);
  free(s->cross);
}

static int
sums_make(const struct head *h, struct sums *s)
{
  s->gram = calloc(h->width * h->width, sizeof *s->gram);
  s->cross = calloc(h->width * (size_t)h->classes, sizeof *s->cross);
  return s->gram && s->cross ? 0 : FAIL(h->host, "out of memory");
}

static size_t
fold_begin(const struct head *h, int fold)
{
  return h->images * (size_t)fold / (size_t)h->folds;
}

/* Add what the images of a fold contribute, times sign. */
static void
sums_add(const struct head *h, struct sums *s, int fold, float sign)
{
  size_t from = fold_begin(h, fold), to = fold_begin(h, fold + 1);
  int width = (int)h->width;

  cblas_ssyrk(CblasRowMajor, CblasLower, CblasTrans, width, (int)(to - from),
              sign, h->row + from * h->width, width, 1, s->gram, width);
  for (size_t i = from; i < to; i++)
    for (int c = 0; c < h->classes; c++)
      cblas_saxpy(width, sign * ((float)(h->label[i] == c) -
                                 1 / (float)h->classes),
                  h->row + i * h->width, 1,
                  s->cross + (size_t)c * h->width, 1);
}

/* The last row and column belong to the bias, which is not held down. */
static void
add_ridge(const struct head *h, struct sums *s)
{
  float images = s->gram[h->width * h->width - 1], trace = 0, ridge;

  for (size_t i = 0; i + 1 < h->width; i++)
    trace += s->gram[i * h->width + i];
  ridge = RIDGE * trace / (images * (float)(h->width - 1));
  for (size_t i = 0; i + 1 < h->width; i++)
    s->gram[i * h->width + i] += ridge;
}

/* cross becomes the layer's weights and biases.  By rows it is the lower
 * triangle, by columns the upper one. */
static int
solve(const struct head *h, struct sums *s)
{
  int width = (int)h->width;

  add_ridge(h, s);
  return LAPACKE_sposv(LAPACK_COL_MAJOR, 'U', width, h->classes, s->gram,
                       width, s->cross, width) == 0 ? 0 :
    FAIL(h->host, "refit: no last layer can be fitted to these features, "
         "which are not finite or all zero");
}

static int
answer(const struct head *h, const struct sums *s, const float *row)
{
  int best = 0;
  float most = 0;

  for (int c = 0; c < h->classes; c++) {
    float y = cblas_sdot((int)h->width, row, 1,
                         s->cross + (size_t)c * h->width, 1);
    if (c == 0 || y > most) {
      most = y;
      best = c;
    }
  }
  return best;
}

/* all: the sums over all images. */
static int
fold_right(const struct head *h, const struct sums *all, int fold,
           size_t *right)
{
  struct sums s = { NULL, NULL };
  int status = sums_make(h, &s);

  if (status == 0) {
    memcpy(s.gram, all->gram, h->width * h->width * sizeof *s.gram);
    memcpy(s.cross, all->cross,
           h->width * (size_t)h->classes * sizeof *s.cross);
    sums_add(h, &s, fold, -1);
    status = solve(h, &s);
  }
  for (size_t i = fold_begin(h, fold);
       status == 0 && i < fold_begin(h, fold + 1); i++)
    *right += answer(h, &s, h->row + i * h->width) == h->label[i];
  sums_free(&s);
  return status;
}

int
head_right(const struct head *h, size_t *right)
{
  struct sums all = { NULL, NULL };
  int status = sums_make(h, &all);

  *right = 0;
  for (int f = 0; status == 0 && f < h->folds; f++)
    sums_add(h, &all, f, 1);
  for (int f = 0; status == 0 && f < h->folds; f++)
    status = fold_right(h, &all, f, right);
  sums_free(&all);
  return status;
}

void
head_close(struct head *h)
{
  free(h->row);
  free(h->label);
}
