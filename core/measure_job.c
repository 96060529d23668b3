/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs and answers to and from frames.  Nothing of a job is believed: every
 * index and number is checked before the runner uses it. */
#include "measure_job.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frame.h"
#include "log.h"
#include "mem.h"
#include "outcome.h"

#define MAX_TENSORS 65536
#define MAX_ELEMENTS ((size_t)1 << 31)

void
job_add_tensor(struct job *j, size_t elements)
{
  j->elements = mem_grow(j->elements, j->tensors + 1, sizeof *j->elements);
  j->elements[j->tensors++] = elements;
}

void
job_add_step(struct job *j, int32_t src, int32_t dst, const char *symbol,
             const char *key)
{
  j->step = mem_grow(j->step, j->steps + 1, sizeof *j->step);
  j->step[j->steps++] =
    (struct job_step){src, dst, mem_string(symbol), mem_string(key)};
}

void
job_free(struct job *j)
{
  for (size_t i = 0; i < j->steps; i++) {
    free(j->step[i].symbol);
    free(j->step[i].key);
  }
  free(j->step);
  free(j->elements);
  free(j->object);
  free(j->hash);
  args_free(&j->settings);
  text_free(&j->bytes);
  *j = (struct job){0};
}

int
job_is_many(const struct job *j)
{
  return j->kind == JOB_VERIFY || j->kind == JOB_RACE;
}

size_t
job_answers(const struct job *j)
{
  return job_is_many(j) && j->steps ? j->steps : 1;
}

/* Of a race each step has the deadline; its inputs too take some time. */
double
job_seconds(const struct job *j)
{
  return j->seconds * (j->kind == JOB_RACE ? (double)j->steps + 1 : 1);
}

static const char *const kind_word[] = {"describe", "measure", "verify",
                                        "race"};

void
job_pack(const struct job *j, struct chanas_text *frame)
{
  struct chanas_text p = {0};
  frame_put(&p, "protocol", "%d", JOB_PROTOCOL);
  frame_put(&p, "job", "%s", kind_word[j->kind]);
  frame_put(&p, "nonce", "%" PRIu64, j->nonce);
  frame_put(&p, "ceilings", "%d", j->ceilings);
  frame_put(&p, "threads", "%d", j->threads);
  frame_put(&p, "cpu", "%d", j->cpu);
  frame_put(&p, "memory", "%" PRIu64, j->memory);
  frame_put(&p, "seconds", "%.17g", j->seconds);
  frame_put(&p, "seed", "%" PRIu64, j->seed);
  frame_put(&p, "rounds", "%d", j->rounds);
  frame_put(&p, "round", "%.17g", j->round);
  frame_put(&p, "best", "%.17g", j->best);
  frame_put(&p, "cold", "%" PRIu64, j->cold);
  frame_put(&p, "verify", "%d", j->verify);
  frame_put(&p, "profile", "%d", j->profile);
  for (size_t i = 0; i < j->settings.count; i++)
    frame_put(&p, "set", "%s", j->settings.arg[i]);
  if (j->object)
    frame_put(&p, "object", "%s", j->object);
  if (j->hash)
    frame_put(&p, "hash", "%s", j->hash);
  for (size_t i = 0; i < j->tensors; i++)
    frame_put(&p, "tensor", "%zu", j->elements[i]);
  for (size_t i = 0; i < j->steps; i++)
    frame_put(&p, "step", "%d %d %s %s", j->step[i].src, j->step[i].dst,
              j->step[i].symbol, j->step[i].key);
  frame_put(&p, "output", "%d", j->output);
  if (j->bytes.size)
    frame_put_body(&p, j->bytes.data, j->bytes.size);
  frame_pack(&p, frame);
  text_free(&p);
}

/* ---- reading ---- */

struct reader {
  const struct chanas_text *payload;
  struct chanas_text value;
  const char *bad; /* the first key that is missing or wrong */
};

