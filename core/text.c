/* SPDX-License-Identifier: Apache-2.0 */
/* Growing text, argument vectors, named files.  data is always terminated
 * once anything was written; room > size. */
#include "text.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "mem.h"

static void
reserve(struct chanas_text *text, size_t more)
{
  size_t need = text->size + more + 1;

  if (need <= text->room)
    return;
  text->room = need < 64 ? 64 : need + need / 2;
  text->data = mem_grow(text->data, text->room, 1);
}

void
text_append(struct chanas_text *text, const void *data, size_t size)
{
  reserve(text, size);
  if (size)
    memcpy(text->data + text->size, data, size);
  text->size += size;
  text->data[text->size] = '\0';
}

int
text_print(struct chanas_text *text, const char *fmt, ...)
{
  va_list list;
  int n;

  reserve(text, 128);
  va_start(list, fmt);
  n = vsnprintf(text->data + text->size, text->room - text->size, fmt, list);
  va_end(list);
  if (n < 0)
    return -1;
  if ((size_t)n >= text->room - text->size) {
    reserve(text, (size_t)n);
    va_start(list, fmt);
    vsnprintf(text->data + text->size, text->room - text->size, fmt, list);
    va_end(list);
  }
  text->size += (size_t)n;
  return 0;
}

const char *
text_string(const struct chanas_text *text)
{
  return text->data ? text->data : "";
}

void
text_free(struct chanas_text *text)
{
  free(text->data);
  *text = (struct chanas_text){ 0 };
}

int
args_add(struct chanas_args *args, const char *arg)
{
  args->arg = mem_grow(args->arg, args->count + 2, sizeof *args->arg);
  args->arg[args->count++] = mem_string(arg);
  args->arg[args->count] = NULL;
  return 0;
}

void
args_free(struct chanas_args *args)
{
  for (size_t i = 0; i < args->count; i++)
    free(args->arg[i]);
  free(args->arg);
  *args = (struct chanas_args){ 0 };
}

struct chanas_text *
files_get(struct chanas_files *files, const char *name)
{
  struct named_text *file;

  for (size_t i = 0; i < files->count; i++)
    if (strcmp(files->file[i]->name, name) == 0)
      return &files->file[i]->text;
  file = mem_new(struct named_text);
  file->name = mem_string(name);
  files->file = mem_grow(files->file, files->count + 1, sizeof *files->file);
  files->file[files->count++] = file;
  return &file->text;
}

void
files_free(struct chanas_files *files)
{
  for (size_t i = 0; i < files->count; i++) {
    text_free(&files->file[i]->text);
    free(files->file[i]->name);
    free(files->file[i]);
  }
  free(files->file);
  *files = (struct chanas_files){ 0 };
}
