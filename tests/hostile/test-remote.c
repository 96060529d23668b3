/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runners behind a link that is cut, stalls, or is slow, and boards that go
 * away, come back, or are not what they should be: no result is lost or
 * mixed up, and there is an end to waiting.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "../unit/capture.h"
#include "bed.h"
#include "file.h"
#include "frame.h"
#include "outcome.h"
#include "proc.h"
#include "relay.h"

#define OTHER "f32/n1/i5x5x2/act:hsigmoid,x0/acc"
#define ITEMS 10

static struct bed bed;
static struct chanas_workload *block, *other;
static struct build_unit unit[2]; /* of block and other */
static char *runner, *self;
static char folder[2][40]; /* of two relays */

/* ---- set up ---- */

static char *
relayed(int i, const char *before)
{
  char *plugins = registry_folders();
  char *command = mem_print("%s '%s' relay %s '%s' --plugin-path '%s'", before,
                            self, folder[i], runner, plugins);
  free(plugins);
  return command;
}

static struct measure *
open_command(char *command, double heartbeat, double reconnect, int rounds)
{
  struct measure_config config = bed_config(&bed);
  config.runner = command;
  config.heartbeat = heartbeat;
  config.reconnect = reconnect;
  config.round = 0.05;
  config.rounds = rounds;
  struct measure *m = measure_open(&config);
  assert_non_null(m);
  free(command);
  return m;
}

/* Do something to a relay while a job is on it, in a process of its own. */
static pid_t
meanwhile(double seconds, void (*act)(void))
{
  fflush(NULL);
  pid_t pid = fork();
  if (pid)
    return pid;
  usleep((useconds_t)(1e6 * seconds));
  act();
  _exit(0);
}

static void
cut(void)
{
  relay_tell(folder[0], "cut");
}

static void
stall(void)
{
  relay_tell(folder[0], "stall");
}

static void
stop(void)
{
  kill((pid_t)relay_number(folder[0], "pid"), SIGSTOP);
}

static void
reboot(void)
{
  relay_tell(folder[0], "off");
  kill((pid_t)relay_number(folder[0], "pid"), SIGKILL);
  usleep(1500000);
  unlink(relay_path(folder[0], "off"));
}

static void
die(void)
{
  relay_tell(folder[0], "off");
  relay_tell(folder[0], "cut");
}

static int
clean(void **state)
{
  static const char *const name[] = {"cut", "stall", "slow", "off", "starts",
                                     "pid", "sent"};
  (void)state;
  for (int f = 0; f < 2; f++)
    for (size_t i = 0; i < sizeof name / sizeof *name; i++)
      unlink(relay_path(folder[f], name[i]));
  return 0;
}

static void
measured(const struct measure_result *r)
{
  if (r->outcome != CHANAS_MEASURED)
    print_error("%s: %s\n", outcome_name(r->outcome), r->detail);
  assert_int_equal(r->outcome, CHANAS_MEASURED);
}

/* ---- one board ---- */

static void
objects_travel_once(void **state)
{
  struct measure *m = open_command(relayed(0, ""), 10, 10, 3);
  struct measure_result r;
  long sent[3], size = 0;
  struct chanas_text object = {0};
  (void)state;
  assert_int_equal(file_read(unit[0].object, 1 << 24, &object), 0);
  size = (long)object.size;
  text_free(&object);
  for (int i = 0; i < 3; i++) {
    measure_workload(m, unit[0].object, "k", block, 1, &r);
    measured(&r);
    sent[i] = relay_number(folder[0], "sent");
  }
  assert_true(sent[0] > size);
  assert_true(sent[2] - sent[1] > 0 && sent[2] - sent[1] < size / 2);
  assert_int_equal(relay_size(folder[0], "starts"), 1);
  measure_close(m);
}

/* While a job is on its way act() happens, and the job is done all the same,
 * over the second link. */
