/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The searching side of a measurement: one exec'd runner a job.  Whatever it
 * does, proc_run ends it in time, and only a sound answer that carries this
 * job's number counts as one; everything else is an outcome too.
 */
#include "measure.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "file.h"
#include "log.h"
#include "measure_job.h"
#include "mem.h"
#include "proc.h"

#ifndef LIBEXECDIR
#define LIBEXECDIR "/usr/local/libexec/chanas"
#endif

#define OUTPUT_LIMIT (4u << 20) /* of an answer */
#define OBJECT_LIMIT (200u << 20)
#define WHOLE 3 /* times the rounds of a block: it is measured but once */
#define FAR 2.0 /* seconds that the way to a remote runner may take */

struct measure {
  struct chanas_args command;
  struct chanas_args settings;
  char *name;
  int remote; /* the user's own command: it may not see our files */
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
check_runner(const struct measure *m, const char *from)
{
  char *path = m->command.count ? proc_find(m->command.arg[0]) : NULL;
  if (!path)
    log_error("no runner: '%s' (%s) is no program that can be run; install "
              "chanas, or set $CHANAS_RUNNER or runner in [backend]",
              m->command.count ? m->command.arg[0] : "", from);
  free(path);
  return path ? 0 : -1;
}

const char *
measure_runner(void)
{
  const char *set = getenv("CHANAS_RUNNER");
  return set && *set ? set : LIBEXECDIR "/chanas-runner";
}

static int
find_runner(struct measure *m, const char *configured)
{
  const char *set = getenv("CHANAS_RUNNER"), *from = "as installed";
  m->remote = configured != NULL;
  if (configured) {
    from = "runner of [backend]";
    if (proc_words(configured, &m->command)) {
      log_error("runner of [backend]: a quote is not closed: %s", configured);
      return -1;
    }
  } else {
    from = set && *set ? "$CHANAS_RUNNER" : from;
    args_add(&m->command, measure_runner());
  }
  if (check_runner(m, from))
    return -1;
  args_add(&m->command, "--backend");
  args_add(&m->command, m->name);
  return 0;
}

/* The very plugin that is open here. */
static void
add_plugin_path(struct measure *m)
{
  char *folder = file_dirname(m->config.backend->path);
  args_add(&m->command, "--plugin-path");
  args_add(&m->command, folder);
  free(folder);
}

struct measure *
measure_open(const struct measure_config *config)
{
  struct measure *m = mem_new(struct measure);
  m->config = *config;
  m->name = mem_string(config->backend->head.name);
  if (!(m->config.deadline > 0))
    m->config.deadline = 20;
  if (!(m->config.round > 0))
    m->config.round = 0.002;
  if (m->config.rounds < 1)
    m->config.rounds = 9;
  if (m->config.threads < 1)
    m->config.threads = 1;
  split_lines(config->settings ? config->settings : "", &m->settings);
  if (find_runner(m, config->runner)) {
    measure_close(m);
    return NULL;
  }
  if (!m->remote)
    add_plugin_path(m);
  return m;
}

void
measure_close(struct measure *m)
{
  if (!m)
    return;
  args_free(&m->command);
  args_free(&m->settings);
  free(m->name);
  free(m);
}

/* ---- one job ---- */

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
start_job(const struct measure *m, const struct job *j, struct proc_result *r)
{
  struct chanas_text frame = {0};
  struct proc_limits limits = {.seconds = j->seconds + (m->remote ? FAR : 0),
                               .output = OUTPUT_LIMIT};
  job_pack(j, &frame);
  proc_run(&m->command, NULL, frame.data, frame.size, &limits, r);
  text_free(&frame);
}

static int
run_job(const struct measure *m, const struct job *j, struct proc_result *r,
        struct answer *a)
{
  *a = (struct answer){0};
  start_job(m, j, r);
  if (r->end != PROC_EXITED || answer_unpack(&r->out, a))
    return -1;
  int timed = j->kind != JOB_MEASURE || a->outcome != CHANAS_MEASURED ||
              a->latency > 0;
  if (a->nonce == j->nonce && timed)
    return 0;
  answer_free(a);
  return -1;
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

static void
set(struct measure_result *out, enum chanas_outcome outcome, const char *fmt,
    ...) __attribute__((format(printf, 3, 4)));

static void
set(struct measure_result *out, enum chanas_outcome outcome, const char *fmt,
    ...)
{
  va_list list;
  out->outcome = outcome;
  va_start(list, fmt);
  vsnprintf(out->detail, sizeof out->detail, fmt, list);
  va_end(list);
}

/* A runner that exited without a sound answer. */
static void
judge_exit(const struct measure *m, const struct proc_result *r,
           struct measure_result *out)
{
  char said[120];
  first_line(r, said, sizeof said);
  if (r->code == JOB_NO_MEMORY)
    set(out, CHANAS_OUT_OF_MEMORY, "it used up its memory");
  else if (r->out.size)
    set(out, CHANAS_CRASHED, "it damaged the runner's answer");
  else if (r->code == 0 || r->code == 1 || !*said)
    set(out, CHANAS_CRASHED, "it ended without a result (exit code %d)%s%s",
        r->code, *said ? ": " : "", said);
  else if (m->remote || r->code == 2 || r->code == 4 || r->code > 125)
    set(out, CHANAS_LOST, "the runner failed (exit code %d): %s", r->code,
        said);
  else
    set(out, CHANAS_CRASHED, "exit code %d: %s", r->code, said);
}

static void
judge(const struct measure *m, const struct proc_result *r,
      struct measure_result *out)
{
  const char *name = r->end == PROC_SIGNALLED ? sigabbrev_np(r->code) : NULL;
  switch (r->end) {
  case PROC_EXITED:
    judge_exit(m, r, out);
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

static void
take_answer(const struct answer *a, const struct proc_result *r,
            struct measure_result *out)
{
  out->outcome = a->outcome;
  out->latency = a->latency;
  out->minimum = a->minimum;
  out->ci = a->ci;
  out->control = a->control;
  out->difference = a->difference;
  memcpy(out->detail, a->detail, sizeof out->detail);
  if (a->outcome != CHANAS_MEASURED && !*out->detail)
    first_line(r, out->detail, sizeof out->detail);
}

/* body: of the answer, or NULL. */
static void
run_steps(struct measure *m, struct job *j, struct measure_result *out,
          struct chanas_text *body)
{
  struct proc_result r;
  struct answer a;
  *out = (struct measure_result){.outcome = CHANAS_LOST};
  if (run_job(m, j, &r, &a))
    judge(m, &r, out);
  else
    take_answer(&a, &r, out);
  if (body)
    text_append(body, text_string(&a.description), a.description.size);
  answer_free(&a);
  proc_result_free(&r);
}

static void
run_measure(struct measure *m, struct job *j, struct measure_result *out)
{
  run_steps(m, j, out, NULL);
}

/* ---- what is measured ---- */

/* By path where the runner sees our files, else by content. */
static int
put_object(const struct measure *m, const char *object, struct job *j,
           struct measure_result *out)
{
  if (!m->remote)
    j->object = mem_string(object);
  else if (file_read(object, OBJECT_LIMIT, &j->bytes) || !j->bytes.size) {
    *out = (struct measure_result){0};
    set(out, CHANAS_NOT_BUILT, "the object %s cannot be read", object);
    return -1;
  }
  return 0;
}

void
measure_workload(struct measure *m, const char *object, const char *symbol,
                 const struct chanas_workload *w, int verify,
                 struct measure_result *out)
{
  struct job j = new_job(m, JOB_MEASURE);
  j.verify = verify;
  j.cold = m->config.cold;
  j.output = 1;
  job_add_tensor(&j, w->inputs);
  job_add_tensor(&j, w->outputs);
  job_add_step(&j, 0, 1, symbol, w->key);
  if (!put_object(m, object, &j, out))
    run_measure(m, &j, out);
  job_free(&j);
}

static struct job
program_job(const struct measure *m, const struct chanas_program *p)
{
  struct job j = new_job(m, JOB_MEASURE);
  j.output = p->output;
  for (size_t i = 0; i < p->tensors; i++)
    job_add_tensor(&j, p->elements[i]);
  for (size_t i = 0; i < p->steps; i++)
    job_add_step(&j, p->step[i].src, p->step[i].dst, p->step[i].symbol,
                 p->step[i].workload->key);
  return j;
}

void
measure_program(struct measure *m, const char *object,
                const struct chanas_program *p, int verify,
                struct measure_result *out)
{
  struct job j = program_job(m, p);
  j.verify = verify;
  j.rounds *= WHOLE;
  if (!put_object(m, object, &j, out))
    run_measure(m, &j, out);
  job_free(&j);
}

/* Answers of a job "verify" in their order; how many are sound. */
static size_t
take_answers(const struct job *j, const struct proc_result *r, size_t n,
             struct measure_result out[])
{
  struct answer a;
  size_t at = 0, done = 0;
  while (done < n && !answer_next(&r->out, &at, &a)) {
    int ours = a.nonce == j->nonce + done;
    out[done] = (struct measure_result){0};
    if (ours)
      take_answer(&a, r, &out[done++]);
    answer_free(&a);
    if (!ours)
      break;
  }
  return done;
}

size_t
measure_verify(struct measure *m, const char *object, size_t n,
               const struct measure_candidate candidate[],
               struct measure_result out[])
{
  struct job j = new_job(m, JOB_VERIFY);
  struct proc_result r;
  size_t done = 0;
  j.verify = 1;
  for (size_t i = 0; i < n; i++) {
    const struct chanas_workload *w = candidate[i].workload;
    job_add_tensor(&j, w->inputs);
    job_add_tensor(&j, w->outputs);
    job_add_step(&j, (int32_t)(2 * i), (int32_t)(2 * i + 1),
                 candidate[i].symbol, w->key);
  }
  if (!put_object(m, object, &j, out)) {
    start_job(m, &j, &r);
    done = take_answers(&j, &r, n, out);
    if (done < n && (done == 0 || r.end != PROC_DEADLINE)) {
      out[done] = (struct measure_result){.outcome = CHANAS_LOST};
      judge(m, &r, &out[done++]);
    }
    proc_result_free(&r);
  } else
    done = n > 0;
  job_free(&j);
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
  struct job j = program_job(m, p);
  struct chanas_text body = {0};
  j.profile = passes;
  if (!put_object(m, object, &j, out))
    run_steps(m, &j, out, &body);
  if (out->outcome == CHANAS_MEASURED &&
      read_steps(text_string(&body), p->steps, seconds))
    set(out, CHANAS_CRASHED, "it damaged the times of its steps");
  text_free(&body);
  job_free(&j);
  return out->outcome == CHANAS_MEASURED ? 0 : -1;
}

struct chanas_device *
measure_describe(struct measure *m, int ceilings)
{
  struct job j = new_job(m, JOB_DESCRIBE);
  struct chanas_device *d = NULL;
  struct measure_result why = {0};
  struct proc_result r;
  struct answer a;
  j.ceilings = ceilings;
  if (!run_job(m, &j, &r, &a))
    d = device_parse(text_string(&a.description));
  else {
    judge(m, &r, &why);
    log_error("runner %s: no description of the device: %s",
              m->command.arg[0], why.detail);
  }
  answer_free(&a);
  proc_result_free(&r);
  job_free(&j);
  return d;
}
