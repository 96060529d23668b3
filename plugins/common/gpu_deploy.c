/* SPDX-License-Identifier: Apache-2.0 */
/* Stand-alone programs for GPUs: see gpu_deploy.h.  bench.c and check.c are
 * those of the CPU backends. */
#include "gpu_deploy.h"
#include <gpu_alone_text.h>
#include <stdlib.h>
#include "deploy_check.h"
#include "deploy_text.h"

static const char makefile[] =
  "CC = cc\n"
  "CFLAGS = -std=gnu11 -O2 -fPIC\n"
  "OBJECTS = net.o gpu.o gpu_manifest.o gpu_pack.o\n"
  "\n"
  "libnet.a: $(OBJECTS)\n"
  "\t$(AR) rcs $@ $(OBJECTS)\n"
  "libnet.so: $(OBJECTS)\n"
  "\t$(CC) $(CFLAGS) -shared -o $@ $(OBJECTS) $(LIBS)\n"
  "bench: bench.o libnet.a\n"
  "\t$(CC) $(CFLAGS) -o $@ bench.o libnet.a $(LIBS)\n"
  "check: check.o libnet.a\n"
  "\t$(CC) $(CFLAGS) -o $@ check.o libnet.a $(LIBS)\n"
  "$(OBJECTS) bench.o check.o: net.h gpu.h gpu_manifest.h gpu_pack.h steps.h\n"
  "test: all\n"
  "\t./check weights.bin golden.bin\n"
  "clean:\n"
  "\trm -f *.o *.cubin libnet.a libnet.so bench check\n"
  ".PHONY: all test clean\n";

/* The first step that writes a tensor and adds to it finds zeroes. */
static int
is_first(const struct chanas_program *p, size_t step)
{
  size_t i;

  for (i = 0; i < step; i++)
    if (p->step[i].dst == p->step[step].dst)
      return 0;
  return 1;
}

static int
print_steps(const struct chanas_host *h, const struct chanas_program *p,
            const char *kernels, struct chanas_text *out)
{
  size_t i, weights = 0;
  int bad, reads = 0;

  bad = h->print(out, "/* " LICENCE " */\n"
                 "static const struct { const char *symbol; size_t weights; "
                 "int src, dst, clear; }\nstep[] = {\n");
  for (i = 0; i < p->steps; i++) {
    const struct chanas_step *s = &p->step[i];
    int adds = s->workload->accumulate && is_first(p, i);
    bad |= h->print(out, "  /* %s */\n  { \"%s\", %zu, %d, %d, %d },\n",
                    s->workload->key, s->symbol, s->workload->weights, s->src,
                    s->dst, adds && s->dst != p->output);
    weights += s->workload->weights;
    reads |= adds && s->dst == p->output;
  }
  bad |= h->print(out, "};\nstatic const size_t elements[] = {");
  for (i = 0; i < p->tensors; i++)
    bad |= h->print(out, "%s%zu", i ? ", " : " ", p->elements[i]);
  return bad | h->print(out, " };\n#define STEPS %zu\n#define TENSORS %zu\n"
                        "#define OUTPUT %d\n#define WEIGHTS %zu\n"
                        "#define READS_OUTPUT %d\n#define KERNELS \"%s\"\n",
                        p->steps, p->tensors, (int)p->output, weights, reads,
                        kernels);
}

int
gpu_deploy(const struct chanas_host *h, const struct chanas_program *p,
           const struct gpu_alone *a, struct chanas_files *files)
{
  const struct { const char *name, *text; } copy[] = {
    { "net.c", alone_net_c }, { "gpu.h", alone_gpu_h },
    { "gpu.c", a->device }, { "gpu_manifest.h", gpu_manifest_h },
    { "gpu_manifest.c", gpu_manifest_c }, { "gpu_pack.h", gpu_pack_h },
    { "gpu_pack.c", gpu_pack_c }, { "bench.c", net_bench },
  };
  struct chanas_text *out;
  size_t i;
  int bad = 0;

  for (i = 0; i < sizeof copy / sizeof *copy && !bad; i++) {
    out = h->file(files, copy[i].name);
    bad = out == NULL || h->print(out, "%s", copy[i].text);
  }
  out = bad ? NULL : h->file(files, "net.h");
  bad = bad || out == NULL || h->print(out, net_header, p->elements[0],
                                       p->elements[p->output]);
  out = bad ? NULL : h->file(files, "check.c");
  bad = bad || out == NULL || deploy_check(h, p, out);
  out = bad ? NULL : h->file(files, "steps.h");
  bad = bad || out == NULL || print_steps(h, p, a->kernels, out);
  out = bad ? NULL : h->file(files, "Makefile");
  bad = bad || out == NULL || h->print(out, "%s%s", a->makefile, makefile);
  return bad ? -1 : 0;
}
