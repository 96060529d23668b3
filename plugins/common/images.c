/* SPDX-License-Identifier: Apache-2.0 */
/* Sets of images: opening, parts, what the sources share. */
#include "images.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "images_parts.h"
#include "seed.h"

static const struct images_kind *const kinds[] = {
  &images_idx, &images_cifar10, &images_cifar100, &images_folder,
};
#define KINDS (sizeof kinds / sizeof *kinds)

int
images_broken(struct images *im, const char *path, const char *reason)
{
  im->broken++;
  if (im->set->config.broken == IMAGES_SKIP) {
    IMAGES_LOG(im, WARN, "%s: %s; left out", path, reason);
    return 0;
  }
  return IMAGES_FAIL(im, "%s: %s; mend or remove the file, or give broken = "
                     "skip", path, reason);
}

int
images_grow(struct images *im, void **block, size_t old, size_t n,
            size_t size, const char *what)
{
  size_t left = im->set->config.memory - im->resident;
  void *more;

  if (size && n - old > left / size)
    return IMAGES_FAIL(im, "%s: more than the %zu MiB that memory allows",
                       what, im->set->config.memory >> 20);
  more = realloc(*block, n * size + 1);
  if (more == NULL)
    return IMAGES_FAIL(im, "%s: out of memory for %zu bytes", what, n * size);
  memset((char *)more + old * size, 0, (n - old) * size + 1);
  *block = more;
  im->resident += (n - old) * size;
  return 0;
}

void *
images_keep(struct images *im, size_t n, size_t size, const char *what)
{
  void *block = NULL;

  return images_grow(im, &block, 0, n, size, what) < 0 ? NULL : block;
}

int
images_shape(struct images *im, const char *path, int32_t h, int32_t w,
             int32_t c)
{
  const struct images_config *config = &im->set->config;

  if (im->size == 0) {
    im->size = config->size ? config->size : h;
    im->channels = config->channels ? config->channels : c;
  } else if (config->size == 0 && im->size != h)
    return IMAGES_FAIL(im, "%s: images of %d x %d, but the other part has "
                       "%d x %d; give a resolution", path, h, w, im->size,
                       im->size);
  return 0;
}

int
images_convert(const struct images *im, const uint8_t *in, int32_t h,
               int32_t c, uint8_t *out)
{
  struct images_sink sink = { .size = im->size, .channels = im->channels,
                              .crop = 1, .out = out };
  char reason[IMAGES_REASON];

  if (h == im->size && c == im->channels) {
    memcpy(out, in, images_bytes(im));
    return 0;
  }
  if (images_sink_begin(&sink, h, h, c, reason) < 0)
    return IMAGES_FAIL(im, "%s", reason);
  for (int32_t y = 0; y < h; y++)
    images_sink_row(&sink, in + (size_t)y * (size_t)h * (size_t)c);
  images_sink_end(&sink);
  return 0;
}

int
images_name_classes(struct images *im, int32_t n, const char *names,
                    const char *between)
{
  int32_t i;

  if (im->set->config.classes && *im->set->config.classes) {
    names = im->set->config.classes;
    between = ",";
  }
  im->classes = n;
  im->class_name = images_keep(im, (size_t)n + 1, sizeof *im->class_name,
                               "classes");
  if (im->class_name == NULL)
    return -1;
  for (i = 0; i < n; i++) {
    char number[16];
    size_t length = names ? strcspn(names, between) : 0;
    snprintf(number, sizeof number, "%d", i);
    im->class_name[i] = names ? strndup(names, length) : strdup(number);
    if (im->class_name[i] == NULL)
      return IMAGES_FAIL(im, "out of memory");
    if (names && (i + 1 == n) != (names[length] == '\0'))
      return IMAGES_FAIL(im, "there are %d classes, but %s names: '%s'", n,
                         i + 1 == n ? "more" : "fewer", names);
    if (names)
      names += length + strspn(names + length, between);
  }
  return 0;
}

/* ---- parts --------------------------------------------------------------- */

static int
whole_part(struct images *im, enum images_part part)
{
  size_t n = im->set->source[part].n;
  uint32_t *index = images_keep(im, n, sizeof *index, "index");

  if (index == NULL)
    return -1;
  for (size_t i = 0; i < n; i++)
    index[i] = (uint32_t)i;
  im->set->index[part] = index;
  im->set->from[part] = part;
  im->count[part] = n;
  return 0;
}

/* Takes a share of the training files, both parts in the files' order. */
static int
split(struct images *im)
{
  struct images_set *set = im->set;
  size_t n = im->count[IMAGES_TRAIN], take;
  uint64_t state = seed_of(set->config.seed, UINT64_C(0x73706c6974), n);
  uint32_t *train = set->index[IMAGES_TRAIN], *valid;

  take = (size_t)((double)n * set->config.valid + 0.5);
  if (take == 0)
    return whole_part(im, IMAGES_VALID);
  valid = images_keep(im, take, sizeof *valid, "index");
  if (valid == NULL)
    return -1;
  /* Selection sampling (Knuth, TAOCP 2, 3.4.2, algorithm S). */
  for (size_t i = 0, kept = 0, taken = 0; i < n; i++)
    if (seed_real(&state) * (double)(n - i) < (double)(take - taken))
      valid[taken++] = (uint32_t)i;
    else
      train[kept++] = (uint32_t)i;
  set->index[IMAGES_VALID] = valid;
  set->from[IMAGES_VALID] = IMAGES_TRAIN;
  im->count[IMAGES_VALID] = take;
  im->count[IMAGES_TRAIN] = n - take;
  return 0;
}

