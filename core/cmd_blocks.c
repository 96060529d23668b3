/* SPDX-License-Identifier: Apache-2.0 */
/* chanas blocks: the distinct blocks of a space and what they cost. */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cmd.h"
#include "ini.h"
#include "log.h"

struct ceilings { double flops, bytes; }; /* per second; 0: unknown */

/* The roofline (Williams et al. 2009): bound by arithmetic or by traffic. */
static double
roofline(const struct ceilings *c, const struct chanas_workload *w)
{
  double arithmetic = c->flops > 0 ? w->flops / c->flops : 0;
  double traffic = c->bytes > 0 ? w->bytes / c->bytes : 0;

  return arithmetic > traffic ? arithmetic : traffic;
}

static void
print_json(struct family *f, const struct block_use *use, size_t n,
           const struct ceilings *c)
{
  json_t *list = json_array();

  for (size_t i = 0; i < n; i++) {
    const struct chanas_workload *w = family_workloads(f)->item[
      use[i].workload];
    json_array_append_new(list, json_pack(
      "{s:s, s:s, s:f, s:f, s:f, s:o}", "workload", w->key, "role",
      use[i].role, "networks", use[i].networks, "flops", w->flops, "bytes",
      w->bytes, "roofline_ms", c->flops > 0
      ? json_real(1e3 * roofline(c, w)) : json_null()));
  }
  json_dumpf(list, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
  putchar('\n');
  json_decref(list);
}

static void
print_table(struct family *f, const struct block_use *use, size_t n,
            const struct ceilings *c)
{
  double size = space_size(family_space(f));

  printf("%-8s %12s %7s %9s %9s %12s  %s\n", "role", "networks", "share",
         "MFLOP", "KiB", "roofline_us", "workload");
  for (size_t i = 0; i < n; i++) {
    const struct chanas_workload *w = family_workloads(f)->item[
      use[i].workload];
    printf("%-8s %12.6g %6.1f%% %9.3f %9.1f ", use[i].role, use[i].networks,
           100 * use[i].networks / size, 1e-6 * w->flops, w->bytes / 1024);
    if (c->flops > 0)
      printf("%12.2f", 1e6 * roofline(c, w));
    else
      printf("%12s", "-");
    printf("  %s\n", w->key);
  }
  printf("\n%zu distinct blocks in %.6g networks\n", n, size);
}

static int
list(const struct options *o, struct family *f, const struct ceilings *c)
{
  size_t n;
  struct block_use *use = family_blocks(f, &n);

  if (use == NULL)
    return EXIT_FAILED;
  (o->json ? print_json : print_table)(f, use, n, c);
  free(use);
  return EXIT_DONE;
}

static int
of_run(const struct options *o)
{
  struct ceilings ceilings = { 0, 0 };
  struct chanas_device *device = NULL;
  struct config *config;
  struct session s;
  char name[40];
  int code = cmd_open(o, o->operand[0], &config, &s);

  if (code)
    return code;
  if (s.measures)
    device = measure_describe(s.measure, 1);
  if (device) {
    snprintf(name, sizeof name, "measured.fma_gflops%s",
             config->threads > 1 ? "_all" : "");
    ceilings.flops = 1e9 * device_real(device, name);
    ceilings.bytes = 1e9 * device_real(device, "measured.memory_gbs");
    printf("Device ceilings: %.1f GFLOP/s, %.1f GB/s beyond the caches\n",
           1e-9 * ceilings.flops, 1e-9 * ceilings.bytes);
  }
  code = list(o, s.family, &ceilings);
  device_free(device);
  cmd_close(config, &s);
  return code;
}

/* A space file has no [backend]; a run's INI points to one with [space]
 * file. */
static int
is_run(const char *path, int *run)
{
  struct ini *ini = ini_read(path);
  struct ini_section *space;

  if (ini == NULL)
    return -1;
  space = ini_find(ini, "space");
  *run = space && ini_entry(space, "file");
  ini_free(ini);
  return 0;
}

int
cmd_blocks(const struct options *o)
{
  static const struct ceilings none = { 0, 0 };
  struct family *family;
  int code, run;

  if (is_run(o->operand[0], &run) < 0)
    return EXIT_USAGE;
  if (run)
    return of_run(o);
  family = family_read(o->operand[0]);
  if (family == NULL)
    return EXIT_USAGE;
  code = list(o, family, &none);
  family_free(family);
  return code;
}
