/* SPDX-License-Identifier: Apache-2.0 */
/* The precision of a layer as a knob: names, codes there and back, and what
 * it makes of the layer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "capture.h"
#include "file.h"
#include "ini.h"
#include "mem.h"
#include "network.h"

/* Lines 1 to 5. */
#define SPACE "[space]\nname = t\ninput-channels = 3\nclasses = 5\n" \
  "resolution = 8\n"

/* x may do nothing, w may have no products, z takes what its op has, v what
 * the run says. */
static const char mixed[] = SPACE "code = {dx}-{op*}-{p*}\n"
  "[op a]\nblock = identity\n[op b]\nblock = conv\nkernel = 3\n"
  "[op q]\nblock = avgpool\nkernel = 2\n"
  "[op c]\nblock = conv\nkernel = 3\ndtype = i8\n"
  "[stage x]\nop = a b\nout = 3\ndepth = 1 2\ndtype = f32 i8\n"
  "[stage w]\nop = q b\nout = 3\nstride = 2\ndtype = f32 i8\n"
  "[stage y]\nblock = mbconv\nkernel = 3\nexpand = 2\nact = relu\nout = 8\n"
  "depth = 2\nper = stage\ndtype = bf16 i8 tf32 f16\n"
  "[stage z]\nop = c\nout = 8\n"
  "[stage v]\nblock = conv\nkernel = 1\nout = 16\n"
  "[head]\ndtype = f32 bf16\n";

static struct family *
open_text(const char *text)
{
  struct ini *ini = ini_parse_text("t.ini", text);
  struct family *family = family_parse(ini);

  assert_non_null(family);
  ini_free(ini);
  return family;
}

static struct chanas_network *
build(struct family *family, const char *code)
{
  int32_t choice[16];
  struct chanas_network *net;

  assert_int_equal(network_parse_code(family, code, choice), 0);
  net = network_build(family, choice);
  assert_non_null(net);
  assert_string_equal(net->code, code);
  return net;
}

/* dtypes: of the blocks, after one blank each. */
static void
check_dtypes(struct family *family, const char *code, const char *dtypes)
{
  const struct workload_set *set = family_workloads(family);
  struct chanas_network *net = build(family, code);
  struct chanas_text got = { 0 };

  for (size_t b = 0; b < net->blocks; b++) {
    const char *key = set->item[net->block[b].workload]->key;
    text_print(&got, " %.*s", (int)strcspn(key, "/"), key);
  }
  assert_string_equal(text_string(&got), dtypes);
  text_free(&got);
  network_free(net);
}

static void
test_knobs(void **state)
{
  static const struct { const char *name; int64_t last; const char *label;
                        long parent; } want[] = {
    { "dx", 2, NULL, -1 }, { "opx.1", 1, "b", 0 },
    { "px.1", CHANAS_I8, "i8", 0 }, { "opx.2", 1, "b", 0 },
    { "px.2", CHANAS_I8, "i8", 0 }, { "opw.1", 1, "b", -1 },
    { "pw.1", CHANAS_I8, "i8", -1 }, { "py", CHANAS_F16, "f16", -1 },
    { "phead", CHANAS_BF16, "bf16", -1 },
  };
  struct family *family = open_text(mixed);
  const struct chanas_space *space = family_space(family);

  (void)state;
  assert_int_equal(space->knobs, sizeof want / sizeof *want);
  for (size_t k = 0; k < space->knobs; k++) {
    const struct knob *knob = &space->knob[k];
    size_t last = knob->choices - 1;
    assert_string_equal(knob->name, want[k].name);
    assert_int_equal(knob->value[last], want[k].last);
    assert_int_equal(knob->parent, want[k].parent);
    if (want[k].label)
      assert_string_equal(knob->label[last], want[k].label);
  }
  family_free(family);
}

static void
test_blocks(void **state)
{
  struct family *family = open_text(mixed);

  (void)state;
  check_dtypes(family, "1-101-i80f32bf16f32",
               " i8 f32 bf16 bf16 i8 f32 f32");
  check_dtypes(family, "2-111-f32i8i8i8bf16",
               " f32 i8 i8 i8 i8 i8 f32 bf16");
  check_dtypes(family, "2-011-f32i8f32f16bf16",
               " i8 f32 f16 f16 i8 f32 bf16");
  check_dtypes(family, "1-000-f320f32tf32f32", " f32 tf32 tf32 i8 f32 f32");
  check_dtypes(family, "1-000-f320i8tf32f32", " f32 tf32 tf32 i8 f32 f32");
  family_free(family);
}

/* Layers without a dtype, or without products, take that of the run. */
static void
test_target(void **state)
{
  struct family *family = open_text(mixed);

  (void)state;
  assert_int_equal(family_target(family, 1, CHANAS_I8), 0);
  check_dtypes(family, "1-101-f320f32bf16f32",
               " f32 f32 bf16 bf16 i8 i8 f32");
  check_dtypes(family, "1-000-f320f32bf16f32", " i8 bf16 bf16 i8 i8 f32");
  family_free(family);
}

