/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IDX files as MNIST and Fashion-MNIST have them: big-endian, images 0x803,
 * n, rows, columns, then bytes; labels 0x801, n, then bytes.
 */
#include <stdio.h>
#include <stdlib.h>
#include "images_parts.h"

#define MAGIC_IMAGES 0x803u
#define MAGIC_LABELS 0x801u

/* The names in use: with a dot or a hyphen before "idx". */
static char *
find(const char *folder, const char *part, const char *what)
{
  char name[64];
  char *path;

  snprintf(name, sizeof name, "%s-%s-ubyte", part, what);
  path = images_find(folder, name);
  for (char *c = name; path == NULL && *c; c++)
    if (c[0] == '-' && c[1] == 'i' && c[2] == 'd') {
      *c = '.';
      path = images_find(folder, name);
    }
  return path;
}

static int
detect(const char *folder)
{
  char *path = find(folder, "train", "images-idx3");
  int found = path != NULL;

  free(path);
  return found;
}

/* The four-byte numbers of the head, checked for the magic. */
static int
read_head(struct images_file *f, uint32_t magic, int n, uint32_t value[],
          char *reason)
{
  uint8_t head[16];

  if (images_file_read(f, head, 4 * (size_t)n, reason) < 0)
    return -1;
  for (int i = 0; i < n; i++)
    value[i] = (uint32_t)head[4 * i] << 24 | (uint32_t)head[4 * i + 1] << 16 |
               (uint32_t)head[4 * i + 2] << 8 | head[4 * i + 3];
  if (value[0] == magic)
    return 0;
  return images_reason(reason, "begins with 0x%08x, not with 0x%08x; is this "
                       "an IDX file of %s?", value[0], magic,
                       magic == MAGIC_IMAGES ? "images" : "labels");
}

static int
read_pixels(struct images *im, struct images_source *s, const char *path,
            struct images_file *f, char *reason)
{
  uint32_t head[4];
  size_t bytes;
  uint8_t *one;
  int status;

  if (read_head(f, MAGIC_IMAGES, 4, head, reason) < 0)
    return -1;
  if (head[1] == 0 || head[2] != head[3] || head[2] == 0 ||
      head[2] > IMAGES_MAX_SIZE)
    return images_reason(reason, "%u images of %u x %u: at least one is "
                         "needed, square, of at most %d", head[1], head[2],
                         head[3], IMAGES_MAX_SIZE);
  *reason = '\0'; /* what fails from here to the loop is logged there */
  if (images_shape(im, path, (int32_t)head[2], (int32_t)head[3], 1) < 0)
    return -1;
  s->n = head[1];
  bytes = (size_t)head[2] * head[2];
  s->pixel = images_keep(im, s->n, images_bytes(im), path);
  one = malloc(bytes);
  status = s->pixel && one ? 0 : -1;
  for (size_t i = 0; i < s->n && status == 0; i++) {
    status = images_file_read(f, one, bytes, reason);
    if (status == 0)
      status = images_convert(im, one, (int32_t)head[2], 1,
                              s->pixel + i * images_bytes(im));
  }
  free(one);
  return status;
}

static int
read_labels(struct images *im, struct images_source *s, const char *path,
            struct images_file *f, char *reason)
{
  uint32_t head[2];
  uint8_t *byte;
  int status;

  if (read_head(f, MAGIC_LABELS, 2, head, reason) < 0)
    return -1;
  if (head[1] != s->n)
    return images_reason(reason, "%u labels for %zu images", head[1], s->n);
  *reason = '\0';
  s->label = images_keep(im, s->n, sizeof *s->label, path);
  byte = malloc(s->n);
  status = s->label && byte ? images_file_read(f, byte, s->n, reason) : -1;
  for (size_t i = 0; i < s->n && status == 0; i++) {
    s->label[i] = byte[i];
    if (s != im->set->source && byte[i] >= im->classes)
      status = images_reason(reason, "label %d of image %zu; the training "
                             "part has labels 0..%d", byte[i], i,
                             im->classes - 1);
    if (s == im->set->source && byte[i] >= im->classes)
      im->classes = byte[i] + 1;
  }
  free(byte);
  return status;
}

/* One file of a pair; the set cannot do without it. */
static int
read_file(struct images *im, struct images_source *s, const char *part,
          const char *what,
          int (*read)(struct images *, struct images_source *, const char *,
                      struct images_file *, char *))
{
  char reason[IMAGES_REASON] = "", *path = find(im->set->path, part, what);
  struct images_file *f;
  int status;

  if (path == NULL)
    return IMAGES_FAIL(im, "%s: no %s-%s-ubyte, plain or .gz, lies there",
                       im->set->path, part, what);
  f = images_file_open(path, reason);
  status = f ? read(im, s, path, f, reason) : -1;
  if (f && status == 0)
    status = images_file_end(f, reason);
  else
    images_file_close(f);
  if (status < 0 && *reason) {
    im->broken++;
    IMAGES_LOG(im, ERROR, "%s: %s; fetch the file again", path, reason);
  }
  free(path);
  return status;
}

static int
read_set(struct images *im)
{
  struct images_source *train = &im->set->source[IMAGES_TRAIN];
  struct images_source *test = &im->set->source[IMAGES_TEST];

  if (read_file(im, train, "train", "images-idx3", read_pixels) < 0 ||
      read_file(im, train, "train", "labels-idx1", read_labels) < 0 ||
      read_file(im, test, "t10k", "images-idx3", read_pixels) < 0 ||
      read_file(im, test, "t10k", "labels-idx1", read_labels) < 0)
    return -1;
  return images_name_classes(im, im->classes, NULL, NULL);
}

const struct images_kind images_idx = { "idx", detect, read_set };