static int
make_parts(struct images *im)
{
  const struct images_set *set = im->set;

  if (whole_part(im, IMAGES_TRAIN) < 0 || whole_part(im, IMAGES_TEST) < 0)
    return -1;
  if (set->source[IMAGES_VALID].n == 0)
    return split(im);
  IMAGES_LOG(im, INFO, "%s: val/ is the validation part; nothing is taken of "
             "train/", set->path);
  return whole_part(im, IMAGES_VALID);
}

/* ---- life and death ------------------------------------------------------ */

void
images_close(struct images *im)
{
  if (im == NULL)
    return;
  for (int p = 0; p < IMAGES_PARTS; p++) {
    struct images_source *s = &im->set->source[p];
    for (size_t i = 0; s->name && i < s->n; i++)
      free(s->name[i]);
    free(s->name);
    free(s->label);
    free(s->pixel);
    free(im->set->index[p]);
  }
  for (int32_t i = 0; im->class_name && i < im->classes; i++)
    free(im->class_name[i]);
  free(im->class_name);
  free(im->set->path);
  free(im->set);
  free(im);
}

static int
check_config(struct images *im, const struct images_config *c)
{
  if (c->size < 0 || c->size > IMAGES_MAX_SIZE)
    return IMAGES_FAIL(im, "resolution %d: must be 0..%d", c->size,
                       IMAGES_MAX_SIZE);
  if (c->channels != 0 && c->channels != 1 && c->channels != 3)
    return IMAGES_FAIL(im, "channels %d: must be 1 or 3", c->channels);
  if (!(c->valid >= 0 && c->valid <= 0.9))
    return IMAGES_FAIL(im, "validation %g: must be 0..0.9", c->valid);
  if (!(c->crop > 0 && c->crop <= 1))
    return IMAGES_FAIL(im, "crop %g: must be above 0, at most 1", c->crop);
  return 0;
}

/* The kind that was named, or the first whose files are there. */
static const struct images_kind *
find_kind(struct images *im)
{
  const char *name = im->set->config.kind;
  int any = name == NULL || strcmp(name, "auto") == 0;
  struct stat st;

  if (stat(im->set->path, &st) < 0 || !S_ISDIR(st.st_mode)) {
    IMAGES_LOG(im, ERROR, "%s: %s; the folder of a data set is needed",
               im->set->path, errno ? strerror(errno) : "is no folder");
    return NULL;
  }
  for (size_t i = 0; i < KINDS; i++)
    if (any ? kinds[i]->detect(im->set->path)
            : strcmp(kinds[i]->name, name) == 0)
      return kinds[i];
  if (any)
    IMAGES_LOG(im, ERROR, "%s: neither train-images-idx3-ubyte nor "
               "data_batch_1.bin nor train.bin (plain or .gz) nor a folder "
               "train lies there", im->set->path);
  else
    IMAGES_LOG(im, ERROR, "kind %s: must be auto, idx, cifar10, cifar100 or "
               "folder", name);
  return NULL;
}

static int
read_all(struct images *im)
{
  const struct images_kind *kind = find_kind(im);

  if (kind == NULL || kind->read(im) < 0)
    return -1;
  im->kind = kind->name;
  im->crop = kind == &images_folder ? (float)im->set->config.crop : 1;
  if (im->set->source[IMAGES_TRAIN].n == 0)
    return IMAGES_FAIL(im, "%s: no training image can be read",
                       im->set->path);
  if (im->set->source[IMAGES_TRAIN].n > UINT32_MAX)
    return IMAGES_FAIL(im, "%s: more than 2^32 images", im->set->path);
  if (make_parts(im) < 0 || images_normalise(im) < 0)
    return -1;
  if (im->broken)
    IMAGES_LOG(im, WARN, "%s: %zu broken files were left out", im->set->path,
               (size_t)im->broken);
  return 0;
}

struct images *
images_open(const struct images_config *config)
{
  struct images *im = calloc(1, sizeof *im);
  struct images_set *set = calloc(1, sizeof *set);
  char *path = strdup(config->path);

  if (im == NULL || set == NULL || path == NULL) {
    config->log(config->ctx, CHANAS_ERROR, "out of memory");
    free(im);
    free(set);
    free(path);
    return NULL;
  }
  im->set = set;
  set->path = path;
  set->config = *config;
  if (config->memory == 0)
    set->config.memory = IMAGES_MEMORY;
  if (config->crop == 0)
    set->config.crop = 0.875;
  if (check_config(im, &set->config) == 0 && read_all(im) == 0)
    return im;
  images_close(im);
  return NULL;
}
