/* SPDX-License-Identifier: Apache-2.0 */
/* The latency table: what is put in comes out, batches are whole, and
 * the verbs of chanas table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include "capture.h"
#include "listing.h"
#include "table_kit.h"

struct seen { size_t n; struct table_trial trial[64]; };

static int
see(void *arg, const struct table_trial *trial)
{
  struct seen *seen = arg;
  struct table_trial *copy = &seen->trial[seen->n++];

  *copy = *trial;
  copy->workload = mem_string(trial->workload);
  copy->policy = mem_string(trial->policy);
  copy->detail = mem_string(trial->detail);
  return seen->n == 64;
}

static void
forget(struct seen *seen)
{
  for (size_t i = 0; i < seen->n; i++) {
    free((char *)(uintptr_t)seen->trial[i].workload);
    free((char *)(uintptr_t)seen->trial[i].policy);
    free((char *)(uintptr_t)seen->trial[i].detail);
  }
  seen->n = 0;
}

static void
test_round_trip(void **state)
{
  struct table *table = kit_open(kit_path("a/b/t.db"));
  int64_t one, two, watermark;
  struct seen seen = { 0 };
  struct stat status;
  struct table_trial trial[3] = {
    kit_trial(KEY_A, "x=1,y=relu", 0.25), kit_trial(KEY_B, "x=2", 0.5),
    kit_trial(KEY_A, "x=3", 0),
  };

  (void)state;
  assert_non_null(table);
  assert_int_equal(stat(kit_path("a"), &status), 0);
  assert_int_equal(status.st_mode & 0777, 0700);
  one = kit_target(table, 1);
  two = kit_target(table, 2);
  assert_true(one > 0 && two > 0 && one != two);
  assert_true(kit_target(table, 1) == one);
  assert_int_equal(table_last_trial(table), 0);
  trial[0].run = table_start_run(table, "c0ffee", &watermark);
  assert_true(trial[0].run > 0);
  assert_int_equal(watermark, 0);
  trial[0].preset = 1;
  trial[2].detail = "SIGSEGV, \"x\"";
  trial[2].latency = trial[2].ci = 7; /* means nothing: it crashed */
  trial[2].control = NAN;
  assert_int_equal(table_put(table, one, 3, trial), 0);
  assert_true(trial[0].id < trial[1].id && trial[1].id < trial[2].id);
  assert_int_equal(table_last_trial(table), trial[2].id);
  table_close(table);

  table = kit_open(kit_path("a/b/t.db"));
  assert_non_null(table);
  assert_int_equal(table_trials(table, one, KEY_A, 0, 0, see, &seen), 0);
  assert_int_equal(seen.n, 2);
  assert_true(seen.trial[0].latency == 0.25 && seen.trial[0].ci == 0.0025);
  assert_true(seen.trial[0].run == trial[0].run);
  assert_int_equal(seen.trial[0].preset, 1);
  assert_true(seen.trial[0].control == 1e-4);
  assert_string_equal(seen.trial[0].policy, "x=1,y=relu");
  assert_string_equal(seen.trial[0].workload, KEY_A);
  assert_int_equal(seen.trial[1].outcome, CHANAS_CRASHED);
  assert_true(isnan(seen.trial[1].latency) && isnan(seen.trial[1].ci));
  assert_true(isnan(seen.trial[1].control));
  assert_int_equal(seen.trial[1].run, 0);
  assert_string_equal(seen.trial[1].detail, "SIGSEGV, \"x\"");
  forget(&seen);
  assert_int_equal(table_trials(table, two, KEY_A, 0, 0, see, &seen), 0);
  assert_int_equal(seen.n, 0);
  assert_int_equal(table_all_trials(table, one, 0, 0, see, &seen), 0);
  assert_int_equal(seen.n, 3);
  assert_string_equal(seen.trial[1].workload, KEY_B);
  forget(&seen);
  assert_int_equal(table_all_trials(table, one, trial[0].id, trial[1].id, see,
                                    &seen), 0);
  assert_int_equal(seen.n, 1);
  assert_true(seen.trial[0].id == trial[1].id);
  forget(&seen);
  table_close(table);
}

