/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PNG by libpng's simplified interface, which keeps its error handling to
 * itself: any depth, palettes and interlacing become 8-bit grey or colour;
 * what is transparent is laid over white.
 */
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

static int
decode(png_image *png, struct images_sink *sink, char *reason)
{
  static const png_color white = { 255, 255, 255 };
  int c = png->format & PNG_FORMAT_FLAG_COLOR ? 3 : 1;
  size_t stride = (size_t)png->width * (size_t)c;
  uint8_t *pixel;
  int status = -1;

  png->format = c == 3 ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
  png->flags |= PNG_IMAGE_FLAG_16BIT_sRGB;
  pixel = malloc(stride * png->height);
  if (pixel == NULL)
    images_reason(reason, "out of memory");
  else if (!png_image_finish_read(png, &white, pixel, (png_int_32)stride,
                                  NULL) || PNG_IMAGE_FAILED(*png))
    images_reason(reason, "damaged PNG: %s", png->message);
  else
    status = images_sink_begin(sink, (int32_t)png->width,
                               (int32_t)png->height, c, reason);
  for (size_t y = 0; status == 0 && y < png->height; y++)
    images_sink_row(sink, pixel + y * stride);
  free(pixel);
  return status;
}

int
images_png(const uint8_t *data, size_t size, struct images_sink *sink,
           char *reason)
{
  png_image png = { .version = PNG_IMAGE_VERSION };
  int status = -1;

  if (!png_image_begin_read_from_memory(&png, data, size))
    images_reason(reason, "damaged PNG: %s", png.message);
  else if (images_sane(png.width, png.height, reason) == 0)
    status = sink ? decode(&png, sink, reason) : 0;
  png_image_free(&png);
  return status;
}
#endif
