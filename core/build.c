/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sources to objects.  Units that fail together are tried alone, so each gets
 * its own error.  An object that was once made from the same text, by the same
 * command and compiler, comes from the cache.
 */
#include "build.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "build_parts.h"
#include "file.h"
#include "log.h"
#include "mem.h"
#include "pool.h"
#include "proc.h"
#include "space.h"
#include "workload.h"

/* A small kernel that every backend can emit: the compiler is tried on it. */
#define TRIAL "f32/n1/i4x4x8/conv:k1,s1,p0,o8,none,b,x0"

struct build {
  const struct chanas_backend *backend;
  void *self;
  const char *name;
  int jobs;
  struct compiler compiler;
  struct folder folder;
  struct cache cache;
  atomic_uint count;
};

/* ---- one translation unit ---- */

static const char *
suffix_of(const struct build *b)
{
  return b->backend->suffix ? b->backend->suffix : ".c";
}

static int
get_command(struct build *b, const char *source, const char *object,
            struct chanas_args *out)
{
  if (!b->backend->command(b->self, source, object, out) && out->count)
    return 0;
  log_error("backend %s gives no compiler command", b->name);
  return -1;
}

/* All that decides what the object will be. */
static int
make_key(struct build *b, const struct chanas_text *source,
         struct chanas_text *key)
{
  struct chanas_args command = {0};
  int status = get_command(b, "SOURCE", "OBJECT", &command);
  text_print(key, "%s\n", b->compiler.version);
  for (size_t i = 0; i < b->compiler.words.count; i++)
    text_print(key, "%s\n", b->compiler.words.arg[i]);
  for (size_t i = 1; i < command.count; i++)
    text_print(key, "%s\n", command.arg[i]);
  text_append(key, "\n", 1);
  text_append(key, text_string(source), source->size);
  args_free(&command);
  return status;
}

/* Private, so there is no need to be atomic or synced. */
static int
write_source(const char *path, const struct chanas_text *text)
{
  int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  const char *from = text_string(text);
  size_t left = text->size;
  int bad = fd < 0;
  while (!bad && left) {
    ssize_t n = write(fd, from, left);
    bad = n <= 0;
    from += bad ? 0 : n;
    left -= bad ? 0 : (size_t)n;
  }
  return (fd >= 0 && close(fd)) || bad ? -1 : 0;
}

static char *
compile_file(struct build *b, const struct chanas_text *text,
             const char *source, const char *object)
{
  struct chanas_args command = {0};
  char *wrong;
  if (write_source(source, text))
    wrong = mem_print("cannot write the source below %s (is it full?)",
                      b->folder.path);
  else if (get_command(b, source, object, &command))
    wrong = mem_string("the backend gives no compiler command");
  else
    wrong = compiler_run(&b->compiler, &command, object, b->folder.path);
  args_free(&command);
  unlink(source);
  if (wrong)
    unlink(object);
  return wrong;
}

/* The text itself is the object of a backend without a compiler command. */
static char *
keep(struct build *b, const struct chanas_text *text, char **wrong)
{
  unsigned n = atomic_fetch_add(&b->count, 1);
  char *object = mem_print("%s/u%u%s", b->folder.path, n, suffix_of(b));
  *wrong = NULL;
  if (!write_source(object, text))
    return object;
  *wrong = mem_print("cannot write the source below %s (is it full?)",
                     b->folder.path);
  unlink(object);
  free(object);
  return NULL;
}

/* The object's path, or NULL and what was wrong; both to be freed. */
static char *
compile(struct build *b, const struct chanas_text *text, char **wrong)
{
  struct chanas_text key = {0};
  unsigned n = atomic_fetch_add(&b->count, 1);
  char *source = mem_print("%s/u%u%s", b->folder.path, n, suffix_of(b));
  char *object = mem_print("%s/u%u.so", b->folder.path, n);
  *wrong = NULL;
  if (make_key(b, text, &key))
    *wrong = mem_string("the backend gives no compiler command");
  else if (!cache_get(&b->cache, &key, object)) {
    *wrong = compile_file(b, text, source, object);
    if (!*wrong)
      cache_put(&b->cache, &key, object);
  }
  text_free(&key);
  free(source);
  if (!*wrong)
    return object;
  free(object);
  return NULL;
}

/* ---- units ---- */

struct batch {
  struct build *build;
  struct build_unit *unit;
  size_t *from; /* where the groups start, and where the last ends */
};

/* Compile units [from, from + n) as one; -1 if that fails. */
static int
compile_units(struct build *b, struct build_unit *unit, size_t n)
{
  struct chanas_text text = {0};
  char *wrong;
  for (size_t i = 0; i < n; i++) {
    text_append(&text, unit[i].source, strlen(unit[i].source));
    text_append(&text, "\n", 1);
  }
  char *object = CHANAS_HAS(b->backend, command)
                   ? compile(b, &text, &wrong) : keep(b, &text, &wrong);
  text_free(&text);
  for (size_t i = 0; object && i < n; i++)
    unit[i].object = mem_string(object);
  if (!object && n == 1)
    unit->error = mem_string(wrong);
  free(wrong);
  free(object);
  return unit->object ? 0 : -1;
}

