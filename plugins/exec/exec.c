/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Accuracy from a program of the user's own, which stays for the whole
 * search and speaks one JSON object a line (message.h) on stdin and stdout.
 *
 * Every network ends in exactly one of: an estimate, or NaN with a log line
 * that says why.  What the program does wrong costs the network concerned,
 * not the search: a network is given up when the program says so, answers
 * nonsense, says nothing for `timeout` seconds or dies twice over it.  Only
 * a program that fails more than `restarts` times ends the search.
 */
#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "child.h"
#include "lines.h"
#include "message.h"
#include "words.h"

#define LOG(self, level, ...) \
  ((self)->host->log((self)->host->ctx, CHANAS_##level, __VA_ARGS__))
#define MAX_STRAY_LINES 5
#define MAX_CHATTER 10000
#define TRIES 2
#define GRACE 2.0

enum state { WAITING, SENT, DONE };

struct job {
  enum state state;
  int tries;
};

struct exec {
  const struct chanas_host *host;
  char **command;
  struct child child;
  struct lines out, err;
  double timeout;
  int64_t restarts, failures, ahead;
  size_t stray, chatter, invalid;
  /* the batch at hand; ids run from first to first + n - 1 */
  int64_t first;
  size_t n, left, sent, next; /* before next none is waiting */
  struct job *job;
  const struct chanas_network *const *net;
  struct chanas_estimate *result;
  char *line;               /* the request being written, or NULL */
  size_t length, written;
  double deadline;
  int deaf;                 /* it closed its stdin */
};

/* ---- outcomes ---- */

/* One that closed its stdin may still have answers on the way, but not for
 * long. */
static void
set_deadline(struct exec *self)
{
  self->deadline = child_clock() +
    (self->deaf ? fmin(GRACE, self->timeout) : self->timeout);
}

static void
settle(struct exec *self, size_t i, double mean, double stddev)
{
  self->result[i] = (struct chanas_estimate){ mean, stddev };
  if (self->job[i].state == SENT)
    self->sent--;
  self->job[i].state = DONE;
  self->left--;
}

static void
give_up(struct exec *self, size_t i, const char *why)
{
  self->invalid++;
  LOG(self, WARN, "network %s gets no estimate: %s",
      self->host->code(self->net[i]), why);
  settle(self, i, NAN, 0);
}

/* Control characters would garble the log. */
static void
printable(char *text)
{
  for (; *text; text++)
    if ((unsigned char)*text < ' ' || *text == 127)
      *text = ' ';
}

static int
stray_line(struct exec *self, const char *what, char *line)
{
  printable(line);
  if (++self->stray <= MAX_STRAY_LINES)
    LOG(self, WARN, "%s: %s is passed over: %.120s", self->command[0], what,
        line);
  if (self->stray == MAX_STRAY_LINES)
    LOG(self, WARN, "%s: further such lines are only counted; what is meant "
        "for people belongs on stderr", self->command[0]);
  return 0;
}

/* ---- what comes from the program ---- */

static int
take_answer(void *arg, char *line, size_t length, int longer)
{
  struct exec *self = arg;
  struct answer answer;
  char shown[128] = { 0 };
  size_t i;

  if (longer)
    return 1;
  strncpy(shown, line, sizeof shown - 1);
  message_answer(line, length, &answer);
  if (answer.kind == ANSWER_GARBAGE)
    return stray_line(self, "a line that is no answer", shown);
  if (answer.id < self->first || answer.id - self->first >= (int64_t)self->n)
    return stray_line(self, "an answer whose id was not asked", shown);
  i = (size_t)(answer.id - self->first);
  if (self->job[i].state != SENT)
    return stray_line(self, "an answer to what is not open (any more)", shown);
  set_deadline(self);
  printable(answer.why);
  if (answer.kind == ANSWER_GOOD)
    settle(self, i, answer.mean, answer.stddev);
  else
    give_up(self, i, answer.why);
  return 0;
}

static int
take_chatter(void *arg, char *line, size_t length, int longer)
{
  struct exec *self = arg;

  if (length == 0)
    return 0;
  printable(line);
  if (++self->chatter <= MAX_CHATTER)
    LOG(self, INFO, "%s: %s%s", self->command[0], line, longer ? "..." : "");
  if (self->chatter == MAX_CHATTER)
    LOG(self, WARN, "%s: more than %d lines on stderr; the rest is dropped",
        self->command[0], MAX_CHATTER);
  return 0;
}

enum drained { NOTHING, SOME, CLOSED, REFUSED };

/* Read once; REFUSED is the sink's nonzero. */
static enum drained
drain(struct exec *self, int fd, struct lines *lines,
      int (*fn)(void *, char *, size_t, int))
{
  char data[65536];
  ssize_t n = read(fd, data, sizeof data);

  if (n < 0)
    return errno == EAGAIN || errno == EINTR ? NOTHING : CLOSED;
  if (n == 0)
    return CLOSED;
  return lines_feed(lines, data, (size_t)n, fn, self) ? REFUSED : SOME;
}

/* ---- what goes to the program ---- */

/* The next request, if one may go now; 0, or -1 logged. */
static int
next_request(struct exec *self)
{
  size_t i;

  if (self->line || (self->ahead && self->sent >= (size_t)self->ahead))
    return 0;
  while (self->next < self->n && self->job[self->next].state != WAITING)
    self->next++;
  if ((i = self->next) == self->n)
    return 0;
  self->line = message_request(self->host, self->first + (int64_t)i,
                               self->net[i]);
  if (self->line == NULL) {
    LOG(self, ERROR, "out of memory for a request");
    return -1;
  }
  self->length = strlen(self->line);
  self->written = 0;
  if (self->sent++ == 0)
    set_deadline(self);
  self->job[i].state = SENT;
  return 0;
}

static void
turn_deaf(struct exec *self)
{
  self->deaf = 1;
  set_deadline(self);
}

/* As much as the program takes now. */
static int
send_requests(struct exec *self)
{
  while (self->line) {
    ssize_t n = child_write(&self->child, self->line + self->written,
                            self->length - self->written);
    if (n < 0)
      turn_deaf(self);
    if (n <= 0)
      return 0;
    self->written += (size_t)n;
    if (self->written == self->length) {
      free(self->line);
      self->line = NULL;
    }
    if (next_request(self) < 0)
      return -1;
  }
  return 0;
}

/* ---- the program's life ---- */

static int
start(struct exec *self)
{
  int code = child_start(&self->child, self->command);

  self->out.used = self->err.used = 0;
  self->out.longer = self->err.longer = 0;
  self->deaf = 0;
  if (code == 0)
    return 0;
  LOG(self, ERROR, "command: cannot start '%s': %s", self->command[0],
      strerror(code));
  return -1;
}

static void
stop(struct exec *self, double grace)
{
  if (self->child.pid == 0)
    return;
  child_end(&self->child, grace);
  for (int i = 0; i < 64; i++)
    if (drain(self, self->child.err, &self->err, take_chatter) != SOME)
      break;
  child_close(&self->child);
  free(self->line);
  self->line = NULL;
}

/* It failed: note it, settle who is to blame, queue the others again. */
static int
restart(struct exec *self, const char *what, int blame)
{
  size_t oldest = 0;

  stop(self, 0);
  LOG(self, WARN, "%s: %s (it %s)", self->command[0], what,
      self->child.ended);
  while (oldest < self->n && self->job[oldest].state != SENT)
    oldest++;
  if (oldest < self->n && (self->job[oldest].tries += blame) >= TRIES)
    give_up(self, oldest, what);
  for (size_t i = 0; i < self->n; i++)
    if (self->job[i].state == SENT)
      self->job[i].state = WAITING;
  self->sent = self->next = 0;
  if (self->failures++ < self->restarts)
    return start(self);
  LOG(self, ERROR, "%s failed %lld times; see its messages above, try it by "
      "hand with one request line, or raise restarts", self->command[0],
      (long long)self->failures);
  return -1;
}

/* One round: wait a little, move bytes both ways, look after the program. */
static int
serve(struct exec *self)
{
  struct pollfd fd[3] = {
    { self->child.out, POLLIN, 0 }, { self->child.err, POLLIN, 0 },
    { self->deaf ? -1 : self->child.in, self->line ? POLLOUT : 0, 0 },
  };
  int gone = child_gone(&self->child);
  enum drained got = NOTHING;

  poll(fd, 3, gone ? 0 : 100);
  if (fd[1].revents)
    drain(self, self->child.err, &self->err, take_chatter);
  if (fd[0].revents)
    got = drain(self, self->child.out, &self->out, take_answer);
  if (got == REFUSED)
    return restart(self, "the program wrote a line longer than max-line", 1);
  if (got == CLOSED || (gone && got == NOTHING))
    return restart(self, "the program ended without an answer", 1);
  if (fd[2].revents & POLLERR)
    turn_deaf(self);
  else if (fd[2].revents && send_requests(self) < 0)
    return -1;
  if (self->sent && child_clock() > self->deadline)
    return restart(self, self->deaf ? "the program stopped reading" :
                   "the program gave no answer within timeout", TRIES);
  return 0;
}

/* ---- the plugin ---- */

static int
exec_open(const struct chanas_host *host, const struct chanas_space *space,
          void **out)
{
  struct exec *self = host->alloc(host->ctx, sizeof *self);

  (void)space;
  if (self == NULL)
    return -1;
  *out = self;
  self->host = host;
  self->first = 1;
  self->timeout = host->get_real(host->ctx, "timeout");
  self->restarts = host->get_int(host->ctx, "restarts");
  self->ahead = host->get_int(host->ctx, "ahead");
  self->out.limit = (size_t)host->get_int(host->ctx, "max-line");
  self->err.limit = 1000;
  self->out.data = host->alloc(host->ctx, self->out.limit + 1);
  self->err.data = host->alloc(host->ctx, self->err.limit + 1);
  self->command = words_split(host, host->get(host->ctx, "command"));
  if (self->command == NULL)
    return -1;
  if (self->out.data == NULL || self->err.data == NULL) {
    LOG(self, ERROR, "out of memory for lines of %zu bytes", self->out.limit);
    return -1;
  }
  return start(self);
}

/* The batch at hand is set up. */
static int
work(struct exec *self)
{
  if (self->child.pid == 0) {
    LOG(self, ERROR, "%s is no longer running", self->command[0]);
    return -1;
  }
  if (child_gone(&self->child) &&
      restart(self, "the program ended without being asked", 0) < 0)
    return -1;
  while (self->left > 0) {
    if (self->host->stopping(self->host->ctx)) {
      LOG(self, INFO, "stopped with %zu networks open", self->left);
      return -1;
    }
    if (next_request(self) < 0 || serve(self) < 0)
      return -1;
  }
  return 0;
}

static int
exec_estimate(void *ptr, size_t n, const struct chanas_network *const net[],
              struct chanas_estimate out[])
{
  struct exec *self = ptr;
  int status = -1;

  if (n == 0)
    return 0;
  self->n = self->left = n;
  self->sent = self->next = 0;
  self->net = net;
  self->result = out;
  if ((self->job = calloc(n, sizeof *self->job)))
    status = work(self);
  else
    LOG(self, ERROR, "out of memory for %zu networks", n);
  if (status < 0)
    stop(self, 0);
  free(self->job);
  self->job = NULL;
  self->first += (int64_t)n;
  return status;
}

static void
exec_close(void *ptr)
{
  struct exec *self = ptr;

  self->n = 0;
  stop(self, GRACE);
  if (self->invalid || self->stray || self->failures)
    LOG(self, WARN, "%s: %zu networks without an estimate, %zu stray lines, "
        "%lld failures of the program", self->command[0], self->invalid,
        self->stray, (long long)self->failures);
}

static const struct chanas_param params[] = {
  { "command", "text", NULL, NULL,
    "program and arguments, no shell; @NAME is the full path of a data file" },
  { "timeout", "real", "600", "0.01..1000000",
    "seconds that may pass without an answer while one is due" },
  { "restarts", "int", "3", "0..1000000",
    "how often the program may fail before the search ends" },
  { "ahead", "int", "0", "0..1000000",
    "networks that may be waiting for their answer at once; 0: the batch" },
  { "max-line", "int", "65536", "128..67108864",
    "bytes that a line of the program may have" },
  { 0 },
};

static const struct chanas_estimator estimator = {
  .struct_size = sizeof estimator,
  .open = exec_open,
  .estimate = exec_estimate,
  .close = exec_close,
};

static const struct chanas_plugin plugin = {
  CHANAS_PLUGIN_HEAD,
  .name = "exec",
  .version = "0.1.0",
  .summary = "accuracy from a program of your own, JSON lines on its pipes",
  .params = params,
  .estimator = &estimator,
};

CHANAS_REGISTER_PLUGIN(plugin)
