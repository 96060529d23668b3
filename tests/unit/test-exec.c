/* SPDX-License-Identifier: Apache-2.0 */
/* The exec estimator against programs that behave, and many that do not. */
#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <math.h>
#include <signal.h>
#include <time.h>
#include "../../plugins/exec/child.h"
#include "plugin-fixture.h"

#define NETS 4
#define ECHO "id=${l#*:}; id=${id%%,*}; "

static struct chanas_network net[NETS];
static const struct chanas_network *nets[NETS];
static struct chanas_estimate got[NETS];

static int
set_up(void **state)
{
  static int32_t choice[NETS][3] = { { 0, 0, 0 }, { 0, 1, 1 }, { 1, 0, 1 },
                                     { 1, 1, 0 } };
  static char codes[NETS][3] = { "n0", "n1", "n2", "n3" };

  (void)state;
  fixture_space = space_new();
  space_add(fixture_space, "depth", 2, (int64_t[]){ 2, 3 }, NULL);
  space_add(fixture_space, "k1", 2, (int64_t[]){ 3, 5 }, NULL);
  space_add(fixture_space, "op2", 2, (int64_t[]){ 0, 1 },
            (const char *[]){ "skip", "conv" });
  space_depend(fixture_space, 2, 0, 2);
  for (int i = 0; i < NETS; i++) {
    net[i] = (struct chanas_network){ .choice = choice[i], .code = codes[i],
                                      .macs = 1e6 * i, .params = 1234.5 };
    nets[i] = &net[i];
  }
  return 0;
}

static int
tear_down(void **state)
{
  (void)state;
  fixture_clean();
  return 0;
}

/* Settings that run this shell text. */
static const char *
shell(const char *text, const char *more)
{
  static char settings[512];

  snprintf(settings, sizeof settings, "command = sh %s\n%s",
           fixture_text("program", text), more);
  return settings;
}

static void
ask(struct fixture *f, const char *text, const char *more, int want)
{
  int status;

  assert_int_equal(fixture_open(f, PLUGIN_ESTIMATOR, "exec",
                                shell(text, more)), 0);
  for (int i = 0; i < NETS; i++)
    got[i] = (struct chanas_estimate){ -7, -7 };
  status = fixture_estimate(f, NETS, nets, got);
  if (status != want)
    print_error("log: %s\n", f->log);
  assert_int_equal(status, want);
}

/* Answered in the other order, with and without stddev, over two batches. */
static void
test_answers(void **state)
{
  struct fixture f;

  (void)state;
  ask(&f,
      "while :; do r=''; for i in 1 2 3 4; do read l || exit 0; " ECHO
      "if [ $i = 1 ]; then s=',\"stddev\":0.25'; else s=''; fi\n"
      "r=\"{\\\"accuracy\\\":$id.5$s, \\\"id\\\" : $id}\n$r\"; done; "
      "printf %s \"$r\"; done\n", "", 0);
  for (int i = 0; i < NETS; i++) {
    assert_true(got[i].mean == 1 + i + 0.5);
    assert_true(got[i].stddev == (i == 0 ? 0.25 : 0));
  }
  assert_int_equal(fixture_estimate(&f, NETS, nets, got), 0);
  assert_true(got[0].mean == NETS + 1.5);
  assert_string_equal(f.log, "");
  fixture_close(&f);
  assert_string_equal(f.log, "");
}

/* What the program is told: knobs without effect are left out. */
static void
test_requests(void **state)
{
  struct fixture f;
  struct chanas_text text = { 0 };
  char program[300];

  (void)state;
  snprintf(program, sizeof program, "while read l; do echo \"$l\" >> %s; "
           ECHO "echo \"{\\\"id\\\":$id,\\\"accuracy\\\":1}\"; done\n",
           fixture_file("requests", NULL, 0));
  ask(&f, program, "", 0);
  fixture_close(&f);
  assert_int_equal(file_read(fixture_file("requests", NULL, 0), 10000, &text),
                   0);
  assert_string_equal(text.data,
    "{\"id\":1,\"code\":\"n0\",\"knobs\":{\"depth\":2,\"k1\":3},"
    "\"macs\":0,\"params\":1234.5}\n"
    "{\"id\":2,\"code\":\"n1\",\"knobs\":{\"depth\":2,\"k1\":5},"
    "\"macs\":1000000,\"params\":1234.5}\n"
    "{\"id\":3,\"code\":\"n2\",\"knobs\":{\"depth\":3,\"k1\":3,"
    "\"op2\":\"conv\"},\"macs\":2000000,\"params\":1234.5}\n"
    "{\"id\":4,\"code\":\"n3\",\"knobs\":{\"depth\":3,\"k1\":5,"
    "\"op2\":\"skip\"},\"macs\":3000000,\"params\":1234.5}\n");
  text_free(&text);
}

