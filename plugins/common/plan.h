/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a workload and a schedule to a plan: what is computed in which order,
 * in which layout each tensor lies, and where.
 *
 *   workload --lower--> nodes --chain--> phases --layout--> tensors placed
 *
 * A node is one loop nest with an epilogue (activations and additions folded
 * into its stores).  A phase is what runs between two barriers (a local one
 * needs none before): one node, or a chain (expand, depthwise, project) that
 * works row tile by row tile; what expands is 1 x 1, or any dense convolution
 * of x.
 *
 * Tensors that a nest reads around its pixels carry a halo of zeroes, so it
 * never tests for a border; an open nest reads x itself, and knows where x
 * ends.  Scratch tensors hold whole vectors of channels; only x and y (and
 * their exact copies) may end in a part of one.
 *
 * A narrow tensor holds bfloat16 or 8-bit integers for convolutions on tiles
 * (narrow.c), always NHWC; its strides count in floats all the same, and so do
 * those of a tensor of halves (halves.c).
 */
#ifndef COMMON_PLAN_H
#define COMMON_PLAN_H
#include <chanas/plugin.h>

#define PLAN_OPS 32              /* ops of a workload */
#define PLAN_NODES (4 * PLAN_OPS + 2)
#define PLAN_TENSORS (4 * PLAN_OPS + 4)
#define PLAN_TAILS 4             /* steps of an epilogue */
#define PLAN_ADDS 2              /* of these, additions */
#define DW_UNROLLED 3            /* kernel rows that are not a loop */
#define PLAN_FAR (1 << 17)       /* floats of x that the L2 has not kept */

enum schedule_fuse {
  FUSE_NONE,      /* every node its own phase */
  FUSE_DEPTHWISE, /* expand + depthwise by row tiles */
  FUSE_PROJECT,   /* expand + depthwise + project by row tiles */
};
enum schedule_order {
  ORDER_CHANNELS, /* groups of channels outside, tiles of pixels inside */
  ORDER_PIXELS,   /* the other way */
  ORDER_AUTO,     /* outside what is the larger: input or weights */
};
enum schedule_split {
  SPLIT_PIXELS,
  SPLIT_CHANNELS,
  SPLIT_SLICES, /* of a chain: a thread keeps its slice of the channels between
                   expansion and projection, and sums are added (slices.c) */
};
/* How products of narrow elements sum those that lie side by side. */
enum schedule_dot {
  DOT_NONE,   /* not on vector registers: on tiles */
  DOT_LANES,  /* on vector registers, a pixel's elements by the lane */
  DOT_SPREAD, /* the same, a pixel's elements loaded into all lanes */
};

/* A policy, decoded.  Everything has a meaning for every workload. */
struct schedule {
  int vec;      /* floats per vector */
  int threads;
  int images;   /* that go through all phases together; 0: the batch */
  int fuse;     /* enum schedule_fuse */
  int rows;     /* output rows per tile of a chain */
  int blocked;  /* scratch tensors in NCHW[vec]c instead of NHWC */
  int fold;     /* fold additions and activations into their producer */
  int scale;    /* squeeze and excite: multiply the factors into the weights
                   of the convolution that follows, not into its input */
  int unroll;   /* of the loop over input channels */
  int per;      /* dense convolutions on tiles of so many elements per float:
                   2 bfloat16, 4 8-bit integers, 0 no tiles */
  int dot;      /* enum schedule_dot; but for DOT_NONE blocks are of pixels,
                   not of tile rows */
  int halves;   /* depthwise convolutions in half precision: halves.c */
  int winograd; /* 3 x 3 convolutions of stride 1 in Winograd's form, so many
                   rows of 2 x 2 outputs at a time; 0: none */
  int lanes;    /* input channels are loaded as vectors and multiplied lane by
                   lane; unroll is then a whole vector */
  int prefetch; /* weights of the next group of channels; of a chain, the
                   rows of x that its next tile reads */
  int order;    /* enum schedule_order */
  int split;    /* enum schedule_split, with more than one thread */
  int columns;  /* output columns per step of a depthwise convolution */
  long chunk;   /* of one in NHWC: floats that the rows of the channels that
                   are computed together may take; 0: all channels together */
  struct register_block { int mr, nv; } block[PLAN_OPS]; /* by op */
};

enum plan_place { PLACE_NONE, PLACE_X, PLACE_Y, PLACE_SCRATCH, PLACE_RING };

/* Element (n, h, w, c) is at
 *   origin + n img + h row + w pix + (c / vec) vec_stride + c % vec. */
struct tensor {
  int place;
  int c, h, w, halo;
  int exact;              /* may end in a part of a vector */
  int copies;             /* images are so many times the batch; 0: once */
  int per;                /* elements per float if narrow (2, 4), else 0 */
  int half;               /* planes of the halves of two vectors' channels: of
                             an odd vector behind those of the one before */
  long range;             /* of 8-bit integers: in the parameters */
  int rows;               /* of a ring, from the first row of padding on */
  size_t quantum;         /* and 127 over it, in the packed weights */
  int blocked;
  long img, row, pix, vec, origin;
  size_t size, offset;    /* floats; in scratch, or in a thread's share */
  int first, last;        /* barriers between which it is alive */
};

