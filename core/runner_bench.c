/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One candidate: it is run once and compared with the reference, timed, and
 * then run and compared again, because a kernel that keeps state between runs
 * may be right only the first time.  Every time its surroundings are looked
 * at: the guard zones, the input, the floating-point environment.
 */
#include <errno.h>
#include <fenv.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "mem.h"
#include "proc.h"
#include "reference.h"
#include "rng.h"
#include "runner.h"
#include "workload.h"

static int
fail(struct answer *a, enum chanas_outcome outcome, const char *fmt,
     const char *what)
{
  a->outcome = outcome;
  snprintf(a->detail, sizeof a->detail, fmt, what);
  return -1;
}

/* ---- the program and its buffers ---- */

static int
open_step(struct bench *b, size_t i, struct answer *a)
{
  const struct job_step *from = &b->job->step[i];
  struct chanas_step *s = &b->step[i];
  struct chanas_workload *w = workload_parse(from->key);
  *s = (struct chanas_step){w, from->symbol, NULL, from->src, from->dst};
  if (!w)
    return fail(a, CHANAS_LOST, "bad workload %s", from->key);
  if (w->inputs != b->job->elements[from->src] ||
      w->outputs != b->job->elements[from->dst])
    return fail(a, CHANAS_LOST, "tensor sizes do not fit %s", from->key);
  if (guard_open(&b->weights[i], w->weights))
    return fail(a, CHANAS_OUT_OF_MEMORY, "no memory for %s", "weights");
  reference_weights(w, b->job->seed + i, b->weights[i].data);
  s->weights = b->weights[i].data;
  return 0;
}

static int
open_program(struct bench *b, struct answer *a)
{
  const struct job *j = b->job;
  b->step = mem_array(struct chanas_step, j->steps);
  b->weights = mem_array(struct guard, j->steps);
  b->program = (struct chanas_program){j->steps, j->tensors, b->step,
                                       j->elements, j->output};
  for (size_t i = 0; i < j->steps; i++)
    if (open_step(b, i, a))
      return -1;
  return 0;
}

/* y starts as noise where the program reads it, else as NaN, which stays
 * wherever a kernel forgets to write. */
static int
open_buffers(struct bench *b, struct answer *a)
{
  const struct job *j = b->job;
  size_t in = j->elements[0], out = j->elements[j->output];
  struct rng base = rng_seed(j->seed), r = rng_split(&base, "input");
  int reads = 0;
  if (guard_open(&b->x, in) || guard_open(&b->input, in) ||
      guard_open(&b->y, out))
    return fail(a, CHANAS_OUT_OF_MEMORY, "no memory for %s", "buffers");
  for (size_t i = 0; i < j->steps; i++)
    if (b->step[i].dst == j->output) {
      reads = b->step[i].workload->accumulate;
      break;
    }
  for (size_t i = 0; i < in; i++)
    b->x.data[i] = rng_float(&r);
  b->start = mem_array(float, out);
  b->want = mem_array(float, out);
  for (size_t i = 0; i < out; i++)
    b->start[i] = reads ? rng_float(&r) : NAN;
  memcpy(b->input.data, b->x.data, in * sizeof(float));
  guard_freeze(&b->input);
  return 0;
}

/* What y has to become.  Reduced precision needs to know how large the
 * tensors get, so there the reference runs whether it is compared or not. */
int
bench_prepare(struct bench *b, struct answer *a)
{
  if (open_program(b, a) || open_buffers(b, a))
    return -1;
  size_t n = b->job->steps;
  int wanted = b->job->verify;
  float **weights = mem_array(float *, n);
  for (size_t i = 0; i < n; i++) {
    weights[i] = b->weights[i].data;
    wanted |= b->step[i].workload->dtype == CHANAS_I8;
  }
  memcpy(b->want, b->start, b->y.count * sizeof(float));
  if (wanted)
    reference_calibrate(&b->program, weights, b->x.data, b->want);
  for (size_t i = 0; i < n; i++)
    guard_freeze(&b->weights[i]);
  free(weights);
  return 0;
}

/* ---- the object ---- */

