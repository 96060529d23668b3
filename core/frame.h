/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames between chanas and a runner, on a byte stream: magic "CHNS", length
 * of the payload (u32, little endian), FNV-1a of that length and the payload
 * (u64, little endian), payload.  The payload is text lines "key value", then
 * an empty line, then raw bytes (the object, a description).  Bounded: a
 * frame over FRAME_LIMIT is refused unread.  Any single flipped bit of a
 * frame makes it incomplete or damaged.
 */
#ifndef CORE_FRAME_H
#define CORE_FRAME_H
#include <stdint.h>
#include "text.h"

#define FRAME_LIMIT (256u << 20)
#define FRAME_HEAD 16

void frame_pack(const struct chanas_text *payload, struct chanas_text *out);
/* 1: a whole frame is at the start of data (payload set, *used bytes);
 * 0: more bytes are needed; -1: not a frame, or damaged. */
int frame_unpack(const void *data, size_t size, struct chanas_text *payload,
                 size_t *used);
/* The same for a stream that grows: what is at its start is taken off it. */
int frame_take(struct chanas_text *stream, struct chanas_text *payload);
/* One line "key value" of the text part; a newline in value is a space. */
void frame_put(struct chanas_text *payload, const char *key, const char *fmt,
               ...) __attribute__((format(printf, 3, 4)));
/* The empty line and what follows it; the last thing to be put. */
void frame_put_body(struct chanas_text *payload, const void *data,
                    size_t size);
/* Value of the first line "key value" of the text part, copied into out;
 * NULL if absent. */
const char *frame_field(const struct chanas_text *payload, const char *key,
                        struct chanas_text *out);
/* The same for a repeated key: the first such line at *at or after; *at
 * moves behind it.  Start with 0. */
const char *frame_next(const struct chanas_text *payload, const char *key,
                       size_t *at, struct chanas_text *out);
/* The bytes after the empty line; NULL if there is no such line. */
const char *frame_body(const struct chanas_text *payload, size_t *size);
#endif
