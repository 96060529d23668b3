/* SPDX-License-Identifier: Apache-2.0 */
/* Building: which compiler, what it says, batches, the cache, the folder. */
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../unit/capture.h"
#include "bed.h"
#include "file.h"
#include "text.h"

static struct bed bed;
static char root[] = "/tmp/chanas-test-XXXXXX"; /* all that the test writes */
static struct chanas_workload *block;

static char *
below(const char *name)
{
  return file_join(root, name);
}

static void
remove_all(const char *path)
{
  char *command = mem_print("rm -rf '%s'", path);
  assert_int_equal(system(command), 0);
  free(command);
}

static size_t
count(const char *folder, const char *prefix)
{
  size_t n = 0;
  DIR *dir = opendir(folder);
  for (struct dirent *e; dir && (e = readdir(dir));)
    n += e->d_name[0] != '.' && !strncmp(e->d_name, prefix, strlen(prefix));
  if (dir)
    closedir(dir);
  return n;
}

/* A compiler that counts its calls with a source and then does `rest`. */
static char *
counting_compiler(const char *rest)
{
  char *path = below("compiler"), *calls = below("calls");
  FILE *f = fopen(path, "w");
  fprintf(f, "#!/bin/sh\ncase \"$*\" in *--version*) echo 'odd 1.2.3 x'; "
             "exit;; *-dumpmachine*) exit 1;; esac\necho >>%s\n%s\n", calls,
          rest);
  fclose(f);
  chmod(path, 0755);
  unlink(calls);
  free(calls);
  return path;
}

static size_t
calls(void)
{
  char *path = below("calls");
  struct stat s;
  size_t n = stat(path, &s) ? 0 : (size_t)s.st_size;
  free(path);
  return n;
}

static struct build *
open_with(const char *compiler)
{
  return build_open(bed.plugin, bed.self, compiler, 2);
}

static void
build(struct build *b, int misdeed, int tile, struct build_unit *u)
{
  char *source = bed_emit(&bed, block, misdeed, tile, "k");
  *u = (struct build_unit){.symbol = "k", .source = source};
  build_units(b, 1, u, 1);
  u->source = NULL;
  free(source);
}

/* ---- without a compiler ---- */

/* Each text is an object of its own, and it is no error that it is no C. */
static void
texts_are_objects(void **state)
{
  (void)state;
  struct plugin plugin = *bed.plugin;
  plugin.backend.command = NULL;
  struct build *b = build_open(&plugin, bed.self, "", 2);
  assert_non_null(b);
  assert_string_equal(build_compiler_version(b), "none");
  struct build_unit u[2] = {{.symbol = "a", .source = "one"},
                            {.symbol = "b", .source = "two"}};
  build_units(b, 2, u, 8);
  for (int i = 0; i < 2; i++) {
    struct chanas_text text = {0};
    assert_non_null(u[i].object);
    assert_int_equal(file_read(u[i].object, 100, &text), 0);
    assert_int_equal(strncmp(text_string(&text), u[i].source, 3), 0);
    assert_null(strstr(text_string(&text), i ? "one" : "two"));
    text_free(&text);
  }
  build_units_free(2, u);
  build_close(b);
  struct capture c;
  capture_begin(&c);
  b = build_open(&plugin, bed.self, "gcc", 2);
  assert_non_null(strstr(capture_end(&c), "remove the line"));
  assert_null(b);
}

/* ---- the compiler ---- */

static void
missing_compilers(void **state)
{
  static const struct { const char *command, *rest, *said; } row[] = {
    {"no-such-cc", NULL, "no-such-cc"}, {"'open", NULL, "open"},
    {"true", NULL, "left no object"}, {"false", NULL, "version"},
    {NULL, "echo 'x.c:1: error: no such luck' >&2; exit 1", "no such luck"},
    {NULL, "exit 0", "left no object"}, {NULL, "exit 7", "exit code 7"},
    {NULL, "kill -SEGV $$", "SIGSEGV"},
    {NULL, "echo one >&2; echo two >&2; exit 1", ": one"},
  };
  (void)state;
  for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
    char *made = row[i].rest ? counting_compiler(row[i].rest) : NULL;
    struct capture c;
    capture_begin(&c);
    struct build *b = open_with(made ? made : row[i].command);
    const char *said = capture_end(&c);
    if (b || !strstr(said, row[i].said))
      print_error("%s: %s\n", row[i].said, said);
    assert_null(b);
    assert_non_null(strstr(said, row[i].said));
    free(made);
  }
  assert_int_equal(count(root, "chanas-build-"), 0);
}

