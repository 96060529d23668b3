/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Convolutions of 3 x 3, stride 1, in Winograd's form F(2 x 2, 3 x 3): a tile
 * of 4 x 4 inputs gives 2 x 2 outputs with 16 multiplications a channel in
 * place of 36 (Lavin and Gray, CVPR 2016, section 4.1).
 *
 *   inputs --B'dB--> v[16][tile][cin] --products--> m[16][tile][group]
 *          --A'mA, bias, epilogue--> outputs
 *
 * A thread takes some rows of tiles at a time, so v and m stay in its own
 * caches: they lie in its share of the scratch memory, m for one group of
 * output channels.  Weights are transformed when they are packed.
 */
#include "emit.h"

enum { MICRO = 1, GROUP, INPUT, OUTPUT };

#define ELEMENTS 16 /* of a tile */

/* ---- sizes */

/* Tiles that are computed together, all in whole rows of tiles. */
static int
tiles_of(const struct node *n)
{
  return n->winograd * (n->ow / 2);
}

/* Floats of one element of all tiles; odd in vectors, so that the elements do
 * not meet in a few sets of the cache. */
static long
element_in(const struct plan *plan, const struct node *n)
{
  return ((long)tiles_of(n) * div_up(n->cin, plan->vec) + 1) * plan->vec;
}

static long
element_out(const struct plan *plan, const struct node *n)
{
  return ((long)tiles_of(n) * n->block.nv + 1) * plan->vec;
}

size_t
winograd_share(const struct plan *plan, const struct node *n)
{
  return ELEMENTS * (size_t)(element_in(plan, n) + element_out(plan, n));
}

/* ---- one tile, one vector of channels */

/* d0..d3 to B'd: d0 - d2, d1 + d2, d2 - d1, d1 - d3. */
static const struct { int a, b; char sign; } in_rule[4] = {
  { 0, 2, '-' }, { 1, 2, '+' }, { 2, 1, '-' }, { 1, 3, '-' },
};

static void
input(struct emitter *e, int index)
{
  const struct node *n = &e->plan->node[index];
  const struct tensor *t = &e->plan->tensor[n->src];
  int i, j, vec = e->plan->vec;

  if (!emit_once(e, index, INPUT, 0, 0))
    return;
  PRINT(e, "CH_KERNEL void %s_n%d_in(const float *x, float *v)\n{\n",
        e->symbol, index);
  for (i = 0; i < 4; i++) {
    PRINT(e, "  ch_v%d ", vec);
    for (j = 0; j < 4; j++)
      PRINT(e, "d%d%d = ch_ld%d(x + %ld)%s", i, j, vec,
            i * t->row + j * t->pix, j < 3 ? ", " : ";\n");
    PRINT(e, "  ch_v%d ", vec);
    for (j = 0; j < 4; j++)
      PRINT(e, "t%d%d = d%d%d %c d%d%d%s", i, j, i, in_rule[j].a,
            in_rule[j].sign, i, in_rule[j].b, j < 3 ? ", " : ";\n");
  }
  for (i = 0; i < 4; i++)
    for (j = 0; j < 4; j++)
      PRINT(e, "  ch_st%d(v + %ld, t%d%d %c t%d%d);\n", vec,
            (4 * i + j) * element_in(e->plan, n), in_rule[i].a, j,
            in_rule[i].sign, in_rule[i].b, j);
  PRINT(e, "}\n");
}

/* m0..m3 to A'm: m0 + m1 + m2, m1 - m2 - m3. */
static void
out_row(struct emitter *e, const char *to, const char *from, int i)
{
  PRINT(e, "  ch_v%d %s%d0 = %s%d0 + %s%d1 + %s%d2, "
        "%s%d1 = %s%d1 - %s%d2 - %s%d3;\n", e->plan->vec, to, i, from, i, from,
        i, from, i, to, i, from, i, from, i, from, i);
}

