/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One compressed image to a square of bytes.  What a file is its first bytes
 * say, not its name.  Rows go through the resampler as they are decoded.
 */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "images_parts.h"

#define MAX_SIDE 65500 /* of a JPEG */

int
images_sane(uint64_t w, uint64_t h, char *reason)
{
  if (w == 0 || h == 0 || w > MAX_SIDE || h > MAX_SIDE)
    return images_reason(reason, "%llu x %llu pixels", (unsigned long long)w,
                  (unsigned long long)h);
  if (w * h > IMAGES_DECODE_MEMORY / 4)
    return images_reason(reason, "%llu x %llu pixels need more than %zu MiB",
                  (unsigned long long)w, (unsigned long long)h,
                  IMAGES_DECODE_MEMORY >> 20);
  return 0;
}

int
images_sink_begin(struct images_sink *s, int32_t w, int32_t h, int32_t c,
                  char *reason)
{
  double side = (w < h ? w : h) * s->crop;

  s->w = w;
  s->c = c;
  s->row = malloc((size_t)w * 3 * sizeof *s->row);
  s->scaler = images_scaler_new(w, h, s->channels, (w - side) / 2,
                                (h - side) / 2, side, side, s->size, s->size);
  return s->row && s->scaler ? 0 : images_reason(reason, "out of memory");
}

void
images_sink_row(struct images_sink *s, const uint8_t *in)
{
  float *out = s->row;

  for (int32_t x = 0; x < s->w; x++, in += s->c)
    if (s->c == s->channels)
      for (int32_t c = 0; c < s->c; c++)
        *out++ = in[c];
    else if (s->c == 1)
      for (int c = 0; c < 3; c++)
        *out++ = in[0];
    else
      *out++ = 0.299f * in[0] + 0.587f * in[1] + 0.114f * in[2];
  images_scaler_row(s->scaler, s->row);
}

static void
drop(struct images_sink *s)
{
  images_scaler_free(s->scaler);
  free(s->row);
}

void
images_sink_end(struct images_sink *s)
{
  const float *v = images_scaler_result(s->scaler);
  size_t n = (size_t)s->size * (size_t)s->size * (size_t)s->channels;

  for (size_t i = 0; i < n; i++) {
    float rounded = v[i] + 0.5f;
    s->out[i] = rounded < 0 ? 0 : rounded > 255 ? 255 : (uint8_t)rounded;
  }
  drop(s);
}

/* The whole file; NULL and the reason. */
static uint8_t *
read_whole(const char *path, size_t *size, char *reason)
{
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  struct stat st;
  uint8_t *data = NULL;
  size_t got = 0;

  if (fd < 0 || fstat(fd, &st) < 0)
    images_reason(reason, "%s", strerror(errno));
  else if (st.st_size == 0)
    images_reason(reason, "empty");
  else if ((uint64_t)st.st_size > IMAGES_DECODE_MEMORY / 2)
    images_reason(reason, "%lld bytes are too many for one image",
                  (long long)st.st_size);
  else if ((data = malloc((size_t)st.st_size)) == NULL)
    images_reason(reason, "out of memory");
  while (data && got < (size_t)st.st_size) {
    ssize_t n = read(fd, data + got, (size_t)st.st_size - got);
    if (n <= 0 && !(n < 0 && errno == EINTR)) {
      images_reason(reason, "%s", n < 0 ? strerror(errno) : "became shorter");
      free(data);
      data = NULL;
    }
    got += n > 0 ? (size_t)n : 0;
  }
  if (fd >= 0)
    close(fd);
  *size = got;
  return data;
}

static int
dispatch(const uint8_t *data, size_t size, struct images_sink *sink,
         char *reason)
{
  if (size >= 3 && memcmp(data, "\xff\xd8\xff", 3) == 0)
    return images_jpeg(data, size, sink, reason);
  if (size >= 8 && memcmp(data, "\x89PNG\r\n\x1a\n", 8) == 0)
    return images_png(data, size, sink, reason);
  return images_reason(reason, "neither JPEG nor PNG");
}

int
images_decode(const char *path, int32_t size, int32_t channels, double crop,
              uint8_t *out, char *reason)
{
  struct images_sink sink = { .size = size, .channels = channels,
                              .crop = crop, .out = out };
  size_t length;
  uint8_t *data = read_whole(path, &length, reason);
  int status;

  if (data == NULL)
    return -1;
  status = dispatch(data, length, out ? &sink : NULL, reason);
  free(data);
  if (status == 0 && out)
    images_sink_end(&sink);
  else
    drop(&sink);
  return status;
}
