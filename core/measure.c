/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The searching side of a measurement: which job is made of what is asked,
 * and where it runs: in a child here (measure_child.h), or, with a runner of
 * the user's, on a board (measure_board.h), which may not see our files.
 */
#include "measure.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "file.h"
#include "log.h"
#include "measure_board.h"
#include "measure_child.h"
#include "measure_wire.h"
#include "mem.h"
#include "pool.h"
#include "proc.h"

#ifndef LIBEXECDIR
#define LIBEXECDIR "/usr/local/libexec/chanas"
#endif

#define OBJECT_LIMIT (200u << 20)
#define WHOLE 3 /* times the rounds of a block: it is measured but once */
#define MAX_BOARDS 64
#define MAX_AT_ONCE 2 /* with so many the noise was looked at */

struct measure {
  size_t commands;
  struct chanas_args command[MAX_BOARDS]; /* of one job, or of a link each */
  struct chanas_args settings;
  char *name;
  struct boards *boards; /* NULL: here */
  int cores, core[MAX_AT_ONCE]; /* CPUs to time on; fewer than 2: any */
  struct job describe;
  struct measure_config config;
};

/* ---- opening ---- */

static void
split_lines(const char *text, struct chanas_args *out)
{
  char *copy = mem_string(text), *rest = copy, *line;
  while ((line = strsep(&rest, "\n")))
    if (*line)
      args_add(out, line);
  free(copy);
}

/* The first word must be a program. */
static int
check_runner(const struct chanas_args *command, const char *from)
{
  const char *first = command->count ? command->arg[0] : "";
  char *path = *first ? proc_find(first) : NULL;
  if (!path)
    log_error("no runner: '%s' (%s) is no program that can be run; install "
              "chanas, or set $CHANAS_RUNNER or runner in [backend]", first,
              from);
  free(path);
  return path ? 0 : -1;
}

/* One command of a list, from which `text` starts; NULL at its end.  They are
 * separated by a comma that ends a word. */
static char *
next_command(const char **text)
{
  const char *start = *text, *p = start;
  char quote = 0;
  for (; *p; p++)
    if (*p == '\\' && p[1] && quote != '\'')
      p++;
    else if (quote)
      quote = *p == quote ? 0 : quote;
    else if (*p == '\'' || *p == '"')
      quote = *p;
    else if (*p == ',' && (!p[1] || strchr(" \t", p[1])))
      break;
  *text = *p ? p + 1 : NULL;
  return mem_print("%.*s", (int)(p - start), start);
}

static int
add_remote(struct measure *m, const char *text)
{
  static const char from[] = "runner of [backend]";
  struct chanas_args *command = &m->command[m->commands];
  if (m->commands == MAX_BOARDS) {
    log_error("%s: more than %d commands", from, MAX_BOARDS);
    return -1;
  }
  m->commands++;
  if (proc_words(text, command)) {
    log_error("%s: a quote is not closed: %s", from, text);
    return -1;
  }
  if (check_runner(command, from))
    return -1;
  args_add(command, "--backend");
  args_add(command, m->name);
  args_add(command, "--serve");
  return 0;
}

static int
find_remote(struct measure *m, const char *configured)
{
  int status = 0;
  for (const char *rest = configured; rest && !status;) {
    char *one = next_command(&rest);
    status = add_remote(m, one);
    free(one);
  }
  return status;
}

const char *
measure_runner(void)
{
  const char *set = getenv("CHANAS_RUNNER");
  return set && *set ? set : LIBEXECDIR "/chanas-runner";
}

/* The runner here, with the very plugin that is open here. */
static int
find_local(struct measure *m)
{
  const char *set = getenv("CHANAS_RUNNER");
  m->commands = 1;
  args_add(&m->command[0], measure_runner());
  if (check_runner(&m->command[0],
                   set && *set ? "$CHANAS_RUNNER" : "as installed"))
    return -1;
  char *folder = file_dirname(m->config.backend->path);
  args_add(&m->command[0], "--backend");
  args_add(&m->command[0], m->name);
  args_add(&m->command[0], "--plugin-path");
  args_add(&m->command[0], folder);
  free(folder);
  return 0;
}

