/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CUDA C on this CPU, as far as emitted kernels use it: a block's threads are
 * fibers that run in turn from one barrier to the next, so a barrier that
 * only some of them meet shows as a wrong result.  Tensor cores exchange
 * fragments between the 32 fibers of a warp in two steps; which lane holds
 * what is written down here from the PTX manual, apart from the emitter.
 *
 * Include it before a kernel's text and compile both as C++.
 */
#ifndef EMULATE_H
#define EMULATE_H
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#define __global__
#define __device__
#define __forceinline__ inline
#define __shared__ static
#define __launch_bounds__(n)
#define __align__(n) __attribute__((aligned(n)))

struct uint3 { unsigned x, y, z; };
static uint3 threadIdx, blockIdx;
struct __attribute__((aligned(8), may_alias)) float2 { float x, y; };
struct __attribute__((aligned(16), may_alias)) float4 { float x, y, z, w; };

static inline int min(int a, int b) { return a < b ? a : b; }
static inline int max(int a, int b) { return a > b ? a : b; }
static inline int __float2int_rn(float v) { return (int)lrintf(v); }

/* ---- fibers ---- */

#define MOST 1024
#define STACK (128 << 10)

typedef void emulated_kernel(const float *, const float *, float *, float *);
static struct {
  ucontext_t context[MOST], main;
  char *stack;
  int done[MOST], current, threads;
  emulated_kernel *kernel;
  float *arg[4];
} fibers;

static void
fiber_yield(void)
{
  swapcontext(&fibers.context[fibers.current], &fibers.main);
}

static void
fiber_start(void)
{
  fibers.kernel(fibers.arg[0], fibers.arg[1], fibers.arg[2], fibers.arg[3]);
  fibers.done[fibers.current] = 1;
}

static void __syncthreads(void) { fiber_yield(); }

static void
run_block(void)
{
  int i, left = fibers.threads;

  for (i = 0; i < fibers.threads; i++) {
    ucontext_t *c = &fibers.context[i];
    getcontext(c);
    c->uc_stack.ss_sp = fibers.stack + (size_t)i * STACK;
    c->uc_stack.ss_size = STACK;
    c->uc_link = &fibers.main;
    fibers.done[i] = 0;
    makecontext(c, fiber_start, 0);
  }
  while (left > 0)
    for (i = 0; i < fibers.threads; i++) {
      if (fibers.done[i])
        continue;
      fibers.current = i;
      threadIdx.x = (unsigned)i;
      swapcontext(&fibers.main, &fibers.context[i]);
      left -= fibers.done[i];
    }
}

/* What the driver in fake-cuda.c calls. */
extern "C" void
emulate_launch(emulated_kernel *kernel, const unsigned grid[3],
               unsigned threads, float *const arg[4])
{
  if (fibers.stack == NULL)
    fibers.stack = (char *)malloc((size_t)MOST * STACK);
  fibers.kernel = kernel;
  fibers.threads = (int)threads;
  memcpy(fibers.arg, arg, sizeof fibers.arg);
  for (blockIdx.z = 0; blockIdx.z < grid[2]; blockIdx.z++)
    for (blockIdx.y = 0; blockIdx.y < grid[1]; blockIdx.y++)
      for (blockIdx.x = 0; blockIdx.x < grid[0]; blockIdx.x++)
        run_block();
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
  fiber_yield();
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
  fiber_yield();
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

static void
copy_async(unsigned *to, const float *from, int there)
{
  if (there)
    memcpy(to, from, 16);
  else
    memset(to, 0, 16);
}

static void copy_wait(void) {}
#endif