/* Every answer that is no accuracy costs its network only. */
static void
test_bad_answers(void **state)
{
  static const struct { const char *answer, *why; } bad[] = {
    { "\"error\":\"out of\\tmemory\"", "network n1 gets no estimate: out of "
      "memory" },
    { "\"error\":null", "no reason given" },
    { "\"accuracy\":NaN", "\"accuracy\" is not a finite number" },
    { "\"accuracy\":-Infinity", "\"accuracy\" is not a finite number" },
    { "\"accuracy\":1e999", "no answer within timeout" }, /* no JSON at all */
    { "\"accuracy\":\"93\"", "\"accuracy\" is not a finite number" },
    { "\"accuracy\":101", "\"accuracy\" is 101, not in percent" },
    { "\"accuracy\":-1", "\"accuracy\" is -1, not in percent" },
    { "\"note\":\"NaN\"", "has neither \"accuracy\" nor \"error\"" },
    { "\"accuracy\":5,\"stddev\":-1", "\"stddev\" is not a number" },
    { "\"accuracy\":5,\"stddev\":null", "\"stddev\" is not a number" },
  };
  char program[400];
  struct fixture f;

  (void)state;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    char answer[100], *to = answer;
    for (const char *at = bad[i].answer; *at; at++) {
      if (*at == '"' || *at == '\\')
        *to++ = '\\';
      *to++ = *at;
    }
    *to = '\0';
    snprintf(program, sizeof program, "while read l; do " ECHO
             "a='\"accuracy\":7'; case $l in *n1*) a=\"%s\";; esac\n"
             "printf '%%s\\n' \"{\\\"id\\\":$id,$a}\"; done\n", answer);
    ask(&f, program, "timeout = 0.3\n", 0);
    assert_true(isnan(got[1].mean));
    assert_true(got[0].mean == 7 && got[2].mean == 7 && got[3].mean == 7);
    fixture_said(&f, bad[i].why);
    fixture_close(&f);
    fixture_said(&f, "1 networks without an estimate");
  }
}

/* Lines that answer nothing are passed over, counted, and bounded. */
static void
test_stray_lines(void **state)
{
  struct fixture f;

  (void)state;
  ask(&f,
      "echo hello; echo; echo '[1]'; echo '{\"id\":\"1\"}'; echo '{\"id\":1'\n"
      "printf '\\033[31m\\0\\n'; echo '{\"id\":99,\"accuracy\":1}'\n"
      "echo '{\"id\":-1,\"accuracy\":1}'\n"
      "while read l; do " ECHO "echo \"{\\\"id\\\":$id,\\\"accuracy\\\":2}\"\n"
      "echo \"{\\\"id\\\":$id,\\\"accuracy\\\":3}\"; done", "", 0);
  for (int i = 0; i < NETS; i++)
    assert_true(got[i].mean == 2);
  fixture_said(&f, "a line that is no answer is passed over: hello");
  fixture_said(&f, "further such lines are only counted");
  assert_null(strchr(f.log, '\033'));
  fixture_close(&f);
  fixture_said(&f, "stray lines");
}

/* It dies over n2 each time: n2 is given up, the others are asked again. */
static void
test_crash(void **state)
{
  struct fixture f;

  (void)state;
  ask(&f, "while read l; do " ECHO "case $l in *n2*) echo ouch >&2; kill -SEGV "
      "$$;; esac\necho \"{\\\"id\\\":$id,\\\"accuracy\\\":2}\"; done", "", 0);
  assert_true(isnan(got[2].mean));
  assert_true(got[0].mean == 2 && got[1].mean == 2 && got[3].mean == 2);
  fixture_said(&f, "ended by signal 11");
  fixture_said(&f, "ouch");
  fixture_said(&f, "network n2 gets no estimate");
  fixture_close(&f);
  fixture_said(&f, "2 failures");
}

