/* SPDX-License-Identifier: Apache-2.0 */
/* How many networks use a block: against building every network. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "file.h"
#include "ini.h"
#include "mem.h"
#include "network.h"

#define SPACE "[space]\nname = t\ninput-channels = 3\nclasses = 5\n"

/* Everything that can be a knob, small enough to build every network. */
static const char *const spaces[] = {
  /* depth, kernel and expansion per layer; two equal stages */
  SPACE "resolution = 8\n"
  "[stage 1]\nblock = mbconv\nact = relu\nkernel = 3 5\nexpand = 1 3\n"
  "depth = 1 2\nout = 8\n"
  "[stage 2]\nblock = mbconv\nact = relu\nkernel = 3 5\nexpand = 1 3\n"
  "depth = 1 3\nout = 8\n[head]\n",
  /* per stage; resolution and width; SE and activation */
  SPACE "resolution = 8 16\nwidth = 0.5 1.0\n"
  "[stage 1]\nblock = mbconv\nact = relu hswish\nkernel = 3\nexpand = 2\n"
  "se = 0 4\ndepth = 1 2 3\nout = 16\nper = stage\n"
  "[stage 2]\nblock = conv\nact = relu\nkernel = 1 3\ndepth = 2\nout = 16\n"
  "[head]\nconv = 32\n",
  /* stride and channels as knobs: shapes meet again by other ways */
  SPACE "resolution = 16\n"
  "[op a]\nblock = identity\n[op b]\nblock = conv\nkernel = 3\n"
  "[stage 1]\nop = a b\nstride = 1 2\nout = 8 16\ndepth = 1 2\n"
  "[stage 2]\nop = a b\nstride = 1 2\nout = 8 16\n"
  "[stage 3]\nop = a b\nstride = 1 2\nout = 16\n[head]\nact = relu\n",
  /* two cells, one of them in stages of two shapes and of one */
  SPACE "resolution = 8\n"
  "[op none]\nblock = none\n[op skip]\nblock = skip\n"
  "[op conv]\nblock = conv\nkernel = 1\n"
  "[cell x]\nnodes = 3\nedge = none skip conv\n"
  "[cell y]\nnodes = 3\nedge = skip conv\nedge2.0 = none conv\n"
  "edge1.0 = conv\n"
  "[stage 1]\nblock = conv\nkernel = 1\nout = 8\n"
  "[stage 2]\ncell = x\nout = 8\ndepth = 1 2\n"
  "[stage 3]\ncell = y\nout = 8\n"
  "[stage 4]\nblock = conv\nkernel = 1\nout = 8 16\nstride = 1 2\n"
  "[stage 5]\nblock = conv\nkernel = 1\nout = 8\n"
  "[stage 6]\ncell = x\nout = 8\n[head]\n",
  /* precision: of a layer that may vanish, of one that may have nothing to
   * round, of all layers of a stage, of the head */
  SPACE "resolution = 8\n"
  "[op a]\nblock = identity\n[op b]\nblock = conv\nkernel = 3\n"
  "[op q]\nblock = avgpool\nkernel = 3\n"
  "[stage 1]\nop = a b q\nout = 3\ndepth = 1 2\ndtype = f32 i8\n"
  "[stage 2]\nblock = conv\nkernel = 3\nout = 3\ndepth = 1 2\n"
  "per = stage\ndtype = i8 f32 bf16\n[head]\ndtype = bf16 f32\n",
  /* one cell at shapes that two ways lead to; no edge can be left out */
  SPACE "resolution = 8\n"
  "[op skip]\nblock = skip\n[op conv]\nblock = conv\nkernel = 1\n"
  "[op wide]\nblock = conv\nkernel = 3\n"
  "[cell x]\nnodes = 3\nedge = skip conv\nedge2.1 = wide skip\n"
  "[stage 1]\nblock = conv\nkernel = 1\nout = 8\nstride = 1 2\n"
  "[stage 2]\ncell = x\nout = 8\n"
  "[stage 3]\nblock = conv\nkernel = 1\nout = 8\nstride = 1 2\n"
  "[stage 4]\nblock = conv\nkernel = 1\nout = 8\n[head]\n",
};