/* A file that no other process sees and nothing has to remove. */
static int
object_file(const struct job *j, char path[40], struct answer *a)
{
  int fd = memfd_create("candidate", MFD_CLOEXEC);
  for (size_t at = 0; fd >= 0 && at < j->bytes.size;) {
    ssize_t n = write(fd, j->bytes.data + at, j->bytes.size - at);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0) {
      close(fd);
      fd = -1;
    } else
      at += (size_t)n;
  }
  snprintf(path, 40, "/proc/self/fd/%d", fd);
  return fd >= 0 ? 0 : fail(a, CHANAS_LOST, "cannot hold the object: %s",
                            strerror(errno));
}

int
bench_load(struct bench *b, const struct chanas_program *program,
           struct answer *a)
{
  const char *object = b->job->object ? b->job->object : b->object;
  if (!*object && object_file(b->job, b->object, a))
    return -1;
  errno = 0;
  double start = proc_now();
  int status = b->backend->load(b->host, object, program, &b->loaded);
  if (program == &b->program)
    b->loading = proc_now() - start;
  if (!status)
    return 0;
  return errno == ENOMEM
           ? fail(a, CHANAS_OUT_OF_MEMORY, "load: %s", strerror(errno))
           : fail(a, CHANAS_NOT_BUILT, "%s", "");
}

/* ---- running and judging ---- */

/* Rounding to nearest, and denormal numbers are numbers. */
static int
arithmetic_is_sane(void)
{
  volatile float least = FLT_MIN, half = 0.5f, one = 1;
  volatile float denormal = least * half;
  volatile int as_it_was = denormal > 0 && denormal * one > 0;
  return as_it_was && fegetround() == FE_TONEAREST;
}

int
bench_run(struct bench *b, unsigned repeat, double *seconds, struct answer *a)
{
  fenv_t before;
  fegetenv(&before);
  *seconds = NAN;
  errno = 0;
  int status = b->backend->run(b->loaded, b->x.data, b->y.data, repeat,
                               seconds);
  int error = errno, sane = arithmetic_is_sane();
  fesetenv(&before);
  if (status)
    return error == ENOMEM
             ? fail(a, CHANAS_OUT_OF_MEMORY, "run: %s", strerror(error))
             : fail(a, CHANAS_CRASHED, "%s", "the backend could not run it");
  if (!sane)
    return fail(a, CHANAS_WRONG, "%s",
                "it changes rounding or the handling of denormal numbers");
  if (!(*seconds >= 0) || !isfinite(*seconds))
    return fail(a, CHANAS_INVALID, "%s", "the backend's clock gave no time");
  return 0;
}

/* What it wrote apart from y. */
static int
check_surroundings(struct bench *b, struct answer *a)
{
  const char *where = guard_broken(&b->y);
  if (where)
    return fail(a, CHANAS_WRONG, "it writes %s of its output", where);
  if ((where = guard_broken(&b->x)))
    return fail(a, CHANAS_WRONG, "it writes %s of its input", where);
  size_t bytes = b->x.count * sizeof(float);
  if (memcmp(b->x.data, b->input.data, bytes))
    return fail(a, CHANAS_WRONG, "%s", "it writes to its input");
  return 0;
}

/* One of the two measures of being wrong. */
static int
compare(const struct bench *b, const char *what, double off,
        double (*tolerance)(const struct chanas_workload *), const char *when,
        struct answer *a)
{
  double bound = 0;
  for (size_t i = 0; i < b->program.steps; i++)
    bound = fmax(bound, tolerance(b->step[i].workload));
  bound *= sqrt((double)b->program.steps);
  if (off <= bound)
    return 0;
  a->outcome = CHANAS_WRONG;
  snprintf(a->detail, sizeof a->detail,
           "it differs from the reference by %.3g of its scale%s%s, %.1g is "
           "allowed", off, what, when, bound);
  return -1;
}

