/* SPDX-License-Identifier: Apache-2.0 */
/* Children under a deadline.  The test program is its own child: called with
 * a word it behaves as that word says. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "mem.h"
#include "pool.h"
#include "proc.h"

#define LONG 60.0 /* a deadline that no test reaches */

static char self[PATH_MAX];

static struct chanas_args
args_of(const char *a, const char *b, const char *c)
{
  struct chanas_args args = {0};
  args_add(&args, a);
  if (b)
    args_add(&args, b);
  if (c)
    args_add(&args, c);
  return args;
}

static struct proc_result
run(const char *a, const char *b, const char *c, struct proc_limits limits)
{
  struct chanas_args args = args_of(a, b, c);
  struct proc_result r;
  proc_run(&args, NULL, NULL, 0, &limits, &r);
  args_free(&args);
  return r;
}

/* Gone within a time in which a loaded machine gets round to it. */
static int
is_gone(pid_t pid)
{
  for (int i = 0; pid > 1 && i < 1000 && !kill(pid, 0); i++)
    usleep(10000);
  return pid > 1 && kill(pid, 0) && errno == ESRCH;
}

/* ---- as a child ---- */

static void
forever(void)
{
  for (;;)
    pause();
}

/* The grandchild goes on alone, in its own session, with one more below it;
 * nothing ends before both are there. */
static void
be_stray(void)
{
  int there[2];
  char byte;
  if (pipe(there))
    exit(1);
  if (fork()) {
    close(there[1]);
    exit(read(there[0], &byte, 1) != 1 || read(there[0], &byte, 1) != 1);
  }
  setsid();
  signal(SIGHUP, SIG_IGN);
  if (!fork())
    setsid();
  printf("%d\n", (int)getpid());
  fflush(stdout);
  if (write(there[1], "x", 1) == 1)
    forever();
  exit(1);
}

static void
be_parent(int catch)
{
  struct proc_limits none = {0};
  struct chanas_args args = args_of("sleep", "1000", NULL);
  struct proc p;
  struct proc_result r;
  if (catch) {
    proc_catch_signals();
    puts("ready");
    fflush(stdout);
    proc_run(&args, NULL, NULL, 0, &none, &r);
    printf("%d %d\n", r.end, proc_stop_signal());
    exit(0);
  }
  proc_start(&args, &p);
  printf("%d\n", p.pid);
  fflush(stdout);
  forever();
}

static int
be(const char *what)
{
  if (!strcmp(what, "stray"))
    be_stray();
  if (!strcmp(what, "parent"))
    be_parent(0);
  if (!strcmp(what, "stopped"))
    be_parent(1);
  if (!strcmp(what, "still")) {
    signal(SIGTERM, SIG_IGN);
    raise(SIGSTOP);
  }
  if (!strcmp(what, "greedy"))
    return malloc((size_t)1 << 30) ? 0 : 42;
  if (!strcmp(what, "crash"))
    raise(SIGUSR2);
  return 0;
}

/* ---- the tests ---- */

static void
collects(void **state)
{
  const char *const env[] = {"CHANAS_TEST_WORD=seen", "HOME=/nowhere", NULL};
  struct chanas_args args = args_of(
    "sh", "-c", "cat; echo $CHANAS_TEST_WORD $HOME >&2; exit 3");
  struct proc_limits limits = {.seconds = LONG};
  struct proc_result r;
  (void)state;
  proc_run(&args, env, "hello", 5, &limits, &r);
  assert_int_equal(r.end, PROC_EXITED);
  assert_int_equal(r.code, 3);
  assert_string_equal(text_string(&r.out), "hello");
  assert_string_equal(text_string(&r.err), "seen /nowhere\n");
  proc_result_free(&r);
  args_free(&args);
}

static void
moves_much(void **state)
{
  size_t n = 3 << 20;
  char *data = mem_alloc(n, 1);
  struct chanas_args args = args_of("cat", NULL, NULL);
  struct proc_limits limits = {.seconds = LONG, .output = 4 << 20};
  struct proc_result r;
  (void)state;
  for (size_t i = 0; i < n; i++)
    data[i] = (char)(i * 7 + (i >> 9));
  proc_run(&args, NULL, data, n, &limits, &r);
  assert_int_equal(r.end, PROC_EXITED);
  assert_int_equal(r.out.size, n);
  assert_memory_equal(r.out.data, data, n);
  proc_result_free(&r);
  limits.output = 1000; /* the rest is read and dropped */
  proc_run(&args, NULL, data, n, &limits, &r);
  assert_int_equal(r.end, PROC_EXITED);
  assert_int_equal(r.code, 0);
  assert_int_equal(r.out.size, 1000);
  proc_result_free(&r);
  args_free(&args);
  args = args_of("true", NULL, NULL); /* reads nothing: no SIGPIPE for us */
  proc_run(&args, NULL, data, n, &limits, &r);
  assert_int_equal(r.end, PROC_EXITED);
  proc_result_free(&r);
  args_free(&args);
  free(data);
}