static void
next_row(struct emitter *e, const struct node *n)
{
  int i, r = 0;

  PRINT(e, "  y += %ld;\n", e->plan->tensor[n->dst].row);
  for (i = 0; i < n->tails; i++)
    if (n->tail[i].add >= 0)
      PRINT(e, "  r%d += %ld;\n", r++,
            e->plan->tensor[n->tail[i].add].row);
}

static void
output(struct emitter *e, int index, int partial)
{
  const struct node *n = &e->plan->node[index];
  int i, j, vec = e->plan->vec;
  char name[8];

  if (!emit_once(e, index, OUTPUT, partial, 0))
    return;
  PRINT(e, "CH_KERNEL void %s_n%d_out%s(const float *m, float *y, "
        "const float *w", e->symbol, index, partial ? "p" : "");
  emit_added_params(e, n);
  PRINT(e, ")\n{\n  const ch_v%d b = ch_ld%d(w);\n", vec, vec);
  for (i = 0; i < 4; i++) {
    PRINT(e, "  ch_v%d ", vec);
    for (j = 0; j < 4; j++)
      PRINT(e, "m%d%d = ch_ld%d(m + %ld)%s", i, j, vec,
            (4 * i + j) * element_out(e->plan, n), j < 3 ? ", " : ";\n");
    out_row(e, "s", "m", i);
  }
  for (j = 0; j < 2; j++)
    PRINT(e, "  ch_v%d a0_%d = s0%d + s1%d + s2%d + b, "
          "a1_%d = s1%d - s2%d - s3%d + b;\n", vec, j, j, j, j, j, j, j, j);
  for (i = 0; i < 2; i++) {
    for (j = 0; j < 2; j++) {
      __builtin_snprintf(name, sizeof name, "a%d_%d", i, j);
      emit_store(e, n, name, (struct at){ j, 0, 0, 0 }, partial);
    }
    if (i == 0)
      next_row(e, n);
  }
  PRINT(e, "}\n");
}

/* ---- products */

/* mr tiles, nv vectors of output channels, all input channels. */
static void
micro(struct emitter *e, int index, int mr, int nv)
{
  const struct node *n = &e->plan->node[index];
  int i, j, vec = e->plan->vec;
  long tile = (long)div_up(n->cin, vec) * vec;
  unsigned long long h;

  if (!emit_once(e, index, MICRO, mr, nv))
    return;
  emit_share(e);
  PRINT(e, "(const float *q, float *m, const float *w)\n{\n");
  for (i = 0; i < mr; i++)
    for (j = 0; j < nv; j++)
      PRINT(e, "  ch_v%d a%d_%d = ch_set%d(0);\n", vec, i, j, vec);
  PRINT(e, "  {\n");
  emit_channels(e, mr, nv, tile, n->cin, 0);
  PRINT(e, "  }\n");
  for (i = 0; i < mr; i++)
    for (j = 0; j < nv; j++)
      PRINT(e, "  ch_st%d(m + %d, a%d_%d);\n", vec, (i * nv + j) * vec, i, j);
  PRINT(e, "}\n");
  h = emit_shared(e);
  PRINT(e, "#define %s_n%d_%dx%d ch_k%016llx\n", e->symbol, index, mr, nv,
        h);
}

static void
products(struct emitter *e, int index, int nv)
{
  const struct node *n = &e->plan->node[index];
  struct parts q = parts_of(tiles_of(n), n->block.mr);
  int vec = e->plan->vec, wide = div_up(n->cin, vec) * vec;
  int small = q.count - q.big;

  PRINT(e, "  for (long a = 0; a < %d; a++) {\n"
        "    const float *q = v + a * %ld, *u = w + %d + a * %d;\n"
        "    float *p = m + a * %ld;\n", ELEMENTS, element_in(e->plan, n),
        nv * vec, n->cin * nv * vec, element_out(e->plan, n));
  PRINT(e, "    for (long i = 0; i < %d; i++, q += %d, p += %d)\n"
        "      %s_n%d_%dx%d(q, p, u);\n", q.big, q.size * wide,
        q.size * nv * vec, e->symbol, index, q.size, nv);
  if (small)
    PRINT(e, "    for (long i = 0; i < %d; i++, q += %d, p += %d)\n"
          "      %s_n%d_%dx%d(q, p, u);\n", small, (q.size - 1) * wide,
          (q.size - 1) * nv * vec, e->symbol, index, q.size - 1, nv);
  PRINT(e, "  }\n");
}

