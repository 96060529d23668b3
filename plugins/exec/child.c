/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starting, feeding and ending one program: see child.h.  The program leads
 * its own process group, so a Ctrl-C at the terminal reaches chanas alone,
 * and whatever the program started in that group ends with it.
 */
#include "child.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

double
child_clock(void)
{
  struct timespec now;

  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void
close_all(int n, const int fd[])
{
  for (int i = 0; i < n; i++)
    if (fd[i] >= 0)
      close(fd[i]);
}

/* In the child, between fork() and execvp(): system calls only. */
static void
become(char *const argv[], const int from[3])
{
  struct sigaction standard = { .sa_handler = SIG_DFL };
  sigset_t none;
  int high[3];

  setpgid(0, 0);
  for (int s = 1; s < NSIG; s++)
    sigaction(s, &standard, NULL);
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  for (int i = 0; i < 3; i++)
    if ((high[i] = fcntl(from[i], F_DUPFD_CLOEXEC, 3)) < 0)
      return;
  for (int i = 0; i < 3; i++)
    if (dup2(high[i], i) < 0)
      return;
  execvp(argv[0], argv);
}

/* The child writes errno into `report` if it cannot become the program.  (An
 * error of posix_spawn() comes back through memory that parent and child
 * share, which valgrind and user-mode QEMU do not let them.)  All signals are
 * blocked until the host's handlers are gone. */
static int
spawn(pid_t *pid, char *const argv[], const int from[3], const int report[2])
{
  sigset_t all, before;
  int code = 0;

  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  *pid = fork();
  if (*pid == 0) {
    int high = fcntl(report[1], F_DUPFD_CLOEXEC, 3);
    become(argv, from);
    code = errno;
    _exit(write(high, &code, sizeof code) < 0 ? 126 : 127);
  }
  if (*pid < 0)
    code = errno;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  close(report[1]);
  while (*pid > 0 && read(report[0], &code, sizeof code) < 0 &&
         errno == EINTR)
    ;
  if (code && *pid > 0)
    waitpid(*pid, NULL, 0);
  return code;
}

int
child_start(struct child *child, char *const argv[])
{
  int fd[8] = { -1, -1, -1, -1, -1, -1, -1, -1 }, code = 0;

  *child = (struct child){ .in = -1, .out = -1, .err = -1 };
  for (int i = 0; i < 8 && code == 0; i += 2)
    if (pipe2(fd + i, O_CLOEXEC) < 0)
      code = errno;
  if (code == 0) {
    code = spawn(&child->pid, argv, (int[]){ fd[0], fd[3], fd[5] }, fd + 6);
    fd[7] = -1;
  }
  if (code != 0) {
    close_all(8, fd);
    child->pid = 0;
    return code;
  }
  close_all(4, (int[]){ fd[0], fd[3], fd[5], fd[6] });
  child->in = fd[1];
  child->out = fd[2];
  child->err = fd[4];
  fcntl(child->in, F_SETFL, O_NONBLOCK);
  fcntl(child->out, F_SETFL, O_NONBLOCK);
  fcntl(child->err, F_SETFL, O_NONBLOCK);
  return 0;
}

/* SIGPIPE is held back in this thread and, if write() raised it, taken from
 * the queue: the host's own handling of it is not touched. */
ssize_t
child_write(struct child *child, const void *data, size_t size)
{
  sigset_t broken, before, pending;
  ssize_t n;
  int code, had;

  sigemptyset(&broken);
  sigaddset(&broken, SIGPIPE);
  sigpending(&pending);
  had = sigismember(&pending, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &broken, &before);
  n = write(child->in, data, size);
  code = errno;
  if (n < 0 && code == EPIPE && !had)
    while (sigtimedwait(&broken, NULL, &(struct timespec){ 0 }) < 0 &&
           errno == EINTR)
      ;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (n < 0)
    return code == EAGAIN || code == EINTR ? 0 : -1;
  return n;
}

static void
describe_end(struct child *child, int status)
{
  if (WIFSIGNALED(status))
    snprintf(child->ended, sizeof child->ended, "was ended by signal %d (%s)",
             WTERMSIG(status), strsignal(WTERMSIG(status)));
  else
    snprintf(child->ended, sizeof child->ended, "exited with status %d",
             WEXITSTATUS(status));
}

int
child_gone(struct child *child)
{
  siginfo_t info = { 0 };

  if (child->pid == 0)
    return 1;
  /* WNOWAIT: it stays a zombie, so that its group's number stays its own
   * until child_end has killed what is left of the group. */
  if (waitid(P_PID, (id_t)child->pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0)
    return errno == ECHILD;
  return info.si_pid == child->pid;
}

static int
gone_within(struct child *child, double seconds)
{
  double end = child_clock() + seconds;

  while (!child_gone(child)) {
    if (child_clock() >= end)
      return 0;
    nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
  }
  return 1;
}

void
child_end(struct child *child, double grace)
{
  int status;

  close(child->in);
  child->in = -1;
  if (!gone_within(child, grace)) {
    kill(-child->pid, SIGTERM);
    gone_within(child, grace > 0 ? 0.5 : 0);
  }
  kill(-child->pid, SIGKILL);
  strcpy(child->ended, "was reaped elsewhere");
  while (waitpid(child->pid, &status, 0) < 0)
    if (errno != EINTR)
      return;
  describe_end(child, status);
}

void
child_close(struct child *child)
{
  close(child->out);
  close(child->err);
  child->out = child->err = -1;
  child->pid = 0;
}