/* A batch with one impossible row leaves nothing of itself. */
static void
test_batch_is_whole(void **state)
{
  struct table *table = kit_open(kit_path("t.db"));
  int64_t target = kit_target(table, 1), before;
  struct table_trial trial[3];
  struct capture c;
  static const double bad[] = { 0, -1, NAN, INFINITY };

  (void)state;
  trial[0] = kit_trial(KEY_A, "x=1", 1);
  assert_int_equal(table_put(table, target, 1, trial), 0);
  before = table_last_trial(table);
  for (size_t i = 0; i < 4; i++) {
    trial[0] = trial[1] = trial[2] = kit_trial(KEY_B, "x=2", 1);
    trial[2].latency = bad[i];
    capture_begin(&c);
    assert_int_equal(table_put(table, target, 3, trial), -1);
    capture_end(&c);
    assert_non_null(strstr(c.text, "a trial is measured but has the latency"));
    assert_int_equal(table_last_trial(table), before);
    assert_int_equal(trial[0].id, 0);
  }
  trial[0] = kit_trial(KEY_A, "x=1", 1);
  trial[0].run = 12345; /* no such run */
  capture_begin(&c);
  assert_int_equal(table_put(table, target, 1, trial), -1);
  capture_end(&c);
  assert_non_null(strstr(c.text, "FOREIGN KEY"));
  trial[0].run = 0;
  assert_int_equal(table_put(table, target, 1, trial), 0);
  assert_int_equal(table_verify(table), 0);
  table_close(table);
}

struct nested { struct table *table; int64_t target; size_t inner; };

static int
count(void *arg, const struct table_trial *trial)
{
  (void)trial;
  ++*(size_t *)arg;
  return 0;
}

static int
read_again(void *arg, const struct table_trial *trial)
{
  struct nested *nested = arg;

  return table_trials(nested->table, nested->target, trial->workload, 0, 0,
                      count, &nested->inner);
}

static void
test_nested(void **state)
{
  struct table *table = kit_open(kit_path("t.db"));
  struct nested nested = { table, kit_target(table, 1), 0 };
  struct table_trial trial[3];

  (void)state;
  for (int i = 0; i < 3; i++)
    trial[i] = kit_trial(KEY_A, "x=1", 1 + i);
  assert_int_equal(table_put(table, nested.target, 3, trial), 0);
  assert_int_equal(table_trials(table, nested.target, KEY_A, 0, 0, read_again,
                                &nested), 0);
  assert_int_equal(nested.inner, 9);
  table_close(table);
}

static int
see_network(void *arg, const struct table_network *network)
{
  ++*(size_t *)arg;
  assert_string_equal(network->code, "123");
  assert_string_equal(network->schedule, "beef");
  assert_true(network->predicted == 2 && network->latency == 3);
  assert_int_equal(network->outcome, CHANAS_MEASURED);
  return 0;
}

