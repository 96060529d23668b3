/* SPDX-License-Identifier: Apache-2.0 */
/* Random numbers that are a function of what they are for: SplitMix64
 * (Steele, Lea and Flood 2014, section 3) over a mixed key. */
#ifndef COMMON_SEED_H
#define COMMON_SEED_H
#include <stdint.h>

static inline uint64_t
seed_next(uint64_t *state)
{
  uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

  z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
  return z ^ (z >> 31);
}

/* A state for one purpose. */
static inline uint64_t
seed_of(uint64_t seed, uint64_t a, uint64_t b)
{
  seed = seed_next(&seed) ^ a;
  seed = seed_next(&seed) ^ b;
  return seed_next(&seed);
}

/* Uniform in [0, n), n > 0; the bias is below 2^-32 for n < 2^32. */
static inline uint32_t
seed_below(uint64_t *state, uint32_t n)
{
  return (uint32_t)(((seed_next(state) >> 32) * n) >> 32);
}

/* Uniform in [0, 1). */
static inline double
seed_real(uint64_t *state)
{
  return (double)(seed_next(state) >> 11) * 0x1p-53;
}
#endif
