/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CUDA C on this CPU, as far as emitted kernels use it: a block's threads are
 * fibers that run in turn, each as far as it comes, and block by block of a
 * cluster: what lacks a barrier shows as a wrong result, and what waits for
 * ever ends.  Tensor cores exchange
 * fragments between the 32 fibers of a warp in two steps; which lane holds
 * what is written down here from the PTX manual, apart from the emitter.
 *
 * Include it before a kernel's text and compile both as C++.
 */
#ifndef EMULATE_H
#define EMULATE_H
#include <math.h>
#include <stdio.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#define __global__
#define __device__
#define __forceinline__ inline
#define __shared__ static
#define __launch_bounds__(n)
#define __cluster_dims__(x, y, z)
#define __align__(n) __attribute__((aligned(n)))

struct uint3 { unsigned x, y, z; };
static uint3 threadIdx, blockIdx;
struct __attribute__((aligned(8), may_alias)) float2 { float x, y; };
struct __attribute__((aligned(16), may_alias)) float4 { float x, y, z, w; };

static inline int min(int a, int b) { return a < b ? a : b; }
static inline int max(int a, int b) { return a > b ? a : b; }
static inline int __float2int_rn(float v) { return (int)lrintf(v); }

/* ---- fibers ---- */

#define MOST 4096           /* threads of a cluster */
#define STACK (128 << 10)
#define FENCE 256           /* bytes behind a block's local memory */

enum { READY, IN_WARP, IN_BLOCK, IN_CLUSTER, POLLING, DONE };
typedef void emulated_kernel(const float *, const float *, float *, float *);
struct copy { void *to; const float *from; int bytes, group; };
struct copies { struct copy *copy; int count, room, group; };
static struct {
  ucontext_t context[MOST], main;
  char *stack;
  int state[MOST], current, threads, blocks;
  unsigned axes[2];         /* of the cluster */
  uint3 first;              /* its first block */
  struct copies copies[MOST];
  unsigned char *pool;      /* local memory of each block that launch sized */
  long local;
  emulated_kernel *kernel;
  float *arg[4];
} fibers;

static void
broken(const char *what)
{
  fprintf(stderr, "emulated GPU: %s\n", what);
  abort();
}

static void
fiber_wait(int state)
{
  fibers.state[fibers.current] = state;
  swapcontext(&fibers.context[fibers.current], &fibers.main);
}

static void
fiber_start(void)
{
  fibers.kernel(fibers.arg[0], fibers.arg[1], fibers.arg[2], fibers.arg[3]);
  if (fibers.copies[fibers.current].count)
    broken("a thread ends before its copies");
  fibers.state[fibers.current] = DONE;
}

static void __syncthreads(void) { fiber_wait(IN_BLOCK); }
#define CLUSTER_SYNC() fiber_wait(IN_CLUSTER)

static unsigned char *
pool_of(int block)
{
  return fibers.pool + block * (fibers.local + FENCE);
}
#define POOL() \
  unsigned char *const pool = pool_of(fibers.current / fibers.threads)

static void
fiber_resume(int i)
{
  unsigned block = (unsigned)(i / fibers.threads);

  fibers.current = i;
  fibers.state[i] = READY;
  threadIdx.x = (unsigned)(i % fibers.threads);
  blockIdx = fibers.first;
  blockIdx.x += block % fibers.axes[0];
  blockIdx.y += block / fibers.axes[0];
  swapcontext(&fibers.main, &fibers.context[i]);
}

/* Those of these fibers that are not done may go on if they all wait so. */
static int
release(int state, int from, int count)
{
  int i, found = 0;

  for (i = from; i < from + count; i++)
    if (fibers.state[i] == state)
      found = 1;
    else if (fibers.state[i] != DONE)
      return 0;
  for (i = from; i < from + count && found; i++)
    if (fibers.state[i] == state)
      fibers.state[i] = READY;
  return found;
}

