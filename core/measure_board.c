/* SPDX-License-Identifier: Apache-2.0 */
/* Which board gets which job, and what becomes of a lost link. */
#include "measure_board.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "device.h"
#include "log.h"
#include "measure_link.h"
#include "mem.h"
#include "proc.h"

#define FIRST_WAIT 0.25 /* seconds before a lost link is tried again; */
#define LAST_WAIT 8.0   /* doubled each time, up to this */
#define LOOK 0.25       /* seconds between looks at whether to stop */

enum board_state { BOARD_NEW, BOARD_UP, BOARD_DOWN, BOARD_GONE };

struct board {
  struct chanas_args command;
  char *name;
  struct link *link;
  enum board_state state;
  int busy;
  double since, next, wait; /* of a board that is down */
};

struct boards {
  size_t count;
  struct board *board;
  const struct job *describe;
  double patience;
  char *version;
  char fingerprint[17]; /* "" until the first has told */
  pthread_mutex_t lock;
  pthread_cond_t free;
};

/* ---- opening ---- */

static void
board_open(struct board *b, const struct chanas_args *command, double silence)
{
  struct chanas_text name = {0};
  for (size_t i = 0; i < command->count; i++) {
    args_add(&b->command, command->arg[i]);
    text_print(&name, "%s%s", i ? " " : "", command->arg[i]);
  }
  b->name = mem_print("%.80s%s", text_string(&name),
                      name.size > 80 ? "..." : "");
  b->link = link_new(&b->command, silence);
  text_free(&name);
}

struct boards *
boards_open(const struct boards_config *c)
{
  struct boards *s = mem_new(struct boards);
  pthread_condattr_t monotonic;
  s->count = c->count;
  s->board = mem_array(struct board, c->count);
  s->describe = c->describe;
  s->patience = c->patience;
  s->version = mem_string(c->version);
  for (size_t i = 0; i < c->count; i++)
    board_open(&s->board[i], &c->command[i], c->silence);
  pthread_condattr_init(&monotonic);
  pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
  pthread_cond_init(&s->free, &monotonic);
  pthread_condattr_destroy(&monotonic);
  pthread_mutex_init(&s->lock, NULL);
  return s;
}

void
boards_close(struct boards *s)
{
  if (!s)
    return;
  for (size_t i = 0; i < s->count; i++) {
    link_free(s->board[i].link);
    args_free(&s->board[i].command);
    free(s->board[i].name);
  }
  pthread_mutex_destroy(&s->lock);
  pthread_cond_destroy(&s->free);
  free(s->version);
  free(s->board);
  free(s);
}

/* ---- coming up ---- */

/* 0: it is the device that it should be.  -1: the link went down.  1: it is
 * not (logged). */
static int
identify(struct boards *s, struct board *b)
{
  struct answer a = {0};
  struct chanas_device *d = NULL;
  int status = -1;
  if (!link_job(b->link, s->describe, NULL, &a))
    return -1;
  if (a.outcome != CHANAS_MEASURED)
    log_error("runner %s: no description of the device: %s", b->name,
              a.detail);
  else if (strcmp(a.version, s->version))
    log_error("runner %s: its backend plugin is of version %s, the one here "
              "of %s; install the same on both sides", b->name, a.version,
              s->version);
  else if (!(d = device_parse(text_string(&a.description))))
    log_error("runner %s: no description of the device", b->name);
  else
    status = 0;
  pthread_mutex_lock(&s->lock);
  if (d && !*s->fingerprint)
    memcpy(s->fingerprint, d->fingerprint, sizeof s->fingerprint);
  else if (d && strcmp(d->fingerprint, s->fingerprint)) {
    log_error("runner %s: its device has the fingerprint %s, the first one "
              "%s: figures of different devices do not mix, so it is not "
              "used", b->name, d->fingerprint, s->fingerprint);
    status = -1;
  }
  pthread_mutex_unlock(&s->lock);
  device_free(d);
  answer_free(&a);
  return status ? 1 : 0;
}

/* Under the lock: what is known after an attempt. */
static void
note_failure(struct boards *s, struct board *b)
{
  double now = proc_now();
  const char *why = link_why(b->link);
  int over = b->state == BOARD_DOWN && now - b->since >= s->patience;
  if (b->state == BOARD_NEW || over) {
    log_error(over ? "runner %s: given up: %s" : "runner %s: %s", b->name,
              why);
    b->state = BOARD_GONE;
    return;
  }
  if (b->state == BOARD_UP) {
    log_warn("runner %s: %s; it has %g s to come back", b->name, why,
             s->patience);
    b->state = BOARD_DOWN;
    b->since = now;
    b->wait = FIRST_WAIT;
  } else
    b->wait = fmin(2 * b->wait, LAST_WAIT);
  b->next = now + b->wait;
}

