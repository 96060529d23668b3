/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The generator of policies that backends for CPUs share.  A backend's self
 * begins with a struct target, which says what its policies depend on; the
 * callbacks below can then stand in its table as they are.  The knobs are
 * explained in policy.c.
 */
#ifndef COMMON_POLICY_H
#define COMMON_POLICY_H
#include <chanas/plugin.h>
#include "plan.h"

/* A function of the device's description alone. */
struct target {
  const struct chanas_host *host;
  const char *backend; /* its name, for messages */
  int vec;             /* floats of a vector */
  int half;            /* vectors of half that width may be used as well */
  int registers;       /* vector registers */
  int lanes;           /* multiply-adds can take one lane of a vector */
  enum schedule_dot dot_i8, dot_bf16; /* dense convolutions by products of
                          vectors that sum the elements of a float */
  enum schedule_dot dot_f16; /* the same by multiply-adds of halves */
  int half_sums;       /* and these are also summed as such, for a while */
  unsigned takes;      /* 1 << dtype of those besides float: without tiles
                          and the like they are computed in float */
  int tiles_bf16, tiles_i8; /* dense convolutions on tiles (isa_tiles.c) */
  int halves;          /* and depthwise ones between them in half precision */
  int threads;
  int64_t l1, l2;      /* bytes of the caches of one core */
};

/* Threads and caches as described, or plausible ones. */
void target_caches(struct target *, const struct chanas_device *);

int policy_space(void *self, const struct chanas_workload *,
                 struct chanas_space *out);
int policy_initial(void *self, const struct chanas_workload *,
                   const struct chanas_space *, int32_t *choice);
int policy_legal(void *self, const struct chanas_workload *,
                 struct chanas_point);
int policy_features(void *self, const struct chanas_workload *,
                    struct chanas_point, double *out, size_t max);
/* The point, decoded; -1 if it is none of the workload's space. */
int policy_schedule(const struct target *, const struct chanas_workload *,
                    struct chanas_point, struct schedule *);

/* What a model says of one nest: cycles with two multiply-adds and two loads
 * in each, bytes that come from beyond a thread's own ring. */
struct cost { double cycles, bytes; };
struct cost policy_cost(const struct plan *, const struct node *);

/* ---- between the files about policies ---- */

#define CLASSES 3 /* dense ops with a register block of their own */

/* Which kind of dense op this is, by first appearance; -1: not dense.  The
 * first op of each kind is stored if wanted. */
int policy_class(const struct chanas_workload *, uint32_t op,
                 uint32_t *first);
/* Rows of a chain's tile by default; 0: no chain. */
int64_t policy_fuse(const struct target *, const struct chanas_workload *);
/* Images of a batch that go through the block together by default; 0: all. */
int policy_images(const struct target *, const struct chanas_workload *);
/* Are there too few pixels for the threads to share? */
int policy_by_channels(const struct target *, const struct chanas_workload *);
/* The depthwise convolution with the largest input; NULL: none. */
const struct chanas_op *policy_depthwise(const struct chanas_workload *);
/* Should it go through its channels in chunks whose rows stay in L1: does all
 * that it touches stay in L2; the floats that such rows may take. */
int policy_chunks(const struct target *, const struct chanas_workload *);
long policy_chunk(const struct target *);
/* How the workload's narrow elements are multiplied, if that is no choice. */
enum schedule_dot policy_dot(const struct target *,
                             const struct chanas_workload *);
/* Is it one: the knob dot. */
int policy_may_dot(const struct target *, const struct chanas_workload *);
/* Elements per float of the workload's tiles, 0 if it runs without. */
int policy_per(const struct target *, const struct chanas_workload *);
/* Nothing fused, blocked layout, the smallest blocks. */
struct schedule policy_plain(const struct target *);
/* Has a chain of the plan slices? */
int policy_sliced(const struct plan *);
/* Or a depthwise convolution of halves? */
int policy_halved(const struct plan *);
/* Bytes of scratch that a thread has for itself. */
size_t policy_share(const struct plan *);
#endif
