/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Printing C: addresses, loads, and the kernel around the phases.
 */
#include <stdlib.h>
#include "emit.h"

int
emit_once(struct emitter *e, int node, int what, int a, int b)
{
  int i;

  for (i = 0; i < e->variants; i++)
    if (e->variant[i].node == node && e->variant[i].what == what
        && e->variant[i].a == a && e->variant[i].b == b)
      return 0;
  if (e->variants == EMIT_VARIANTS) {
    e->failed = 1;
    return 0;
  }
  e->variant[e->variants].node = node;
  e->variant[e->variants].what = what;
  e->variant[e->variants].a = a;
  e->variant[e->variants++].b = b;
  return 1;
}

int
emit_partial(const struct emitter *e, int tensor)
{
  const struct tensor *t = &e->plan->tensor[tensor];

  return t->exact && t->c % e->plan->vec != 0;
}

int
emit_parts(const struct emitter *e, const struct node *n)
{
  int i, partial = emit_partial(e, n->dst);

  for (i = 0; i < n->tails; i++)
    if (n->tail[i].add >= 0)
      partial |= emit_partial(e, n->tail[i].add);
  return partial;
}

void
emit_tensor(struct emitter *e, int tensor, const char *name, int constant)
{
  const struct tensor *t = &e->plan->tensor[tensor];

  PRINT(e, "  %sfloat *%s = ", constant ? "const " : "", name);
  if (t->place == PLACE_X)
    PRINT(e, "x;\n");
  else if (t->place == PLACE_Y)
    PRINT(e, "y;\n");
  else if (t->place == PLACE_SCRATCH)
    PRINT(e, "s + %zu;\n", t->offset + (size_t)t->origin);
  else
    PRINT(e, "s + %zu + t * %zu;\n",
          e->plan->share_offset + t->offset + (size_t)t->origin,
          e->plan->share);
}

void
emit_added(struct emitter *e, const struct node *n)
{
  char name[8] = "r0";
  int i;

  for (i = 0; i < n->tails; i++)
    if (n->tail[i].add >= 0) {
      emit_tensor(e, n->tail[i].add, name, 1);
      name[1]++;
    }
}

void
emit_added_params(struct emitter *e, const struct node *n)
{
  int i;

  for (i = 0; i < n->adds; i++)
    PRINT(e, ", const float *r%d", i);
}

void
emit_added_args(struct emitter *e, const struct node *n, const char *image,
                const char *row, const char *pixel)
{
  int i, r = 0;

  for (i = 0; i < n->tails; i++)
    if (n->tail[i].add >= 0) {
      const struct tensor *t = &e->plan->tensor[n->tail[i].add];
      if (t->rows)
        PRINT(e, ", r%d + (%s + %d) %% %d * %ld + %s * %ld", r++, row,
              t->halo, t->rows, t->row, pixel, t->pix);
      else
        PRINT(e, ", r%d + %s * %ld + %s * %ld + %s * %ld", r++, image, t->img,
              row, t->row, pixel, t->pix);
    }
}

void
emit_offset(struct emitter *e, const struct tensor *t, struct at at)
{
  PRINT(e, " + %ld", at.pixel * t->pix + at.vector * t->vec);
  if (at.pixels)
    PRINT(e, " + %s * %ld", at.pixels, t->pix);
  if (at.vectors)
    PRINT(e, " + %s * %ld", at.vectors, t->vec);
}

void
emit_load(struct emitter *e, int tensor, const char *name, struct at at,
          int partial)
{
  const struct tensor *t = &e->plan->tensor[tensor];
  int vec = e->plan->vec, part = partial && emit_partial(e, tensor);

  PRINT(e, "ch_ld%s%d(%s", part ? "n" : "", vec, name);
  emit_offset(e, t, at);
  if (part)
    PRINT(e, ", %d", t->c % vec);
  PRINT(e, ")");
}

void
emit_range(struct emitter *e, long count)
{
  if (e->plan->threads > 1)
    PRINT(e, "  const long lo = %ld * t / nt, hi = %ld * (t + 1) / nt;\n",
          count, count);
  else
    PRINT(e, "  const long lo = 0, hi = %ld;\n", count);
}

void
emit_phase_head(struct emitter *e, int index)
{
  PRINT(e, "CH_PHASE void %s_n%d(const float *x, float *y, const float *w, "
        "float *s, long t, long nt)\n{\n"
        "  (void)x, (void)y, (void)w, (void)s, (void)t, (void)nt;\n",
        e->symbol, index);
}

