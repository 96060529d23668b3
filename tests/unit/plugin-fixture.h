/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One plugin instance as the core makes it: found by the registry, its
 * section checked by the host.  Only what the host says of networks is
 * replaced, so that a test can make them up: a choice of fixture_space, a
 * code, MACs and parameters.
 */
#ifndef TESTS_PLUGIN_FIXTURE_H
#define TESTS_PLUGIN_FIXTURE_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <zlib.h>
#include "capture.h"
#include "file.h"
#include "host.h"
#include "ini.h"
#include "mem.h"
#include "network.h"
#include "registry.h"
#include "space.h"

struct fixture {
  struct ini *ini;
  struct host *host;
  struct chanas_host services;
  const struct plugin *plugin;
  void *self;
  struct capture capture;
  char log[sizeof ((struct capture *)0)->text];
};

static struct chanas_space *fixture_space;
static char fixture_folder[64];

static inline struct chanas_point
fixture_origin(const struct chanas_network *net)
{
  return (struct chanas_point){ fixture_space, net->choice };
}

static inline const char *
fixture_code(const struct chanas_network *net)
{
  return net->code;
}

static inline double
fixture_macs(const struct chanas_network *net)
{
  return net->macs;
}

static inline double
fixture_params(const struct chanas_network *net)
{
  return net->params;
}

/* Was this plugin built?  Tests of one that was left out skip. */
static inline int
fixture_have(const char *name)
{
  const char *folder = getenv("CHANAS_PLUGIN_PATH");
  char *path = mem_print("%s/chanas-%s.so", folder ? folder : ".", name);
  int there = access(path, R_OK) == 0;

  free(path);
  return there;
}

/* Path of a data table; NULL if this machine has none. */
static inline const char *
fixture_data(const char *name)
{
  static char path[512];
  const char *folder = getenv("CHANAS_DATA");

  snprintf(path, sizeof path, "%s/%s", folder ? folder : "", name);
  return folder && access(path, R_OK) == 0 ? path : NULL;
}

/* A family that comes with the package, as the fixture's space. */
static inline struct family *
fixture_family(const char *space)
{
  char *path = file_find_etc(NULL, space);
  struct family *family = path ? family_read(path) : NULL;

  assert_non_null(family);
  free(path);
  space_free(fixture_space);
  fixture_space = (struct chanas_space *)family_space(family);
  return family;
}

static inline struct chanas_network *
fixture_network(struct family *family, const char *code)
{
  int32_t *choice = mem_array(int32_t, fixture_space->knobs);
  struct chanas_network *net;

  assert_int_equal(network_parse_code(family, code, choice), 0);
  net = network_build(family, choice);
  assert_non_null(net);
  free(choice);
  return net;
}

/* The instance of `settings`, lines "key = value\n"; -1 if host or plugin
 * refuse it.  What was logged until then is in f->log. */
static inline int
fixture_open(struct fixture *f, enum plugin_kind kind, const char *name,
             const char *settings)
{
  static const char *const core_keys[] = { "plugin", NULL };
  char *text = mem_print("[it]\nplugin = %s\n%s", name, settings);
  struct rng stream = rng_seed(1);
  int status = -1;

  memset(f, 0, sizeof *f);
  f->ini = ini_parse_text("it.ini", text);
  free(text);
  assert_non_null(f->ini);
  f->plugin = registry_get(kind, name);
  assert_non_null(f->plugin);
  capture_begin(&f->capture);
  f->host = host_open(f->plugin, f->ini, ini_find(f->ini, "it"), core_keys,
                      &stream);
  if (f->host) {
    f->services = *host_services(f->host);
    f->services.origin = fixture_origin;
    f->services.code = fixture_code;
    f->services.macs = fixture_macs;
    f->services.params = fixture_params;
    status = kind == PLUGIN_ESTIMATOR ?
      f->plugin->estimator.open(&f->services, fixture_space, &f->self) :
      f->plugin->backend.open(&f->services, NULL, &f->self);
  }
  strcpy(f->log, capture_end(&f->capture));
  return status;
}

/* Batch of networks; the log is that of this call. */
static inline int
fixture_estimate(struct fixture *f, size_t n,
                 const struct chanas_network *const net[],
                 struct chanas_estimate out[])
{
  int status;

  capture_begin(&f->capture);
  status = f->plugin->estimator.estimate(f->self, n, net, out);
  strcpy(f->log, capture_end(&f->capture));
  return status;
}

static inline void
fixture_close(struct fixture *f)
{
  capture_begin(&f->capture);
  if (f->self && f->plugin->estimator.struct_size)
    f->plugin->estimator.close(f->self);
  else if (f->self)
    f->plugin->backend.close(f->self);
  strcpy(f->log, capture_end(&f->capture));
  if (f->host)
    host_close(f->host);
  ini_free(f->ini);
}

/* The plugin refuses these settings and says `what`. */
static inline void
fixture_refused(enum plugin_kind kind, const char *name, const char *settings,
                const char *what)
{
  struct fixture f;
  int status = fixture_open(&f, kind, name, settings);

  if (status == 0 || strstr(f.log, what) == NULL)
    print_error("%s with\n%s\nsaid: %s\nnot: %s\n", name, settings, f.log,
                what);
  assert_int_equal(status, -1);
  assert_non_null(strstr(f.log, what));
  f.self = NULL;
  fixture_close(&f);
}

/* Is it in the log of the last call?  Prints the log if not. */
static inline void
fixture_said(const struct fixture *f, const char *what)
{
  if (strstr(f->log, what) == NULL)
    print_error("log: %s\nlacks: %s\n", f->log, what);
  assert_non_null(strstr(f->log, what));
}

/* A file in a folder that fixture_clean removes; its path lasts until the
 * next call. */
static inline const char *
fixture_file(const char *name, const void *data, size_t size)
{
  static char path[160];

  if (*fixture_folder == '\0') {
    strcpy(fixture_folder, "/tmp/chanas-test-XXXXXX");
    assert_non_null(mkdtemp(fixture_folder));
  }
  snprintf(path, sizeof path, "%s/%s", fixture_folder, name);
  if (data)
    assert_int_equal(file_write(path, data, size), 0);
  return path;
}

static inline const char *
fixture_text(const char *name, const char *text)
{
  return fixture_file(name, text, strlen(text));
}

/* The same, gzipped, with the last `cut` bytes missing. */
static inline const char *
fixture_gzip(const char *name, const void *data, size_t size, size_t cut)
{
  const char *path = fixture_file(name, NULL, 0);
  gzFile out = gzopen(path, "wb");
  FILE *file;
  long length;

  assert_non_null(out);
  assert_int_equal(gzwrite(out, data, (unsigned)size), (int)size);
  assert_int_equal(gzclose(out), Z_OK);
  file = fopen(path, "rb");
  fseek(file, 0, SEEK_END);
  length = ftell(file);
  fclose(file);
  assert_int_equal(truncate(path, length - (long)cut), 0);
  return path;
}

static inline void
fixture_clean(void)
{
  char command[128];

  space_free(fixture_space);
  fixture_space = NULL;
  registry_close();
  if (*fixture_folder == '\0')
    return;
  snprintf(command, sizeof command, "rm -rf %s", fixture_folder);
  if (system(command) != 0)
    print_error("cannot remove %s\n", fixture_folder);
}
#endif