static int
verify(struct bench *b, const char *when, struct answer *a)
{
  double seconds;
  size_t n = b->y.count;
  double least = reference_least(b->step[b->program.steps - 1].workload);
  memcpy(b->y.data, b->start, n * sizeof(float));
  if (bench_run(b, 1, &seconds, a) || check_surroundings(b, a))
    return -1;
  if (!*when)
    b->once = seconds;
  if (b->job->kind == JOB_VERIFY)
    a->latency = seconds;
  if (!b->job->verify)
    return 0;
  a->difference = reference_difference(b->y.data, b->want, n, least);
  double average = reference_deviation(b->y.data, b->want, n, least);
  return compare(b, "", a->difference, reference_tolerance, when, a) ||
         compare(b, " on average", average, reference_deviation_tolerance,
                 when, a);
}

static int
take_time(struct bench *b, struct answer *a)
{
  if (b->job->kind != JOB_MEASURE)
    return 0;
  if (b->job->profile)
    return bench_profile(b, a);
  int bad = cold_open(b, a) || bench_time(b, a);
  cold_close(b);
  return bad;
}

static int
measure(struct bench *b, struct answer *a)
{
  if (bench_load(b, &b->program, a) || verify(b, "", a) ||
      take_time(b, a) || check_surroundings(b, a) ||
      verify(b, " when it is run again", a))
    return -1;
  a->outcome = CHANAS_MEASURED;
  return 0;
}

void
bench_close(struct bench *b)
{
  if (b->loaded)
    b->backend->unload(b->loaded);
  for (size_t i = 0; b->step && i < b->program.steps; i++) {
    workload_free((struct chanas_workload *)b->step[i].workload);
    guard_close(&b->weights[i]);
  }
  guard_close(&b->x);
  guard_close(&b->input);
  guard_close(&b->y);
  free(b->step);
  free(b->weights);
  free(b->start);
  free(b->want);
  struct bench empty = {.backend = b->backend, .host = b->host};
  memcpy(empty.object, b->object, sizeof empty.object);
  *b = empty;
}

void
bench_measure(const struct chanas_backend *backend,
              const struct chanas_host *host, const struct job *job,
              const struct bench *ready, struct answer *answer)
{
  struct bench b = {0};
  if (ready)
    b = *ready;
  b.backend = backend;
  b.host = host;
  b.job = job;
  if (ready)
    b.step[0].symbol = job->step[0].symbol;
  if ((!ready && bench_prepare(&b, answer)) || measure(&b, answer))
    answer->latency = answer->minimum = answer->ci = 0;
  bench_close(&b);
}

/* ---- many ---- */

/* Its two tensors are the program's input and output. */
void
bench_single(const struct job *all, size_t i, struct alone *to)
{
  to->step = all->step[i];
  to->elements[0] = all->elements[to->step.src];
  to->elements[1] = all->elements[to->step.dst];
  to->step.src = 0;
  to->step.dst = 1;
  to->job = *all;
  to->job.steps = 1;
  to->job.step = &to->step;
  to->job.tensors = 2;
  to->job.elements = to->elements;
  to->job.output = 1;
  to->job.kind = all->kind == JOB_RACE ? JOB_MEASURE : all->kind;
  to->job.nonce += i;
}

/* Buffers and what the reference gives stay as long as the workload does. */
static void
verify_one(struct bench *b, const struct job *one, struct answer *a)
{
  int bad;
  if (b->step && strcmp(one->step[0].key, b->step[0].workload->key))
    bench_close(b);
  b->job = one;
  bad = !b->step && bench_prepare(b, a);
  if (!bad) {
    b->step[0].symbol = one->step[0].symbol;
    bad = measure(b, a);
  }
  if (b->loaded)
    b->backend->unload(b->loaded);
  b->loaded = NULL;
  if (bad) {
    a->latency = 0;
    bench_close(b);
  }
}

int
bench_verify(const struct chanas_backend *backend,
             const struct chanas_host *host, const struct job *job,
             int (*tell)(void *arg, const struct answer *), void *arg)
{
  struct bench b = {.backend = backend, .host = host};
  struct alone alone;
  int status = 0;
  for (size_t i = 0; i < job->steps && !status; i++) {
    struct answer a = {.nonce = job->nonce + i, .outcome = CHANAS_LOST};
    bench_single(job, i, &alone);
    verify_one(&b, &alone.job, &a);
    status = tell(arg, &a);
  }
  bench_close(&b);
  return status;
}
