/* SPDX-License-Identifier: Apache-2.0 */
/* The runner and the way to it: what is measured, and what becomes of a
 * runner that is missing, of another age, or speaks garbage. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../unit/capture.h"
#include "bed.h"
#include "file.h"
#include "frame.h"
#include "measure_job.h"
#include "proc.h"

enum {
#define MISDEED(name, outcome, detail, before, in, after) DO_##name,
#include "misdeeds.h"
#undef MISDEED
  GOOD = DO_none, SLOW = DO_slow
};

static struct bed bed;
static struct chanas_workload *block;
static struct build_unit unit; /* a good candidate of the block */
static const char *runner;

static struct measure *
open_measure(const char *command, const char *settings)
{
  struct measure_config config = bed_config(&bed);
  config.runner = command;
  config.settings = settings;
  struct measure *m = measure_open(&config);
  assert_non_null(m);
  return m;
}

static struct measure_result
run(const char *command)
{
  struct measure_result r;
  struct measure *m = open_measure(command, "");
  measure_workload(m, unit.object, "k", block, 1, &r);
  measure_close(m);
  return r;
}

/* ---- what is measured ---- */

/* Every kind of operator, against the reference. */
static void
all_operators(void **state)
{
  static const char *const key[] = {
    "f32/n2/i9x7x5/conv:k3,s2,p1,o11,hswish,b,x0",
    "f32/n1/i7x7x4/dw:k5,s1,p2,swish,b,x0/se:q2,x1",
    "f32/n1/i8x8x3/avgpool:k3,s2,p1,x0",
    "f32/n3/i4x4x6/globalpool:x0/linear:o10,none,b,x1",
    "f32/n1/i5x5x2/act:hsigmoid,x0/acc",
    "f32/n1/i5x5x4/conv:k7,s1,p3,o4,relu,x0/acc",
  };
  struct measure *m = open_measure(NULL, "");
  (void)state;
  for (size_t i = 0; i < sizeof key / sizeof *key; i++) {
    struct chanas_workload *w = workload_parse(key[i]);
    assert_non_null(w);
    char *source = bed_emit(&bed, w, GOOD, 1, "k");
    struct build_unit u = {.symbol = "k", .source = source};
    struct measure_result r;
    build_units(bed.build, 1, &u, 1);
    assert_non_null(u.object);
    measure_workload(m, u.object, "k", w, 1, &r);
    if (r.outcome != CHANAS_MEASURED)
      print_error("%s: %s\n", key[i], r.detail);
    assert_int_equal(r.outcome, CHANAS_MEASURED);
    build_units_free(1, &u);
    free(source);
    workload_free(w);
  }
  measure_close(m);
}

/* An element that is never written is wrong even if it should be zero. */
static void
unwritten_zeros(void **state)
{
  struct chanas_workload *w = workload_parse("f32/n1/i6x6x7/act:relu,x0");
  char *source = bed_emit(&bed, w, DO_no_zeros, 0, "k");
  struct build_unit u = {.symbol = "k", .source = source};
  struct measure *m = open_measure(NULL, "");
  struct measure_result r;
  (void)state;
  build_units(bed.build, 1, &u, 1);
  measure_workload(m, u.object, "k", w, 1, &r);
  assert_int_equal(r.outcome, CHANAS_WRONG);
  measure_close(m);
  build_units_free(1, &u);
  free(source);
  workload_free(w);
}

static void
figures_make_sense(void **state)
{
  char *source = bed_emit(&bed, block, SLOW, 0, "k");
  struct build_unit u = {.symbol = "k", .source = source};
  struct measure *m = open_measure(NULL, "");
  struct measure_result r, again;
  (void)state;
  build_units(bed.build, 1, &u, 1);
  measure_workload(m, u.object, "k", block, 1, &r);
  assert_int_equal(r.outcome, CHANAS_MEASURED);
  assert_true(r.minimum >= 0.002 && r.latency >= r.minimum); /* it sleeps */
  assert_true(r.ci >= 0 && r.control > 0);
  measure_workload(m, u.object, "k", block, 1, &again);
  assert_true(r.difference == again.difference); /* same seed, same data */
  measure_workload(m, u.object, "k", block, 0, &again);
  assert_int_equal(again.outcome, CHANAS_MEASURED);
  assert_true(again.difference == 0); /* not looked at */
  measure_close(m);
  build_units_free(1, &u);
  free(source);
}

