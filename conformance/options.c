/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of chanas-check-plugin(1). */
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "check.h"
#include "log.h"
#include "pool.h"
#include "progress.h"

static const char help[] =
  "Usage: chanas-check-plugin [OPTION]... NAME\n"
  "Check that backend NAME keeps its promises: every kind of workload, odd\n"
  "shapes, random policies; what is legal has to build, run and equal the\n"
  "reference.\n\n"
  "What is tried:\n"
  "  --dtype LIST            f32,bf16,f16,tf32,i8 (default: what it has)\n"
  "  --threads N             of the kernels (default: 1, 2, 3 in turn)\n"
  "  --policies N            random policies a workload (default 3)\n"
  "  --random-workloads N    besides the fixed list (default 10)\n"
  "  --every N               every n-th workload of the list (default 1)\n"
  "  --candidates N          then more random workloads, up to N candidates\n"
  "  --seed N                of everything random (default 1)\n"
  "  --key WORKLOAD          this workload only\n"
  "  --policy TEXT           this policy of it only\n"
  "  --compile-only          do not run what was compiled\n\n"
  "Where:\n"
  "  --device FILE           description of the device (default: ask it)\n"
  "  --runner COMMAND        as runner in [backend] (default: installed one)\n"
  "  --compiler COMMAND      in place of the backend's own\n"
  "  --set KEY=VALUE         a parameter of the plugin; may repeat\n"
  "  --plugin-path DIRS      look for plugins here first\n"
  "  --jobs N                compilers and runners at a time\n"
  "  --deadline SECONDS      of a batch in a runner (default 60)\n\n"
  "  --json                  the result as JSON on stdout\n"
  "  -q, --quiet             errors only, no progress\n"
  "  -v, --verbose           more messages\n"
  "  -h, --help              this help\n"
  "  --version               version and interface\n\n"
  "Exit codes: 0 all kept, 1 a promise is broken, 2 usage, 4 plugin or device\n"
  "unavailable, 128+n ended by signal n.\n";

enum { O_DTYPE = 256, O_THREADS, O_POLICIES, O_GRAPHS, O_EVERY, O_CANDIDATES,
       O_SEED, O_KEY, O_POLICY, O_COMPILE, O_DEVICE, O_RUNNER, O_COMPILER,
       O_SET, O_PATH, O_JOBS, O_DEADLINE, O_JSON, O_VERSION };

static const struct option table[] = {
  { "dtype", required_argument, NULL, O_DTYPE },
  { "threads", required_argument, NULL, O_THREADS },
  { "policies", required_argument, NULL, O_POLICIES },
  { "random-workloads", required_argument, NULL, O_GRAPHS },
  { "every", required_argument, NULL, O_EVERY },
  { "candidates", required_argument, NULL, O_CANDIDATES },
  { "seed", required_argument, NULL, O_SEED },
  { "key", required_argument, NULL, O_KEY },
  { "policy", required_argument, NULL, O_POLICY },
  { "compile-only", no_argument, NULL, O_COMPILE },
  { "device", required_argument, NULL, O_DEVICE },
  { "runner", required_argument, NULL, O_RUNNER },
  { "compiler", required_argument, NULL, O_COMPILER },
  { "set", required_argument, NULL, O_SET },
  { "plugin-path", required_argument, NULL, O_PATH },
  { "jobs", required_argument, NULL, O_JOBS },
  { "deadline", required_argument, NULL, O_DEADLINE },
  { "json", no_argument, NULL, O_JSON },
  { "quiet", no_argument, NULL, 'q' },
  { "verbose", no_argument, NULL, 'v' },
  { "help", no_argument, NULL, 'h' },
  { "version", no_argument, NULL, O_VERSION },
  { NULL, 0, NULL, 0 },
};

/* A whole number; -1 and a log line if it is none or out of range. */
static int
whole(const char *name, const char *text, long low, long high, int *out)
{
  char *end;
  long value;

  errno = 0;
  value = strtol(text, &end, 10);
  if (!*text || *end || errno || value < low || value > high) {
    log_error("--%s %s: a whole number from %ld to %ld", name, text, low,
              high);
    return -1;
  }
  *out = (int)value;
  return 0;
}

