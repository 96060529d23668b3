/* SPDX-License-Identifier: Apache-2.0 */
/* chanas table: list, export, verify, merge. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cmd.h"
#include "log.h"
#include "mem.h"

static int
print_line(void *arg, const char *const column[], const char *const value[],
           int n)
{
  int *header = arg;

  for (int i = 0; *header && i < n; i++)
    printf("%s%s", i ? "\t" : "", column[i]);
  if (*header)
    printf("\n");
  *header = 0;
  for (int i = 0; i < n; i++)
    printf("%s%s", i ? "\t" : "", value[i] ? value[i] : "");
  printf("\n");
  return 0;
}

static int
add_json(void *arg, const char *const column[], const char *const value[],
         int n)
{
  json_t *row = json_object();

  for (int i = 0; i < n; i++)
    json_object_set_new(row, column[i], value[i] ? json_string(value[i])
                                                 : json_null());
  json_array_append_new(arg, row);
  return 0;
}

static int
list(const struct options *o, struct table *table)
{
  int header = 1, status;
  json_t *rows;

  if (!o->json)
    return table_list(table, print_line, &header);
  rows = json_array();
  status = table_list(table, add_json, rows);
  if (status == 0) {
    json_dumpf(rows, stdout, JSON_INDENT(2));
    putchar('\n');
  }
  json_decref(rows);
  return status;
}

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
    status = list(o, table);
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
