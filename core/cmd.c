/* SPDX-License-Identifier: Apache-2.0 */
/* Options by getopt_long.  Which command takes which option is data, so that
 * a misplaced one is refused instead of ignored. */
#include "cmd.h"
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "log.h"
#include "near.h"
#include "progress.h"

static const struct command commands[] = {
  { "search", "FILE.ini", "search networks and their schedules together",
    "tosjR", 0, 1,
    "Reads the run's INI file, gives every block of the space its first\n"
    "schedules, searches, tunes and measures, and leaves front.csv,\n"
    "front.json, run.json and report.txt in the output folder.\n",
    cmd_search },
  { "tune", "FILE.ini", "pre-schedule every block of a space", "tsj", 1, 1,
    "Spends [tuner] trials on every distinct block of the space and prints\n"
    "the default and the best latency of each.\n", cmd_tune },
  { "blocks", "FILE.ini", "list the distinct blocks of a space", "sj", 1, 1,
    "FILE.ini is a run's INI or a space file.  Prints for each block how\n"
    "many networks use it, FLOPs, bytes and, for a run's INI, the roofline\n"
    "time of the device.\n", cmd_blocks },
  { "measure", "FILE.ini", "build one network whole and measure it",
    "tosjcf", 1, 1,
    "The network is the one named by --code (default: the space's first\n"
    "point).  Blocks that the table lacks are tuned first.  With -o the\n"
    "network is left there as stand-alone C, as export leaves it, with the\n"
    "schedules that were measured and random parameters.\n", cmd_measure },
  { "table", "list|export|verify|merge [FILE]",
    "look after the latency table", "tjo", 1, 2,
    "  list          targets, workloads and trials\n"
    "  export        every trial as CSV, to -o FILE or stdout\n"
    "  verify        check the database and its invariants\n"
    "  merge FILE    take in the trials of another table\n", cmd_table },
  { "plugins", "", "list the plugins and why some cannot be used", "jd", 0, 0,
    "With --dump NAME: the parameters of one plugin.\n", cmd_plugins },
  { "export", "RUN", "write a network of a front as stand-alone C, as ONNX",
    "orjwx", 1, 1, "RUN is the output folder of a search.\n", cmd_export },
  { "train", "RUN|FILE.ini", "train one network and keep its parameters",
    "orscSA", 1, 1,
    "The network is member --rank of the front of RUN, the output folder of a\n"
    "search, or the one named by --code.  The estimator of the run trains it,\n"
    "from what the supernet has for it or from scratch, and the parameters\n"
    "go to the weight file -o FILE.  Interrupted, it goes on the next time.\n",
    cmd_train },
  { "estimate", "FILE.ini", "print the accuracy that the estimator expects",
    "sjcn", 1, 1,
    "Of the network named by --code or of --random N different ones, the\n"
    "same for the same --seed.  An estimator that trains first, such as the\n"
    "supernet, does so, or finds what an earlier run left.\n",
    cmd_estimate },
  { "doctor", "[FILE.ini]", "say what is there, what is missing, how to get "
    "it", "tsj", 0, 1, "", cmd_doctor },
};
#define COMMANDS (sizeof commands / sizeof *commands)

enum { OPT_SET = 256, OPT_SEED, OPT_RESUME, OPT_CODE, OPT_RANK, OPT_DUMP,
       OPT_JSON, OPT_DEFAULT, OPT_TABLE, OPT_LEVEL, OPT_PATH, OPT_VERSION,
       OPT_WEIGHTS, OPT_ONNX, OPT_SCRATCH, OPT_RANGES, OPT_RANDOM };

static const struct option long_options[] = {
  { "help", no_argument, NULL, 'h' },
  { "version", no_argument, NULL, OPT_VERSION },
  { "quiet", no_argument, NULL, 'q' },
  { "verbose", no_argument, NULL, 'v' },
  { "log-level", required_argument, NULL, OPT_LEVEL },
  { "plugin-path", required_argument, NULL, OPT_PATH },
  { "table", required_argument, NULL, OPT_TABLE },
  { "output", required_argument, NULL, 'o' },
  { "set", required_argument, NULL, OPT_SET },
  { "seed", required_argument, NULL, OPT_SEED },
  { "json", no_argument, NULL, OPT_JSON },
  { "resume", required_argument, NULL, OPT_RESUME },
  { "code", required_argument, NULL, OPT_CODE },
  { "rank", required_argument, NULL, OPT_RANK },
  { "dump", required_argument, NULL, OPT_DUMP },
  { "weights", required_argument, NULL, OPT_WEIGHTS },
  { "onnx", required_argument, NULL, OPT_ONNX },
  { "default", no_argument, NULL, OPT_DEFAULT },
  { "scratch", no_argument, NULL, OPT_SCRATCH },
  { "ranges", no_argument, NULL, OPT_RANGES },
  { "random", required_argument, NULL, OPT_RANDOM },
  { NULL, 0, NULL, 0 },
};

