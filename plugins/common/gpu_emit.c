/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text of a step: its manifest and its kernels.  gpu_manifest.h says how
 * the lines that begin with a comment and an at sign are read.
 */
#include "gpu_emit.h"

static const char *const act_of[] = { "", "relu", "relu6", "hswish",
                                      "hsigmoid", "swish" };

/* ---- parts of kernels ---- */

static void
print_place(struct gpu_text *o, int tensor)
{
  const struct gpu_tensor *t = &o->plan->tensor[tensor];

  if (t->place == GPU_SCRATCH)
    P(o, "s + %zu", t->offset);
  else
    P(o, "%s", t->place == GPU_X ? "x" : "y");
}

static void
pointer(struct gpu_text *o, const char *type, const char *name, int tensor)
{
  if (tensor < 0)
    return;
  P(o, "  GLOBAL %sfloat *%s = ", type, name);
  print_place(o, tensor);
  P(o, ";\n");
}

/* Head of a kernel whose blocks run in clusters along the pixels. */
static void
print_cluster(struct gpu_text *o, long threads)
{
  const struct gpu_schedule *s = o->plan->schedule;

  P(o, "KERNEL_WITH(__cluster_dims__(%d, %d, 1) __launch_bounds__(%ld),\n"
    "            %s_%d)\n{\n", s->bind ? 1 : s->cluster,
    s->bind ? s->cluster : 1, threads, o->symbol, o->kernels);
}

void
gpu_begin(struct gpu_text *o, const struct gpu_cost *c, const char *what,
          const struct gpu_node *first, const struct gpu_node *last)
{
  char name[] = "add0";
  int i;

  o->pooled = c->cluster > 1 || c->local > o->plan->device->declared;
  o->pool = 0;
  P(o, "\n/* %s */\n//@ run %s_%d %ld %ld %ld %ld %ld\n", what, o->symbol,
    o->kernels, c->grid[0], c->grid[1], c->grid[2], c->threads,
    o->pooled ? c->local : 0);
  if (c->cluster > 1)
    print_cluster(o, c->threads);
  else
    P(o, "KERNEL(%ld, %s_%d)\n{\n", c->threads, o->symbol, o->kernels);
  o->kernels++;
  if (o->pooled)
    P(o, "  POOL();\n");
  pointer(o, "const ", "in", first->src);
  pointer(o, "const ", "in2", first->src2);
  pointer(o, "const ", "gate", first->gate);
  pointer(o, "", "to", last->dst);
  pointer(o, "", "part", last->partial);
  for (i = 0; i < last->tails; i++) {
    name[3] = (char)('0' + i);
    pointer(o, "const ", name, last->tail[i].add);
  }
}

/* What is judged and asked for (gpu_cost.c) is all that there is. */
void
gpu_local(struct gpu_text *o, const char *type, const char *name,
          const char *count, const char *rest, long bytes)
{
  if (!o->pooled)
    P(o, "  LOCAL ALIGNED %s %s[%s]%s;\n", type, name, count, rest);
  else if (*rest)
    P(o, "  %s (*const %s)%s = (%s (*)%s)(pool + %ld);\n", type, name, rest,
      type, rest, o->pool);
  else
    P(o, "  %s *const %s = (%s *)(pool + %ld);\n", type, name, type,
      o->pool);
  o->pool += (bytes + 15) / 16 * 16;
}

void
gpu_end(struct gpu_text *o)
{
  P(o, "}\n");
}

void
gpu_inner(struct gpu_text *o, const struct gpu_node *n, const char *indent)
{
  int i;

  if (n->bias >= 0)
    P(o, "%sv += w[%zu + c];\n", indent, n->bias_at);
  for (i = 0; i < n->tails; i++) {
    if (n->tail[i].add >= 0)
      P(o, "%sv += add%d[e];\n", indent, i);
    if (n->tail[i].act != CHANAS_ACT_NONE)
      P(o, "%sv = %s(v);\n", indent, act_of[n->tail[i].act]);
  }
}

