/* SPDX-License-Identifier: Apache-2.0 */
#include "onnx_wire.h"
#include <string.h>

enum wire_type { WIRE_VARINT = 0, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

static void
put_varint(struct chanas_text *out, uint64_t v)
{
  unsigned char b[10];
  size_t n = 0;

  do {
    b[n++] = (unsigned char)((v & 0x7f) | (v > 0x7f ? 0x80 : 0));
    v >>= 7;
  } while (v > 0);
  text_append(out, b, n);
}

static void
put_tag(struct chanas_text *out, int field, enum wire_type type)
{
  put_varint(out, (uint64_t)field << 3 | type);
}

void
wire_int(struct chanas_text *out, int field, int64_t v)
{
  put_tag(out, field, WIRE_VARINT);
  put_varint(out, (uint64_t)v);
}

void
wire_float(struct chanas_text *out, int field, float v)
{
  uint32_t bits;
  unsigned char b[4];

  memcpy(&bits, &v, sizeof bits);
  for (int i = 0; i < 4; i++)
    b[i] = (unsigned char)(bits >> (8 * i));
  put_tag(out, field, WIRE_FIXED32);
  text_append(out, b, sizeof b);
}

void
wire_bytes(struct chanas_text *out, int field, const void *data, size_t size)
{
  put_tag(out, field, WIRE_BYTES);
  put_varint(out, size);
  text_append(out, data, size);
}

void
wire_string(struct chanas_text *out, int field, const char *s)
{
  wire_bytes(out, field, s, strlen(s));
}

void
wire_message(struct chanas_text *out, int field, struct chanas_text *message)
{
  wire_bytes(out, field, text_string(message), message->size);
  text_free(message);
}