static const struct { char letter; const char *text; } option_help[] = {
  { 't', "  --table FILE         the latency table (default: XDG data "
         "folder)\n" },
  { 'o', "  -o, --output PLACE   where the results go\n" },
  { 's', "  --set SECTION.KEY=V  override a value of the INI file\n"
         "  --seed N             the same as --set search.seed=N\n" },
  { 'R', "  --resume RUN         go on with an interrupted run (its "
         "folder)\n" },
  { 'c', "  --code CODE          the network, such as 22212220\n" },
  { 'n', "  --random N           N different networks, drawn at random\n" },
  { 'f', "  --default            with the default schedules\n" },
  { 'r', "  --rank K             member K of the front (default 1)\n" },
  { 'w', "  --weights FILE       the parameters that training left\n" },
  { 'x', "  --onnx FILE          an ONNX model; without -o, only that\n" },
  { 'S', "  --scratch            from random parameters\n" },
  { 'A', "  --ranges             keep what int8 kernels need: the largest "
         "magnitude\n"
         "                       of every tensor\n" },
  { 'd', "  --dump NAME          all about one plugin\n" },
  { 'j', "  --json               machine-readable output on stdout\n" },
};

static void
print_general_help(void)
{
  printf("Usage: chanas COMMAND [OPTION]... [OPERAND]...\n"
         "Search neural networks and their loop schedules together, on the "
         "real device.\n\nCommands:\n");
  for (size_t i = 0; i < COMMANDS; i++)
    printf("  %-9s%s\n", commands[i].name, commands[i].summary);
  printf("\n'chanas COMMAND --help' tells more.  Options of all commands:\n"
         "  -h, --help           this help\n"
         "  --version            version and interface\n"
         "  -q, --quiet          errors only, no progress\n"
         "  -v, --verbose        more messages\n"
         "  --log-level LEVEL    error, warn, info or debug\n"
         "  --plugin-path DIRS   look for plugins here first\n\n"
         "Exit codes: 0 done, 1 failure, 2 usage or configuration, 3 nothing "
         "feasible,\n4 target or plugin unavailable, 5 corrupt data, 128+n "
         "ended by signal n.\n");
}

static void
print_command_help(const struct command *c)
{
  printf("Usage: chanas %s [OPTION]... %s\n%c%s.\n\n%s", c->name,
         c->operands, c->summary[0] - 'a' + 'A', c->summary + 1, c->help);
  printf("%sOptions:\n", *c->help ? "\n" : "");
  for (size_t i = 0; i < sizeof option_help / sizeof *option_help; i++)
    if (strchr(c->accepts, option_help[i].letter))
      fputs(option_help[i].text, stdout);
  printf("  -h, --help           this help\n");
}

static const struct command *
find_command(const char *name)
{
  for (size_t i = 0; i < COMMANDS; i++)
    if (strcmp(commands[i].name, name) == 0)
      return &commands[i];
  return NULL;
}

static int
accepts(const struct command *c, char letter, const char *option)
{
  if (strchr(c->accepts, letter))
    return 1;
  log_error("chanas %s takes no %s; see 'chanas %s --help'", c->name, option,
            c->name);
  return 0;
}

static int
add_set(struct options *o, const char *text)
{
  if (o->sets == CMD_MAX_SETS) {
    log_error("more than %d --set options", CMD_MAX_SETS);
    return -1;
  }
  o->set[o->sets++] = text;
  return 0;
}

static int
add_seed(struct options *o, const char *value)
{
  static char seed[64];

  snprintf(seed, sizeof seed, "search.seed=%s", value);
  return add_set(o, seed);
}

/* A whole number of 1 or more. */
static int
parse_count(const char *option, const char *text, long most, long *out)
{
  char *end;

  *out = strtol(text, &end, 10);
  if (*text == '\0' || *end || *out < 1 || *out > most) {
    log_error("%s %s: a whole number from 1 to %ld", option, text, most);
    return -1;
  }
  return 0;
}

