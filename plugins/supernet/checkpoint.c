/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checkpoints: everything that a step depends on, in one file that is whole
 * or is not there.  Layout: struct head, then the arrays, then FNV-1a of all
 * before it.  Native byte order: a checkpoint stays on its machine.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "supernet.h"

#define MAGIC UINT64_C(0x31545043414e4843) /* "CHNACPT1" */

struct head {
  uint64_t magic, identity, step, optim_steps, params, arrays;
  double loss;
};

uint64_t
hash_of(uint64_t hash, const void *data, size_t size)
{
  const uint8_t *byte = data;

  for (size_t i = 0; i < size; i++)
    hash = (hash ^ byte[i]) * UINT64_C(1099511628211);
  return hash;
}

/* Eight bytes at a time: megabytes are hashed. */
static uint64_t
hash_words(uint64_t hash, const void *data, size_t size)
{
  const uint8_t *byte = data;
  uint64_t word;
  size_t i = 0;

  for (; i + 8 <= size; i += 8) {
    memcpy(&word, byte + i, 8);
    hash = (hash ^ word) * UINT64_C(1099511628211);
    hash ^= hash >> 29;
  }
  return hash_of(hash, byte + i, size - i);
}

static int
put_all(int fd, const void *data, size_t size)
{
  const char *at = data;

  while (size > 0) {
    ssize_t n = write(fd, at, size);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return -1;
    at += n;
    size -= (size_t)n;
  }
  return 0;
}

/* The name lasts over a power cut only once its folder is synced. */
static void
sync_folder(const char *path)
{
  char folder[4096];
  char *slash;
  int fd;

  snprintf(folder, sizeof folder, "%s", path);
  slash = strrchr(folder, '/');
  if (slash == NULL)
    return;
  *slash = '\0';
  fd = open(*folder ? folder : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0)
    return;
  (void)fsync(fd);
  close(fd);
}

int
file_replace(const struct chanas_host *host, const char *path,
             const void *const part[], const size_t size[], size_t parts)
{
  char name[4096];
  int fd, bad = 0;

  snprintf(name, sizeof name, "%s.%ld.tmp", path, (long)getpid());
  fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (fd < 0)
    return FAIL(host, "%s: %s", name, strerror(errno));
  for (size_t i = 0; i < parts && !bad; i++)
    bad = put_all(fd, part[i], size[i]) < 0;
  bad = bad || fsync(fd) < 0;
  bad = close(fd) < 0 || bad;
  bad = bad || rename(name, path) < 0;
  if (bad) {
    (void)FAIL(host, "%s: %s; make room, training cannot go on without its "
         "checkpoint", path, strerror(errno));
    unlink(name);
    return -1;
  }
  sync_folder(path);
  return 0;
}

/* The arrays of a course, in order; returns how many. */
static size_t
arrays_of(const struct course *c, float *array[5])
{
  size_t n = 0;

  array[n++] = c->store->value;
  array[n++] = c->optim.first;
  if (c->optim.second)
    array[n++] = c->optim.second;
  if (c->optim.mean)
    array[n++] = c->optim.mean;
  if (c->frozen)
    array[n++] = c->frozen;
  return n;
}

int
checkpoint_write(const struct course *c)
{
  float *array[5];
  size_t n = arrays_of(c, array), size[7], bytes;
  const void *part[7];
  struct head head = { MAGIC, c->identity, c->step, c->optim.steps,
                       c->store->params, n, c->loss };
  uint64_t hash = hash_words(HASH_BEGIN, &head, sizeof head);

  bytes = c->store->params * sizeof **array;
  part[0] = &head;
  size[0] = sizeof head;
  for (size_t i = 0; i < n; i++) {
    part[i + 1] = array[i];
    size[i + 1] = bytes;
    hash = hash_words(hash, array[i], bytes);
  }
  part[n + 1] = &hash;
  size[n + 1] = sizeof hash;
  return file_replace(c->net->host, c->path, part, size, n + 2);
}

static int
load(struct course *c, FILE *in)
{
  float *array[5];
  size_t n = arrays_of(c, array), bytes = c->store->params * sizeof **array;
  struct head head;
  uint64_t hash = 0, want;

  if (fread(&head, sizeof head, 1, in) != 1 || head.magic != MAGIC ||
      head.identity != c->identity || head.params != c->store->params ||
      head.arrays != n)
    return -1;
  want = hash_words(HASH_BEGIN, &head, sizeof head);
  for (size_t i = 0; i < n; i++) {
    if (fread(array[i], 1, bytes, in) != bytes)
      return -1;
    want = hash_words(want, array[i], bytes);
  }
  if (fread(&hash, sizeof hash, 1, in) != 1 || hash != want ||
      getc(in) != EOF)
    return -1;
  c->step = head.step;
  c->optim.steps = head.optim_steps;
  c->loss = head.loss;
  return 1;
}

int
checkpoint_read(struct course *c)
{
  FILE *in = fopen(c->path, "rbe");
  int status;

  if (in == NULL && errno == ENOENT)
    return 0;
  if (in == NULL)
    return FAIL(c->net->host, "%s: %s", c->path, strerror(errno));
  status = load(c, in);
  fclose(in);
  return status > 0 ? 1 :
    FAIL(c->net->host, "%s: this checkpoint is damaged or of other settings; "
         "remove it to train anew", c->path);
}