static void
set_defaults(struct measure_config *c)
{
  if (!(c->deadline > 0))
    c->deadline = 20;
  if (!(c->round > 0))
    c->round = 0.002;
  if (c->rounds < 1)
    c->rounds = 9;
  if (c->threads < 1)
    c->threads = 1;
  if (!(c->heartbeat > 0))
    c->heartbeat = 10;
}

static struct job
new_job(const struct measure *m, enum job_kind kind)
{
  const struct measure_config *c = &m->config;
  struct job j = {
    .kind = kind, .seed = c->seed, .memory = c->memory,
    .threads = c->threads, .rounds = c->rounds, .round = c->round,
    .seconds = c->deadline,
  };
  if (getrandom(&j.nonce, sizeof j.nonce, 0) != sizeof j.nonce)
    j.nonce = (uint64_t)(proc_now() * 1e9);
  for (size_t i = 0; i < m->settings.count; i++)
    args_add(&j.settings, m->settings.arg[i]);
  return j;
}

static void
open_boards(struct measure *m)
{
  m->describe = new_job(m, JOB_DESCRIBE);
  struct boards_config c = {
    .count = m->commands, .command = m->command,
    .version = m->config.backend->head.version, .describe = &m->describe,
    .silence = m->config.heartbeat, .patience = m->config.reconnect,
  };
  m->boards = boards_open(&c);
}

struct measure *
measure_open(const struct measure_config *config)
{
  struct measure *m = mem_new(struct measure);
  m->config = *config;
  m->name = mem_string(config->backend->head.name);
  set_defaults(&m->config);
  split_lines(config->settings ? config->settings : "", &m->settings);
  if (config->runner ? find_remote(m, config->runner) : find_local(m)) {
    measure_close(m);
    return NULL;
  }
  if (config->runner)
    open_boards(m);
  return m;
}

void
measure_close(struct measure *m)
{
  if (!m)
    return;
  boards_close(m->boards);
  for (size_t i = 0; i < m->commands; i++)
    args_free(&m->command[i]);
  args_free(&m->settings);
  job_free(&m->describe);
  free(m->name);
  free(m);
}

void
measure_at_once(struct measure *m, int n)
{
  int most = n < MAX_AT_ONCE ? n : MAX_AT_ONCE;
  m->cores = m->boards || m->config.threads != 1 || most < 2
             ? 0 : pool_cores(most, m->core);
}

/* ---- one job ---- */

/* What to say of a job that could not even be made. */
static size_t
no_job(const struct job *j, const char *object, struct answer *a)
{
  *a = (struct answer){.nonce = j->nonce, .outcome = CHANAS_NOT_BUILT};
  snprintf(a->detail, sizeof a->detail, "the object %s cannot be read",
           object);
  return 1;
}

/* The object goes by path to a child, by content to a board. */
static size_t
run_job(struct measure *m, struct job *j, const char *object,
        struct answer a[])
{
  struct child child = {.command = &m->command[0]};
  struct chanas_text bytes = {0};
  char hash[WIRE_HASH];
  size_t n;
  if (!m->boards) {
    j->object = object ? mem_string(object) : NULL;
    return child_run(&child, j, a);
  }
  if (object && (file_read(object, OBJECT_LIMIT, &bytes) || !bytes.size))
    n = no_job(j, object, a);
  else {
    wire_hash(&bytes, hash);
    j->hash = object ? mem_string(hash) : NULL;
    n = boards_run(m->boards, j, &bytes, a);
  }
  text_free(&bytes);
  return n;
}

/* Answers into results; frees them. */
static void
take_answers(size_t n, struct answer a[], struct measure_result out[])
{
  for (size_t i = 0; i < n; i++) {
    out[i] = (struct measure_result){
      .outcome = a[i].outcome, .latency = a[i].latency,
      .minimum = a[i].minimum, .ci = a[i].ci, .control = a[i].control,
      .difference = a[i].difference,
    };
    memcpy(out[i].detail, a[i].detail, sizeof out[i].detail);
    answer_free(&a[i]);
  }
}

/* ---- what is measured ---- */

static void
add_program(struct job *j, const struct chanas_program *p)
{
  j->output = p->output;
  for (size_t i = 0; i < p->tensors; i++)
    job_add_tensor(j, p->elements[i]);
  for (size_t i = 0; i < p->steps; i++)
    job_add_step(j, p->step[i].src, p->step[i].dst, p->step[i].symbol,
                 p->step[i].workload->key);
}

