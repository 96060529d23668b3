/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Printing kernels.  All of a step's kernels have the same parameters: x, the
 * packed parameters w, the result y, scratch s; extents are constants of each
 * kernel.  The words in capitals are the dialect's, see gpu_dialect.c.
 */
#ifndef COMMON_GPU_EMIT_H
#define COMMON_GPU_EMIT_H
#include "gpu.h"

struct gpu_text {
  const struct chanas_host *h;
  struct chanas_text *out;
  const struct gpu_plan *plan;
  const char *symbol;
  int kernels, bad;
  int pooled;  /* this kernel's local memory is more than it may declare */
  long pool;   /* bytes of it in use */
};

#define P(o, ...) ((o)->bad |= (o)->h->print((o)->out, __VA_ARGS__) != 0)

/* The words of a dialect, once for a translation unit: its own, those of
 * both, and those of tensor cores and of copies, which CUDA has alone. */
const char *gpu_preamble(enum gpu_dialect);
extern const char gpu_preamble_both[], gpu_preamble_mma[],
  gpu_preamble_copy[];
/* The manifest's line of a kernel, its head and the pointers of its node.
 * A chain reads what `first` reads and writes what `last` writes. */
void gpu_begin(struct gpu_text *, const struct gpu_cost *, const char *what,
               const struct gpu_node *first, const struct gpu_node *last);
void gpu_end(struct gpu_text *);
/* An array in local memory: name[count]rest, given an element's type and the
 * bytes of all; rest is such as "[BK][BM + 4]" or empty. */
void gpu_local(struct gpu_text *, const char *type, const char *name,
               const char *count, const char *rest, long bytes);
/* Bias, activations, additions of a node on the float variable v; element e,
 * channel c of its result. */
void gpu_finish(struct gpu_text *, const struct gpu_node *,
                const char *indent);
/* The same without y += and additions: inside a chain. */
void gpu_inner(struct gpu_text *, const struct gpu_node *,
               const char *indent);

void gpu_emit_dense(struct gpu_text *, const struct gpu_node *);
void gpu_emit_mma(struct gpu_text *, const struct gpu_node *);
void gpu_emit_sum(struct gpu_text *, const struct gpu_node *);
void gpu_emit_window(struct gpu_text *, const struct gpu_node *);
void gpu_emit_pool(struct gpu_text *, const struct gpu_node *);
void gpu_emit_vector(struct gpu_text *, const struct gpu_node *);
void gpu_emit_point(struct gpu_text *, const struct gpu_node *);
void gpu_emit_chain(struct gpu_text *, const struct gpu_phase *);

/* A slice of weights in local memory, b[buffer][rows][words], and where its
 * rows are in w; how many rows, and words of each, are there. */
struct gpu_rows {
  const char *rows, *words; /* constants of the text */
  char rows_there[32], words_there[48], from[80];
  int stride;
};
/* What is done with the slice that begins at product k0; buffers are
 * expressions.  fetch and store also do the weights' part if these are not
 * copied. */
struct gpu_staging {
  struct gpu_rows weights;
  const void *self;
  void (*fetch)(struct gpu_text *, const void *self);
  void (*store)(struct gpu_text *, const void *self, const char *buffer);
  void (*use)(struct gpu_text *, const void *self, const char *a,
              const char *b);
};
/* The arrays a[][...] and b[][...], and what copies need. */
void gpu_stage_arrays(struct gpu_text *, const struct gpu_node *,
                      const char *type, const char *a, const char *b);
void gpu_emit_staged(struct gpu_text *, const struct gpu_staging *);

/* Parts of the products of matrices. */
void gpu_dense_head(struct gpu_text *, const struct gpu_node *);
/* ra[] = a slice of x as a matrix, groups of `group` products at a time. */
void gpu_fetch_pixels(struct gpu_text *, const struct gpu_node *, int group);
void gpu_store_tile(struct gpu_text *, const struct gpu_node *,
                    const char *indent, int vec);
int gpu_store_vec(const struct gpu_plan *, const struct gpu_node *,
                  int segment);
#endif
