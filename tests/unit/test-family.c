/* SPDX-License-Identifier: Apache-2.0 */
/* Space files: what is refused, and that file and line are named. */
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
/* Lines 6 to 9. */
#define STAGE "[stage 1]\nblock = conv\nkernel = 3\nout = 8\n"
#define STEM "[stage 1]\nblock = stem\nkernel = 3\nact = relu\nout = 8\n"
#define HEAD "[head]\n"

static const struct bad { const char *text; int line; const char *what; }
bad[] = {
  { STAGE HEAD, 1, "no section [space]" },
  { "[space]\nname = a b\n" STAGE, 2, "name = a b" },
  { "[space]\ninput-channels = 3\n", 1, "has no 'name'" },
  { "[space]\nname = t\ninput-channels = 3\nclasses = 5\n" STAGE HEAD, 1,
    "has no 'resolution'" },
  { "[space]\nname = t\nresolution = 8\nclasses = 5\n" STAGE HEAD, 1,
    "has no 'input-channels'" },
  { SPACE "clases = 3\n" STAGE HEAD, 6, "did you mean 'classes'?" },
  { SPACE "width = 0\n" STAGE HEAD, 6, "width = 0; give numbers" },
  { SPACE "width = 1 1.0\n" STAGE HEAD, 6, "twice" },
  { SPACE "width = 1.0001\n" STAGE HEAD, 6, "three decimals" },
  { SPACE "width = 0x1\n" STAGE HEAD, 6, "give numbers" },
  { SPACE "width =\n" STAGE HEAD, 6, "width is empty" },
  { SPACE "divisor = 8 16\n" STAGE HEAD, 6, "takes one value" },
  { SPACE STAGE, 6, "ends without a [head]" },
  { SPACE HEAD, 6, "ends without a [stage NAME]" },
  { SPACE HEAD STAGE, 7, "the head comes last" },
  { SPACE "[layer 1]\n" STAGE HEAD, 6, "a space file has" },
  { SPACE "[stages 1]\n" STAGE HEAD, 6, "a space file has" },
  { SPACE "[stage]\nblock = conv\n" HEAD, 6, "give a name" },
  { SPACE "[stage 1.1]\nblock = conv\n" HEAD, 6, "give a name" },
  { SPACE "[stage 1]\nblock = conv\nkernel = 3\n" HEAD, 6, "has no 'out'" },
  { SPACE "[stage 1]\nout = 8\n" HEAD, 6, "exactly one of block, op" },
  { SPACE "[stage 1]\nblock = conv\nop = x\n" HEAD, 6, "exactly one" },
  { SPACE "[stage 1]\nblock = conf\nout = 8\n" HEAD, 7,
    "did you mean 'conv'?" },
  { SPACE "[stage 1]\nblock = conv\nout = 8\n" HEAD, 6, "has no 'kernel'" },
  { SPACE "[stage 1]\nblock = mbconv\nkernel = 3\nact = relu\nout = 8\n" HEAD,
    6, "has no 'expand'" },
  { SPACE "[stage 1]\nblock = mbconv\nkernel = 3\nexpand = 3\nout = 8\n" HEAD,
    6, "has no 'act'" },
  { SPACE STAGE "expand = 6\n" HEAD, 10, "unknown key 'expand'" },
  { SPACE STAGE "acts = relu\n" HEAD, 10, "did you mean 'act'?" },
  { SPACE STAGE "act = tanh\n" HEAD, 10, "act = tanh; give one of" },
  { SPACE STAGE "stride = 2.5\n" HEAD, 10, "stride = 2.5; give integers" },
  { SPACE STAGE "stride = -1\n" HEAD, 10, "give integers from 1" },
  { SPACE STAGE "depth = 0 1\n" HEAD, 10, "depth = 0; give integers" },
  { SPACE STAGE "depth = 65\n" HEAD, 10, "give integers from 1 to 64" },
  { SPACE STAGE "per = net\n" HEAD, 10, "give one of layer stage" },
  { SPACE STAGE "norm = maybe\n" HEAD, 10, "give one of no yes" },
  { SPACE "[stage 1]\nblock = conv\nkernel = 3 4\nout = 8\n" HEAD, 8,
    "only odd kernels" },
  { SPACE "[stage 1]\nblock = skip\nout = 8\n" HEAD, 7,
    "for the edges of a cell" },
  { SPACE "[stage 1]\nop = a\nout = 8\n" HEAD, 7, "none is declared" },
  { SPACE "[op a]\nkernel = 3\n" STAGE HEAD, 6, "has no 'block'" },
  { SPACE "[op a]\nblock = conv\nkernel = 3 5\n" STAGE HEAD, 8,
    "declare an [op] for each" },
  { SPACE "[op a]\nblock = none\n[stage 1]\nop = a\nout = 8\n" HEAD, 9,
    "for the edges of a cell" },
  { SPACE "[op a]\nblock = identity\n[cell c]\nnodes = 2\nedge = a\n" HEAD,
    10, "cannot be an edge" },
  { SPACE "[op a]\nblock = avgpool\nkernel = 2\n[cell c]\nnodes = 2\n"
    "edge = a\n" HEAD, 11, "its kernel must be odd" },
  { SPACE "[op a]\nblock = skip\n[cell c]\nedge = a\n" STAGE HEAD, 8,
    "has no 'nodes'" },
  { SPACE "[op a]\nblock = skip\n[cell c]\nnodes = 1\n" STAGE HEAD, 9,
    "integers from 2" },
  { SPACE "[op a]\nblock = skip\n[cell c]\nnodes = 3\nedge1.0 = a\n" STAGE
    HEAD, 8, "has no 'edge'" },
  { SPACE "[op a]\nblock = skip\n[cell c]\nnodes = 2\nedge = a\n"
    "edge2.1 = a\n" STAGE HEAD, 11, "unknown key 'edge2.1'" },
  { SPACE "[op a]\nblock = skip\n[cell c]\nnodes = 2\nedge = a\n" STAGE HEAD,
    8, "is used by no stage" },
  { SPACE "[stage 1]\ncell = c\nout = 3\n" HEAD, 7, "none is declared" },
  { SPACE "[op a]\nblock = skip\n[cell c]\nnodes = 2\nedge = a\n"
    "[stage 1]\ncell = c\nout = 8\n" HEAD, 11, "a cell keeps its channels" },
  { SPACE "[op a]\nblock = skip\n[cell c]\nnodes = 2\nedge = a\n"
    "[stage 1]\ncell = c\nout = 3\nstride = 2\n" HEAD, 14,
    "unknown key 'stride'" },
  { SPACE STEM "conv = 8\nexpand = 1\n" HEAD, 12, "unknown key 'expand'" },
  { SPACE STEM "conv = 8\ndepth = 1\n" HEAD, 12, "unknown key 'depth'" },
  { SPACE STEM HEAD, 6, "has no 'conv'" },
  { SPACE STEM "conv = 8 16\n" HEAD, 11, "takes one value" },
  { SPACE STEM "conv = 0\n" HEAD, 11, "conv = 0; give integers" },
  { SPACE STEM "conv = 8\nconv-kernel = 4\n" HEAD, 12, "only odd kernels" },
  { SPACE STEM "conv = 8\nconv-act = tanh\n" HEAD, 12, "give one of" },
  { SPACE STAGE "conv-kernel = 3\n" HEAD, 10, "unknown key 'conv-kernel'" },
  { SPACE "[op a]\nblock = stem\n" STAGE HEAD, 7, "a stage of its own" },
  { SPACE STAGE HEAD "con = 3\n", 11, "did you mean 'conv'?" },
  { SPACE STAGE HEAD "features = 0\n", 11, "give integers from 1" },
  { SPACE STAGE HEAD "features-act = relu\n", 11, "unknown key" },
  { SPACE "[stage 1]\nblock = avgpool\nkernel = 9\nstride = 9\nout = 3\n"
    "[stage 2]\nblock = avgpool\nkernel = 2\nout = 3\n" HEAD, 11,
    "[stage 2] cannot follow: its input is 1x1x3" },
  { SPACE "[stage 1]\nblock = avgpool\nkernel = 2\ndepth = 2\nout = 3\n" HEAD,
    6, "changes the size" },
  { SPACE "[stage 1]\nblock = avgpool\nkernel = 3\nout = 8\n" HEAD, 6,
    "cannot follow" },
  { SPACE "[stage 1]\nblock = reduce\nkernel = 3\nact = relu\nout = 8\n"
    "stride = 3\n" HEAD, 6, "cannot follow" },
  { SPACE "[op a]\nblock = avgpool\nkernel = 2\n[op b]\nblock = avgpool\n"
    "kernel = 3\n[stage 1]\nop = a b\nout = 3\n" HEAD, 12,
    "images of different size" },
  { SPACE STAGE "depth = 1 2\n" HEAD "conv = 65536\nfeatures = 65536\n", 11,
    "[head] cannot follow" },
  { SPACE "[stage 1]\nblock = mbconv\nact = none relu relu6 swish\nout = 8\n"
    "kernel = 1 3 5 7 9 11 13 15 17 19 21 23 25 27 29 31\n"
    "expand = 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n"
    "se = 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15\ndepth = 64\n" HEAD, 6,
    "list fewer values" },
  { SPACE "code = {k*}\n" STAGE HEAD, 6, "no knob is named {k*}" },
  { SPACE "code = x{d1\n" STAGE "depth = 1 2\n" HEAD, 6, "a brace without" },
  { SPACE "code = x\n" STAGE "depth = 1 2\n" HEAD, 6,
    "knob d1 is printed 0 times" },
  { SPACE "code = {d1}{d*}\n" STAGE "depth = 1 2\n" HEAD, 6,
    "knob d1 is printed 2 times" },
  { SPACE "code = {d1}{s1}\n" STAGE "depth = 1 12\nstride = 1 2\n" HEAD, 6,
    "choices of knob d1 begin alike" },
  { SPACE "code =\n" STAGE HEAD, 6, "code is empty" },
};