static struct measure_result
run_cold(uint64_t bytes, int misdeed, const char *key, const char *settings)
{
  struct measure_config config = bed_config(&bed);
  struct chanas_workload *w = workload_parse(key);
  char *source = bed_emit(&bed, w, misdeed, 0, "k");
  struct build_unit u = {.symbol = "k", .source = source};
  struct measure_result r;
  config.cold = bytes;
  config.settings = settings;
  struct measure *m = measure_open(&config);
  assert_non_null(m);
  build_units(bed.build, 1, &u, 1);
  assert_non_null(u.object);
  measure_workload(m, u.object, "k", w, 1, &r);
  measure_close(m);
  build_units_free(1, &u);
  free(source);
  workload_free(w);
  return r;
}

/* Timed cold, a block writes elsewhere each time; the time is still that of
 * one, and what it adds to is what it is given. */
static void
cold_memory(void **state)
{
  static const char steady[] = "steady=yes\n";
  static const char adds[] = "f32/n1/i6x6x7/act:relu,x0/acc";
  struct measure_result hot, cold;
  (void)state;
  hot = run_cold(0, DO_same_memory, BED_BLOCK, "");
  assert_int_equal(hot.outcome, CHANAS_WRONG);
  cold = run_cold(10000, DO_same_memory, BED_BLOCK, "");
  assert_int_equal(cold.outcome, CHANAS_MEASURED);
  hot = run_cold(0, GOOD, BED_BLOCK, steady);
  cold = run_cold(10000, GOOD, BED_BLOCK, steady);
  assert_true(hot.latency > 0);
  assert_true(fabs(hot.latency - cold.latency) < 1e-9 * hot.latency);
  cold = run_cold(10000, GOOD, adds, "");
  assert_int_equal(cold.outcome, CHANAS_MEASURED);
  cold = run_cold(10000, DO_same_memory, adds, "");
  assert_int_equal(cold.outcome, CHANAS_WRONG);
}

/* Three steps, the last of which adds to what the second wrote. */
static void
whole_programs(void **state)
{
  const char *key[] = {"f32/n1/i6x6x3/conv:k1,s1,p0,o7,relu,b,x0", BED_BLOCK,
                       "f32/n1/i6x6x7/act:relu,x0/acc",
                       "f32/n1/i6x6x7/act:relu,x0"};
  const size_t elements[] = {108, 252, 252};
  struct chanas_step step[3] = {{NULL, "a", NULL, 0, 1},
                                {NULL, "b", NULL, 1, 2},
                                {NULL, "c", NULL, 1, 2}};
  struct chanas_program p = {3, 3, step, elements, 2};
  struct chanas_text text = {0};
  struct measure *m = open_measure(NULL, "");
  struct measure_result r;
  (void)state;
  for (int i = 0; i < 4; i++) {
    struct chanas_workload *w = workload_parse(key[i]);
    char *source = bed_emit(&bed, w, GOOD, 0, i < 3 ? step[i].symbol : "over");
    text_print(&text, "%s\n", source);
    free(source);
    if (i < 3)
      step[i].workload = w;
    else
      workload_free(w);
  }
  struct build_unit u = {.symbol = "a", .source = text.data};
  build_units(bed.build, 1, &u, 1);
  assert_non_null(u.object);
  measure_program(m, u.object, &p, 1, &r);
  assert_int_equal(r.outcome, CHANAS_MEASURED);
  assert_true(r.difference > 0);
  step[2].symbol = "over"; /* writes where it should add */
  measure_program(m, u.object, &p, 1, &r);
  assert_int_equal(r.outcome, CHANAS_WRONG);
  step[2].symbol = "none";
  measure_program(m, u.object, &p, 1, &r);
  assert_int_equal(r.outcome, CHANAS_NOT_BUILT);
  measure_close(m);
  build_units_free(1, &u);
  text_free(&text);
  for (int i = 0; i < 3; i++)
    workload_free((struct chanas_workload *)step[i].workload);
}

