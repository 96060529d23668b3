/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Serving: frames in, frames out (measure_wire.h).  This process loads no
 * plugin and runs no candidate; every job is a fork of it, with its own
 * limits and deadline, whose whole process tree is killed at its end.  The
 * end of the input ends the job at hand, and the program.
 *
 * Serving runners of one user take turns at the device: a lock is held while
 * a job runs, so that a link that was cut and is there again, or another
 * search, does not disturb what is being timed.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "frame.h"
#include "log.h"
#include "measure_child.h"
#include "measure_wire.h"
#include "mem.h"
#include "proc.h"
#include "runner.h"
#include "runner_cache.h"

#define CACHE_LIMIT (64u << 20)
#define TICK 0.2     /* seconds between looks at the input */
#define STUCK 60.0   /* seconds that the other side may stop amid a frame */
#define CHUNK 4096   /* what poll() promises that a pipe takes */
#define EXIT_GARBLED 2
#define AT_ONCE 2e7    /* FLOPs that even a slow device does between beats */

struct server {
  const char *backend;
  int in, out, lock;
  struct chanas_text stream;
  struct cache cache;
  struct job job;
  double heard, beaten;
  const char *state; /* what the next beat says */
  int over;          /* the input has ended, or the output takes no more */
};

/* ---- the two streams ---- */

static void
send_frame(struct server *s, struct chanas_text *frame)
{
  struct pollfd p = {s->out, POLLOUT, 0};
  size_t at = 0;
  while (at < frame->size && !s->over) {
    size_t size = frame->size - at < CHUNK ? frame->size - at : CHUNK;
    ssize_t n = poll(&p, 1, (int)(STUCK * 1e3)) > 0
                  ? write(s->out, frame->data + at, size) : 0;
    if (n > 0)
      at += (size_t)n;
    else if (n == 0 || errno != EINTR)
      s->over = 1;
  }
  text_free(frame);
}

static void
beat(struct server *s)
{
  struct chanas_text frame = {0};
  if (proc_now() < s->beaten + WIRE_BEAT)
    return;
  s->beaten = proc_now();
  wire_word(&frame, WIRE_BEATS, s->state);
  send_frame(s, &frame);
}

static void
say(struct server *s, const char *state)
{
  s->state = state;
  s->beaten = 0;
  beat(s);
}

/* What is there, waiting at most so long for it. */
static void
receive(struct server *s, double seconds)
{
  struct pollfd p = {s->in, POLLIN, 0};
  char buffer[65536];
  if (poll(&p, 1, (int)(seconds * 1e3)) <= 0)
    return;
  ssize_t n = read(s->in, buffer, sizeof buffer);
  if (n > 0) {
    text_append(&s->stream, buffer, (size_t)n);
    s->heard = proc_now();
  } else if (n == 0 || errno != EINTR)
    s->over = 1;
}

/* 1, or 0 at the end of the input, or -1, logged. */
static int
next_frame(struct server *s, struct chanas_text *payload)
{
  int status;
  s->state = "receiving";
  s->heard = s->beaten = proc_now();
  while (!(status = frame_take(&s->stream, payload)) && !s->over) {
    receive(s, s->stream.size ? TICK : STUCK);
    if (!s->stream.size)
      continue;
    beat(s);
    if (proc_now() > s->heard + STUCK) {
      log_error("the other side stopped in the middle of a frame");
      return -1;
    }
  }
  if (status < 0 || (!status && s->stream.size))
    log_error("stdin brought %s; chanas starts this program itself",
              status ? "something other than a job" : "no whole job");
  return status ? status : s->stream.size ? -1 : 0;
}

/* While a job waits or runs: beats; 1 once there is nobody to work for. */
static int
watch(void *arg)
{
  struct server *s = arg;
  if (s->stream.size < CHUNK)
    receive(s, 0);
  beat(s);
  return s->over;
}

/* ---- the device ---- */

static int
open_lock(void)
{
  const char *folder = getenv("XDG_RUNTIME_DIR");
  if (!folder || access(folder, W_OK))
    folder = getenv("TMPDIR");
  char *path = mem_print("%s/chanas-runner-%u.lock",
                         folder ? folder : "/tmp", (unsigned)getuid());
  int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0)
    log_warn("%s: %s; set TMPDIR to a folder that can be written: without it "
             "runners on this device cannot take turns", path,
             strerror(errno));
  free(path);
  return fd;
}