void
gpu_finish(struct gpu_text *o, const struct gpu_node *n, const char *indent)
{
  gpu_inner(o, n, indent);
  if (n->accumulate)
    P(o, "%sv += to[e];\n", indent);
}

/* ---- manifest ---- */

/* How a node's parameters are packed. */
static void
print_pack(struct gpu_text *o, const struct gpu_node *n)
{
  static const char *const type[] = { "f32", "bf16", "i8", "f16", "tf32" };
  int taps = n->k * n->k, wide = gpu_up(n->cout, 4) * 4;
  int cin = n->kind == GPU_WINDOW ? 1 : n->cin;

  if (n->weights < 0)
    return;
  if (n->mma)
    P(o, "//@ rows %s %ld %zu %d %d %d\n", type[o->plan->workload->dtype],
      n->weights, n->weights_at, n->cout, cin, taps);
  else
    P(o, "//@ columns %ld %zu %d %d %d %d\n", n->weights, n->weights_at,
      n->cout, cin, taps, wide);
  if (n->bias >= 0)
    P(o, "//@ columns %ld %zu %d 1 1 %d\n", n->bias, n->bias_at, n->cout,
      wide);
}

static void
print_manifest(struct gpu_text *o)
{
  const struct gpu_plan *p = o->plan;
  const struct chanas_workload *w = p->workload;
  int i;

  P(o, "\n//@ step %s %zu %zu\n/* %s */\n", o->symbol, p->packed, p->scratch,
    w->key);
  for (i = 0; i < p->nodes; i++)
    print_pack(o, &p->node[i]);
  if (w->dtype == CHANAS_I8)
    P(o, "//@ columns %zu %zu %u 1 1 %u\n", w->weights - w->ops, p->range_at,
      w->ops, w->ops);
}

/* ---- all of it ---- */

static void
emit_node(struct gpu_text *o, const struct gpu_node *n)
{
  switch (n->kind) {
  case GPU_DENSE:
    if (n->mma)
      gpu_emit_mma(o, n);
    else
      gpu_emit_dense(o, n);
    if (n->split > 1)
      gpu_emit_sum(o, n);
    break;
  case GPU_VECTOR: gpu_emit_vector(o, n); break;
  case GPU_WINDOW: gpu_emit_window(o, n); break;
  case GPU_POOL: gpu_emit_pool(o, n); break;
  default: gpu_emit_point(o, n);
  }
}

static int
has_mma(const struct gpu_plan *p)
{
  int i;

  for (i = 0; i < p->nodes; i++)
    if (p->node[i].mma)
      return 1;
  return 0;
}

int
gpu_emit(void *self, const struct chanas_workload *w, struct chanas_point at,
         const char *symbol, struct chanas_text *out)
{
  const struct gpu *g = self;
  struct gpu_schedule s;
  struct gpu_plan p;
  struct gpu_text o = { .h = g->host, .out = out, .plan = &p,
                        .symbol = symbol };
  int i;

  if (gpu_schedule(g, w, at, &s) || gpu_plan_make(&p, w, &s, &g->device)) {
    g->host->log(g->host->ctx, CHANAS_ERROR, "no schedule of %s", w->key);
    return -1;
  }
  P(&o, "%s%s%s", gpu_preamble(g->device.dialect), gpu_preamble_both,
    has_mma(&p) ? gpu_preamble_mma : "");
  if (s.copy != GPU_COPY_NONE)
    P(&o, "%s", gpu_preamble_copy);
  print_manifest(&o);
  for (i = 0; i < p.phases; i++)
    if (p.phase[i].dw >= 0)
      gpu_emit_chain(&o, &p.phase[i]);
    else
      emit_node(&o, &p.node[p.phase[i].node]);
  P(&o, "//@ end %s\n", symbol);
  if (o.bad)
    g->host->log(g->host->ctx, CHANAS_ERROR, "the text of %s does not fit",
                 w->key);
  return o.bad ? -1 : 0;
}
