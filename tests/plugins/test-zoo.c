/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The registry against a zoo of bad plugins: each is refused in one line of
 * its own that names the file and the remedy, and the process lives on.
 * $ZOO is the folder of the compiled ones; broken files are made here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <sys/stat.h>
#include "../unit/capture.h"
#include "file.h"
#include "mem.h"
#include "registry.h"

static char *zoo, *pen; /* compiled animals; files made by this test */

static const struct { const char *name, *reason; } animals[] = {
  { "noentry", "has no symbol 'chanas_plugin_entry'" },
  { "null", "returns NULL from chanas_plugin_entry()" },
  { "oldabi", "is built for plugin interface 0, this chanas has 1" },
  { "newabi", "is built for plugin interface 2, this chanas has 1" },
  { "nosize", "has struct_size 0; begin" },
  { "small", "has struct_size 16, too small for plugin interface 1" },
  { "misnamed", "calls itself 'another'; name the file chanas-another.so" },
  { "unnamed", "calls itself ''; name the file" },
  { "noversion", "has no version; set .version" },
  { "nosummary", "has no summary; set .summary" },
  { "nokind", "provides no kind of plugin; set .backend" },
  { "kindsize", "gives its strategy struct_size 0; set .struct_size" },
  { "noask", "is a strategy without the mandatory callback 'ask'" },
  { "notell", "is a strategy without the mandatory callback 'tell'" },
  { "noestimate", "an estimator without the mandatory callback 'estimate'" },
  { "cutkind", "an estimator without the mandatory callback 'close'" },
  { "nodescribe", "a backend without the mandatory callback 'describe'" },
  { "noopen", "is a backend without the mandatory callback 'open'" },
  { "badtype", "parameter 'other' has type 'float'; use int" },
  { "badrange", "parameter 'other' has range '9..1'; use LOW..HIGH" },
  { "badwords", "parameter 'other' has range 'yes|no'; use" },
  { "badfallback", "'other' has a bad fallback: it must be in 1..9, not 12" },
  { "badkey", "parameter key 'Other key' must be" },
  { "twice", "declares the parameter 'count' twice" },
  { "undefined", "needs the symbol 'chanas_zoo_nowhere', which nothing" },
  { "gone", "cannot be loaded: libchanas-zoo-gone.so" },
  /* made by make_pen() */
  { "text", "is not an ELF shared object" },
  { "cut", "is cut off; build or copy it again" },
  { "head", "is cut off; build or copy it again" },
  { "foreign", "is built for another machine (ELF machine 243, this one" },
  { "program", "is an ELF file but not a shared object" },
  { "open", "can be written by others (mode 757)" },
  { "shared", "can be written by others (mode 775)" },
  { "folder", "is not a regular file" },
  { "dangling", "cannot be read: No such file" },
};

#define ANIMALS (sizeof animals / sizeof *animals)

/* A file of the pen with what is left of the sound plugin after `change`. */
static void
put(const char *name, const char *data, size_t size, mode_t mode)
{
  char *path = mem_print("%s/chanas-%s.so", pen, name);

  assert_int_equal(file_write(path, data, size), 0);
  assert_int_equal(chmod(path, mode), 0);
  free(path);
}

static int
make_pen(void **state)
{
  struct chanas_text sound = { 0 };
  char *path = mem_print("%s/chanas-sound.so", zoo);

  (void)state;
  pen = mem_string("/tmp/chanas-zoo-XXXXXX");
  assert_non_null(mkdtemp(pen));
  assert_int_equal(file_read(path, 1 << 24, &sound), 0);
  free(path);
  put("text", "hello\n", 6, 0755);
  put("cut", sound.data, sound.size / 3, 0755);
  put("head", sound.data, 40, 0755);
  put("open", sound.data, sound.size, 0757);
  put("shared", sound.data, sound.size, 0775);
  sound.data[18] = (char)243; /* e_machine, RISC-V, in either byte order */
  sound.data[19] = 0;
  put("foreign", sound.data, sound.size, 0755);
  text_free(&sound);
  path = mem_print("%s/object.o", zoo);
  assert_int_equal(file_read(path, 1 << 24, &sound), 0);
  put("program", sound.data, sound.size, 0755);
  free(path);
  path = mem_print("%s/chanas-folder.so", pen);
  assert_int_equal(mkdir(path, 0755), 0);
  free(path);
  path = mem_print("%s/chanas-dangling.so", pen);
  assert_int_equal(symlink("nowhere", path), 0);
  free(path);
  text_free(&sound);
  return 0;
}

static int
remove_pen(void **state)
{
  char *command = mem_print("rm -rf '%s'", pen);
  int status = system(command);

  (void)state;
  free(command);
  free(pen);
  return status;
}

static void
open_zoo(void)
{
  registry_close(); /* of a test that failed */
  registry_path(zoo);
  registry_path(pen);
}

/* One line, of which the part after the path is the animal's own. */
static void
test_refused(void **state)
{
  char *said[ANIMALS];

  (void)state;
  open_zoo();
  for (size_t i = 0; i < ANIMALS; i++) {
    struct capture c;
    char *file = mem_print("/chanas-%s.so ", animals[i].name), *reason;
    capture_begin(&c);
    assert_null(registry_get(PLUGIN_STRATEGY, animals[i].name));
    capture_end(&c);
    reason = strstr(c.text, file);
    if (!reason || !strstr(reason, animals[i].reason) || !strchr(reason, ';')
        || strchr(c.text, '\n') != c.text + strlen(c.text) - 1)
      fail_msg("%s: %s", animals[i].name, c.text);
    said[i] = mem_string(reason + strlen(file));
    for (size_t j = 0; j < i; j++)
      if (strcmp(said[i], said[j]) == 0 &&
          strcmp(animals[i].name, "head") != 0)
        fail_msg("%s and %s: %s", animals[i].name, animals[j].name, said[i]);
    free(file);
  }
  for (size_t i = 0; i < ANIMALS; i++)
    free(said[i]);
  registry_close();
}

