/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random numbers that depend on a seed and a place alone (which step, which
 * slot), so that training goes on from any step as if it had not stopped.
 * SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
 */
#ifndef PLUGINS_COMMON_NN_RNG_H
#define PLUGINS_COMMON_NN_RNG_H
#include <math.h>
#include <stdint.h>

struct nn_rng { uint64_t state; };

static inline uint64_t
nn_rng_next(struct nn_rng *r)
{
  uint64_t z = r->state += UINT64_C(0x9e3779b97f4a7c15);

  z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
  return z ^ z >> 31;
}

static inline struct nn_rng
nn_rng_at(uint64_t seed, uint64_t what, uint64_t place)
{
  struct nn_rng r = { seed };

  r.state = nn_rng_next(&r) ^ what;
  r.state = nn_rng_next(&r) ^ place;
  r.state = nn_rng_next(&r);
  return r;
}

/* 0 <= x < 1 */
static inline double
nn_rng_real(struct nn_rng *r)
{
  return (double)(nn_rng_next(r) >> 11) * 0x1p-53;
}

static inline size_t
nn_rng_below(struct nn_rng *r, size_t n)
{
  return (size_t)(nn_rng_real(r) * (double)n);
}

static inline double
nn_rng_normal(struct nn_rng *r)
{
  double u = 1 - nn_rng_real(r), v = nn_rng_real(r);

  return sqrt(-2 * log(u)) * cos(6.283185307179586 * v);
}
#endif