static void
test_networks_runs_store(void **state)
{
  struct table *table = kit_open(kit_path("t.db"));
  int64_t target = kit_target(table, 1), run, watermark = -1;
  struct table_network network = { .family = "f", .code = "123",
    .schedule = "beef", .predicted = 2, .latency = 3, .ci = 0.1,
    .control = 1, .outcome = CHANAS_MEASURED };
  struct table_trial trial = kit_trial(KEY_A, "x=1", 1);
  struct capture c;
  size_t seen = 0, size;
  void *data;

  (void)state;
  assert_int_equal(table_put(table, target, 1, &trial), 0);
  run = table_start_run(table, "aa", &watermark);
  assert_int_equal(watermark, trial.id);
  network.run = run;
  assert_int_equal(table_put_network(table, target, &network), 0);
  assert_int_equal(table_networks(table, target, "f", see_network, &seen), 0);
  assert_int_equal(table_networks(table, target, NULL, see_network, &seen), 0);
  assert_int_equal(table_networks(table, target, "g", see_network, &seen), 0);
  assert_int_equal(seen, 2);
  watermark = -1;
  assert_int_equal(table_find_run(table, run, "aa", &watermark), 0);
  assert_int_equal(watermark, trial.id);
  capture_begin(&c);
  assert_int_equal(table_find_run(table, run, "bb", &watermark), -1);
  assert_int_equal(table_find_run(table, run ^ 1, "aa", &watermark), -1);
  capture_end(&c);
  assert_non_null(strstr(c.text, "another configuration (aa, this is bb)"));
  assert_non_null(strstr(c.text, "is not in table"));

  assert_int_equal(table_fetch(table, "o", "k", &data, &size), -1);
  assert_int_equal(table_store(table, "o", "k", "one", 3), 0);
  assert_int_equal(table_store(table, "o", "k", "a\0b", 3), 0);
  assert_int_equal(table_store(table, "p", "k", NULL, 0), 0);
  assert_int_equal(table_fetch(table, "o", "k", &data, &size), 0);
  assert_int_equal(size, 3);
  assert_memory_equal(data, "a\0b", 3);
  free(data);
  assert_int_equal(table_fetch(table, "p", "k", &data, &size), 0);
  assert_int_equal(size, 0);
  free(data);
  table_close(table);
}

static void
test_read_only(void **state)
{
  struct table *table = kit_open(kit_path("t.db"));
  struct table_trial trial = kit_trial(KEY_A, "x=1", 1);
  int64_t target = kit_target(table, 1);
  struct capture c;
  size_t n = 0;
  int code;

  (void)state;
  assert_int_equal(table_put(table, target, 1, &trial), 0);
  table_close(table);
  table = table_open(kit_path("t.db"), 1, &code);
  assert_non_null(table);
  assert_true(kit_target(table, 1) == target);
  assert_int_equal(table_all_trials(table, target, 0, 0, count, &n), 0);
  assert_int_equal(n, 1);
  capture_begin(&c);
  assert_int_equal(table_put(table, target, 1, &trial), -1);
  capture_end(&c);
  assert_non_null(strstr(c.text, "readonly database; give a place that can"));
  table_close(table);
  capture_begin(&c);
  assert_null(table_open(kit_path("absent.db"), 1, &code));
  capture_end(&c);
  assert_int_equal(code, 1);
  assert_true(access(kit_path("absent.db"), F_OK) < 0);
}

/* Eight processes make the same table at once. */
static void
test_made_together(void **state)
{
  const char *path = kit_path("d/t.db");
  pid_t child[8];
  int status;

  (void)state;
  for (int i = 0; i < 8; i++) {
    child[i] = fork();
    if (child[i] == 0) {
      struct table *table = kit_open(path);
      struct table_trial trial = kit_trial(KEY_A, "x=1", 1 + i);
      int failed = table == NULL ||
        table_put(table, kit_target(table, 1), 1, &trial) < 0;
      table_close(table);
      _exit(failed);
    }
  }
  for (int i = 0; i < 8; i++) {
    waitpid(child[i], &status, 0);
    assert_int_equal(status, 0);
  }
  struct table *table = kit_open(path);
  size_t n = 0;
  assert_int_equal(table_all_trials(table, 1, 0, 0, count, &n), 0);
  assert_int_equal(n, 8);
  table_close(table);
}

/* ---- verbs ---- */

