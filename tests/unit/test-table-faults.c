/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The promises of the table under fire: what table_put acknowledged is there
 * after kill -9 at any moment, a batch is there whole or not at all, and
 * several writers lose and double nothing.  $CHANAS_KILLS sets how many
 * kills there are (default 50), $CHANAS_SEED the moments.  With arguments it
 * is the two halves of table-sweep.sh: "write FILE BATCHES" prints each end
 * that was acknowledged, "check FILE ACKNOWLEDGED" looks whether it is there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include "rng.h"
#include "table_kit.h"

#define WRITERS 4
#define PER_WRITER 500
#define BATCH 4

static long
number(const char *variable, long otherwise)
{
  const char *text = getenv(variable);

  return text && *text ? atol(text) : otherwise;
}

/* One batch, whose policies count up from `next`. */
static int
write_batch(struct table *table, int64_t target, int64_t next)
{
  struct table_trial trial[BATCH];
  char policy[BATCH][32];

  for (int i = 0; i < BATCH; i++) {
    snprintf(policy[i], sizeof *policy, "x=%lld", (long long)next + i);
    trial[i] = kit_trial(i % 2 ? KEY_A : KEY_B, policy[i], 1);
  }
  return table_put(table, target, BATCH, trial);
}

/* Batch after batch; says each that was acknowledged on the pipe. */
static void
write_forever(const char *path, int64_t next, int pipe)
{
  struct table *table = kit_open(path);
  int64_t target = table ? kit_target(table, 1) : -1;

  while (target > 0 && write_batch(table, target, next) == 0) {
    next += BATCH;
    if (write(pipe, &next, sizeof next) != sizeof next)
      break;
  }
  _exit(1);
}

/* A writer, and the pipe that brings what it acknowledged. */
static pid_t
start_writer(const char *path, int64_t next, int *acknowledged)
{
  int pipes[2];
  pid_t child;

  assert_int_equal(pipe(pipes), 0);
  child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    close(pipes[0]);
    write_forever(path, next, pipes[1]);
  }
  close(pipes[1]);
  *acknowledged = pipes[0];
  return child;
}

/* Starts a writer, kills it after some microseconds; the end of what it
 * acknowledged. */
static int64_t
write_and_kill(const char *path, int64_t next, long microseconds)
{
  struct timespec pause = { microseconds / 1000000,
                            microseconds % 1000000 * 1000 };
  int from, status;
  int64_t acknowledged = next, value;
  pid_t child = start_writer(path, next, &from);

  nanosleep(&pause, NULL);
  kill(child, SIGKILL);
  while (read(from, &value, sizeof value) == sizeof value)
    acknowledged = value;
  close(from);
  waitpid(child, &status, 0);
  assert_true(WIFSIGNALED(status));
  return acknowledged;
}

/* Microseconds in which a writer makes its table and fills some batches. */
static long
usual_time(const char *path)
{
  struct timespec begin, end;
  int64_t value;
  int from, status;
  pid_t child;

  clock_gettime(CLOCK_MONOTONIC, &begin);
  child = start_writer(path, 0, &from);
  for (int i = 0; i < 5; i++)
    assert_int_equal(read(from, &value, sizeof value), sizeof value);
  clock_gettime(CLOCK_MONOTONIC, &end);
  kill(child, SIGKILL);
  close(from);
  waitpid(child, &status, 0);
  return (end.tv_sec - begin.tv_sec) * 1000000L +
         (end.tv_nsec - begin.tv_nsec) / 1000;
}

struct counted { int64_t n; };

static int
in_order(void *arg, const struct table_trial *trial)
{
  struct counted *counted = arg;
  char policy[32];

  snprintf(policy, sizeof policy, "x=%lld", (long long)counted->n++);
  return strcmp(trial->policy, policy) != 0;
}

/* How many trials there are, from x=0 on without a gap. */
static int64_t
stored(const char *path)
{
  struct table *table = kit_open(path);
  struct counted counted = { 0 };

  assert_non_null(table);
  assert_int_equal(table_verify(table), 0);
  assert_int_equal(table_all_trials(table, kit_target(table, 1), 0, 0,
                                    in_order, &counted), 0);
  assert_int_equal(table_last_trial(table), counted.n);
  table_close(table);
  return counted.n;
}

/* Every third round begins with no table at all, so that some kills fall
 * into its making. */