/* It ends after each batch: started again, nobody is blamed. */
static void
test_ends_between(void **state)
{
  struct fixture f;

  (void)state;
  ask(&f, "for i in 1 2 3 4; do read l; " ECHO
      "echo \"{\\\"id\\\":$id,\\\"accuracy\\\":2}\"; done", "", 0);
  nanosleep(&(struct timespec){ .tv_nsec = 100000000 }, NULL);
  assert_int_equal(fixture_estimate(&f, NETS, nets, got), 0);
  for (int i = 0; i < NETS; i++)
    assert_true(got[i].mean == 2);
  fixture_close(&f);
}

static void
test_gives_up(void **state)
{
  struct fixture f;

  (void)state;
  ask(&f, "echo broken set-up >&2; exit 3", "restarts = 2\n", -1);
  fixture_said(&f, "exited with status 3");
  fixture_said(&f, "broken set-up");
  fixture_said(&f, "failed 3 times");
  assert_int_equal(fixture_estimate(&f, NETS, nets, got), -1);
  fixture_said(&f, "no longer running");
  fixture_close(&f);
}

/* Silence over n0: it is given up at once, the rest go on. */
static void
test_timeout(void **state)
{
  struct fixture f;

  (void)state;
  ask(&f, "while read l; do " ECHO "case $l in *n0*) sleep 1000;; esac\n"
      "echo \"{\\\"id\\\":$id,\\\"accuracy\\\":2}\"; done", "timeout = 0.3\n",
      0);
  assert_true(isnan(got[0].mean));
  assert_true(got[1].mean == 2 && got[2].mean == 2 && got[3].mean == 2);
  fixture_said(&f, "no answer within timeout");
  fixture_close(&f);
}

static void
test_long_line(void **state)
{
  struct fixture f;

  (void)state;
  ask(&f, "head -c 100000 /dev/zero | tr '\\0' x; echo; read l", "max-line = "
      "1000\nrestarts = 0\n", -1);
  fixture_said(&f, "longer than max-line");
  fixture_close(&f);
}

/* It closes its stdin: no SIGPIPE here, no waiting for the whole timeout. */
static void
test_deaf(void **state)
{
  struct fixture f;

  (void)state;
  ask(&f, "exec 0<&-; exec sleep 1000", "restarts = 0\nahead = 1\n", -1);
  fixture_said(&f, "stopped reading");
  fixture_close(&f);
}

/* Writing to one that has closed its stdin is an answer, not a signal. */
static void
test_no_sigpipe(void **state)
{
  char *const argv[] = { "sh", "-c", "exec 0<&-; exec sleep 1000", NULL };
  struct pollfd fd = { .events = 0 };
  struct child child;
  sigset_t pending;

  (void)state;
  signal(SIGPIPE, SIG_DFL);
  assert_int_equal(child_start(&child, argv), 0);
  fd.fd = child.in;
  assert_int_equal(poll(&fd, 1, 60000), 1);
  assert_int_equal(child_write(&child, "x", 1), -1);
  sigpending(&pending);
  assert_false(sigismember(&pending, SIGPIPE));
  child_end(&child, 0);
  child_close(&child);
  assert_non_null(strstr(child.ended, "was ended by signal"));
}

/* Far more than a pipe holds in both directions and on stderr. */
static void
test_volume(void **state)
{
  enum { MANY = 20000 };
  const struct chanas_network **many = mem_array(const struct chanas_network *,
                                                 MANY);
  struct chanas_estimate *out = mem_array(struct chanas_estimate, MANY);
  struct fixture f;

  (void)state;
  assert_int_equal(fixture_open(&f, PLUGIN_ESTIMATOR, "exec", shell(
    "head -c 300000 /dev/zero | tr '\\0' 'x' | fold >&2\n"
    "while read l; do " ECHO
    "printf '{\"id\":%s,\"accuracy\":%d}%300s\\n' $id $((id % 100)) ''\n"
    "done", "")), 0);
  for (int i = 0; i < MANY; i++)
    many[i] = &net[i % NETS];
  assert_int_equal(fixture_estimate(&f, MANY, many, out), 0);
  for (int i = 0; i < MANY; i++)
    assert_true(out[i].mean == (i + 1) % 100);
  fixture_close(&f);
  free(many);
  free(out);
}

