/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vfork() and execve(): the cost does not grow with the parent's memory.
 * Between the two the child shares that memory, so it makes system calls and
 * nothing else; all signals are blocked until the parent's handlers are gone.
 * A child that is to call a function is a plain fork().
 */
#include "proc_spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mem.h"

extern char **environ;

#define CLOSE_ON_EXEC (1u << 2) /* CLOSE_RANGE_CLOEXEC */
#define MANY_FDS 1024           /* closed where there is no such call */

static int
executable(const char *path)
{
  struct stat s;
  return !stat(path, &s) && S_ISREG(s.st_mode) && !access(path, X_OK);
}

char *
proc_find(const char *program)
{
  const char *path = getenv("PATH");
  if (strchr(program, '/'))
    return executable(program) ? mem_string(program) : NULL;
  if (!path)
    path = "/usr/local/bin:/usr/bin:/bin";
  for (const char *end; *program; path = end + 1) {
    end = strchrnul(path, ':');
    char *file = mem_print("%.*s/%s", end > path ? (int)(end - path) : 1,
                           end > path ? path : ".", program);
    if (executable(file))
      return file;
    free(file);
    if (!*end)
      break;
  }
  return NULL;
}

static int
raise_fd(int fd)
{
  if (fd > 2)
    return fd;
  int high = fcntl(fd, F_DUPFD_CLOEXEC, 3), error = errno;
  close(fd);
  errno = error;
  return high;
}

int
spawn_pipe(int end[2])
{
  if (pipe2(end, O_CLOEXEC))
    return -1;
  end[0] = raise_fd(end[0]);
  end[1] = raise_fd(end[1]);
  if (end[0] >= 0 && end[1] >= 0)
    return 0;
  int error = errno;
  for (int i = 0; i < 2; i++)
    if (end[i] >= 0)
      close(end[i]);
  errno = error;
  return -1;
}

static int
same_name(const char *a, const char *b)
{
  size_t n = strcspn(a, "=");
  return !strncmp(a, b, n) && b[n] == '=';
}

static int
is_set(const char *const add[], const char *entry)
{
  for (; add && *add; add++)
    if (same_name(*add, entry))
      return 1;
  return same_name("CHANAS_JOB=", entry);
}

/* The mark, add[], and what they leave of environ. */
static char **
environment(char *mark, const char *const add[])
{
  size_t n = 1, old = 0, more = 0;
  while (environ && environ[old])
    old++;
  while (add && add[more])
    more++;
  char **env = mem_array(char *, old + more + 2);
  env[0] = mark;
  for (size_t i = 0; i < more; i++)
    env[n++] = (char *)add[i];
  for (size_t i = 0; i < old; i++)
    if (!is_set(add, environ[i]))
      env[n++] = environ[i];
  return env;
}

static void
limit(int what, uint64_t value)
{
  struct rlimit r = {value, value};
  setrlimit(what, &r);
}

static void
reset_signals(void)
{
  struct sigaction standard = {.sa_handler = SIG_DFL};
  sigset_t none;
  for (int s = 1; s < NSIG; s++)
    sigaction(s, &standard, NULL);
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
}

/* In the child.  -1 with errno. */
static int
arrange(const struct spawn *s, pid_t parent)
{
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent)
    _exit(127);
  if (dup2(s->in, 0) < 0 || dup2(s->out, 1) < 0 ||
      (s->err >= 0 && dup2(s->err, 2) < 0))
    return -1;
  limit(RLIMIT_CORE, 0);
  if (s->limits->memory)
    limit(RLIMIT_AS, s->limits->memory);
  if (s->limits->file_size)
    limit(RLIMIT_FSIZE, s->limits->file_size);
  reset_signals();
  return 0;
}

static void
close_others(void)
{
  if (syscall(SYS_close_range, 3u, UINT_MAX, 0))
    for (int fd = 3; fd < MANY_FDS; fd++)
      close(fd);
}

/* In the child; returns only if something failed. */
static void
become(const struct spawn *s, const char *path, char **env, pid_t parent)
{
  if (arrange(s, parent))
    return;
  if (s->args) {
    syscall(SYS_close_range, 3u, UINT_MAX, CLOSE_ON_EXEC);
    execve(path, s->args->arg, env);
  } else {
    close_others();
    exit(s->body(s->arg));
  }
}

/* The child writes errno into `report` if it cannot become the program. */
static pid_t
start(const struct spawn *s, const char *path, char **env, int report)
{
  sigset_t all, old;
  pid_t parent = getpid();
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &old);
  pid_t pid = s->args ? vfork() : fork();
  if (!pid) {
    become(s, path, env, parent);
    int error = errno;
    if (write(report, &error, sizeof error) < 0)
      _exit(126);
    _exit(127);
  }
  pthread_sigmask(SIG_SETMASK, &old, NULL);
  return pid;
}

/* Run start() and wait for exec to have worked. */
static pid_t
start_sure(const struct spawn *s, const char *path, char **env)
{
  int report[2], error;
  if (spawn_pipe(report))
    return -1;
  pid_t pid = start(s, path, env, report[1]);
  error = errno;
  close(report[1]);
  if (pid > 0 && read(report[0], &error, sizeof error) == sizeof error) {
    waitpid(pid, NULL, 0);
    pid = -1;
  }
  close(report[0]);
  errno = error;
  return pid;
}

int
spawn(const struct spawn *s)
{
  if (!s->args)
    return start_sure(s, NULL, NULL);
  char *path = proc_find(s->args->arg[0]);
  if (!path) {
    errno = ENOENT;
    return -1;
  }
  const char *outer = getenv("CHANAS_JOB");
  char *mark = mem_print("CHANAS_JOB=%s%s%s", outer ? outer : "",
                         outer ? ":" : "", s->mark);
  char **env = environment(mark, s->env);
  pid_t pid = start_sure(s, path, env);
  int error = errno;
  free(env);
  free(mark);
  free(path);
  errno = error;
  return pid;
}
