/* SPDX-License-Identifier: Apache-2.0 */
/* chanas table: list, export, verify, merge. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cmd.h"
#include "listing.h"
#include "log.h"
#include "mem.h"

static int
verify(struct table *table)
{
  if (table_verify(table) < 0)
    return -1;
  printf("sound\n");
  return 0;
}

int
cmd_table(const struct options *o)
{
  const char *verb = o->operand[0];
  int merge = strcmp(verb, "merge") == 0, code = EXIT_FAILED, status;
  char *path = o->table ? mem_string(o->table) : table_default_path();
  struct table *table;

  if (o->operands != 1 + merge) {
    log_error("usage: chanas table %s%s", verb, merge ? " FILE" : "");
    free(path);
    return EXIT_USAGE;
  }
  table = path ? table_open(path, !merge, &code) : NULL;
  free(path);
  if (table == NULL)
    return code;
  if (strcmp(verb, "list") == 0)
    status = listing_print(table, stdout, o->json);
  else if (strcmp(verb, "export") == 0)
    status = table_export_csv(table, o->output ? o->output : "-");
  else if (strcmp(verb, "verify") == 0)
    status = verify(table);
  else if (merge)
    status = table_merge(table, o->operand[1]);
  else {
    log_error("chanas table %s: list, export, verify or merge", verb);
    table_close(table);
    return EXIT_USAGE;
  }
  table_close(table);
  if (status < 0)
    return strcmp(verb, "list") == 0 || strcmp(verb, "export") == 0
           ? EXIT_FAILED : EXIT_CORRUPT;
  return EXIT_DONE;
}
