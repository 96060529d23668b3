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

struct job {
  struct proc p;
  int err;
};

/* with_err: stderr too gets a pipe. -1 with errno. */
static int
job_start(struct job *j, const struct chanas_args *args,
          const char *const env[], const struct proc_limits *limits,
          int with_err)
{
  int in[2] = {-1, -1}, out[2] = {-1, -1}, err[2] = {-1, -1};
  tree_prepare();
  *j = (struct job){.p = {.pid = -1, .in = -1, .out = -1, .fd = -1}, .err = -1};
  make_mark(j->p.mark);
  if (!spawn_pipe(in) && !spawn_pipe(out) && (!with_err || !spawn_pipe(err))) {
    struct spawn s = {args, env, limits, j->p.mark, in[0], out[1], err[1]};
    j->p.pid = spawn(&s);
  }
  int error = errno;
  close_fd(&in[0]);
  close_fd(&out[1]);
  close_fd(&err[1]);
  j->p.in = in[1];
  j->p.out = out[0];
  j->err = err[0];
  if (j->p.pid > 0) {
    tree_note(j->p.pid);
    j->p.fd = open_pidfd(j->p.pid);
    set_nonblocking(j->p.in);
    set_nonblocking(j->p.out);
    set_nonblocking(j->err);
  }
  errno = error;
  return j->p.pid > 0 ? 0 : -1;
}

static void
job_close(struct job *j)
{
  close_fd(&j->p.in);
  close_fd(&j->p.out);
  close_fd(&j->p.fd);
  close_fd(&j->err);
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

/* Returns why the child is to be ended now. */
static enum proc_end
attend(struct job *j, const char *input, size_t size, double deadline,
       size_t keep, struct proc_result *r)
{
  feed(&j->p.in, &input, &size);
  for (;;) {
    double left = deadline - proc_now();
    if (left <= 0)
      return PROC_DEADLINE;
    struct pollfd p[] = {{j->p.fd, POLLIN, 0},
                         {tree_stop_fd(), POLLIN, 0},
                         {j->p.out, POLLIN, 0},
                         {j->err, POLLIN, 0},
                         {j->p.in, POLLOUT, 0}};
    int wait = milliseconds(left);
    if (j->p.fd < 0 && (wait < 0 || wait > NO_PIDFD_MS))
      wait = NO_PIDFD_MS;
    poll(p, 5, wait);
    feed(&j->p.in, &input, &size);
    drain(&j->p.out, &r->out, keep);
    drain(&j->err, &r->err, keep);
    if (p[0].revents || (j->p.fd < 0 && has_ended(&j->p)))
      return PROC_EXITED;
    if (proc_stopping())
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

void
proc_run(const struct chanas_args *args, const char *const env[],
         const void *input, size_t input_size,
         const struct proc_limits *limits, struct proc_result *r)
{
  struct job j;
  double start = proc_now();
  size_t keep = limits->output ? limits->output : KEEP;
  *r = (struct proc_result){.end = PROC_NOT_STARTED};
  if (job_start(&j, args, env, limits, 1)) {
    r->code = errno;
    text_print(&r->err, "%s: %s", args->arg[0],
               r->code == ENOENT ? "no such program" : strerror(r->code));
    job_close(&j);
    return;
  }
  double deadline = limits->seconds > 0 ? start + limits->seconds : INFINITY;
  r->end = attend(&j, input, input_size, deadline, keep, r);
  set_end(&r->end, &r->code, tree_kill(j.p.pid, j.p.fd, j.p.mark));
  drain(&j.p.out, &r->out, keep);
  drain(&j.err, &r->err, keep);
  job_close(&j);
  r->seconds = proc_now() - start;
}

void
proc_result_free(struct proc_result *r)
{
  text_free(&r->out);
  text_free(&r->err);
}

/* ---- a child that stays ---- */

int
proc_start(const struct chanas_args *args, const char *const env[],
           const struct proc_limits *limits, struct proc *p)
{
  struct job j;
  int status = job_start(&j, args, env, limits, 0);
  if (status) {
    log_error("cannot start %s: %s", args->arg[0], strerror(errno));
    job_close(&j);
  }
  *p = j.p;
  return status;
}

/* Until fd is ready (1), or time is up or the run is to stop (0). */
static int
wait_for(int fd, short events, double end)
{
  for (;;) {
    struct pollfd f[] = {{fd, events, 0}, {tree_stop_fd(), POLLIN, 0}};
    double left = end - proc_now();
    if (left < 0 || (poll(f, 2, milliseconds(left)) < 0 && errno != EINTR))
      return 0;
    if (f[0].revents)
      return 1;
    if (proc_stopping())
      return 0;
  }
}

long
proc_read(struct proc *p, void *data, size_t size, double seconds)
{
  double end = proc_now() + seconds;
  while (wait_for(p->out, POLLIN, end)) {
    ssize_t n = read(p->out, data, size);
    if (n >= 0 || (errno != EINTR && errno != EAGAIN))
      return n > 0 ? n : 0;
  }
  return -1;
}

int
proc_write(struct proc *p, const void *data, size_t size, double seconds)
{
  double end = proc_now() + seconds;
  const char *from = data;
  while (size) {
    if (!wait_for(p->in, POLLOUT, end))
      return -1;
    ssize_t n = write_pipe(p->in, from, size);
    if (n < 0 && errno != EINTR && errno != EAGAIN)
      return -1;
    if (n > 0) {
      from += n;
      size -= (size_t)n;
    }
  }
  return 0;
}

void
proc_stop(struct proc *p, enum proc_end *end, int *code)
{
  struct job j = {.p = *p, .err = -1};
  enum proc_end how = has_ended(p) ? PROC_EXITED : PROC_DEADLINE;
  int number = 0;
  set_end(&how, &number, tree_kill(p->pid, p->fd, p->mark));
  job_close(&j);
  *p = j.p;
  if (end)
    *end = how;
  if (code)
    *code = number;
}