static void
test_merge(void **state)
{
  struct table *a = kit_open(kit_path("a.db")), *b = kit_open(kit_path("b#?"));
  struct table_trial trial = kit_trial(KEY_A, "x=1", 1);
  struct capture c;
  size_t n = 0;
  int64_t watermark;

  (void)state;
  kit_target(b, 9); /* so that ids differ */
  assert_int_equal(table_put(a, kit_target(a, 1), 1, &trial), 0);
  trial = kit_trial(KEY_B, "x=2", 2);
  trial.run = table_start_run(b, "cc", &watermark);
  assert_int_equal(table_put(b, kit_target(b, 1), 1, &trial), 0);
  trial = kit_trial(KEY_A, "x=3", 0);
  assert_int_equal(table_put(b, kit_target(b, 2), 1, &trial), 0);
  table_close(b);
  assert_int_equal(table_merge(a, kit_path("b#?")), 2);
  assert_int_equal(table_merge(a, kit_path("b#?")), 0);
  assert_int_equal(table_all_trials(a, kit_target(a, 1), 0, 0, count, &n), 0);
  assert_int_equal(n, 2);
  assert_int_equal(table_all_trials(a, kit_target(a, 2), 0, 0, count, &n), 0);
  assert_int_equal(n, 3);
  assert_int_equal(table_verify(a), 0);

  capture_begin(&c);
  assert_int_equal(table_merge(a, kit_path("a.db")), -1);
  assert_int_equal(table_merge(a, kit_path("absent.db")), -1);
  capture_end(&c);
  assert_non_null(strstr(c.text, "into itself"));
  assert_non_null(strstr(c.text, "absent.db: No such file"));
  kit_sql(kit_path("b#?"), "INSERT INTO workload (key) VALUES ('nonsense')");
  trial = kit_trial(KEY_A, "x=4", 4);
  b = kit_open(kit_path("b#?"));
  assert_int_equal(table_put(b, kit_target(b, 1), 1, &trial), 0);
  table_close(b);
  capture_begin(&c);
  assert_int_equal(table_merge(a, kit_path("b#?")), -1);
  capture_end(&c);
  assert_non_null(strstr(c.text, "bad key 'nonsense'"));
  n = 0;
  assert_int_equal(table_all_trials(a, kit_target(a, 1), 0, 0, count, &n), 0);
  assert_int_equal(n, 2);
  table_close(a);
}

/* The same batch put into two tables is not one and the same. */
static void
test_export(void **state)
{
  struct table *table = kit_open(kit_path("t.db"));
  struct table_trial trial[2] = { kit_trial(KEY_A, "x=1,y=2", 0.1),
                                  kit_trial(KEY_B, "x=1", 0) };
  struct chanas_text text = { 0 };
  struct capture c;
  char *line;

  (void)state;
  trial[0].preset = 1;
  trial[1].detail = "said \"no\",\nthen died";
  assert_int_equal(table_put(table, kit_target(table, 2), 2, trial), 0);
  assert_int_equal(table_export_csv(table, kit_path("t.csv")), 0);
  assert_int_equal(file_read(kit_path("t.csv"), 1 << 20, &text), 0);
  line = strchr(text.data, '\n');
  assert_non_null(line);
  assert_int_equal(memcmp(text.data, "id,created_ms,device,", 21), 0);
  assert_non_null(strstr(line, ",00112233aabbccdd,p,0.1,cc 1,2,\"" KEY_A "\","
                         "\"x=1,y=2\",measured,0.10000000000000001,"
                         "0.001,0.0001,1,,measured\n2,"));
  assert_non_null(strstr(line, ",x=1,crashed,,,0.0001,0,\"said \"\"no\"\",\n"
                         "then died\",measured\n"));
  text_free(&text);
  capture_begin(&c);
  assert_int_equal(table_export_csv(table, kit_path("no/t.csv")), -1);
  capture_end(&c);
  table_close(table);
}

static int
see_entry(void *arg, const struct table_entry *e)
{
  text_print(arg, "%d %s %lld %lld %s\n", e->threads, e->workload,
             (long long)e->trials, (long long)e->failed, e->kind);
  return 0;
}

