/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Weight files.  Bytes are packed one by one, so that the file is the same on
 * every machine.  Reading believes nothing: every count is checked against
 * the bytes that are left, every key against its workload, every number.
 */
#include "weights.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "file.h"
#include "log.h"
#include "mem.h"

#define MAGIC "CHANASWT"
#define FORMAT 1
#define HEAD 20 /* magic, version, size of the body */
#define SUM 8
#define FILE_LIMIT ((size_t)4 << 30)
#define MAX_NAME 4096
#define MAX_CLASSES 65536
#define MAX_BLOCKS 65536

/* ---- writing ------------------------------------------------------------- */

static void
put_number(struct chanas_text *out, uint64_t v, int bytes)
{
  unsigned char b[8];

  for (int i = 0; i < bytes; i++)
    b[i] = (unsigned char)(v >> (8 * i));
  text_append(out, b, (size_t)bytes);
}

static void
put_string(struct chanas_text *out, const char *s)
{
  put_number(out, strlen(s), 4);
  text_append(out, s, strlen(s));
}

static void
put_floats(struct chanas_text *out, const float *v, size_t n)
{
  for (size_t i = 0; i < n; i++) {
    uint32_t bits;
    memcpy(&bits, &v[i], sizeof bits);
    put_number(out, bits, 4);
  }
}

static void
put_input(struct chanas_text *out, const struct weights *w)
{
  float crop = w->crop == 0 ? 1 : w->crop;

  put_number(out, (uint32_t)w->resolution, 4);
  put_number(out, (uint32_t)w->channels, 4);
  put_floats(out, &crop, 1);
  put_floats(out, w->mean, (size_t)w->channels);
  put_floats(out, w->std, (size_t)w->channels);
}

static void
put_body(struct chanas_text *out, const struct weights *w)
{
  put_string(out, w->space);
  put_string(out, w->code);
  put_input(out, w);
  for (int i = 0; i < 3; i++) {
    uint64_t bits;
    memcpy(&bits, &w->accuracy[i], sizeof bits);
    put_number(out, bits, 8);
  }
  put_number(out, (uint32_t)w->classes, 4);
  for (int32_t i = 0; i < w->classes; i++)
    put_string(out, w->class_name[i]);
  put_number(out, w->blocks, 4);
  for (size_t b = 0; b < w->blocks; b++) {
    const struct weights_block *block = &w->block[b];
    put_string(out, block->key);
    put_number(out, block->n, 8);
    put_floats(out, block->value, block->n);
    put_number(out, block->ranges, 4);
    put_floats(out, block->range, block->ranges);
  }
}

int
weights_write(const struct weights *w, const char *path)
{
  struct chanas_text body = { 0 }, all = { 0 };
  int status;

  put_body(&body, w);
  text_append(&all, MAGIC, 8);
  put_number(&all, FORMAT, 4);
  put_number(&all, body.size, 8);
  text_append(&all, body.data, body.size);
  put_number(&all, hash_bytes(HASH_START, all.data, all.size), 8);
  status = file_write(path, all.data, all.size);
  text_free(&body);
  text_free(&all);
  return status;
}

/* ---- reading ------------------------------------------------------------- */

/* Once bad, every further get gives 0 and the first reason stays. */
struct cursor {
  const unsigned char *at;
  size_t left;
  const char *bad;
};

static int
refuse(struct cursor *c, const char *why)
{
  if (c->bad == NULL)
    c->bad = why;
  return -1;
}

static uint64_t
get_number(struct cursor *c, int bytes)
{
  uint64_t v = 0;

  if (c->bad == NULL && c->left < (size_t)bytes)
    refuse(c, "its body ends early");
  if (c->bad)
    return 0;
  for (int i = 0; i < bytes; i++)
    v |= (uint64_t)c->at[i] << (8 * i);
  c->at += bytes;
  c->left -= (size_t)bytes;
  return v;
}

/* A count of things of at least `size` bytes each, from 1 (or 0). */
static size_t
get_count(struct cursor *c, int bytes, size_t size, size_t most)
{
  uint64_t n = get_number(c, bytes);

  if (n <= most && n <= c->left / size)
    return (size_t)n;
  refuse(c, "a count in it is larger than the file");
  return 0;
}

static char *
get_string(struct cursor *c)
{
  size_t n = get_count(c, 4, 1, MAX_NAME);
  char *s = mem_array(char, n + 1);

  if (n > 0)
    memcpy(s, c->at, n);
  for (size_t i = 0; i < n; i++)
    if ((unsigned char)s[i] < ' ')
      refuse(c, "a name in it has control characters");
  c->at += n;
  c->left -= n;
  return s;
}

static void
get_floats(struct cursor *c, float *out, size_t n)
{
  for (size_t i = 0; i < n && c->bad == NULL; i++) {
    uint32_t bits = (uint32_t)get_number(c, 4);
    memcpy(&out[i], &bits, sizeof bits);
    if (!isfinite(out[i]))
      refuse(c, "a number in it is not finite");
  }
}

