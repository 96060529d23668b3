/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Printing a plan as C.  The text uses GCC's vector extensions and the
 * helpers of a preamble that the backend brings, one per vector width N
 * (ch_vN, ch_ldN, ch_stN, ch_ldnN, ch_stnN, ch_setN, ch_ACTN, CH_KEEPN), and
 * the ones in emit_preamble() below.  No header is included: kernels compile
 * much faster without.  Accumulators are named scalars and every extent is a
 * constant, for compilers keep neither arrays nor unknown trip counts in
 * registers.
 */
#ifndef COMMON_EMIT_H
#define COMMON_EMIT_H
#include "plan.h"

#define EMIT_VARIANTS (16 * PLAN_NODES) /* two run lengths of six blocks */

struct emitter {
  const struct chanas_host *host;
  struct chanas_text *out;
  const char *symbol;
  const struct plan *plan;
  int failed;
  int variants; /* functions printed so far, by (node, what, a, b) */
  struct { int node, what, a, b; } variant[EMIT_VARIANTS];
  int drafting;     /* what is printed goes to the draft: emit_share.c */
  char *draft;
  size_t size, room;
};

/* To the draft.  0, or -1: no memory. */
int emit_draft(struct emitter *, const char *fmt, ...)
  __attribute__((format(printf, 2, 3)));

#define PRINT(e, ...)                                                         \
  ((e)->failed |= ((e)->drafting                                              \
                   ? emit_draft(e, __VA_ARGS__)                               \
                   : (e)->host->print((e)->out, __VA_ARGS__)) != 0)

/* Where a vector of a tensor is: pixel and vector numbers as constants plus
 * the names of run-time counters (NULL: none). */
struct at {
  long pixel, vector;
  const char *pixels, *vectors;
};

/* The whole text of one kernel.  -1: the writer failed. */
int emit_kernel(const struct chanas_host *, struct chanas_text *,
                const char *symbol, const struct plan *);
/* Helpers every width shares; prints once per translation unit. */
int emit_preamble(const struct chanas_host *, struct chanas_text *);
/* ch_pack_winograd. */
int emit_winograd_packing(const struct chanas_host *, struct chanas_text *);
/* ch_ACTN of vectors of so many floats, and the "#endif" that ends the
 * preamble of this width. */
int emit_activations(const struct chanas_host *, struct chanas_text *,
                     int vec);
/* What is added to 8-bit integers where products want one factor without a
 * sign. */
#define EMIT_SIGNS 128
/* ch_pack_tiles, ch_quantum for vectors of so many floats, and the "#endif"
 * that ends the preamble of narrow elements. */
int emit_packing(const struct chanas_host *, struct chanas_text *, int vec);

/* S_packed, S_scratch and S_pack: see kernel.h. */
void emit_pack(struct emitter *);

/* What is printed between these two are parameters and body of a kernel,
 * "(...)\n{...}\n", which goes out once.  Its name is ch_k%016llx, for what
 * emit_shared() returns; the caller prints a #define of its own name. */
void emit_share(struct emitter *);
unsigned long long emit_shared(struct emitter *);

/* 1 the first time it is asked for this function of the kernel. */
int emit_once(struct emitter *, int node, int what, int a, int b);

/* "const float *NAME = BASE + ORIGIN;" ("float *" unless constant). */
void emit_tensor(struct emitter *, int tensor, const char *name, int constant);
/* Declarations of r0, r1: what the node's epilogue adds. */
void emit_added(struct emitter *, const struct node *);
/* ", r0 + OFFSET, r1 + OFFSET" for pixel p of row oy of image n. */
void emit_added_args(struct emitter *, const struct node *, const char *image,
                     const char *row, const char *pixel);
/* Parameters of a nest that has them: ", const float *r0, ...". */
void emit_added_params(struct emitter *, const struct node *);
/* "ch_ld8(NAME + OFFSET)", or the partial load. */
void emit_load(struct emitter *, int tensor, const char *name, struct at,
               int partial);
/* Epilogue and store of the accumulator `name` at y. */
void emit_store(struct emitter *, const struct node *, const char *name,
                struct at, int partial);
/* A vector that is several whole pixels of a narrow tensor. */
void emit_store_pixels(struct emitter *, int tensor, const char *name,
                       struct at);
/* Of a node whose result is halves: the activation, too.  high NULL: the last
 * vector is a lower one. */
void emit_store_halves(struct emitter *, const struct node *, const char *low,
                       const char *high, struct at);