/* ---- the device ---- */

static void
describes(void **state)
{
  struct measure *m = open_measure(NULL, "fault=none\n");
  struct chanas_device *d = measure_describe(m, 0);
  (void)state;
  assert_non_null(d);
  assert_string_equal(device_trait(d, "model"), "test");
  assert_string_equal(device_trait(d, "measured.gflops"), "");
  char *print = mem_string(d->fingerprint);
  device_free(d);
  d = measure_describe(m, 1);
  assert_string_equal(device_trait(d, "measured.gflops"), "1.5");
  assert_string_equal(d->fingerprint, print);
  free(print);
  device_free(d);
  measure_close(m);
}

static void
refuses_to_describe(void **state)
{
  static const struct { const char *settings, *said; } row[] = {
    {"fault=probe\n", "no such device here"}, {"fault=crash\n", "SIGABRT"},
    {"fault=empty\n", "describes nothing"}, {"fault=nonsense\n", "line 3"},
    {"fault=other\n", "fault"}, {"unknown=1\n", "unknown"},
  };
  (void)state;
  for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
    struct measure *m = open_measure(NULL, row[i].settings);
    struct capture c;
    capture_begin(&c);
    struct chanas_device *d = measure_describe(m, 0);
    const char *said = capture_end(&c);
    assert_null(d);
    if (!strstr(said, row[i].said))
      print_error("%s: %s\n", row[i].settings, said);
    assert_non_null(strstr(said, row[i].said));
    measure_close(m);
  }
}

/* ---- other runners ---- */

static void
missing_runners(void **state)
{
  static const char *const command[] = {"/no/such/runner", "no-such-runner x",
                                        "'open quote", "", "  "};
  (void)state;
  for (size_t i = 0; i < sizeof command / sizeof *command; i++) {
    struct measure_config config = bed_config(&bed);
    struct capture c;
    config.runner = command[i];
    capture_begin(&c);
    struct measure *m = measure_open(&config);
    const char *said = capture_end(&c);
    assert_null(m);
    assert_non_null(strstr(said, "runner"));
  }
  setenv("CHANAS_RUNNER", "/no/such/runner", 1);
  struct measure_config config = bed_config(&bed);
  struct capture c;
  capture_begin(&c);
  assert_null(measure_open(&config));
  assert_non_null(strstr(capture_end(&c), "/no/such/runner"));
  setenv("CHANAS_RUNNER", runner, 1);
}

/* Whatever it says and however it ends, nothing is measured. */
static void
senseless_runners(void **state)
{
  static const char *const command[] = {
    "true", "false", "cat", "echo CHNS", "head -c 1000 /dev/zero",
    "sh -c 'exit 255'", "sh -c 'kill -9 $$'", "sh -c 'exec 0<&-; exit 0'",
    "sh -c 'printf \"CHNS\\377\\377\\377\\377\"; exit 0'",
    "sh -c 'head -c 5000000 /dev/zero; cat >/dev/null'",
  };
  (void)state;
  for (size_t i = 0; i < sizeof command / sizeof *command; i++) {
    struct measure_result r = run(command[i]);
    assert_int_not_equal(r.outcome, CHANAS_MEASURED);
    assert_true(*r.detail && r.latency == 0);
    struct capture c;
    struct measure *m = open_measure(command[i], "");
    capture_begin(&c);
    assert_null(measure_describe(m, 0));
    assert_non_null(strstr(capture_end(&c), "runner"));
    measure_close(m);
  }
}

/* The true runner behind something that is in its way. */
static char *
behind(const char *before, const char *after)
{
  char *folder = registry_folders();
  char *command = mem_print("sh -c '%s \"$0\" --plugin-path \"%s\" \"$@\" %s' "
                            "'%s'", before, folder, after, runner);
  free(folder);
  return command;
}

