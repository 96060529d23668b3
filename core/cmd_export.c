/* SPDX-License-Identifier: Apache-2.0 */
/* chanas export: one member of a front as stand-alone source. */
#include <stdio.h>
#include <stdlib.h>
#include "cmd.h"
#include "export.h"
#include "mem.h"

int
cmd_export(const struct options *o)
{
  char *dir = o->output ? mem_string(o->output)
                        : mem_print("%s/rank%ld", o->operand[0], o->rank);
  int code = export_network(o->operand[0], o->rank, dir);

  if (code == EXIT_DONE)
    printf("Exported to %s; 'make -C %s test' builds it and compares it with "
           "golden\noutputs.  Its weights are random: the search knew the "
           "network's accuracy, not\nits parameters.\n", dir, dir);
  free(dir);
  return code;
}
