/* SPDX-License-Identifier: Apache-2.0 */
/* Command line of the strategy benchmarks. */
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "contest.h"
#include "registry.h"

static const char help[] =
  "  -p, --strategy NAME    only this one (default: random, evolution, rl)\n"
  "  -s, --set KEY=VALUE    of the strategy's section; may repeat\n"
  "  -n, --seeds N          how many\n"
  "  -f, --first SEED       the first of them (default 0)\n"
  "  -e, --evaluations N    points looked up by each search\n"
  "  -b, --batch N          points asked at a time\n"
  "  -r, --rounds N         fresh strategies told all that is known (1)\n"
  "  -P, --plugin-path DIR  where plugins are looked for first\n"
  "  -h, --help\n";

static const struct option longs[] = {
  { "strategy", 1, NULL, 'p' }, { "set", 1, NULL, 's' },
  { "seeds", 1, NULL, 'n' },    { "first", 1, NULL, 'f' },
  { "evaluations", 1, NULL, 'e' }, { "batch", 1, NULL, 'b' },
  { "rounds", 1, NULL, 'r' },
  { "plugin-path", 1, NULL, 'P' }, { "help", 0, NULL, 'h' },
  { NULL, 0, NULL, 0 },
};

static unsigned long long
number(const char *text, const char *usage)
{
  char *end;
  unsigned long long n = strtoull(text, &end, 10);

  if (end == text || *end || *text == '-') {
    fprintf(stderr, "'%s' is not a number\n%s%s", text, usage, help);
    exit(2);
  }
  return n;
}

static void
add_set(struct options *o, const char *text, const char *usage)
{
  if (strchr(text, '=') == NULL || o->sets == 16) {
    fprintf(stderr, "--set %s: not KEY=VALUE, or too many\n%s%s", text, usage,
            help);
    exit(2);
  }
  o->set[o->sets++] = text;
}

/* In a build tree the plugins beside this program are meant. */
static void
built_plugins(void)
{
  char path[PATH_MAX];
  ssize_t n = readlink("/proc/self/exe", path, sizeof path - 32);

  if (n <= 0)
    return;
  path[n] = '\0';
  strcpy(strrchr(path, '/'), "/../plugins/.libs");
  if (access(path, X_OK) == 0)
    registry_path(path);
}

void
options_read(struct options *o, int argc, char **argv, const char *usage)
{
  int c;

  built_plugins();
  *o = (struct options){ 0 };
  while ((c = getopt_long(argc, argv, "p:s:n:f:e:b:r:P:h", longs, NULL)) != -1)
    switch (c) {
    case 'p': o->strategy = optarg; break;
    case 's': add_set(o, optarg, usage); break;
    case 'n': o->seeds = number(optarg, usage); break;
    case 'f': o->first = number(optarg, usage); break;
    case 'e': o->budget = number(optarg, usage); break;
    case 'b': o->batch = number(optarg, usage); break;
    case 'r': o->rounds = number(optarg, usage); break;
    case 'P': registry_path(optarg); break;
    case 'h': printf("%s%s", usage, help); exit(0);
    default: fprintf(stderr, "%s%s", usage, help); exit(2);
    }
  o->operand = (const char **)argv + optind;
  o->operands = (size_t)(argc - optind);
}

int
options_contest(const struct options *o, size_t i, size_t budget, size_t batch,
                struct contest *c)
{
  static const char *const all[] = { "random", "evolution", "rl" };

  if (i >= (o->strategy ? 1 : 3))
    return 0;
  *c = (struct contest){
    .strategy = o->strategy ? o->strategy : all[i],
    .set = (const char **)o->set,
    .sets = o->sets,
    .budget = o->budget ? o->budget : budget,
    .batch = o->batch ? o->batch : batch,
    .rounds = o->rounds ? o->rounds : 1,
  };
  return 1;
}