/* As far as the block comes without the others. */
static int
run_block(int block)
{
  int from = block * fibers.threads, to = from + fibers.threads, i;
  int moved, any = 0;

  do {
    moved = 0;
    for (i = from; i < to; i++) {
      int before = fibers.state[i];
      if (before != READY && before != POLLING)
        continue;
      fiber_resume(i);
      moved |= before == READY || fibers.state[i] != POLLING;
    }
    for (i = from; i < to; i += 32)
      moved |= release(IN_WARP, i, to - i < 32 ? to - i : 32);
    moved |= release(IN_BLOCK, from, fibers.threads);
    any |= moved;
  } while (moved);
  return any;
}

static void
start_cluster(int all)
{
  int i;

  for (i = 0; i < all; i++) {
    ucontext_t *c = &fibers.context[i];
    getcontext(c);
    c->uc_stack.ss_sp = fibers.stack + (size_t)i * STACK;
    c->uc_stack.ss_size = STACK;
    c->uc_link = &fibers.main;
    fibers.state[i] = READY;
    makecontext(c, fiber_start, 0);
  }
  for (i = 0; fibers.local && i < fibers.blocks; i++) {
    memset(pool_of(i), 0xff, (size_t)fibers.local); /* NaN */
    memset(pool_of(i) + fibers.local, 0x5a, FENCE);
  }
}

static void
run_cluster(void)
{
  int all = fibers.threads * fibers.blocks, i, moved;

  start_cluster(all);
  do {
    moved = 0;
    for (i = 0; i < fibers.blocks; i++)
      moved |= run_block(i);
    moved |= release(IN_CLUSTER, 0, all);
  } while (moved);
  for (i = 0; i < all; i++)
    if (fibers.state[i] != DONE)
      broken("threads wait for ever");
  for (i = 0; fibers.local && i < fibers.blocks * FENCE; i++)
    if (pool_of(i / FENCE)[fibers.local + i % FENCE] != 0x5a)
      broken("a block wrote beyond its local memory");
}

static void bulk_over(void);

/* What the driver in fake-cuda.c calls. */
extern "C" void
emulate_launch(emulated_kernel *kernel, const unsigned grid[3],
               unsigned threads, unsigned local, const int axes[2],
               float *const arg[4])
{
  uint3 *at = &fibers.first;

  fibers.kernel = kernel;
  fibers.threads = (int)threads;
  fibers.local = local;
  fibers.axes[0] = (unsigned)axes[0];
  fibers.axes[1] = (unsigned)axes[1];
  fibers.blocks = axes[0] * axes[1];
  if (fibers.threads * fibers.blocks > MOST)
    broken("a cluster of too many threads");
  if (fibers.stack == NULL)
    fibers.stack = (char *)malloc((size_t)MOST * STACK);
  free(fibers.pool);
  fibers.pool = (unsigned char *)aligned_alloc(
    256, (size_t)fibers.blocks * (local + FENCE + 255) / 256 * 256 + 256);
  memcpy(fibers.arg, arg, sizeof fibers.arg);
  for (at->z = 0; at->z < grid[2]; at->z++)
    for (at->y = 0; at->y < grid[1]; at->y += fibers.axes[1])
      for (at->x = 0; at->x < grid[0]; at->x += fibers.axes[0]) {
        run_cluster();
        bulk_over();
      }
}

/* ---- copies past the registers ---- */

/* Every second one is done at once, the others when they are waited for: who
 * waits too late or too little reads what is not there yet, who asks too
 * early overwrites what others still read. */
#define GPU_COPY
static int copies_made;

static void
copy_land(const struct copy *c)
{
  if (c->from)
    memcpy(c->to, c->from, (size_t)c->bytes);
  else
    memset(c->to, 0, (size_t)c->bytes);
}

