/* SPDX-License-Identifier: Apache-2.0 */
/* Frames: see frame.h. */
#include "frame.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rng.h"

static const char magic[4] = {'C', 'H', 'N', 'S'};

static void
put_number(unsigned char *out, uint64_t value, int bytes)
{
  for (int i = 0; i < bytes; i++)
    out[i] = (unsigned char)(value >> (8 * i));
}

static uint64_t
get_number(const unsigned char *in, int bytes)
{
  uint64_t value = 0;
  for (int i = 0; i < bytes; i++)
    value |= (uint64_t)in[i] << (8 * i);
  return value;
}

/* length: its four bytes as they lie in the frame. */
static uint64_t
checksum(const void *length, const void *payload, size_t size)
{
  return hash_bytes(hash_bytes(HASH_START, length, 4), payload, size);
}

void
frame_pack(const struct chanas_text *payload, struct chanas_text *out)
{
  unsigned char head[FRAME_HEAD];
  const char *data = text_string(payload);
  memcpy(head, magic, sizeof magic);
  put_number(head + 4, payload->size, 4);
  put_number(head + 8, checksum(head + 4, data, payload->size), 8);
  text_append(out, head, sizeof head);
  text_append(out, data, payload->size);
}

int
frame_unpack(const void *data, size_t size, struct chanas_text *payload,
             size_t *used)
{
  const unsigned char *head = data;
  size_t known = size < sizeof magic ? size : sizeof magic;
  if (known && memcmp(head, magic, known))
    return -1;
  if (size < 8)
    return 0;
  size_t length = get_number(head + 4, 4);
  if (length > FRAME_LIMIT)
    return -1;
  if (size < FRAME_HEAD || size - FRAME_HEAD < length)
    return 0;
  const unsigned char *start = head + FRAME_HEAD;
  if (checksum(head + 4, start, length) != get_number(head + 8, 8))
    return -1;
  text_append(payload, start, length);
  *used = FRAME_HEAD + length;
  return 1;
}

int
frame_take(struct chanas_text *stream, struct chanas_text *payload)
{
  size_t used = 0;
  payload->size = 0;
  int status = frame_unpack(text_string(stream), stream->size, payload, &used);
  if (status == 1) {
    stream->size -= used;
    memmove(stream->data, stream->data + used, stream->size + 1);
  }
  return status;
}

void
frame_put(struct chanas_text *payload, const char *key, const char *fmt, ...)
{
  va_list list;
  char *value = NULL;
  va_start(list, fmt);
  int n = vasprintf(&value, fmt, list);
  va_end(list);
  for (char *p = n < 0 ? NULL : value; p && (p = strchr(p, '\n'));)
    *p = ' ';
  text_print(payload, "%s %s\n", key, n < 0 ? "" : value);
  if (n >= 0)
    free(value);
}

void
frame_put_body(struct chanas_text *payload, const void *data, size_t size)
{
  text_append(payload, "\n", 1);
  text_append(payload, data, size);
}

/* Where the line at `at` ends; 0 if the text part is over. */
static size_t
line_end(const struct chanas_text *payload, size_t at)
{
  if (at >= payload->size || payload->data[at] == '\n')
    return 0;
  const char *end = memchr(payload->data + at, '\n', payload->size - at);
  return end ? (size_t)(end - payload->data) : payload->size;
}

const char *
frame_next(const struct chanas_text *payload, const char *key, size_t *at,
           struct chanas_text *out)
{
  size_t n = strlen(key);
  for (size_t end; (end = line_end(payload, *at));) {
    const char *line = payload->data + *at;
    size_t size = end - *at;
    *at = end + 1;
    if (size <= n || memcmp(line, key, n) || line[n] != ' ')
      continue;
    out->size = 0;
    text_append(out, line + n + 1, size - n - 1);
    return out->data;
  }
  return NULL;
}

const char *
frame_field(const struct chanas_text *payload, const char *key,
            struct chanas_text *out)
{
  size_t at = 0;
  return frame_next(payload, key, &at, out);
}

const char *
frame_body(const struct chanas_text *payload, size_t *size)
{
  size_t at = 0;
  for (size_t end; (end = line_end(payload, at));)
    at = end + 1;
  if (at >= payload->size)
    return NULL;
  *size = payload->size - at - 1;
  return payload->data + at + 1;
}
