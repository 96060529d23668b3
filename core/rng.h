/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Seeded, splittable random streams (SplitMix64 seeding xoshiro256**).  A
 * stream depends only on the seed and on the names along its path, never on
 * the order or thread in which other streams are used.
 */
#ifndef CORE_RNG_H
#define CORE_RNG_H
#include <stddef.h>
#include <stdint.h>

struct rng { uint64_t s[4]; };

struct rng rng_seed(uint64_t seed);
struct rng rng_split(const struct rng *, const char *name);
uint64_t rng_next(struct rng *);
size_t rng_below(struct rng *, size_t n); /* uniform in [0, n), no bias */
double rng_real(struct rng *);            /* uniform in [0, 1) */
float rng_float(struct rng *);            /* uniform in [-1, 1) */

/* FNV-1a, 64 bits; start from HASH_START or a former result. */
#define HASH_START UINT64_C(0xcbf29ce484222325)
uint64_t hash_bytes(uint64_t start, const void *data, size_t size);
uint64_t hash_string(const char *);
#endif
