/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A network as nodes over tensors.  Tensors of the network that several
 * blocks add to become a chain of additions; an addition right behind a
 * normalised convolution without activation is done by that node ("res").
 */
#include "nn_impl.h"

struct maker {
  struct nn_graph *graph;
  const struct nn_store *store;
  const struct chanas_host *host;
  const struct chanas_network *net;
  int32_t *map;    /* of the network's tensors to the graph's, or -1 */
  size_t mapped;
  int32_t *local;  /* of the block's */
  size_t block;
  int plain;
};

static int32_t
add_tensor(struct maker *m, size_t elements)
{
  m->graph->elements[m->graph->tensors] = elements;
  return (int32_t)m->graph->tensors++;
}

static struct nn_node *
add_node(struct maker *m, int32_t kind, int32_t src, int32_t src2,
         size_t elements)
{
  struct nn_node *node = &m->graph->node[m->graph->nodes++];

  *node = (struct nn_node){ .kind = kind, .act = CHANAS_ACT_NONE, .src = src,
                            .src2 = src2, .res = -1, .slot = -1,
                            .block = NN_NO_BLOCK,
                            .dst = add_tensor(m, elements) };
  return node;
}

/* What a tensor of the network is now; one that no block wrote is zero. */
static int32_t
source(struct maker *m, int32_t tensor, const struct chanas_op *op)
{
  if (m->map[tensor] < 0)
    m->map[tensor] = add_node(m, NN_NODE_ZERO, -1, -1, (size_t)op->h *
                              (size_t)op->w * (size_t)op->cin)->dst;
  return m->map[tensor];
}

static int
fits(const struct nn_slot *slot, const struct chanas_op *op)
{
  int found = 0;

  for (int i = 0; i < slot->kernels; i++)
    found |= slot->kernel[i] == op->k;
  return found && slot->kind == op->kind && op->cin <= slot->cin &&
         op->cout <= slot->cout && op->squeeze <= slot->squeeze;
}

static int
find_slot(struct maker *m, uint32_t i, const struct chanas_op *op,
          struct nn_node *node)
{
  char key[256];
  long at;

  if (m->store == NULL || (op->kind != CHANAS_CONV &&
                           op->kind != CHANAS_DWCONV &&
                           op->kind != CHANAS_LINEAR &&
                           op->kind != CHANAS_SE))
    return 0;
  nn_key(m->host, m->net, m->block, i, key, sizeof key);
  at = nn_store_find(m->store, key);
  if (at < 0 || !fits(&m->store->slot[at], op))
    return NN_FAIL(m->host, "network %s: the shared parameters have no room "
                   "for %s", m->host->code(m->net), key);
  node->slot = (int32_t)at;
  return 0;
}

static void
fill_node(struct nn_node *node, const struct chanas_op *op, struct maker *m,
          uint32_t i)
{
  node->act = op->act;
  node->cin = op->cin;
  node->h = op->h;
  node->w = op->w;
  node->cout = op->cout;
  node->oh = op->oh;
  node->ow = op->ow;
  node->k = op->k;
  node->stride = op->stride;
  node->pad = op->pad;
  node->squeeze = op->squeeze;
  node->norm = op->bias && op->kind <= CHANAS_DWCONV;
  node->block = (uint32_t)m->block;
  node->op = i;
  node->stat = m->graph->stats;
  if (node->norm)
    m->graph->stats += 2 * (size_t)op->cout;
}

/* May `other` be added by the node that was made last, which gave `sum`? */
static int
absorbs(const struct maker *m, int32_t sum, int32_t other)
{
  const struct nn_node *last = &m->graph->node[m->graph->nodes - 1];

  return !m->plain && m->graph->nodes > 0 && last->dst == sum && last->norm &&
         last->act == CHANAS_ACT_NONE && last->res < 0 && other != sum;
}

/* Is tensor t of the block read by any op but number i? */
static int
read_elsewhere(const struct chanas_workload *work, int32_t t, uint32_t i)
{
  for (uint32_t j = 0; j < work->ops; j++)
    if (j != i && (work->op[j].src == t || work->op[j].src2 == t))
      return 1;
  return 0;
}

static int
make_add(struct maker *m, const struct chanas_workload *work, uint32_t i)
{
  const struct chanas_op *op = &work->op[i];
  int32_t a = m->local[op->src], b = m->local[op->src2];

  if (op->act == CHANAS_ACT_NONE && absorbs(m, a, b) &&
      !read_elsewhere(work, op->src, i)) {
    m->graph->node[m->graph->nodes - 1].res = b;
    return a;
  }
  if (op->act == CHANAS_ACT_NONE && absorbs(m, b, a) &&
      !read_elsewhere(work, op->src2, i)) {
    m->graph->node[m->graph->nodes - 1].res = a;
    return b;
  }
  return -1;
}

