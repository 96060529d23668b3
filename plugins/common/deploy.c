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

/* Where a tensor begins that is added to and that nothing has written. */
static int
print_zero(const struct chanas_host *h, struct chanas_text *out,
           const struct layout *l, size_t t, int team)
{
  int bad = h->print(out, "  %smemset(arena + %zu, 0, %zu * sizeof(float));\n",
                     team ? "if (t == 0)\n    " : "", l->place[t].offset,
                     l->program->elements[t]);

  return bad | (team && h->print(out, "#pragma omp barrier\n"));
}

static int
print_step(const struct chanas_host *h, struct chanas_text *out,
           const struct layout *l, size_t i, int team)
{
  const struct chanas_step *step = &l->program->step[i];

  return h->print(out, "  %s%s(", step->symbol, team ? "_team" : "")
         | print_pointer(h, out, l, (size_t)step->src)
         | h->print(out, ", ")
         | print_pointer(h, out, l, (size_t)step->dst)
         | h->print(out, ", packed[%zu], scratch%s);\n", i,
                    team ? ", t, nt" : "");
}

static int
print_steps_in_order(const struct chanas_host *h, struct chanas_text *out,
                     const struct layout *l, int team)
{
  const struct chanas_program *p = l->program;
  char *seen = calloc(p->tensors + 1, 1);
  size_t i;
  int bad = seen == NULL;

  for (i = 0; !bad && i < p->steps; i++) {
    size_t dst = (size_t)p->step[i].dst;
    if (team && i > 0)
      bad |= h->print(out, "#pragma omp barrier\n");
    if (!seen[dst] && p->step[i].workload->accumulate && is_inner(l, dst))
      bad |= print_zero(h, out, l, dst, team);
    seen[dst] = 1;
    bad |= print_step(h, out, l, i, team);
  }
  free(seen);
  return bad;
}

/* Several threads go through all steps together: a parallel region for each
 * step would take longer than the barrier between two. */
static int
print_team(const struct chanas_host *h, struct chanas_text *out,
           const struct layout *l)
{
  return h->print(out, "%s", net_team_head)
         | print_steps_in_order(h, out, l, 1) | h->print(out, "}\n");
}

static int
print_run(const struct chanas_host *h, struct chanas_text *out,
          const struct layout *l, int threads)
{
  const struct chanas_program *p = l->program;
  int bad = threads > 1 && print_team(h, out, l);

  bad |= h->print(out, "%s", net_run_head);
  if (threads > 1)
    bad |= h->print(out, net_run_team, threads);
  else
    bad |= print_steps_in_order(h, out, l, 0);
  if (p->output == 0)
    bad |= h->print(out, "  memcpy(out, in, %zu * sizeof(float));\n",
                    p->elements[0]);
  return bad | h->print(out, "  return 0;\n}\n");
}

static int
print_net(const struct chanas_host *h, const struct layout *l, int threads,
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
                    "void %s%s(const float *, float *, const float *, "
                    "float *%s);\n", p->step[i].workload->key, s, s, s, s,
                    threads > 1 ? "_team" : "",
                    threads > 1 ? ", long, long" : "");
  }
  bad |= print_steps(h, out, l);
  bad |= h->print(out, "%s", net_init_text);
  bad |= print_run(h, out, l, threads);
  out = h->file(files, "net.h");
  bad |= out == NULL
         || h->print(out, net_header, p->elements[0],
                     p->elements[p->output]);
  out = h->file(files, "Makefile");
  return bad | (out == NULL || h->print(out, net_makefile, options));
}

int
deploy_files(const struct chanas_host *h, const struct chanas_program *p,
             int threads, const char *options, struct chanas_files *files)
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
    bad = print_net(h, &l, threads, options, files)
          | h->print(bench, "%s", net_bench) | deploy_check(h, p, check);
  }
  free(l.place);
  free(l.written);
  return bad ? -1 : 0;
}
