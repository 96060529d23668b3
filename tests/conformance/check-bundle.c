/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many candidates in one text, of a backend whose text is its object: of four,
 * the second does not compile and the third ends the process.  Each is judged
 * by itself, and the others are right.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "device.h"
#include "file.h"
#include "host.h"
#include "measure.h"
#include "mem.h"
#include "outcome.h"
#include "registry.h"
#include "rng.h"
#include "space.h"
#include "text.h"
#include "workload.h"

#define COUNT 4
#define KEY "f32/n1/i6x6x7/conv:k1,s1,p0,o9,relu6,b,x0"

static const struct {
  const char *symbol, *first; /* first: of its kernel's statements */
  enum chanas_outcome outcome;
} tried[COUNT] = {
  { "good", "", CHANAS_MEASURED },
  { "broken", "nonsense", CHANAS_NOT_BUILT },
  { "fatal", "__builtin_trap();", CHANAS_CRASHED },
  { "last", "", CHANAS_MEASURED },
};

/* The default policy, with a statement before those of its kernels. */
static void
emit(const struct chanas_backend *b, void *self, size_t i,
     const struct chanas_workload *w, struct chanas_text *out)
{
  struct chanas_space *space = space_new();
  struct chanas_text text = { 0 };
  const char *from, *at;
  int32_t *choice;

  if (b->space(self, w, space))
    exit(99);
  choice = mem_array(int32_t, space->knobs);
  b->initial(self, w, space, choice);
  if (b->emit(self, w, (struct chanas_point){ space, choice },
              tried[i].symbol, &text))
    exit(99);
  from = text_string(&text);
  while ((at = strstr(from, ")\n{\n"))
         && strstr(from, "\nKERNEL(") && strstr(from, "\nKERNEL(") < at) {
    text_append(out, from, (size_t)(at + 4 - from));
    text_print(out, "%s\n", tried[i].first);
    from = at + 4;
  }
  text_print(out, "%s\n", from);
  text_free(&text);
  free(choice);
  space_free(space);
}

static int
judge(struct measure *m, const char *object, const struct chanas_workload *w)
{
  struct measure_candidate one[COUNT];
  struct measure_result result[COUNT];
  int wrong = 0;

  for (size_t i = 0; i < COUNT; i++)
    one[i] = (struct measure_candidate){ tried[i].symbol, w };
  for (size_t at = 0; at < COUNT;)
    at += measure_verify(m, object, COUNT - at, one + at, result + at);
  for (size_t i = 0; i < COUNT; i++) {
    printf("%s: %s %s\n", tried[i].symbol, outcome_name(result[i].outcome),
           result[i].detail);
    wrong |= result[i].outcome != tried[i].outcome;
  }
  return wrong;
}

int
main(int argc, char **argv)
{
  const struct plugin *p = registry_get(PLUGIN_BACKEND,
                                        argc > 1 ? argv[1] : "opencl");
  struct chanas_workload *w = workload_parse(KEY);
  struct rng rng = rng_seed(1);
  struct host *host = p ? host_open(p, NULL, NULL, NULL, &rng) : NULL;
  struct measure_config config = { .backend = p, .settings = "options=\n",
                                   .deadline = 100, .seed = 1, .threads = 1 };
  struct measure *m = host ? measure_open(&config) : NULL;
  struct chanas_device *device = m ? measure_describe(m, 0) : NULL;
  char object[] = "/tmp/chanas-bundle-XXXXXX";
  struct chanas_text text = { 0 };
  int wrong, file;
  void *self;

  if (device == NULL)
    return 77;
  device_set(device, "threads", "1");
  file = mkstemp(object);
  if (file < 0 || p->backend.open(host_services(host), device, &self))
    return 99;
  for (size_t i = 0; i < COUNT; i++)
    emit(&p->backend, self, i, w, &text);
  close(file);
  wrong = file_write(object, text.data, text.size) ? 99
                                                   : judge(m, object, w);
  unlink(object);
  p->backend.close(self);
  device_free(device);
  measure_close(m);
  host_close(host);
  text_free(&text);
  workload_free(w);
  registry_close();
  return wrong;
}