/* The next canonical point, 0 after the last. */
static int
next_point(const struct chanas_space *space, int32_t *choice)
{
  for (size_t k = space->knobs; k-- > 0;) {
    if (!space_active(space, choice, k))
      continue;
    if ((size_t)++choice[k] < space->knob[k].choices) {
      space_canon(space, choice);
      return 1;
    }
    choice[k] = 0;
    space_canon(space, choice);
  }
  return 0;
}

/* uses[w] += 1 for each workload w of the network, once. */
static void
tally_network(struct family *family, const int32_t *choice, double *uses,
              size_t room)
{
  struct chanas_network *net = network_build(family, choice);

  assert_non_null(net);
  for (size_t i = 0; i < net->blocks; i++) {
    size_t w = net->block[i].workload, j = 0;
    assert_true(w < room);
    while (net->block[j].workload != w)
      j++;
    uses[w] += i == j;
  }
  network_free(net);
}

static void
check_family(struct family *family)
{
  const struct chanas_space *space = family_space(family);
  int32_t *choice = mem_array(int32_t, space->knobs + 1);
  size_t count, room = 4096;
  double *uses = mem_array(double, room), points = 0;
  struct block_use *use = family_blocks(family, &count);

  do {
    tally_network(family, choice, uses, room);
    points++;
  } while (next_point(space, choice));
  assert_true(points == space_size(space));
  assert_int_equal(count, family_workloads(family)->count);
  for (size_t i = 0; i < count; i++)
    if (use[i].networks < 1 || use[i].networks != uses[use[i].workload])
      fail_msg("%s: %.0f networks, not %.0f",
               family_workloads(family)->item[use[i].workload]->key,
               uses[use[i].workload], use[i].networks);
  free(use);
  free(uses);
  free(choice);
}

static void
test_small(void **state)
{
  (void)state;
  for (size_t i = 0; i < sizeof spaces / sizeof *spaces; i++) {
    struct ini *ini = ini_parse_text("t.ini", spaces[i]);
    struct family *family = family_parse(ini);
    assert_non_null(family);
    check_family(family);
    family_free(family);
    ini_free(ini);
  }
}

static struct family *
open_space(const char *name)
{
  char *path = file_find_etc(NULL, name);
  struct family *family = path ? family_read(path) : NULL;

  free(path);
  assert_non_null(family);
  return family;
}

static void
test_shipped(void **state)
{
  static const char *const names[] = {
    "spaces/nas-bench-macro.ini", "spaces/nas-bench-201.ini",
    "spaces/mobilenet-v3-large.ini",
  };
  (void)state;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    struct family *family = open_space(names[i]);
    check_family(family);
    family_free(family);
  }
}

/* Once-for-all w1.2 is too large to count by building.  By hand: each of 5
 * resolutions has 3 fixed blocks and 5 stages of 9 first and 9 later layers,
 * 465; the last stage ends at 6x6 twice and at 7x7 twice, so 2 x (9 later
 * layers and the head) are the same. */
static void
test_ofa(void **state)
{
  struct family *family = open_space("spaces/ofa-mbv3-w1.2.ini");
  double size = space_size(family_space(family)), heads = 0, stems = 0;
  size_t count;
  struct block_use *use = family_blocks(family, &count);

  (void)state;
  print_message("ofa-mbv3-w1.2: %zu distinct blocks\n", count);
  assert_int_equal(count, 445);
  for (size_t i = 0; i < count; i++) {
    assert_true(use[i].networks > 0 && use[i].networks <= size);
    if (strcmp(use[i].role, "head") == 0)
      heads += use[i].networks;
    if (strcmp(use[i].role, "stem") == 0)
      stems += use[i].networks;
  }
  assert_true(fabs(heads / size - 1) < 1e-12); /* 10^20 > 2^53 */
  assert_true(fabs(stems / size - 1) < 1e-12);
  free(use);
  family_free(family);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_small),
    cmocka_unit_test(test_shipped),
    cmocka_unit_test(test_ofa),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
