/* SPDX-License-Identifier: Apache-2.0 */
/* The whole model: field numbers are those of onnx.proto, IR version 8. */
#include "onnx.h"
#include <limits.h>
#include <stdlib.h>
#include "file.h"
#include "log.h"
#include "mem.h"
#include "onnx_block.h"
#include "onnx_wire.h"
#include "weights.h"

#define IR_VERSION 8
#define OPSET 17

static const struct chanas_workload *
workload_of(const struct chanas_network *net, size_t b)
{
  return family_workloads((struct family *)net->family)
    ->item[net->block[b].workload];
}

/* Blocks in their order; the result is named "output". */
static void
make_nodes(struct graph *g, const struct chanas_network *net,
           float *const weights[])
{
  struct value *t = mem_array(struct value, net->tensors + 1), last;
  char *made = mem_array(char, net->tensors + 1);

  onnx_attribute_ints(g, "perm", 4, (int32_t[]){ 0, 3, 1, 2 });
  t[0] = onnx_new_value(g, 0);
  onnx_node(g, "Transpose", "input", NULL, NULL, t[0].name);
  made[0] = 1;
  for (size_t b = 0; b < net->blocks; b++) {
    const struct chanas_workload *w = workload_of(net, b);
    size_t src = (size_t)net->block[b].src, dst = (size_t)net->block[b].dst;
    struct value result;
    if (!made[src])
      t[src] = onnx_zeroes(g, &w->op[0]);
    made[src] = 1;
    result = onnx_block(g, w, t[src], weights[b]);
    t[dst] = w->accumulate && made[dst] ? onnx_binary(g, "Add", t[dst], result)
                                        : result;
    made[dst] = 1;
  }
  last = onnx_flatten(g, t[net->output]);
  onnx_node(g, "Identity", last.name, NULL, NULL, "output");
  free(t);
  free(made);
}

/* A float value with a free batch. */
static void
value_info(struct chanas_text *graph, int field, const char *name, int axes,
           const int64_t *extent)
{
  struct chanas_text dim = { 0 }, shape = { 0 }, tensor_type = { 0 };
  struct chanas_text type = { 0 }, info = { 0 };

  wire_string(&dim, 2, "batch");
  wire_message(&shape, 1, &dim);
  for (int i = 0; i < axes; i++) {
    wire_int(&dim, 1, extent[i]);
    wire_message(&shape, 1, &dim);
  }
  wire_int(&tensor_type, 1, ONNX_FLOAT);
  wire_message(&tensor_type, 2, &shape);
  wire_message(&type, 1, &tensor_type);
  wire_string(&info, 1, name);
  wire_message(&info, 2, &type);
  wire_message(graph, field, &info);
}

static void
property(struct chanas_text *model, const char *key, const char *value)
{
  struct chanas_text entry = { 0 };

  wire_string(&entry, 1, key);
  wire_string(&entry, 2, value);
  wire_message(model, 14, &entry);
}

static void
describe(struct chanas_text *model, const struct weights *w)
{
  struct chanas_text mean = { 0 }, std = { 0 }, names = { 0 };

  for (int32_t c = 0; c < w->channels; c++) {
    text_print(&mean, "%s%.9g", c ? " " : "", (double)w->mean[c]);
    text_print(&std, "%s%.9g", c ? " " : "", (double)w->std[c]);
  }
  for (int32_t i = 0; i < w->classes; i++)
    text_print(&names, "%s%s", i ? "\n" : "", w->class_name[i]);
  property(model, "mean", text_string(&mean));
  property(model, "std", text_string(&std));
  property(model, "classes", text_string(&names));
  text_free(&mean);
  text_free(&std);
  text_free(&names);
}

static void
make_graph(struct chanas_text *out, const struct chanas_network *net,
           float *const weights[])
{
  const struct chanas_op *op = &workload_of(net, 0)->op[0];
  const struct chanas_workload *last = workload_of(net, net->blocks - 1);
  int64_t in[] = { op->h, op->w, op->cin };
  int64_t classes[] = { (int64_t)last->outputs / last->batch };
  struct graph g = { 0 };

  make_nodes(&g, net, weights);
  text_append(out, text_string(&g.nodes), g.nodes.size);
  wire_string(out, 2, net->code);
  text_append(out, text_string(&g.initializers), g.initializers.size);
  wire_string(out, 10, "Input NHWC: (pixel / 255 - mean) / std.");
  value_info(out, 11, "input", 3, in);
  value_info(out, 12, "output", 1, classes);
  text_free(&g.nodes);
  text_free(&g.initializers);
}

int
onnx_write(const struct chanas_network *net, float *const weights[],
           const struct weights *about, const char *path)
{
  struct chanas_text model = { 0 }, graph = { 0 }, opset = { 0 };
  int status = -1;

  wire_int(&model, 1, IR_VERSION);
  wire_string(&model, 2, "chanas");
  wire_string(&model, 3, PACKAGE_VERSION);
  make_graph(&graph, net, weights);
  wire_message(&model, 7, &graph);
  wire_int(&opset, 2, OPSET);
  wire_message(&model, 8, &opset);
  property(&model, "space", family_name(net->family));
  property(&model, "network", net->code);
  if (about)
    describe(&model, about);
  if (model.size > INT_MAX)
    log_error("%s: %s needs %zu bytes; an ONNX file has at most 2 GiB", path,
              net->code, model.size);
  else
    status = file_write(path, model.data, model.size);
  text_free(&model);
  return status;
}