/* Is the last vector of this tensor a part? */
int emit_partial(const struct emitter *, int tensor);
/* The same of any tensor that the node's epilogue touches. */
int emit_parts(const struct emitter *, const struct node *);
/* Declare lo and hi: this thread's part of `count` units. */
void emit_range(struct emitter *, long count);
/* Head of the function of a phase, named after its (depthwise) node. */
void emit_phase_head(struct emitter *, int node);
/* The function's part in zeroing the borders of a tensor. */
void emit_halo(struct emitter *, int tensor);
void emit_offset(struct emitter *, const struct tensor *, struct at);
/* Where the node stores 8-bit integers, it needs their scale as "qs": is that
 * so; a parameter ", float qs"; its value as an argument, given w, the packed
 * weights; its declaration, given these. */
int emit_quantum(const struct emitter *, const struct node *);
void emit_quantum_param(struct emitter *, const struct node *);
void emit_quantum_arg(struct emitter *, const struct node *);
void emit_quantum_local(struct emitter *, const struct node *);

/* Of a dense convolution: are pixels the outer loop, channels the inner? */
int emit_pixels_outer(const struct emitter *, const struct node *);
/* Functions of one convolution: micro-kernels and SYMBOL_nI_tileL(x, y, w,
 * r.., q, g), which computes tile q of a run of L pixels, channel group g. */
void emit_conv_tile(struct emitter *, int node, int length);
/* Of an open one, given q, x and spare: src, the input of that tile of a row,
 * an expression; a copy where it touches a border. */
void emit_conv_open(struct emitter *, const struct node *, int length,
                    const char *image, const char *row);
/* Its weights come from far: the micro-kernels take a pointer f to what they
 * are to fetch ahead, in each turn so many lines. */
int emit_prefetches(const struct emitter *, const struct node *);
int emit_prefetch_lines(const struct emitter *, const struct node *, int nv);
/* Floats that one block of the project of a chain fetches of its next tile's
 * input; f is a parameter of its tile function too, before q. */
long emit_ahead(const struct emitter *, const struct node *);
/* Within a tile function, other than such a one: where tile q of group g has
 * its f.  Does it need to know which of all tiles of its group this is: a
 * parameter u, the last. */
int emit_counts_units(const struct emitter *, const struct node *);
void emit_fetch_start(struct emitter *, const struct node *);
/* Does it need to know where weights of later nodes are: a parameter "later",
 * before q; its declaration, given wp, the node's weights. */
int emit_fetches_later(const struct emitter *, const struct node *);
void emit_fetch_later(struct emitter *, const struct node *);
/* The same for convolutions on tiles: the blocks, and the choice among them
 * within SYMBOL_nI_tileL. */
void emit_tile_blocks(struct emitter *, int node, struct parts pixels,
                      struct parts groups, int partial);
void emit_tiles(struct emitter *, int node, struct parts pixels,
                struct parts groups, int partial);
/* And without tile registers: one step through the channels, m pixels by v
 * vectors, which ends after so many floats (DOT_SPREAD only); where the last
 * step of a kernel row ends, 0 if it is a whole one. */
void emit_dot(struct emitter *, const struct node *, int m, int v, int lanes);
int emit_dot_rest(const struct emitter *, const struct node *);
/* Around the phases that use tiles. */
void emit_tiles_begin(struct emitter *, const struct node *);
void emit_tiles_end(struct emitter *, const struct node *);
/* The micro-kernels for blocks of mr pixels and the node's groups of vectors,
 * of which the last may be a part; within SYMBOL_nI_tileL the choice among
 * them by group g. */
void emit_micros(struct emitter *, int node, int mr, struct parts groups,
                 int partial);
void emit_choose(struct emitter *, int node, int mr, struct parts groups,
                 int partial);
/* `count` input channels from q on, consecutive in memory, times the weights
 * from w on, which moves along: a0_0 to a(mr-1)_(nv-1) += ..., for mr pixels
 * that lie `pixel` floats apart; so many lines are fetched ahead in a turn. */
void emit_channels(struct emitter *, int mr, int nv, long pixel, int count,
                   int lines);
void emit_conv(struct emitter *, int node);
void emit_winograd(struct emitter *, int node);
void emit_scaled_weights(struct emitter *, int node);
/* SYMBOL_nI_row(r, y, w, ..., [k0, k1,] [m]): one output row of one vector of
 * channels, or of m where they lie side by side (emit_dw_is_wide); kernel rows
 * k0 to k1 - 1 where those beyond x are left out. */
void emit_dw_row(struct emitter *, int node);
/* Its call for vector c, given r; y is an expression. */
void emit_dw_call(struct emitter *, int node, const char *y,
                  const char *image, const char *row);
void emit_dw(struct emitter *, int node);
/* An open one: its row of zeroes, and r, given src, n and c, for output row
 * oy, an expression. */
void emit_dw_open(struct emitter *, const struct node *);
void emit_dw_open_rows(struct emitter *, const struct node *, const char *oy);
void emit_pool(struct emitter *, int node);
void emit_mean(struct emitter *, int node);
void emit_point(struct emitter *, int node); /* and scale */
void emit_chain(struct emitter *, const struct phase *);
#endif