static void
compile_group(void *arg, size_t group)
{
  struct batch *batch = arg;
  size_t n = batch->from[group + 1] - batch->from[group];
  struct build_unit *unit = batch->unit + batch->from[group];
  if (!proc_stopping() && !compile_units(batch->build, unit, n))
    return;
  for (size_t i = 0; i < n; i++)
    if (proc_stopping())
      unit[i].error = unit[i].error ? unit[i].error
                                    : mem_string("stopped by the user");
    else if (n > 1)
      compile_units(batch->build, unit + i, 1);
}

/* How many groups. */
static size_t
split(size_t n, const struct build_unit unit[], size_t each, size_t from[])
{
  size_t groups = 0;
  for (size_t i = 0; i < n; i++)
    if (!i || unit[i].with != unit[i - 1].with ||
        (!unit[i].with && i - from[groups - 1] == each))
      from[groups++] = i;
  from[groups] = n;
  return groups;
}

void
build_units(struct build *b, size_t n, struct build_unit unit[],
            size_t per_unit)
{
  size_t jobs = (size_t)b->jobs, share = (n + jobs - 1) / jobs;
  for (size_t i = 0; i < n; i++)
    unit[i].object = unit[i].error = NULL;
  if (!n)
    return;
  per_unit = per_unit < 1 ? 1 : per_unit;
  struct batch batch = {b, unit, mem_array(size_t, n + 1)};
  size_t groups = split(n, unit, per_unit < share ? per_unit : share,
                        batch.from);
  pool_run(b->jobs, groups, compile_group, &batch);
  free(batch.from);
}

void
build_units_free(size_t n, struct build_unit unit[])
{
  for (size_t i = 0; i < n; i++) {
    if (unit[i].object)
      unlink(unit[i].object); /* shared: already gone for the others */
    free(unit[i].object);
    free(unit[i].error);
    unit[i].object = unit[i].error = NULL;
  }
}

/* ---- opening ---- */

/* The backend's default policy of the trial workload, as source. */
static int
emit_trial(struct build *b, struct chanas_text *out)
{
  struct chanas_workload *w = workload_parse(TRIAL);
  struct chanas_space *space = space_new();
  int status = w ? b->backend->space(b->self, w, space) : -1;
  int32_t *choice = mem_array(int32_t, space->knobs + 1);
  struct chanas_point point = {space, choice};
  if (!status)
    status = b->backend->initial(b->self, w, space, choice);
  if (!status)
    status = b->backend->emit(b->self, w, point, "chanas_trial", out);
  if (status)
    log_error("backend %s cannot emit %s", b->name, TRIAL);
  free(choice);
  space_free(space);
  workload_free(w);
  return status;
}

static int
try_compiler(struct build *b)
{
  struct chanas_text text = {0};
  struct build_unit unit = {.symbol = "chanas_trial"};
  int status = emit_trial(b, &text);
  if (!status) {
    unit.source = text_string(&text);
    build_units(b, 1, &unit, 1);
    if (!unit.object)
      log_error("compiler '%s' (%s) cannot build a kernel of %s: %s",
                b->compiler.words.arg[0], b->compiler.version, b->name,
                unit.error);
    status = unit.object ? 0 : -1;
  }
  build_units_free(1, &unit);
  text_free(&text);
  return status;
}

/* -1, logged: none that works.  A backend without a command has none. */
static int
open_compiler(struct build *b, const char *compiler)
{
  struct chanas_args command = {0};
  if (!CHANAS_HAS(b->backend, command)) {
    b->compiler.version = mem_string("none");
    if (compiler && *compiler)
      log_error("[backend] compiler = %s: backend %s compiles where it runs; "
                "remove the line", compiler, b->name);
    return compiler && *compiler ? -1 : 0;
  }
  int bad = get_command(b, "SOURCE", "OBJECT", &command) ||
            compiler_open(&b->compiler, compiler, command.arg[0]);
  args_free(&command);
  return bad ? -1 : 0;
}

struct build *
build_open(const struct plugin *p, void *self, const char *compiler, int jobs)
{
  struct build *b = mem_new(struct build);
  b->backend = &p->backend;
  b->self = self;
  b->name = p->head.name;
  b->jobs = jobs > 0 ? jobs : 1;
  b->folder.lock = -1;
  int bad = open_compiler(b, compiler) || folder_open(&b->folder);
  if (!bad && !try_compiler(b)) { /* without the cache */
    cache_open(&b->cache);
    return b;
  }
  build_close(b);
  return NULL;
}

void
build_close(struct build *b)
{
  if (!b)
    return;
  cache_close(&b->cache);
  folder_close(&b->folder);
  compiler_close(&b->compiler);
  free(b);
}

const char *
build_compiler_version(struct build *b)
{
  return b->compiler.version;
}
