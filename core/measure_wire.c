/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of a link: see measure_wire.h. */
#include "measure_wire.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frame.h"
#include "rng.h"

static const char *const key[] = {"hello", "need", "put", "beat", "answers"};

enum wire_kind
wire_kind(const struct chanas_text *payload, struct chanas_text *value)
{
  for (int i = WIRE_HELLO; i < WIRE_OTHER; i++)
    if (frame_field(payload, key[i], value))
      return (enum wire_kind)i;
  return WIRE_OTHER;
}

void
wire_hash(const struct chanas_text *object, char out[WIRE_HASH])
{
  uint64_t hash = hash_bytes(HASH_START, text_string(object), object->size);
  snprintf(out, WIRE_HASH, "%016" PRIx64 "-%zx", hash, object->size);
}

void
wire_word(struct chanas_text *frame, enum wire_kind kind, const char *value)
{
  struct chanas_text p = {0};
  frame_put(&p, key[kind], "%s", value);
  frame_pack(&p, frame);
  text_free(&p);
}

void
wire_hello(struct chanas_text *frame)
{
  struct chanas_text p = {0};
  frame_put(&p, key[WIRE_HELLO], "%d", JOB_PROTOCOL);
  frame_put(&p, "version", "%s", PACKAGE_VERSION);
  frame_pack(&p, frame);
  text_free(&p);
}

void
wire_put(struct chanas_text *frame, const char *hash,
         const struct chanas_text *object)
{
  struct chanas_text p = {0};
  frame_put(&p, key[WIRE_PUT], "%s", hash);
  frame_put_body(&p, text_string(object), object->size);
  frame_pack(&p, frame);
  text_free(&p);
}

void
wire_answers(struct chanas_text *frame, size_t n, const struct answer a[])
{
  struct chanas_text p = {0}, all = {0};
  for (size_t i = 0; i < n; i++)
    answer_pack(&a[i], &all);
  frame_put(&p, key[WIRE_ANSWERS], "%zu", n);
  frame_put_body(&p, text_string(&all), all.size);
  frame_pack(&p, frame);
  text_free(&all);
  text_free(&p);
}

size_t
wire_read_answers(const struct chanas_text *payload, const struct job *j,
                  struct answer a[])
{
  size_t size = 0, at = 0, n = 0;
  const char *body = frame_body(payload, &size);
  struct chanas_text all = {0};
  text_append(&all, body ? body : "", size);
  while (n < job_answers(j) && !answer_next(&all, &at, &a[n]))
    if (a[n].nonce != j->nonce + n) {
      answer_free(&a[n]);
      break;
    } else
      n++;
  int sound = at == all.size;
  text_free(&all);
  while (!sound && n)
    answer_free(&a[--n]);
  return n;
}
