/* SPDX-License-Identifier: Apache-2.0 */
/* chanas export: one member of a front as stand-alone source, as ONNX. */
#include <stdio.h>
#include <stdlib.h>
#include "cmd.h"
#include "export.h"
#include "mem.h"

static void
tell(const struct options *o, const char *dir)
{
  if (dir)
    printf("Exported to %s; 'make -C %s all test' builds it and compares it "
           "with\ngolden outputs.\n", dir, dir);
  if (dir && o->weights)
    printf("'%s/classify -w %s/weights.bin FILE' classifies images.\n", dir,
           dir);
  if (o->onnx)
    printf("ONNX model: %s; its input is NHWC.\n", o->onnx);
  if (o->weights == NULL)
    printf("Its weights are random: the search knew the network's accuracy, "
           "not\nits parameters; give --weights FILE.\n");
}

/* A folder unless only the ONNX model is asked for. */
int
cmd_export(const struct options *o)
{
  char *dir = o->output ? mem_string(o->output)
              : o->onnx ? NULL
              : mem_print("%s/rank%ld", o->operand[0], o->rank);
  struct export_request request = {
    .run = o->operand[0], .rank = o->rank, .dir = dir, .onnx = o->onnx,
    .weights = o->weights,
  };
  int code = export_network(&request);

  if (code == EXIT_DONE)
    tell(o, dir);
  free(dir);
  return code;
}
