/* SPDX-License-Identifier: Apache-2.0 */
/* What a plugin instance is given: checked values, memory, a stream, a store,
 * data files, a parallel for, and readers that never crash. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <sys/stat.h>
#include "capture.h"
#include "device.h"
#include "file.h"
#include "host.h"
#include "mem.h"
#include "network.h"
#include "space.h"
#include "text.h"

static const struct chanas_param params[] = {
  { "count", "int", "3", "1..9", "how many" },
  { "rate", "real", "0.5", "0..1", "how much" },
  { "low", "real", "-1e3", "..0", "open below" },
  { "loud", "bool", "no", NULL, "or not" },
  { "mode", "text", "fast", "fast|slow", "which way" },
  { "title", "text", "", NULL, "any text" },
  { "weights", "file", "", NULL, "the weights of the predictor" },
  { 0 }
};
static const struct chanas_param strict[] = {
  { "needed", "int", NULL, NULL, "a number" }, { 0 }
};
static const struct plugin plugin = { .head = { .name = "pp",
                                                .params = params } };
static const struct plugin other = { .head = { .name = "qq",
                                               .params = params } };
static const struct plugin needy = { .head = { .name = "nn",
                                               .params = strict } };
static const char *const ignore[] = { "plugin", "trials", NULL };
static char folder[64];

static int
setup(void **state)
{
  (void)state;
  strcpy(folder, "/tmp/chanas-host-XXXXXX");
  if (mkdtemp(folder) == NULL)
    return -1;
  host_store_folder(folder);
  return 0;
}

static int
teardown(void **state)
{
  char *command = mem_print("rm -rf '%s'", folder);
  int status = system(command);

  (void)state;
  free(command);
  host_store_folder(NULL);
  return status;
}

static struct host *
plain(const struct plugin *which, const struct rng *stream)
{
  return host_open(which, NULL, NULL, NULL, stream);
}

static void
test_defaults(void **state)
{
  struct host *host = plain(&plugin, NULL);
  const struct chanas_host *h = host_services(host);
  struct capture c;

  (void)state;
  assert_int_equal(h->struct_size, sizeof *h);
  assert_int_equal(h->api_version, CHANAS_API_VERSION);
  for (size_t at = offsetof(struct chanas_host, log); at < sizeof *h;
       at += sizeof(void *)) {
    void *service;
    memcpy(&service, (const char *)h + at, sizeof service);
    assert_non_null(service);
  }
  assert_string_equal(h->get(h->ctx, "count"), "3");
  assert_int_equal(h->get_int(h->ctx, "count"), 3);
  assert_true(h->get_real(h->ctx, "rate") == 0.5);
  assert_true(h->get_real(h->ctx, "low") == -1000);
  assert_int_equal(h->get_int(h->ctx, "loud"), 0);
  assert_string_equal(h->get(h->ctx, "mode"), "fast");
  assert_string_equal(h->get(h->ctx, "weights"), "");
  capture_begin(&c);
  assert_null(h->get(h->ctx, "cuont"));
  assert_int_equal(h->get_int(h->ctx, "cuont"), 0);
  capture_end(&c);
  assert_non_null(strstr(c.text, "plugin pp asks for the parameter 'cuont', "
                         "which it does not declare"));
  capture_begin(&c);
  h->log(h->ctx, CHANAS_WARN, "%d %s", 4, "mice");
  capture_end(&c);
  assert_string_equal(c.text, "chanas: pp: warning: 4 mice\n");
  host_close(host);
}

static void
test_section(void **state)
{
  char *path = mem_print("%s/t.ini", folder);
  char *data = mem_print("%s/w.bin", folder);
  struct ini *ini = ini_parse_text(path,
    "[tuner]\nplugin = pp\ntrials = 5\ncount = 7\nrate=1e-1\nloud = Yes\n"
    "mode = slow\ntitle = a b\nweights = w.bin\n");
  struct host *host;
  const struct chanas_host *h;

  (void)state;
  assert_int_equal(file_write(data, "x", 1), 0);
  host = host_open(&plugin, ini, ini_find(ini, "tuner"), ignore, NULL);
  assert_non_null(host);
  h = host_services(host);
  assert_int_equal(h->get_int(h->ctx, "count"), 7);
  assert_true(h->get_real(h->ctx, "count") == 7);
  assert_true(h->get_real(h->ctx, "rate") == 0.1);
  assert_int_equal(h->get_int(h->ctx, "loud"), 1);
  assert_string_equal(h->get(h->ctx, "mode"), "slow");
  assert_string_equal(h->get(h->ctx, "title"), "a b");
  assert_string_equal(h->get(h->ctx, "weights"), data);
  assert_string_equal(h->data(h->ctx, "w.bin"), data);
  host_close(host);
  ini_free(ini);
  free(data);
  free(path);
}

static const struct { const char *text, *what; } bad[] = {
  { "cuont = 3", "t.ini:2: [tuner] cuont: unknown key, which plugin pp does "
    "not have; did you mean 'count'?" },
  { "trails = 3", "did you mean 'trials'?" },
  { "zzzzzz = 3", "does not have; remove it" },
  { "count = 0", "t.ini:2: [tuner] count must be in 1..9, not 0" },
  { "count = 10", "must be in 1..9, not 10" },
  { "count = 3x", "must be a whole number, not '3x'" },
  { "count =", "must be a whole number, not ''" },
  { "rate = 1.01", "must be in 0..1, not 1.01" },
  { "rate = inf", "must be a number, not 'inf'" },
  { "low = 1", "must be in ..0, not 1" },
  { "loud = maybe", "must be yes or no, not 'maybe'" },
  { "mode = fas", "must be one of fast|slow, not 'fas'" },
  { "weights = none.bin", "t.ini:2: [tuner] weights: there is no file "
    "'none.bin' (the weights of the predictor) (looked in ." },
};

static void
test_refused(void **state)
{
  (void)state;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    char *text = mem_print("[tuner]\n%s\n", bad[i].text);
    struct ini *ini = ini_parse_text("t.ini", text);
    struct host *host;
    struct capture c;
    capture_begin(&c);
    host = host_open(&plugin, ini, ini_find(ini, "tuner"), ignore, NULL);
    capture_end(&c);
    if (host || !strstr(c.text, bad[i].what) ||
        strchr(c.text, '\n') != c.text + strlen(c.text) - 1)
      fail_msg("%s: %s", bad[i].text, c.text);
    ini_free(ini);
    free(text);
  }
}

static void
test_mandatory(void **state)
{
  struct capture c;

  (void)state;
  capture_begin(&c);
  assert_null(plain(&needy, NULL));
  capture_end(&c);
  assert_non_null(strstr(c.text, "plugin nn needs the key 'needed' (a "
                         "number) in its section"));
}

static void
test_random(void **state)
{
  struct rng one = rng_seed(1), two = rng_seed(2);
  const struct { const struct plugin *plugin; struct rng *rng; } of[] = {
    { &plugin, &one }, { &plugin, &one }, { &plugin, &two }, { &other, &one },
    { &plugin, NULL },
  };
  uint64_t drawn[5][8];

  (void)state;
  for (size_t i = 0; i < 5; i++) {
    struct host *host = plain(of[i].plugin, of[i].rng);
    const struct chanas_host *h = host_services(host);
    for (size_t j = 0; j < 8; j++)
      drawn[i][j] = h->random(h->ctx);
    host_close(host);
  }
  assert_memory_equal(drawn[0], drawn[1], sizeof drawn[0]);
  for (size_t i = 2; i < 5; i++)
    for (size_t j = 0; j < i; j++)
      if (j != 1)
        assert_memory_not_equal(drawn[i], drawn[j], sizeof drawn[0]);
}

static void
test_memory(void **state)
{
  struct host *host = plain(&plugin, NULL);
  const struct chanas_host *h = host_services(host);

  (void)state;
  for (size_t size = 0; size < 300; size++) {
    unsigned char *block = h->alloc(h->ctx, size);
    assert_non_null(block);
    assert_int_equal((uintptr_t)block % _Alignof(max_align_t), 0);
    for (size_t i = 0; i < size; i++)
      assert_int_equal(block[i], 0);
    memset(block, 0xa5, size);
  }
  assert_null(h->alloc(h->ctx, SIZE_MAX - 4));
  host_close(host);
}

static void
test_store(void **state)
{
  struct host *host = plain(&plugin, NULL), *another = plain(&other, NULL);
  const struct chanas_host *h = host_services(host);
  const struct chanas_host *g = host_services(another);
  static const char *const keys[] = { "a", "../a", ".", "..", "a/b", "a b",
                                      "A", "\xc3\xa4", "%2E" };
  const void *data;
  size_t size;
  struct capture c;
  char longer[400];

  (void)state;
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
    assert_int_equal(h->fetch(h->ctx, keys[i], &data, &size), -1);
    assert_int_equal(h->store(h->ctx, keys[i], &i, sizeof i), 0);
  }
  assert_int_equal(h->store(h->ctx, "empty", NULL, 0), 0);
  host_close(host);
  host = plain(&plugin, NULL);
  h = host_services(host);
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
    assert_int_equal(h->fetch(h->ctx, keys[i], &data, &size), 0);
    assert_int_equal(size, sizeof i);
    assert_memory_equal(data, &i, sizeof i);
    assert_int_equal(g->fetch(g->ctx, keys[i], &data, &size), -1);
  }
  assert_int_equal(h->fetch(h->ctx, "empty", &data, &size), 0);
  assert_int_equal(size, 0);
  memset(longer, 'k', sizeof longer - 1);
  longer[sizeof longer - 1] = '\0';
  capture_begin(&c);
  assert_int_equal(h->store(h->ctx, longer, "x", 1), -1);
  assert_int_equal(h->store(h->ctx, "", "x", 1), -1);
  capture_end(&c);
  assert_non_null(strstr(c.text, "is too long"));
  assert_non_null(strstr(c.text, "is empty"));
  host_close(host);
  host_close(another);
}

/* One line for a missing file, however often it is asked for. */
static void
test_data(void **state)
{
  struct host *host = plain(&plugin, NULL);
  const struct chanas_host *h = host_services(host);
  struct capture c;
  char *path = mem_print("%s/d.csv", folder);

  (void)state;
  setenv("CHANAS_DATA", folder, 1);
  capture_begin(&c);
  assert_null(h->data(h->ctx, "absent.csv"));
  assert_null(h->data(h->ctx, "absent.csv"));
  assert_null(h->data(h->ctx, "absent"));
  capture_end(&c);
  assert_non_null(strstr(c.text, "plugin pp: there is no data file "
                         "'absent.csv' (looked in $CHANAS_DATA = /tmp/"));
  assert_non_null(strstr(c.text, "DATA in chanas.ini(5) says where to get"));
  assert_null(strstr(strstr(c.text, "'absent.csv'") + 1, "'absent.csv'"));
  assert_non_null(strstr(c.text, "'absent'"));
  assert_int_equal(file_write(path, "x", 1), 0);
  assert_string_equal(h->data(h->ctx, "d.csv"), path);
  unsetenv("CHANAS_DATA");
  free(path);
  host_close(host);
}

