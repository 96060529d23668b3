/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A backend under the doctor's eyes.  What it says of drivers and tools comes
 * from the plugin itself, in a runner, which may crash; whether kernels can
 * be compiled is tried.
 */
#include "cmd_doctor.h"
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include "build.h"
#include "cmd.h"
#include "device.h"
#include "file.h"
#include "host.h"
#include "measure.h"
#include "mem.h"
#include "proc.h"

#define SECONDS 60.0

/* "STATE TOPIC TEXT"; splits the line in place. */
static void
say_line(struct doctor *d, const char *plugin, char *line)
{
  char *rest = line, *state = strsep(&rest, " "), *topic = strsep(&rest, " ");
  static const char *const known[] = { "ok", "note", "missing" };

  for (size_t i = 0; topic && *topic && rest && i < 3; i++)
    if (strcmp(state, known[i]) == 0) {
      doctor_say(d, plugin, state, topic, rest);
      return;
    }
  doctor_say(d, plugin, "note", "diagnose", "the plugin says something that "
             "is no finding; see diagnose in chanas-plugin(3)");
}

/* The last error on stderr, without "chanas: " and the like. */
static char *
reason(const struct proc_result *r, const char *plugin)
{
  char *copy = mem_string(text_string(&r->err)), *rest = copy, *line;
  char *own = mem_print("chanas: %s: error: ", plugin), *said = NULL;
  static const char any[] = "chanas: error: ";

  while ((line = strsep(&rest, "\n"))) {
    size_t skip = strncmp(line, own, strlen(own)) == 0 ? strlen(own) :
                  strncmp(line, any, strlen(any)) == 0 ? strlen(any) : 0;
    if (!skip)
      continue;
    free(said);
    said = mem_string(line + skip);
  }
  free(own);
  free(copy);
  return said ? said : mem_string("it does not say why");
}

static void
say_end(struct doctor *d, const char *plugin, const struct proc_result *r)
{
  char *why = NULL;

  if (r->end == PROC_SIGNALLED)
    why = mem_print("asking for it ended with SIG%s: a driver or library is "
                    "broken", sigabbrev_np(r->code));
  else if (r->end == PROC_DEADLINE)
    why = mem_print("no answer within %.0f s: a driver hangs", SECONDS);
  else if (r->end == PROC_NOT_STARTED)
    why = mem_print("the runner %s does not start: %s; install chanas or set "
                    "$CHANAS_RUNNER", measure_runner(), text_string(&r->err));
  else
    why = reason(r, plugin);
  doctor_say(d, plugin, "missing", "device", why);
  free(why);
}

/* Findings of the plugin; 1 if there is a device. */
static int
ask_runner(struct doctor *d, const struct plugin *p)
{
  struct chanas_args args = { 0 };
  struct proc_limits limits = { .seconds = SECONDS };
  struct proc_result r;
  char *folder = file_dirname(p->path), *rest, *line;
  const char *const words[] = {
    measure_runner(), "--backend", p->head.name, "--plugin-path", folder,
    "--diagnose" };
  int there;

  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    args_add(&args, words[i]);
  proc_run(&args, NULL, NULL, 0, &limits, &r);
  rest = r.out.data;
  while (rest && (line = strsep(&rest, "\n")))
    if (*line)
      say_line(d, p->head.name, line);
  there = r.end == PROC_EXITED && r.code == 0;
  if (!there)
    say_end(d, p->head.name, &r);
  proc_result_free(&r);
  args_free(&args);
  free(folder);
  return there;
}

/* One kernel, for the device that was found. */
static int
try_compiler(struct doctor *d, const struct plugin *p, struct host *host,
             struct chanas_device *device)
{
  struct build *build = NULL;
  void *self = NULL;
  char *text;

  device_set(device, "threads", "1");
  device_set(device, "compiler", "cc");
  if (p->backend.open(host_services(host), device, &self) == 0) {
    build = build_open(p, self, NULL, 1);
    if (build) {
      text = CHANAS_HAS(&p->backend, command) ?
        mem_print("%s builds its kernels", build_compiler_version(build)) :
        mem_string("they are compiled where they run");
      doctor_say(d, p->head.name, "ok", "kernels", text);
      free(text);
      build_close(build);
    }
    p->backend.close(self);
  }
  if (!build)
    doctor_say(d, p->head.name, "missing", "kernels", "none can be built, see "
               "the message above");
  return build != NULL;
}

static int
check_kernels(struct doctor *d, const struct plugin *p)
{
  struct measure_config config = { .backend = p, .settings = "",
                                   .deadline = SECONDS, .threads = 1 };
  struct measure *m = measure_open(&config);
  struct chanas_device *device = m ? measure_describe(m, 0) : NULL;
  struct host *host = device ? host_open(p, NULL, NULL, NULL, NULL) : NULL;
  int good = host && try_compiler(d, p, host, device);

  if (host)
    host_close(host);
  device_free(device);
  measure_close(m);
  return good;
}

/* Parameters without which it cannot even be opened are the INI's affair. */
static int
needs_settings(const struct plugin *p)
{
  const struct chanas_param *param = p->head.params;

  for (; param && param->key; param++)
    if (!param->fallback)
      return 1;
  return 0;
}

void
doctor_backend(struct doctor *d, const struct plugin *p)
{
  if (!CHANAS_HAS(&p->backend, emit) || needs_settings(p))
    doctor_say(d, p->head.name, "ok", "device", "it is as its INI section "
               "says; 'chanas doctor FILE.ini' tries it");
  else if (ask_runner(d, p) && check_kernels(d, p))
    d->usable++;
}
