/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Folders in the layout of ImageNet: train/CLASS/FILE, val/ and test/ alike.
 * The classes are the folders of train/ in byte order; so are the files of a
 * class.  Names that begin with a dot are no files of the set.
 *
 * If the pixels of all images fit into memory they are decoded at once, which
 * also finds every broken file.  Else only each file's head is read now, and
 * images are decoded when they are fetched.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "images_parts.h"

static char *
join(const char *a, const char *b)
{
  char *path = malloc(strlen(a) + strlen(b) + 2);

  if (path)
    sprintf(path, "%s/%s", a, b);
  return path;
}

static int
is_folder(const char *a, const char *b)
{
  char *path = join(a, b);
  struct stat st;
  int yes = path && stat(path, &st) == 0 && S_ISDIR(st.st_mode);

  free(path);
  return yes;
}

static int
detect(const char *folder)
{
  return is_folder(folder, "train");
}

static int
by_bytes(const struct dirent **a, const struct dirent **b)
{
  return strcmp((*a)->d_name, (*b)->d_name);
}

static int
not_hidden(const struct dirent *entry)
{
  return entry->d_name[0] != '.';
}

static void
free_list(struct dirent **list, int n)
{
  while (n > 0)
    free(list[--n]);
  free(list);
}

static int
list(struct images *im, const char *path, struct dirent ***out)
{
  int n = scandir(path, out, not_hidden, by_bytes);

  return n < 0 ? IMAGES_FAIL(im, "%s: %s", path, strerror(errno)) : n;
}

/* The classes: folders of train/, one name a line; NULL, logged. */
static char *
list_classes(struct images *im, const char *train)
{
  struct dirent **entry;
  int n = list(im, train, &entry), status = n < 0 ? -1 : 0;
  char *names = NULL;
  size_t size = 0;
  FILE *out = open_memstream(&names, &size);

  for (int i = 0; out && i < n && status == 0; i++)
    if (is_folder(train, entry[i]->d_name)) {
      fprintf(out, "%s%s", im->classes ? "\n" : "", entry[i]->d_name);
      if (im->classes++ == IMAGES_MAX_CLASSES)
        status = IMAGES_FAIL(im, "%s: more than %d classes", train,
                             IMAGES_MAX_CLASSES);
    } else {
      char *path = join(train, entry[i]->d_name);
      status = images_broken(im, path ? path : train, "is in no class's "
                             "folder");
      free(path);
    }
  if (n >= 0)
    free_list(entry, n);
  if (out == NULL || fclose(out) != 0)
    status = IMAGES_FAIL(im, "out of memory");
  if (status == 0 && im->classes == 0)
    status = IMAGES_FAIL(im, "%s: no folder of a class lies there", train);
  if (status == 0)
    return names;
  free(names);
  return NULL;
}

/* The folders' names, whatever the classes are called for the user. */
static char **
read_classes(struct images *im)
{
  char *train = join(im->set->path, "train");
  char *names = train ? list_classes(im, train) : NULL, *at = names;
  char **class = names ? calloc((size_t)im->classes + 1, sizeof *class) : NULL;

  free(train);
  if (class && images_name_classes(im, im->classes, names, "\n") == 0) {
    for (int32_t i = 0; i < im->classes; i++)
      class[i] = strsep(&at, "\n");
    return class; /* class[0] begins the block */
  }
  free(class);
  free(names);
  return NULL;
}

struct listing { struct images_source *source; size_t room; };

static int
add_file(struct images *im, struct listing *l, char *path, int32_t label)
{
  struct images_source *s = l->source;
  void *name = s->name, *labels = s->label;
  size_t room = l->room ? 2 * l->room : 1024;
  int status = 0;

  if (s->n == l->room) {
    status = images_grow(im, &name, l->room, room, sizeof *s->name, path);
    s->name = name;
    if (status == 0)
      status = images_grow(im, &labels, l->room, room, sizeof *s->label,
                           path);
    s->label = labels;
    l->room = status == 0 ? room : l->room;
  }
  if (status < 0) {
    free(path);
    return -1;
  }
  im->resident += strlen(path) + 1;
  s->label[s->n] = label;
  s->name[s->n++] = path;
  return 0;
}

static int
read_class(struct images *im, struct listing *l, const char *folder,
           int32_t label)
{
  struct dirent **entry;
  int n = list(im, folder, &entry), status = n < 0 ? -1 : 0;
  struct stat st;

  for (int i = 0; i < n && status == 0; i++) {
    char *path = join(folder, entry[i]->d_name);
    if (path == NULL)
      status = IMAGES_FAIL(im, "out of memory");
    else if (stat(path, &st) < 0 || !S_ISREG(st.st_mode)) {
      status = images_broken(im, path, "is no file");
      free(path);
    } else
      status = add_file(im, l, path, label);
  }
  if (n >= 0)
    free_list(entry, n);
  return status;
}

static int32_t
find_class(char *const *folder, int32_t n, const char *name)
{
  for (int32_t low = 0, high = n - 1; low <= high; ) {
    int32_t middle = low + (high - low) / 2;
    int order = strcmp(name, folder[middle]);
    if (order == 0)
      return middle;
    if (order < 0)
      high = middle - 1;
    else
      low = middle + 1;
  }
  return -1;
}