static void
tells_how_it_ended(void **state)
{
  struct proc_result r = run(self, "crash", NULL,
                             (struct proc_limits){.seconds = LONG});
  (void)state;
  assert_int_equal(r.end, PROC_SIGNALLED);
  assert_int_equal(r.code, SIGUSR2);
  proc_result_free(&r);
  r = run("no-such-program-here", NULL, NULL, (struct proc_limits){0});
  assert_int_equal(r.end, PROC_NOT_STARTED);
  assert_int_equal(r.code, ENOENT);
  assert_non_null(strstr(text_string(&r.err), "no-such-program-here"));
  proc_result_free(&r);
  r = run("/etc/passwd", NULL, NULL, (struct proc_limits){0});
  assert_int_equal(r.end, PROC_NOT_STARTED);
  proc_result_free(&r);
  r = run("/proc/self/mem", NULL, NULL, (struct proc_limits){0});
  assert_int_equal(r.end, PROC_NOT_STARTED);
  proc_result_free(&r);
}

static void
keeps_the_deadline(void **state)
{
  static const char *const shell[] = {
    "while :; do :; done", "trap '' TERM INT HUP; sleep 1000",
    "sleep 1000 & exec >&- 2>&-; wait",
  };
  struct proc_limits limits = {.seconds = 0.2};
  (void)state;
  for (size_t i = 0; i < sizeof shell / sizeof *shell; i++) {
    struct proc_result r = run("sh", "-c", shell[i], limits);
    assert_int_equal(r.end, PROC_DEADLINE);
    assert_true(r.seconds >= 0.2);
    proc_result_free(&r);
  }
  struct proc_result r = run(self, "still", NULL, limits);
  assert_int_equal(r.end, PROC_DEADLINE);
  proc_result_free(&r);
}

static void
leaves_no_stray(void **state)
{
  (void)state;
  for (int i = 0; i < 2; i++) {
    struct proc_result r = run(self, "stray", NULL,
                               (struct proc_limits){.seconds = LONG});
    char *second = strchr(text_string(&r.out), '\n');
    assert_int_equal(r.end, PROC_EXITED);
    assert_int_equal(r.code, 0);
    assert_true(is_gone(atoi(text_string(&r.out))));
    assert_true(second && is_gone(atoi(second)));
    proc_result_free(&r);
  }
  struct proc_result r = run("sh", "-c", "sleep 1000 & echo $!",
                             (struct proc_limits){.seconds = LONG});
  assert_int_equal(r.end, PROC_EXITED);
  assert_true(is_gone(atoi(text_string(&r.out))));
  proc_result_free(&r);
  assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* nothing left over */
  assert_int_equal(errno, ECHILD);
}

static void
spares_children_of_others(void **state)
{
  int status;
  pid_t other = fork();
  (void)state;
  if (!other)
    forever();
  struct proc_result r = run("true", NULL, NULL,
                             (struct proc_limits){.seconds = LONG});
  proc_result_free(&r);
  assert_int_equal(kill(other, 0), 0);
  kill(other, SIGTERM);
  siginfo_t info;
  assert_int_equal(waitid(P_PID, (id_t)other, &info, WEXITED | WNOWAIT), 0);
  r = run("true", NULL, NULL, (struct proc_limits){.seconds = LONG});
  proc_result_free(&r);
  assert_int_equal(waitpid(other, &status, 0), other);
  assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
}

static void
has_its_own_group(void **state)
{
  struct proc_result r = run("sh", "-c", "cut -d ' ' -f 5 /proc/$$/stat; "
                             "echo $$", (struct proc_limits){.seconds = LONG});
  char *pid = strchr(text_string(&r.out), '\n');
  (void)state;
  assert_true(pid && atoi(text_string(&r.out)) == atoi(pid));
  assert_int_not_equal(atoi(pid), getpid());
  proc_result_free(&r);
}

static void
passes_nothing_on(void **state)
{
  int fd = open("/dev/null", O_RDONLY); /* without close-on-exec */
  (void)state;
  assert_true(fd > 2);
  signal(SIGUSR1, SIG_IGN);
  struct proc_result l = run("ls", "/proc/self/fd", NULL,
                             (struct proc_limits){.seconds = LONG});
  struct proc_result r = run("grep", "SigIgn", "/proc/self/status",
                             (struct proc_limits){.seconds = LONG});
  signal(SIGUSR1, SIG_DFL);
  close(fd);
  assert_string_equal(text_string(&l.out), "0\n1\n2\n3\n"); /* 3: ls's own */
  /* 32 and 33 are the C library's own; below make it cannot reset them. */
  const char *mask = strchr(text_string(&r.out), '\t');
  assert_non_null(mask);
  assert_int_equal(strtoull(mask, NULL, 16) & ~(UINT64_C(3) << 31), 0);
  proc_result_free(&l);
  proc_result_free(&r);
}