/* 0, or -1: it is not up now.  The board is busy. */
static int
bring_up(struct boards *s, struct board *b)
{
  int status = link_up(b->link) ? -1 : identify(s, b);
  pthread_mutex_lock(&s->lock);
  if (status > 0)
    b->state = BOARD_GONE;
  else if (status < 0 && !proc_stopping())
    note_failure(s, b);
  else if (status == 0) {
    if (b->state == BOARD_DOWN)
      log_info("runner %s: back after %.1f s", b->name, proc_now() - b->since);
    b->state = BOARD_UP;
  }
  pthread_mutex_unlock(&s->lock);
  return status ? -1 : 0;
}

static void
put_back(struct boards *s, struct board *b)
{
  pthread_mutex_lock(&s->lock);
  b->busy = 0;
  pthread_cond_broadcast(&s->free);
  pthread_mutex_unlock(&s->lock);
}

/* ---- choosing ---- */

/* Under the lock. */
static int
count_left(const struct boards *s)
{
  int left = 0;
  for (size_t i = 0; i < s->count; i++)
    left += s->board[i].state != BOARD_GONE;
  return left;
}

/* Under the lock: the free board that is up, else one that may be tried now,
 * else NULL and when to look again. */
static struct board *
choose(struct boards *s, double *look)
{
  struct board *may = NULL;
  double now = proc_now();
  *look = now + LOOK;
  for (struct board *b = s->board; b < s->board + s->count; b++) {
    if (b->busy || b->state == BOARD_GONE)
      continue;
    if (b->state == BOARD_UP)
      return b;
    if (b->state == BOARD_NEW || b->next <= now)
      may = may ? may : b;
    else
      *look = fmin(*look, b->next);
  }
  return may;
}

/* A board that is up, for this thread alone; NULL: there is none left, or the
 * user wants to stop. */
static struct board *
take(struct boards *s)
{
  struct board *b = NULL;
  int left = 1;
  while (!b && left && !proc_stopping()) {
    double look;
    pthread_mutex_lock(&s->lock);
    b = choose(s, &look);
    left = count_left(s);
    if (b)
      b->busy = 1;
    else if (left) {
      struct timespec until = {(time_t)look,
                               (long)(1e9 * (look - floor(look)))};
      pthread_cond_timedwait(&s->free, &s->lock, &until);
    }
    int up = b && b->state == BOARD_UP;
    pthread_mutex_unlock(&s->lock);
    if (b && !up && bring_up(s, b)) {
      put_back(s, b);
      b = NULL;
    }
  }
  return b;
}

int
boards_left(struct boards *s)
{
  pthread_mutex_lock(&s->lock);
  int left = count_left(s);
  pthread_mutex_unlock(&s->lock);
  return left;
}

int
boards_up(struct boards *s)
{
  for (size_t i = 0; i < s->count && !proc_stopping(); i++)
    if (s->board[i].state == BOARD_NEW)
      bring_up(s, &s->board[i]);
  return boards_left(s) ? 0 : -1;
}

/* ---- a job ---- */

static void
say_lost(const struct job *j, const char *why, struct answer *a)
{
  *a = (struct answer){.nonce = j->nonce, .outcome = CHANAS_LOST};
  snprintf(a->detail, sizeof a->detail, "%s", why);
}

/* On one board.  0: its link went down. */
static size_t
attempt(struct boards *s, struct board *b, const struct job *j,
        const struct chanas_text *object, struct answer a[])
{
  size_t n = link_job(b->link, j, object, a);
  if (!n) {
    say_lost(j, link_why(b->link), a);
    pthread_mutex_lock(&s->lock);
    if (!proc_stopping())
      note_failure(s, b);
    pthread_mutex_unlock(&s->lock);
  }
  put_back(s, b);
  return n;
}

size_t
boards_run(struct boards *s, const struct job *j,
           const struct chanas_text *object, struct answer a[])
{
  struct board *b;
  size_t n = 0;
  say_lost(j, "no runner is left", a);
  for (int i = 0; i < BOARD_TRIES && (b = take(s)); i++) {
    n = attempt(s, b, j, object, a);
    if (n && a[0].outcome != CHANAS_LOST)
      break;
    for (size_t k = 0; k < n; k++)
      answer_free(&a[k]); /* the first one's text stays readable */
  }
  if (proc_stopping() && !n)
    say_lost(j, "stopped by the user", a);
  return n ? n : 1;
}