void
emit_halo(struct emitter *e, int tensor)
{
  const struct tensor *t = &e->plan->tensor[tensor];
  long plane = tensor_plane(t);

  if (t->halo)
    PRINT(e, "  ch_halo(s + %zu, %ld, %ld, %d, %ld, %d, %ld, t, nt);\n",
          t->offset, e->plan->batch * t->img / plane, plane, t->h, t->row,
          t->halo, t->pix);
}

static void
emit_phase(struct emitter *e, int index)
{
  const struct phase *p = &e->plan->phase[index];
  static void (*const nest[])(struct emitter *, int) = {
    [NODE_CONV] = emit_conv, [NODE_DW] = emit_dw, [NODE_POOL] = emit_pool,
    [NODE_MEAN] = emit_mean, [NODE_POINT] = emit_point,
    [NODE_SCALE] = emit_point, [NODE_WEIGHTS] = emit_scaled_weights,
  };

  if (p->dw >= 0)
    emit_chain(e, p);
  else if (e->plan->node[p->node].winograd)
    emit_winograd(e, p->node);
  else
    nest[e->plan->node[p->node].kind](e, p->node);
}

/* The phases in their order, with something between each two, unless threads
 * that are as many as they should be read what they made themselves. */
static void
emit_phases(struct emitter *e, const char *between, const char *part)
{
  const struct plan *plan = e->plan;
  int i;

  for (i = 0; i < plan->phases; i++) {
    const struct phase *p = &plan->phase[i];
    if (i > 0 && p->local && plan->threads > 1)
      PRINT(e, "  if (nt != %d) {\n%s  }\n", plan->threads, between);
    else if (i > 0)
      PRINT(e, "%s", between);
    PRINT(e, "  %s_n%d(x, y, w, s, %s);\n", e->symbol,
          p->dw >= 0 ? p->dw : p->node, part);
  }
}

/* Some images after others, in the same scratch; x and y move along. */
static void
emit_calls(struct emitter *e, const char *between, const char *part)
{
  const struct plan *plan = e->plan;
  const struct tensor *x = &plan->tensor[0];
  const struct tensor *y = &plan->tensor[plan->workload->ops];

  if (plan->turns == 1) {
    emit_phases(e, between, part);
    return;
  }
  PRINT(e, "  for (long i = 0; i < %d; i++) {\n", plan->turns);
  if (*between)
    PRINT(e, "  if (i > 0) {\n%s  }\n", between);
  emit_phases(e, between, part);
  PRINT(e, "  x += %ld, y += %ld;\n  }\n", plan->batch * x->img,
        plan->batch * y->img);
}

static const char arguments[] =
  "const float *x, float *y, const float *w, float *s";

/* With OpenMP the kernel brings its threads, without it the caller does. */
static void
emit_team(struct emitter *e)
{
  PRINT(e, "#ifdef _OPENMP\nCH_OWN void %s_team(%s, long t, long nt)\n{\n",
        e->symbol, arguments);
  emit_calls(e, "#pragma omp barrier\n", "t, nt");
  PRINT(e, "}\nCH_OWN void %s(%s)\n{\n"
        "#pragma omp parallel num_threads(%d)\n"
        "  %s_team(x, y, w, s, omp_get_thread_num(), "
        "omp_get_num_threads());\n}\n#else\n", e->symbol, arguments,
        e->plan->threads, e->symbol);
  PRINT(e, "CH_OWN size_t %s_threads(void) { return %d; }\n"
        "CH_OWN void %s_part(%s, long t, long nt, void (*wait)(void *), "
        "void *team)\n{\n  (void)wait, (void)team;\n", e->symbol,
        e->plan->threads, e->symbol,
        arguments);
  emit_calls(e, "  wait(team);\n", "t, nt");
  PRINT(e, "}\n#endif\n");
}

static void
emit_entry(struct emitter *e)
{
  if (e->plan->threads > 1) {
    emit_team(e);
    return;
  }
  PRINT(e, "CH_OWN void %s(%s)\n{\n", e->symbol, arguments);
  emit_calls(e, "", "0, 1");
  PRINT(e, "}\n");
}

int
emit_kernel(const struct chanas_host *host, struct chanas_text *out,
            const char *symbol, const struct plan *plan)
{
  struct emitter e = { .host = host, .out = out, .symbol = symbol,
                       .plan = plan };
  int i;

  for (i = 0; i < plan->phases; i++)
    emit_phase(&e, i);
  emit_pack(&e);
  emit_entry(&e);
  free(e.draft);
  return e.failed ? -1 : 0;
}

