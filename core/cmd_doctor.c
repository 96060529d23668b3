/* SPDX-License-Identifier: Apache-2.0 */
/* chanas doctor: what is there, what is missing, how to get it. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>
#include "cmd.h"
#include "file.h"
#include "log.h"
#include "mem.h"
#include "proc.h"

struct doctor { json_t *json; int bad; };

/* One finding; state is "ok", "note" or "missing". */
static void
say(struct doctor *d, const char *state, const char *topic, const char *text)
{
  d->bad |= strcmp(state, "missing") == 0;
  if (d->json)
    json_array_append_new(d->json, json_pack("{s:s, s:s, s:s}", "state",
                                             state, "topic", topic, "text",
                                             text));
  else
    printf("%-8s %-10s %s\n", state, topic, text);
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

static void
check_plugin(void *arg, const char *path, const struct plugin *p,
             const char *reason)
{
  struct doctor *d = arg;
  char *text;

  if (reason) {
    text = mem_print("%s: %s", path, reason);
    say(d, "missing", "plugin", text);
  } else
    text = mem_print("%s: %s", p->head.name, p->head.summary);
  if (!reason)
    say(d, "ok", "plugin", text);
  free(text);
}

/* Device of one backend, asked through the runner. */
static void
check_backend(void *arg, const char *path, const struct plugin *p,
              const char *reason)
{
  struct doctor *d = arg;
  struct measure_config config = { .backend = p, .settings = "",
                                   .deadline = 20, .threads = 1 };
  struct measure *measure;
  struct chanas_device *device = NULL;
  char *text;

  (void)path;
  if (reason || !p->backend.struct_size ||
      !CHANAS_HAS(&p->backend, describe))
    return;
  measure = measure_open(&config);
  if (measure)
    device = measure_describe(measure, 1);
  if (device) {
    text = mem_print("%s %s: fingerprint %s, FMA %s GFLOP/s on one thread, "
                     "%s on all, memory %s GB/s", p->head.name,
                     device_trait(device, "model"), device->fingerprint,
                     device_trait(device, "measured.fma_gflops"),
                     device_trait(device, "measured.fma_gflops_all"),
                     device_trait(device, "measured.memory_gbs"));
    say(d, "ok", "device", text);
  } else {
    text = mem_print("%s: unavailable, see the message above", p->head.name);
    say(d, "missing", "device", text);
  }
  free(text);
  device_free(device);
  if (measure)
    measure_close(measure);
}

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
