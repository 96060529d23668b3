/* SPDX-License-Identifier: Apache-2.0 */
/* One link: see measure_link.h. */
#include "measure_link.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frame.h"
#include "log.h"
#include "measure_wire.h"
#include "mem.h"
#include "proc.h"

#define KEEP_ERR 4096 /* of what it says on stderr */
#define SLACK 20.0    /* seconds to end a job after its deadline */
#define ENDING 1.0    /* seconds from the end of its output to its own */
#define GREETING 3    /* times `silence` that the first frame may take */

struct link {
  const struct chanas_args *command;
  double silence;
  int up;
  struct proc p;
  struct chanas_text in, err, out, value;
  const char *rest; /* of out: what is still to be sent */
  size_t left;
  double heard;
  char why[240];
};

struct link *
link_new(const struct chanas_args *command, double silence)
{
  struct link *l = mem_new(struct link);
  l->command = command;
  l->silence = silence;
  return l;
}

const char *
link_why(const struct link *l)
{
  return l->why;
}

/* ---- the end ---- */

/* The last line of a text; how long it is. */
static const char *
last_line(const struct chanas_text *text, int *size)
{
  const char *start = text_string(text), *end = start + text->size;
  while (end > start && (end[-1] == '\n' || end[-1] == '\r'))
    end--;
  const char *from = end;
  while (from > start && from[-1] != '\n')
    from--;
  *size = (int)(end - from);
  return from;
}

static int
take_down(struct link *l, const char *fmt, ...)
  __attribute__((format(printf, 2, 3)));

/* Always -1. */
static int
take_down(struct link *l, const char *fmt, ...)
{
  va_list list;
  int size, n;
  if (l->up)
    proc_stop(&l->p, NULL, NULL);
  l->up = 0;
  va_start(list, fmt);
  n = vsnprintf(l->why, sizeof l->why, fmt, list);
  va_end(list);
  const char *said = last_line(&l->err, &size);
  if (size > 0 && n > 0 && (size_t)n < sizeof l->why)
    snprintf(l->why + n, sizeof l->why - (size_t)n, "; it says: %.*s",
             size > 120 ? 120 : size, said);
  text_free(&l->in);
  text_free(&l->out);
  text_free(&l->err);
  l->left = 0;
  return -1;
}

void
link_free(struct link *l)
{
  if (!l)
    return;
  take_down(l, "closed");
  text_free(&l->value);
  free(l);
}

/* It closed its output, which mostly means that it ended. */
static int
has_ended(struct link *l)
{
  enum proc_end end;
  int code;
  l->up = 0;
  l->left = 0;
  proc_wait(&l->p, ENDING);
  proc_exchange(&l->p, &l->rest, &l->left, &l->in, &l->err, 0);
  proc_stop(&l->p, &end, &code);
  if (end == PROC_EXITED)
    return take_down(l, "it ended with exit code %d", code);
  if (end == PROC_SIGNALLED)
    return take_down(l, "it was ended by signal %d", code);
  return take_down(l, "it closed its output");
}

/* What came is no frame: text mostly, from a start-up file of the far side. */
static int
is_garbled(struct link *l)
{
  char text[60];
  size_t n = 0;
  for (; n < l->in.size && n + 1 < sizeof text; n++) {
    char c = l->in.data[n];
    if (c == '\n' && n)
      break;
    text[n] = c >= ' ' && c <= '~' ? c : '.';
  }
  text[n] = '\0';
  return take_down(l, "its output is not what a runner says: '%s'; nothing on "
                   "the way may print to stdout", text);
}

/* ---- both directions ---- */

static void
keep_err(struct link *l)
{
  if (l->err.size <= KEEP_ERR)
    return;
  size_t off = l->err.size - KEEP_ERR;
  memmove(l->err.data, l->err.data + off, KEEP_ERR + 1);
  l->err.size = KEEP_ERR;
}

