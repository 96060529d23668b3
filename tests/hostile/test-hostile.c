/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every misdeed ends in its own outcome, in time, and leaves no process; none
 * that gives a wrong result ever counts; and the next candidate is measured
 * as if nothing had been.
 */
#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "bed.h"
#include "outcome.h"
#include "proc.h"

#define SHORT 1.0    /* deadline of those that never end */
#define LONG 60.0    /* deadline that no other reaches */
#define OVERRUN 15.0 /* that a loaded machine may take to notice */

#define CHANAS_OK CHANAS_MEASURED
static const struct row {
  const char *name, *detail;
  enum chanas_outcome outcome;
} row[] = {
#define MISDEED(name, outcome, detail, before, in, after) \
  { #name, detail, CHANAS_##outcome },
#include "misdeeds.h"
#undef MISDEED
};
#define ROWS (sizeof row / sizeof *row)

static struct bed bed;
static char *far; /* command of a runner that serves; NULL: measure here */

/* A runner of ours that serves is none. */
static int
serves(const char *pid)
{
  char path[300], text[4096] = "";
  int parent = 0;
  snprintf(path, sizeof path, "/proc/%s/stat", pid);
  FILE *f = fopen(path, "r");
  size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;
  if (f)
    fclose(f);
  text[n] = '\0';
  char *behind = strrchr(text, ')');
  return behind && sscanf(behind + 1, " %*c %d", &parent) == 1 &&
         parent == (int)getpid() && !strncmp(text + strcspn(text, "("),
                                             "(chanas-runner)", 15);
}

/* How many processes anywhere carry a job's mark of ours. */
static int
strays(void)
{
  char mark[40];
  int found = 0, length = snprintf(mark, sizeof mark, "CHANAS_JOB=%d.",
                                   (int)getpid());
  DIR *proc = opendir("/proc");
  for (struct dirent *e; (e = readdir(proc));) {
    char path[300], text[65536];
    snprintf(path, sizeof path, "/proc/%s/environ", e->d_name);
    FILE *f = atoi(e->d_name) > 0 ? fopen(path, "r") : NULL;
    size_t n = f ? fread(text, 1, sizeof text, f) : 0;
    found += n && memmem(text, n, mark, (size_t)length) &&
             !(far && serves(e->d_name));
    if (f)
      fclose(f);
  }
  closedir(proc);
  return found;
}

static void
judge(const struct row *r, const struct measure_result *got, double seconds)
{
  if (got->outcome != r->outcome || !strstr(got->detail, r->detail))
    print_error("%s: %s, '%s'\n", r->name, outcome_name(got->outcome),
                got->detail);
  assert_int_equal(got->outcome, r->outcome);
  assert_non_null(strstr(got->detail, r->detail));
  assert_true((got->outcome == CHANAS_MEASURED) == (got->latency > 0));
  assert_true(got->outcome != CHANAS_MEASURED || got->difference < 1e-4);
  assert_true(seconds < LONG + OVERRUN);
  assert_true(r->outcome != CHANAS_TIMED_OUT || seconds < SHORT + OVERRUN);
  assert_int_equal(strays(), 0);
  pid_t left = waitpid(-1, NULL, WNOHANG);
  assert_true(far ? left == 0 : left == -1 && errno == ECHILD);
}

static struct measure_result
measure_one(struct measure *m, const struct chanas_workload *w, int misdeed)
{
  char *source = bed_emit(&bed, w, misdeed, 0, "k");
  struct build_unit unit = {.symbol = "k", .source = source};
  struct measure_result result = {.outcome = CHANAS_NOT_BUILT};
  build_units(bed.build, 1, &unit, 1);
  if (unit.object)
    measure_workload(m, unit.object, "k", w, 1, &result);
  else
    snprintf(result.detail, sizeof result.detail, "%s", unit.error);
  build_units_free(1, &unit);
  free(source);
  return result;
}

static struct measure *
open_measure(double deadline)
{
  struct measure_config config = bed_config(&bed);
  config.deadline = deadline;
  config.runner = far;
  config.memory = (uint64_t)256 << 20;
  struct measure *m = measure_open(&config);
  assert_non_null(m);
  return m;
}

static void
every_misdeed(void **state)
{
  struct measure *brief = open_measure(SHORT), *patient = open_measure(LONG);
  struct chanas_workload *w = workload_parse(BED_BLOCK);
  (void)state;
  for (size_t i = 0; i < ROWS; i++) {
    if (BED_SANITIZED && !strcmp(row[i].name, "eats_memory"))
      continue;
    double start = proc_now();
    struct measure_result r = measure_one(
      row[i].outcome == CHANAS_TIMED_OUT ? brief : patient, w, (int)i);
    judge(&row[i], &r, proc_now() - start);
  }
  struct measure_result r = measure_one(patient, w, 0);
  judge(&row[0], &r, 0);
  measure_close(brief);
  measure_close(patient);
  workload_free(w);
}

static void
every_misdeed_far(void **state)
{
  char *folders = registry_folders();
  far = mem_print("%s --plugin-path %s", getenv("CHANAS_RUNNER"), folders);
  every_misdeed(state);
  free(far);
  free(folders);
  far = NULL;
}

/* One bad source among good ones costs only itself. */
static void
one_bad_among_good(const char *name, const char *said)
{
  struct chanas_workload *w = workload_parse(BED_BLOCK);
  struct build_unit unit[4];
  char symbol[4][16], *source[4];
  size_t bad = 0;
  while (strcmp(row[bad].name, name))
    bad++;
  for (int i = 0; i < 4; i++) {
    snprintf(symbol[i], sizeof symbol[i], "k%d", i);
    source[i] = bed_emit(&bed, w, i == 2 ? (int)bad : 0, i, symbol[i]);
    unit[i] = (struct build_unit){.symbol = symbol[i], .source = source[i]};
  }
  build_units(bed.build, 4, unit, 4);
  for (int i = 0; i < 4; i++) {
    assert_true((unit[i].object != NULL) == (i != 2));
    assert_true((unit[i].error != NULL) == (i == 2));
  }
  assert_non_null(strstr(unit[2].error, said));
  assert_null(strstr(unit[2].error, "chanas-build-"));
  build_units_free(4, unit);
  for (int i = 0; i < 4; i++)
    free(source[i]);
  workload_free(w);
}

static void
bad_source_among_good(void **state)
{
  (void)state;
  one_bad_among_good("no_source", "this cannot be compiled");
  one_bad_among_good("no_function", "missing_function");
}

static int
set_up(void **state)
{
  (void)state;
  return bed_open(&bed, 2);
}

static int
tear_down(void **state)
{
  (void)state;
  bed_close(&bed);
  registry_close();
  return 0;
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(every_misdeed),
    cmocka_unit_test(every_misdeed_far),
    cmocka_unit_test(bad_source_among_good),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