static void
survives(void (*act)(void), double heartbeat)
{
  struct measure *m = open_command(relayed(0, ""), heartbeat, 60, 40);
  struct measure_result r;
  struct chanas_device *d = measure_describe(m, 0);
  struct capture c;
  assert_non_null(d);
  capture_begin(&c);
  pid_t pid = meanwhile(0.7, act);
  measure_workload(m, unit[0].object, "k", block, 1, &r);
  const char *said = capture_end(&c);
  measured(&r);
  assert_int_equal(waitpid(pid, NULL, 0), pid);
  assert_non_null(strstr(said, "to come back"));
  assert_true(relay_size(folder[0], "starts") > 1);
  device_free(d);
  measure_close(m);
}

static void
link_cut(void **state)
{
  (void)state;
  survives(cut, 20);
}

static void
link_stalls(void **state)
{
  (void)state;
  survives(stall, 3);
}

static void
transport_stopped(void **state)
{
  (void)state;
  survives(stop, 3);
}

static void
board_reboots(void **state)
{
  (void)state;
  survives(reboot, 20);
  assert_true(relay_size(folder[0], "starts") > 2);
}

/* Slower than silence is allowed to last, and yet not silent. */
static void
link_slow(void **state)
{
  struct measure *m = open_command(relayed(0, ""), 3, 0, 3);
  struct measure_result r;
  double start = proc_now();
  (void)state;
  relay_tell(folder[0], "slow");
  measure_workload(m, unit[0].object, "k", block, 1, &r);
  measured(&r);
  assert_true(proc_now() - start > 3);
  assert_int_equal(relay_size(folder[0], "starts"), 1);
  measure_close(m);
}

static void
stays_away(void **state)
{
  struct measure *m = open_command(relayed(0, ""), 10, 1, 40);
  struct measure_item item[2];
  struct capture c;
  (void)state;
  for (int i = 0; i < 2; i++)
    item[i] = (struct measure_item){.object = unit[0].object, .symbol = "k",
                                    .workload = block, .verify = 1};
  device_free(measure_describe(m, 0)); /* so that it is up */
  capture_begin(&c);
  pid_t pid = meanwhile(0.7, die);
  assert_int_equal(measure_each(m, 2, item, NULL, NULL), -1);
  const char *said = capture_end(&c);
  assert_non_null(strstr(said, "given up"));
  assert_non_null(strstr(said, "no runner of [backend] is left"));
  for (int i = 0; i < 2; i++) {
    assert_int_equal(item[i].result.outcome, CHANAS_LOST);
    assert_true(*item[i].result.detail != '\0');
  }
  waitpid(pid, NULL, 0);
  measure_close(m);
}

static void
another_protocol(void **state)
{
  struct chanas_text p = {0}, frame = {0};
  struct capture c;
  (void)state;
  frame_put(&p, "hello", "%d", 99);
  frame_put(&p, "version", "9.9");
  frame_pack(&p, &frame);
  char *path = mem_print("%s/hello", folder[0]);
  assert_int_equal(file_write(path, frame.data, frame.size), 0);
  struct measure *m = open_command(mem_print("sh -c 'exec cat %s -'", path),
                                   10, 10, 3);
  capture_begin(&c);
  assert_null(measure_describe(m, 0));
  const char *said = capture_end(&c);
  assert_non_null(strstr(said, "(9.9) 99; install the same version"));
  measure_close(m);
  unlink(path);
  free(path);
  text_free(&p);
  text_free(&frame);
}

/* ---- two boards ---- */

static void
both_items(struct measure_item item[ITEMS])
{
  for (int i = 0; i < ITEMS; i++)
    item[i] = (struct measure_item){.object = unit[i % 2].object,
                                    .symbol = "k", .verify = 1,
                                    .workload = i % 2 ? other : block};
}

static void
count(void *arg, size_t finished)
{
  *(size_t *)arg += finished == *(size_t *)arg + 1;
}

/* Every item has its own result, as measured here. */
static void
same_as_here(const struct measure_item item[ITEMS])
{
  struct measure *here = open_command(NULL, 0, 0, 3);
  struct measure_item local[ITEMS];
  both_items(local);
  assert_int_equal(measure_each(here, 2, local, NULL, NULL), 0);
  for (int i = 0; i < ITEMS; i++) {
    measured(&item[i].result);
    assert_true(item[i].result.difference == local[i % 2].result.difference);
  }
  measure_close(here);
}