static void
take_turn(struct server *s)
{
  if (s->lock < 0 || !flock(s->lock, LOCK_EX | LOCK_NB))
    return;
  say(s, "waiting");
  while (flock(s->lock, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK &&
         !watch(s))
    usleep(20000);
}

/* ---- jobs ---- */

static int
body(void *arg)
{
  struct server *s = arg;
  return runner_work(s->backend, &s->job, NULL);
}

/* The answers of a race, as they come. */
struct answers { struct server *server; size_t count; struct answer *answer; };

static int
keep_answer(void *arg, struct answer *a)
{
  struct answers *all = arg;
  all->answer[all->count++] = *a;
  *a = (struct answer){0};
  return all->server->over;
}

static void
run(struct server *s)
{
  struct child child = {.body = body, .arg = s, .tick = TICK, .watch = watch,
                        .watched = s};
  struct answer *a = mem_array(struct answer, job_answers(&s->job));
  struct answers all = {s, 0, a};
  struct chanas_text frame = {0};
  size_t n = 0;
  take_turn(s);
  say(s, "working");
  if (!s->over && s->job.kind == JOB_RACE) {
    runner_race(s->backend, &s->job, &child, AT_ONCE, keep_answer, &all);
    n = all.count;
  } else if (!s->over)
    n = child_run(&child, &s->job, a);
  if (s->lock >= 0)
    flock(s->lock, LOCK_UN);
  wire_answers(&frame, n, a);
  send_frame(s, &frame);
  for (size_t i = 0; i < n; i++)
    answer_free(&a[i]);
  free(a);
}

/* The next frame has to bring the object.  0, or -1, logged. */
static int
fetch(struct server *s, const char *hash)
{
  struct chanas_text payload = {0}, value = {0}, object = {0}, frame = {0};
  char own[WIRE_HASH];
  size_t size = 0;
  wire_word(&frame, WIRE_NEED, hash);
  send_frame(s, &frame);
  int got = next_frame(s, &payload);
  const char *data = got == 1 && wire_kind(&payload, &value) == WIRE_PUT
                       ? frame_body(&payload, &size) : NULL;
  text_append(&object, data ? data : "", size);
  wire_hash(&object, own);
  int sound = data && !strcmp(own, hash);
  if (sound)
    cache_put(&s->cache, hash, object.data, size);
  else if (got == 1)
    log_error("stdin brought another object than %s", hash);
  text_free(&payload);
  text_free(&value);
  text_free(&object);
  return sound ? 0 : -1;
}

static int
handle(struct server *s, const struct chanas_text *payload)
{
  const struct chanas_text *object = NULL;
  if (job_unpack(payload, &s->job))
    return -1;
  const char *hash = s->job.hash;
  int bad = hash && !cache_get(&s->cache, hash) && fetch(s, hash);
  if (!bad && hash && (object = cache_get(&s->cache, hash)))
    s->job.bytes = *object; /* on loan */
  if (!bad)
    run(s);
  if (object)
    s->job.bytes = (struct chanas_text){0};
  job_free(&s->job);
  return bad;
}

int
runner_serve(const char *backend)
{
  struct server s = {.backend = backend, .in = fcntl(0, F_DUPFD_CLOEXEC, 3),
                     .out = fcntl(1, F_DUPFD_CLOEXEC, 3),
                     .lock = open_lock(), .cache.limit = CACHE_LIMIT};
  struct chanas_text payload = {0}, frame = {0};
  int null = open("/dev/null", O_RDWR | O_CLOEXEC), status = 0;
  signal(SIGPIPE, SIG_IGN);
  if (s.in < 0 || s.out < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0) {
    log_error("cannot arrange descriptors: %s", strerror(errno));
    return 1;
  }
  wire_hello(&frame);
  send_frame(&s, &frame);
  while (!status && (status = next_frame(&s, &payload)) == 1)
    status = handle(&s, &payload);
  text_free(&payload);
  text_free(&s.stream);
  cache_free(&s.cache);
  return status ? EXIT_GARBLED : 0;
}
