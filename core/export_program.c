/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The folder of an exported network.  The backend writes what is around its
 * kernels (struct chanas_backend, deploy); what is the same for all backends
 * is added here.  weights.bin has the parameters as kernels pack them; the
 * golden output is the reference's.
 */
#include <stdlib.h>
#include <string.h>
#include "export.h"
#include "file.h"
#include "log.h"
#include "mem.h"
#include "reference.h"
#include "weights.h"
#include "whole.h"

static const struct chanas_workload *
workload_of(const struct chanas_network *net, size_t b)
{
  return family_workloads((struct family *)net->family)
    ->item[net->block[b].workload];
}

void
export_parameters_free(float **parameters, const struct chanas_network *net)
{
  for (size_t b = 0; b < net->blocks; b++)
    free(parameters[b]);
  free(parameters);
}

float **
export_parameters(const struct chanas_network *net, const struct weights *w)
{
  float **out = mem_array(float *, net->blocks + 1);

  for (size_t b = 0; b < net->blocks; b++) {
    const struct chanas_workload *load = workload_of(net, b);
    out[b] = mem_array(float, load->weights + 1);
    if (w == NULL)
      reference_weights(load, b + 1, out[b]);
    else if (weights_fill(w, b, load, out[b]) < 0) {
      export_parameters_free(out, net);
      return NULL;
    }
  }
  return out;
}

static void
add_weights(const struct chanas_program *p, struct chanas_text *out)
{
  for (size_t i = 0; i < p->steps; i++)
    text_append(out, p->step[i].weights,
                p->step[i].workload->weights * sizeof(float));
}

/* Random parameters have no ranges for dtype I8 yet: the golden input also
 * calibrates. */
static void
add_golden(struct chanas_program *p, float **parameters, int calibrate,
           struct chanas_text *out)
{
  struct chanas_step *step = (struct chanas_step *)p->step;
  size_t in = p->elements[0], result = p->elements[p->output];
  float *x = mem_array(float, in), *y = mem_array(float, result);
  struct rng rng = rng_seed(1);

  for (size_t i = 0; i < in; i++)
    x[i] = rng_float(&rng);
  for (size_t i = 0; i < p->steps; i++)
    step[i].weights = parameters[i];
  reference_calibrate(p, calibrate ? parameters : NULL, x, y);
  text_append(out, x, in * sizeof *x);
  text_append(out, y, result * sizeof *y);
  free(x);
  free(y);
}

static int
write_files(const char *dir, const struct chanas_files *files)
{
  int status = file_make_dirs(dir);

  for (size_t i = 0; i < files->count && status == 0; i++) {
    char *path = file_join(dir, files->file[i]->name);
    status = file_write(path, text_string(&files->file[i]->text),
                        files->file[i]->text.size);
    free(path);
  }
  return status;
}

int
export_program(struct session *s, const struct chanas_network *net,
               char **policy, float **parameters, const struct weights *w,
               const char *dir)
{
  struct chanas_program program = whole_program(s, net);
  struct chanas_files files = { 0 };
  char *name = mem_print("kernels%s", s->backend->backend.suffix);
  int code = EXIT_FAILED;

  if (!CHANAS_HAS(&s->backend->backend, deploy)) {
    log_error("backend %s cannot export", s->backend->head.name);
    code = EXIT_UNAVAILABLE;
  } else if (whole_emit(s, net, policy, files_get(&files, name)) == 0) {
    add_golden(&program, parameters, w == NULL,
               files_get(&files, "golden.bin"));
    add_weights(&program, files_get(&files, "weights.bin"));
    if (s->backend->backend.deploy(s->self, &program, &files) == 0) {
      export_programs(&program, w, &files);
      code = write_files(dir, &files) == 0 ? EXIT_DONE : EXIT_FAILED;
    }
  }
  whole_program_free(&program);
  files_free(&files);
  free(name);
  return code;
}