static void
boards_share(void **state)
{
  char *a = relayed(0, ""), *b = relayed(1, "");
  struct measure *m = open_command(mem_print("%s, %s", a, b), 10, 10, 9);
  struct measure_item item[ITEMS];
  size_t finished = 0;
  (void)state;
  both_items(item);
  assert_int_equal(measure_each(m, ITEMS, item, count, &finished), 0);
  assert_int_equal(finished, ITEMS);
  same_as_here(item);
  for (int f = 0; f < 2; f++) /* both were sent objects */
    assert_true(relay_number(folder[f], "sent") > 10000);
  measure_close(m);
  free(a);
  free(b);
}

static void
one_of_two_dies(void **state)
{
  char *a = relayed(0, ""), *b = relayed(1, "");
  struct measure *m = open_command(mem_print("%s, %s", a, b), 10, 1, 20);
  struct measure_item item[ITEMS];
  struct capture c;
  (void)state;
  both_items(item);
  device_free(measure_describe(m, 0));
  capture_begin(&c);
  pid_t pid = meanwhile(1.5, die);
  assert_int_equal(measure_each(m, ITEMS, item, NULL, NULL), 0);
  assert_non_null(strstr(capture_end(&c), "given up"));
  same_as_here(item);
  waitpid(pid, NULL, 0);
  measure_close(m);
  free(a);
  free(b);
}

static void
other_device(void **state)
{
  char *a = relayed(0, ""), *b = relayed(1, "env CHANAS_TEST_BOARD=2");
  struct measure *m = open_command(mem_print("%s, %s", a, b), 10, 10, 3);
  struct measure_item item[ITEMS];
  struct capture c;
  (void)state;
  both_items(item);
  capture_begin(&c);
  struct chanas_device *d = measure_describe(m, 0);
  const char *said = capture_end(&c);
  assert_non_null(d);
  assert_non_null(strstr(said, "so it is not used"));
  long sent = relay_number(folder[1], "sent");
  assert_int_equal(measure_each(m, ITEMS, item, NULL, NULL), 0);
  assert_int_equal(relay_number(folder[1], "sent"), sent);
  same_as_here(item);
  device_free(d);
  measure_close(m);
  free(a);
  free(b);
}

/* ---- the program ---- */

static void
build_one(struct build_unit *u, const struct chanas_workload *w)
{
  *u = (struct build_unit){.symbol = "k",
                           .source = bed_emit(&bed, w, 0, 0, "k")};
  build_units(bed.build, 1, u, 1);
}

static int
set_up(void **state)
{
  (void)state;
  if (bed_open(&bed, 2) || !(runner = getenv("CHANAS_RUNNER")))
    return -1;
  block = workload_parse(BED_BLOCK);
  other = workload_parse(OTHER);
  build_one(&unit[0], block);
  build_one(&unit[1], other);
  for (int f = 0; f < 2; f++) {
    strcpy(folder[f], "/tmp/chanas-relay-XXXXXX");
    if (!mkdtemp(folder[f]))
      return -1;
  }
  return unit[0].object && unit[1].object ? 0 : -1;
}

static int
tear_down(void **state)
{
  clean(state);
  for (int f = 0; f < 2; f++) {
    char *lock = mem_print("chanas-runner-%u.lock", (unsigned)getuid());
    unlink(relay_path(folder[f], lock));
    free(lock);
    rmdir(folder[f]);
    free((char *)unit[f].source);
    build_units_free(1, &unit[f]);
  }
  workload_free(block);
  workload_free(other);
  bed_close(&bed);
  registry_close();
  return 0;
}

#define TEST(f) cmocka_unit_test_setup(f, clean)

int
main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
    TEST(objects_travel_once), TEST(link_cut),         TEST(link_stalls),
    TEST(transport_stopped),   TEST(board_reboots),    TEST(link_slow),
    TEST(stays_away),          TEST(another_protocol), TEST(boards_share),
    TEST(one_of_two_dies),     TEST(other_device),
  };
  if (argc > 3 && !strcmp(argv[1], "relay"))
    relay_main(argv + 2);
  self = realpath("/proc/self/exe", NULL);
  int failed = cmocka_run_group_tests(tests, set_up, tear_down);
  free(self);
  return failed;
}