/* The outputs of one group; y and r0.. are those of the first tile. */
static void
outputs(struct emitter *e, int index, int nv, int partial)
{
  const struct node *n = &e->plan->node[index];
  const struct tensor *dst = &e->plan->tensor[n->dst];
  int i, r = 0, vec = e->plan->vec, wide = n->ow / 2;
  char call[32];

  PRINT(e, "  for (long i = 0; i < %d; i++)\n"
        "    for (long j = 0; j < %d; j++)\n"
        "      for (long l = 0; l < %d; l++)\n", n->winograd, wide, nv);
  for (i = 0; i <= partial; i++) {
    __builtin_snprintf(call, sizeof call, "out%s", i < partial ? "p" : "");
    if (i < partial)
      PRINT(e, "        if (last && l == %d)\n  ", nv - 1);
    else if (partial)
      PRINT(e, "        else\n  ");
    PRINT(e, "        %s_n%d_%s(m + ((i * %d + j) * %d + l) * %d, "
          "y + 2 * i * %ld + 2 * j * %ld + l * %ld, w + l * %d", e->symbol,
          index, call, wide, nv, vec, dst->row, dst->pix, dst->vec, vec);
    for (r = 0; r < n->tails; r++)
      if (n->tail[r].add >= 0) {
        const struct tensor *t = &e->plan->tensor[n->tail[r].add];
        int k, at = 0;
        for (k = 0; k < r; k++)
          at += n->tail[k].add >= 0;
        PRINT(e, ", r%d + 2 * i * %ld + 2 * j * %ld + l * %ld", at, t->row,
              t->pix, t->vec);
      }
    PRINT(e, ");\n");
  }
}

static void
group(struct emitter *e, int index, int nv, int partial)
{
  const struct node *n = &e->plan->node[index];
  struct parts q = parts_of(tiles_of(n), n->block.mr);

  if (!emit_once(e, index, GROUP, nv, 0))
    return;
  micro(e, index, q.size, nv);
  if (q.big < q.count)
    micro(e, index, q.size - 1, nv);
  PRINT(e, "CH_PHASE void %s_n%d_group%d(const float *v, float *m, float *y, "
        "const float *w", e->symbol, index, nv);
  emit_added_params(e, n);
  PRINT(e, ", long last)\n{\n  (void)last;\n");
  products(e, index, nv);
  outputs(e, index, nv, partial);
  PRINT(e, "}\n");
}

/* ---- the phase */

static void
group_call(struct emitter *e, int index, struct parts g, int nv)
{
  const struct node *n = &e->plan->node[index];
  const struct tensor *dst = &e->plan->tensor[n->dst];
  int i, r = 0;

  PRINT(e, "      %s_n%d_group%d(v, m, dst + n * %ld + 2 * ty * %ld + k * "
        "%ld, wp + k * %zu", e->symbol, index, nv, dst->img, dst->row,
        dst->vec, node_panel(e->plan, n));
  for (i = 0; i < n->tails; i++)
    if (n->tail[i].add >= 0) {
      const struct tensor *t = &e->plan->tensor[n->tail[i].add];
      PRINT(e, ", r%d + n * %ld + 2 * ty * %ld + k * %ld", r++, t->img,
            t->row, t->vec);
    }
  PRINT(e, ", g == %d);\n", g.count - 1);
}

