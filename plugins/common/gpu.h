/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Schedules for GPUs, shared by the backends whose kernels run in groups of
 * threads with local memory: policy space, plan and text, in OpenCL C or in
 * CUDA C.  Nothing here touches a device.
 *
 *   gpu_space.c     the knobs of a workload and their choices
 *   gpu_policy.c    a point of that space, decoded, judged, and the default
 *   gpu_plan*.c     operators to nodes and phases; where tensors live
 *   gpu_emit*.c     the text of each kind of kernel
 *   gpu_dialect.c   what differs between the two languages
 *   gpu_features.c  numbers for the cost model
 *   gpu_manifest.h  how the text tells the device half what to launch
 *
 * Terms follow CUDA: a block of threads is OpenCL's work-group, local memory
 * is CUDA's shared memory.
 */
#ifndef COMMON_GPU_H
#define COMMON_GPU_H
#include <chanas/plugin.h>

#define GPU_OPS 32
#define GPU_TAILS 4
#define GPU_CLASSES 3 /* kinds of dense operator that have tiles of their own */
#define GPU_TENSORS (GPU_OPS + 1 + 3 * GPU_OPS)
#define GPU_NODES (3 * GPU_OPS)
#define GPU_LANES 32 /* outputs of a block in a product with a vector */

enum gpu_dialect { GPU_OPENCL, GPU_CUDA };

/* From the description of the device, see gpu_open(). */
struct gpu_device {
  enum gpu_dialect dialect;
  int group, warp, units; /* threads of a block; of a warp; multiprocessors */
  long local, registers;  /* bytes of local memory; registers, of a block */
  long declared;          /* of local, what a kernel may declare */
  int arch;               /* 80 for sm_80; 0 where that means nothing */
  int bulk, cluster;      /* copies in bulk may be used; blocks of a cluster */
};

struct gpu {
  const struct chanas_host *host;
  struct gpu_device device;
};

/* ---- schedule ------------------------------------------------------------ */

enum { GPU_FUSE_NONE, GPU_FUSE_DEPTHWISE, GPU_FUSE_PROJECT };

/* How slices of weights get to local memory (gpu_emit_stage.c). */
enum { GPU_COPY_NONE, GPU_COPY_ASYNC, GPU_COPY_BULK };

/* A block computes bm pixels x bn channels, a thread tm x tn of them. */
struct gpu_tile { int bm, bn, tm, tn; };

struct gpu_schedule {
  int fuse, rows, columns, chunk; /* chains: tile of outputs; inner channels */
  int fold, scale;                /* see gpu_policy.c */
  struct gpu_tile tile[GPU_CLASSES];
  int slice, stage, vthread, vec, unroll, split, bind;
  int copy, cluster;              /* of weights; blocks that share them */
  int warps;                      /* 10 * rows + columns; 0: no tensor cores */
  int window_rows, window_columns, window_each, window_lanes, window_vec;
  int window_stage;
  int vector, threads;            /* products with a vector; plain kernels */
};

/* ---- plan ---------------------------------------------------------------- */

enum gpu_place { GPU_NOWHERE, GPU_X, GPU_Y, GPU_SCRATCH };

struct gpu_tensor {
  size_t floats;        /* of the whole batch */
  enum gpu_place place;
  size_t offset;        /* in scratch, in floats */
  int first, last;      /* phases in which it is alive */
};

enum gpu_kind {
  GPU_DENSE,   /* convolution as a product of matrices, linear */
  GPU_VECTOR,  /* product with a vector, for each image */
  GPU_WINDOW,  /* depthwise convolution or average pooling */
  GPU_POOL,    /* mean over all pixels */
  GPU_POINT,   /* element by element */
};

struct gpu_tail { int add, act; }; /* a tensor to add or -1; then act */

/* One nest.  Parameters: `from` in the workload's floats, `at` in the packed
 * ones (in 32-bit words). */
struct gpu_node {
  enum gpu_kind kind;
  int src, src2, dst;   /* tensors; src2 is -1 but for additions */
  int gate;             /* factors [image][channel] for src, or -1 */
  int source;           /* the workload's tensor that src is (for ranges) */
  int cin, h, w, cout, oh, ow, k, stride, pad;
  long weights, bias;   /* from; -1: none */
  size_t weights_at, bias_at;
  int tails;
  struct gpu_tail tail[GPU_TAILS];
  int accumulate;       /* dst += */
  int class;            /* of tiles, GPU_DENSE only */
  int split, partial;   /* parts of the sum and the tensor that holds them */
  int mma;              /* tensor cores */
};