static void
test_refused(void **state)
{
  (void)state;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    struct capture c;
    char *place = mem_print("bad.ini:%d: ", bad[i].line);
    struct ini *ini = ini_parse_text("bad.ini", bad[i].text);
    struct family *family;
    assert_non_null(ini);
    capture_begin(&c);
    family = family_parse(ini);
    capture_end(&c);
    if (family || !strstr(c.text, place) || !strstr(c.text, bad[i].what))
      fail_msg("case %zu, wanted '%s%s', got '%s'", i, place, bad[i].what,
               c.text);
    free(place);
    ini_free(ini);
  }
}

/* A key once at fault comes with one line, not a cascade. */
static void
test_one_line(void **state)
{
  struct ini *ini = ini_parse_text("bad.ini", SPACE STAGE "act = x y\n" HEAD);
  struct capture c;

  (void)state;
  capture_begin(&c);
  assert_null(family_parse(ini));
  capture_end(&c);
  assert_ptr_equal(strchr(c.text, '\n'), c.text + strlen(c.text) - 1);
  ini_free(ini);
}

/* Names, order, values, labels and parents of knobs. */
static void
test_knobs(void **state)
{
  static const char text[] = "[space]\nname = t\ninput-channels = 3\n"
    "classes = 5\nresolution = 8 16\nwidth = 0.5 1\n"
    "[op a]\nblock = identity\n[op b]\nblock = conv\nkernel = 3\n"
    "[op s]\nblock = skip\n"
    "[cell c]\nnodes = 3\nedge = s b\nedge2.0 = s\n"
    "[stage x]\nop = b a\nout = 8\ndepth = 1 2\n"
    "[stage y]\nblock = mbconv\nkernel = 3 5\nexpand = 2 4\nse = 0 4\n"
    "act = relu hswish\nout = 8 16\nstride = 1 2\ndepth = 2\nper = stage\n"
    "[stage z]\nblock = mbconv\nkernel = 3\nexpand = 2.5 4\nact = relu\n"
    "out = 8\n"
    "[stage c]\ncell = c\nout = 8\ndepth = 1 3\n[head]\n";
  static const struct { const char *name; int64_t last; const char *label;
                        long parent; } want[] = {
    { "resolution", 16, NULL, -1 }, { "width", 1000, "1", -1 },
    { "edge1.0", 1, "b", -1 }, { "edge2.1", 1, "b", -1 },
    { "dx", 2, NULL, -1 }, { "opx.1", 1, "a", 4 }, { "opx.2", 1, "a", 4 },
    { "sy", 2, NULL, -1 }, { "wy", 16, NULL, -1 }, { "ky", 5, NULL, -1 },
    { "ey", 4, NULL, -1 }, { "sey", 4, NULL, -1 },
    { "acty", CHANAS_ACT_HSWISH, "hswish", -1 }, { "ez.1", 4000, "4", -1 },
    { "dc", 3, NULL, -1 },
  };
  struct ini *ini = ini_parse_text("t.ini", text);
  struct family *family = family_parse(ini);
  const struct chanas_space *space;

  (void)state;
  assert_non_null(family);
  space = family_space(family);
  assert_int_equal(space->knobs, sizeof want / sizeof *want);
  for (size_t k = 0; k < space->knobs; k++) {
    const struct knob *knob = &space->knob[k];
    assert_string_equal(knob->name, want[k].name);
    assert_int_equal(knob->choices, 2);
    assert_int_equal(knob->value[1], want[k].last);
    assert_int_equal(knob->parent, want[k].parent);
    if (want[k].label)
      assert_string_equal(knob->label[1], want[k].label);
    else
      assert_null(knob->label);
  }
  assert_int_equal(space->knob[5].mask, 3);
  assert_int_equal(space->knob[6].mask, 2);
  family_free(family);
  ini_free(ini);
}

/* The example of the manual is a space file. */
static void
test_manual(void **state)
{
  const char *top = getenv("abs_top_srcdir");
  char *path = mem_print("%s/docs/spaces.md", top ? top : ".");
  struct chanas_text text = { 0 };
  struct family *family;
  struct ini *ini;
  char *start, *end;

  (void)state;
  assert_int_equal(file_read(path, 1 << 20, &text), 0);
  start = strstr(text.data, "```ini\n");
  assert_non_null(start);
  end = strstr(start + 7, "```");
  assert_non_null(end);
  *end = '\0';
  ini = ini_parse_text(path, start + 7);
  assert_non_null(ini);
  family = family_parse(ini);
  assert_non_null(family);
  assert_int_equal(family_space(family)->knobs, 8);
  assert_true(space_size(family_space(family)) == 3 * (36 + 216));
  family_free(family);
  ini_free(ini);
  text_free(&text);
  free(path);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_refused),
    cmocka_unit_test(test_one_line),
    cmocka_unit_test(test_knobs),
    cmocka_unit_test(test_manual),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
