/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The private folder of a build.  A process that is killed cannot remove its
 * folder, but the kernel drops its lock; the next one to come removes folders
 * whose lock is free.  A minute of age keeps it off one just being made.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "build_parts.h"
#include "file.h"
#include "log.h"
#include "mem.h"

#define PREFIX "chanas-build-"
#define YOUNG 60

static const char *
temporary(void)
{
  const char *set = getenv("TMPDIR");
  return set && *set ? set : "/tmp";
}

static void
remove_folder(const char *path)
{
  DIR *dir = opendir(path);
  for (struct dirent *e; dir && (e = readdir(dir));)
    unlinkat(dirfd(dir), e->d_name, 0);
  if (dir)
    closedir(dir);
  rmdir(path);
}

/* Ours, with a lock that nobody holds. */
static int
is_stale(const char *path)
{
  struct stat s;
  char *lock = file_join(path, "lock");
  int fd = open(lock, O_RDWR | O_CLOEXEC | O_NOFOLLOW), stale = 0;
  if (fd >= 0) {
    stale = !fstat(fd, &s) && s.st_uid == geteuid() &&
            time(NULL) - s.st_mtime > YOUNG && !flock(fd, LOCK_EX | LOCK_NB);
    close(fd);
  }
  free(lock);
  return stale;
}

static void
remove_stale(void)
{
  DIR *dir = opendir(temporary());
  for (struct dirent *e; dir && (e = readdir(dir));) {
    if (strncmp(e->d_name, PREFIX, strlen(PREFIX)))
      continue;
    char *path = file_join(temporary(), e->d_name);
    if (is_stale(path))
      remove_folder(path);
    free(path);
  }
  if (dir)
    closedir(dir);
}

int
folder_open(struct folder *f)
{
  remove_stale();
  f->lock = -1;
  f->path = mem_print("%s/%sXXXXXX", temporary(), PREFIX);
  if (!mkdtemp(f->path)) {
    log_error("cannot make a folder for building, %s: %s; set $TMPDIR",
              f->path, strerror(errno));
    free(f->path);
    f->path = NULL;
    return -1;
  }
  char *lock = file_join(f->path, "lock");
  f->lock = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (f->lock >= 0)
    flock(f->lock, LOCK_EX);
  free(lock);
  return 0;
}

void
folder_close(struct folder *f)
{
  if (!f->path)
    return;
  remove_folder(f->path);
  if (f->lock >= 0)
    close(f->lock);
  free(f->path);
  *f = (struct folder){NULL, -1};
}