static const char *
word(struct reader *r, const char *key)
{
  const char *v = frame_field(r->payload, key, &r->value);
  if (!v && !r->bad)
    r->bad = key;
  return v ? v : "";
}

static uint64_t
parse_whole(const char *text, uint64_t high, int *bad)
{
  char *end;
  errno = 0;
  unsigned long long n = strtoull(text, &end, 10);
  *bad = errno || end == text || *end || *text == '-' || n > high;
  return *bad ? 0 : n;
}

static uint64_t
whole(struct reader *r, const char *key, uint64_t high)
{
  int bad;
  uint64_t n = parse_whole(word(r, key), high, &bad);
  if (bad && !r->bad)
    r->bad = key;
  return n;
}

static double
real(struct reader *r, const char *key, double high)
{
  char *end;
  const char *text = word(r, key);
  double d = strtod(text, &end);
  if (end != text && !*end && d >= 0 && d <= high)
    return d;
  if (!r->bad)
    r->bad = key;
  return 0;
}

static void
read_tensors(struct reader *r, struct job *j)
{
  size_t at = 0;
  int bad = 0;
  const char *v;
  while (!bad && (v = frame_next(r->payload, "tensor", &at, &r->value))) {
    job_add_tensor(j, parse_whole(v, MAX_ELEMENTS, &bad));
    bad |= j->tensors > MAX_TENSORS;
  }
  if ((bad || !j->tensors) && !r->bad)
    r->bad = "tensor";
}

/* "SRC DST SYMBOL KEY"; splits the text in place. */
static int
read_step(struct job *j, char *text)
{
  char *rest = text, *part[4];
  int bad[2];
  for (int i = 0; i < 4; i++)
    if (!(part[i] = i < 3 ? strsep(&rest, " ") : rest) || !*part[i])
      return -1;
  int32_t src = (int32_t)parse_whole(part[0], INT_MAX, &bad[0]);
  int32_t dst = (int32_t)parse_whole(part[1], INT_MAX, &bad[1]);
  if (bad[0] || bad[1] || (size_t)src >= j->tensors ||
      (size_t)dst >= j->tensors)
    return -1;
  job_add_step(j, src, dst, part[2], part[3]);
  return 0;
}

static void
read_program(struct reader *r, struct job *j)
{
  size_t at = 0;
  int bad = 0;
  read_tensors(r, j);
  while (!bad && frame_next(r->payload, "step", &at, &r->value))
    bad = read_step(j, r->value.data);
  if ((bad || !j->steps) && !r->bad)
    r->bad = "step";
  j->output = (int32_t)whole(r, "output", j->tensors ? j->tensors - 1 : 0);
}

static void
read_object(struct reader *r, struct job *j)
{
  size_t size = 0;
  const char *path = frame_field(r->payload, "object", &r->value);
  if (path)
    j->object = mem_string(path);
  const char *hash = path ? NULL : frame_field(r->payload, "hash", &r->value);
  if (hash)
    j->hash = mem_string(hash);
  const char *body = frame_body(r->payload, &size);
  if (path || hash)
    return;
  if (body && size)
    text_append(&j->bytes, body, size);
  else if (!r->bad)
    r->bad = "object";
}

static void
read_measure(struct reader *r, struct job *j)
{
  j->seed = whole(r, "seed", UINT64_MAX);
  j->rounds = (int)whole(r, "rounds", 100000);
  j->round = real(r, "round", 3600);
  j->best = real(r, "best", INFINITY);
  j->cold = whole(r, "cold", UINT64_MAX);
  j->verify = (int)whole(r, "verify", 1);
  j->profile = (int)whole(r, "profile", 100000);
  read_program(r, j);
  read_object(r, j);
}

static enum job_kind
read_kind(struct reader *r)
{
  const char *name = word(r, "job");
  for (int i = JOB_DESCRIBE; i <= JOB_RACE; i++)
    if (!strcmp(name, kind_word[i]))
      return (enum job_kind)i;
  if (!r->bad)
    r->bad = "job";
  return JOB_DESCRIBE;
}

