/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What deploy() of a backend leaves must build with make alone, pass its own
 * check against the reference, run its bench, and fail the check when the
 * golden output is another.
 *
 *   check-deploy [BACKEND]    (default: x86)
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "device.h"
#include "file.h"
#include "host.h"
#include "mem.h"
#include "proc.h"
#include "reference.h"
#include "registry.h"
#include "rng.h"
#include "space.h"
#include "text.h"
#include "workload.h"

#define STEPS 4
#define TENSORS 5

/* A small net with a shared tensor, a sum, and a tensor that is all zero. */
static const char *const keys[STEPS] = {
  "f32/n1/i12x12x3/conv:k3,s2,p1,o16,hswish,b,x0",
  ("f32/n1/i6x6x16/conv:k1,s1,p0,o40,relu,b,x0/dw:k3,s1,p1,relu,b,x1/"
   "se:q8,x2/conv:k1,s1,p0,o16,none,b,x3"),
  "f32/n1/i6x6x16/conv:k1,s1,p0,o16,none,b,x0/acc",
  "f32/n1/i6x6x16/globalpool:x0/linear:o10,none,b,x1",
};
static const int source[STEPS] = { 0, 1, 4, 2 };
static const int target[STEPS] = { 1, 2, 2, 3 };

static int failures;

static void fail(const char *what, const char *fmt, ...)
  __attribute__((format(printf, 2, 3)));

static void
fail(const char *what, const char *fmt, ...)
{
  va_list args;

  printf("FAIL %s: ", what);
  va_start(args, fmt);
  vprintf(fmt, args);
  va_end(args);
  printf("\n");
  failures++;
}

struct net {
  struct chanas_workload *workload[STEPS];
  struct chanas_step step[STEPS];
  size_t elements[TENSORS];
  struct chanas_program program;
  char symbol[STEPS][16];
  float *weights;
  size_t floats;
};

static void
net_make(struct net *n)
{
  size_t at = 0;
  int i;

  for (i = 0; i < STEPS; i++) {
    n->workload[i] = workload_parse(keys[i]);
    if (!n->workload[i])
      exit(99);
    n->floats += n->workload[i]->weights;
  }
  n->weights = mem_array(float, n->floats);
  for (i = 0; i < STEPS; i++) {
    const struct chanas_workload *w = n->workload[i];
    snprintf(n->symbol[i], sizeof n->symbol[i], "step%d", i);
    reference_weights(w, (uint64_t)i + 1, n->weights + at);
    n->step[i] = (struct chanas_step){ w, n->symbol[i], n->weights + at,
                                       source[i], target[i] };
    n->elements[source[i]] = w->inputs;
    n->elements[target[i]] = w->outputs;
    at += w->weights;
  }
  n->program = (struct chanas_program){ STEPS, TENSORS, n->step, n->elements,
                                        3 };
}

static void
emit_all(const struct chanas_backend *b, void *self, const struct net *n,
         struct chanas_text *out)
{
  int i;

  for (i = 0; i < STEPS; i++) {
    struct chanas_space *space = space_new();
    int32_t *choice;
    if (b->space(self, n->workload[i], space))
      exit(99);
    choice = mem_array(int32_t, space->knobs);
    b->initial(self, n->workload[i], space, choice);
    if (b->emit(self, n->workload[i], (struct chanas_point){ space, choice },
                n->symbol[i], out))
      fail(keys[i], "emit failed");
    free(choice);
    space_free(space);
  }
}

static void
write_in(const char *folder, const char *name, const void *data, size_t size)
{
  char *path = file_join(folder, name);

  if (file_write(path, data, size))
    exit(99);
  free(path);
}

static void
write_golden(const char *folder, const struct net *n, float wrong)
{
  size_t in = n->elements[0], out = n->elements[3], i;
  float *data = mem_array(float, in + out);
  struct rng rng = rng_seed(7);

  for (i = 0; i < in; i++)
    data[i] = rng_float(&rng);
  reference_program(&n->program, data, data + in);
  data[in] += wrong;
  write_in(folder, "golden.bin", data, (in + out) * sizeof *data);
  free(data);
}

