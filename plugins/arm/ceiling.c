/* SPDX-License-Identifier: Apache-2.0 */
/* What the ceilings of this machine are measured with: vectors of four
 * floats in GCC's extensions, which is NEON on the machines that this is run
 * on. */
#include "arm.h"
#include "cpu.h"
#include "cpu_rate.h"

#define CHAINS 16 /* independent accumulators: more than latency x ports */

typedef float v4 __attribute__((vector_size(16)));

#ifdef __aarch64__
#define HIDE(a) __asm__ volatile("" : "+w"(a))
#else
#define HIDE(a) __asm__ volatile("" : "+m"(a))
#endif

#define EACH(f)                                                             \
  f(0) f(1) f(2) f(3) f(4) f(5) f(6) f(7) f(8) f(9) f(10) f(11) f(12) f(13)   \
  f(14) f(15)
/* Equal chains would be computed once, if the compiler knew. */
#define START(i) v4 s##i = b; HIDE(s##i);
#define STEP(i) s##i = s##i * a + b;
#define ADD(i) all += s##i;

__attribute__((noinline)) static void
multiply_add(long rounds)
{
  v4 a = { 1.000001f, 1.000001f, 1.000001f, 1.000001f };
  v4 b = { 1e-9f, 1e-9f, 1e-9f, 1e-9f }, all = { 0 };

  EACH(START)
  while (rounds-- > 0) {
    EACH(STEP)
    HIDE(a);
  }
  EACH(ADD)
  HIDE(all);
}

__attribute__((noinline)) static void
read_all(const float *data, size_t floats)
{
  v4 a = { 0 }, b = a, c = a, d = a;
  const v4 *p = __builtin_assume_aligned(data, 16);
  size_t i;

  for (i = 0; i + 4 <= floats / 4; i += 4) {
    a += p[i];
    b += p[i + 1];
    c += p[i + 2];
    d += p[i + 3];
  }
  a += b + c + d;
  HIDE(a);
}

double
ceiling_fma(int threads)
{
  return rate_work(threads, multiply_add, 2.0 * CHAINS * 4);
}

double
ceiling_read(size_t bytes)
{
  return rate_read(bytes, read_all);
}

double
ceiling_work(long rounds)
{
  double start = cpu_now();

  multiply_add(rounds);
  return cpu_now() - start;
}