/* One option of a command; -1 if refused. */
static int
take(const struct command *c, struct options *o, int option)
{
  switch (option) {
  case 'o':
    o->output = optarg;
    return accepts(c, 'o', "-o") ? 0 : -1;
  case OPT_TABLE:
    o->table = optarg;
    return accepts(c, 't', "--table") ? 0 : -1;
  case OPT_SET:
    return accepts(c, 's', "--set") ? add_set(o, optarg) : -1;
  case OPT_SEED:
    return accepts(c, 's', "--seed") ? add_seed(o, optarg) : -1;
  case OPT_JSON:
    o->json = 1;
    return accepts(c, 'j', "--json") ? 0 : -1;
  case OPT_RESUME:
    o->resume = optarg;
    return accepts(c, 'R', "--resume") ? 0 : -1;
  case OPT_CODE:
    o->code = optarg;
    return accepts(c, 'c', "--code") ? 0 : -1;
  case OPT_DEFAULT:
    o->fixed = 1;
    return accepts(c, 'f', "--default") ? 0 : -1;
  case OPT_SCRATCH:
    o->scratch = 1;
    return accepts(c, 'S', "--scratch") ? 0 : -1;
  case OPT_RANGES:
    o->ranges = 1;
    return accepts(c, 'A', "--ranges") ? 0 : -1;
  case OPT_RANK:
    return accepts(c, 'r', "--rank")
           ? parse_count("--rank", optarg, INT_MAX, &o->rank) : -1;
  case OPT_RANDOM:
    return accepts(c, 'n', "--random")
           ? parse_count("--random", optarg, 100000, &o->random) : -1;
  case OPT_WEIGHTS:
    o->weights = optarg;
    return accepts(c, 'w', "--weights") ? 0 : -1;
  case OPT_ONNX:
    o->onnx = optarg;
    return accepts(c, 'x', "--onnx") ? 0 : -1;
  case OPT_DUMP:
    o->dump = optarg;
    return accepts(c, 'd', "--dump") ? 0 : -1;
  }
  return -1;
}

/* Options every command knows: 1 taken, 0 not one of them, -1 refused. */
static int
take_common(int option)
{
  switch (option) {
  case 'q':
    log_level = CHANAS_ERROR;
    progress_quiet = 1;
    return 1;
  case 'v':
    log_level = CHANAS_DEBUG;
    return 1;
  case OPT_LEVEL:
    if (log_parse_level(optarg, &log_level) == 0)
      return 1;
    log_error("--log-level %s: error, warn, info or debug", optarg);
    return -1;
  case OPT_PATH:
    registry_path(optarg);
    return 1;
  }
  return 0;
}

static int
unknown_command(const char *name)
{
  const char *names[COMMANDS + 1] = { 0 };
  const char *hint;

  for (size_t i = 0; i < COMMANDS; i++)
    names[i] = commands[i].name;
  hint = near_name(name, names);
  log_error("'%s' is no command%s%s%s; see 'chanas --help'", name,
            hint ? " (did you mean '" : "", hint ? hint : "",
            hint ? "'?)" : "");
  return EXIT_USAGE;
}

static int
check_operands(const struct command *c, struct options *o, int argc,
               char **argv)
{
  o->operands = argc - optind;
  o->operand = argv + optind;
  if (o->operands >= c->least && o->operands <= c->most)
    return EXIT_DONE;
  log_error("usage: chanas %s [OPTION]... %s", c->name, c->operands);
  return EXIT_USAGE;
}

int
cmd_parse(int argc, char **argv, struct options *o,
          const struct command **command)
{
  const struct command *c = argc > 1 ? find_command(argv[1]) : NULL;
  int option;

  *command = NULL;
  *o = (struct options){ .rank = 1 };
  if (c == NULL && argc > 1 && argv[1][0] != '-')
    return unknown_command(argv[1]);
  if (c) {
    o->command = c->name;
    argc--;
    argv++;
  }
  while ((option = getopt_long(argc, argv, "hqvo:", long_options, NULL))
         != -1) {
    int common = take_common(option);
    if (option == 'h' && c)
      return print_command_help(c), EXIT_DONE;
    if (option == 'h')
      return print_general_help(), EXIT_DONE;
    if (option == OPT_VERSION)
      return printf("chanas %s (plugin interface %d)\n", PACKAGE_VERSION,
                    CHANAS_API_VERSION), EXIT_DONE;
    if (common < 0 || (common == 0 && (c == NULL || take(c, o, option) < 0)))
      return EXIT_USAGE;
  }
  if (c == NULL) {
    log_error("a command is missing; see 'chanas --help'");
    return EXIT_USAGE;
  }
  *command = c;
  return check_operands(c, o, argc, argv);
}

int
cmd_open(const struct options *o, const char *ini, struct config **config,
         struct session *s)
{
  int code;

  *config = config_read(ini, o->set);
  if (*config == NULL)
    return EXIT_USAGE;
  code = session_open(s, *config, o->table);
  if (code) {
    config_free(*config);
    *config = NULL;
  }
  return code;
}

void
cmd_close(struct config *config, struct session *s)
{
  session_close(s);
  config_free(config);
}