static void
whose_compiler(void **state)
{
  char *mine = counting_compiler("exec cc \"$@\"");
  struct build *b = open_with(NULL);
  (void)state;
  assert_non_null(b); /* the backend's own */
  assert_int_equal(calls(), 0);
  assert_non_null(strchr(build_compiler_version(b), ' '));
  build_close(b);
  b = open_with(mine);
  assert_non_null(b);
  assert_int_equal(calls(), 1);
  assert_string_equal(build_compiler_version(b), "compiler 1.2.3");
  build_close(b);
  setenv("CHANAS_CC", "no-such-cc -x", 1);
  struct capture c;
  capture_begin(&c);
  assert_null(open_with(mine));
  assert_non_null(strstr(capture_end(&c), "$CHANAS_CC"));
  char *quoted = mem_print("env A=b '%s'", mine);
  setenv("CHANAS_CC", quoted, 1);
  b = open_with("no-such-cc");
  assert_non_null(b);
  assert_int_equal(calls(), 2);
  build_close(b);
  unsetenv("CHANAS_CC");
  free(quoted);
  free(mine);
}

/* ---- units ---- */

static void
batches(void **state)
{
  struct build_unit u[7];
  char symbol[7][16], *source[7];
  (void)state;
  for (int i = 0; i < 7; i++) {
    snprintf(symbol[i], sizeof symbol[i], "k%d", i);
    source[i] = bed_emit(&bed, block, 0, i % 4, symbol[i]);
    u[i] = (struct build_unit){.symbol = symbol[i], .source = source[i]};
  }
  build_units(bed.build, 7, u, 3);
  assert_string_equal(u[0].object, u[2].object);
  assert_string_not_equal(u[2].object, u[3].object);
  for (int i = 0; i < 7; i++) {
    void *object = dlopen(u[i].object, RTLD_NOW | RTLD_LOCAL);
    assert_non_null(object);
    assert_non_null(dlsym(object, u[i].symbol));
    dlclose(object);
    free(source[i]);
  }
  char *path = mem_string(u[0].object);
  build_units_free(7, u);
  assert_int_not_equal(access(path, F_OK), 0);
  free(path);
  build_units(bed.build, 0, NULL, 8);
}

/* ---- the cache ---- */

static char *
cache_folder(void)
{
  return file_xdg_cache("objects");
}

/* Flip one byte of, or put `other` in place of, the only entry there. */
static void
damage_entries(long at)
{
  char *folder = cache_folder();
  DIR *dir = opendir(folder);
  for (struct dirent *e; (e = readdir(dir));) {
    char *path = file_join(folder, e->d_name);
    struct chanas_text t = {0};
    if (e->d_name[0] != '.' && !file_read(path, 1 << 26, &t)) {
      t.data[at < 0 ? (long)t.size + at : at] ^= 4;
      assert_int_equal(file_write(path, t.data, t.size), 0);
    }
    text_free(&t);
    free(path);
  }
  closedir(dir);
  free(folder);
}

static void
cache_saves_a_call(void **state)
{
  static const long at[] = {0, 9, 17, 25, 40, 400, -1};
  char *mine = counting_compiler("exec cc \"$@\""), *folder = cache_folder();
  struct build *b;
  struct build_unit u;
  (void)state;
  remove_all(folder);
  unsetenv("CHANAS_BUILD_CACHE");
  assert_non_null(b = open_with(mine));
  size_t before = calls();
  for (int i = 0; i < 3; i++) {
    build(b, 0, 1, &u);
    assert_non_null(u.object);
    void *object = dlopen(u.object, RTLD_NOW | RTLD_LOCAL);
    assert_true(object && dlsym(object, "k"));
    dlclose(object);
    build_units_free(1, &u);
  }
  assert_int_equal(calls(), before + 1);
  build(b, 0, 2, &u); /* other text */
  build_units_free(1, &u);
  assert_int_equal(calls(), before + 2);
  for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
    damage_entries(at[i]);
    build(b, 0, 1, &u);
    assert_non_null(u.object);
    build_units_free(1, &u);
    assert_int_equal(calls(), before + 3 + i);
  }
  build_close(b);
  free(mine);
  free(folder);
}

/* An entry of another key under this key's name is not taken. */
static void
cache_compares_keys(void **state)
{
  char *mine = counting_compiler("exec cc \"$@\""), *folder = cache_folder();
  struct build *b;
  struct build_unit u;
  (void)state;
  remove_all(folder);
  assert_non_null(b = open_with(mine));
  build(b, 0, 1, &u);
  build_units_free(1, &u);
  char *command = mem_print("cd '%s' && mv * other", folder);
  assert_int_equal(system(command), 0);
  build(b, 0, 2, &u);
  build_units_free(1, &u);
  size_t before = calls();
  free(command);
  command = mem_print("cd '%s' && for f in [0-9a-f]*; do cp other $f; done",
                      folder);
  assert_int_equal(system(command), 0);
  build(b, 0, 2, &u);
  assert_non_null(u.object);
  build_units_free(1, &u);
  assert_int_equal(calls(), before + 1);
  build_close(b);
  free(command);
  free(mine);
  free(folder);
}