static void
test_list(void **state)
{
  struct table *table = kit_open(kit_path("t.db"));
  struct table_trial trial[5] = { kit_trial(KEY_A, "x=1", 0.4),
    kit_trial(KEY_A, "x=2", 0.1), kit_trial(KEY_A, "x=3", 0.2),
    kit_trial(KEY_A, "x=4", 0), kit_trial(KEY_B, "x=5", 0) };
  struct chanas_text out = { 0 };

  (void)state;
  trial[0].preset = 1;
  assert_int_equal(table_put(table, kit_target(table, 2), 5, trial), 0);
  assert_int_equal(table_list(table, see_entry, &out), 0);
  assert_string_equal(text_string(&out), "2 " KEY_A " 4 1 measured\n"
                      "2 " KEY_B " 1 1 measured\n");
  text_free(&out);
  table_close(table);
}

/* What was measured once, and was fast, is not the best while another policy
 * has more rows; and a row counts relative to its control kernel. */
static void
test_listing(void **state)
{
  struct table *table = kit_open(kit_path("t.db"));
  struct table_trial trial[6] = { kit_trial(KEY_A, "x=1", 0.4),
    kit_trial(KEY_A, "x=2", 0.1), kit_trial(KEY_A, "x=3", 0.2),
    kit_trial(KEY_A, "x=3", 0.6), kit_trial(KEY_A, "x=4", 0),
    kit_trial(KEY_B, "x=5", 0) };
  char *text;
  size_t size;
  FILE *out = open_memstream(&text, &size);

  (void)state;
  trial[0].preset = 1;
  trial[3].control *= 2;
  assert_int_equal(table_put(table, kit_target(table, 2), 6, trial), 0);
  assert_int_equal(listing_print(table, out, 0), 0);
  fclose(out);
  assert_non_null(strstr(text, "\t2\t" KEY_A "\t5\t1\t300\t400\tx=3\t"
                         "measured\n"));
  assert_non_null(strstr(text, "\t2\t" KEY_B "\t1\t1\t\t\t\tmeasured\n"));
  free(text);
  table_close(table);
}

static const struct { const char *text, *what; } faults[] = {
  { "INSERT INTO workload (key) VALUES ('f32/n1')", "the bad key" },
  { "UPDATE trial SET policy = 'x'", "the bad policy 'x'" },
  { "UPDATE trial SET policy = 'x=1,'", "the bad policy" },
  { "UPDATE trial SET policy = ''", "the bad policy" },
  { "UPDATE trial SET workload = 77", "refers to a missing row of workload" },
  { "UPDATE trial SET ci = -1", "the interval -1" },
  { "UPDATE trial SET latency = 9e999", "the latency inf" },
  { "PRAGMA ignore_check_constraints = 1; UPDATE trial SET latency = -2",
    "the latency -2" },
  { "PRAGMA ignore_check_constraints = 1; UPDATE trial SET outcome = 3",
    "the outcome 3" },
};

static void
test_verify(void **state)
{
  struct chanas_text bytes = kit_sound();

  (void)state;
  for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
    const char *path = kit_path("t.db");
    struct table *table;
    struct capture c;
    int code;
    kit_put(path, bytes.data, bytes.size);
    kit_sql(path, faults[i].text);
    capture_begin(&c);
    table = table_open(path, 1, &code);
    if (table)
      assert_int_equal(table_verify(table), -1);
    capture_end(&c);
    if (strstr(c.text, faults[i].what) == NULL)
      fail_msg("%s: %s", faults[i].text, c.text);
    table_close(table);
  }
  text_free(&bytes);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    TEST(test_round_trip),
    TEST(test_batch_is_whole),
    TEST(test_nested),
    TEST(test_networks_runs_store),
    TEST(test_read_only),
    TEST(test_made_together),
    TEST(test_merge),
    TEST(test_export),
    TEST(test_list),
    TEST(test_listing),
    TEST(test_verify),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
