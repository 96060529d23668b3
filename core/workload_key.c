/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys of workloads.  The form is canonical: a key is taken only if printing
 * what it means gives the same text again.  So the parser below may be lax
 * about order and spelling; it checks numbers, and the builder the rest.
 */
#include "workload_key.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include "log.h"
#include "mem.h"

#define NUMBER_LIMIT 0x7fffffff

static void
print_window(const struct chanas_op *op, struct chanas_text *out)
{
  text_print(out, "k%d,s%d,p%d,", op->k, op->stride, op->pad);
}

static void
print_op(const struct chanas_op *op, struct chanas_text *out)
{
  text_print(out, "/%s:", op_name(op->kind));
  if (op->k)
    print_window(op, out);
  if (op->kind == CHANAS_CONV || op->kind == CHANAS_LINEAR)
    text_print(out, "o%d,", op->cout);
  if (op->kind == CHANAS_SE)
    text_print(out, "q%d,", op->squeeze);
  if (op->kind != CHANAS_SE && op->kind != CHANAS_AVGPOOL &&
      op->kind != CHANAS_GLOBALPOOL)
    text_print(out, "%s,", act_name(op->act));
  if (op->bias && op->kind != CHANAS_SE)
    text_print(out, "b,");
  text_print(out, "x%d", op->src);
  if (op->kind == CHANAS_ADD)
    text_print(out, ",%d", op->src2);
}

void
workload_print_key(const struct workload_builder *b, struct chanas_text *out)
{
  text_print(out, "%s/n%d/i%dx%dx%d", dtype_name(b->dtype), b->batch, b->h,
             b->w, b->c);
  for (uint32_t i = 0; i < b->ops; i++)
    print_op(&b->op[i], out);
  if (b->accumulate)
    text_print(out, "/acc");
}

/* What stands between ':' and the next '/'. */
struct fields {
  int k, stride, pad, cout, squeeze, act, bias, src, src2;
};

/* Decimal digits at *p, which moves behind them; -1 if none or too many. */
static int
number(const char **p)
{
  long long value = 0;

  if (!isdigit((unsigned char)**p))
    return -1;
  for (; isdigit((unsigned char)**p); (*p)++) {
    value = value * 10 + (**p - '0');
    if (value > NUMBER_LIMIT)
      return -1;
  }
  return (int)value;
}

static int *
numeric_field(struct fields *f, char letter)
{
  switch (letter) {
  case 'k': return &f->k;
  case 's': return &f->stride;
  case 'p': return &f->pad;
  case 'o': return &f->cout;
  case 'q': return &f->squeeze;
  case 'x': return &f->src;
  default: return NULL;
  }
}

/* One field of size bytes at p: "k3", "relu6", "b", "x1" or a second
 * source, "0". */
static int
parse_field(const char *p, size_t size, struct fields *f)
{
  const char *end = p + size, *at = p + 1;
  char name[16];
  int *field = size > 1 && isdigit((unsigned char)p[1]) ?
               numeric_field(f, *p) : NULL;

  if (field) {
    *field = number(&at);
    return *field >= 0 && at == end ? 0 : -1;
  }
  if (size > 0 && isdigit((unsigned char)*p)) {
    f->src2 = number(&p);
    return f->src2 >= 0 && p == end ? 0 : -1;
  }
  if (size == 1 && *p == 'b') {
    f->bias = 1;
    return 0;
  }
  if (size == 0 || size >= sizeof name)
    return -1;
  memcpy(name, p, size);
  name[size] = '\0';
  f->act = act_parse(name);
  return f->act < 0 ? -1 : 0;
}

static int
parse_fields(const char *p, const char *end, struct fields *f)
{
  while (p <= end) {
    const char *comma = memchr(p, ',', (size_t)(end - p));
    const char *stop = comma ? comma : end;
    if (parse_field(p, (size_t)(stop - p), f) < 0)
      return -1;
    p = stop + 1;
  }
  return 0;
}

static int
kind_of(const char *p, size_t size)
{
  for (int kind = CHANAS_CONV; kind <= CHANAS_ACT; kind++)
    if (strlen(op_name(kind)) == size && memcmp(op_name(kind), p, size) == 0)
      return kind;
  return -1;
}

static int
build_op(struct workload_builder *b, int kind, const struct fields *f)
{
  switch (kind) {
  case CHANAS_CONV:
    return workload_conv(b, f->src, f->cout, f->k, f->stride, f->pad, f->act,
                         f->bias);
  case CHANAS_DWCONV:
    return workload_dwconv(b, f->src, f->k, f->stride, f->pad, f->act,
                           f->bias);
  case CHANAS_SE:
    return workload_se(b, f->src, f->squeeze);
  case CHANAS_ADD:
    return workload_add(b, f->src, f->src2, f->act);
  case CHANAS_AVGPOOL:
    return workload_avgpool(b, f->src, f->k, f->stride, f->pad);
  case CHANAS_GLOBALPOOL:
    return workload_globalpool(b, f->src);
  case CHANAS_LINEAR:
    return workload_linear(b, f->src, f->cout, f->act, f->bias);
  case CHANAS_ACT:
    return workload_act(b, f->src, f->act);
  default:
    return -1;
  }
}

/* "conv:k1,..." of size bytes at p. */
static int
parse_op(struct workload_builder *b, const char *p, size_t size)
{
  const char *colon = memchr(p, ':', size);
  struct fields f = { .src = -1, .src2 = -1 };
  int kind = colon ? kind_of(p, (size_t)(colon - p)) : -1;

  if (kind < 0 || parse_fields(colon + 1, p + size, &f) < 0)
    return -1;
  return build_op(b, kind, &f);
}

/* "f32/n1/i56x56x24"; *p moves behind it. */
static int
parse_head(struct workload_builder *b, const char **p)
{
  size_t size = strcspn(*p, "/");
  int dtype = -1, batch, h, w, c;

  for (int i = CHANAS_F32; i <= CHANAS_TF32; i++)
    if (strlen(dtype_name(i)) == size && !memcmp(*p, dtype_name(i), size))
      dtype = i;
  *p += size;
  if (dtype < 0 || strncmp(*p, "/n", 2) != 0)
    return -1;
  *p += 2;
  batch = number(p);
  if (strncmp(*p, "/i", 2) != 0)
    return -1;
  *p += 2;
  h = number(p);
  if (*(*p)++ != 'x')
    return -1;
  w = number(p);
  if (*(*p)++ != 'x')
    return -1;
  c = number(p);
  workload_begin(b, dtype, batch, h, w, c);
  return batch < 1 || h < 1 || w < 1 || c < 1 ? -1 : 0;
}

static int
parse_key(struct workload_builder *b, const char *p)
{
  if (parse_head(b, &p) < 0)
    return -1;
  while (*p == '/') {
    size_t size = strcspn(++p, "/");
    if (strcmp(p, "acc") == 0) {
      b->accumulate = 1;
      return 0;
    }
    if (parse_op(b, p, size) < 0)
      return -1;
    p += size;
  }
  return *p ? -1 : 0;
}

struct chanas_workload *
workload_parse(const char *key)
{
  struct workload_builder b;
  struct chanas_workload *work;

  work = parse_key(&b, key) < 0 ? NULL : workload_end(&b);
  if (work && strcmp(work->key, key) != 0) {
    workload_free(work);
    work = NULL;
  }
  if (work == NULL)
    log_error("'%.200s' is no workload; see the keys that "
              "'chanas blocks' prints", key);
  return work;
}
