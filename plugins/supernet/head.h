/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A last layer fitted to one network alone.  The shared one is a compromise
 * between the features of all networks, and worst for those that are least
 * like the others.  Ridge regression of the labels (one-hot, less 1/classes)
 * on what the layer reads, and 1; in closed form (Hastie et al., The
 * Elements of Statistical Learning, 2nd ed., eq. 3.44 and section 4.2), so
 * there is no step size and no number of epochs.  Images are cut into folds,
 * and each fold is answered by a layer that was fitted to the others (there,
 * section 7.10), so the images that a network is scored by are enough.
 */
#ifndef PLUGINS_SUPERNET_HEAD_H
#define PLUGINS_SUPERNET_HEAD_H
#include <chanas/plugin.h>
#include "nn.h"

struct head {
  const struct chanas_host *host;
  int32_t tensor;       /* of the graph: what the layer reads */
  int classes, folds;
  size_t width;         /* features and 1 */
  size_t images, room;
  float *row;           /* images x width */
  int32_t *label;       /* images */
};

/* No images yet.  -1, logged: the network does not end in a linear layer. */
int head_open(struct head *, const struct chanas_host *,
              const struct nn_graph *, int folds);
/* n images more; features: n x (width - 1), the tensor named above.  -1,
 * logged. */
int head_take(struct head *, size_t n, const float *features,
              const int32_t *label);
/* How many of the images are answered rightly.  -1, logged. */
int head_right(const struct head *, size_t *right);
void head_close(struct head *);
#endif
