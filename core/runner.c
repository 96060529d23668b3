/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program chanas-runner: reads one job from stdin, writes its answer to
 * what was its stdout; or serves (runner_serve.c).  Before any foreign code
 * runs that descriptor is moved out of the way and 0 and 1 lead nowhere, so
 * what a plugin or a candidate prints cannot reach the answer.
 */
#include "runner.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "frame.h"
#include "host.h"
#include "ini.h"
#include "log.h"
#include "measure_child.h"
#include "mem.h"
#include "registry.h"

/* There only in a runner that carries its backend, such as a static one. */
const struct chanas_plugin *chanas_plugin_entry(void) __attribute__((weak));

#define EXIT_USAGE 2
#define EXIT_UNAVAILABLE 4
#define HIGH_FD 100         /* where the answer's descriptor goes */
#define MUCH (64u << 20)    /* if this cannot be mapped, memory is out */
#define GRACE 3             /* seconds after the parent's deadline */

#ifdef __SANITIZE_ADDRESS__
#define SANITIZED 1
#elif defined __has_feature
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

/* ---- stdin and stdout ---- */

static int
read_job(struct job *job)
{
  struct chanas_text in = {0}, payload = {0};
  char buffer[65536];
  size_t used;
  int status = 0;
  while (!status) {
    ssize_t n = read(0, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      break;
    text_append(&in, buffer, (size_t)n);
    status = frame_unpack(in.data, in.size, &payload, &used);
  }
  text_free(&in);
  if (status != 1)
    log_error("stdin brought %s; chanas starts this program itself",
              status ? "something other than a job" : "no whole job");
  status = status == 1 ? job_unpack(&payload, job) : -1;
  if (!status && job->hash) {
    log_error("an object by its hash is for runners that serve");
    job_free(job);
    status = -1;
  }
  text_free(&payload);
  return status;
}

/* The private copy of stdout; 0 and 1 become /dev/null. */
static int
seal(void)
{
  int out = fcntl(1, F_DUPFD_CLOEXEC, HIGH_FD);
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (out < 0 || null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0) {
    log_error("cannot arrange descriptors: %s", strerror(errno));
    return -1;
  }
  close(null);
  return out;
}

static int
write_answer(int fd, const struct answer *a)
{
  struct chanas_text frame = {0};
  answer_pack(a, &frame);
  for (size_t at = 0; at < frame.size;) {
    ssize_t n = write(fd, frame.data + at, frame.size - at);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0) {
      log_error("cannot write the answer: %s", strerror(errno));
      text_free(&frame);
      return -1;
    }
    at += (size_t)n;
  }
  text_free(&frame);
  return 0;
}

/* ---- limits ---- */

/* A kernel that got no memory mostly follows a null pointer; say which. */
static void
on_fault(int s)
{
  if (mmap(NULL, MUCH, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
           -1, 0) == MAP_FAILED)
    _exit(JOB_NO_MEMORY);
  signal(s, SIG_DFL);
  raise(s);
}

static void
catch_faults(void)
{
  static char stack[1 << 16];
  stack_t alternate = {.ss_sp = stack, .ss_size = sizeof stack};
  struct sigaction a = {.sa_handler = on_fault,
                        .sa_flags = SA_ONSTACK | SA_NODEFER};
  if (SANITIZED)
    return;
  sigaltstack(&alternate, NULL);
  sigaction(SIGSEGV, &a, NULL);
  sigaction(SIGBUS, &a, NULL);
  sigaction(SIGABRT, &a, NULL);
}

static void
limit(int what, double value)
{
  struct rlimit r;
  if (!getrlimit(what, &r)) {
    rlim_t wanted = (rlim_t)value;
    r.rlim_cur = r.rlim_max = wanted < r.rlim_max ? wanted : r.rlim_max;
    setrlimit(what, &r);
  }
}

/* The parent keeps the deadline; the alarm is for a parent that is far away
 * and lost. */
static void
set_limits(const struct job *j)
{
  limit(RLIMIT_CORE, 0);
  signal(SIGXFSZ, SIG_IGN); /* write() says so */
  if (j->memory && !SANITIZED)
    limit(RLIMIT_AS, (double)j->memory);
  if (j->seconds > 0) {
    int threads = j->threads > 0 ? j->threads : 1;
    limit(RLIMIT_CPU, ceil(j->seconds + GRACE) * threads);
    alarm((unsigned)ceil(j->seconds) + GRACE);
  }
  catch_faults();
}

/* Before the plugin, and with it an OpenMP library, is loaded. */
static void
set_threads(int threads)
{
  char text[16];
  snprintf(text, sizeof text, "%d", threads > 0 ? threads : 1);
  setenv("OMP_NUM_THREADS", text, 1);
  setenv("OMP_PROC_BIND", threads > 1 ? "true" : "false", 1);
  setenv("OMP_WAIT_POLICY", "active", 1);
  setenv("OMP_DYNAMIC", "false", 1);
  host_threads(threads > 0 ? threads : 1);
}

/* ---- the job ---- */

