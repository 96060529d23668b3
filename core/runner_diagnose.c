/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chanas-runner --diagnose: findings of one backend on this machine, a line
 * each, "STATE TOPIC TEXT" as in diagnose() of the plugin's interface, of
 * which the last is the device.  Whoever runs it reads stdout; what drivers
 * and libraries have to say goes to stderr.
 */
#include "runner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "device.h"
#include "host.h"
#include "log.h"
#include "mem.h"
#include "registry.h"

#define EXIT_UNAVAILABLE 4

/* stdout for ourselves; whatever a driver prints goes to stderr. */
static FILE *
findings(void)
{
  int own = dup(STDOUT_FILENO);
  FILE *out = own >= 0 ? fdopen(own, "w") : NULL;
  fflush(stdout);
  if (out && dup2(STDERR_FILENO, STDOUT_FILENO) >= 0)
    return out;
  log_error("cannot arrange descriptors");
  return NULL;
}

static void
print_device(FILE *out, const struct chanas_device *d)
{
  static const struct { const char *key, *name, *unit; } ceiling[] = {
    {"measured.fma_gflops", "one thread", "GFLOP/s"},
    {"measured.fma_gflops_all", "all threads", "GFLOP/s"},
    {"measured.memory_gbs", "memory", "GB/s"},
  };
  const char *model = device_trait(d, "model");
  fprintf(out, "ok device %s%sfingerprint %s", model, *model ? ", " : "",
          d->fingerprint);
  for (size_t i = 0; i < sizeof ceiling / sizeof *ceiling; i++) {
    const char *value = device_trait(d, ceiling[i].key);
    if (*value)
      fprintf(out, ", %s %s %s", ceiling[i].name, value, ceiling[i].unit);
  }
  fprintf(out, "\n");
}

static int
find_device(const struct chanas_backend *b, const struct chanas_host *h,
            FILE *out)
{
  struct chanas_text text = {0};
  struct chanas_device *d = NULL;
  if (!CHANAS_HAS(b, describe)) {
    fprintf(out, "ok device none is needed: latencies come from elsewhere\n");
    return 0;
  }
  if (!b->probe(h) && !b->describe(h, &text, 1))
    d = device_parse(text_string(&text));
  if (d)
    print_device(out, d);
  device_free(d);
  text_free(&text);
  return d ? 0 : EXIT_UNAVAILABLE;
}

/* Its own findings, unless it has none or cannot tell. */
static void
ask_plugin(const struct chanas_backend *b, const struct chanas_host *h,
           FILE *out)
{
  struct chanas_text text = {0};
  if (CHANAS_HAS(b, diagnose) && !b->diagnose(h, &text)) {
    fputs(text_string(&text), out);
    if (text.size && text.data[text.size - 1] != '\n')
      fputc('\n', out);
  }
  fflush(out); /* what is known when a driver takes the process down */
  text_free(&text);
}

int
runner_diagnose(const char *backend)
{
  FILE *out = findings();
  const struct plugin *p = out ? registry_get(PLUGIN_BACKEND, backend) : NULL;
  struct host *h = p ? host_open(p, NULL, NULL, NULL, NULL) : NULL;
  int code = EXIT_UNAVAILABLE;
  if (h) {
    ask_plugin(&p->backend, host_services(h), out);
    code = find_device(&p->backend, host_services(h), out);
    host_close(h);
  }
  if (out && fclose(out))
    code = 1;
  registry_close();
  return code;
}