static const char shared[] =
  "#ifndef CH_SHARED\n"
  "#define CH_SHARED\n"
  "typedef __SIZE_TYPE__ size_t;\n"
  "extern int omp_get_thread_num(void);\n"
  "extern int omp_get_num_threads(void);\n"
  "#define CH_HELPER static __attribute__((unused))\n"
  "/* gcc 12 loses calls of functions that it has folded with equal ones:\n"
  " * identical code folding must leave these alone. */\n"
  "#if defined __GNUC__ && !defined __clang__\n"
  "#define CH_OWN __attribute__((no_icf))\n"
  "#else\n"
  "#define CH_OWN\n"
  "#endif\n"
  "#define CH_PHASE CH_OWN static\n"
  "/* Inlined, it would share its registers with constants of the caller. */\n"
  "#define CH_KERNEL CH_OWN static __attribute__((noinline))\n"
  "#define CH_INLINE \\\n"
  "  static inline __attribute__((always_inline, unused))\n"
  "CH_HELPER void ch_zero(float *p, long n)\n"
  "{\n"
  "  __builtin_memset(p, 0, (size_t)n * sizeof *p);\n"
  "}\n"
  "/* Zero the border of planes of h rows, this thread's share of them. */\n"
  "CH_HELPER void ch_halo(float *p, long planes, long plane, long h,\n"
  "                       long row, long halo, long pix, long t, long nt)\n"
  "{\n"
  "  for (long i = planes * t / nt; i < planes * (t + 1) / nt; i++) {\n"
  "    float *q = p + i * plane;\n"
  "    ch_zero(q, halo * row);\n"
  "    ch_zero(q + (h + halo) * row, halo * row);\n"
  "    for (long r = halo; r < h + halo; r++) {\n"
  "      ch_zero(q + r * row, halo * pix);\n"
  "      ch_zero(q + (r + 1) * row - halo * pix, halo * pix);\n"
  "    }\n"
  "  }\n"
  "}\n"
  "/* Rows of `span` pixels from (top, left) on, zero outside of h x w. */\n"
  "CH_HELPER void ch_patch(float *d, const float *x, long top, long left,\n"
  "                        long rows, long span, long h, long w, long row,\n"
  "                        long pix)\n"
  "{\n"
  "  const long from = left < 0 ? -left : 0;\n"
  "  const long to = left + span > w ? w - left : span;\n"
  "  for (long i = 0; i < rows; i++, d += row) {\n"
  "    const int inside = top + i >= 0 && top + i < h;\n"
  "    for (long j = 0; j < (inside ? from : span) * pix; j++)\n"
  "      d[j] = 0;\n"
  "    if (!inside)\n"
  "      continue;\n"
  "    __builtin_memcpy(d + from * pix,\n"
  "                     x + (top + i) * row + (left + from) * pix,\n"
  "                     (size_t)((to - from) * pix) * sizeof *d);\n"
  "    for (long j = to * pix; j < span * pix; j++)\n"
  "      d[j] = 0;\n"
  "  }\n"
  "}\n"
  "/* Weights to groups of vectors: [bias][tap][input channel]; the first\n"
  " * `big` groups have `size` vectors, the others one less.  Input\n"
  " * channels are cin of `full` ones, from `from` on, beyond them zero. */\n"
  "CH_HELPER void ch_pack(const float *w, const float *b, float *p,\n"
  "                       long cout, long cin, long from, long full,\n"
  "                       long taps, long vec, long groups, long size,\n"
  "                       long big)\n"
  "{\n"
  "  long k0 = 0;\n"
  "  for (long g = 0; g < groups; g++) {\n"
  "    const long n = (size - (g >= big)) * vec;\n"
  "    for (long l = 0; l < n; l++)\n"
  "      *p++ = b && k0 + l < cout ? b[k0 + l] : 0;\n"
  "    for (long a = 0; a < taps; a++)\n"
  "      for (long c = 0; c < cin; c++)\n"
  "        for (long l = 0; l < n; l++)\n"
  "          *p++ = k0 + l < cout && from + c < full\n"
  "            ? w[((k0 + l) * full + from + c) * taps + a] : 0;\n"
  "    k0 += n;\n"
  "  }\n"
  "}\n"
  "#endif\n";

int
emit_preamble(const struct chanas_host *host, struct chanas_text *out)
{
  return host->print(out, "%s", shared) || emit_winograd_packing(host, out)
         ? -1 : 0;
}
