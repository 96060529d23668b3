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
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

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

static int
spawn(pid_t *pid, char *const argv[], const int fd[6])
{
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attr;
  sigset_t none, all;
  int code;

  sigemptyset(&none);
  sigfillset(&all);
  posix_spawn_file_actions_init(&files);
  posix_spawnattr_init(&attr);
  posix_spawn_file_actions_adddup2(&files, fd[0], 0);
  posix_spawn_file_actions_adddup2(&files, fd[3], 1);
  posix_spawn_file_actions_adddup2(&files, fd[5], 2);
  posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP |
                           POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  posix_spawnattr_setpgroup(&attr, 0);
  posix_spawnattr_setsigmask(&attr, &none);
  posix_spawnattr_setsigdefault(&attr, &all);
  code = posix_spawnp(pid, argv[0], &files, &attr, argv, environ);
  posix_spawnattr_destroy(&attr);
  posix_spawn_file_actions_destroy(&files);
  return code;
}

int
child_start(struct child *child, char *const argv[])
{
  int fd[6] = { -1, -1, -1, -1, -1, -1 }, code = 0;

  *child = (struct child){ .in = -1, .out = -1, .err = -1 };
  for (int i = 0; i < 6 && code == 0; i += 2)
    if (pipe2(fd + i, O_CLOEXEC) < 0)
      code = errno;
  if (code == 0)
    code = spawn(&child->pid, argv, fd);
  if (code != 0) {
    close_all(6, fd);
    child->pid = 0;
    return code;
  }
  close_all(3, (int[]){ fd[0], fd[3], fd[5] });
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
