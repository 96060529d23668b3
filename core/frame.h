/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames between chanas and a runner, on a byte stream: magic "CHNS", length
 * (u32, little endian), FNV-1a of the payload (u64), payload.  The payload
 * is text lines "key value", then an empty line, then raw bytes (the
 * object).  Bounded: a frame over FRAME_LIMIT is refused unread.
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
/* Value of a line "key value" of the text part; NULL if absent.  The value
 * ends at the newline; copy it into out. */
const char *frame_field(const struct chanas_text *payload, const char *key,
                        struct chanas_text *out);
#endif