static void
limits_hold(void **state)
{
  char path[] = "/tmp/chanas-test-XXXXXX";
  struct proc_limits limits = {.seconds = LONG, .memory = 512 << 20};
  (void)state;
#ifndef __SANITIZE_ADDRESS__
  struct proc_result r = run(self, "greedy", NULL, limits);
  assert_int_equal(r.end, PROC_EXITED);
  assert_int_equal(r.code, 42);
  proc_result_free(&r);
#endif
  limits = (struct proc_limits){.seconds = LONG, .file_size = 1000};
  close(mkstemp(path));
  char *command = mem_print("head -c 100000 /dev/zero >%s", path);
  struct proc_result w = run("sh", "-c", command, limits);
  assert_false(w.end == PROC_EXITED && w.code == 0);
  proc_result_free(&w);
  free(command);
  unlink(path);
}

static void
one_of_many(void *arg, size_t i)
{
  char *command = mem_print("setsid sleep 1000 & exit %d", (int)i);
  struct proc_result r = run("sh", "-c", command,
                             (struct proc_limits){.seconds = LONG});
  ((int *)arg)[i] = r.end == PROC_EXITED ? r.code : -1;
  proc_result_free(&r);
  free(command);
}

static void
runs_many_at_once(void **state)
{
  int code[60];
  (void)state;
  pool_run(6, 60, one_of_many, code);
  for (int i = 0; i < 60; i++)
    assert_int_equal(code[i], i);
  assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

/* Reads one line of a child that stays. */
static void
read_line(struct proc *p, char *line, size_t size)
{
  struct chanas_text out = {0}, err = {0};
  const char *nothing = NULL;
  size_t none = 0;
  double end = proc_now() + LONG;
  while (!memchr(text_string(&out), '\n', out.size) && proc_now() < end &&
         proc_exchange(p, &nothing, &none, &out, &err, LONG) >= 0)
    continue;
  snprintf(line, size, "%s", text_string(&out));
  text_free(&out);
  text_free(&err);
}

static void
talks(void **state)
{
  struct chanas_args args = args_of("cat", NULL, NULL);
  struct chanas_text out = {0}, err = {0};
  struct proc p;
  enum proc_end end;
  char line[100];
  const char *data = "one\n";
  size_t size = 4;
  int code;
  (void)state;
  assert_int_equal(proc_start(&args, &p), 0);
  assert_int_equal(proc_exchange(&p, &data, &size, &out, &err, LONG), 1);
  assert_int_equal(size, 0);
  read_line(&p, line, sizeof line);
  assert_string_equal(line, "one\n");
  assert_int_equal(proc_exchange(&p, &data, &size, &out, &err, 0.01), 0);
  proc_stop(&p, &end, &code);
  assert_int_equal(end, PROC_DEADLINE);
  args_free(&args);
  args = args_of("no-such-program", NULL, NULL);
  assert_int_equal(proc_start(&args, &p), -1);
  args_free(&args);
  text_free(&out);
  text_free(&err);
}

/* More than a pipe holds, to a child that then ends and reads no more. */
static void
falls_silent(void **state)
{
  static const char much[1 << 20];
  struct chanas_args args = args_of("sh", "-c",
                                    "head -c 1000 | wc -c; echo so >&2; "
                                    "exit 7");
  struct chanas_text out = {0}, err = {0};
  const char *data = much;
  size_t size = sizeof much;
  struct proc p;
  enum proc_end end;
  siginfo_t info;
  int code;
  (void)state;
  assert_int_equal(proc_start(&args, &p), 0);
  while (proc_exchange(&p, &data, &size, &out, &err, LONG) == 1)
    continue;
  assert_true(size > 0 && size < sizeof much);
  size = 0;
  while (proc_exchange(&p, &data, &size, &out, &err, LONG) == 1)
    continue;
  assert_string_equal(text_string(&out), "1000\n");
  assert_string_equal(text_string(&err), "so\n");
  waitid(P_PID, (id_t)p.pid, &info, WEXITED | WNOWAIT);
  proc_stop(&p, &end, &code);
  assert_int_equal(end, PROC_EXITED);
  assert_int_equal(code, 7);
  text_free(&out);
  text_free(&err);
  args_free(&args);
}

/* ---- functions of this process ---- */

static int
leaves_a_stray(void *arg)
{
  printf("%s", (const char *)arg);
  fflush(stdout);
  if (!fork()) {
    setsid();
    forever();
  }
  return 9;
}

static int
never_ends(void *arg)
{
  (void)arg;
  forever();
  return 0;
}

static int
third_time(void *arg)
{
  return ++*(int *)arg == 3;
}

static void
forks(void **state)
{
  struct proc_limits limits = {.seconds = LONG};
  struct proc_result r;
  int calls = 0;
  (void)state;
  proc_run_fork(leaves_a_stray, "said", &limits, &r);
  assert_int_equal(r.end, PROC_EXITED);
  assert_int_equal(r.code, 9);
  assert_string_equal(text_string(&r.out), "said");
  assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
  proc_result_free(&r);
  limits.tick = 0.01;
  limits.watch = third_time;
  limits.watched = &calls;
  proc_run_fork(never_ends, NULL, &limits, &r);
  assert_int_equal(r.end, PROC_STOPPED);
  assert_int_equal(calls, 3);
  proc_result_free(&r);
  limits = (struct proc_limits){.seconds = 0.1};
  proc_run_fork(never_ends, NULL, &limits, &r);
  assert_int_equal(r.end, PROC_DEADLINE);
  proc_result_free(&r);
}

static void
dies_with_us(void **state)
{
  struct chanas_args args = args_of(self, "parent", NULL);
  struct proc p;
  char line[100];
  (void)state;
  assert_int_equal(proc_start(&args, &p), 0);
  read_line(&p, line, sizeof line);
  pid_t child = atoi(line);
  assert_true(child > 1 && !kill(child, 0));
  kill(p.pid, SIGKILL); /* it comes to us, its reaper, as a zombie */
  int gone = 0;
  for (int i = 0; i < 1000 && !gone; i++, usleep(10000))
    gone = waitpid(child, NULL, WNOHANG) == child;
  assert_true(gone);
  proc_stop(&p, NULL, NULL);
  args_free(&args);
}

static void
stops_on_a_signal(void **state)
{
  struct chanas_args args = args_of(self, "stopped", NULL);
  struct proc p;
  char line[100], want[100];
  (void)state;
  assert_int_equal(proc_start(&args, &p), 0);
  read_line(&p, line, sizeof line);
  assert_string_equal(line, "ready\n");
  kill(p.pid, SIGINT);
  read_line(&p, line, sizeof line);
  snprintf(want, sizeof want, "%d %d\n", PROC_STOPPED, SIGINT);
  assert_string_equal(line, want);
  proc_stop(&p, NULL, NULL);
  args_free(&args);
}

static void
splits_words(void **state)
{
  static const struct { const char *command; size_t n; const char *word[4]; }
    row[] = {
      {"ssh board chanas-runner", 3, {"ssh", "board", "chanas-runner"}},
      {"  a\t'b c'  \"d'e\" ", 3, {"a", "b c", "d'e"}},
      {"a\\ b '' x'y'\"z\"", 3, {"a b", "", "xyz"}},
      {"'\\n' \"\\\"\" $HOME *", 4, {"\\n", "\"", "$HOME", "*"}},
      {"", 0, {NULL}},
      {" \n ", 0, {NULL}},
    };
  (void)state;
  for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
    struct chanas_args args = {0};
    assert_int_equal(proc_words(row[i].command, &args), 0);
    assert_int_equal(args.count, row[i].n);
    for (size_t k = 0; k < args.count; k++)
      assert_string_equal(args.arg[k], row[i].word[k]);
    args_free(&args);
  }
  struct chanas_args args = {0};
  assert_int_equal(proc_words("a 'b", &args), -1);
  assert_int_equal(proc_words("\"", &args), -1);
  args_free(&args);
}

int
main(int argc, char **argv)
{
  if (argc > 1)
    return be(argv[1]);
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(collects),
    cmocka_unit_test(moves_much),
    cmocka_unit_test(tells_how_it_ended),
    cmocka_unit_test(keeps_the_deadline),
    cmocka_unit_test(leaves_no_stray),
    cmocka_unit_test(spares_children_of_others),
    cmocka_unit_test(has_its_own_group),
    cmocka_unit_test(passes_nothing_on),
    cmocka_unit_test(limits_hold),
    cmocka_unit_test(runs_many_at_once),
    cmocka_unit_test(talks),
    cmocka_unit_test(falls_silent),
    cmocka_unit_test(forks),
    cmocka_unit_test(dies_with_us),
    cmocka_unit_test(stops_on_a_signal),
    cmocka_unit_test(splits_words),
  };
  ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
  if (n < 0)
    return 1;
  self[n] = '\0';
  return cmocka_run_group_tests(tests, NULL, NULL);
}
