/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Workloads: blocks with shapes and a canonical key.
 *
 * The key is one line of fields separated by '/':
 *   f32/n1/i56x56x24/conv:k1,s1,p0,o144,relu6,b,x0/dw:k3,s1,p1,relu6,b,x1/
 *   conv:k1,s1,p0,o24,none,b,x2/add:none,x3,0        (i is HxWxC, x is src)
 * Fields: k kernel, s stride, p padding, o output channels, q squeeze (of
 * se), the activation, b if there is a bias, x source, and the second source
 * of add.  Ops: conv dw se add avgpool globalpool linear act.  An
 * accumulating block ends in "/acc".  Order and spelling are fixed, so equal
 * blocks have equal keys, and parse(key) gives the workload back; a text that
 * would print otherwise is no key.
 */
#ifndef CORE_WORKLOAD_H
#define CORE_WORKLOAD_H
#include <chanas/plugin.h>
#include "text.h"

#define WORKLOAD_MAX_OPS 32

/* Collects ops; extents are derived from the source tensors. */
struct workload_builder {
  int dtype, batch, accumulate;
  int32_t h, w, c; /* of the input */
  uint32_t ops;
  struct chanas_op op[WORKLOAD_MAX_OPS];
};

void workload_begin(struct workload_builder *, int dtype, int batch, int h,
                    int w, int c);
/* Each returns the tensor index of the result, or -1 (logged) if illegal:
 * non-positive extents, products beyond 2^31, a bad source. */
int workload_conv(struct workload_builder *, int src, int cout, int k,
                  int stride, int pad, int act, int bias);
int workload_dwconv(struct workload_builder *, int src, int k, int stride,
                    int pad, int act, int bias);
int workload_se(struct workload_builder *, int src, int squeeze);
int workload_add(struct workload_builder *, int src, int src2, int act);
int workload_avgpool(struct workload_builder *, int src, int k, int stride,
                     int pad);
int workload_globalpool(struct workload_builder *, int src);
int workload_linear(struct workload_builder *, int src, int cout, int act,
                    int bias);
int workload_act(struct workload_builder *, int src, int act);
/* NULL (logged) if it has no op or a tensor that no op reads.  Free with
 * workload_free. */
struct chanas_workload *workload_end(const struct workload_builder *);
void workload_free(struct chanas_workload *);
struct chanas_workload *workload_parse(const char *key); /* NULL, logged */

size_t op_weights(const struct chanas_op *); /* floats */
double op_macs(const struct chanas_op *);    /* per image */
int op_has_products(const struct chanas_op *); /* that a dtype may round */
const char *act_name(int act);               /* "relu6" */
int act_parse(const char *name);             /* -1 */
const char *op_name(int kind);               /* "conv" */
const char *dtype_name(int dtype);           /* "f32" */
int dtype_parse(const char *name);           /* -1 */

/* A set of distinct workloads: interning by key gives a dense index. */
struct workload_set {
  size_t count, room;
  struct chanas_workload **item;
  size_t *bucket, buckets; /* internal */
};
/* Takes ownership of the workload; returns its index (the old one, and the
 * argument is freed, if the key was already there). */
size_t workload_intern(struct workload_set *, struct chanas_workload *);
long workload_lookup(const struct workload_set *, const char *key); /* -1 */
void workload_set_free(struct workload_set *);
#endif
