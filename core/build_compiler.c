/* SPDX-License-Identifier: Apache-2.0 */
/* The run-time compiler: which, what version, and running it. */
#include <ctype.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "build_parts.h"
#include "log.h"
#include "mem.h"
#include "proc.h"

#define DEADLINE 60.0
#define MEMORY ((uint64_t)4 << 30)
#define OBJECT_LIMIT ((uint64_t)256 << 20)

/* What it prints on `option`; empty if it fails. */
static struct chanas_text
ask(const struct chanas_args *words, const char *option)
{
  struct proc_limits limits = {.seconds = DEADLINE};
  struct chanas_args args = {0};
  struct chanas_text out = {0};
  struct proc_result r;
  for (size_t i = 0; i < words->count; i++)
    args_add(&args, words->arg[i]);
  args_add(&args, option);
  proc_run(&args, NULL, NULL, 0, &limits, &r);
  if (r.end == PROC_EXITED && r.code == 0)
    text_append(&out, r.out.data, r.out.size);
  proc_result_free(&r);
  args_free(&args);
  return out;
}

/* The first word that is a version number, "12.2.0" of "(Debian 12.2.0-14)";
 * words come before it, and not "(Debian". */
static char *
version_number(const char *text)
{
  for (const char *p = text; *p; p++) {
    size_t n = strspn(p, "0123456789.");
    int starts = p == text || isspace((unsigned char)p[-1]);
    if (starts && isdigit((unsigned char)*p) && memchr(p, '.', n))
      return mem_print("%.*s", (int)n, p);
  }
  return NULL;
}

/* cc, gcc and ccache gcc are one compiler, and so are those of clang. */
static const char *
family(const char *text, const struct chanas_args *words)
{
  const char *last = words->arg[words->count - 1], *slash = strrchr(last, '/');
  if (strstr(text, "clang"))
    return "clang";
  if (strstr(text, "Free Software Foundation"))
    return "gcc";
  return slash ? slash + 1 : last;
}

static char *
version(const struct chanas_args *words)
{
  struct chanas_text text = ask(words, "--version");
  struct chanas_text target = ask(words, "-dumpmachine");
  char *number = version_number(text_string(&text)), *result = NULL;
  const char *machine = text_string(&target);
  if (number)
    result = mem_print("%s %s%s%.*s", family(text.data, words), number,
                       *machine ? " " : "", (int)strcspn(machine, "\n"),
                       machine);
  free(number);
  text_free(&text);
  text_free(&target);
  return result;
}

int
compiler_open(struct compiler *c, const char *configured, const char *fallback)
{
  const char *set = getenv("CHANAS_CC");
  const char *from = set && *set ? "$CHANAS_CC"
                     : configured && *configured ? "compiler of [backend]"
                                                 : "the backend's default";
  const char *name = set && *set ? set
                     : configured && *configured ? configured : fallback;
  *c = (struct compiler){0};
  if (proc_words(name, &c->words) || !c->words.count) {
    log_error("compiler '%s' (%s): no command", name, from);
    return -1;
  }
  char *path = proc_find(c->words.arg[0]);
  if (!path)
    log_error("compiler '%s' (%s) is not in PATH; install one (Debian: apt "
              "install gcc libc6-dev) or set $CHANAS_CC", name, from);
  else if (!(c->version = version(&c->words)))
    log_error("compiler '%s' (%s): '%s --version' does not tell a version",
              name, from, name);
  free(path);
  return c->version ? 0 : -1;
}

void
compiler_close(struct compiler *c)
{
  args_free(&c->words);
  free(c->version);
  *c = (struct compiler){0};
}

/* ---- running ---- */

/* The first line that holds one of these, else the first that says anything;
 * a linker's complaint comes before the "error" that only sums it up. */
static const char *
find_complaint(const char *text)
{
  static const char *const sign[] = {"undefined reference", "error", "Error"};
  for (size_t i = 0; i < sizeof sign / sizeof *sign; i++) {
    const char *p = strstr(text, sign[i]);
    while (p && p > text && p[-1] != '\n')
      p--;
    if (p)
      return p;
  }
  return text + strspn(text, " \t\n");
}

/* One line of it, without the folder's name. */
static char *
complaint(const char *text, const char *folder)
{
  const char *line = find_complaint(text);
  struct chanas_text out = {0};
  size_t n = strcspn(line, "\n"), skip = strlen(folder);
  text_append(&out, "", 0);
  for (size_t i = 0; i < n && out.size < 400;) {
    if (skip && n - i > skip && !memcmp(line + i, folder, skip)) {
      i += skip + (line[i + skip] == '/');
      continue;
    }
    text_append(&out, line + i++, 1);
  }
  return out.data;
}

static char *
judge(const struct proc_result *r, const char *object, const char *folder)
{
  struct stat s;
  if (r->end == PROC_DEADLINE)
    return mem_print("the compiler was stopped after %.0f s", DEADLINE);
  if (r->end == PROC_STOPPED)
    return mem_string("stopped by the user");
  if (r->end == PROC_NOT_STARTED)
    return mem_string(text_string(&r->err));
  if (r->end == PROC_SIGNALLED)
    return mem_print("the compiler died of SIG%s", sigabbrev_np(r->code));
  if (r->code == 0 && !stat(object, &s) && s.st_size > 0)
    return NULL;
  if (r->code == 0)
    return mem_string("the compiler reported success but left no object");
  char *said = complaint(text_string(&r->err), folder);
  if (*said)
    return said;
  free(said);
  return mem_print("the compiler ended with exit code %d", r->code);
}

char *
compiler_run(const struct compiler *c, const struct chanas_args *command,
             const char *object, const char *folder)
{
  struct proc_limits limits = {.seconds = DEADLINE, .memory = MEMORY,
                               .file_size = OBJECT_LIMIT};
  struct chanas_args args = {0};
  struct proc_result r;
  char *temporary = mem_print("TMPDIR=%s", folder);
  const char *const env[] = {"LC_ALL=C", temporary, NULL};
  for (size_t i = 0; i < c->words.count; i++)
    args_add(&args, c->words.arg[i]);
  for (size_t i = 1; i < command->count; i++)
    args_add(&args, command->arg[i]);
  proc_run(&args, env, NULL, 0, &limits, &r);
  char *wrong = judge(&r, object, folder);
  proc_result_free(&r);
  args_free(&args);
  free(temporary);
  return wrong;
}