static void
far_runners(void **state)
{
  static const struct {
    const char *before, *after;
    enum chanas_outcome outcome;
    const char *said;
  } row[] = {
    {"exec", "", CHANAS_MEASURED, ""},
    {"sleep 0.1; exec", "", CHANAS_MEASURED, ""},
    {"", "| stdbuf -o0 tr 0 1", CHANAS_LOST, "no runner is left"},
    {"head -c 100 |", "", CHANAS_LOST, "no runner is left"},
    {"ulimit -f 1; exec", "", CHANAS_LOST, "cannot hold the object"},
  };
  (void)state;
  for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
    char *command = behind(row[i].before, row[i].after);
    struct measure_result r = run(command);
    if (r.outcome != row[i].outcome || !strstr(r.detail, row[i].said))
      print_error("%s: %d %s\n", command, r.outcome, r.detail);
    assert_int_equal(r.outcome, row[i].outcome);
    assert_non_null(strstr(r.detail, row[i].said));
    free(command);
  }
}

/* What each of these says when it is asked for the device. */
static void
far_errors(void **state)
{
  static const struct { const char *before, *after, *said; } row[] = {
    {"", "| head -c 40", "silent"},
    {"", "| stdbuf -o0 tr 0 1", "not what a runner says"},
    {"head -c 100 |", "", "no whole job"},
    {"stdbuf -o0 tr e f |", "", "other than a job"},
    {"echo Welcome to the board.;", "", "'Welcome to the board.'"},
    {"echo the board is on fire >&2; exit 3;", "", "on fire"},
  };
  (void)state;
  for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
    char *command = behind(row[i].before, row[i].after);
    struct measure_config config = bed_config(&bed);
    config.runner = command;
    config.heartbeat = 3;
    struct measure *m = measure_open(&config);
    struct capture c;
    capture_begin(&c);
    assert_null(measure_describe(m, 0));
    const char *said = capture_end(&c);
    if (!strstr(said, row[i].said))
      print_error("%s: %s\n", command, said);
    assert_non_null(strstr(said, row[i].said));
    measure_close(m);
    free(command);
  }
}

/* An answer that was given before is none to this job. */
static void
old_answers(void **state)
{
  char path[] = "/tmp/chanas-answer-XXXXXX";
  (void)state;
  close(mkstemp(path));
  char *tee = mem_print("| tee %s", path), *command = behind("", tee);
  struct measure_result r = run(command);
  assert_int_equal(r.outcome, CHANAS_MEASURED);
  free(command);
  command = mem_print("sh -c 'cat %s; cat >/dev/null'", path);
  struct measure *m = open_measure(command, "");
  struct capture c;
  capture_begin(&c);
  assert_null(measure_describe(m, 0));
  assert_non_null(strstr(capture_end(&c), "to another job"));
  measure_close(m);
  unlink(path);
  free(command);
  free(tee);
}

/* ---- bad jobs and objects ---- */

/* The dynamic linker may die of what is cut in the middle (SIGBUS). */
static int
failed_to_load(const struct measure_result *r)
{
  return *r->detail && (r->outcome == CHANAS_NOT_BUILT ||
                        r->outcome == CHANAS_CRASHED);
}

static void
damaged_objects(void **state)
{
  char path[] = "/tmp/chanas-object-XXXXXX";
  char *command = behind("exec", "");
  struct chanas_text object = {0};
  struct measure *near = open_measure(NULL, "");
  struct measure *far = open_measure(command, "");
  (void)state;
  close(mkstemp(path));
  assert_int_equal(file_read(unit.object, 1 << 24, &object), 0);
  size_t cut[] = {0, 1, 100, object.size / 2};
  for (size_t i = 0; i < sizeof cut / sizeof *cut; i++) {
    struct measure_result r;
    assert_int_equal(file_write(path, object.data, cut[i]), 0);
    measure_workload(near, path, "k", block, 1, &r);
    assert_true(failed_to_load(&r));
    measure_workload(far, path, "k", block, 1, &r);
    assert_true(failed_to_load(&r));
  }
  unlink(path);
  text_free(&object);
  measure_close(near);
  measure_close(far);
  free(command);
}

