/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ending a child's whole tree, and the two signals that end everything.
 *
 * kill(-group) misses a grandchild that called setsid().  But when its parent
 * dies such a process becomes a child of this one (a subreaper), and its
 * environment, unless it exec'd with another, still names the job.  Killing
 * it hands its own children to us, so the search goes on until none is left.
 */
#include "proc_tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mem.h"
#include "proc.h"

#define MAX_NOTED 256
#define LETTING_GO 5.0 /* seconds that a killed process may take to end */
#define PASSES 1000
#define DOUBTS 40 /* passes, half a millisecond apart */

static atomic_int noted[MAX_NOTED]; /* leaders; read by the signal handler */
static atomic_int stop_signal;
static int stop_fd = -1;

static void
prepare(void)
{
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

void
tree_prepare(void)
{
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, prepare);
}

int
tree_stop_fd(void)
{
  return stop_fd;
}

void
tree_note(pid_t leader)
{
  for (int i = 0; i < MAX_NOTED; i++) {
    int none = 0;
    if (atomic_compare_exchange_strong(&noted[i], &none, (int)leader))
      return;
  }
}

static void
forget(pid_t leader)
{
  for (int i = 0; i < MAX_NOTED; i++) {
    int it = (int)leader;
    if (atomic_compare_exchange_strong(&noted[i], &it, 0))
      return;
  }
}

/* ---- strays ---- */

/* Content of a file below /proc, terminated; NULL if it cannot be read. */
static char *
slurp(const char *path, size_t *size)
{
  struct chanas_text t = {0};
  char buffer[4096];
  ssize_t n;
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return NULL;
  text_append(&t, "", 0);
  while ((n = read(fd, buffer, sizeof buffer)) > 0 && t.size < 1 << 22)
    text_append(&t, buffer, n);
  close(fd);
  *size = t.size;
  return t.data;
}

/* Is the mark one of those in "CHANAS_JOB=outer:inner"? */
static int
names(const char *entry, const char *mark)
{
  size_t n = strlen(mark);
  if (strncmp(entry, "CHANAS_JOB=", 11))
    return 0;
  for (const char *p = entry + 10; p; p = strchr(p + 1, ':'))
    if (!strncmp(p + 1, mark, n) && (!p[n + 1] || p[n + 1] == ':'))
      return 1;
  return 0;
}

/* Does the environment of pid name the mark?  -1: there is none, as for a
 * moment in the middle of execve(). */
static int
carries(pid_t pid, const char *mark)
{
  char path[40];
  size_t size = 0;
  int found = 0;
  snprintf(path, sizeof path, "/proc/%d/environ", (int)pid);
  char *env = slurp(path, &size);
  for (char *p = env; env && !found && p < env + size; p += strlen(p) + 1)
    found = names(p, mark);
  free(env);
  return size ? found : -1;
}

/* State letter and process group of pid, 0 if there is none.  The name in
 * the second field may hold anything, so look behind its last ')'. */
static char
state_of(pid_t pid, pid_t *group)
{
  char path[40], state = 0;
  size_t size;
  int number = 0;
  snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
  char *stat = slurp(path, &size), *p = stat ? strrchr(stat, ')') : NULL;
  if (!p || sscanf(p + 1, " %c %*d %d", &state, &number) != 2)
    state = 0;
  free(stat);
  *group = (pid_t)number;
  return state;
}

/* How many strays a pass has ended and how many it could not tell.  Without a
 * mark all children are strays. */
struct sweep { pid_t leader; const char *mark; int ended, unclear; };

/* What dies of the first kill() has no environment any more, but is still of
 * the leader's group. */
static void
end_stray(struct sweep *s, pid_t pid)
{
  pid_t group;
  if (pid == s->leader)
    return;
  char state = state_of(pid, &group);
  int ours = group == s->leader || !*s->mark ? 1 : carries(pid, s->mark);
  if (ours <= 0) {
    s->unclear += ours < 0 && state && !strchr("ZX", state);
    return;
  }
  kill(pid, SIGKILL);
  for (double end = proc_now() + LETTING_GO; proc_now() < end; usleep(100))
    if (waitpid(pid, NULL, WNOHANG) == pid) {
      s->ended++;
      return;
    }
}

/* The children of one of our threads. */
static void
sweep_thread(struct sweep *s, const char *thread)
{
  char *path = mem_print("/proc/self/task/%s/children", thread), *rest;
  size_t size;
  char *list = slurp(path, &size);
  for (char *p = list; p; p = rest) {
    long pid = strtol(p, &rest, 10);
    if (rest == p)
      break;
    end_stray(s, (pid_t)pid);
  }
  free(list);
  free(path);
}

/* Passes until one finds nothing.  A child that stays without environment is
 * somebody else's. */
static void
sweep(pid_t leader, const char *mark)
{
  struct sweep s = {leader, mark, 1, 0};
  for (int pass = 0, doubts = 0; pass < PASSES; pass++) {
    DIR *tasks = opendir("/proc/self/task");
    s.ended = s.unclear = 0;
    for (struct dirent *e; tasks && (e = readdir(tasks));)
      if (e->d_name[0] != '.')
        sweep_thread(&s, e->d_name);
    if (tasks)
      closedir(tasks);
    if (!s.ended && (!s.unclear || ++doubts > DOUBTS))
      return;
    if (!s.ended)
      usleep(500);
  }
}

/* Until the leader is a zombie: as long as it is not reaped, its number and
 * that of its group are taken. */
static void
await_end(pid_t leader, int pidfd)
{
  siginfo_t info = {0};
  double end = proc_now() + LETTING_GO;
  while (!waitid(P_PID, (id_t)leader, &info, WEXITED | WNOHANG | WNOWAIT) &&
         !info.si_pid && proc_now() < end) {
    struct pollfd p = {.fd = pidfd, .events = POLLIN};
    poll(&p, 1, pidfd < 0 ? 1 : 100);
  }
}

/* The strays are first ended one by one: one that the group's SIGKILL hits
 * inside setsid() dies without anything that tells whose it was. */
int
tree_kill(pid_t leader, int pidfd, const char *mark)
{
  int status = -1;
  kill(leader, SIGKILL);
  await_end(leader, pidfd);
  sweep(leader, mark);
  kill(-leader, SIGKILL);
  sweep(leader, mark);
  if (waitpid(leader, &status, WNOHANG) != leader)
    status = -1;
  forget(leader);
  return status;
}

/* ---- signals ---- */

static void
on_signal(int s)
{
  int none = 0;
  if (atomic_compare_exchange_strong(&stop_signal, &none, s)) {
    uint64_t one = 1;
    if (write(stop_fd, &one, sizeof one) < 0)
      return;
    return;
  }
  for (int i = 0; i < MAX_NOTED; i++)
    if (noted[i])
      kill(-noted[i], SIGKILL);
  signal(s, SIG_DFL);
  raise(s);
}

void
proc_catch_signals(void)
{
  struct sigaction a = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
  tree_prepare();
  sigaction(SIGINT, &a, NULL);
  sigaction(SIGTERM, &a, NULL);
}

int
proc_stopping(void)
{
  return stop_signal != 0;
}

int
proc_stop_signal(void)
{
  return stop_signal;
}
