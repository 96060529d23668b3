/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The wire format of Protocol Buffers (protobuf.dev, "Encoding"), as far as
 * ONNX needs it: fields are appended to a text; a message within another is
 * made first and then put as bytes.
 */
#ifndef CORE_ONNX_WIRE_H
#define CORE_ONNX_WIRE_H
#include <stdint.h>
#include "text.h"

void wire_int(struct chanas_text *, int field, int64_t);
void wire_float(struct chanas_text *, int field, float);
void wire_bytes(struct chanas_text *, int field, const void *, size_t);
void wire_string(struct chanas_text *, int field, const char *);
/* Puts a message and empties it. */
void wire_message(struct chanas_text *, int field, struct chanas_text *);
#endif
