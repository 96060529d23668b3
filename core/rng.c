/* SPDX-License-Identifier: Apache-2.0 */
/* xoshiro256** (Blackman and Vigna 2018), seeded by SplitMix64 (Steele, Lea
 * and Flood 2014, section 3).  Splitting hashes the parent's state with the
 * child's name and leaves the parent as it was. */
#include "rng.h"
#include <string.h>

uint64_t
hash_bytes(uint64_t hash, const void *data, size_t size)
{
  const unsigned char *p = data;

  for (size_t i = 0; i < size; i++)
    hash = (hash ^ p[i]) * UINT64_C(0x100000001b3);
  return hash;
}

uint64_t
hash_string(const char *text)
{
  return hash_bytes(HASH_START, text, strlen(text));
}

static uint64_t
split_mix(uint64_t *x)
{
  uint64_t z = *x += UINT64_C(0x9e3779b97f4a7c15);

  z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
  return z ^ (z >> 31);
}

struct rng
rng_seed(uint64_t seed)
{
  struct rng rng;

  for (int i = 0; i < 4; i++)
    rng.s[i] = split_mix(&seed);
  return rng;
}

struct rng
rng_split(const struct rng *rng, const char *name)
{
  uint64_t hash = hash_bytes(HASH_START, rng->s, sizeof rng->s);

  return rng_seed(hash_bytes(hash, name, strlen(name)));
}

static uint64_t
rotate(uint64_t x, int k)
{
  return (x << k) | (x >> (64 - k));
}

uint64_t
rng_next(struct rng *rng)
{
  uint64_t *s = rng->s, result = rotate(s[1] * 5, 7) * 9, t = s[1] << 17;

  s[2] ^= s[0];
  s[3] ^= s[1];
  s[1] ^= s[2];
  s[0] ^= s[3];
  s[2] ^= t;
  s[3] = rotate(s[3], 45);
  return result;
}

size_t
rng_below(struct rng *rng, size_t n)
{
  uint64_t x, limit = UINT64_MAX - UINT64_MAX % n;

  do
    x = rng_next(rng);
  while (x >= limit);
  return (size_t)(x % n);
}

double
rng_real(struct rng *rng)
{
  return (double)(rng_next(rng) >> 11) * 0x1p-53;
}

float
rng_float(struct rng *rng)
{
  return (float)(rng_next(rng) >> 40) * 0x1p-23f - 1;
}
