/* SPDX-License-Identifier: Apache-2.0 */
/* JPEG and PNG files of every kind, made by the test that includes it. */
#ifndef TESTS_IMAGES_FILES_H
#define TESTS_IMAGES_FILES_H
#include "images_kit.h"
#include <jpeglib.h>
#include <png.h>

/* What channel c of an image of one class is at (y, x), in 0..1. */
static inline double
file_value(int class, double y, double x, int c)
{
  return 0.2 + 0.15 * class + 0.2 * (c == 0 ? x : c == 1 ? y : 1 - x);
}

static void
put_jpeg(const char *name, int w, int h, J_COLOR_SPACE space, int class,
         int progressive)
{
  struct jpeg_compress_struct out;
  struct jpeg_error_mgr error;
  int c = space == JCS_GRAYSCALE ? 1 : space == JCS_CMYK ? 4 : 3;
  unsigned char *row = malloc((size_t)w * 4);
  FILE *file = fopen(kit_path(name), "wb");
  JSAMPROW rows[] = { row };

  assert_non_null(file);
  out.err = jpeg_std_error(&error);
  jpeg_create_compress(&out);
  jpeg_stdio_dest(&out, file);
  out.image_width = (JDIMENSION)w;
  out.image_height = (JDIMENSION)h;
  out.input_components = c;
  out.in_color_space = space;
  jpeg_set_defaults(&out);
  jpeg_set_quality(&out, 95, TRUE);
  if (progressive)
    jpeg_simple_progression(&out);
  jpeg_start_compress(&out, TRUE);
  for (int y = 0; y < h; y++) {
    for (int x = 0; x < w; x++)
      for (int k = 0; k < c; k++) {
        double v = file_value(class, (y + 0.5) / h, (x + 0.5) / w,
                              c == 1 ? 1 : k);
        /* libjpeg marks CMYK as Adobe's, which is inverted; K is none */
        row[x * c + k] = (unsigned char)(k == 3 ? 255 : 255 * v + 0.5);
      }
    jpeg_write_scanlines(&out, rows, 1);
  }
  jpeg_finish_compress(&out);
  jpeg_destroy_compress(&out);
  assert_int_equal(fclose(file), 0);
  free(row);
}

/* type: a PNG_COLOR_TYPE; depth 8 or 16 (a palette: 8). */
static void
put_png(const char *name, int w, int h, int type, int depth, int class,
        int interlaced)
{
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL,
                                            NULL, NULL);
  png_infop info = png_create_info_struct(png);
  int palette = type == PNG_COLOR_TYPE_PALETTE;
  int colours = type & PNG_COLOR_MASK_COLOR && !palette ? 3 : 1;
  int c = colours + (type & PNG_COLOR_MASK_ALPHA ? 1 : 0), wide = depth / 8;
  unsigned char *data = calloc((size_t)w * (size_t)h, (size_t)(c * wide));
  unsigned char **row = calloc((size_t)h, sizeof *row);
  png_color entry[256];
  FILE *file = fopen(kit_path(name), "wb");

  assert_non_null(file);
  png_init_io(png, file);
  png_set_IHDR(png, info, (png_uint_32)w, (png_uint_32)h, depth, type,
               interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  for (int i = 0; i < 256; i++) /* grey levels */
    entry[i] = (png_color){ (png_byte)i, (png_byte)i, (png_byte)i };
  if (palette)
    png_set_PLTE(png, info, entry, 256);
  for (int y = 0; y < h; y++) {
    row[y] = data + (size_t)y * (size_t)(w * c * wide);
    for (int x = 0; x < w; x++)
      for (int k = 0; k < c; k++) {
        double v = file_value(class, (y + 0.5) / h, (x + 0.5) / w,
                              colours == 1 ? 1 : k);
        unsigned level = (unsigned)((depth == 16 ? 65535 : 255) *
                                    (k == colours ? 1 : v) + 0.5);
        unsigned char *to = row[y] + (x * c + k) * wide;
        to[0] = (unsigned char)(depth == 16 ? level >> 8 : level);
        if (depth == 16)
          to[1] = (unsigned char)level;
      }
  }
  png_set_rows(png, info, row);
  png_write_png(png, info, PNG_TRANSFORM_IDENTITY, NULL);
  png_destroy_write_struct(&png, &info);
  assert_int_equal(fclose(file), 0);
  free(data);
  free(row);
}

/* One of 12 kinds of sound file; 1 if it has no colours. */
static int
put_image(const char *name, int kind, int w, int h, int class)
{
  switch (kind) {
  case 0: put_jpeg(name, w, h, JCS_RGB, class, 0); return 0;
  case 1: put_jpeg(name, w, h, JCS_GRAYSCALE, class, 0); return 1;
  case 2: put_jpeg(name, w, h, JCS_CMYK, class, 0); return 0;
  case 3: put_jpeg(name, w, h, JCS_RGB, class, 1); return 0;
  case 4: put_png(name, w, h, PNG_COLOR_TYPE_RGB, 8, class, 0); return 0;
  case 5: put_png(name, w, h, PNG_COLOR_TYPE_GRAY, 8, class, 0); return 1;
  case 6: put_png(name, w, h, PNG_COLOR_TYPE_RGB_ALPHA, 8, class, 0); return 0;
  case 7: put_png(name, w, h, PNG_COLOR_TYPE_PALETTE, 8, class, 0); return 1;
  case 8: put_png(name, w, h, PNG_COLOR_TYPE_RGB, 16, class, 0); return 0;
  case 9: put_png(name, w, h, PNG_COLOR_TYPE_GRAY, 16, class, 1); return 1;
  case 10: put_png(name, w, h, PNG_COLOR_TYPE_RGB, 8, class, 1); return 0;
  default: put_png(name, w, h, PNG_COLOR_TYPE_GRAY_ALPHA, 8, class, 0);
    return 1;
  }
}
#define IMAGE_KINDS 12
#endif
