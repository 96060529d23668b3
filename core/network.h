/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Architecture spaces read from a space file, and networks: points made
 * concrete.  etc/spaces/ and chanas.ini(5) describe the format.
 *
 * A family owns the knobs, the interned workloads of every block that was
 * built so far, and the rules that turn a point into blocks.  A network
 * borrows from its family.
 */
#ifndef CORE_NETWORK_H
#define CORE_NETWORK_H
#include "space.h"
#include "workload.h"

struct ini;
struct family; /* opaque */

/* One block of a network: reads tensor src, writes (or adds to) dst. */
struct block {
  size_t workload;  /* index into the family's workload set */
  const char *role; /* "stem", "mbconv", "conv", "edge", "reduce", "head" */
  const char *name; /* "3.2": stage and slot */
  const char *choice; /* the [op] chosen there, or "" */
  int32_t src, dst;
  double params, macs; /* as the literature counts them, per image */
};

struct chanas_network {
  const struct family *family;
  int32_t *choice; /* canonical */
  char *code;      /* short name, e.g. the arch string of the tables */
  size_t blocks;
  struct block *block;
  size_t tensors;
  size_t *elements; /* of each tensor */
  int32_t output;
  double params, macs;
};

struct family *family_read(const char *path); /* NULL, logged */
struct family *family_parse(const struct ini *);
void family_free(struct family *);
const char *family_name(const struct family *);
const struct chanas_space *family_space(const struct family *);
struct workload_set *family_workloads(struct family *);
/* Batch and dtype of the blocks built from now on; default 1, f32.  -1
 * (logged), and nothing changed, if a block would be too large. */
int family_target(struct family *, int batch, int dtype);

/* NULL (logged) only if the point is not valid in the space. */
struct chanas_network *network_build(struct family *, const int32_t *choice);
void network_free(struct chanas_network *);
/* "22212220" and the like back to a point; -1 (logged) if it is no code. */
int network_parse_code(const struct family *, const char *code,
                       int32_t *choice);

/* Every block that some network of the family uses. */
struct block_use {
  size_t workload;
  const char *role;
  double networks; /* how many canonical points use it */
};
/* All distinct blocks, in order of first use; *count of them; free() it. */
struct block_use *family_blocks(struct family *, size_t *count);
#endif
