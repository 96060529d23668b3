/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was found.  Each broken promise is told at once, with the command that
 * tries just it again; the sum comes at the end, as text or as JSON.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "check.h"
#include "mem.h"
#include "progress.h"

#define SHOWN 50       /* failures that are told in full as text */
#define ENOUGH 1000    /* random points before a share of legal ones counts */
#define LEAST_LEGAL 100 /* one in so many has to be */

/* ---- the command that repeats a failure ---- */

static void
word(struct chanas_text *out, const char *text)
{
  if (*text && !text[strspn(text, "abcdefghijklmnopqrstuvwxyz"
                            "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                            "-_./:,=+@%")]) {
    text_print(out, " %s", text);
    return;
  }
  text_print(out, " '");
  for (; *text; text++)
    if (*text == '\'')
      text_print(out, "'\\''");
    else
      text_append(out, text, 1);
  text_print(out, "'");
}

static void
option(struct chanas_text *out, const char *name, const char *value)
{
  if (!value)
    return;
  text_print(out, " %s", name);
  word(out, value);
}

static char *
command(const struct options *o, const struct target *t, const char *key,
        const char *policy)
{
  struct chanas_text out = { 0 };

  text_print(&out, "%s", o->program);
  word(&out, o->plugin);
  option(&out, "--plugin-path", o->plugin_path);
  for (size_t i = 0; i < o->set.count; i++)
    option(&out, "--set", o->set.arg[i]);
  option(&out, "--device", o->device);
  option(&out, "--runner", o->runner);
  option(&out, "--compiler", o->compiler);
  if (o->compile_only)
    text_print(&out, " --compile-only");
  text_print(&out, " --seed %llu", (unsigned long long)o->seed);
  if (t)
    text_print(&out, " --threads %d", t->threads);
  option(&out, "--key", key);
  option(&out, "--policy", policy);
  return out.data;
}

/* ---- failures ---- */

static void
tell(size_t count, const char *key, const char *policy, const char *what,
     const char *again)
{
  if (count > SHOWN)
    return;
  progress_clear();
  printf("FAIL %s%s%s%s%s\n", key ? key : "", key ? " " : "",
         policy ? policy : "", policy ? ": " : "", what);
  printf("  again: %s\n", again);
  if (count == SHOWN)
    printf("further failures are only counted; --json has all of them\n");
  fflush(stdout);
}

void
verdict_fail(struct check *c, const struct target *t, const char *key,
             const char *policy, const char *fmt, ...)
{
  int parses = key && strchr(key, '/'); /* a program has no key */
  struct chanas_text what = { 0 };
  char line[1500], *again;
  va_list list;

  va_start(list, fmt);
  vsnprintf(line, sizeof line, fmt, list);
  va_end(list);
  text_append(&what, line, strcspn(line, "\n"));
  again = command(c->options, t, parses ? key : NULL, policy);
  json_array_append_new(c->failures, json_pack(
    "{s:s?, s:s?, s:i, s:s, s:s}", "workload", key, "policy", policy,
    "threads", t ? t->threads : 0, "what", text_string(&what), "command",
    again));
  if (!c->options->json)
    tell(json_array_size(c->failures), key, policy, text_string(&what),
         again);
  free(again);
  text_free(&what);
}

/* ---- the sum ---- */

static void
check_share(struct check *c)
{
  if (c->drawn >= ENOUGH && c->legal * LEAST_LEGAL < c->drawn)
    verdict_fail(c, NULL, NULL, NULL, "only %zu of %zu random points are "
                 "legal; a search would spend itself on the others",
                 c->legal, c->drawn);
}

static json_t *
tallies(const struct tally *t, int n, const char *(*name)(int))
{
  json_t *all = json_object();

  for (int i = 0; i < n; i++)
    if (t[i].workloads)
      json_object_set_new(all, name(i), json_pack(
        "{s:I, s:I}", "workloads", (json_int_t)t[i].workloads, "candidates",
        (json_int_t)t[i].candidates));
  return all;
}

static void
print_json(const struct check *c, double seconds)
{
  const struct chanas_plugin *p = &c->plugin->head;
  json_t *sum = json_pack(
    "{s:s, s:s, s:s, s:I, s:o, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:O, s:f}",
    "plugin", p->name, "version", p->version, "device",
    c->device->fingerprint, "seed", (json_int_t)c->options->seed, "dtypes",
    tallies(c->dtype, CHECK_DTYPES, dtype_name), "kinds",
    tallies(c->kind, CHECK_KINDS, op_name), "workloads",
    (json_int_t)c->workloads, "candidates", (json_int_t)c->candidates,
    "built", (json_int_t)c->built, "run", (json_int_t)c->run, "points",
    (json_int_t)c->drawn, "legal", (json_int_t)c->legal, "failures",
    c->failures, "seconds", seconds);

  json_dumpf(sum, stdout, JSON_INDENT(2));
  putchar('\n');
  json_decref(sum);
}

static void
print_text(const struct check *c, double seconds)
{
  for (int i = 0; i < CHECK_DTYPES; i++)
    if (c->dtype[i].workloads)
      printf("%-10s %6zu workloads %8zu candidates\n", dtype_name(i),
             c->dtype[i].workloads, c->dtype[i].candidates);
  for (int i = 0; i < CHECK_KINDS; i++)
    if (c->kind[i].workloads)
      printf("  %-10s %4zu           %8zu\n", op_name(i),
             c->kind[i].workloads, c->kind[i].candidates);
  if (c->drawn)
    printf("%zu of %zu random points are legal\n", c->legal, c->drawn);
  printf("%s: %zu workloads, %zu candidates, %zu built, %zu run, "
         "%zu failures (%.1f s)\n", c->plugin->head.name, c->workloads,
         c->candidates, c->built, c->run, json_array_size(c->failures),
         seconds);
}

int
verdict_print(struct check *c, double seconds)
{
  check_share(c);
  if (c->options->json)
    print_json(c, seconds);
  else
    print_text(c, seconds);
  return json_array_size(c->failures) ? CHECK_BROKEN : CHECK_KEPT;
}