static void
inputs(struct emitter *e, int index)
{
  const struct node *n = &e->plan->node[index];
  const struct tensor *src = &e->plan->tensor[n->src];
  int vec = e->plan->vec, vectors = div_up(n->cin, vec), wide = n->ow / 2;

  PRINT(e, "    for (long i = 0; i < %d; i++)\n"
        "      for (long j = 0; j < %d; j++)\n"
        "        for (long k = 0; k < %d; k++)\n"
        "          %s_n%d_in(src + n * %ld + 2 * (ty + i) * %ld + 2 * j * %ld"
        " + k * %ld, v + ((i * %d + j) * %d + k) * %d);\n", n->winograd, wide,
        vectors, e->symbol, index, src->img, src->row, src->pix, src->vec,
        wide, vectors, vec);
}

void
emit_winograd(struct emitter *e, int index)
{
  const struct plan *plan = e->plan;
  const struct node *n = &plan->node[index];
  const struct tensor *src = &plan->tensor[n->src];
  struct parts g = parts_of(div_up(n->cout, plan->vec), n->block.nv);
  int strips = n->oh / 2 / n->winograd, partial = emit_parts(e, n);

  input(e, index);
  output(e, index, 0);
  if (partial)
    output(e, index, 1);
  group(e, index, g.size, partial);
  if (g.big < g.count)
    group(e, index, g.size - 1, partial);
  emit_phase_head(e, index);
  emit_tensor(e, n->src, "src", 1);
  PRINT(e, "  src -= %ld;\n", n->pad * (src->row + src->pix));
  emit_tensor(e, n->dst, "dst", 0);
  emit_added(e, n);
  PRINT(e, "  const float *wp = w + %zu;\n"
        "  float *v = s + %zu + t * %zu, *m = v + %ld;\n", n->packed,
        plan->share_offset, plan->share, ELEMENTS * element_in(plan, n));
  emit_halo(e, n->dst);
  emit_range(e, (long)plan->batch * strips);
  PRINT(e, "  for (long u = lo; u < hi; u++) {\n"
        "    const long n = u / %d, ty = u %% %d * %d;\n", strips, strips,
        n->winograd);
  inputs(e, index);
  PRINT(e, "    for (long g = 0; g < %d; g++) {\n"
        "      const long k = g * %d - (g > %d ? g - %d : 0);\n", g.count,
        g.size, g.big, g.big);
  if (g.big < g.count) {
    PRINT(e, "      if (g >= %d)\n  ", g.big);
    group_call(e, index, g, g.size - 1);
    PRINT(e, "      else\n  ");
  }
  group_call(e, index, g, g.size);
  PRINT(e, "    }\n  }\n}\n");
}

/* ---- weights */

static const char packing[] =
  "#ifndef CH_WINOGRAD\n"
  "#define CH_WINOGRAD\n"
  "/* Groups as of ch_pack, of 16 transformed taps: G w G'. */\n"
  "CH_HELPER void ch_pack_winograd(const float *w, const float *b, float *p,\n"
  "                                long cout, long cin, long vec,\n"
  "                                long groups, long size, long big)\n"
  "{\n"
  "  static const float f[4][3] = { { 1, 0, 0 }, { 0.5f, 0.5f, 0.5f },\n"
  "                                 { 0.5f, -0.5f, 0.5f }, { 0, 0, 1 } };\n"
  "  long k0 = 0;\n"
  "  for (long g = 0; g < groups; g++) {\n"
  "    const long n = (size - (g >= big)) * vec;\n"
  "    for (long l = 0; l < n; l++)\n"
  "      *p++ = b && k0 + l < cout ? b[k0 + l] : 0;\n"
  "    for (long a = 0; a < 16; a++)\n"
  "      for (long c = 0; c < cin; c++)\n"
  "        for (long l = 0; l < n; l++) {\n"
  "          float sum = 0;\n"
  "          for (long i = 0; i < 9 && k0 + l < cout; i++)\n"
  "            sum += f[a / 4][i / 3] * f[a % 4][i % 3]\n"
  "                   * w[((k0 + l) * cin + c) * 9 + i];\n"
  "          *p++ = sum;\n"
  "        }\n"
  "    k0 += n;\n"
  "  }\n"
  "}\n"
  "#endif\n";

int
emit_winograd_packing(const struct chanas_host *host, struct chanas_text *out)
{
  return host->print(out, "%s", packing);
}