/* A mixture shares nothing but what is equal, and the work is the same. */
static void
test_workloads(void **state)
{
  struct family *family = open_text(mixed);
  struct chanas_network *a = build(family, "2-111-f32i8i8i8bf16");
  struct chanas_network *b = build(family, "2-111-f32f32f32i8bf16");

  (void)state;
  assert_true(a->macs == b->macs && a->params == b->params);
  assert_int_equal(a->block[0].workload, b->block[1].workload);
  assert_int_not_equal(a->block[1].workload, b->block[1].workload);
  assert_int_equal(a->block[3].workload, b->block[3].workload);
  network_free(a);
  network_free(b);
  family_free(family);
}

static void
test_bad_codes(void **state)
{
  static const char *const bad[] = {
    "1-101-i8f32f32bf16f32", "1-101-i80f32bf16i8", "1-101-i80f16bf16f32",
    "1-101-i80f32bf16", "1-101-i90f32bf16f32", "2-111-0i8i8i8bf16",
  };
  struct family *family = open_text(mixed);

  (void)state;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    int32_t choice[16];
    struct capture c;
    capture_begin(&c);
    if (network_parse_code(family, bad[i], choice) == 0)
      fail_msg("%s is read", bad[i]);
    capture_end(&c);
  }
  family_free(family);
}

static void
test_refused(void **state)
{
  static const struct { const char *text; int line; const char *what; }
  bad[] = {
    { "[stage 1]\nblock = conv\nkernel = 1\nout = 8\ndtype = int8\n[head]\n",
      10, "dtype = int8; give one of f32 bf16 i8" },
    { "[stage 1]\nblock = conv\nkernel = 1\nout = 8\ndtype = i8 i8\n[head]\n",
      10, "twice" },
    { "[stage 1]\nblock = avgpool\nkernel = 1\nout = 3\ndtype = i8\n[head]\n",
      10, "unknown key 'dtype'" },
    { "[op a]\nblock = conv\nkernel = 1\ndtype = f32 i8\n", 9,
      "declare an [op] for each" },
    { "[op a]\nblock = skip\ndtype = i8\n", 8, "unknown key 'dtype'" },
    { "[op a]\nblock = conv\nkernel = 1\ndtype = i8\n"
      "[stage 1]\nop = a\nout = 8\ndtype = f32\n[head]\n", 13,
      "[stage 1] and its [op a] both have a dtype" },
    { "[op a]\nblock = skip\n[cell c]\nnodes = 2\nedge = a\n"
      "[stage 1]\ncell = c\nout = 3\ndtype = i8\n[head]\n", 14,
      "unknown key 'dtype'" },
    { "[stage head]\nblock = conv\nkernel = 1\nout = 8\nper = stage\n"
      "dtype = i8 f32\n[head]\ndtype = f32 bf16\n", 13,
      "the knob phead already" },
  };

  (void)state;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    char *text = mem_print("%s%s", SPACE, bad[i].text);
    char *place = mem_print("t.ini:%d: ", bad[i].line);
    struct ini *ini = ini_parse_text("t.ini", text);
    struct family *family;
    struct capture c;
    capture_begin(&c);
    family = family_parse(ini);
    capture_end(&c);
    if (family || !strstr(c.text, place) || !strstr(c.text, bad[i].what))
      fail_msg("case %zu, wanted '%s%s', got '%s'", i, place, bad[i].what,
               c.text);
    ini_free(ini);
    free(place);
    free(text);
  }
}

/* The space that is shipped: its ends are the plain network in one dtype. */
static void
test_shipped(void **state)
{
  char *path = file_find_etc(NULL, "spaces/mobilenet-v2-mixed.ini");
  struct family *family = path ? family_read(path) : NULL;
  int32_t choice[32];

  (void)state;
  assert_non_null(family);
  assert_int_equal(family_space(family)->knobs, 19);
  for (int dtype = 0; dtype < 3; dtype++) {
    struct chanas_network *net;
    for (size_t k = 0; k < 19; k++)
      choice[k] = dtype;
    net = network_build(family, choice);
    assert_int_equal(net->blocks, 19);
    for (size_t b = 0; b < net->blocks; b++)
      assert_int_equal(family_workloads(family)
                       ->item[net->block[b].workload]->dtype, dtype);
    network_free(net);
  }
  family_free(family);
  free(path);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_knobs),
    cmocka_unit_test(test_blocks),
    cmocka_unit_test(test_target),
    cmocka_unit_test(test_workloads),
    cmocka_unit_test(test_bad_codes),
    cmocka_unit_test(test_refused),
    cmocka_unit_test(test_shipped),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
