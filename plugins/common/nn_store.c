/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shared parameters.  The operators of every network that is entered grow
 * their slots; sealing lays the slots out and initialises them.
 */
#include <stdio.h>
#include "nn_impl.h"
#include "nn_rng.h"

static uint64_t
hash_of(const char *text)
{
  uint64_t h = UINT64_C(14695981039346656037);

  while (*text)
    h = (h ^ (uint8_t)*text++) * UINT64_C(1099511628211);
  return h;
}

/* Where a block stands: "2.3", the third of stage 2.  A layer that is left out
 * does not count, so that networks which are the same but for where they leave
 * one out have the same parameters.  Blocks of cells keep their names. */
static void
place_of(const struct chanas_host *host, const struct chanas_network *net,
         size_t block, char *out, size_t size)
{
  const char *name = host->block_name(net, block), *dot = strchr(name, '.');
  size_t stage = dot ? (size_t)(dot + 1 - name) : 0;
  int place = 1;

  snprintf(out, size, "%s", name);
  if (dot == NULL || dot[1 + strspn(dot + 1, "0123456789")] != '\0')
    return;
  for (size_t b = 0; b < block; b++)
    place += strncmp(host->block_name(net, b), name, stage) == 0;
  snprintf(out, size, "%.*s%d", (int)stage, name, place);
}

/* Operators keep their number within the block's part: what lies before the
 * first depthwise convolution ("conv0"), it, and what follows ("post0").  So
 * an operator that a choice leaves out renames none of the others. */
void
nn_key(const struct chanas_host *host, const struct chanas_network *net,
       size_t block, uint32_t op, char *out, size_t size)
{
  const struct chanas_workload *work = host->block(net, block);
  const char *choice = host->block_choice(net, block), *name = "conv";
  char place[96];
  int after = 0, number = 0;

  place_of(host, net, block, place, sizeof place);
  for (uint32_t i = 0; i < op; i++) {
    after |= work->op[i].kind == CHANAS_DWCONV;
    if (work->op[i].kind == CHANAS_DWCONV)
      number = 0;
    else
      number += work->op[i].kind == work->op[op].kind;
  }
  switch (work->op[op].kind) {
  case CHANAS_DWCONV:
    name = "dw";
    break;
  case CHANAS_LINEAR:
    name = "linear";
    break;
  case CHANAS_SE:
    name = "se";
    break;
  default:
    name = after ? "post" : "conv";
    break;
  }
  snprintf(out, size, "%s%s%s:%s%d", place, *choice ? "/" : "", choice, name,
           number);
}

long
nn_store_find(const struct nn_store *store, const char *key)
{
  for (size_t i = 0; i < store->slots; i++)
    if (strcmp(store->slot[i].key, key) == 0)
      return (long)i;
  return -1;
}

static int
has_parameters(const struct chanas_op *op)
{
  return op->kind == CHANAS_CONV || op->kind == CHANAS_DWCONV ||
         op->kind == CHANAS_LINEAR || op->kind == CHANAS_SE;
}

static struct nn_slot *
new_slot(struct nn_store *store, const char *key)
{
  struct nn_slot *slot;
  size_t length = strlen(key) + 1;

  if (store->slots == store->room) {
    store->room = store->room ? 2 * store->room : 64;
    slot = realloc(store->slot, store->room * sizeof *slot);
    if (slot == NULL)
      return NULL;
    store->slot = slot;
  }
  slot = &store->slot[store->slots];
  *slot = (struct nn_slot){ .key = malloc(length) };
  if (slot->key == NULL)
    return NULL;
  memcpy(slot->key, key, length);
  store->slots++;
  return slot;
}

/* Sizes in descending order, each once. */
static int
add_kernel(struct nn_slot *slot, int32_t k)
{
  int i = 0;

  while (i < slot->kernels && slot->kernel[i] > k)
    i++;
  if (i < slot->kernels && slot->kernel[i] == k)
    return 0;
  if (slot->kernels == NN_KERNELS)
    return -1;
  memmove(slot->kernel + i + 1, slot->kernel + i,
          (size_t)(slot->kernels - i) * sizeof *slot->kernel);
  slot->kernel[i] = k;
  slot->kernels++;
  return 0;
}

static void
most(int32_t *a, int32_t b)
{
  *a = *a > b ? *a : b;
}

static int
add_op(struct nn_store *store, const struct chanas_op *op, const char *key)
{
  const struct chanas_host *host = store->host;
  long at = nn_store_find(store, key);
  struct nn_slot *slot = at < 0 ? new_slot(store, key) : &store->slot[at];

  if (slot == NULL)
    return NN_FAIL(host, "out of memory for the shared parameters");
  if (at < 0) {
    slot->kind = op->kind;
    slot->bias = op->bias;
    slot->norm = op->bias && op->kind <= CHANAS_DWCONV;
  }
  if (slot->kind != op->kind || slot->bias != op->bias)
    return NN_FAIL(host, "%s is of two kinds; give each choice an [op] of its "
                   "own in the space file", key);
  most(&slot->cin, op->cin);
  most(&slot->cout, op->cout);
  most(&slot->k, op->k);
  most(&slot->squeeze, op->squeeze);
  return add_kernel(slot, op->k) == 0 ? 0 :
    NN_FAIL(host, "%s has more than %d sizes of kernels", key, NN_KERNELS);
}

