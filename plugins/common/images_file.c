/* SPDX-License-Identifier: Apache-2.0 */
/* Files that are plain or gzipped, with an exact length: short, cut off or
 * longer than their head says are all damage. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>
#include "images_parts.h"

struct images_file { gzFile gz; };

int
images_reason(char *reason, const char *fmt, ...)
{
  va_list list;

  va_start(list, fmt);
  vsnprintf(reason, IMAGES_REASON, fmt, list);
  va_end(list);
  return -1;
}

char *
images_find(const char *folder, const char *name)
{
  char *path = malloc(strlen(folder) + strlen(name) + 5);
  struct stat st;

  if (path == NULL)
    return NULL;
  sprintf(path, "%s/%s", folder, name);
  if (stat(path, &st) == 0 && S_ISREG(st.st_mode))
    return path;
  strcat(path, ".gz");
  if (stat(path, &st) == 0 && S_ISREG(st.st_mode))
    return path;
  free(path);
  return NULL;
}

struct images_file *
images_file_open(const char *path, char *reason)
{
  struct images_file *f = calloc(1, sizeof *f);

  errno = ENOMEM;
  if (f && (f->gz = gzopen(path, "rbe")) != NULL) {
    gzbuffer(f->gz, 1 << 17);
    return f;
  }
  images_reason(reason, "%s", strerror(errno));
  free(f);
  return NULL;
}

int
images_file_read(struct images_file *f, void *data, size_t size, char *reason)
{
  char *to = data;

  while (size > 0) {
    unsigned part = size < (1u << 30) ? (unsigned)size : 1u << 30;
    int got = gzread(f->gz, to, part), code = Z_OK;
    const char *text = gzerror(f->gz, &code);
    if (got < 0 || code == Z_BUF_ERROR)
      return images_reason(reason, "damaged or cut off: %s",
                           code == Z_ERRNO ? strerror(errno) : text);
    if (got == 0)
      return images_reason(reason, "%zu bytes short of what its head says",
                           size);
    to += got;
    size -= (size_t)got;
  }
  return 0;
}

void
images_file_close(struct images_file *f)
{
  if (f)
    gzclose(f->gz);
  free(f);
}

int
images_file_more(struct images_file *f, char *reason)
{
  int c = gzgetc(f->gz), code = Z_OK;
  const char *text = gzerror(f->gz, &code);

  if (c != -1)
    return gzungetc(c, f->gz) == c ? 1 : images_reason(reason, "out of memory");
  if (code != Z_OK && code != Z_STREAM_END)
    return images_reason(reason, "damaged or cut off: %s",
                         code == Z_ERRNO ? strerror(errno) : text);
  return 0;
}

int
images_file_end(struct images_file *f, char *reason)
{
  int more = images_file_more(f, reason), code = gzclose(f->gz);

  free(f);
  if (more > 0)
    return images_reason(reason, "longer than its head says");
  if (more == 0 && code != Z_OK)
    return images_reason(reason, "damaged or cut off at its end");
  return more;
}