static int
describe(const struct chanas_backend *b, const struct chanas_host *h,
         const struct job *j, struct answer *a)
{
  if (b->describe(h, &a->description, j->ceilings))
    return -1;
  a->outcome = CHANAS_MEASURED;
  if (a->description.size)
    return 0;
  log_error("the backend describes nothing");
  return -1;
}

static int
tell(void *out, const struct answer *a)
{
  return write_answer(*(int *)out, a);
}

/* An exit code. */
static int
do_job(const struct plugin *p, const struct chanas_host *h,
       const struct job *j, const struct bench *ready, int out)
{
  const struct chanas_backend *b = &p->backend;
  struct answer a = {.nonce = j->nonce, .outcome = CHANAS_LOST};
  int code = EXIT_UNAVAILABLE;
  snprintf(a.version, sizeof a.version, "%s", p->head.version);
  if (b->probe(h))
    return code;
  if (j->kind == JOB_VERIFY)
    return bench_verify(b, h, j, tell, &out) ? 1 : 0;
  if (j->kind == JOB_MEASURE)
    bench_measure(b, h, j, ready, &a);
  if (j->kind == JOB_MEASURE || !describe(b, h, j, &a))
    code = write_answer(out, &a) ? 1 : 0;
  answer_free(&a);
  return code;
}

/* The settings as the plugin's INI section. */
static struct ini *
settings(const struct job *j)
{
  struct ini *ini = ini_new("settings");
  for (size_t i = 0; ini && i < j->settings.count; i++) {
    char *key = mem_string(j->settings.arg[i]), *value = strchr(key, '=');
    if (value)
      *value++ = '\0';
    ini_set(ini, "backend", key, value ? value : "");
    free(key);
  }
  return ini;
}

static int
run_job(const char *backend, const struct job *j, const struct bench *ready,
        int out)
{
  struct rng stream = rng_seed(j->seed);
  int code = EXIT_UNAVAILABLE;
  const struct plugin *p = registry_get(PLUGIN_BACKEND, backend);
  struct ini *ini = p ? settings(j) : NULL;
  struct host *h = ini ? host_open(p, ini, ini_find(ini, "backend"), NULL,
                                   &stream) : NULL;
  if (p && !CHANAS_HAS(&p->backend, load) &&
      !CHANAS_HAS(&p->backend, describe))
    log_error("backend %s has no device half: nothing runs on it", backend);
  else if (h)
    code = do_job(p, host_services(h), j, ready, out);
  if (h)
    host_close(h);
  ini_free(ini);
  return code;
}

int
runner_work(const char *backend, const struct job *j,
            const struct bench *ready)
{
  int out = seal();
  if (out < 0)
    return EXIT_UNAVAILABLE;
  set_threads(j->threads);
  set_limits(j);
  int code = run_job(backend, j, ready, out);
  registry_close();
  return code;
}

/* ---- the program ---- */

static int
usage(const char *wrong)
{
  if (wrong)
    log_error("%s", wrong);
  fprintf(wrong ? stderr : stdout,
          "usage: chanas-runner --backend NAME [--plugin-path FOLDERS] "
          "[--serve | --diagnose]\n"
          "Runs one job of chanas: a frame on stdin, the answer on stdout;\n"
          "with --serve many, until stdin ends; with --diagnose says what the\n"
          "backend finds here, and how to get the rest.\n");
  return wrong ? EXIT_USAGE : 0;
}

static int
tell_one(void *bad, struct answer *a)
{
  return *(int *)bad = write_answer(1, a);
}

static int
work_once(const char *backend)
{
  struct child alone = {0};
  struct job job;
  int code = 0;
  if (read_job(&job))
    return EXIT_USAGE;
  if (job.kind == JOB_RACE)
    runner_race(backend, &job, &alone, INFINITY, tell_one, &code);
  else
    code = runner_work(backend, &job, NULL);
  job_free(&job);
  return code < 0 ? 1 : code;
}

int
main(int argc, char **argv)
{
  const char *backend = NULL;
  int serve = 0, diagnose = 0;
  if (chanas_plugin_entry)
    registry_builtin(chanas_plugin_entry());
  for (int i = 1; i < argc; i++) {
    if (!strcmp(argv[i], "--help"))
      return usage(NULL);
    if (!strcmp(argv[i], "--version"))
      return puts("chanas-runner " PACKAGE_VERSION) < 0;
    if (!strcmp(argv[i], "--serve"))
      serve = 1;
    else if (!strcmp(argv[i], "--diagnose"))
      diagnose = 1;
    else if (i + 1 == argc)
      return usage(argv[i]);
    else if (!strcmp(argv[i], "--backend"))
      backend = argv[++i];
    else if (!strcmp(argv[i], "--plugin-path"))
      registry_path(argv[++i]);
    else
      return usage(argv[i]);
  }
  if (!backend)
    return usage("--backend is missing");
  if (diagnose)
    return runner_diagnose(backend);
  return serve ? runner_serve(backend) : work_once(backend);
}
