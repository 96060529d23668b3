/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PNG by libpng: any depth, palettes and interlacing become 8-bit grey or
 * colour; what is transparent is laid over white.  Errors end in longjmp(),
 * as in images_jpeg.c, and what must be released hangs on `struct job`.
 * (libpng's simplified interface would do without, but 1.6.39 reads
 * interlaced 16-bit grey wrong.)
 */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "images_parts.h"

#ifndef HAVE_LIBPNG
int
images_png(const uint8_t *data, size_t size, struct images_sink *sink,
           char *reason)
{
  (void)data;
  (void)size;
  (void)sink;
  return images_reason(reason, "is a PNG, which this build cannot read "
                       "(Debian: apt install libpng-dev, then "
                       "configure and make again)");
}
#else
#include <png.h>

struct job {
  png_structp png;
  png_infop info;
  jmp_buf failed;
  char *reason;
  const uint8_t *data;
  size_t left;
  uint32_t w, h;
  size_t c, stride; /* channels and bytes of a row, alpha included */
  uint8_t *pixels;  /* one row, or all of an interlaced image */
};

static _Noreturn void
fail(png_structp png, png_const_charp text)
{
  struct job *job = png_get_error_ptr(png);

  images_reason(job->reason, "damaged PNG: %s", text);
  longjmp(job->failed, 1);
}

/* Of chunks that do not matter to the pixels. */
static void
ignore(png_structp png, png_const_charp text)
{
  (void)png;
  (void)text;
}

static void
take(png_structp png, png_bytep to, size_t size)
{
  struct job *job = png_get_io_ptr(png);

  if (size > job->left)
    png_error(png, "cut off");
  memcpy(to, job->data, size);
  job->data += size;
  job->left -= size;
}

static int
start(struct job *job)
{
  png_set_user_limits(job->png, 65500, 65500);
  png_set_read_fn(job->png, job, take);
  png_read_info(job->png, job->info);
  job->w = png_get_image_width(job->png, job->info);
  job->h = png_get_image_height(job->png, job->info);
  return images_sane(job->w, job->h, job->reason);
}

/* Over white, in place; from 2 or 4 channels to 1 or 3. */
static void
drop_alpha(const struct job *job, uint8_t *row)
{
  uint8_t *to = row;

  for (uint32_t x = 0; x < job->w; x++, row += job->c) {
    unsigned alpha = row[job->c - 1];
    for (size_t k = 0; k < job->c - 1; k++)
      *to++ = (uint8_t)((row[k] * alpha + 255 * (255 - alpha) + 127) / 255);
  }
}

static int
decode(struct job *job, struct images_sink *sink)
{
  int passes;
  size_t rows;

  png_set_expand(job->png);
  png_set_scale_16(job->png);
  passes = png_set_interlace_handling(job->png);
  png_read_update_info(job->png, job->info);
  job->c = png_get_channels(job->png, job->info);
  job->stride = png_get_rowbytes(job->png, job->info);
  rows = passes > 1 ? job->h : 1;
  job->pixels = calloc(rows, job->stride);
  if (job->pixels == NULL)
    return images_reason(job->reason, "out of memory");
  if (images_sink_begin(sink, (int32_t)job->w, (int32_t)job->h,
                        job->c < 3 ? 1 : 3, job->reason) < 0)
    return -1;
  for (int pass = 0; pass < passes - 1; pass++)
    for (uint32_t y = 0; y < job->h; y++)
      png_read_row(job->png, job->pixels + y * job->stride, NULL);
  for (uint32_t y = 0; y < job->h; y++) {
    uint8_t *row = job->pixels + (passes > 1 ? y * job->stride : 0);
    png_read_row(job->png, row, NULL);
    if (job->c % 2 == 0)
      drop_alpha(job, row);
    images_sink_row(sink, row);
  }
  png_read_end(job->png, NULL);
  return 0;
}

static uint32_t
number(const uint8_t *p)
{
  return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 |
         p[3];
}

/* Beyond the head's own chunk nothing is read of an image too large. */
static int
look(const uint8_t *data, size_t size, char *reason)
{
  if (size < 33 || number(data + 8) != 13)
    return images_reason(reason, "damaged PNG: no head");
  return images_sane(number(data + 16), number(data + 20), reason);
}

int
images_png(const uint8_t *data, size_t size, struct images_sink *sink,
           char *reason)
{
  struct job *volatile job;
  volatile int status = -1;

  if (look(data, size, reason) < 0)
    return -1;
  job = calloc(1, sizeof *job);
  if (job == NULL)
    return images_reason(reason, "out of memory");
  job->reason = reason;
  job->data = data;
  job->left = size;
  if (setjmp(job->failed) == 0) {
    job->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, job, fail,
                                      ignore);
    job->info = job->png ? png_create_info_struct(job->png) : NULL;
    if (job->info == NULL)
      images_reason(reason, "out of memory");
    else if (start(job) == 0)
      status = sink ? decode(job, sink) : 0;
  } else
    status = -1;
  png_destroy_read_struct((png_structpp)&job->png, (png_infopp)&job->info,
                          NULL);
  free(job->pixels);
  free(job);
  return status;
}
#endif