static void
add_block(struct job *j, const struct chanas_workload *w, const char *symbol)
{
  int32_t at = (int32_t)j->tensors;
  j->output = at + 1;
  job_add_tensor(j, w->inputs);
  job_add_tensor(j, w->outputs);
  job_add_step(j, at, at + 1, symbol, w->key);
}

static void
measure_item(struct measure *m, struct measure_item *item, int cpu)
{
  struct job j = new_job(m, JOB_MEASURE);
  struct answer a;
  j.cpu = cpu;
  j.verify = item->verify;
  if (item->program) {
    j.rounds *= WHOLE;
    add_program(&j, item->program);
  } else {
    j.cold = m->config.cold;
    j.best = item->best;
    add_block(&j, item->workload, item->symbol);
  }
  run_job(m, &j, item->object, &a);
  take_answers(1, &a, &item->result);
  job_free(&j);
}

/* As measure_item, of at least two blocks; how many results are known. */
static size_t
measure_race(struct measure *m, struct measure_item item[], size_t n, int cpu)
{
  struct job j = new_job(m, JOB_RACE);
  struct answer *a = mem_array(struct answer, n);
  struct measure_result *out = mem_array(struct measure_result, n);
  j.cpu = cpu;
  j.verify = item->verify;
  j.cold = m->config.cold;
  j.best = item->best;
  for (size_t i = 0; i < n; i++)
    add_block(&j, item[i].workload, item[i].symbol);
  size_t done = run_job(m, &j, item->object, a);
  take_answers(done, a, out);
  for (size_t i = 0; i < done; i++)
    item[i].result = out[i];
  job_free(&j);
  free(out);
  free(a);
  return done;
}

/* All of one measure_each(). */
struct batch {
  struct measure *measure;
  struct measure_item *item;
  size_t *from;         /* where the groups start, and where the last ends */
  pthread_mutex_t lock; /* of finished, report() and busy */
  size_t finished;
  int cores, busy[MAX_AT_ONCE]; /* 0 cores: any will do */
  void (*report)(void *arg, size_t finished);
  void *arg;
};

static void
finish(struct batch *b, size_t n)
{
  pthread_mutex_lock(&b->lock);
  b->finished += n;
  if (b->report)
    b->report(b->arg, b->finished);
  pthread_mutex_unlock(&b->lock);
}

/* A core for the group that starts; -1: any will do. */
static int
take_core(struct batch *b)
{
  int at = b->cores - 1;
  pthread_mutex_lock(&b->lock);
  while (at >= 0 && b->busy[at])
    at--;
  if (at >= 0)
    b->busy[at] = 1;
  pthread_mutex_unlock(&b->lock);
  return at;
}

static void
give_core(struct batch *b, int at)
{
  pthread_mutex_lock(&b->lock);
  if (at >= 0)
    b->busy[at] = 0;
  pthread_mutex_unlock(&b->lock);
}

static void
measure_group(void *arg, size_t group)
{
  struct batch *b = arg;
  int core = take_core(b), cpu = core < 0 ? 0 : b->measure->core[core] + 1;
  for (size_t i = b->from[group], end = b->from[group + 1], n; i < end;
       i += n) {
    struct measure_item *item = &b->item[i];
    n = 1;
    item->result = (struct measure_result){.outcome = CHANAS_LOST};
    if (proc_stopping())
      snprintf(item->result.detail, sizeof item->result.detail,
               "stopped by the user");
    else if (i + 1 < end)
      n = measure_race(b->measure, item, end - i, cpu);
    else
      measure_item(b->measure, item, cpu);
    finish(b, n);
  }
  give_core(b, core);
}

/* Can b follow a in one job? */
static int
go_together(const struct measure_item *a, const struct measure_item *b)
{
  return !a->program && !b->program && a->verify == b->verify &&
         (a->best > 0) == (b->best > 0) && !strcmp(a->object, b->object) &&
         !strcmp(a->workload->key, b->workload->key);
}

/* Groups of at most `most` items, unless they take turns; how many. */
static size_t
split(const struct measure_item item[], size_t n, size_t most, size_t from[])
{
  size_t groups = 0;
  for (size_t i = 0; i < n; i++)
    if (!i || (i - from[groups - 1] >= most && !item[i].turns) ||
        !go_together(&item[i - 1], &item[i]))
      from[groups++] = i;
  from[groups] = n;
  return groups;
}

