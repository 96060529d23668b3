/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Labelled images from one of several sources, as float batches.
 *
 *   idx       FOLDER/train-images-idx3-ubyte, train-labels-idx1-ubyte and
 *             t10k-... (MNIST, Fashion-MNIST), plain or .gz
 *   cifar10   FOLDER/data_batch_1.bin ... and test_batch.bin, plain or .gz
 *   cifar100  FOLDER/train.bin and test.bin (the fine labels), plain or .gz
 *   folder    FOLDER/train/CLASS/FILE and val/ or test/; JPEG or PNG by
 *             content, whatever the file's name.  Where both val/ and test/
 *             are there, val/ is the validation part.
 *
 * Pixels: x[n][h][w][c] = (value / 255 - mean[c]) / std[c], square images of
 * `size`; grey is repeated for 3 channels, colour becomes luma (ITU-R BT.601)
 * for 1.  Images of another size are resampled with a triangle filter that
 * is widened when it shrinks, so that nothing aliases; of a folder's images
 * the shorter side becomes size / crop and the middle is taken.
 *
 * Parts: the test part is never touched; the validation part is a share of
 * the training files, drawn by the seed.  An index i < count[part] names the
 * same image for equal files, share and seed.
 *
 * Broken files are named in a log line and counted.  With IMAGES_REFUSE the
 * first one is an error.  With IMAGES_SKIP the set is what remains: a file
 * of an idx pair is never dispensable, of cifar a whole batch file is left
 * out, of a folder the one image, with its label.
 *
 * Memory: what images_open() keeps (pixels as bytes, of a folder the names
 * and, if all of its images fit beside them, the pixels too) stays within
 * config.memory, or the set is refused; each thread that decodes needs at
 * most IMAGES_DECODE_MEMORY on top, and a file that would need more counts
 * as broken.
 *
 * Functions log through config.log once at the point of failure and return
 * NULL or -1.
 */
#ifndef COMMON_IMAGES_H
#define COMMON_IMAGES_H
#include <chanas/plugin.h>

#define IMAGES_DECODE_MEMORY ((size_t)128 << 20)
#define IMAGES_MEMORY ((size_t)1 << 30) /* the default of config.memory */
#define IMAGES_MAX_SIZE 1024
#define IMAGES_MAX_CLASSES 65536

enum images_part { IMAGES_TRAIN, IMAGES_VALID, IMAGES_TEST, IMAGES_PARTS };
enum images_broken { IMAGES_REFUSE, IMAGES_SKIP };

