/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Networks that were scored, kept beside the checkpoint: lines "code-hash
 * validation training", and NASWOT's score if it was asked, appended; the
 * last line of a network counts.  A line that a kill cut short is ignored and
 * written again.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "supernet.h"

static uint64_t
name_of(const char *code)
{
  return hash_of(HASH_BEGIN, code, strlen(code)) | 1;
}

static struct entry *
place(const struct known *k, uint64_t code)
{
  size_t i = code & (k->room - 1);

  while (k->entry[i].code && k->entry[i].code != code)
    i = (i + 1) & (k->room - 1);
  return &k->entry[i];
}

static int
grow(struct known *k)
{
  struct known old = *k;

  k->room = old.room ? 2 * old.room : 256;
  k->entry = calloc(k->room, sizeof *k->entry);
  if (k->entry == NULL) {
    *k = old;
    return -1;
  }
  for (size_t i = 0; i < old.room; i++)
    if (old.entry[i].code)
      *place(k, old.entry[i].code) = old.entry[i];
  free(old.entry);
  return 0;
}

static int
remember(struct known *k, uint64_t code, const struct score *score)
{
  struct entry *e;

  if (2 * (k->count + 1) > k->room && grow(k) < 0)
    return -1;
  e = place(k, code);
  k->count += e->code == 0;
  *e = (struct entry){ code, *score };
  return 0;
}

/* Whole lines; the file is cut behind the last of them. */
static int
read_lines(struct known *k, FILE *in)
{
  char line[256];
  long whole = 0;

  while (fgets(line, sizeof line, in)) {
    uint64_t code;
    struct score s = { 0 };
    int n = sscanf(line, "%" SCNx64 " %lf %lf %lf", &code, &s.validation,
                   &s.training, &s.prior);
    if (strchr(line, '\n') == NULL || n < 3)
      break;
    s.asked = n == 4;
    if (remember(k, code | 1, &s) < 0)
      return -1;
    whole = ftell(in);
  }
  return ftruncate(fileno(in), whole);
}

int
scores_open(struct supernet *net)
{
  struct known *k = &net->known;
  size_t size = strlen(net->folder) + 64;
  FILE *in;
  int status = 0;

  k->path = net->host->alloc(net->host->ctx, size);
  if (k->path == NULL || grow(k) < 0)
    return FAIL(net->host, "out of memory");
  snprintf(k->path, size, "%s/scores-%016" PRIx64 ".txt", net->folder,
           net->identity);
  in = fopen(k->path, "r+e");
  if (in) {
    status = read_lines(k, in);
    fclose(in);
  } else if (errno != ENOENT)
    status = -1;
  return status == 0 ? 0 :
    FAIL(net->host, "%s: %s", k->path, strerror(errno));
}

const struct score *
scores_find(const struct supernet *net, const char *code)
{
  const struct entry *e;

  if (net->known.room == 0)
    return NULL;
  e = place(&net->known, name_of(code));
  return e->code ? &e->score : NULL;
}

static int
print_line(char *line, size_t size, const char *code,
           const struct score *score)
{
  int n = snprintf(line, size, "%016" PRIx64 " %.17g %.17g", name_of(code),
                   score->validation, score->training);

  if (score->asked)
    n += snprintf(line + n, size - (size_t)n, " %.17g", score->prior);
  n += snprintf(line + n, size - (size_t)n, "\n");
  return n;
}

int
scores_add(struct supernet *net, const char *code, const struct score *score)
{
  char line[128];
  int n = print_line(line, sizeof line, code, score);
  int fd = open(net->known.path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC,
                0666);
  int bad = fd < 0 || write(fd, line, (size_t)n) != n;

  if (fd >= 0)
    close(fd);
  if (bad)
    return FAIL(net->host, "%s: %s", net->known.path, strerror(errno));
  return remember(&net->known, name_of(code), score) < 0 ?
         FAIL(net->host, "out of memory") : 0;
}

void
scores_close(struct supernet *net)
{
  free(net->known.entry);
  net->known = (struct known){ 0 };
}