enum node_kind {
  NODE_CONV,  /* also the linear layers */
  NODE_DW,
  NODE_POOL,  /* average, padding not counted */
  NODE_MEAN,  /* over height and width */
  NODE_POINT, /* copy, or the sum of src and src2 */
  NODE_SCALE, /* src times the channel's factor in src2 */
  NODE_WEIGHTS, /* packed weights of node `conv` times the factors in src */
};

struct node {
  int kind, src, src2, dst;
  int cin, cout, h, w, oh, ow, k, stride, pad;
  int tails;
  struct { int add, act; } tail[PLAN_TAILS]; /* add: tensor or -1; then act */
  int adds;
  int accumulate;       /* finally y += */
  long weights, bias;   /* in the parameters of the workload; -1: none */
  size_t packed;        /* in the packed weights */
  int per;              /* on tiles of narrow elements (2, 4), else 0 */
  int flat;             /* its pixels are one run, as in src, which have to be
                           parted into rows of dst with a halo */
  int half;             /* NODE_DW: of halves, two vectors at a time */
  int winograd;         /* rows of tiles at a time (emit_winograd.c), else 0 */
  long range;           /* of src, in the parameters */
  struct register_block block;
  long ahead;           /* project of a chain: floats of x that the next tile
                           will read, to be fetched meanwhile; or 0 */
  int scaled;           /* tensor of scaled weights, instead of packed; -1 */
  int slices;           /* part of a chain that has as many; else 0.  Channels
                           between expansion and projection are a slice's */
  int full;             /* of a slice's project: input channels of them all */
  int mid;              /* where cout is a slice's, or all slices': how many
                           output channels there are, or 0 */
  int units;            /* of a chain by slices: tiles of a group of channels
                           that follow each other; else 0 */
  int by_vectors;       /* threads share vectors of channels evenly */
  size_t slice;         /* floats from one slice's packed weights to the next */
  int sums;             /* NODE_POINT: so many copies of src are added; or 0 */
  int open;             /* reads x, which has no halo, around its pixels */
  int spare;            /* if so: a thread's copy of a dense tile's input; -1:
                           none needed */
  size_t zeroes;        /* in the packed weights: the row of an open depthwise
                           node beyond the ends of x, node_zeroes() floats */
  int conv;             /* NODE_WEIGHTS only */
  int chained;          /* part of a chain: not a phase of its own */
};

struct phase {
  int expand, dw, project; /* a chain: nodes or -1; dw < 0: no chain */
  int slices;              /* of a chain, else or without any 0 */
  int local;               /* as many threads as slices need not wait before:
                              each reads what it made itself */
  int node;                /* otherwise */
};

/* Of one node. */
static inline struct phase
lone_phase(int node)
{
  return (struct phase){ .expand = -1, .dw = -1, .project = -1, .node = node };
}

struct plan {
  const struct chanas_workload *workload;
  const struct schedule *schedule;
  int vec, threads;
  int batch, turns;  /* images that go through the phases together; how often */
  int nodes, tensors, phases;
  struct node node[PLAN_NODES];
  struct tensor tensor[PLAN_TENSORS];
  struct phase phase[PLAN_NODES];
  size_t packed, scratch;      /* floats in all */
  size_t share, share_offset;  /* scratch of one thread; of thread 0 */
};

/* -1: the workload is beyond what a plan can hold. */
int plan_make(struct plan *, const struct chanas_workload *,
              const struct schedule *);

/* Extent split into parts of at most `most`, as equal as possible: the first
 * `big` parts have `size` elements, the others one less. */
struct parts { int count, size, big; };
struct parts parts_of(int extent, int most);

static inline int div_up(int a, int b) { return (a + b - 1) / b; }
/* Floats from one plane of a tensor to the next.  Of halves each has two
 * vectors, whose distance is therefore half of this. */
static inline long
tensor_plane(const struct tensor *t)
{
  return t->half ? 2 * t->vec : t->blocked ? t->vec : t->img;
}
static inline size_t
round_up(size_t a, size_t b)
{
  return (a + b - 1) / b * b;
}

/* The pixels of a nest: `runs` runs of `length` pixels each; in a run every
 * tensor advances by a constant.  rows: runs per image are its rows. */
struct pixel_runs { int runs, per_image, length; };
struct pixel_runs plan_runs(const struct plan *, const struct node *);
/* Steps of a convolution on tiles through one kernel row: each takes the bytes
 * of a vector of floats, of channels. */
int node_steps(const struct plan *, const struct node *);
/* Floats of packed weights per vector of output channels. */
size_t node_panel(const struct plan *, const struct node *);
size_t node_zeroes(const struct node *);
/* Do rows leave much of a tile's 16 pixels empty, or of a register block?
 * Blocks of 7 x 4 are no worse than such of 13 x 2 (docs/bench/x86.md). */
static inline int
row_is_short(int ow, int on_tiles)
{
  return ow < (on_tiles ? 16 : 5);
}
/* May the op be computed in Winograd's form? */
int winograd_fits(const struct chanas_op *);
/* Floats that a thread needs for that. */
size_t winograd_share(const struct plan *, const struct node *);
int chain_ring_rows(const struct plan *, const struct phase *);
#endif
