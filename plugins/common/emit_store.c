/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Printing C: epilogues, and stores of floats as what the tensor holds.
 */
#include "emit.h"
#include "narrow.h"

static const char *const act_suffix[] = {
  [CHANAS_ACT_RELU] = "relu", [CHANAS_ACT_RELU6] = "relu6_",
  [CHANAS_ACT_HSWISH] = "hswish", [CHANAS_ACT_HSIGMOID] = "hsigmoid",
  [CHANAS_ACT_SWISH] = "swish",
};

static const char *
dtype_suffix(const struct emitter *e)
{
  switch (e->plan->workload->dtype) {
  case CHANAS_I8: return "i8";
  case CHANAS_F16: return "f16";
  default: return "bf16";
  }
}

static void
store_narrow(struct emitter *e, const struct tensor *t, const char *name,
             struct at at, int elements)
{
  PRINT(e, "    ch_st_%s(y", dtype_suffix(e));
  emit_offset(e, t, at);
  PRINT(e, ", %d, %s%s);\n", elements, name, t->per == 4 ? ", qs" : "");
}

void
emit_store_pixels(struct emitter *e, int tensor, const char *name,
                  struct at at)
{
  store_narrow(e, &e->plan->tensor[tensor], name, at, e->plan->vec);
}

int
emit_quantum(const struct emitter *e, const struct node *n)
{
  return e->plan->tensor[n->dst].per == 4;
}

void
emit_quantum_param(struct emitter *e, const struct node *n)
{
  if (emit_quantum(e, n))
    PRINT(e, ", float qs");
}

void
emit_quantum_arg(struct emitter *e, const struct node *n)
{
  if (emit_quantum(e, n))
    PRINT(e, ", w[%zu]", e->plan->tensor[n->dst].quantum);
}

void
emit_quantum_local(struct emitter *e, const struct node *n)
{
  if (emit_quantum(e, n))
    PRINT(e, "  const float qs = w[%zu];\n",
          e->plan->tensor[n->dst].quantum);
}

/* Additions and activations on the accumulator `name`. */
static void
tails(struct emitter *e, const struct node *n, const char *name, struct at at,
      int partial)
{
  int i, r = 0;
  char added[8] = "r0";

  for (i = 0; i < n->tails; i++) {
    if (n->tail[i].add >= 0) {
      PRINT(e, "    %s += ", name);
      added[1] = (char)('0' + r++);
      emit_load(e, n->tail[i].add, added, at, partial);
      PRINT(e, ";\n");
    }
    if (n->tail[i].act != CHANAS_ACT_NONE)
      PRINT(e, "    %s = ch_%s%d(%s);\n", name, act_suffix[n->tail[i].act],
            e->plan->vec, name);
  }
}

void
emit_store(struct emitter *e, const struct node *n, const char *name,
           struct at at, int partial)
{
  const struct tensor *t = &e->plan->tensor[n->dst];
  int part = partial && emit_partial(e, n->dst), vec = e->plan->vec;

  tails(e, n, name, at, partial);
  if (n->accumulate) {
    PRINT(e, "    %s += ", name);
    emit_load(e, n->dst, "y", at, partial);
    PRINT(e, ";\n");
  }
  if (t->per) {
    store_narrow(e, t, name, at,
                 t->c >= vec ? vec : narrow_elements(e->plan, t));
    return;
  }
  PRINT(e, "    ch_st%s%d(y", part ? "n" : "", vec);
  emit_offset(e, t, at);
  if (part)
    PRINT(e, ", %d", t->c % vec);
  PRINT(e, ", %s);\n", name);
}

void
emit_store_halves(struct emitter *e, const struct node *n, const char *low,
                  const char *high, struct at at)
{
  PRINT(e, "    ch_st_relu6_h(y");
  emit_offset(e, &e->plan->tensor[n->dst], at);
  PRINT(e, ", %s, ", low);
  if (high)
    PRINT(e, "%s);\n", high);
  else
    PRINT(e, "ch_set%d(0));\n", e->plan->vec);
}
