/* SPDX-License-Identifier: Apache-2.0 */
/* One phase at a time; drawn at most ten times a second. */
#include "progress.h"
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int progress_quiet;

static struct {
  char phase[64];
  double total, begun, drawn;
  int active, on_line;
} state;

static double
now(void)
{
  struct timespec t;

  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void
progress_begin(const char *phase, double total)
{
  snprintf(state.phase, sizeof state.phase, "%s", phase);
  state.total = total;
  state.begun = now();
  state.drawn = state.begun;
  state.active = 1;
}

void
progress_clear(void)
{
  if (state.on_line)
    fputs("\r\033[K", stderr);
  state.on_line = 0;
}

static void
print_eta(double done, double elapsed)
{
  double left;

  if (state.total <= 0 || done <= 0)
    return;
  left = elapsed * (state.total - done) / done;
  if (left < 0)
    left = 0;
  if (left < 90)
    fprintf(stderr, ", %.0f s left", left);
  else
    fprintf(stderr, ", %.0f min left", left / 60);
}

void
progress_update(double done, const char *note)
{
  int terminal = isatty(STDERR_FILENO);
  double t = now(), every = terminal ? 0.1 : 60;

  if (!state.active || progress_quiet || t - state.drawn < every)
    return;
  state.drawn = t;
  progress_clear();
  fprintf(stderr, terminal ? "%s: %.0f" : "chanas: %s: %.0f", state.phase,
          done);
  if (state.total > 0)
    fprintf(stderr, " of %.0f (%.0f %%)", state.total,
            100 * done / state.total);
  print_eta(done, t - state.begun);
  if (note)
    fprintf(stderr, ", %s", note);
  if (!terminal)
    fputc('\n', stderr);
  state.on_line = terminal;
  fflush(stderr);
}

void
progress_end(void)
{
  progress_clear();
  state.active = 0;
}
