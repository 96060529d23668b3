/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Something on the way to a runner that can go wrong: it starts the runner and
 * passes bytes both ways, and looks for files in its folder that say what to
 * do: "cut" (end), "stall" (pass nothing on), "slow" (5 kB/s), "off" (do not
 * even start).  What it did is there too: "starts" has a byte for each start,
 * "pid" its process, "sent" the bytes that went to the runner.
 */
#ifndef TESTS_RELAY_H
#define TESTS_RELAY_H
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define RELAY_MS 20
#define RELAY_SLOW 100 /* bytes each time */

static inline char *
relay_path(const char *folder, const char *name)
{
  static char path[300];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  return path;
}

static inline int
relay_told(const char *folder, const char *name)
{
  return !access(relay_path(folder, name), F_OK);
}

static inline void
relay_tell(const char *folder, const char *name)
{
  close(open(relay_path(folder, name), O_CREAT | O_WRONLY, 0600));
}

static inline long
relay_size(const char *folder, const char *name)
{
  struct stat s;
  return stat(relay_path(folder, name), &s) ? 0 : (long)s.st_size;
}

static inline long
relay_number(const char *folder, const char *name)
{
  long number = 0;
  FILE *f = fopen(relay_path(folder, name), "r");
  if (f && fscanf(f, "%ld", &number) != 1)
    number = 0;
  if (f)
    fclose(f);
  return number;
}

static inline void
relay_note(const char *folder, const char *name, const char *mode, long number)
{
  FILE *f = fopen(relay_path(folder, name), mode);
  if (f)
    fprintf(f, *mode == 'a' ? "." : "%ld\n", number);
  if (f)
    fclose(f);
}

/* At most so many bytes, if there are any; how many, -1 at the end. */
static inline long
relay_pass(int from, int to, size_t most)
{
  static char buffer[65536];
  struct pollfd p = {from, POLLIN, 0};
  if (poll(&p, 1, 0) <= 0)
    return 0;
  ssize_t n = read(from, buffer, most < sizeof buffer ? most : sizeof buffer);
  for (ssize_t at = 0, got; at < n; at += got)
    if ((got = write(to, buffer + at, (size_t)(n - at))) <= 0)
      return -1;
  return n > 0 ? n : -1;
}

static inline void
relay_loop(const char *folder, int in, int out)
{
  long sent = 0, up, down;
  for (;;) {
    struct pollfd p[2] = {{0, POLLIN, 0}, {out, POLLIN, 0}};
    int slow = relay_told(folder, "slow");
    poll(p, slow ? 0 : 2, RELAY_MS);
    if (relay_told(folder, "cut")) {
      unlink(relay_path(folder, "cut"));
      return;
    }
    if (relay_told(folder, "stall")) {
      usleep(1000 * RELAY_MS);
      continue;
    }
    up = relay_pass(0, in, slow ? RELAY_SLOW : SIZE_MAX);
    down = relay_pass(out, 1, slow ? RELAY_SLOW : SIZE_MAX);
    if (up > 0)
      relay_note(folder, "sent", "w", sent += up);
    if (up < 0 || down < 0)
      return;
  }
}

/* argv: folder, command...; never returns. */
static inline void
relay_main(char **argv)
{
  int in[2], out[2];
  const char *folder = argv[0];
  relay_note(folder, "starts", "a", 0);
  if (relay_told(folder, "off") || pipe2(in, O_CLOEXEC) ||
      pipe2(out, O_CLOEXEC))
    exit(1);
  relay_note(folder, "pid", "w", (long)getpid());
  unlink(relay_path(folder, "stall"));
  if (!fork()) {
    setenv("TMPDIR", folder, 1); /* a device of its own */
    unsetenv("XDG_RUNTIME_DIR");
    dup2(in[0], 0);
    dup2(out[1], 1);
    execvp(argv[1], argv + 1);
    _exit(127);
  }
  close(in[0]);
  close(out[1]);
  relay_loop(folder, in[1], out[0]);
  exit(1);
}
#endif