static void
send_all(struct link *l, struct chanas_text *frame)
{
  text_free(&l->out);
  l->out = *frame;
  l->rest = text_string(&l->out);
  l->left = l->out.size;
  l->heard = proc_now();
}

/* The next frame; -1: the link is down.  end: of all patience, but not before
 * it was silent for so long. */
static int
receive(struct link *l, double silence, double end,
        struct chanas_text *payload)
{
  for (int status;;) {
    if ((status = frame_take(&l->in, payload)))
      return status == 1 ? 0 : is_garbled(l);
    double now = proc_now(), until = l->heard + silence;
    if (proc_stopping())
      return take_down(l, "stopped by the user");
    if (now >= until)
      return take_down(l, "silent for %.1f s", silence);
    if (now >= end)
      return take_down(l, "no answer after the deadline");
    size_t before = l->in.size;
    until = until < end ? until : end;
    status = proc_exchange(&l->p, &l->rest, &l->left, &l->in, &l->err,
                           until - now);
    keep_err(l);
    if (l->in.size > before)
      l->heard = proc_now();
    else if (status < 0)
      return has_ended(l);
  }
}

/* ---- coming up ---- */

static int
check_hello(struct link *l, const struct chanas_text *payload)
{
  if (wire_kind(payload, &l->value) != WIRE_HELLO)
    return take_down(l, "its first frame is no greeting");
  if (atoi(text_string(&l->value)) == JOB_PROTOCOL)
    return 0;
  char *theirs = mem_string(text_string(&l->value));
  frame_field(payload, "version", &l->value);
  take_down(l, "chanas speaks protocol %d, this runner (%s) %s; install the "
            "same version on both sides", JOB_PROTOCOL,
            text_string(&l->value), theirs);
  free(theirs);
  return -1;
}

int
link_up(struct link *l)
{
  struct chanas_text payload = {0};
  take_down(l, "restarted");
  if (proc_start(l->command, &l->p)) {
    snprintf(l->why, sizeof l->why, "it cannot be started: %s",
             strerror(errno));
    return -1;
  }
  l->up = 1;
  l->heard = proc_now();
  double patience = GREETING * l->silence;
  int status = receive(l, patience, l->heard + patience, &payload);
  if (!status)
    status = check_hello(l, &payload);
  text_free(&payload);
  return status;
}

/* ---- a job ---- */

static int
put_object(struct link *l, const struct job *j,
           const struct chanas_text *object)
{
  struct chanas_text frame = {0};
  if (!object || !j->hash || strcmp(text_string(&l->value), j->hash))
    return take_down(l, "it wants an object that there is none of");
  wire_put(&frame, j->hash, object);
  send_all(l, &frame);
  return 0;
}

/* One frame that came while the job is out.  1: done; 0: go on; -1. */
static int
attend(struct link *l, const struct job *j, const struct chanas_text *object,
       const struct chanas_text *payload, double *end, size_t *n,
       struct answer a[])
{
  switch (wire_kind(payload, &l->value)) {
  case WIRE_NEED:
    return put_object(l, j, object);
  case WIRE_BEATS:
    if (!strcmp(text_string(&l->value), "working") && *end > 1e300)
      *end = proc_now() + job_seconds(j) + SLACK;
    return 0;
  case WIRE_ANSWERS:
    *n = wire_read_answers(payload, j, a);
    return *n ? 1 : take_down(l, "its answer is to another job");
  default:
    return take_down(l, "it says something that is no answer");
  }
}

size_t
link_job(struct link *l, const struct job *j, const struct chanas_text *object,
         struct answer a[])
{
  struct chanas_text payload = {0}, frame = {0};
  double end = HUGE_VAL;
  size_t n = 0;
  int status = 0;
  job_pack(j, &frame);
  send_all(l, &frame);
  while (!status && !(status = receive(l, l->silence, end, &payload)))
    status = attend(l, j, object, &payload, &end, &n, a);
  text_free(&payload);
  return n;
}
