/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JPEG by libjpeg.  Its errors end in longjmp(): everything that must be
 * released hangs on `struct job`, which is never in a register there, and
 * nothing is released on the way.  A file that is cut off or whose data are
 * damaged only gives warnings and grey areas; here it is broken.
 */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include "images_parts.h"

#ifndef HAVE_LIBJPEG
int
images_jpeg(const uint8_t *data, size_t size, struct images_sink *sink,
            char *reason)
{
  (void)data;
  (void)size;
  (void)sink;
  return images_reason(reason, "is a JPEG, which this build cannot read "
                       "(Debian: apt install libjpeg62-turbo-dev, then "
                       "configure and make again)");
}
#else
#include <jpeglib.h>
#include <jerror.h>

#define MAX_SCANS 100

struct job {
  struct jpeg_error_mgr error; /* first: libjpeg hands back its address */
  struct jpeg_decompress_struct in;
  struct jpeg_progress_mgr progress;
  jmp_buf failed;
  char *reason;
  uint8_t *row, *rgb;
};

static _Noreturn void
fail(j_common_ptr in)
{
  struct job *job = (struct job *)(void *)in->err;
  char text[JMSG_LENGTH_MAX];

  in->err->format_message(in, text);
  images_reason(job->reason, "damaged JPEG: %s", text);
  longjmp(job->failed, 1);
}

/* Of the warnings only these leave the pixels as they were meant. */
static int
harmless(int code)
{
  return code == JWRN_EXTRANEOUS_DATA || code == JWRN_ADOBE_XFORM ||
         code == JWRN_JFIF_MAJOR || code == JWRN_BOGUS_PROGRESSION;
}

static void
warn(j_common_ptr in, int level)
{
  if (level < 0 && !harmless(in->err->msg_code))
    fail(in);
}

/* A small file may hold any number of scans of a large image. */
static void
progress(j_common_ptr in)
{
  struct job *job = (struct job *)(void *)in->err;

  if (job->in.input_scan_number <= MAX_SCANS)
    return;
  images_reason(job->reason, "JPEG of more than %d scans", MAX_SCANS);
  longjmp(job->failed, 1);
}

static void
quiet(j_common_ptr in)
{
  (void)in;
}

/* CMYK as Adobe writes it, inverted, and as the others do. */
static void
from_cmyk(const struct job *job, const uint8_t *in, uint8_t *out)
{
  int inverted = job->in.saw_Adobe_marker;

  for (JDIMENSION x = 0; x < job->in.output_width; x++, in += 4)
    for (int c = 0; c < 3; c++) {
      int ink = inverted ? in[c] : 255 - in[c];
      int black = inverted ? in[3] : 255 - in[3];
      *out++ = (uint8_t)((ink * black + 127) / 255);
    }
}

static int
start(struct job *job, const uint8_t *data, size_t size)
{
  struct jpeg_decompress_struct *in = &job->in;

  jpeg_create_decompress(in);
  job->progress.progress_monitor = progress;
  in->progress = &job->progress;
  in->mem->max_memory_to_use = (long)(IMAGES_DECODE_MEMORY / 2);
  jpeg_mem_src(in, data, size);
  jpeg_read_header(in, TRUE);
  if (images_sane(in->image_width, in->image_height, job->reason) < 0)
    return -1;
  switch (in->jpeg_color_space) {
  case JCS_GRAYSCALE: in->out_color_space = JCS_GRAYSCALE; break;
  case JCS_CMYK:
  case JCS_YCCK: in->out_color_space = JCS_CMYK; break;
  default: in->out_color_space = JCS_RGB;
  }
  in->dct_method = JDCT_ISLOW;
  return 0;
}

static int
decode(struct job *job, struct images_sink *sink)
{
  struct jpeg_decompress_struct *in = &job->in;
  int cmyk = in->out_color_space == JCS_CMYK;
  int c = in->out_color_space == JCS_GRAYSCALE ? 1 : 3;

  jpeg_start_decompress(in);
  job->row = malloc((size_t)in->output_width * 4);
  job->rgb = malloc((size_t)in->output_width * 3);
  if (job->row == NULL || job->rgb == NULL) {
    images_reason(job->reason, "out of memory");
    return -1;
  }
  if (images_sink_begin(sink, (int32_t)in->output_width,
                        (int32_t)in->output_height, c, job->reason) < 0)
    return -1;
  while (in->output_scanline < in->output_height) {
    JSAMPROW row = job->row;
    jpeg_read_scanlines(in, &row, 1);
    if (cmyk)
      from_cmyk(job, job->row, job->rgb);
    images_sink_row(sink, cmyk ? job->rgb : job->row);
  }
  jpeg_finish_decompress(in);
  return 0;
}

int
images_jpeg(const uint8_t *data, size_t size, struct images_sink *sink,
            char *reason)
{
  struct job *volatile job = calloc(1, sizeof *job);
  volatile int status = -1;

  if (job == NULL)
    return images_reason(reason, "out of memory");
  job->reason = reason;
  job->in.err = jpeg_std_error(&job->error);
  job->error.error_exit = fail;
  job->error.emit_message = warn;
  job->error.output_message = quiet;
  if (setjmp(job->failed) == 0)
    status = start(job, data, size) < 0 ? -1 : sink ? decode(job, sink) : 0;
  else
    status = -1;
  jpeg_destroy_decompress(&job->in);
  free(job->row);
  free(job->rgb);
  free(job);
  return status;
}
#endif
