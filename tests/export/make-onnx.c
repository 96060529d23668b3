/* SPDX-License-Identifier: Apache-2.0 */
/*
 * make-onnx DIR SPACE.ini SEED...: for each seed a random network of the
 * space (seed 0: its first one) with random weights as DIR/SEED/model.onnx,
 * and an input and the reference's output for it.
 */
#include <stdio.h>
#include <stdlib.h>
#include "export.h"
#include "file.h"
#include "mem.h"
#include "onnx.h"
#include "reference.h"
#include "rng.h"
#include "whole.h"

static int
put(const char *dir, const char *name, const float *v, size_t n)
{
  char *path = file_join(dir, name);
  int status = file_write(path, v, n * sizeof *v);

  free(path);
  return status;
}

/* The reference on a random input. */
static int
put_golden(struct family *family, const struct chanas_network *net,
           float **weights, struct rng *rng, const char *dir)
{
  struct chanas_program p =
    whole_program(&(struct session){ .family = family }, net);
  size_t in = p.elements[0], out = p.elements[p.output];
  float *x = mem_array(float, in), *y = mem_array(float, out);
  int status;

  for (size_t i = 0; i < net->blocks; i++)
    ((struct chanas_step *)p.step)[i].weights = weights[i];
  for (size_t i = 0; i < in; i++)
    x[i] = rng_float(rng);
  reference_program(&p, x, y);
  status = put(dir, "input", x, in) | put(dir, "output", y, out);
  free(x);
  free(y);
  whole_program_free(&p);
  return status;
}

static int
make(struct family *family, const char *dir, const char *seed)
{
  const struct chanas_space *space = family_space(family);
  struct rng rng = rng_seed(strtoull(seed, NULL, 10));
  int32_t *choice = mem_array(int32_t, space->knobs + 1);
  char *folder = file_join(dir, seed), *path = file_join(folder, "model.onnx");
  struct chanas_network *net;
  float **weights;
  int status;

  if (*seed != '0')
    space_random(space, &rng, choice);
  net = network_build(family, choice);
  weights = net ? export_parameters(net, NULL) : NULL;
  status = weights == NULL || file_make_dirs(folder) < 0 ||
           onnx_write(net, weights, NULL, path) < 0 ||
           put_golden(family, net, weights, &rng, folder) < 0;
  if (weights)
    export_parameters_free(weights, net);
  network_free(net);
  free(path);
  free(folder);
  free(choice);
  return status;
}

int
main(int argc, char **argv)
{
  struct family *family = argc > 3 ? family_read(argv[2]) : NULL;
  int status = family == NULL;

  for (int i = 3; i < argc && status == 0; i++)
    status = make(family, argv[1], argv[i]);
  family_free(family);
  return status;
}
