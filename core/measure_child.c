/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A child's job: proc_run ends it in time, and only sound answers that carry
 * this job's number count; everything else is an outcome too.
 */
#include "measure_child.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "proc.h"

#define OUTPUT_LIMIT (4u << 20) /* of all answers */

static void
start(const struct child *c, const struct job *j, struct proc_result *r)
{
  struct chanas_text frame = {0};
  struct proc_limits limits = {
    .seconds = job_seconds(j), .output = OUTPUT_LIMIT, .tick = c->tick,
    .watch = c->watch, .watched = c->watched,
  };
  if (!c->command) {
    proc_run_fork(c->body, c->arg, &limits, r);
    return;
  }
  job_pack(j, &frame);
  proc_run(c->command, NULL, frame.data, frame.size, &limits, r);
  text_free(&frame);
}

/* ---- what it said ---- */

static int
is_sound(const struct job *j, const struct answer *a, size_t index)
{
  int timed = j->kind == JOB_DESCRIBE || a->outcome != CHANAS_MEASURED ||
              a->latency > 0;
  return timed && a->nonce == j->nonce + index;
}

/* Answers in their order, up to the first that is not sound. */
static size_t
take(const struct job *j, const struct proc_result *r, struct answer a[],
     size_t *at)
{
  size_t n = 0, room = job_answers(j);
  for (size_t next = *at = 0; n < room; *at = next, n++) {
    if (answer_next(&r->out, &next, &a[n]))
      break;
    if (!is_sound(j, &a[n], n)) {
      answer_free(&a[n]);
      break;
    }
  }
  return n;
}

static int
begins(const char *text, const char *with)
{
  return !strncmp(text, with, strlen(with));
}

/* The first error that the runner told, else the first line that is no
 * warning, without the "chanas: ". */
static void
first_line(const struct proc_result *r, char *out, size_t size)
{
  const char *text = text_string(&r->err), *error = strstr(text, "error: ");
  while (error && error > text && error[-1] != '\n')
    error--;
  if (error)
    text = error;
  while (begins(text, "chanas: warning: "))
    text += strcspn(text, "\n") + (strchr(text, '\n') != NULL);
  if (begins(text, "chanas: "))
    text += 8;
  snprintf(out, size, "%.*s", (int)strcspn(text, "\n"), text);
}

/* ---- how it ended ---- */

static void
set(struct answer *out, enum chanas_outcome outcome, const char *fmt, ...)
  __attribute__((format(printf, 3, 4)));

static void
set(struct answer *out, enum chanas_outcome outcome, const char *fmt, ...)
{
  va_list list;
  out->outcome = outcome;
  va_start(list, fmt);
  vsnprintf(out->detail, sizeof out->detail, fmt, list);
  va_end(list);
}

/* A runner that exited without a sound answer; garbage: with another one. */
static void
judge_exit(const struct proc_result *r, int garbage, struct answer *out)
{
  char said[200];
  first_line(r, said, sizeof said);
  if (r->code == JOB_NO_MEMORY)
    set(out, CHANAS_OUT_OF_MEMORY, "it used up its memory");
  else if (garbage)
    set(out, CHANAS_CRASHED, "it damaged the runner's answer");
  else if (r->code == 0 || r->code == 1 || !*said)
    set(out, CHANAS_CRASHED, "it ended without a result (exit code %d)%s%s",
        r->code, *said ? ": " : "", said);
  else if (r->code == 2 || r->code == 4 || r->code > 125)
    set(out, CHANAS_LOST, "the runner failed (exit code %d): %s", r->code,
        said);
  else
    set(out, CHANAS_CRASHED, "exit code %d: %s", r->code, said);
}

static void
judge(const struct job *j, const struct proc_result *r, size_t index,
      int garbage, struct answer *out)
{
  const char *name = r->end == PROC_SIGNALLED ? sigabbrev_np(r->code) : NULL;
  *out = (struct answer){.nonce = j->nonce + index};
  switch (r->end) {
  case PROC_EXITED:
    judge_exit(r, garbage, out);
    break;
  case PROC_SIGNALLED:
    if (r->code == SIGKILL)
      set(out, CHANAS_OUT_OF_MEMORY, "killed, most likely for its memory");
    else if (r->code == SIGXCPU || r->code == SIGALRM)
      set(out, CHANAS_TIMED_OUT, "stopped by its own limit, SIG%s", name);
    else
      set(out, CHANAS_CRASHED, "SIG%s", name ? name : "?");
    break;
  case PROC_DEADLINE:
    set(out, CHANAS_TIMED_OUT, "killed after %.1f s", r->seconds);
    break;
  case PROC_STOPPED:
    set(out, CHANAS_LOST, "stopped by the user");
    break;
  case PROC_NOT_STARTED:
    set(out, CHANAS_LOST, "the runner cannot be started: %s",
        text_string(&r->err));
    break;
  }
}

/* One answer counts only if the child ended with it; of many, those that came
 * before the one that ended it. */
static size_t
conclude(const struct job *j, const struct proc_result *r, size_t n,
         int all_read, struct answer a[])
{
  size_t room = job_answers(j);
  int whole = n == room && r->end == PROC_EXITED && all_read;
  int many = job_is_many(j);
  if (whole || (many && (n == room || (n && r->end == PROC_DEADLINE))))
    return n;
  if (!many && n)
    answer_free(&a[--n]);
  judge(j, r, n, !all_read, &a[n]);
  return n + 1;
}

size_t
child_run(const struct child *c, const struct job *j, struct answer a[])
{
  struct proc_result r;
  size_t at, n;
  start(c, j, &r);
  n = take(j, &r, a, &at);
  n = conclude(j, &r, n, at == r.out.size, a);
  for (size_t i = 0; i < n; i++)
    if (a[i].outcome != CHANAS_MEASURED && !*a[i].detail)
      first_line(&r, a[i].detail, sizeof a[i].detail);
  proc_result_free(&r);
  return n;
}
