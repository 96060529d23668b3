/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CIFAR-10 and CIFAR-100 in their binary layout: records of one label byte
 * (CIFAR-100: coarse, then fine), 1024 red, 1024 green and 1024 blue bytes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "images_parts.h"

#define SIDE 32
#define PLANE (SIDE * SIDE)
#define STEP 5000 /* records that room is made for at a time */

static const char names10[] = "airplane\nautomobile\nbird\ncat\ndeer\n"
                              "dog\nfrog\nhorse\nship\ntruck";

static int
has(const char *folder, const char *name)
{
  char *path = images_find(folder, name);
  int found = path != NULL;

  free(path);
  return found;
}

static int
detect10(const char *folder)
{
  return has(folder, "data_batch_1.bin");
}

static int
detect100(const char *folder)
{
  return has(folder, "train.bin");
}

/* One record's planes to the kept form. */
static int
take(const struct images *im, const uint8_t *plane, uint8_t *out)
{
  uint8_t pixel[3 * PLANE];

  for (int i = 0; i < PLANE; i++)
    for (int c = 0; c < 3; c++)
      pixel[3 * i + c] = plane[c * PLANE + i];
  return images_convert(im, pixel, SIDE, 3, out);
}

static int
make_room(struct images *im, struct images_source *s, size_t at, size_t *room,
          const char *path)
{
  void *pixel = s->pixel, *label = s->label;
  int status;

  if (at < *room)
    return 0;
  status = images_grow(im, &pixel, *room, *room + STEP, images_bytes(im),
                       path);
  s->pixel = pixel;
  if (status == 0)
    status = images_grow(im, &label, *room, *room + STEP, sizeof *s->label,
                         path);
  s->label = label;
  *room += status == 0 ? STEP : 0;
  return status;
}

/* One record as number `at` of the source. */
static int
read_record(struct images *im, struct images_source *s, size_t at,
            struct images_file *f, char *reason)
{
  const size_t labels = im->classes == 100 ? 2 : 1;
  uint8_t record[2 + 3 * PLANE];

  if (images_file_read(f, record, labels + 3 * PLANE, reason) < 0)
    return -1;
  s->label[at] = record[labels - 1];
  if (s->label[at] < im->classes)
    return take(im, record + labels, s->pixel + at * images_bytes(im));
  return images_reason(reason, "label %d of record %zu is not below %d",
                       s->label[at], at - s->n, im->classes);
}

/* Records to the end of one file, appended to the source; -1 and the reason,
 * which is "" if it is logged. */
static int
read_records(struct images *im, struct images_source *s, size_t *room,
             const char *path, char *reason)
{
  struct images_file *f = images_file_open(path, reason);
  size_t n = 0;
  int more = f ? 1 : -1;

  while (more > 0 && (more = images_file_more(f, reason)) > 0) {
    if (make_room(im, s, s->n + n, room, path) < 0 ||
        read_record(im, s, s->n + n, f, reason) < 0)
      more = -1;
    n++;
  }
  if (more == 0 && n == 0)
    more = images_reason(reason, "no record in it");
  images_file_close(f);
  if (more == 0)
    s->n += n;
  return more;
}

/* A broken file is left out whole, if files may be. */
static int
read_file(struct images *im, struct images_source *s, size_t *room,
          const char *name)
{
  char reason[IMAGES_REASON] = "", *path = images_find(im->set->path, name);
  int status;

  if (path == NULL)
    return IMAGES_FAIL(im, "%s: no %s, plain or .gz, lies there",
                       im->set->path, name);
  status = read_records(im, s, room, path, reason);
  if (status < 0 && *reason)
    status = images_broken(im, path, reason);
  free(path);
  return status;
}

static int
begin(struct images *im, int32_t classes)
{
  im->classes = classes;
  return images_shape(im, im->set->path, SIDE, SIDE, 3);
}

/* Names from the file that the official archives have, if it is there. */
static int
name_classes(struct images *im, const char *file, const char *otherwise)
{
  char reason[IMAGES_REASON], text[8192] = "", *c = text;
  char *path = images_find(im->set->path, file);
  struct images_file *f = path ? images_file_open(path, reason) : NULL;

  while (f && c < text + sizeof text - 1 &&
         images_file_more(f, reason) > 0 &&
         images_file_read(f, c, 1, reason) == 0)
    c++;
  while (c > text && (c[-1] == '\n' || c[-1] == '\r'))
    c--;
  *c = '\0';
  images_file_close(f);
  free(path);
  return images_name_classes(im, im->classes, *text ? text : otherwise,
                             "\r\n");
}

static int
read10(struct images *im)
{
  struct images_source *train = &im->set->source[IMAGES_TRAIN];
  char name[32];
  size_t room = 0;

  if (begin(im, 10) < 0)
    return -1;
  for (int i = 1; i <= 5; i++) {
    snprintf(name, sizeof name, "data_batch_%d.bin", i);
    if (read_file(im, train, &room, name) < 0)
      return -1;
  }
  room = 0;
  if (read_file(im, &im->set->source[IMAGES_TEST], &room, "test_batch.bin"))
    return -1;
  return name_classes(im, "batches.meta.txt", names10);
}

static int
read100(struct images *im)
{
  size_t room = 0;

  if (begin(im, 100) < 0 ||
      read_file(im, &im->set->source[IMAGES_TRAIN], &room, "train.bin") < 0)
    return -1;
  room = 0;
  if (read_file(im, &im->set->source[IMAGES_TEST], &room, "test.bin") < 0)
    return -1;
  return name_classes(im, "fine_label_names.txt", NULL);
}

const struct images_kind images_cifar10 = { "cifar10", detect10, read10 };
const struct images_kind images_cifar100 = { "cifar100", detect100, read100 };
