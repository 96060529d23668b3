/* SPDX-License-Identifier: Apache-2.0 */
/* chanas doctor: what is there, what is missing, how to get it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>
#include "archive.h"
#include "cmd.h"
#include "cmd_doctor.h"
#include "file.h"
#include "log.h"
#include "mem.h"
#include "proc.h"

void
doctor_say(struct doctor *d, const char *plugin, const char *state,
           const char *topic, const char *text)
{
  d->bad |= !plugin && strcmp(state, "missing") == 0;
  if (d->json)
    json_array_append_new(d->json, json_pack(
      "{s:s?, s:s, s:s, s:s}", "plugin", plugin, "state", state, "topic",
      topic, "text", text));
  else if (plugin)
    printf("%-8s %-10s %s: %s\n", state, plugin, topic, text);
  else
    printf("%-8s %-10s %s\n", state, topic, text);
}

static void
say(struct doctor *d, const char *state, const char *topic, const char *text)
{
  doctor_say(d, NULL, state, topic, text);
}

static void
check_compiler(struct doctor *d)
{
  const char *name = getenv("CHANAS_CC");
  struct chanas_args args = { 0 };
  struct proc_limits limits = { .seconds = 10, .output = 4096 };
  struct proc_result result;
  char *text;

  name = name && *name ? name : "cc";
  args_add(&args, name);
  args_add(&args, "--version");
  proc_run(&args, NULL, NULL, 0, &limits, &result);
  if (result.end == PROC_EXITED && result.code == 0) {
    text = mem_print("%s: %.*s", name,
                     (int)strcspn(text_string(&result.out), "\n"),
                     text_string(&result.out));
    say(d, "ok", "compiler", text);
  } else {
    text = mem_print("%s does not run; install gcc or set CHANAS_CC", name);
    say(d, "missing", "compiler", text);
  }
  free(text);
  proc_result_free(&result);
  args_free(&args);
}

static void
check_table(struct doctor *d, const struct options *o)
{
  char *path = o->table ? mem_string(o->table) : table_default_path();
  int code = EXIT_FAILED;
  struct table *table;

  if (path == NULL) {
    say(d, "missing", "table", "no home folder; name a table with --table");
    return;
  }
  if (access(path, F_OK) != 0)
    say(d, "note", "table", "none yet; the first search makes it");
  else if ((table = table_open(path, 1, &code)) == NULL)
    say(d, "missing", "table", "the latency table cannot be opened");
  else {
    say(d, "ok", "table", path);
    table_close(table);
  }
  free(path);
}

static void
check_data(struct doctor *d)
{
  const char *folder = getenv("CHANAS_DATA");

  if (folder && access(folder, R_OK) == 0)
    say(d, "ok", "data", folder);
  else if (folder)
    say(d, "missing", "data", "$CHANAS_DATA names no readable folder");
  else
    say(d, "note", "data", "$CHANAS_DATA is not set: accuracy tables are "
        "looked for beside the INI file and in the installed data folder");
}

static void
check_machine(struct doctor *d)
{
  struct chanas_text governor = { 0 };
  struct utsname system;
  const char *path = "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor";
  char *text;

  uname(&system);
  text = mem_print("%s %s, %ld processors online", system.sysname,
                   system.release, sysconf(_SC_NPROCESSORS_ONLN));
  say(d, "ok", "machine", text);
  free(text);
  if (access(path, R_OK) == 0 && file_read(path, 100, &governor) == 0) {
    int steady = strncmp(text_string(&governor), "performance", 11) == 0;
    text = mem_print("%.*s%s", (int)strcspn(text_string(&governor), "\n"),
                     text_string(&governor), steady ? "" :
                     "; 'cpupower frequency-set -g performance' makes "
                     "timings steadier");
    say(d, steady ? "ok" : "note", "governor", text);
    free(text);
  }
  text_free(&governor);
}

/* Every plugin, of whatever kind: what it is, or why it cannot be used. */
static void
check_plugin(void *arg, const char *path, const struct plugin *p,
             const char *reason)
{
  struct doctor *d = arg;
  const char *file = strrchr(path, '/');
  char *text;

  if (reason) {
    text = mem_print("%s: %s", path, reason);
    doctor_say(d, file ? file + 1 : path, "missing", "plugin", text);
  } else {
    text = mem_print("%s%s%s, %s", p->backend.struct_size ? " backend" : "",
                     p->strategy.struct_size ? " strategy" : "",
                     p->estimator.struct_size ? " estimator" : "",
                     p->head.summary);
    doctor_say(d, p->head.name, "ok", "plugin", text + 1);
  }
  free(text);
}

static void
check_backend(void *arg, const char *path, const struct plugin *p,
              const char *reason)
{
  (void)path;
  if (!reason && p->backend.struct_size)
    doctor_backend(arg, p);
}

/* A strategy of the run: is it there, and does it take its section? */
static void
check_strategy(struct doctor *d, const struct config *c, const char *section,
               const char *name)
{
  const struct plugin *p = registry_get(PLUGIN_STRATEGY, name);
  struct host *host = p ? host_open(p, c->ini, ini_find(c->ini, section),
                                    config_keys(section), NULL) : NULL;

  say(d, host ? "ok" : "missing", section,
      host ? name : "it cannot be used, see the message above");
  if (host)
    host_close(host);
}

static void
check_estimator(struct doctor *d, struct session *s)
{
  struct archive archive;
  int good = archive_open(&archive, s, NULL) == EXIT_DONE;

  if (*s->config->estimator)
    say(d, good ? "ok" : "missing", "estimator",
        good ? s->config->estimator :
        "it cannot be used, see the message above");
  archive_close(&archive);
}

/* All that the run names, opened as the run would. */
static void
check_ini(struct doctor *d, const struct options *o)
{
  struct config *config;
  struct session s;

  if (cmd_open(o, o->operand[0], &config, &s) != EXIT_DONE) {
    say(d, "missing", "run", "the INI file cannot be used, see above");
    return;
  }
  say(d, "ok", "run", o->operand[0]);
  check_strategy(d, config, "strategy", config->strategy);
  check_strategy(d, config, "tuner", config->tuner);
  check_estimator(d, &s);
  cmd_close(config, &s);
}

int
cmd_doctor(const struct options *o)
{
  struct doctor d = { .json = o->json ? json_array() : NULL };
  char *folders = registry_folders();

  check_machine(&d);
  check_compiler(&d);
  say(&d, "ok", "plugins in", folders);
  registry_each(check_plugin, &d);
  registry_each(check_backend, &d);
  if (d.usable == 0)
    say(&d, "missing", "backends", "none can measure on this machine: "
        "latencies can come from tables only; see the lines above");
  check_table(&d, o);
  check_data(&d);
  if (o->operands)
    check_ini(&d, o);
  free(folders);
  if (d.json) {
    json_dumpf(d.json, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(d.json);
  }
  return d.bad ? EXIT_UNAVAILABLE : EXIT_DONE;
}
