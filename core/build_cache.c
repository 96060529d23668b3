/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects by what they were made of.  A file is named by the hash of its key
 * but holds the key whole: magic, sizes, hash of all that follows, key,
 * object.  Only if the keys are equal byte by byte is the object used.
 *
 * What is found here is executed, so the folder has to be the user's own and
 * writable by nobody else.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "build_parts.h"
#include "file.h"
#include "log.h"
#include "mem.h"
#include "rng.h"

#define MIB (1ull << 20)
#define DEFAULT_MIB 256
#define FILE_LIMIT (64 << 20)

struct head {
  char magic[8];
  uint64_t key, object; /* sizes */
  uint64_t hash;        /* of key and object */
};
static const char magic[8] = "CHNobj1";

static int
is_private(const char *path)
{
  struct stat s;
  return !lstat(path, &s) && S_ISDIR(s.st_mode) && s.st_uid == geteuid() &&
         !(s.st_mode & 022);
}

void
cache_open(struct cache *c)
{
  const char *set = getenv("CHANAS_BUILD_CACHE");
  unsigned long long mib = set && *set ? strtoull(set, NULL, 10) : DEFAULT_MIB;
  *c = (struct cache){.limit = mib * MIB};
  if (!mib || !(c->path = file_xdg_cache("objects")))
    return;
  mode_t mask = umask(077);
  int made = file_make_dirs(c->path);
  umask(mask);
  if (!made && is_private(c->path))
    return;
  log_warn("%s is not private to you: objects are not cached", c->path);
  cache_close(c);
}

void
cache_close(struct cache *c)
{
  free(c->path);
  c->path = NULL;
}

static char *
entry_path(const struct cache *c, const struct chanas_text *key)
{
  return mem_print("%s/%016" PRIx64, c->path,
                   hash_bytes(HASH_START, text_string(key), key->size));
}

/* The object inside a sound entry of that key; NULL otherwise. */
static const char *
entry_object(const struct chanas_text *entry, const struct chanas_text *key,
             size_t *size)
{
  struct head h;
  if (entry->size < sizeof h)
    return NULL;
  memcpy(&h, entry->data, sizeof h);
  const char *body = entry->data + sizeof h;
  size_t rest = entry->size - sizeof h;
  if (memcmp(h.magic, magic, sizeof magic) || h.key != key->size ||
      h.key > rest || h.object != rest - h.key ||
      memcmp(body, text_string(key), key->size) ||
      hash_bytes(HASH_START, body, rest) != h.hash)
    return NULL;
  *size = h.object;
  return body + h.key;
}

static int
write_all(int fd, const void *data, size_t size)
{
  const char *from = data;
  while (size) {
    ssize_t n = write(fd, from, size);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return -1;
    from += n;
    size -= (size_t)n;
  }
  return 0;
}

int
cache_get(const struct cache *c, const struct chanas_text *key,
          const char *object)
{
  struct chanas_text entry = {0};
  size_t size = 0;
  int found = 0;
  if (!c->path)
    return 0;
  char *path = entry_path(c, key);
  if (!access(path, R_OK) && !file_read(path, FILE_LIMIT, &entry)) {
    const char *data = entry_object(&entry, key, &size);
    int fd = data ? open(object, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
                         0600) : -1;
    if (fd >= 0) {
      found = !write_all(fd, data, size);
      found = !close(fd) && found;
    }
  }
  if (found)
    utimensat(AT_FDCWD, path, NULL, 0); /* used: last to be dropped */
  text_free(&entry);
  free(path);
  return found;
}

/* ---- keeping it small ---- */

struct entry { char *path; time_t used; unsigned long long size; };

static int
by_age(const void *a, const void *b)
{
  time_t x = ((const struct entry *)a)->used;
  time_t y = ((const struct entry *)b)->used;
  return (x > y) - (x < y);
}

/* Drop the longest unused until three quarters of the limit are left. */
static void
prune(const struct cache *c)
{
  struct entry *list = NULL;
  size_t n = 0;
  unsigned long long total = 0;
  DIR *dir = opendir(c->path);
  for (struct dirent *e; dir && (e = readdir(dir));) {
    struct stat s;
    if (fstatat(dirfd(dir), e->d_name, &s, 0) || !S_ISREG(s.st_mode))
      continue;
    list = mem_grow(list, n + 1, sizeof *list);
    list[n++] = (struct entry){file_join(c->path, e->d_name), s.st_mtime,
                               (unsigned long long)s.st_size};
    total += (unsigned long long)s.st_size;
  }
  if (dir)
    closedir(dir);
  int full = total > c->limit;
  if (full)
    qsort(list, n, sizeof *list, by_age);
  for (size_t i = 0; i < n; i++) {
    if (full && total > c->limit / 4 * 3 && !unlink(list[i].path))
      total -= list[i].size;
    free(list[i].path);
  }
  free(list);
}

/* Whole or not at all; a torn one would be refused by its hash. */
static void
write_entry(const char *path, const struct head *h,
            const struct chanas_text *body)
{
  char *temporary = mem_print("%s.XXXXXX", path);
  int fd = mkostemp(temporary, O_CLOEXEC);
  if (fd >= 0) {
    int bad = write_all(fd, h, sizeof *h) ||
              write_all(fd, body->data, body->size);
    bad |= close(fd);
    if (bad || rename(temporary, path))
      unlink(temporary);
  }
  free(temporary);
}

void
cache_put(const struct cache *c, const struct chanas_text *key,
          const char *object)
{
  static _Atomic unsigned count;
  struct chanas_text body = {0};
  if (!c->path)
    return;
  text_append(&body, text_string(key), key->size);
  if (!file_read(object, FILE_LIMIT + key->size, &body) &&
      body.size <= FILE_LIMIT - sizeof(struct head)) {
    struct head h = {"", key->size, body.size - key->size,
                     hash_bytes(HASH_START, body.data, body.size)};
    memcpy(h.magic, magic, sizeof magic);
    char *path = entry_path(c, key);
    write_entry(path, &h, &body);
    free(path);
    if (count++ % 16 == 0)
      prune(c);
  }
  text_free(&body);
}