static void
test_kill(void **state)
{
  long kills = number("CHANAS_KILLS", 50);
  struct rng rng = rng_seed((uint64_t)number("CHANAS_SEED", 1));
  const char *path = kit_path("t.db");
  int64_t there = 0, total = 0;
  long usual = usual_time(kit_path("u.db"));

  (void)state;
  for (long i = 0; i < kills; i++) {
    int fresh = i % 3 == 0;
    long wait = (long)rng_below(&rng, (size_t)usual * (fresh ? 1 : 3));
    int64_t acknowledged, now;
    if (fresh) {
      unlink(kit_path("t.db"));
      unlink(kit_path("t.db-wal"));
      unlink(kit_path("t.db-shm"));
      there = 0;
    }
    acknowledged = write_and_kill(path, there, wait);
    now = stored(path);
    if (now != acknowledged && now != acknowledged + BATCH)
      fail_msg("kill %ld after %ld us: %lld trials acknowledged, %lld are "
               "there", i, wait, (long long)acknowledged, (long long)now);
    total += acknowledged - there;
    there = now;
  }
  print_message("%ld kills, %lld trials acknowledged\n", kills,
                (long long)total);
  assert_true(total > 0);
}

static int
mark(void *arg, const struct table_trial *trial)
{
  int writer, i;
  char (*seen)[PER_WRITER] = arg;

  assert_int_equal(sscanf(trial->policy, "w=%d,i=%d", &writer, &i), 2);
  assert_in_range(writer, 0, WRITERS - 1);
  assert_in_range(i, 0, PER_WRITER - 1);
  seen[writer][i]++;
  return 0;
}

static int
write_some(const char *path, int writer)
{
  struct table *table = kit_open(path);
  int64_t target = table ? kit_target(table, 1) : -1;

  for (int i = 0; i < PER_WRITER && target > 0; i++) {
    struct table_trial trial;
    char policy[32], key[80];
    snprintf(policy, sizeof policy, "w=%d,i=%d", writer, i);
    snprintf(key, sizeof key, "f32/n1/i8x8x%d/dw:k3,s1,p1,relu6,b,x0",
             1 + i % 10);
    trial = kit_trial(key, policy, 1);
    if (table_put(table, target, 1, &trial) < 0)
      return 1;
  }
  table_close(table);
  return target > 0 ? 0 : 1;
}

static void
test_writers(void **state)
{
  const char *path = kit_path("t.db");
  static char seen[WRITERS][PER_WRITER];
  struct table *table;
  pid_t child[WRITERS];
  int status;

  (void)state;
  for (int w = 0; w < WRITERS; w++) {
    child[w] = fork();
    if (child[w] == 0)
      _exit(write_some(path, w));
  }
  for (int w = 0; w < WRITERS; w++) {
    waitpid(child[w], &status, 0);
    assert_int_equal(status, 0);
  }
  table = kit_open(path);
  assert_non_null(table);
  assert_int_equal(table_all_trials(table, kit_target(table, 1), 0, 0, mark,
                                    seen), 0);
  for (int w = 0; w < WRITERS; w++)
    for (int i = 0; i < PER_WRITER; i++)
      assert_int_equal(seen[w][i], 1);
  assert_int_equal(table_verify(table), 0);
  table_close(table);
}

static int
sweep_write(const char *path, long batches)
{
  struct table *table = kit_open(path);
  int64_t target = table ? kit_target(table, 1) : -1, next = 0;
  int failed = target < 0;

  for (long i = 0; i < batches && !failed; i++) {
    failed = write_batch(table, target, next) < 0;
    if (!failed)
      dprintf(STDOUT_FILENO, "%lld\n", (long long)(next += BATCH));
  }
  table_close(table);
  return failed;
}

/* No table is as good as an empty one if nothing was acknowledged. */
static int
sweep_check(const char *path, int64_t acknowledged)
{
  struct table *table;
  struct counted counted = { 0 };
  int bad;

  if (access(path, F_OK) < 0)
    return acknowledged != 0;
  table = kit_open(path);
  bad = table == NULL || table_verify(table) < 0 ||
    table_all_trials(table, 1, 0, 0, in_order, &counted) < 0 ||
    (counted.n != acknowledged && counted.n != acknowledged + BATCH);
  if (bad)
    printf("%lld acknowledged, %lld there\n", (long long)acknowledged,
           (long long)counted.n);
  table_close(table);
  return bad;
}

int
main(int argc, char **argv)
{
  if (argc == 4 && strcmp(argv[1], "write") == 0)
    return sweep_write(argv[2], atol(argv[3]));
  if (argc == 4 && strcmp(argv[1], "check") == 0)
    return sweep_check(argv[2], atol(argv[3]));
  const struct CMUnitTest tests[] = {
    TEST(test_kill),
    TEST(test_writers),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
