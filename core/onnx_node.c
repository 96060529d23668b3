/* SPDX-License-Identifier: Apache-2.0 */
/* Values, attributes, nodes, initializers; fields are those of onnx.proto. */
#include "onnx_node.h"
#include <stdio.h>
#include <string.h>
#include "onnx_wire.h"

enum { ATTR_FLOAT = 1, ATTR_INT = 2, ATTR_INTS = 7 }; /* AttributeProto.Type */

static void
attribute(struct graph *g, const char *name, int type,
          struct chanas_text *value)
{
  struct chanas_text a = { 0 };

  wire_string(&a, 1, name);
  text_append(&a, text_string(value), value->size);
  text_free(value);
  wire_int(&a, 20, type);
  wire_message(&g->attributes, 5, &a);
}

void
onnx_attribute_float(struct graph *g, const char *name, float v)
{
  struct chanas_text value = { 0 };

  wire_float(&value, 2, v);
  attribute(g, name, ATTR_FLOAT, &value);
}

void
onnx_attribute_int(struct graph *g, const char *name, int64_t v)
{
  struct chanas_text value = { 0 };

  wire_int(&value, 3, v);
  attribute(g, name, ATTR_INT, &value);
}

void
onnx_attribute_ints(struct graph *g, const char *name, size_t n,
                    const int32_t *v)
{
  struct chanas_text value = { 0 };

  for (size_t i = 0; i < n; i++)
    wire_int(&value, 8, v[i]);
  attribute(g, name, ATTR_INTS, &value);
}

struct value
onnx_new_value(struct graph *g, int flat)
{
  struct value v = { .flat = flat };

  snprintf(v.name, sizeof v.name, "t%u", g->values++);
  return v;
}

void
onnx_node(struct graph *g, const char *type, const char *a, const char *b,
          const char *c, const char *out)
{
  const char *in[] = { a, b, c };
  struct chanas_text n = { 0 };

  for (int i = 0; i < 3; i++)
    if (in[i])
      wire_string(&n, 1, in[i]);
  wire_string(&n, 2, out);
  wire_string(&n, 3, out);
  wire_string(&n, 4, type);
  text_append(&n, text_string(&g->attributes), g->attributes.size);
  text_free(&g->attributes);
  wire_message(&g->nodes, 1, &n);
}

struct value
onnx_unary(struct graph *g, const char *type, struct value in)
{
  struct value out = onnx_new_value(g, in.flat);

  onnx_node(g, type, in.name, NULL, NULL, out.name);
  return out;
}

struct value
onnx_binary(struct graph *g, const char *type, struct value a, struct value b)
{
  struct value out = onnx_new_value(g, a.flat);

  onnx_node(g, type, a.name, b.name, NULL, out.name);
  return out;
}

static void
tensor(struct graph *g, const char *name, int type, int axes,
       const int64_t *extent, const void *data, size_t bytes)
{
  struct chanas_text t = { 0 };

  for (int i = 0; i < axes; i++)
    wire_int(&t, 1, extent[i]);
  wire_int(&t, 2, type);
  wire_string(&t, 8, name);
  wire_bytes(&t, 9, data, bytes);
  wire_message(&g->initializers, 5, &t);
}

/* Little-endian floats, whatever the machine. */
struct value
onnx_parameters(struct graph *g, const float *v, int axes, int64_t a,
                int64_t b, int64_t c, int64_t d)
{
  const int64_t extent[] = { a, b, c, d };
  struct chanas_text raw = { 0 };
  struct value out = { .flat = 0 };
  size_t n = 1;

  for (int i = 0; i < axes; i++)
    n *= (size_t)extent[i];
  for (size_t i = 0; i < n; i++) {
    uint32_t bits;
    unsigned char byte[4];
    memcpy(&bits, &v[i], sizeof bits);
    for (int k = 0; k < 4; k++)
      byte[k] = (unsigned char)(bits >> (8 * k));
    text_append(&raw, byte, 4);
  }
  snprintf(out.name, sizeof out.name, "w%u", g->constants++);
  tensor(g, out.name, ONNX_FLOAT, axes, extent, text_string(&raw), raw.size);
  text_free(&raw);
  return out;
}

struct value
onnx_integers(struct graph *g, const int64_t *v, int64_t n)
{
  unsigned char raw[8 * 4];
  struct value out = { .flat = 0 };

  for (int64_t i = 0; i < n; i++)
    for (int k = 0; k < 8; k++)
      raw[8 * i + k] = (unsigned char)((uint64_t)v[i] >> (8 * k));
  snprintf(out.name, sizeof out.name, "w%u", g->constants++);
  tensor(g, out.name, ONNX_INT64, 1, &n, raw, 8 * (size_t)n);
  return out;
}
