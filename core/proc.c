/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Running a child: feed it, collect from it, watch the clock, end its tree.
 * Only descriptors decide when to wake up: its pipes, its pidfd, the stop
 * event of a signal; the clock sets the time-out of the poll.
 */
#include "proc.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "proc_spawn.h"
#include "proc_tree.h"

#define KEEP 65536     /* bytes of output kept by default */
#define NO_PIDFD_MS 5  /* how often to look where pidfd_open is missing */

double
proc_now(void)
{
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Unique among all processes of this user that are alive. */
static void
make_mark(char mark[40])
{
  static atomic_uint count;
  snprintf(mark, 40, "%d.%u.%llx", (int)getpid(), atomic_fetch_add(&count, 1),
           (unsigned long long)(proc_now() * 1e6));
}

static void
close_fd(int *fd)
{
  if (*fd >= 0)
    close(*fd);
  *fd = -1;
}

static void
set_nonblocking(int fd)
{
  if (fd >= 0)
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

/* write() to a pipe that may have no reader, without SIGPIPE. */
static ssize_t
write_pipe(int fd, const void *data, size_t size)
{
  sigset_t pipe_only, old, pending;
  struct timespec now = {0};
  sigemptyset(&pipe_only);
  sigaddset(&pipe_only, SIGPIPE);
  sigpending(&pending);
  pthread_sigmask(SIG_BLOCK, &pipe_only, &old);
  ssize_t n = write(fd, data, size);
  int error = errno;
  if (n < 0 && error == EPIPE && !sigismember(&pending, SIGPIPE))
    sigtimedwait(&pipe_only, NULL, &now);
  pthread_sigmask(SIG_SETMASK, &old, NULL);
  errno = error;
  return n;
}

/* -1 where the kernel (or valgrind) has no such call; asked once. */
static int
open_pidfd(pid_t pid)
{
  static atomic_int missing;
  int fd = missing ? -1 : (int)syscall(SYS_pidfd_open, pid, 0);
  if (fd < 0 && errno == ENOSYS)
    missing = 1;
  return fd;
}

/* ---- starting ---- */

/* What to start is in s, its descriptors and its mark come here.  with_err:
 * stderr too gets a pipe.  -1 with errno. */
static int
start(struct proc *p, struct spawn s, int with_err)
{
  int in[2] = {-1, -1}, out[2] = {-1, -1}, err[2] = {-1, -1};
  tree_prepare();
  *p = (struct proc){.pid = -1, .in = -1, .out = -1, .err = -1, .fd = -1};
  if (s.args)
    make_mark(p->mark);
  if (!spawn_pipe(in) && !spawn_pipe(out) && (!with_err || !spawn_pipe(err))) {
    s.mark = p->mark;
    s.in = in[0];
    s.out = out[1];
    s.err = err[1];
    p->pid = spawn(&s);
  }
  int error = errno;
  close_fd(&in[0]);
  close_fd(&out[1]);
  close_fd(&err[1]);
  p->in = in[1];
  p->out = out[0];
  p->err = err[0];
  if (p->pid > 0) {
    tree_note(p->pid);
    p->fd = open_pidfd(p->pid);
    set_nonblocking(p->in);
    set_nonblocking(p->out);
    set_nonblocking(p->err);
  }
  errno = error;
  return p->pid > 0 ? 0 : -1;
}

static void
close_all(struct proc *p)
{
  close_fd(&p->in);
  close_fd(&p->out);
  close_fd(&p->err);
  close_fd(&p->fd);
}

/* ---- running to the end ---- */

/* Move what is there from *fd to text; closes it at the end of file. */
static void
drain(int *fd, struct chanas_text *text, size_t keep)
{
  char buffer[16384];
  for (int i = 0; *fd >= 0 && i < 64; i++) {
    ssize_t n = read(*fd, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0 && errno == EAGAIN)
      return;
    if (n <= 0) {
      close_fd(fd);
      return;
    }
    size_t room = keep - text->size;
    text_append(text, buffer, (size_t)n < room ? (size_t)n : room);
  }
}

static void
feed(int *fd, const char **input, size_t *size)
{
  while (*fd >= 0 && *size) {
    ssize_t n = write_pipe(*fd, *input, *size);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0 && errno == EAGAIN)
      return;
    if (n < 0)
      *size = 0;
    else {
      *input += n;
      *size -= (size_t)n;
    }
  }
  close_fd(fd);
}

static int
has_ended(const struct proc *p)
{
  siginfo_t info = {0};
  return !waitid(P_PID, (id_t)p->pid, &info, WEXITED | WNOHANG | WNOWAIT) &&
         info.si_pid == p->pid;
}

static int
milliseconds(double seconds)
{
  return seconds <= 0 ? 0 : seconds > 1e6 ? -1 : (int)ceil(seconds * 1e3);
}

/* How long to sleep at most, and whether watch() wants the end. */
struct clock { double deadline, next; const struct proc_limits *limits; };

static int
clock_over(struct clock *c)
{
  const struct proc_limits *l = c->limits;
  if (!l->watch || proc_now() < c->next)
    return 0;
  c->next = proc_now() + l->tick;
  return l->watch(l->watched);
}

static int
clock_sleep(const struct clock *c, int pidfd)
{
  int wait = milliseconds(fmin(c->deadline, c->next) - proc_now());
  return pidfd < 0 && (wait < 0 || wait > NO_PIDFD_MS) ? NO_PIDFD_MS : wait;
}

/* Returns why the child is to be ended now. */
static enum proc_end
attend(struct proc *j, const char *input, size_t size, struct clock *clock,
       size_t keep, struct proc_result *r)
{
  feed(&j->in, &input, &size);
  for (;;) {
    if (clock->deadline <= proc_now())
      return PROC_DEADLINE;
    struct pollfd p[] = {{j->fd, POLLIN, 0},
                         {tree_stop_fd(), POLLIN, 0},
                         {j->out, POLLIN, 0},
                         {j->err, POLLIN, 0},
                         {j->in, POLLOUT, 0}};
    poll(p, 5, clock_sleep(clock, j->fd));
    feed(&j->in, &input, &size);
    drain(&j->out, &r->out, keep);
    drain(&j->err, &r->err, keep);
    if (p[0].revents || (j->fd < 0 && has_ended(j)))
      return PROC_EXITED;
    if (proc_stopping() || clock_over(clock))
      return PROC_STOPPED;
  }
}

static void
set_end(enum proc_end *end, int *code, int status)
{
  if (*end != PROC_EXITED)
    *code = 0;
  else if (status != -1 && WIFSIGNALED(status)) {
    *end = PROC_SIGNALLED;
    *code = WTERMSIG(status);
  } else
    *code = status == -1 ? 255 : WEXITSTATUS(status);
}

static void
run(struct spawn s, const void *input, size_t input_size,
    struct proc_result *r)
{
  struct proc j;
  const struct proc_limits *limits = s.limits;
  double begun = proc_now(), forever = INFINITY;
  struct clock clock = {limits->seconds > 0 ? begun + limits->seconds
                                            : forever,
                        limits->watch ? begun + limits->tick : forever,
                        limits};
  size_t keep = limits->output ? limits->output : KEEP;
  *r = (struct proc_result){.end = PROC_NOT_STARTED};
  if (start(&j, s, 1)) {
    r->code = errno;
    text_print(&r->err, "%s: %s", s.args ? s.args->arg[0] : "fork",
               r->code == ENOENT ? "no such program" : strerror(r->code));
    close_all(&j);
    return;
  }
  r->end = attend(&j, input, input_size, &clock, keep, r);
  set_end(&r->end, &r->code, tree_kill(j.pid, j.fd, j.mark));
  drain(&j.out, &r->out, keep);
  drain(&j.err, &r->err, keep);
  close_all(&j);
  r->seconds = proc_now() - begun;
}

void
proc_run(const struct chanas_args *args, const char *const env[],
         const void *input, size_t input_size,
         const struct proc_limits *limits, struct proc_result *r)
{
  run((struct spawn){.args = args, .env = env, .limits = limits}, input,
      input_size, r);
}

void
proc_run_fork(int (*body)(void *arg), void *arg,
              const struct proc_limits *limits, struct proc_result *r)
{
  run((struct spawn){.body = body, .arg = arg, .limits = limits}, NULL, 0, r);
}

void
proc_result_free(struct proc_result *r)
{
  text_free(&r->out);
  text_free(&r->err);
}

/* ---- a child that stays ---- */

int
proc_start(const struct chanas_args *args, struct proc *p)
{
  static const struct proc_limits none;
  int status = start(p, (struct spawn){.args = args, .limits = &none}, 1);
  int error = errno;
  if (status)
    close_all(p);
  errno = error;
  return status;
}

/* As much as the child takes now; -1: it takes no more. */
static int
offer(int fd, const char **data, size_t *size)
{
  while (*size) {
    ssize_t n = write_pipe(fd, *data, *size);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return errno == EAGAIN ? 0 : -1;
    *data += n;
    *size -= (size_t)n;
  }
  return 0;
}

int
proc_exchange(struct proc *p, const char **data, size_t *size,
              struct chanas_text *out, struct chanas_text *err,
              double seconds)
{
  struct pollfd f[] = {{p->out, POLLIN, 0},
                       {p->err, POLLIN, 0},
                       {*size ? p->in : -1, POLLOUT, 0},
                       {tree_stop_fd(), POLLIN, 0}};
  int stopping = proc_stopping(), gone = 0;
  if (poll(f, 4, stopping ? 0 : milliseconds(seconds)) <= 0)
    return 0;
  if (f[2].revents)
    gone = offer(p->in, data, size);
  drain(&p->err, err, SIZE_MAX);
  drain(&p->out, out, SIZE_MAX);
  return p->out < 0 || gone ? -1 : !stopping;
}

void
proc_wait(const struct proc *p, double seconds)
{
  double end = proc_now() + seconds;
  while (!has_ended(p) && proc_now() < end) {
    struct pollfd f = {.fd = p->fd, .events = POLLIN};
    poll(&f, 1, p->fd < 0 ? NO_PIDFD_MS : milliseconds(end - proc_now()));
  }
}

void
proc_stop(struct proc *p, enum proc_end *end, int *code)
{
  enum proc_end how = has_ended(p) ? PROC_EXITED : PROC_DEADLINE;
  int number = 0;
  set_end(&how, &number, tree_kill(p->pid, p->fd, p->mark));
  close_all(p);
  if (end)
    *end = how;
  if (code)
    *code = number;
}