/* Gone, or a zombie that nobody has reaped yet. */
static int
is_over(int pid)
{
  char path[64], state = 'Z';
  FILE *file;

  snprintf(path, sizeof path, "/proc/%d/stat", pid);
  if ((file = fopen(path, "r")) == NULL)
    return 1;
  if (fscanf(file, "%*d %*s %c", &state) != 1)
    state = 'Z';
  fclose(file);
  return state == 'Z';
}

/* A program that ignores its end of file and SIGTERM goes with its brood. */
static void
test_close_kills(void **state)
{
  struct chanas_text text = { 0 };
  char program[400];
  struct fixture f;
  int pid[2];

  (void)state;
  snprintf(program, sizeof program, "trap '' TERM; sleep 1000 & echo $$ $! > "
           "%s; for i in 1 2 3 4; do read l; " ECHO
           "echo \"{\\\"id\\\":$id,\\\"accuracy\\\":2}\"; done\n"
           "while :; do sleep 1; done",
           fixture_file("pids", NULL, 0));
  ask(&f, program, "", 0);
  fixture_close(&f);
  assert_int_equal(file_read(fixture_file("pids", NULL, 0), 100, &text), 0);
  assert_int_equal(sscanf(text.data, "%d %d", &pid[0], &pid[1]), 2);
  text_free(&text);
  for (int i = 0; i < 200 && !(is_over(pid[0]) && is_over(pid[1])); i++)
    nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
  assert_true(is_over(pid[0]) && is_over(pid[1]));
}

static int
yes(void *ctx)
{
  (void)ctx;
  return 1;
}

static void
test_stopping(void **state)
{
  struct fixture f;

  (void)state;
  assert_int_equal(fixture_open(&f, PLUGIN_ESTIMATOR, "exec",
                                shell("sleep 1000", "")), 0);
  f.services.stopping = yes;
  assert_int_equal(fixture_estimate(&f, NETS, nets, got), -1);
  fixture_close(&f);
}

static void
test_commands(void **state)
{
  struct fixture f;

  (void)state;
  fixture_refused(PLUGIN_ESTIMATOR, "exec", "command = /no/such/program x\n",
                  "cannot start '/no/such/program': No such file");
  fixture_refused(PLUGIN_ESTIMATOR, "exec", "command = sh 'a b\n",
                  "a quote is not closed");
  fixture_refused(PLUGIN_ESTIMATOR, "exec", "command =\n", "empty");
  fixture_refused(PLUGIN_ESTIMATOR, "exec", "command = sh @no-such.py\n",
                  "there is no data file 'no-such.py'");
  fixture_refused(PLUGIN_ESTIMATOR, "exec", "", "needs the key 'command'");
  assert_int_equal(fixture_open(&f, PLUGIN_ESTIMATOR, "exec",
    "command = sh -c 'while read l; do " ECHO "echo \"{\\\"id\\\":$id,"
    "\\\"accuracy\\\":$#}\"; done' \"a b\" c\\ d '' e\"\"\n"), 0);
  assert_int_equal(fixture_estimate(&f, NETS, nets, got), 0);
  assert_true(got[0].mean == 3);
  fixture_close(&f);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_answers),
    cmocka_unit_test(test_requests),
    cmocka_unit_test(test_bad_answers),
    cmocka_unit_test(test_stray_lines),
    cmocka_unit_test(test_crash),
    cmocka_unit_test(test_ends_between),
    cmocka_unit_test(test_gives_up),
    cmocka_unit_test(test_timeout),
    cmocka_unit_test(test_long_line),
    cmocka_unit_test(test_deaf),
    cmocka_unit_test(test_no_sigpipe),
    cmocka_unit_test(test_volume),
    cmocka_unit_test(test_close_kills),
    cmocka_unit_test(test_stopping),
    cmocka_unit_test(test_commands),
  };

  if (!fixture_have("exec"))
    return 77;
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