int
nn_store_add(struct nn_store *store, const struct chanas_host *host,
             const struct chanas_network *net)
{
  char key[256];

  store->host = host;
  for (size_t b = 0; b < host->blocks(net); b++) {
    const struct chanas_workload *work = host->block(net, b);
    for (uint32_t i = 0; i < work->ops; i++) {
      if (!has_parameters(&work->op[i]))
        continue;
      nn_key(host, net, b, i, key, sizeof key);
      if (add_op(store, &work->op[i], key) < 0)
        return -1;
    }
  }
  return 0;
}

/* ---- layout */

static size_t
take(size_t *at, size_t n)
{
  size_t here = *at;

  *at += n;
  return here;
}

static void
lay_out(struct nn_slot *slot, size_t *at)
{
  size_t in = (size_t)slot->cin, out = (size_t)slot->cout;
  size_t k2 = (size_t)slot->k * (size_t)slot->k, s = (size_t)slot->squeeze;

  slot->begin = *at;
  if (slot->kind == CHANAS_SE) {
    slot->weight = take(at, s * in);
    slot->scale = take(at, s);
    slot->second = take(at, in * s);
    slot->shift = take(at, in);
  } else {
    slot->weight = take(at, slot->kind == CHANAS_DWCONV ? k2 * in :
                        slot->kind == CHANAS_CONV ? out * k2 * in : out * in);
    if (slot->norm)
      slot->scale = take(at, out);
    if (slot->bias)
      slot->shift = take(at, out);
  }
  for (int i = 0; slot->kind == CHANAS_DWCONV && i + 1 < slot->kernels; i++) {
    size_t taps = (size_t)slot->kernel[i + 1] * (size_t)slot->kernel[i + 1];
    slot->transform[i] = take(at, taps * taps);
  }
  slot->end = *at;
}

static void
normal(float *w, size_t n, struct nn_rng *rng, double deviation)
{
  for (size_t i = 0; i < n; i++)
    w[i] = (float)(nn_rng_normal(rng) * deviation);
}

/* He et al., ICCV 2015, by fan-out for convolutions as is usual for mobile
 * networks; fully connected ones as PyTorch does. */
static void
init_slot(struct nn_store *store, const struct nn_slot *slot, uint64_t seed)
{
  struct nn_rng rng = nn_rng_at(seed, hash_of(slot->key), 0);
  float *v = store->value;
  size_t in = (size_t)slot->cin, out = (size_t)slot->cout;
  double k2 = (double)slot->k * slot->k, s = slot->squeeze;

  memset(v + slot->begin, 0, (slot->end - slot->begin) * sizeof *v);
  if (slot->kind == CHANAS_CONV)
    normal(v + slot->weight, out * (size_t)k2 * in, &rng,
           sqrt(2 / (k2 * (double)out)));
  else if (slot->kind == CHANAS_DWCONV)
    normal(v + slot->weight, (size_t)k2 * in, &rng, sqrt(2 / k2));
  else if (slot->kind == CHANAS_SE) {
    normal(v + slot->weight, (size_t)s * in, &rng, sqrt(2 / s));
    normal(v + slot->second, (size_t)s * in, &rng, sqrt(2 / (double)in));
  } else
    for (size_t i = 0; i < in * out; i++)
      v[slot->weight + i] = (float)((2 * nn_rng_real(&rng) - 1) /
                                    sqrt((double)in));
  for (size_t i = 0; slot->norm && i < out; i++)
    v[slot->scale + i] = 1;
  for (int i = 0; slot->kind == CHANAS_DWCONV && i + 1 < slot->kernels; i++) {
    size_t taps = (size_t)slot->kernel[i + 1] * (size_t)slot->kernel[i + 1];
    for (size_t j = 0; j < taps; j++)
      v[slot->transform[i] + j * taps + j] = 1;
  }
}

void
nn_store_init(struct nn_store *store, uint64_t seed)
{
  for (size_t i = 0; i < store->slots; i++)
    init_slot(store, &store->slot[i], seed);
}

int
nn_store_seal(struct nn_store *store, uint64_t seed)
{
  size_t at = 0;

  for (size_t i = 0; i < store->slots; i++)
    lay_out(&store->slot[i], &at);
  store->params = at;
  store->value = nn_floats(at);
  store->grad = nn_floats(at);
  store->touched = calloc(store->slots + 1, 1);
  if (!store->value || !store->grad || !store->touched)
    return NN_FAIL(store->host, "out of memory for %zu shared parameters",
                   at);
  memset(store->grad, 0, at * sizeof *store->grad);
  store->sealed = 1;
  nn_store_init(store, seed);
  return 0;
}

size_t
nn_store_run(const struct nn_slot *slot, size_t at, int *exempt)
{
  size_t out = (size_t)slot->cout, end = slot->end;
  size_t from = slot->norm ? slot->scale : slot->bias ? slot->shift : end;

  if (slot->kind == CHANAS_SE) {
    *exempt = (at >= slot->scale && at < slot->second) || at >= slot->shift;
    return at < slot->scale ? slot->scale : at < slot->second ? slot->second :
           at < slot->shift ? slot->shift : end;
  }
  *exempt = at >= from && from < end && at < slot->shift + out;
  return at < from ? from : *exempt ? slot->shift + out : end;
}

void
nn_store_free(struct nn_store *store)
{
  for (size_t i = 0; i < store->slots; i++)
    free(store->slot[i].key);
  free(store->slot);
  free(store->value);
  free(store->grad);
  free(store->touched);
  *store = (struct nn_store){ 0 };
}
