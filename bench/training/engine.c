/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Steps of training of one network of a space, timed; or one step written
 * out, for whoever wants to compute the same:
 *
 *   engine SPACE.ini CODE BATCH STEPS THREADS [FOLDER]
 *
 * FOLDER gets graph.json (nodes in order; where the parameters lie), and as
 * raw float32 value.f32, input.f32, target.f32, logits.f32, grad.f32 (before
 * the step), after.f32 (the values after one step of SGD).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "file.h"
#include "host_access.h"
#include "log.h"
#include "mem.h"
#include "network.h"
#include "nn.h"
#include "nn_optim.h"
#include "nn_rng.h"
#include "proc.h"

struct bench {
  struct chanas_host host;
  struct nn_store store;
  struct nn_engine *engine;
  struct nn_graph *graph;
  struct nn_optim optim;
  int32_t batch;
  float *x, *target, *gradient;
  double macs;
};

__attribute__((format(printf, 3, 4))) static void
say(void *ctx, enum chanas_level level, const char *fmt, ...)
{
  va_list list;

  (void)ctx;
  va_start(list, fmt);
  log_vmessage("engine", level, fmt, list);
  va_end(list);
}

static int
open_network(struct bench *b, struct family *family, const char *code)
{
  int32_t *choice = mem_array(int32_t, family_space(family)->knobs + 1);
  struct chanas_network *net = NULL;
  int status = -1;

  if (network_parse_code(family, code, choice) == 0)
    net = network_build(family, choice);
  free(choice);
  if (net && nn_store_add(&b->store, &b->host, net) == 0 &&
      nn_store_seal(&b->store, 1) == 0)
    b->graph = nn_graph_make(&b->store, &b->host, net);
  if (b->graph) {
    b->macs = net->macs;
    status = 0;
  }
  network_free(net);
  return status;
}

static void
make_batch(struct bench *b)
{
  size_t n = (size_t)b->batch * b->graph->elements[0];
  size_t m = (size_t)b->batch * (size_t)b->graph->classes;
  struct nn_rng rng = nn_rng_at(1, 2, 3);

  b->x = mem_array(float, n);
  b->target = mem_array(float, m);
  b->gradient = mem_array(float, m);
  for (size_t i = 0; i < n; i++)
    b->x[i] = (float)nn_rng_normal(&rng);
  for (size_t i = 0; i < (size_t)b->batch; i++)
    b->target[i * (size_t)b->graph->classes +
              nn_rng_below(&rng, (size_t)b->graph->classes)] = 1;
}

static const float *
gradients(struct bench *b)
{
  const float *y = nn_forward(b->engine, &b->store, b->graph, NN_TRAIN,
                              b->batch, b->x);

  if (y == NULL)
    exit(1);
  nn_loss(b->batch, b->graph->classes, y, b->target, 1, b->gradient);
  nn_backward(b->engine, &b->store, b->graph, b->gradient, NULL);
  return y;
}

static void
put(const char *folder, const char *name, const float *data, size_t n)
{
  char *path = mem_print("%s/%s.f32", folder, name);

  if (file_write(path, data, n * sizeof *data) < 0)
    exit(1);
  free(path);
}

static void
put_graph(const struct bench *b, const char *folder)
{
  struct chanas_text text = { 0 };
  const struct nn_graph *g = b->graph;
  char *path = mem_print("%s/graph.json", folder);

  text_print(&text, "{\"batch\": %d, \"h\": %d, \"c\": %d, \"classes\": %d, "
             "\"output\": %d, \"macs\": %.0f, \"nodes\": [", b->batch,
             g->resolution, g->channels, g->classes, g->output, b->macs);
  for (size_t i = 0; i < g->nodes; i++) {
    const struct nn_node *o = &g->node[i];
    const struct nn_slot *s = o->slot < 0 ? NULL : &b->store.slot[o->slot];
    text_print(&text, "%s\n{\"kind\": %d, \"act\": %d, \"src\": %d, "
               "\"src2\": %d, \"dst\": %d, \"res\": %d, \"cin\": %d, "
               "\"h\": %d, \"cout\": %d, \"k\": %d, \"stride\": %d, "
               "\"pad\": %d, \"squeeze\": %d, \"norm\": %d, \"bias\": %d, "
               "\"weight\": %zu, \"second\": %zu, \"scale\": %zu, "
               "\"shift\": %zu}", i ? "," : "", o->kind, o->act, o->src,
               o->src2, o->dst, o->res, o->cin, o->h, o->cout, o->k,
               o->stride, o->pad, o->squeeze, o->norm, s ? s->bias : 0,
               s ? s->weight : 0, s ? s->second : 0, s ? s->scale : 0,
               s ? s->shift : 0);
  }
  text_print(&text, "]}\n");
  if (file_write(path, text.data, text.size) < 0)
    exit(1);
  free(path);
  text_free(&text);
}

static void
write_step(struct bench *b, const char *folder)
{
  size_t m = (size_t)b->batch * (size_t)b->graph->classes;

  put_graph(b, folder);
  put(folder, "value", b->store.value, b->store.params);
  put(folder, "input", b->x, (size_t)b->batch * b->graph->elements[0]);
  put(folder, "target", b->target, m);
  put(folder, "logits", gradients(b), m);
  put(folder, "grad", b->store.grad, b->store.params);
  nn_optim_step(&b->optim, &b->store, 0.05, nn_engine_threads(b->engine));
  put(folder, "after", b->store.value, b->store.params);
}

static void
time_steps(struct bench *b, int steps)
{
  double begun, least = 1e30, all = proc_now();

  for (int i = 0; i < steps; i++) {
    begun = proc_now();
    gradients(b);
    nn_optim_step(&b->optim, &b->store, 0.05, nn_engine_threads(b->engine));
    if (proc_now() - begun < least)
      least = proc_now() - begun;
  }
  all = (proc_now() - all) / steps;
  printf("engine  %.1f images/s (best step %.1f), %.1f GFLOP/s, %.0f MiB\n",
         b->batch / all, b->batch / least, 6e-9 * b->macs * b->batch / all,
         (double)nn_engine_bytes(b->engine) / 1048576);
}

int
main(int argc, char **argv)
{
  struct bench b = { .host = { .struct_size = sizeof b.host, .log = say } };
  struct family *family;

  if (argc < 6) {
    fprintf(stderr, "engine SPACE.ini CODE BATCH STEPS THREADS [FOLDER]\n");
    return 2;
  }
  host_access(&b.host);
  family = family_read(argv[1]);
  if (family == NULL || open_network(&b, family, argv[2]) < 0)
    return 1;
  b.batch = atoi(argv[3]);
  b.engine = nn_engine_open(&b.host, atoi(argv[5]));
  b.optim = (struct nn_optim){ .method = NN_SGD, .momentum = 0.9,
                               .nesterov = 1, .decay = 1e-4 };
  make_batch(&b);
  if (nn_optim_open(&b.optim, &b.store) < 0)
    return 1;
  if (argc > 6)
    write_step(&b, argv[6]);
  if (atoi(argv[4]) > 0)
    time_steps(&b, atoi(argv[4]));
  nn_optim_close(&b.optim);
  nn_engine_close(b.engine);
  nn_graph_free(b.graph);
  nn_store_free(&b.store);
  family_free(family);
  free(b.x);
  free(b.target);
  free(b.gradient);
  return 0;
}