/* Cores to use at once: what is compared closely is timed alone. */
static int
local_cores(const struct measure *m, size_t n,
            const struct measure_item item[])
{
  for (size_t i = 0; i < n; i++)
    if (item[i].program || item[i].turns)
      return 0;
  return m->cores > 1 ? m->cores : 0;
}

int
measure_gone(const struct measure *m)
{
  return m->boards && !boards_left(m->boards);
}

int
measure_each(struct measure *m, size_t n, struct measure_item item[],
             void (*report)(void *arg, size_t finished), void *arg)
{
  size_t *from = mem_array(size_t, n + 1), groups;
  struct batch b = {
    .measure = m, .item = item, .from = from, .report = report, .arg = arg,
    .lock = PTHREAD_MUTEX_INITIALIZER, .cores = local_cores(m, n, item),
  };
  if (m->boards)
    boards_up(m->boards);
  int runners = m->boards ? boards_left(m->boards) : b.cores > 1 ? b.cores : 1;
  groups = split(item, n, runners > 1 ? n / (size_t)runners + 1 : n, from);
  pool_run(runners, groups, measure_group, &b);
  pthread_mutex_destroy(&b.lock);
  free(from);
  if (proc_stopping() || !measure_gone(m))
    return 0;
  log_error("no runner of [backend] is left to measure on");
  return -1;
}

void
measure_workload(struct measure *m, const char *object, const char *symbol,
                 const struct chanas_workload *w, int verify,
                 struct measure_result *out)
{
  struct measure_item item = {.object = object, .symbol = symbol,
                              .workload = w, .verify = verify};
  measure_item(m, &item, 0);
  *out = item.result;
}

void
measure_program(struct measure *m, const char *object,
                const struct chanas_program *p, int verify,
                struct measure_result *out)
{
  struct measure_item item = {.object = object, .program = p,
                              .verify = verify};
  measure_item(m, &item, 0);
  *out = item.result;
}

size_t
measure_verify(struct measure *m, const char *object, size_t n,
               const struct measure_candidate candidate[],
               struct measure_result out[])
{
  struct job j = new_job(m, JOB_VERIFY);
  struct answer *a = mem_array(struct answer, n + 1);
  size_t done = 0;
  j.verify = 1;
  for (size_t i = 0; i < n; i++)
    add_block(&j, candidate[i].workload, candidate[i].symbol);
  if (n)
    done = run_job(m, &j, object, a);
  take_answers(done, a, out);
  job_free(&j);
  free(a);
  return done;
}

/* As many positive numbers as there are steps. */
static int
read_steps(const char *text, size_t n, double *seconds)
{
  for (size_t i = 0; i < n; i++) {
    char *end;
    seconds[i] = strtod(text, &end);
    if (end == text || !(seconds[i] >= 0) || !isfinite(seconds[i]))
      return -1;
    text = end;
  }
  return text[strspn(text, "\n")] == '\0' ? 0 : -1;
}

int
measure_profile(struct measure *m, const char *object,
                const struct chanas_program *p, int passes, double *seconds,
                struct measure_result *out)
{
  struct job j = new_job(m, JOB_MEASURE);
  struct answer a;
  j.profile = passes;
  add_program(&j, p);
  run_job(m, &j, object, &a);
  if (a.outcome == CHANAS_MEASURED &&
      read_steps(text_string(&a.description), p->steps, seconds)) {
    a.outcome = CHANAS_CRASHED;
    snprintf(a.detail, sizeof a.detail, "it damaged the times of its steps");
  }
  take_answers(1, &a, out);
  job_free(&j);
  return out->outcome == CHANAS_MEASURED ? 0 : -1;
}

/* ---- the device ---- */

struct chanas_device *
measure_describe(struct measure *m, int ceilings)
{
  struct job j = new_job(m, JOB_DESCRIBE);
  struct chanas_device *d = NULL;
  struct answer a = {0};
  j.ceilings = ceilings;
  if (m->boards && boards_up(m->boards))
    log_error("no runner of [backend] can be used");
  else {
    run_job(m, &j, NULL, &a);
    if (a.outcome == CHANAS_MEASURED)
      d = device_parse(text_string(&a.description));
    else
      log_error("runner %s: no description of the device: %s",
                m->command[0].arg[0], a.detail);
    answer_free(&a);
  }
  job_free(&j);
  return d;
}