static int
parse_seed(const char *text, uint64_t *out)
{
  char *end;

  errno = 0;
  *out = strtoull(text, &end, 10);
  if (*text >= '0' && *text <= '9' && !*end && !errno)
    return 0;
  log_error("--seed %s: a whole number", text);
  return -1;
}

static int
parse_deadline(const char *text, double *out)
{
  char *end;

  *out = strtod(text, &end);
  if (*text && !*end && *out > 0 && *out <= 86400)
    return 0;
  log_error("--deadline %s: seconds above 0", text);
  return -1;
}

static int
parse_dtypes(const char *text, unsigned *out)
{
  char *copy = strdup(text), *rest = copy, *name;
  int bad = 0;

  while (copy && !bad && (name = strsep(&rest, ","))) {
    int dtype = dtype_parse(name);
    bad = dtype < 0;
    if (bad)
      log_error("--dtype %s: '%s' is not f32, bf16, f16, tf32 or i8", text,
                name);
    else
      *out |= 1u << dtype;
  }
  free(copy);
  return bad || !*out ? -1 : 0;
}

static int
add_set(struct options *o, const char *text)
{
  if (strchr(text, '=') && *text != '=')
    return args_add(&o->set, text);
  log_error("--set %s: KEY=VALUE", text);
  return -1;
}

static int
take_number(struct options *o, int option)
{
  switch (option) {
  case O_THREADS: return whole("threads", optarg, 1, 1024, &o->threads);
  case O_POLICIES: return whole("policies", optarg, 0, 1000000, &o->policies);
  case O_GRAPHS:
    return whole("random-workloads", optarg, 0, 1000000, &o->graphs);
  case O_EVERY: return whole("every", optarg, 1, 1000000, &o->every);
  case O_CANDIDATES:
    return whole("candidates", optarg, 0, 100000000, &o->candidates);
  case O_JOBS: return whole("jobs", optarg, 1, 256, &o->jobs);
  case O_SEED: return parse_seed(optarg, &o->seed);
  case O_DEADLINE: return parse_deadline(optarg, &o->deadline);
  case O_DTYPE: return parse_dtypes(optarg, &o->dtypes);
  default: return -1;
  }
}

static int
take(struct options *o, int option)
{
  switch (option) {
  case O_KEY: o->key = optarg; return 0;
  case O_POLICY: o->policy = optarg; return 0;
  case O_COMPILE: o->compile_only = 1; return 0;
  case O_DEVICE: o->device = optarg; return 0;
  case O_RUNNER: o->runner = optarg; return 0;
  case O_COMPILER: o->compiler = optarg; return 0;
  case O_SET: return add_set(o, optarg);
  case O_PATH:
    o->plugin_path = optarg;
    registry_path(optarg);
    return 0;
  case O_JSON: o->json = 1; return 0;
  case 'q':
    log_level = CHANAS_ERROR;
    progress_quiet = 1;
    return 0;
  case 'v': log_level = CHANAS_DEBUG; return 0;
  default: return take_number(o, option);
  }
}

/* What cannot be said of one option alone. */
static int
finish(struct options *o, int argc, char **argv)
{
  if (argc - optind != 1) {
    log_error("usage: chanas-check-plugin [OPTION]... NAME; see --help");
    return -1;
  }
  o->plugin = argv[optind];
  if (o->policy && !o->key) {
    log_error("--policy needs the workload that it is of: --key");
    return -1;
  }
  if (!o->jobs)
    o->jobs = o->runner ? 1 : pool_cpus();
  return 0;
}

int
options_parse(int argc, char **argv, struct options *o, int *served)
{
  int option;

  *o = (struct options){ .program = argv[0], .policies = 3, .graphs = 10,
                         .every = 1, .seed = 1, .deadline = 60 };
  *served = 0;
  while ((option = getopt_long(argc, argv, "hqv", table, NULL)) != -1) {
    *served = option == 'h' || option == O_VERSION;
    if (option == 'h')
      fputs(help, stdout);
    if (option == O_VERSION)
      printf("chanas-check-plugin %s (plugin interface %d)\n",
             PACKAGE_VERSION, CHANAS_API_VERSION);
    if (*served)
      return CHECK_KEPT;
    if (option == '?' || take(o, option))
      return CHECK_USAGE;
  }
  return finish(o, argc, argv) ? CHECK_USAGE : CHECK_KEPT;
}