/* Zero (NULL) means the default everywhere. */
struct images_config {
  const char *kind;  /* NULL or "auto": by what lies in the folder */
  const char *path;
  int32_t size;      /* default: that of the files; a folder needs it */
  int32_t channels;  /* 1 or 3; default: that of the files, 3 for a folder */
  double crop;       /* folder: share of the shorter side; default 0.875 */
  int normalised;    /* channels of mean and std as given; 0: measured on the
                        training part (of a folder whose pixels are not kept,
                        on 4096 of its images) */
  float mean[3], std[3]; /* of values in 0..1 */
  double valid;      /* share of the training files, [0, 0.9] */
  uint64_t seed;
  enum images_broken broken;
  size_t memory;     /* bytes */
  const char *classes; /* names between commas; default: the source's own */
  int threads;       /* while opening; default: the CPUs */
  void (*log)(void *ctx, enum chanas_level, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
  void *ctx;
};

struct images {
  const char *kind;
  size_t count[IMAGES_PARTS];
  int32_t size, channels;
  float crop;                /* part of the shorter side; 1 but of a folder */
  int32_t classes;
  char **class_name;
  float mean[3], std[3];
  size_t resident;           /* bytes kept */
  _Atomic size_t broken;     /* files left out so far */
  struct images_set *set;    /* internal */
};

struct images *images_open(const struct images_config *);
void images_close(struct images *);

/*
 * The images index[0 .. n) of a part: x has room for n x size x size x
 * channels floats, label for n.  Thread-safe; equal arguments give equal
 * bytes.  Returns how many rows were filled: n, but for files of a folder
 * that turn out broken only now, which are left out while the rows behind
 * them move up; -1 (logged) if such a file is to be refused.  kept, if not
 * NULL, gets the index of every row that was filled.
 */
long images_fetch(struct images *, enum images_part, size_t n,
                  const uint32_t index[], float *x, int32_t *label,
                  uint32_t *kept);

/* One image h x w x c to oh x ow by the triangle filter described above; for
 * elastic resolution.  -1 if memory is short. */
int images_resize(const float *in, int h, int w, int c, float *out, int oh,
                  int ow);

/* ---- the keys of an INI section ----------------------------------------- */

/* For the params of a plugin; images_configure() reads them back. */
#define IMAGES_PARAMS                                                         \
  { "data", "file", NULL, NULL, "folder of the data set" },                   \
  { "kind", "text", "auto", "auto|idx|cifar10|cifar100|folder",               \
    "its layout; auto: by what lies in the folder" },                         \
  { "resolution", "int", "0", "0..1024",                                      \
    "height and width of the images; 0: that of the files (image folders "    \
    "need it)" },                                                             \
  { "channels", "int", "0", "0..3",                                           \
    "1 (grey) or 3; 0: that of the files, 3 for an image folder" },           \
  { "crop", "real", "0.875", "0.1..1",                                        \
    "image folders: part of the shorter side that is kept" },                 \
  { "mean", "text", "", NULL,                                                 \
    "of each channel, for values in 0..1; default: measured on the training " \
    "part" },                                                                 \
  { "std", "text", "", NULL, "the same for the standard deviation" },         \
  { "validation", "real", "0.1", "0..0.9",                                    \
    "part of the training images that is kept apart for validation" },        \
  { "broken", "text", "refuse", "refuse|skip",                                \
    "what becomes of a broken file: it ends the run, or it is named and left "\
    "out" },                                                                  \
  { "memory", "int", "1024", "1..1048576",                                    \
    "MiB that the data set may occupy" },                                     \
  { "classes", "text", "", NULL,                                              \
    "names of the classes between commas; default: those of the data set" }

/* Fills a config from these keys; -1, logged. */
int images_configure(const struct chanas_host *, struct images_config *);

/* ---- batches ahead of the trainer --------------------------------------- */

struct augment; /* augment.h */

struct images_stream_config {
  enum images_part part;
  size_t batch;
  int shuffle;     /* an order of its own for every epoch, by seed and epoch */
  int drop_last;   /* leave out a last batch that is not full */
  int threads;     /* default 1 */
  size_t ahead;    /* batches that are kept ready; default 2 per thread */
  uint64_t seed;
  const struct augment *augment; /* NULL: none; borrowed */
};

/* Lasts until the next images_next() on the same stream. */
struct images_batch {
  size_t n;               /* rows; fewer than asked for only at the end of an
                             epoch and where broken files were left out */
  const float *x;         /* n x size x size x channels */
  const int32_t *label;
  const int32_t *other;   /* mixup: the label of what was mixed in, */
  float share;            /* and the part of `label`; 1: nothing was mixed */
  const uint32_t *index;  /* of each row within the part */
};

struct images_stream *images_stream_open(struct images *,
                                         const struct images_stream_config *);
size_t images_stream_batches(const struct images_stream *); /* of an epoch */
/* Begin an epoch at its batch `first` (0, or where a resumed run goes on);
 * what was read ahead is dropped. */
void images_stream_start(struct images_stream *, uint32_t epoch,
                         size_t first);
/* 1: a batch; 0: the epoch has ended; -1 (logged).  Equal seed, epoch and
 * files give equal batches for any number of threads. */
int images_next(struct images_stream *, struct images_batch *);
void images_stream_close(struct images_stream *);
#endif