static void
copy_check(const void *to, const float *from, int bytes)
{
  if ((uintptr_t)to % 16 || (uintptr_t)from % 16 || bytes % 16 || bytes <= 0)
    broken("a copy that is not of whole groups of 16 bytes");
}

static void
copy_push(struct copies *q, struct copy c)
{
  if (q->count == q->room) {
    q->room = 2 * q->room + 16;
    q->copy = (struct copy *)realloc(q->copy,
                                     (size_t)q->room * sizeof *q->copy);
  }
  q->copy[q->count++] = c;
}

static void
copy_async(void *to, const float *from, int there)
{
  struct copies *q = &fibers.copies[fibers.current];
  struct copy c = { to, there ? from : NULL, 16, q->group };

  copy_check(to, from, 16);
  if (copies_made++ % 2)
    copy_land(&c);
  else
    copy_push(q, c);
}

static void copy_commit(void) { fibers.copies[fibers.current].group++; }

static void
copy_wait(int pending)
{
  struct copies *q = &fibers.copies[fibers.current];
  int i, kept = 0;

  for (i = 0; i < q->count; i++)
    if (q->copy[i].group < q->group - pending)
      copy_land(&q->copy[i]);
    else
      q->copy[kept++] = q->copy[i];
  q->count = kept;
}

/* A barrier in local memory: a phase ends when all have arrived and as many
 * bytes as they expect. */
struct barrier_t { uint8_t arrivals, pending, phase, live; int32_t bytes; };
static struct { struct copies all; barrier_t *at[1 << 16]; } bulk;

static void
bulk_init(barrier_t *b, int arrivals)
{
  *b = (struct barrier_t){ (uint8_t)arrivals, (uint8_t)arrivals, 0, 1, 0 };
}

static void bulk_fence(void) {}

static void
bulk_expect(barrier_t *b, int bytes)
{
  if (b->live != 1 || b->pending == 0)
    broken("a barrier of copies that is none, or has all its arrivals");
  b->bytes += bytes;
  b->pending--;
}

static void
bulk_copy(void *to, const float *from, int bytes, barrier_t *b)
{
  struct copy c = { to, from, bytes, 0 };

  copy_check(to, from, bytes);
  if (copies_made++ % 2) {
    copy_land(&c);
    b->bytes -= bytes;
    return;
  }
  if (bulk.all.count == 1 << 16)
    broken("too many copies at a time");
  bulk.at[bulk.all.count] = b;
  copy_push(&bulk.all, c);
}

static void
bulk_share(void *to, const float *from, int bytes, barrier_t *b, int mask)
{
  unsigned char *mine = pool_of(fibers.current / fibers.threads);
  int i;

  for (i = 0; i < fibers.blocks; i++)
    if (mask >> i & 1)
      bulk_copy((unsigned char *)to - mine + pool_of(i), from, bytes,
                (barrier_t *)((unsigned char *)b - mine + pool_of(i)));
}

static int
bulk_passed(barrier_t *b, int parity)
{
  int i, kept = 0;

  if (b->phase == parity && b->pending == 0) {
    for (i = 0; i < bulk.all.count; i++)
      if (bulk.at[i] == b) {
        copy_land(&bulk.all.copy[i]);
        b->bytes -= bulk.all.copy[i].bytes;
      } else {
        bulk.at[kept] = bulk.at[i];
        bulk.all.copy[kept++] = bulk.all.copy[i];
      }
    bulk.all.count = kept;
    if (b->bytes == 0) {
      b->phase = !b->phase;
      b->pending = b->arrivals;
    }
  }
  return b->phase != parity;
}

static void
bulk_wait(barrier_t *b, int parity)
{
  while (!bulk_passed(b, parity))
    fiber_wait(POLLING);
}

static void
bulk_over(void)
{
  if (bulk.all.count)
    broken("a block ends before its copies");
}

/* ---- tensor cores ---- */

#define GPU_ASM
static unsigned held_a[MOST][4], held_b[MOST][2];