static int
make_op(struct maker *m, const struct chanas_workload *work, uint32_t i)
{
  const struct chanas_op *op = &work->op[i];
  struct nn_node *node;
  int32_t fused = op->kind == CHANAS_ADD ? make_add(m, work, i) : -1;

  if (fused >= 0) {
    m->local[i + 1] = fused;
    return 0;
  }
  node = add_node(m, op->kind, m->local[op->src],
                  op->src2 >= 0 ? m->local[op->src2] : -1,
                  (size_t)op->oh * (size_t)op->ow * (size_t)op->cout);
  fill_node(node, op, m, i);
  m->local[i + 1] = node->dst;
  return find_slot(m, i, op, node);
}

/* The result goes to, or on top of, the network's tensor. */
static void
finish_block(struct maker *m, const struct chanas_workload *work)
{
  int32_t to = m->host->block_target(m->net, m->block);
  int32_t result = m->local[work->ops];

  if (work->accumulate && m->map[to] >= 0) {
    if (absorbs(m, result, m->map[to]))
      m->graph->node[m->graph->nodes - 1].res = m->map[to];
    else {
      const struct chanas_op *op = &work->op[work->ops - 1];
      struct nn_node *node =
        add_node(m, CHANAS_ADD, m->map[to], result, (size_t)op->oh *
                 (size_t)op->ow * (size_t)op->cout);
      node->cin = node->cout = op->cout;
      node->h = node->oh = op->oh;
      node->w = node->ow = op->ow;
      result = node->dst;
    }
  }
  m->map[to] = result;
}

static int
make_block(struct maker *m, size_t b)
{
  const struct chanas_workload *work = m->host->block(m->net, b);

  m->block = b;
  m->local[0] = source(m, m->host->block_source(m->net, b), &work->op[0]);
  for (uint32_t i = 0; i < work->ops; i++)
    if (make_op(m, work, i) < 0)
      return -1;
  finish_block(m, work);
  return 0;
}

/* Room for all that can come. */
static int
begin(struct maker *m)
{
  size_t ops = 0, most = 0, blocks = m->host->blocks(m->net);

  for (size_t b = 0; b < blocks; b++) {
    const struct chanas_workload *work = m->host->block(m->net, b);
    int32_t src = m->host->block_source(m->net, b);
    int32_t dst = m->host->block_target(m->net, b);
    ops += work->ops + 2;
    most = work->ops > most ? work->ops : most;
    m->mapped = (size_t)src >= m->mapped ? (size_t)src + 1 : m->mapped;
    m->mapped = (size_t)dst >= m->mapped ? (size_t)dst + 1 : m->mapped;
  }
  m->graph = calloc(1, sizeof *m->graph);
  m->map = malloc((m->mapped + 1) * sizeof *m->map);
  m->local = malloc((most + 1) * sizeof *m->local);
  if (!m->graph || !m->map || !m->local)
    return -1;
  m->graph->node = malloc((ops + 1) * sizeof *m->graph->node);
  m->graph->elements = malloc((ops + 2) * sizeof *m->graph->elements);
  for (size_t i = 0; i < m->mapped; i++)
    m->map[i] = -1;
  return m->graph->node && m->graph->elements ? 0 : -1;
}

static int
make_all(struct maker *m)
{
  const struct chanas_op *first;
  size_t blocks = m->host->blocks(m->net);

  if (begin(m) < 0)
    return NN_FAIL(m->host, "out of memory");
  first = &m->host->block(m->net, 0)->op[0];
  m->map[m->host->block_source(m->net, 0)] =
    add_tensor(m, (size_t)first->h * (size_t)first->w * (size_t)first->cin);
  m->graph->resolution = first->h;
  m->graph->channels = first->cin;
  for (size_t b = 0; b < blocks; b++)
    if (make_block(m, b) < 0)
      return -1;
  m->graph->output = m->map[m->host->block_target(m->net, blocks - 1)];
  m->graph->classes = (int32_t)m->graph->elements[m->graph->output];
  m->graph->moment = calloc(m->graph->stats + 1, sizeof(float));
  return m->graph->moment ? 0 : NN_FAIL(m->host, "out of memory");
}

static struct nn_graph *
make(const struct nn_store *store, const struct chanas_host *host,
     const struct chanas_network *net, int plain)
{
  struct maker m = { .store = store, .host = host, .net = net,
                     .plain = plain };
  int status = make_all(&m);

  free(m.map);
  free(m.local);
  if (status == 0)
    return m.graph;
  nn_graph_free(m.graph);
  return NULL;
}

struct nn_graph *
nn_graph_make(const struct nn_store *store, const struct chanas_host *host,
              const struct chanas_network *net)
{
  return make(store, host, net, 0);
}

struct nn_graph *
nn_graph_plain(const struct nn_store *store, const struct chanas_host *host,
               const struct chanas_network *net)
{
  return make(store, host, net, 1);
}

void
nn_graph_free(struct nn_graph *graph)
{
  if (graph == NULL)
    return;
  free(graph->node);
  free(graph->elements);
  free(graph->moment);
  free(graph);
}

void
nn_moments_begin(struct nn_graph *graph)
{
  memset(graph->moment, 0, graph->stats * sizeof *graph->moment);
}

void
nn_moments_end(struct nn_graph *graph, size_t batches)
{
  for (size_t i = 0; i < graph->stats; i++)
    graph->moment[i] /= (float)batches;
}
