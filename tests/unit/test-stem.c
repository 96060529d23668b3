/* SPDX-License-Identifier: Apache-2.0 */
/* block = stem: the same network as the two stages that it stands for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "ini.h"
#include "mem.h"
#include "network.h"

#define SPACE "[space]\nname = t\ninput-channels = 3\nclasses = 5\n" \
  "resolution = 31 32\nwidth = 0.35 0.5 1 1.4\n"
#define KNOBS "kernel = 3 5\nse = 0 4\nact = relu hswish\nresidual = "
#define LAYER "[stage 2]\nblock = mbconv\nkernel = 3\nexpand = 6\n" \
  "act = relu\nout = 24\nstride = 2\n[head]\n"

static struct family *
parse(const char *text)
{
  struct ini *ini = ini_parse_text("t.ini", text);
  struct family *family;

  assert_non_null(ini);
  family = family_parse(ini);
  assert_non_null(family);
  ini_free(ini);
  return family;
}

/* One stage, or two, with the same knobs in the same order. */
static struct family *
make(int one, const char *conv, const char *out, const char *more)
{
  char *text = one
    ? mem_print(SPACE "[stage 1]\nblock = stem\nconv = %s\nconv-kernel = 5\n"
                "conv-act = relu6\nstride = 1 2\n" KNOBS "%s\nout = %s\n"
                "%s" LAYER, conv, strchr(more, 'r') ? "no" : "yes", out,
                strchr(more, 's') ? "scale = grow\n" : "")
    : mem_print(SPACE "[stage 0]\nblock = conv\nkernel = 5\nact = relu6\n"
                "stride = 1 2\nout = %s\n%s[stage 1]\nblock = mbconv\n"
                "expand = 1\n" KNOBS "%s\nout = %s\n%s" LAYER, conv,
                strchr(more, 's') ? "scale = grow\n" : "",
                strchr(more, 'r') ? "no" : "yes", out,
                strchr(more, 's') ? "scale = grow\n" : "");
  struct family *family = parse(text);

  free(text);
  return family;
}

/* The operators of the two blocks, with the second one's tensors behind the
 * first one's. */
static void
check_ops(const struct chanas_workload *both, const struct chanas_workload *a,
          const struct chanas_workload *b)
{
  assert_int_equal(both->ops, a->ops + b->ops);
  assert_memory_equal(both->op, a->op, a->ops * sizeof *a->op);
  for (uint32_t i = 0; i < b->ops; i++) {
    struct chanas_op op = b->op[i];
    op.src += (int32_t)a->ops;
    if (op.src2 >= 0)
      op.src2 += (int32_t)a->ops;
    assert_memory_equal(&both->op[a->ops + i], &op, sizeof op);
  }
}

static const struct chanas_workload *
work(struct family *family, const struct chanas_network *net, size_t block)
{
  return family_workloads(family)->item[net->block[block].workload];
}

static void
check_point(struct family *one, struct family *two, const int32_t *choice)
{
  struct chanas_network *a = network_build(one, choice);
  struct chanas_network *b = network_build(two, choice);

  assert_non_null(a);
  assert_non_null(b);
  assert_true(a->params == b->params);
  assert_true(a->macs == b->macs);
  assert_int_equal(a->blocks + 1, b->blocks);
  assert_string_equal(a->block[0].role, "stem");
  check_ops(work(one, a, 0), work(two, b, 0), work(two, b, 1));
  assert_string_equal(work(one, a, 1)->key, work(two, b, 2)->key);
  network_free(a);
  network_free(b);
}

static void
check_points(struct family *one, struct family *two)
{
  const struct chanas_space *space = family_space(one);
  int32_t choice[8] = { 0 };
  size_t i = 0;

  assert_int_equal(space->knobs, family_space(two)->knobs);
  assert_in_range(space->knobs, 6, 8);
  while (i < space->knobs) {
    check_point(one, two, choice);
    for (i = 0; i < space->knobs; choice[i++] = 0)
      if (++choice[i] < (int32_t)space->knob[i].choices)
        break;
  }
}

static void
check_uses(struct family *family)
{
  size_t count;
  struct block_use *use = family_blocks(family, &count);
  double stems = 0;

  for (size_t i = 0; i < count; i++)
    if (strcmp(use[i].role, "stem") == 0)
      stems += use[i].networks;
  assert_true(stems == space_size(family_space(family)));
  free(use);
}

static void
test_counts(void **state)
{
  static const struct { const char *conv, *out, *more; } tried[] = {
    { "32", "16", "" }, { "24", "24", "" }, { "24", "24", "r" },
    { "16", "16", "s" }, { "20", "9", "s" },
  };
  (void)state;
  for (size_t i = 0; i < sizeof tried / sizeof *tried; i++) {
    struct family *one = make(1, tried[i].conv, tried[i].out, tried[i].more);
    struct family *two = make(0, tried[i].conv, tried[i].out, tried[i].more);
    check_points(one, two);
    check_uses(one);
    family_free(one);
    family_free(two);
  }
}

static void
check_key(const char *stage, const char *key)
{
  char *text = mem_print("[space]\nname = t\ninput-channels = 3\nclasses = 5\n"
                         "resolution = 32\n[stage 1]\nblock = stem\n%s[head]\n",
                         stage);
  struct family *family = parse(text);
  int32_t none = 0;
  struct chanas_network *net = network_build(family, &none);

  assert_string_equal(work(family, net, 0)->key, key);
  network_free(net);
  family_free(family);
  free(text);
}

/* What keys mean that are not there. */
static void
test_defaults(void **state)
{
  (void)state;
  check_key("conv = 16\nkernel = 3\nact = relu\nout = 8\nstride = 2\n",
            "f32/n1/i32x32x3/conv:k3,s2,p1,o16,relu,b,x0/"
            "dw:k3,s1,p1,relu,b,x1/conv:k1,s1,p0,o8,none,b,x2");
  check_key("conv = 8\nconv-act = hswish\nkernel = 5\nact = relu\nout = 8\n"
            "dtype = bf16\n",
            "bf16/n1/i32x32x3/conv:k3,s1,p1,o8,hswish,b,x0/"
            "dw:k5,s1,p2,relu,b,x1/conv:k1,s1,p0,o8,none,b,x2/"
            "add:none,x3,1");
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_counts),
    cmocka_unit_test(test_defaults),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
