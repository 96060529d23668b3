/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of a set of images, shared by the files that make one up:
 *
 *   images.c          opening, parts
 *   images_pixels.c   normalisation, fetching
 *   images_file.c     plain or gzipped files, read to their exact end
 *   images_idx.c, images_cifar.c, images_folder.c        the sources
 *   images_decode.c, images_jpeg.c, images_png.c         one compressed image
 *   images_scale.c    resampling, row by row
 *   images_config.c   keys of an INI section
 *   images_stream.c   batches ahead of the trainer
 *   images_work.c     a loop on several threads
 */
#ifndef COMMON_IMAGES_PARTS_H
#define COMMON_IMAGES_PARTS_H
#include <stddef.h>
#include <stdint.h>
#include "images.h"

enum { IMAGES_REASON = 256 }; /* bytes of a reason for an error */

/* The images of one of the source's own parts; a folder's may be on disk. */
struct images_source {
  size_t n;
  int32_t *label;
  uint8_t *pixel; /* n x size x size x channels, or NULL */
  char **name;    /* a folder's files, or NULL */
};

struct images_set {
  struct images_config config; /* strings and defaults settled */
  char *path;
  struct images_source source[IMAGES_PARTS];
  uint32_t *index[IMAGES_PARTS]; /* within source[from] */
  enum images_part from[IMAGES_PARTS];
  float table[3][256]; /* normalised value of a byte */
};

struct images_kind {
  const char *name;
  int (*detect)(const char *folder);
  int (*read)(struct images *); /* fills the sources, size, classes */
};
extern const struct images_kind images_idx, images_cifar10, images_cifar100,
  images_folder;

#define IMAGES_LOG(im, level, ...)                                            \
  (im)->set->config.log((im)->set->config.ctx, CHANAS_##level, __VA_ARGS__)
#define IMAGES_FAIL(im, ...) (IMAGES_LOG(im, ERROR, __VA_ARGS__), -1)

/* ---- images.c */
/* Names and counts a broken file; -1 if it is to be refused, else 0. */
int images_broken(struct images *, const char *path, const char *reason);
/* Zeroed memory within the bound; NULL, logged. */
void *images_keep(struct images *, size_t n, size_t size, const char *what);
/* The same for a block that grows from `old` to n items; *block stays what it
 * was on failure. */
int images_grow(struct images *, void **block, size_t old, size_t n,
                size_t size, const char *what);
static inline size_t
images_bytes(const struct images *im) /* of one image as kept */
{
  return (size_t)im->size * (size_t)im->size * (size_t)im->channels;
}
/* Settle size and channels by what the files have; -1, logged. */
int images_shape(struct images *, const char *path, int32_t h, int32_t w,
                 int32_t c);
/* One stored image h x h x c to the kept form. */
int images_convert(const struct images *, const uint8_t *in, int32_t h,
                   int32_t c, uint8_t *out);
/* The user's names, else those of a text, else "0" ... "n-1"; -1, logged. */
int images_name_classes(struct images *, int32_t n, const char *names,
                        const char *between);

/* ---- images_pixels.c */
/* Settle mean and std, measured where none are given, and the table that
 * normalises; -1, logged. */
int images_normalise(struct images *);

/* ---- images_file.c */
/* Why a file is broken, for the caller to log: -1 */
int images_reason(char *reason, const char *fmt, ...)
  __attribute__((format(printf, 2, 3)));
/* FOLDER/NAME or FOLDER/NAME.gz, whichever is there; free() it; NULL. */
char *images_find(const char *folder, const char *name);
struct images_file;
/* NULL, and the reason, if it cannot be opened. */
struct images_file *images_file_open(const char *path, char *reason);
/* Exactly size bytes; -1 and the reason. */
int images_file_read(struct images_file *, void *data, size_t size,
                     char *reason);
/* 1: there is more; 0: here it ends; -1 and the reason. */
int images_file_more(struct images_file *, char *reason);
/* Closes; -1 and the reason if the file did not end here. */
int images_file_end(struct images_file *, char *reason);
void images_file_close(struct images_file *); /* wherever it stands */

/* ---- images_decode.c */
/* What a decoder gives, row by row from the top. */
struct images_sink {
  int32_t size, channels; /* of the result */
  double crop;
  uint8_t *out;           /* size x size x channels */
  struct images_scaler *scaler;
  float *row;
  int32_t w, c;           /* of the rows that come */
};
/* 0, or -1 and the reason.  out NULL: only what the file's head says. */
int images_decode(const char *path, int32_t size, int32_t channels,
                  double crop, uint8_t *out, char *reason);
/* For the decoders: w x h pixels of c bytes (1, 3) will come. */
int images_sink_begin(struct images_sink *, int32_t w, int32_t h, int32_t c,
                      char *reason);
void images_sink_row(struct images_sink *, const uint8_t *row);
/* Writes the result and frees what the sink holds. */
void images_sink_end(struct images_sink *);
/* Sides and memory that a file may ask for. */
int images_sane(uint64_t w, uint64_t h, char *reason);
/* data: the whole file.  sink NULL: the head only. */
int images_jpeg(const uint8_t *data, size_t size, struct images_sink *,
                char *reason);
int images_png(const uint8_t *data, size_t size, struct images_sink *,
               char *reason);

/* ---- images_scale.c */
/* A window of an image is resampled while its rows come. */
struct images_scaler;
struct images_scaler *images_scaler_new(int w, int h, int c, double x0,
                                        double y0, double side_w,
                                        double side_h, int ow, int oh);
void images_scaler_row(struct images_scaler *, const float *row);
const float *images_scaler_result(const struct images_scaler *);
void images_scaler_free(struct images_scaler *);

/* ---- images_work.c */
/* fn(arg, i) for every i < n on some threads (0: one a CPU); which runs what
 * is not defined.  Ends early, and gives -1, once fn returned that. */
int images_work(int threads, size_t n, int (*fn)(void *arg, size_t i),
                void *arg);
#endif
