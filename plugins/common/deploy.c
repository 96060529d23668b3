/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stand-alone C library around emitted kernels:
 *
 *   kernels.c    the kernels (the host writes it)
 *   net.h        NET_INPUT, NET_OUTPUT (floats), net_init(), net_run(),
 *                net_free()
 *   net.c        the order of the kernels and the places of the tensors
 *   bench.c      median, least and greatest time of a run
 *   check.c      compares with golden.bin
 *   Makefile     libnet.a, libnet.so, bench, check
 *
 * and two data files that the host adds, both little-endian float32 without
 * any header:
 *
 *   weights.bin  the parameters of all steps, in their order
 *   golden.bin   an input and the output that belongs to it
 */
#include <stdlib.h>
#include <string.h>
#include "deploy.h"
#include "deploy_check.h"
#include "deploy_text.h"

/* Inner tensors that live at the same time do not overlap. */
struct place { size_t offset, size; long first, last; };

struct layout {
  const struct chanas_program *program;
  struct place *place;
  int *written;
  size_t arena;
};

static int
is_inner(const struct layout *l, size_t t)
{
  return t > 0 && t != (size_t)l->program->output;
}

static void
lives(struct layout *l)
{
  const struct chanas_program *p = l->program;
  size_t i, t;

  for (t = 0; t < p->tensors; t++)
    l->place[t] = (struct place){ 0, (p->elements[t] + 15) / 16 * 16, -1,
                                  -1 };
  for (i = 0; i < p->steps; i++) {
    struct place *from = &l->place[p->step[i].src];
    struct place *to = &l->place[p->step[i].dst];
    if (to->first < 0)
      to->first = (long)i;
    l->written[p->step[i].dst] = 1;
    if (to->last < (long)i)
      to->last = (long)i;
    if (from->last < (long)i)
      from->last = (long)i;
  }
  for (t = 0; t < p->tensors; t++)
    if (!l->written[t]) { /* zeroes, for good */
      l->place[t].first = 0;
      l->place[t].last = (long)p->steps;
    }
}

static int
overlap(const struct place *a, const struct place *b)
{
  return a->first <= b->last && b->first <= a->last
         && a->offset < b->offset + b->size && b->offset < a->offset + a->size;
}

static void
arrange(struct layout *l)
{
  size_t t, o;

  for (t = 0; t < l->program->tensors; t++) {
    struct place *p = &l->place[t];
    if (!is_inner(l, t))
      continue;
    for (o = 1; o < t; o++)
      if (is_inner(l, o) && overlap(p, &l->place[o])) {
        p->offset = l->place[o].offset + l->place[o].size;
        o = 0; /* from the start again */
      }
    if (p->offset + p->size > l->arena)
      l->arena = p->offset + p->size;
  }
}

static int
print_pointer(const struct chanas_host *h, struct chanas_text *out,
              const struct layout *l, size_t t)
{
  if (t == (size_t)l->program->output)
    return h->print(out, "out");
  if (t == 0)
    return h->print(out, "in");
  return h->print(out, "arena + %zu", l->place[t].offset);
}

static int
print_steps(const struct chanas_host *h, struct chanas_text *out,
            const struct layout *l)
{
  const struct chanas_program *p = l->program;
  size_t i, weights = 0;
  int bad = 0;

  bad |= h->print(out, "static const struct kernel kernel[] = {\n");
  for (i = 0; i < p->steps; i++) {
    const char *s = p->step[i].symbol;
    bad |= h->print(out, "  { %s_packed, %s_scratch, %s_pack, %zu },\n", s, s,
                    s, weights);
    weights += p->step[i].workload->weights;
  }
  return bad | h->print(out, "};\n#define WEIGHTS %zu\n#define KERNELS %zu\n"
                        "#define ARENA %zu\n", weights, p->steps,
                        l->arena ? l->arena : 1);
}

static int
print_run(const struct chanas_host *h, struct chanas_text *out,
          const struct layout *l)
{
  const struct chanas_program *p = l->program;
  char *seen = calloc(p->tensors + 1, 1);
  size_t i;
  int bad = seen == NULL;

  bad |= h->print(out, "%s", net_run_head);
  for (i = 0; !bad && i < p->steps; i++) {
    size_t dst = (size_t)p->step[i].dst;
    if (!seen[dst] && p->step[i].workload->accumulate && is_inner(l, dst))
      bad |= h->print(out, "  memset(arena + %zu, 0, %zu * sizeof(float));\n",
                      l->place[dst].offset, p->elements[dst]);
    seen[dst] = 1;
    bad |= h->print(out, "  %s(", p->step[i].symbol)
           | print_pointer(h, out, l, (size_t)p->step[i].src)
           | h->print(out, ", ")
           | print_pointer(h, out, l, dst)
           | h->print(out, ", packed[%zu], scratch);\n", i);
  }
  if (p->output == 0)
    bad |= h->print(out, "  memcpy(out, in, %zu * sizeof(float));\n",
                    p->elements[0]);
  free(seen);
  return bad | h->print(out, "  return 0;\n}\n");
}

static int
print_net(const struct chanas_host *h, const struct layout *l,
          const char *options, struct chanas_files *files)
{
  const struct chanas_program *p = l->program;
  struct chanas_text *out = h->file(files, "net.c");
  size_t i;
  int bad = out == NULL;

  if (bad)
    return -1;
  bad |= h->print(out, "%s", net_head);
  for (i = 0; i < p->steps; i++) {
    const char *s = p->step[i].symbol;
    bad |= h->print(out, "/* %s */\nsize_t %s_packed(void), %s_scratch(void);\n"
                    "void %s_pack(const float *, float *);\n"
                    "void %s(const float *, float *, const float *, "
                    "float *);\n", p->step[i].workload->key, s, s, s, s);
  }
  bad |= print_steps(h, out, l);
  bad |= h->print(out, "%s", net_init_text);
  bad |= print_run(h, out, l);
  out = h->file(files, "net.h");
  bad |= out == NULL
         || h->print(out, net_header, p->elements[0],
                     p->elements[p->output]);
  out = h->file(files, "Makefile");
  return bad | (out == NULL || h->print(out, net_makefile, options));
}

int
deploy_files(const struct chanas_host *h, const struct chanas_program *p,
             const char *options, struct chanas_files *files)
{
  struct layout l = { .program = p };
  struct chanas_text *bench = h->file(files, "bench.c");
  struct chanas_text *check = h->file(files, "check.c");
  int bad = 1;

  l.place = calloc(p->tensors + 1, sizeof *l.place);
  l.written = calloc(p->tensors + 1, sizeof *l.written);
  if (l.place && l.written && bench && check) {
    lives(&l);
    arrange(&l);
    bad = print_net(h, &l, options, files) | h->print(bench, "%s", net_bench)
          | deploy_check(h, p, check);
  }
  free(l.place);
  free(l.written);
  return bad ? -1 : 0;
}