/* Run a program in the folder; its exit code, output appended to out. */
static int
command(const char *folder, const char *program, const char *a,
        const char *b, struct chanas_text *out)
{
  struct chanas_args args = { 0 };
  struct proc_limits limits = { .seconds = 100 };
  struct proc_result result;
  int code;

  args_add(&args, "env");
  args_add(&args, "-C");
  args_add(&args, folder);
  args_add(&args, program);
  if (a)
    args_add(&args, a);
  if (b)
    args_add(&args, b);
  proc_run(&args, NULL, NULL, 0, &limits, &result);
  code = result.end == PROC_EXITED ? result.code : -1;
  text_print(out, "%s%s", text_string(&result.out),
             text_string(&result.err));
  proc_result_free(&result);
  args_free(&args);
  return code;
}

static void
expect(const char *folder, const char *program, const char *a, const char *b,
       int code, const char *word)
{
  struct chanas_text out = { 0 };
  int got = command(folder, program, a, b, &out);

  if (got != code || !strstr(text_string(&out), word))
    fail(program, "exit code %d, wanted %d and \"%s\" in:\n%s", got,
               code, word, text_string(&out));
  text_free(&out);
}

static void
try_folder(const struct chanas_backend *b, void *self, const char *folder)
{
  struct net net = { 0 };
  struct chanas_files files = { 0 };
  char *kernels = mem_print("kernels%s", b->suffix);
  size_t i;

  net_make(&net);
  emit_all(b, self, &net, files_get(&files, kernels));
  if (b->deploy(self, &net.program, &files))
    fail("deploy", "it failed");
  for (i = 0; i < files.count; i++)
    write_in(folder, files.file[i]->name, files.file[i]->text.data,
             files.file[i]->text.size);
  write_in(folder, "weights.bin", net.weights,
           net.floats * sizeof *net.weights);
  write_golden(folder, &net, 0);
  unsetenv("MAKEFLAGS");
  expect(folder, "make", "CC=cc -Wall -Wextra -Werror", NULL, 0, "");
  expect(folder, "./check", NULL, NULL, 0, "passed");
  expect(folder, "./bench", "weights.bin", "5", 0, "median_ms");
  expect(folder, "make", "test", NULL, 0, "passed");
  write_golden(folder, &net, 1);
  expect(folder, "./check", NULL, NULL, 1, "FAILED");
  write_in(folder, "weights.bin", net.weights, 40);
  expect(folder, "./check", NULL, NULL, 1, "cannot read the weights");
  expect(folder, "rm", "-rf", folder, 0, "");
  files_free(&files);
  free(kernels);
  for (i = 0; i < STEPS; i++)
    workload_free(net.workload[i]);
  free(net.weights);
}

int
main(int argc, char **argv)
{
  const struct plugin *plugin = registry_get(PLUGIN_BACKEND,
                                             argc > 1 ? argv[1] : "x86");
  char folder[] = "/tmp/chanas-deploy-XXXXXX";
  struct rng rng = rng_seed(1);
  struct chanas_text text = { 0 };
  struct chanas_device *device;
  struct host *host;
  void *self;

  if (!plugin)
    return 77;
  host = host_open(plugin, NULL, NULL, NULL, &rng);
  if (!host)
    return 99;
  if (plugin->backend.probe(host_services(host)))
    return 77;
  if (plugin->backend.describe(host_services(host), &text, 0))
    return 99;
  device = device_parse(text_string(&text));
  device_set(device, "threads", "2");
  if (plugin->backend.open(host_services(host), device, &self)
      || !mkdtemp(folder))
    return 99;
  try_folder(&plugin->backend, self, folder);
  plugin->backend.close(self);
  device_free(device);
  text_free(&text);
  host_close(host);
  return failures > 0;
}
