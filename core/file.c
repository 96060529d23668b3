/* SPDX-License-Identifier: Apache-2.0 */
/* Files: see file.h. */
#include "file.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "log.h"
#include "mem.h"

#ifndef DATADIR
#define DATADIR "/usr/local/share/chanas"
#endif

static int
read_fd(int fd, size_t limit, struct chanas_text *out)
{
  char buffer[65536];
  ssize_t n;

  text_append(out, "", 0);
  while ((n = read(fd, buffer, sizeof buffer)) != 0) {
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return -1;
    if (out->size + (size_t)n > limit) {
      errno = EFBIG;
      return -1;
    }
    text_append(out, buffer, (size_t)n);
  }
  return 0;
}

int
file_read(const char *path, size_t limit, struct chanas_text *out)
{
  int fd = open(path, O_RDONLY | O_CLOEXEC), status;

  if (fd < 0) {
    log_error("%s: %s", path, strerror(errno));
    return -1;
  }
  status = read_fd(fd, limit, out);
  if (status < 0) {
    log_error("%s: %s", path, strerror(errno));
    text_free(out);
  }
  close(fd);
  return status;
}

static int
write_all(int fd, const char *data, size_t size)
{
  while (size > 0) {
    ssize_t n = write(fd, data, size);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return -1;
    data += n;
    size -= (size_t)n;
  }
  return fsync(fd);
}

static void
sync_folder(const char *path)
{
  char *folder = file_dirname(path);
  int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  if (fd >= 0) {
    fsync(fd);
    close(fd);
  }
  free(folder);
}

int
file_write(const char *path, const void *data, size_t size)
{
  char *temporary = mem_print("%s.XXXXXX", path);
  int fd = mkostemp(temporary, O_CLOEXEC), status = -1;

  if (fd >= 0) {
    fchmod(fd, 0644);
    status = write_all(fd, data, size);
    if (close(fd) < 0)
      status = -1;
    if (status == 0)
      status = rename(temporary, path);
  }
  if (status < 0) {
    log_error("%s: cannot write: %s", path, strerror(errno));
    if (fd >= 0)
      unlink(temporary);
  } else
    sync_folder(path);
  free(temporary);
  return status;
}

int
file_make_dirs(const char *path)
{
  char *copy = mem_string(path);
  int status = 0;

  for (char *p = copy + 1; status == 0; p++) {
    char c = *p;
    if (c != '/' && c != '\0')
      continue;
    *p = '\0';
    if (mkdir(copy, 0777) < 0 && errno != EEXIST)
      status = -1;
    *p = c;
    if (c == '\0')
      break;
  }
  if (status < 0)
    log_error("%s: cannot make folder: %s", path, strerror(errno));
  free(copy);
  return status;
}

char *
file_join(const char *dir, const char *name)
{
  if (*name == '/' || *dir == '\0')
    return mem_string(name);
  return mem_print("%s/%s", dir, name);
}

char *
file_dirname(const char *path)
{
  const char *slash = strrchr(path, '/');
  char *dir;

  if (slash == NULL)
    return mem_string(".");
  if (slash == path)
    return mem_string("/");
  dir = mem_alloc((size_t)(slash - path) + 1, 1);
  return memcpy(dir, path, (size_t)(slash - path));
}

static char *
find(const char *base, const char *variable, const char *installed,
     const char *name)
{
  const char *folders[] = { base, getenv(variable), installed };

  if (*name == '/')
    return access(name, R_OK) == 0 ? mem_string(name) : NULL;
  for (size_t i = 0; i < 3; i++) {
    char *path;
    if (folders[i] == NULL || *folders[i] == '\0')
      continue;
    path = file_join(folders[i], name);
    if (access(path, R_OK) == 0)
      return path;
    free(path);
  }
  return NULL;
}

char *
file_find_data(const char *base, const char *name)
{
  return find(base, "CHANAS_DATA", DATADIR, name);
}

char *
file_find_etc(const char *base, const char *name)
{
  return find(base, "CHANAS_ETC", DATADIR "/etc", name);
}

static char *
xdg(const char *variable, const char *fallback, const char *name)
{
  const char *folder = getenv(variable), *home = getenv("HOME");

  if (folder && *folder == '/')
    return mem_print("%s/chanas/%s", folder, name);
  if (home && *home == '/')
    return mem_print("%s/%s/chanas/%s", home, fallback, name);
  return NULL;
}

char *
file_xdg_data(const char *name)
{
  return xdg("XDG_DATA_HOME", ".local/share", name);
}

char *
file_xdg_cache(const char *name)
{
  return xdg("XDG_CACHE_HOME", ".cache", name);
}