static void
square(void *arg, size_t i)
{
  ((size_t *)arg)[i] += i * i;
}

static void
test_parallel(void **state)
{
  struct host *host = plain(&plugin, NULL);
  const struct chanas_host *h = host_services(host);
  static size_t result[4][1000];

  (void)state;
  for (int threads = 0; threads < 4; threads++) {
    host_threads(threads);
    assert_int_equal(h->parallel(h->ctx, 1000, square, result[threads]), 0);
    for (size_t i = 0; i < 1000; i++)
      assert_int_equal(result[threads][i], i * i);
  }
  host_threads(0);
  assert_int_equal(h->stopping(h->ctx), 0);
  host_close(host);
}

static void
test_spaces(void **state)
{
  struct host *host = plain(&plugin, NULL);
  const struct chanas_host *h = host_services(host);
  struct chanas_space *space = space_new();
  static const int64_t values[] = { 3, 5, -7 };
  static const char *const labels[] = { "three", "five", "less" };
  int32_t choice[3] = { 0, 2, 1 };
  struct chanas_point point = { space, choice };
  struct capture c;

  (void)state;
  assert_int_equal(h->knob(space, "depth", 2, values), 0);
  assert_int_equal(h->knob(space, "kernel", 3, values), 0);
  assert_int_equal(space_add(space, "op", 3, values, labels), 2);
  assert_int_equal(space_depend(space, 1, 0, 2), 0);
  capture_begin(&c);
  assert_int_equal(h->knob(space, "depth", 2, values), -1);
  capture_end(&c);
  assert_int_equal(h->knobs(space), 3);
  assert_int_equal(h->choices(space, 1), 3);
  assert_int_equal(h->choices(space, 3), 0);
  assert_string_equal(h->knob_name(space, 1), "kernel");
  assert_string_equal(h->knob_name(space, 9), "");
  assert_int_equal(h->knob_value(space, 1, 2), -7);
  assert_int_equal(h->knob_value(space, 1, 3), 0);
  assert_string_equal(h->knob_label(space, 1, 2), "-7");
  assert_string_equal(h->knob_label(space, 2, 1), "five");
  assert_string_equal(h->knob_label(space, 2, 3), "");
  assert_int_equal(h->find_knob(space, "op"), 2);
  assert_int_equal(h->find_knob(space, "ops"), -1);
  assert_int_equal(h->value(point, "op"), 5);
  assert_int_equal(h->value(point, "none"), 0);
  assert_int_equal(h->active(point, 0), 1);
  assert_int_equal(h->active(point, 1), 0);
  choice[0] = 1;
  assert_int_equal(h->active(point, 1), 1);
  assert_int_equal(h->active(point, 7), 0);
  space_free(space);
  host_close(host);
}