/* Every file of one part; a class that train/ lacks has no label. */
static int
read_part(struct images *im, const char *folder, char *const *class,
          struct images_source *s)
{
  struct listing l = { .source = s };
  struct dirent **entry;
  int n = list(im, folder, &entry), status = n < 0 ? -1 : 0;

  for (int i = 0; i < n && status == 0; i++) {
    char *path = join(folder, entry[i]->d_name);
    int32_t label = find_class(class, im->classes, entry[i]->d_name);
    if (path == NULL)
      status = IMAGES_FAIL(im, "out of memory");
    else if (!is_folder(folder, entry[i]->d_name))
      status = s == im->set->source ? 0 : /* named with the classes */
               images_broken(im, path, "is in no class's folder");
    else if (label < 0)
      status = images_broken(im, path, "is a class that train/ does not "
                             "have");
    else
      status = read_class(im, &l, path, label);
    free(path);
  }
  if (n >= 0)
    free_list(entry, n);
  return status;
}

/* ---- what the files hold ------------------------------------------------- */

struct scan {
  struct images *im;
  struct images_source *source;
  char *bad; /* of each file */
};

/* Decodes one file into its place, or looks at its head. */
static int
scan_file(void *arg, size_t i)
{
  struct scan *scan = arg;
  struct images *im = scan->im;
  struct images_source *s = scan->source;
  char reason[IMAGES_REASON];
  uint8_t *out = s->pixel ? s->pixel + i * images_bytes(im) : NULL;

  if (images_decode(s->name[i], im->size, im->channels,
                    im->set->config.crop, out, reason) == 0)
    return 0;
  scan->bad[i] = 1;
  return images_broken(im, s->name[i], reason);
}

/* Moves what is whole together, each image with its own label. */
static void
close_ranks(struct scan *scan)
{
  struct images_source *s = scan->source;
  size_t kept = 0, bytes = images_bytes(scan->im);

  for (size_t i = 0; i < s->n; i++) {
    if (scan->bad[i]) {
      free(s->name[i]);
      continue;
    }
    if (s->pixel && kept != i)
      memcpy(s->pixel + kept * bytes, s->pixel + i * bytes, bytes);
    s->name[kept] = s->name[i];
    s->label[kept++] = s->label[i];
  }
  s->n = kept;
}

static int
scan_part(struct images *im, struct images_source *s)
{
  struct scan scan = { im, s, calloc(s->n + 1, 1) };
  int status;

  if (scan.bad == NULL)
    return IMAGES_FAIL(im, "out of memory");
  status = images_work(im->set->config.threads, s->n, scan_file, &scan);
  if (status == 0)
    close_ranks(&scan);
  free(scan.bad);
  return status;
}

static int
scan_all(struct images *im)
{
  struct images_source *s = im->set->source;
  size_t n = s[0].n + s[1].n + s[2].n, bytes = images_bytes(im);
  size_t lists = 3 * n * sizeof(uint32_t), left;

  if (im->resident + lists > im->set->config.memory)
    return IMAGES_FAIL(im, "%s: the names of %zu files need more than the "
                       "%zu MiB that memory allows", im->set->path, n,
                       im->set->config.memory >> 20);
  left = im->set->config.memory - im->resident - lists;
  for (int p = 0; p < IMAGES_PARTS && n <= left / bytes; p++)
    if (s[p].n && !(s[p].pixel = images_keep(im, s[p].n, bytes, "pixels")))
      return -1;
  for (int p = 0; p < IMAGES_PARTS; p++)
    if (scan_part(im, &s[p]) < 0)
      return -1;
  return 0;
}

static int
read_parts(struct images *im, char *const *class)
{
  struct images_source *s = im->set->source;
  char *train = join(im->set->path, "train"), *val = join(im->set->path, "val");
  char *test = join(im->set->path, "test");
  int has_val = is_folder(im->set->path, "val"), status = -1;
  int has_test = is_folder(im->set->path, "test");

  if (train && val && test)
    status = read_part(im, train, class, &s[IMAGES_TRAIN]);
  if (status == 0 && has_val)
    status = read_part(im, val, class, has_test ? &s[IMAGES_VALID]
                                                : &s[IMAGES_TEST]);
  if (status == 0 && has_test)
    status = read_part(im, test, class, &s[IMAGES_TEST]);
  free(train);
  free(val);
  free(test);
  return status;
}

static int
read_set(struct images *im)
{
  const struct images_config *config = &im->set->config;
  char **class;
  int status;

  if (config->size == 0)
    return IMAGES_FAIL(im, "%s: a folder of images needs a resolution",
                       im->set->path);
  im->size = config->size;
  im->channels = config->channels ? config->channels : 3;
  class = read_classes(im);
  status = class ? read_parts(im, class) : -1;
  if (class)
    free(class[0]);
  free(class);
  return status < 0 ? -1 : scan_all(im);
}

const struct images_kind images_folder = { "folder", detect, read_set };
