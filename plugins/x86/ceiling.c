/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ceilings of this machine: multiply-adds per second from registers, bytes
 * per second from L2 and from memory.  The best of a few short runs counts.
 */
#include <immintrin.h>
#include "cpu.h"
#include "cpu_rate.h"
#include "x86.h"

#define CHAINS 12 /* independent accumulators: more than latency x ports */

/* 12 chains of `lanes` multiply-adds per round.  The empty asm keeps the
 * compiler from knowing what is in the registers. */
#define FMA_LOOP(type, set, fma, rounds)                                      \
  do {                                                                        \
    type a = set(1.000001f), b = set(1e-9f), s0 = b, s1 = b, s2 = b, s3 = b,  \
      s4 = b, s5 = b, s6 = b, s7 = b, s8 = b, s9 = b, s10 = b, s11 = b;       \
    /* equal chains would be computed once */                                 \
    __asm__("" : "+v"(s0), "+v"(s1), "+v"(s2), "+v"(s3), "+v"(s4),            \
            "+v"(s5));                                                        \
    __asm__("" : "+v"(s6), "+v"(s7), "+v"(s8), "+v"(s9), "+v"(s10),           \
            "+v"(s11));                                                       \
    for (long i = 0; i < (rounds); i++) {                                     \
      s0 = fma(s0, a, b), s1 = fma(s1, a, b), s2 = fma(s2, a, b);             \
      s3 = fma(s3, a, b), s4 = fma(s4, a, b), s5 = fma(s5, a, b);             \
      s6 = fma(s6, a, b), s7 = fma(s7, a, b), s8 = fma(s8, a, b);             \
      s9 = fma(s9, a, b), s10 = fma(s10, a, b), s11 = fma(s11, a, b);         \
      __asm__ volatile("" : "+v"(a), "+v"(b));                                \
    }                                                                         \
    s0 += s1 + s2 + s3 + s4 + s5 + s6 + s7 + s8 + s9 + s10 + s11;             \
    __asm__ volatile("" : : "v"(s0));                                         \
  } while (0)

__attribute__((target("avx2,fma"), noinline)) static void
fma_narrow(long rounds)
{
  FMA_LOOP(__m256, _mm256_set1_ps, _mm256_fmadd_ps, rounds);
}

__attribute__((target("avx512f"), noinline)) static void
fma_wide(long rounds)
{
  FMA_LOOP(__m512, _mm512_set1_ps, _mm512_fmadd_ps, rounds);
}

double
ceiling_fma(int threads, int wide)
{
  return rate_work(threads, wide ? fma_wide : fma_narrow,
                   2.0 * CHAINS * (wide ? 16 : 8));
}

__attribute__((target("avx2,fma"), noinline)) static void
read_all(const float *data, size_t floats)
{
  __m256 a = _mm256_setzero_ps(), b = a, c = a, d = a;
  size_t i;

  for (i = 0; i + 32 <= floats; i += 32) {
    a += _mm256_loadu_ps(data + i);
    b += _mm256_loadu_ps(data + i + 8);
    c += _mm256_loadu_ps(data + i + 16);
    d += _mm256_loadu_ps(data + i + 24);
  }
  a += b + c + d;
  __asm__ volatile("" : : "v"(a));
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

  fma_narrow(rounds);
  return cpu_now() - start;
}