static void
cache_off_full_or_open(void **state)
{
  char *mine = counting_compiler("exec cc \"$@\""), *folder = cache_folder();
  struct timespec old[2] = {{1, 0}, {1, 0}};
  struct build_unit u;
  struct capture c;
  (void)state;
  remove_all(folder);
  setenv("CHANAS_BUILD_CACHE", "0", 1);
  struct build *b = open_with(mine);
  build(b, 0, 1, &u);
  build_units_free(1, &u);
  build_close(b);
  assert_int_equal(count(folder, ""), 0);
  setenv("CHANAS_BUILD_CACHE", "1", 1); /* MiB */
  file_make_dirs(folder);
  chmod(folder, 0700);
  char *big = file_join(folder, "big"), *data = mem_alloc(2 << 20, 1);
  file_write(big, data, 2 << 20);
  utimensat(AT_FDCWD, big, old, 0);
  b = open_with(mine);
  for (int i = 0; i < 17; i++) { /* it is looked after now and then */
    char *source = mem_print("int k%d;", i);
    u = (struct build_unit){.symbol = "k", .source = source};
    if (i > 1 && access(big, F_OK))
      i = 17;
    build_units(b, 1, &u, 1);
    build_units_free(1, &u);
    free(source);
  }
  assert_int_not_equal(access(big, F_OK), 0);
  assert_true(count(folder, "") > 0);
  build_close(b);
  remove_all(folder);
  file_make_dirs(folder);
  chmod(folder, 0777); /* anybody could put objects there */
  capture_begin(&c);
  b = open_with(mine);
  assert_non_null(strstr(capture_end(&c), "not private"));
  build(b, 0, 1, &u);
  assert_non_null(u.object);
  build_units_free(1, &u);
  assert_int_equal(count(folder, ""), 0);
  build_close(b);
  remove_all(folder);
  unsetenv("CHANAS_BUILD_CACHE");
  free(data);
  free(big);
  free(mine);
  free(folder);
}

/* ---- the folder ---- */

static char *
leave_folder(const char *name, int old, int *lock)
{
  struct timespec then[2] = {{1, 0}, {1, 0}};
  char *folder = below(name), *file = file_join(folder, "lock");
  mkdir(folder, 0700);
  *lock = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (old)
    utimensat(AT_FDCWD, file, then, 0);
  free(file);
  return folder;
}

static void
folders_go(void **state)
{
  int fd[3];
  char *stale = leave_folder("chanas-build-aaaaaa", 1, &fd[0]);
  char *held = leave_folder("chanas-build-bbbbbb", 1, &fd[1]);
  char *young = leave_folder("chanas-build-cccccc", 0, &fd[2]);
  (void)state;
  flock(fd[1], LOCK_EX);
  struct build *b = open_with(NULL);
  assert_non_null(b);
  assert_int_not_equal(access(stale, F_OK), 0);
  assert_int_equal(access(held, F_OK), 0);
  assert_int_equal(access(young, F_OK), 0);
  size_t with = count(root, "chanas-build-");
  build_close(b);
  assert_int_equal(count(root, "chanas-build-"), with - 1);
  for (int i = 0; i < 3; i++)
    close(fd[i]);
  remove_all(held);
  remove_all(young);
  free(stale);
  free(held);
  free(young);
  setenv("TMPDIR", "/no/such/folder", 1);
  struct capture c;
  capture_begin(&c);
  assert_null(open_with(NULL));
  assert_non_null(strstr(capture_end(&c), "TMPDIR"));
  setenv("TMPDIR", root, 1);
}

static int
set_up(void **state)
{
  (void)state;
  if (!mkdtemp(root))
    return -1;
  setenv("TMPDIR", root, 1);
  char *cache = below("cache");
  setenv("XDG_CACHE_HOME", cache, 1);
  free(cache);
  unsetenv("CHANAS_CC");
  if (bed_open(&bed, 2))
    return -1;
  build_close(bed.build); /* its folder is counted below */
  bed.build = NULL;
  block = workload_parse(BED_BLOCK);
  return 0;
}

static int
open_bed(void **state)
{
  (void)state;
  return (bed.build = open_with(NULL)) ? 0 : -1;
}

static int
close_bed(void **state)
{
  (void)state;
  build_close(bed.build);
  bed.build = NULL;
  return 0;
}

static int
tear_down(void **state)
{
  (void)state;
  workload_free(block);
  bed_close(&bed);
  registry_close();
  remove_all(root);
  return 0;
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(texts_are_objects),
    cmocka_unit_test(missing_compilers),
    cmocka_unit_test(whose_compiler),
    cmocka_unit_test_setup_teardown(batches, open_bed, close_bed),
    cmocka_unit_test(cache_saves_a_call),
    cmocka_unit_test(cache_compares_keys),
    cmocka_unit_test(cache_off_full_or_open),
    cmocka_unit_test(folders_go),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