static void
get_block(struct cursor *c, struct weights_block *b)
{
  struct chanas_workload *w = NULL;
  size_t need = 0;

  b->key = get_string(c);
  b->n = get_count(c, 8, 4, SIZE_MAX);
  b->value = mem_array(float, b->n + 1);
  get_floats(c, b->value, b->n);
  b->ranges = get_count(c, 4, 4, WORKLOAD_MAX_OPS);
  b->range = mem_array(float, b->ranges + 1);
  get_floats(c, b->range, b->ranges);
  if (c->bad == NULL)
    w = workload_parse(b->key);
  for (uint32_t i = 0; w && i < w->ops; i++)
    need += op_weights(&w->op[i]);
  if (c->bad == NULL && w == NULL)
    refuse(c, "a block's key is none");
  else if (w && (w->dtype != CHANAS_F32 || w->batch != 1 || need != b->n ||
                 (b->ranges != 0 && b->ranges != w->ops)))
    refuse(c, "a block's parameters do not fit its key");
  for (size_t i = 0; i < b->ranges; i++)
    if (b->range[i] < 0)
      refuse(c, "a range in it is below 0");
  workload_free(w);
}

static void
get_input(struct cursor *c, struct weights *w)
{
  w->resolution = (int32_t)get_count(c, 4, 1, 65536);
  w->channels = (int32_t)get_count(c, 4, 1, 4);
  if (w->resolution < 1 || w->channels < 1) {
    refuse(c, "its input has no extent");
    return;
  }
  get_floats(c, &w->crop, 1);
  if (!(w->crop > 0 && w->crop <= 1))
    refuse(c, "its crop is not above 0 and at most 1");
  get_floats(c, w->mean, (size_t)w->channels);
  get_floats(c, w->std, (size_t)w->channels);
  for (int32_t i = 0; i < w->channels; i++)
    if (!(w->std[i] > 0))
      refuse(c, "a standard deviation in it is not above 0");
  for (int i = 0; i < 3; i++) {
    uint64_t bits = get_number(c, 8);
    memcpy(&w->accuracy[i], &bits, sizeof bits);
    if (!isnan(w->accuracy[i]) &&
        !(w->accuracy[i] >= 0 && w->accuracy[i] <= 100))
      refuse(c, "an accuracy in it is not 0..100");
  }
}

static struct weights *
get_body(struct cursor *c)
{
  struct weights *w = mem_new(struct weights);

  w->space = get_string(c);
  w->code = get_string(c);
  get_input(c, w);
  w->classes = (int32_t)get_count(c, 4, 4, MAX_CLASSES);
  w->class_name = mem_array(char *, (size_t)w->classes + 1);
  for (int32_t i = 0; i < w->classes; i++)
    w->class_name[i] = get_string(c);
  w->blocks = get_count(c, 4, 16, MAX_BLOCKS);
  w->block = mem_array(struct weights_block, w->blocks + 1);
  for (size_t b = 0; b < w->blocks; b++)
    get_block(c, &w->block[b]);
  if (c->bad == NULL && (w->classes == 0 || w->blocks == 0))
    refuse(c, "it has no class or no block");
  if (c->bad == NULL && c->left > 0)
    refuse(c, "its body is longer than what is in it");
  return w;
}

/* The body within all of a file's bytes. */
static struct cursor
open_body(const struct chanas_text *file)
{
  struct cursor c = { (const unsigned char *)file->data, file->size, NULL };
  struct cursor end = c;
  uint64_t version, size;

  if (file->size < 8 || memcmp(file->data, MAGIC, 8) != 0)
    refuse(&c, "this is no weight file");
  c.at += c.bad ? 0 : 8;
  c.left -= c.bad ? 0 : 8;
  version = get_number(&c, 4);
  size = get_number(&c, 8);
  if (c.bad == NULL && version != FORMAT)
    refuse(&c, "its version is not that of this program; train anew");
  if (c.bad == NULL && (c.left < SUM || size != c.left - SUM))
    refuse(&c, "it was cut off or added to");
  if (c.bad)
    return c;
  end.at += HEAD + size;
  end.left -= HEAD + size;
  if (get_number(&end, SUM) !=
      hash_bytes(HASH_START, file->data, HEAD + size))
    refuse(&c, "its checksum is wrong: the file is damaged");
  c.left = size;
  return c;
}

struct weights *
weights_read(const char *path)
{
  struct chanas_text file = { 0 };
  struct weights *w = NULL;
  struct cursor c;

  if (file_read(path, FILE_LIMIT, &file) < 0)
    return NULL;
  c = open_body(&file);
  if (c.bad == NULL)
    w = get_body(&c);
  text_free(&file);
  if (c.bad == NULL)
    return w;
  log_error("%s: %s", path, c.bad);
  weights_free(w);
  return NULL;
}