static void
test_networks(void **state)
{
  const char *top = getenv("abs_top_srcdir");
  char *path = mem_print("%s/etc/spaces/mobilenet-v2.ini", top ? top : ".");
  struct family *family = family_read(path);
  struct host *host = plain(&plugin, NULL);
  const struct chanas_host *h = host_services(host);
  struct chanas_network *network;
  int32_t *choice;

  (void)state;
  assert_non_null(family);
  choice = mem_array(int32_t, family_space(family)->knobs);
  network = network_build(family, choice);
  assert_non_null(network);
  assert_ptr_equal(h->origin(network).space, family_space(family));
  assert_ptr_equal(h->origin(network).choice, network->choice);
  assert_ptr_equal(h->code(network), network->code);
  assert_true(h->macs(network) == network->macs && network->macs > 3e8);
  assert_true(h->params(network) == network->params);
  assert_int_equal(h->blocks(network), network->blocks);
  assert_int_equal(h->block(network, 0)->inputs, 224 * 224 * 3);
  assert_non_null(h->block(network, network->blocks - 1));
  assert_null(h->block(network, network->blocks));
  network_free(network);
  family_free(family);
  free(choice);
  free(path);
  host_close(host);
}

static void
test_devices_and_writers(void **state)
{
  struct host *host = plain(&plugin, NULL);
  const struct chanas_host *h = host_services(host);
  struct chanas_device *device = device_parse("cores=8\nname=a b\n");
  struct chanas_text text = { 0 };
  struct chanas_args args = { 0 };
  struct chanas_files files = { 0 };

  (void)state;
  assert_non_null(device);
  assert_int_equal(h->limit(device, "cores"), 8);
  assert_int_equal(h->limit(device, "none"), 0);
  assert_string_equal(h->trait(device, "name"), "a b");
  assert_string_equal(h->trait(device, "none"), "");
  device_free(device);
  assert_int_equal(h->print(&text, "%d-%s", 4, "x"), 0);
  assert_string_equal(text_string(&text), "4-x");
  assert_int_equal(h->arg(&args, "one"), 0);
  assert_string_equal(args.arg[0], "one");
  h->print(h->file(&files, "net.c"), "int x;");
  assert_int_equal(files.count, 1);
  text_free(&text);
  args_free(&args);
  files_free(&files);
  host_close(host);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_defaults),
    cmocka_unit_test(test_section),
    cmocka_unit_test(test_refused),
    cmocka_unit_test(test_mandatory),
    cmocka_unit_test(test_random),
    cmocka_unit_test(test_memory),
    cmocka_unit_test(test_store),
    cmocka_unit_test(test_data),
    cmocka_unit_test(test_parallel),
    cmocka_unit_test(test_spaces),
    cmocka_unit_test(test_networks),
    cmocka_unit_test(test_devices_and_writers),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