/* Exit code of the runner given these bytes as its job. */
static int
feed(const struct chanas_text *job)
{
  struct chanas_args args = {0};
  struct proc_limits limits = {.seconds = 60};
  struct proc_result r;
  args_add(&args, runner);
  args_add(&args, "--backend");
  args_add(&args, "hostile");
  proc_run(&args, NULL, text_string(job), job->size, &limits, &r);
  assert_int_equal(r.end, PROC_EXITED);
  assert_true(r.out.size == 0 && r.err.size > 0);
  int code = r.code;
  proc_result_free(&r);
  args_free(&args);
  return code;
}

/* Takes a line away, or puts another in its place, in a sound job. */
static void
bad_jobs(void **state)
{
  static const struct { const char *key, *value; } row[] = {
    {"protocol", NULL}, {"protocol", "1"}, {"job", "dance"}, {"nonce", "-1"},
    {"seconds", "soon"}, {"rounds", "1e9"}, {"tensor", "99999999999"},
    {"step", "0 7 k x"}, {"step", "7 0 k x"}, {"step", "0 1"},
    {"step", "-1 1 k x"},
    {"output", "2"}, {"object", NULL}, {"verify", "2"},
  };
  struct job j = {.kind = JOB_MEASURE, .object = mem_string("/tmp/x"),
                  .seconds = 1, .rounds = 3};
  struct chanas_text wire = {0}, payload = {0}, text = {0};
  size_t used;
  (void)state;
  job_add_tensor(&j, 252);
  job_add_step(&j, 0, 0, "k", BED_BLOCK);
  job_pack(&j, &wire);
  assert_int_equal(frame_unpack(wire.data, wire.size, &payload, &used), 1);
  for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
    char *copy = mem_string(payload.data), *rest = copy, *line;
    size_t n = strlen(row[i].key);
    text.size = wire.size = 0;
    while ((line = strsep(&rest, "\n")) && rest)
      if (strncmp(line, row[i].key, n) || line[n] != ' ')
        text_print(&text, "%s\n", line);
      else if (row[i].value)
        frame_put(&text, row[i].key, "%s", row[i].value);
    frame_pack(&text, &wire);
    assert_int_equal(feed(&wire), 2);
    free(copy);
  }
  wire.size = 0;
  assert_int_equal(feed(&wire), 2);
  text_print(&wire, "CHNS%c%c%c%c", 1, 0, 0, 0x11); /* beyond the limit */
  assert_int_equal(feed(&wire), 2);
  text_free(&wire);
  text_free(&payload);
  text_free(&text);
  job_free(&j);
}

static int
set_up(void **state)
{
  (void)state;
  if (bed_open(&bed, 2) || !(runner = getenv("CHANAS_RUNNER")))
    return -1;
  runner = mem_string(runner);
  block = workload_parse(BED_BLOCK);
  unit = (struct build_unit){.symbol = "k",
                             .source = bed_emit(&bed, block, GOOD, 0, "k")};
  build_units(bed.build, 1, &unit, 1);
  return unit.object ? 0 : -1;
}

static int
tear_down(void **state)
{
  (void)state;
  free((char *)unit.source);
  build_units_free(1, &unit);
  workload_free(block);
  free((char *)runner);
  bed_close(&bed);
  registry_close();
  return 0;
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(all_operators),
    cmocka_unit_test(unwritten_zeros),
    cmocka_unit_test(figures_make_sense),
    cmocka_unit_test(cold_memory),
    cmocka_unit_test(whole_programs),
    cmocka_unit_test(describes),
    cmocka_unit_test(refuses_to_describe),
    cmocka_unit_test(missing_runners),
    cmocka_unit_test(senseless_runners),
    cmocka_unit_test(far_runners),
    cmocka_unit_test(far_errors),
    cmocka_unit_test(old_answers),
    cmocka_unit_test(damaged_objects),
    cmocka_unit_test(bad_jobs),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