static float
half_value(unsigned h)
{
  int exponent = (int)(h >> 10 & 31);
  float m = (float)(h & 1023), v;

  v = exponent ? ldexpf(1024 + m, exponent - 25) : ldexpf(m, -24);
  return h & 0x8000 ? -v : v;
}

static float
bits_value(unsigned u)
{
  float v;

  memcpy(&v, &u, sizeof v);
  return v;
}

/* Element e of a word. */
static float value_bf16(unsigned w, int e)
{ return bits_value(e ? w & 0xffff0000u : w << 16); }
static float value_f16(unsigned w, int e) { return half_value(w >> 16 * e); }
static float value_tf32(unsigned w, int) { return bits_value(w & ~0x1fffu); }
static int value_i8(unsigned w, int e) { return (int8_t)(w >> 8 * e); }

/* Lane L of the warp gives register r of A for row L / 4 (+ 8 in registers 1
 * and 3) and word L mod 4 (+ 4 in 2 and 3); of B for column L / 4, word L
 * mod 4 (+ 4 in 1); of the result it gets row L / 4 (+ 8 in 2 and 3), column
 * 2 (L mod 4) (+ 1 in 1 and 3). */
template <typename C, typename V>
static void
matrix(C *c, const unsigned *a, const unsigned *b, int elements,
       V (*value)(unsigned, int))
{
  int me = fibers.current, warp = me / 32 * 32, lane = me % 32, r, w, e;

  memcpy(held_a[me], a, sizeof held_a[me]);
  memcpy(held_b[me], b, sizeof held_b[me]);
  fiber_wait(IN_WARP);
  for (r = 0; r < 4; r++) {
    int row = lane / 4 + (r >= 2 ? 8 : 0), column = lane % 4 * 2 + (r & 1);
    for (w = 0; w < 8; w++) {
      unsigned x = held_a[warp + row % 8 * 4 + w % 4]
                         [(row >= 8 ? 1 : 0) + (w >= 4 ? 2 : 0)];
      unsigned y = held_b[warp + column * 4 + w % 4][w >= 4 ? 1 : 0];
      for (e = 0; e < elements; e++)
        c[r] += (C)(value(x, e) * value(y, e));
    }
  }
  fiber_wait(IN_WARP);
}

static void mma_bf16(float *c, const unsigned *a, const unsigned *b)
{ matrix(c, a, b, 2, value_bf16); }
static void mma_f16(float *c, const unsigned *a, const unsigned *b)
{ matrix(c, a, b, 2, value_f16); }
static void mma_tf32(float *c, const unsigned *a, const unsigned *b)
{ matrix(c, a, b, 1, value_tf32); }
static void mma_i8(int *c, const unsigned *a, const unsigned *b)
{ matrix(c, a, b, 4, value_i8); }

static unsigned
value_bits(float v)
{
  unsigned u;

  memcpy(&u, &v, sizeof u);
  return u;
}

static unsigned
round_bf16(float v)
{
  unsigned u = value_bits(v);

  return (u + 0x7fff + (u >> 16 & 1)) >> 16;
}

static unsigned
round_f16(float v)
{
  _Float16 h = (_Float16)v;
  uint16_t u;

  memcpy(&u, &h, sizeof u);
  return u;
}

static unsigned word_bf16(const float *v)
{ return round_bf16(v[0]) | round_bf16(v[1]) << 16; }
static unsigned word_f16(const float *v)
{ return round_f16(v[0]) | round_f16(v[1]) << 16; }
static unsigned word_tf32(const float *v)
{ return (value_bits(v[0]) + 0x1000) & ~0x1fffu; }

static unsigned
word_i8(const float *v)
{
  unsigned r = 0;
  int i;

  for (i = 0; i < 4; i++)
    r |= ((unsigned)lrintf(fmaxf(fminf(v[i], 127), -127)) & 255u) << 8 * i;
  return r;
}
#endif