static void
test_sound(void **state)
{
  const struct plugin *plugin;

  (void)state;
  open_zoo();
  plugin = registry_get(PLUGIN_STRATEGY, "sound");
  assert_non_null(plugin);
  assert_string_equal(plugin->head.name, "sound");
  assert_non_null(plugin->strategy.ask);
  assert_int_equal(plugin->backend.struct_size, 0);
  assert_ptr_equal(registry_get(PLUGIN_ESTIMATOR, "sound"), plugin);
  plugin = registry_get(PLUGIN_STRATEGY, "grown");
  assert_non_null(plugin);
  assert_int_equal(plugin->head.struct_size, sizeof plugin->head);
  plugin = registry_get(PLUGIN_BACKEND, "tabular");
  assert_non_null(plugin);
  assert_non_null(plugin->backend.latency);
  registry_close();
}

struct census { size_t sound, bad, hidden; };

static void
take(void *arg, const char *path, const struct plugin *plugin,
     const char *reason)
{
  struct census *census = arg;

  assert_true((plugin == NULL) == (reason != NULL));
  assert_non_null(strstr(path, "/chanas-"));
  if (plugin)
    census->sound++;
  else if (strstr(reason, "comes first in the plugin path"))
    census->hidden++;
  else
    census->bad++;
}

static void
test_each(void **state)
{
  struct census census = { 0 };

  (void)state;
  open_zoo();
  registry_each(take, &census);
  assert_int_equal(census.sound, 3);
  assert_int_equal(census.bad, ANIMALS);
  assert_int_equal(census.hidden, 0);
  registry_close();
}

/* Of two files of one name the first counts, and that is said. */
static void
test_twice_in_path(void **state)
{
  struct census census = { 0 };
  struct chanas_text sound = { 0 };
  char *path = mem_print("%s/chanas-sound.so", zoo);
  const struct plugin *plugin;
  struct capture c;

  (void)state;
  assert_int_equal(file_read(path, 1 << 24, &sound), 0);
  free(path);
  put("sound", sound.data, sound.size, 0755);
  text_free(&sound);
  registry_close();
  registry_path(pen);
  registry_path(zoo);
  registry_path(pen); /* the same file again is nothing new */
  capture_begin(&c);
  plugin = registry_get(PLUGIN_STRATEGY, "sound");
  capture_end(&c);
  assert_non_null(plugin);
  assert_memory_equal(plugin->path, pen, strlen(pen));
  assert_non_null(strstr(c.text, "warning: "));
  assert_non_null(strstr(c.text, "/chanas-sound.so is not used: "));
  registry_each(take, &census);
  assert_int_equal(census.sound, 3);
  assert_int_equal(census.hidden, 1);
  registry_close();
  path = mem_print("%s/chanas-sound.so", pen);
  unlink(path);
  free(path);
}

static const struct { enum plugin_kind kind; const char *name, *what; }
absent[] = {
  { PLUGIN_STRATEGY, "soud", "no strategy plugin 'soud': no file "
    "chanas-soud.so in " },
  { PLUGIN_STRATEGY, "soud", "plugins of that kind: grown, sound; did you "
    "mean 'sound'?" },
  { PLUGIN_STRATEGY, "xyzzy", "install it or add its folder with "
    "--plugin-path" },
  { PLUGIN_BACKEND, "sound", "/chanas-sound.so provides no backend, only "
    "strategy and estimator; plugins of that kind: tabular" },
  { PLUGIN_BACKEND, "soundd", "plugins of that kind: tabular; install" },
  { PLUGIN_STRATEGY, "../sound", "give its name only" },
};

static void
test_absent(void **state)
{
  (void)state;
  open_zoo();
  for (size_t i = 0; i < sizeof absent / sizeof *absent; i++) {
    struct capture c;
    capture_begin(&c);
    assert_null(registry_get(absent[i].kind, absent[i].name));
    capture_end(&c);
    if (!strstr(c.text, absent[i].what) ||
        strchr(c.text, '\n') != c.text + strlen(c.text) - 1)
      fail_msg("%s: %s", absent[i].name, c.text);
  }
  registry_close();
}

static void
test_no_plugin(void **state)
{
  struct capture c;

  (void)state;
  registry_close();
  registry_path(pen);
  capture_begin(&c);
  assert_null(registry_get(PLUGIN_ESTIMATOR, "mlpp"));
  capture_end(&c);
  assert_non_null(strstr(c.text, "there is no estimator plugin at all"));
  registry_close();
  setenv("CHANAS_PLUGIN_PATH", zoo, 1);
  assert_non_null(registry_get(PLUGIN_ESTIMATOR, "sound"));
  registry_close();
  unsetenv("CHANAS_PLUGIN_PATH");
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_refused),
    cmocka_unit_test(test_sound),
    cmocka_unit_test(test_each),
    cmocka_unit_test(test_twice_in_path),
    cmocka_unit_test(test_absent),
    cmocka_unit_test(test_no_plugin),
  };
  const char *top = getenv("abs_top_builddir");
  int status;

  unsetenv("CHANAS_PLUGIN_PATH");
  zoo = mem_print("%s/tests/plugins/zoo", top ? top : ".");
  status = cmocka_run_group_tests(tests, make_pen, remove_pen);
  free(zoo);
  return status;
}