/* What is launched together: a node, or a chain (dw >= 0). */
struct gpu_phase { int node, expand, dw, project; };

struct gpu_plan {
  const struct chanas_workload *workload;
  const struct gpu_schedule *schedule;
  const struct gpu_device *device;
  int tensors, nodes, phases;
  struct gpu_tensor tensor[GPU_TENSORS];
  struct gpu_node node[GPU_NODES];
  struct gpu_phase phase[GPU_NODES];
  size_t scratch, packed; /* floats; 32-bit words */
  size_t range_at;        /* I8: where the ranges are in the packed words */
};

/* -1 if the workload is beyond what can be planned. */
int gpu_plan_make(struct gpu_plan *, const struct chanas_workload *,
                  const struct gpu_schedule *, const struct gpu_device *);
/* The I-th kind of dense operator; -1 if the op is not dense. */
int gpu_class(const struct chanas_workload *, uint32_t op, uint32_t *first);
/* Pixels, channels, and products of each of a dense node. */
struct gpu_extent { int m, n, k; };
struct gpu_extent gpu_extent(const struct gpu_plan *, const struct gpu_node *);

/* ---- what a kernel asks of the device ------------------------------------ */

struct gpu_cost {
  long grid[3], threads;     /* blocks along each axis; threads of one */
  int cluster;               /* blocks of a cluster, if over 1 */
  long local, registers;     /* bytes of a block; estimate for a thread */
  double waste, loads;       /* issued over useful work; loads per product */
  double flops, bytes;       /* useful operations; bytes moved */
};
struct gpu_cost gpu_node_cost(const struct gpu_plan *,
                              const struct gpu_node *);
struct gpu_cost gpu_chain_cost(const struct gpu_plan *,
                               const struct gpu_phase *);
struct gpu_cost gpu_phase_cost(const struct gpu_plan *,
                               const struct gpu_phase *);
/* Bytes of local memory for slices of pixels and of weights, and for the
 * barriers of copies in bulk. */
struct gpu_stages { long a, b, barriers; };
struct gpu_stages gpu_dense_stages(const struct gpu_plan *,
                                   const struct gpu_node *);
/* Registers that a thread fetches a slice of both operands into. */
struct gpu_fetch { int a, b; };
struct gpu_fetch gpu_dense_fetch(const struct gpu_plan *,
                                 const struct gpu_node *);
/* Rows and columns of the input under a tile of a window's output. */
struct gpu_patch { int rows, columns; };
struct gpu_patch gpu_window_patch(const struct gpu_node *, int rows,
                                  int columns);
/* A thread's part of a tile: segments of this length, apart from each
 * other (virtual threads). */
static inline int
gpu_segment(int part, int vthread)
{
  return part % vthread ? part : part / vthread;
}

/* Products in one 32-bit word of a tensor core's operand. */
int gpu_per_word(int dtype);
/* Vectors that a pixel's channels can be cut into: 4, 2 or 1, at most. */
int gpu_vec(int channels, int most);
/* In a chain's projection a thread has `slots` squares of GPU_SQUARE pixels x
 * GPU_SQUARE channels; in all of its products squares are what one does. */
#define GPU_SQUARE 4
int gpu_chain_slots(const struct gpu_plan *, const struct gpu_phase *);

static inline int
gpu_up(int n, int by)
{
  return (n + by - 1) / by;
}

/* ---- the pure half of a backend ------------------------------------------ */

/* Reads the traits group, warp, units, local, registers and arch; -1, logged,
 * if a device of that description can run nothing. */
int gpu_open(struct gpu *, const struct chanas_host *,
             const struct chanas_device *, enum gpu_dialect);
int gpu_space(void *self, const struct chanas_workload *,
              struct chanas_space *);
int gpu_initial(void *self, const struct chanas_workload *,
                const struct chanas_space *, int32_t *choice);
int gpu_legal(void *self, const struct chanas_workload *,
              struct chanas_point);
int gpu_features(void *self, const struct chanas_workload *,
                 struct chanas_point, double *out, size_t max);
int gpu_emit(void *self, const struct chanas_workload *, struct chanas_point,
             const char *symbol, struct chanas_text *out);
/* Decode; -1 if the point is not of the workload's space. */
int gpu_schedule(const struct gpu *, const struct chanas_workload *,
                 struct chanas_point, struct gpu_schedule *);
/* A schedule of least demands. */
struct gpu_schedule gpu_plain(const struct gpu *);
int gpu_fits(const struct gpu_plan *); /* the device's limits; 1 or 0 */
#endif
