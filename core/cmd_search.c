/* SPDX-License-Identifier: Apache-2.0 */
/* chanas search: a new run, or an interrupted one carried on. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cmd.h"
#include "file.h"
#include "log.h"
#include "mem.h"
#include "proc.h"
#include "report.h"
#include "results.h"

/* -o, else [search] output, else runs/NAME of the INI file. */
static char *
output_folder(const struct options *o, const struct config *c)
{
  const char *name, *dot;

  if (o->output)
    return mem_string(o->output);
  if (*c->output)
    return mem_string(c->output);
  name = strrchr(o->operand[0], '/');
  name = name ? name + 1 : o->operand[0];
  dot = strrchr(name, '.');
  return mem_print("runs/%.*s", (int)(dot ? dot - name
                                          : (long)strlen(name)), name);
}

static char *
table_path(const struct options *o)
{
  char *path = o->table ? mem_string(o->table) : table_default_path();
  char *full = path ? realpath(path, NULL) : NULL;

  if (full == NULL)
    return path ? path : mem_string("");
  free(path);
  return full;
}

static void
print_results(const struct options *o, const struct search *r,
              const char *dir, const char *table)
{
  struct chanas_text report = { 0 };

  if (o->json) {
    json_t *all = results_front(r);
    json_object_set_new(all, "run", results_run(r, table));
    json_dumpf(all, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
    putchar('\n');
    json_decref(all);
    return;
  }
  report_search(r, &report);
  printf("%s\nResults in %s: front.csv, front.json, run.json, report.txt\n",
         text_string(&report), dir);
  text_free(&report);
}

static int
search(const struct options *o, struct session *s, const char *dir,
       const char *table)
{
  struct search r;
  int code = search_run(&r, s);

  if (r.interrupted) {
    log_warn("stopped; go on with: chanas search --resume %s", dir);
    code = 128 + proc_stop_signal();
  } else if (code == EXIT_DONE && results_write(&r, dir, table) < 0)
    code = EXIT_FAILED;
  if (code == EXIT_DONE)
    print_results(o, &r, dir, table);
  search_close(&r);
  return code;
}

static int
start(const struct options *o)
{
  struct config *config;
  struct session s;
  struct run_state state;
  char *dir, *table;
  int code = cmd_open(o, o->operand[0], &config, &s);

  if (code)
    return code;
  dir = output_folder(o, config);
  table = table_path(o);
  code = session_start_run(&s, 0);
  state = (struct run_state){ config_text(config),
                              realpath(config->folder, NULL), table, s.run };
  if (code == EXIT_DONE && run_state_write(dir, &state) < 0)
    code = EXIT_FAILED;
  if (code == EXIT_DONE)
    code = search(o, &s, dir, table);
  free(dir);
  run_state_free(&state);
  cmd_close(config, &s);
  return code;
}

static int
resume(const struct options *o)
{
  struct run_state state;
  struct config *config;
  struct session s;
  int code = EXIT_USAGE;

  if (o->sets || o->operands || o->table || o->output) {
    log_error("--resume takes the run as it was: no other options");
    return EXIT_USAGE;
  }
  if (run_state_read(o->resume, &state) < 0)
    return EXIT_CORRUPT;
  config = run_state_config(o->resume, &state);
  if (config)
    code = session_open(&s, config, *state.table ? state.table : NULL);
  if (code == EXIT_DONE) {
    code = session_start_run(&s, state.run);
    if (code == EXIT_DONE)
      code = search(o, &s, o->resume, state.table);
    session_close(&s);
  }
  config_free(config);
  run_state_free(&state);
  return code;
}

int
cmd_search(const struct options *o)
{
  if (o->resume)
    return resume(o);
  if (o->operands == 0) {
    log_error("usage: chanas search [OPTION]... FILE.ini");
    return EXIT_USAGE;
  }
  return start(o);
}