int
job_unpack(const struct chanas_text *payload, struct job *j)
{
  struct reader r = {.payload = payload};
  size_t at = 0;
  const char *v;
  *j = (struct job){0};
  uint64_t protocol = whole(&r, "protocol", INT_MAX);
  if (!r.bad && protocol != JOB_PROTOCOL)
    log_error("chanas speaks protocol %" PRIu64 ", this runner %d; install "
              "the same version on both sides", protocol, JOB_PROTOCOL);
  if (!r.bad && protocol != JOB_PROTOCOL)
    r.bad = "protocol";
  j->kind = read_kind(&r);
  j->nonce = whole(&r, "nonce", UINT64_MAX);
  j->ceilings = (int)whole(&r, "ceilings", 1);
  j->threads = (int)whole(&r, "threads", 65536);
  j->cpu = (int)whole(&r, "cpu", 65536);
  j->memory = whole(&r, "memory", UINT64_MAX);
  j->seconds = real(&r, "seconds", 1e9);
  while ((v = frame_next(payload, "set", &at, &r.value)))
    args_add(&j->settings, v);
  if (j->kind != JOB_DESCRIBE)
    read_measure(&r, j);
  if (r.bad) {
    log_error("bad job: '%s' is missing or wrong", r.bad);
    job_free(j);
  }
  text_free(&r.value);
  return r.bad ? -1 : 0;
}

/* ---- answers ---- */

void
answer_pack(const struct answer *a, struct chanas_text *frame)
{
  struct chanas_text p = {0};
  frame_put(&p, "nonce", "%" PRIu64, a->nonce);
  frame_put(&p, "outcome", "%s", outcome_name(a->outcome));
  frame_put(&p, "latency", "%.17g", a->latency);
  frame_put(&p, "minimum", "%.17g", a->minimum);
  frame_put(&p, "ci", "%.17g", a->ci);
  frame_put(&p, "control", "%.17g", a->control);
  frame_put(&p, "difference", "%.17g", a->difference);
  frame_put(&p, "detail", "%s", a->detail);
  frame_put(&p, "version", "%s", a->version);
  frame_put_body(&p, text_string(&a->description), a->description.size);
  frame_pack(&p, frame);
  text_free(&p);
}

static enum chanas_outcome
read_outcome(struct reader *r)
{
  const char *name = word(r, "outcome");
  for (int i = 0; i < OUTCOMES; i++)
    if (!strcmp(name, outcome_name((enum chanas_outcome)i)))
      return (enum chanas_outcome)i;
  r->bad = "outcome";
  return CHANAS_LOST;
}

static int
read_answer(const struct chanas_text *payload, struct answer *a)
{
  struct reader r = {.payload = payload};
  size_t size = 0;
  a->nonce = whole(&r, "nonce", UINT64_MAX);
  a->outcome = read_outcome(&r);
  a->latency = real(&r, "latency", 1e9);
  a->minimum = real(&r, "minimum", 1e9);
  a->ci = real(&r, "ci", 1e9);
  a->control = real(&r, "control", 1e9);
  a->difference = real(&r, "difference", INFINITY);
  snprintf(a->detail, sizeof a->detail, "%s", word(&r, "detail"));
  snprintf(a->version, sizeof a->version, "%s", word(&r, "version"));
  const char *body = frame_body(payload, &size);
  if (body)
    text_append(&a->description, body, size);
  text_free(&r.value);
  return r.bad ? -1 : 0;
}

int
answer_next(const struct chanas_text *data, size_t *at, struct answer *a)
{
  struct chanas_text payload = {0};
  size_t used = 0;
  *a = (struct answer){0};
  int sound = frame_unpack(text_string(data) + *at, data->size - *at,
                           &payload, &used) == 1 && !read_answer(&payload, a);
  text_free(&payload);
  if (!sound)
    answer_free(a);
  *at += sound ? used : 0;
  return sound ? 0 : -1;
}

void
answer_free(struct answer *a)
{
  text_free(&a->description);
}
